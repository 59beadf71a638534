# SPDX-License-Identifier: BSD-3-Clause
"""Conversations between containers that a test looks at while they go on (stream.py)."""

import json
import os
import time
from subprocess import TimeoutExpired

from .overflow import overflows
from .proc import wait_for

STREAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stream.py")
PYTHON = "/usr/bin/python3"
RATE = 20 << 20  # bytes/s: what a busy machine carries without loss
KNOWN_S = 1.0  # what seems lost may still be on its way, or known to have come twice


class Server:
    """Answers talks on that port, TCP and UDP."""

    def __init__(self, machine, port=8000):
        lab = machine.host.lab
        self.machine, self.port = machine, port
        log = os.path.join(lab.dir, "%s-%d.serve" % (machine.ns.name, time.monotonic_ns()))
        self.process = lab.spawn([PYTHON, STREAM, "serve", port], log, netns=machine.ns.name)
        lab.ready("the server in " + machine.name, self.process, lambda: "ready" in self.process.log())

    def close(self):
        self.process.kill()


class Talk:
    """mode: echo, udp, up, down or knock (stream.py)."""

    def __init__(self, machine, server, mode, family=4, rate=RATE, wait=True):
        lab = machine.host.lab
        self.machine, self.server, self.mode, self.family = machine, server, mode, family
        self.lost_before = None
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
        """Its session on each host on its way; fewer when it has none there. One that was picked up
        in its middle may have been by an answer."""
        hosts = {h.name: h for h in (self.machine.host, self.server.machine.host)}.values()
        port = self.report()["port"]
        return [s for h in hosts for s in h.sessions(
            "sport=%d" % port, "dport=%d" % self.server.port, "src=" + self.machine.ip(self.family),
            "either=true")]

    def carried(self):
        """By the kernel on both hosts."""
        found = self.sessions()
        return bool(found) and all(s["offloaded"] for s in found)

    def wait_progress(self, timeout=10):
        """Progress after now; returns when."""
        now = time.monotonic()
        return wait_for("%s to go on: %s" % (self.name, self.report()),
                        lambda: self.last() > now and self.last(), timeout)

    def tcp_info(self):
        """What the kernel knows of it on both ends."""
        port = self.report()["port"]
        return [m.ns.run("ss", "-tinmH", "sport = :%d or dport = :%d" % (port, port), check=False)
                for m in (self.machine, self.server.machine)]

    def close(self):
        """Ends it; returns its last report."""
        self.process.kill()
        return self.report()


def hosts_of(talks):
    return list({h.name: h for t in talks for h in (t.machine.host, t.server.machine.host)}.values())


def not_carried(talks):
    """By all hosts on their way; each host is asked once."""
    held = {}
    for h in hosts_of(talks):
        for port in {t.server.port for t in talks}:
            for s in h.sessions("dport=%d" % port, "either=true"):
                for way in (s["forward"], s["reply"]):
                    held.setdefault((way["src"], way["sport"], way["dport"]), []).append(s["offloaded"])
    found = [(t, held.get((t.machine.ip(t.family), t.report()["port"], t.server.port))) for t in talks]
    return [t.name for t, on_hosts in found if not on_hosts or not all(on_hosts)]


def begin_to_count(talks):
    lab = talks[0].machine.host.lab
    lab.reference()
    lab.overflows_before = overflows(lab)
    for t in talks:
        t.lost_before = t.lost_before or 0


def wait_carried(talks, timeout=15):
    """All of them, at the same time."""
    for t in talks:
        wait_for("the kernel to carry %s" % t.name, t.carried, timeout)
    wait_for("the kernel to carry all talks", lambda: not not_carried(talks), timeout)
    if any(t.lost_before is None for t in talks):
        begin_to_count(talks)


def check_lost(talks, may_lose=0):
    """Since the last time, or since they were carried first: each no more datagrams or segments than
    that, but for what queues have lost."""
    lab = talks[0].machine.host.lab
    excused, lab.overflows_before = lab.overflows_before, overflows(lab)
    excused = lab.overflows_before - excused
    patience = time.monotonic() + KNOWN_S
    while True:
        lost = {t.name: t.report()["lost"] - (t.lost_before or 0) for t in talks}
        if max(lost.values()) <= may_lose + excused:
            break
        assert time.monotonic() < patience, (lost, may_lose, excused, [t.report() for t in talks])
        time.sleep(0.05)
    for t in talks:
        t.lost_before = (t.lost_before or 0) + lost[t.name]


def answer(host, args):
    """Its weftd, or data plane, may be away."""
    try:
        return host.weft(*args, check=False, timeout=10)
    except TimeoutExpired as e:
        return str(e)


def describe(talks):
    """All that may tell why they stand still."""
    out = []
    for t in talks:
        out += ["%s: %s" % (t.name, t.report()), *t.tcp_info()]
    for h in hosts_of(talks):
        port = talks[0].server.port
        for args in (("session", "list", "dport=%d" % port), ("stats", "fastpath"), ("drops",)):
            out.append("%s: weft %s\n%s" % (h.name, " ".join(args), answer(h, args)))
    return "\n".join(out)
