# SPDX-License-Identifier: BSD-3-Clause
"""Conversations between containers that a test looks at while they go on (stream.py)."""

import json
import os
import time

from .proc import wait_for

STREAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stream.py")
PYTHON = "/usr/bin/python3"
RATE = 20 << 20  # bytes/s: what a busy machine carries without loss


class Server:
    """Answers talks on that port, TCP and UDP."""

    def __init__(self, machine, port=8000):
        lab = machine.host.lab
        self.machine, self.port = machine, port
        log = os.path.join(lab.dir, "%s-%d.serve" % (machine.ns.name, port))
        self.process = lab.spawn([PYTHON, STREAM, "serve", port], log, netns=machine.ns.name)
        lab.ready("the server in " + machine.name, self.process, lambda: "ready" in self.process.log())

    def close(self):
        self.process.kill()


class Talk:
    """mode: echo, udp, up, down or knock (stream.py)."""

    def __init__(self, machine, server, mode, family=4, rate=RATE, wait=True):
        lab = machine.host.lab
        self.machine, self.server, self.mode, self.family = machine, server, mode, family
        self.name = "%s %s %s IPv%d" % (machine.name, mode, server.machine.name, family)
        self.path = os.path.join(lab.dir, "%s-%d.talk" % (machine.ns.name, time.monotonic_ns()))
        self.process = lab.spawn(
            [PYTHON, STREAM, mode, server.machine.ip(family), server.port, self.path, rate],
            self.path + ".log", netns=machine.ns.name)
        if wait:
            self.wait_progress()

    def report(self):
        if not os.path.exists(self.path):
            return None
        with open(self.path) as f:
            return json.load(f)

    def last(self):
        """When it last made progress; 0 when never."""
        r = self.report()
        return r["last"] or 0 if r else 0

    def sessions(self):
        """Its session on each host on its way; fewer when it has none there."""
        hosts = {h.name: h for h in (self.machine.host, self.server.machine.host)}.values()
        port = self.report()["port"]
        return [s for h in hosts for s in h.sessions(
            "sport=%d" % port, "dport=%d" % self.server.port, "src=" + self.machine.ip(self.family))]

    def carried(self):
        """By the kernel on both hosts."""
        found = self.sessions()
        return bool(found) and all(s["offloaded"] for s in found)

    def wait_progress(self, timeout=10):
        """Progress after now; returns when."""
        now = time.monotonic()
        return wait_for("%s to go on: %s" % (self.name, self.report()),
                        lambda: self.last() > now and self.last(), timeout)

    def close(self):
        """Ends it; returns its last report."""
        self.process.kill()
        return self.report()


def wait_carried(talks, timeout=15):
    for t in talks:
        wait_for("the kernel to carry %s" % t.name, t.carried, timeout)
