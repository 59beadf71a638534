# SPDX-License-Identifier: BSD-3-Clause
"""A stream of marked datagrams between two containers, and what became of it (traffic.py)."""

import json
import os
import signal

from .proc import wait_for

TRAFFIC = os.path.join(os.path.dirname(os.path.abspath(__file__)), "traffic.py")
PYTHON = "/usr/bin/python3"


class Receiver:
    """Listens in a container for datagrams marked mark and counts all others as foreign."""

    def __init__(self, container, mark, port=9000):
        lab = container.host.lab
        self.report_path = os.path.join(lab.dir, "%s-%d.json" % (container.ns.name, port))
        for path in (self.report_path, self.report_path + ".ready"):
            if os.path.exists(path):
                os.unlink(path)
        self.process = lab.spawn([PYTHON, TRAFFIC, "receive", mark, port, 0, self.report_path],
                                 self.report_path + ".log", netns=container.ns.name)
        lab.ready("the receiver in " + container.name, self.process,
                  lambda: os.path.exists(self.report_path + ".ready"))

    def stop(self):
        """Ends it and returns its counts."""
        self.process.kill(signal.SIGTERM)
        wait_for("the receiver's report", lambda: os.path.exists(self.report_path))
        with open(self.report_path) as f:
            return json.load(f)


class Sender:
    def __init__(self, container, mark, dst, pps=1000, seconds=3, size=64, port=9000):
        lab = container.host.lab
        self.log = os.path.join(lab.dir, "%s-send-%d.log" % (container.ns.name, id(self)))
        self.seconds = seconds
        self.process = lab.spawn(
            [PYTHON, TRAFFIC, "send", mark, dst, port, pps, seconds, size], self.log,
            netns=container.ns.name)

    def finish(self):
        self.process.wait(self.seconds + 20)
        return json.loads(self.process.log().strip().splitlines()[-1])["sent"]

    def running(self):
        return self.process.alive()


class Flow:
    """Sender and receiver as one: start, do something to the system, finish() -> counts."""

    def __init__(self, src, dst, mark, pps=1000, seconds=3, size=64, family=4, port=9000):
        self.receiver = Receiver(dst, mark, port)
        self.sender = Sender(src, mark, dst.ip(family), pps, seconds, size, port)

    def finish(self):
        sent = self.sender.finish()
        counts = self.receiver.stop()
        counts["sent"] = sent
        counts["lost_of_sent"] = sent - counts["received"]
        return counts
