# SPDX-License-Identifier: BSD-3-Clause
"""The generator beside a program: a process whose output goes to files, which nobody has to read meanwhile."""

import json
import os
import re
import subprocess

from lab.proc import die_with_parent

INTERVAL_S = 0.25
PROGRESS = re.compile(r"^ *([\d.]+) s  (?:sent|received) ")
LINES_MAX = 10  # of what it says in the end


def traffic_s(lines, prime_s):
    """How long the trial that is measured has lasted, by lines of progress: time begins anew with each trial, but one
    that makes sessions may end before its first line."""
    times = [float(m.group(1)) for m in map(PROGRESS.match, lines) if m]
    again = any(b < a for a, b in zip(times, times[1:]))
    if not times:
        return 0
    return times[-1] if again or prime_s == 0 else max(0, times[-1] - prime_s)


class Generator:
    def __init__(self, tools, dut, seconds):
        self.out_path, self.err_path = (os.path.join(dut.dir, "generator." + n) for n in ("json", "log"))
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = subprocess.Popen(dut.generator(tools, seconds, INTERVAL_S), stdout=out, stderr=err,
                                            start_new_session=True, preexec_fn=die_with_parent)

    @property
    def pid(self):
        return self.process.pid

    def lines(self):
        with open(self.err_path, encoding="utf-8", errors="replace") as f:
            return f.read().splitlines()

    def traffic_s(self, prime_s):
        if self.process.poll() is not None:
            self.result(0)
            raise RuntimeError("the generator ended early")
        return traffic_s(self.lines(), prime_s)

    def result(self, timeout):
        """What it tells when its time is over."""
        code = self.process.wait(timeout)
        if code != 0:
            said = [line for line in self.lines() if not PROGRESS.match(line)]
            raise RuntimeError("the generator ended with %d: %s" % (code, "\n".join(said[-LINES_MAX:])))
        with open(self.out_path, encoding="utf-8") as f:
            return json.load(f)

    def kill(self):
        self.process.kill()
        self.process.wait()
