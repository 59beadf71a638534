# SPDX-License-Identifier: BSD-3-Clause
"""A conversation that Weft has nothing to do with, by a plain veth between two namespaces: when that
one stands still it is the machine that does."""

import time

from .net import Netns, veth
from .talk import Server, Talk

STEP_S = 0.1


class Machine:
    """As much of one as a talk needs."""

    def __init__(self, lab, name, address):
        self.lab, self.name, self.host, self.address = lab, name, self, address
        self.ns = Netns(lab.unique(name))

    def ip(self, family=4):
        return self.address

    def close(self):
        self.ns.delete()


class Reference:
    def __init__(self, lab):
        ends = [Machine(lab, "ref%d" % i, "192.0.2.%d" % i) for i in (1, 2)]
        lab.machines += ends
        veth(ends[0].ns, "eth0", ends[1].ns, "eth0")
        for m in ends:
            m.ns.run("ip", "address", "add", m.address + "/24", "dev", "eth0")
        self.talk = Talk(ends[0], Server(ends[1]), "echo")

    def stall(self):
        """Its longest pause so far."""
        return self.talk.report()["max_gap"]


class Patience:
    """Time that passes only while the reference makes progress, and whoever asks is not late."""

    def __init__(self, reference, seconds):
        self.talk, self.left = reference.talk, seconds
        self.at, self.last = time.monotonic(), self.talk.last()

    def is_over(self):
        now, last = time.monotonic(), self.talk.last()
        if last > self.last:
            self.left -= min(now - self.at, STEP_S)
        self.at, self.last = now, last
        return self.left <= 0
