# SPDX-License-Identifier: BSD-3-Clause
"""Security groups: what is allowed arrives, what is forbidden does not, in every cell of the matrix.

    w1 w3 w1v on h1, w2 w2v on h2; group "server": TCP 8000, UDP 9000 and echo from group "client"
    outside: in no group that the server lets in

A witness below IP in each container counts everything that came; guests answer for themselves.
"""

import json
import os
import signal
import time

import pytest

from lab.carried import expect_carried
from lab.cloud import ALL_OUT, Cloud, allow
from lab.proc import wait_for

PROBE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib", "lab", "probe.py")
PYTHON = "/usr/bin/python3"
GROUPS = {
    "server": [allow("ingress", "tcp", 8000, remote_group="client"),
               allow("ingress", "udp", 9000, remote_group="client"),
               allow("ingress", "icmp", remote_group="client", icmp_type=8),
               allow("ingress", "icmpv6", remote_group="client", icmp_type=128)],
    "client": ALL_OUT,
    "outside": ALL_OUT,
}
SERVERS = ("w1", "w1v")


def group_of(tenant, name):
    if name in SERVERS:
        return ["server"]
    return ["outside"] if name in ("w4", "d1") else ["client"]


@pytest.fixture(scope="module", params=[4, 6], ids=["underlay4", "underlay6"])
def cloud(request, module_lab):
    machines = ["w1", "w2", "w3", "w4", "d1", "d2"]
    if request.param == 4:
        machines += ["w1v", "w2v"]
    return Cloud(module_lab(family=request.param), machines, groups=GROUPS, group_of=group_of)


class Witness:
    """What reached a container, forbidden TCP ports included."""

    def __init__(self, machine, *tcp_ports):
        lab = machine.host.lab
        self.path = os.path.join(lab.dir, "%s-witness-%d" % (machine.ns.name, time.monotonic_ns()))
        self.process = lab.spawn([PYTHON, PROBE, "witness", self.path, *tcp_ports],
                                 self.path + ".log", netns=machine.ns.name)
        lab.ready("the witness", self.process, lambda: "ready" in self.process.log())

    def stop(self):
        self.process.kill(signal.SIGTERM)
        wait_for("the witness's report", lambda: os.path.exists(self.path))
        with open(self.path) as f:
            return json.load(f)


class Server:
    def __init__(self, machine, port):
        lab = machine.host.lab
        log = os.path.join(lab.dir, "%s-serve-%d-%d" % (machine.ns.name, port, time.monotonic_ns()))
        self.process = lab.spawn([PYTHON, PROBE, "serve", port], log, netns=machine.ns.name)
        lab.ready("the server", self.process, lambda: "ready" in self.process.log())

    def stop(self):
        self.process.kill()


def send(machine, mark, proto, dst, port, size=64):
    """True: sent (UDP) or answered (TCP, ICMP)."""
    r = machine.ns.run("sh", "-c", "%s %s send %s %s %s %d %d; echo code=$?" % (
        PYTHON, PROBE, mark, proto, dst, port, size), check=False, timeout=20)
    return "code=0" in r


CELLS = [("w3", "w1"), ("w2", "w1"), ("d2", "w1")]  # same host, other host, other segment


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("client,server", CELLS, ids=["same-host", "other-host", "routed"])
def test_matrix_of_containers(cloud, family, client, server):
    src, dst = cloud[client], cloud[server].ip(family)
    cloud[client].run("sh", "-c", "echo 0 2147483647 > /proc/sys/net/ipv4/ping_group_range")
    listeners = [Server(cloud[server], 8000), Server(cloud[server], 8001)]
    witness = Witness(cloud[server], 8001)
    try:
        assert send(src, "tcp-ok", "tcp", dst, 8000)
        assert not send(src, "tcp-bad", "tcp", dst, 8001)
        for size in (64, 4000):  # the large one goes in fragments
            assert send(src, "udp-ok-%d" % size, "udp", dst, 9000, size)
            send(src, "udp-bad-%d" % size, "udp", dst, 9001, size)
            assert send(src, "icmp-ok-%d" % size, "icmp", dst, 1, size)
    finally:
        for s in listeners:
            s.stop()
    seen = witness.stop()
    assert not seen["syns"], seen
    assert not [m for m in seen["marks"] if "bad" in m], seen
    for mark in ("tcp-ok", "udp-ok-64", "udp-ok-4000", "icmp-ok-64", "icmp-ok-4000"):
        assert mark in seen["marks"], (mark, seen)


def test_kernel_carries_what_it_can(cloud):
    expect_carried(cloud, CELLS, modes=("echo",))


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("outsider", ["w4", "d1"])
def test_who_is_in_no_group_reaches_nothing(cloud, family, outsider):
    src, dst = cloud[outsider], cloud["w1"].ip(family)
    src.run("sh", "-c", "echo 0 2147483647 > /proc/sys/net/ipv4/ping_group_range")
    listener, witness = Server(cloud["w1"], 8000), Witness(cloud["w1"], 8000)
    try:
        assert not send(src, "bad-tcp", "tcp", dst, 8000)
        assert not send(src, "bad-icmp", "icmp", dst, 1)
        for size in (64, 4000):
            send(src, "bad-udp", "udp", dst, 9000, size)
    finally:
        listener.stop()
    seen = witness.stop()
    assert seen == {"marks": {}, "syns": {}}


@pytest.mark.parametrize("family", [4, 6])
def test_server_may_answer_but_not_begin(cloud, family):
    """Group "server" has no egress rule: it answers its clients and begins nothing."""
    src, dst = cloud["w1"], cloud["w2"].ip(family)
    src.run("sh", "-c", "echo 0 2147483647 > /proc/sys/net/ipv4/ping_group_range")
    listener, witness = Server(cloud["w2"], 8000), Witness(cloud["w2"], 8000)
    try:
        assert not send(src, "bad-tcp", "tcp", dst, 8000)
        assert not send(src, "bad-icmp", "icmp", dst, 1)
        send(src, "bad-udp", "udp", dst, 9000)
    finally:
        listener.stop()
    assert witness.stop() == {"marks": {}, "syns": {}}
    assert cloud["w2"].ping(cloud["w1"].ip(family), timeout=3.0)


@pytest.mark.parametrize("family", [4, 6])
def test_matrix_of_guests(cloud, family):
    """Guest to guest, guest to container and back: TCP on the allowed port only."""
    if ("red", "w1v") not in cloud.machines:
        pytest.skip("guests are in the IPv4 underlay's run")
    server, client = cloud["w1v"], cloud["w2v"]
    dst = server.ip(family)
    for port in (8000, 8001):
        server.run("iperf3 -s -D -p %d" % port, check=False)
    for port, allowed in ((8000, True), (8001, False)):
        out = client.run("iperf3 -c %s -p %d -n 20K --connect-timeout 2000" % (dst, port),
                         check=False, timeout=40)
        assert ("receiver" in out) == allowed, (port, out)
    cloud["w3"].run("iperf3", "-c", dst, "-p", 8000, "-n", "20K", timeout=30)
    for outsider, port in (("w3", 8001), ("w4", 8000)):
        assert not send(cloud[outsider], "bad", "tcp", dst, port)
    assert client.ping(dst, timeout=3.0)
    assert client.ping(cloud["w1"].ip(family), timeout=3.0)
    assert not server.ping(client.ip(family), timeout=1.0)


def test_ledger_is_exact(cloud):
    cloud.check_ledger()


class Stream:
    """Marked datagrams on an allowed and a forbidden port, all the time."""

    def __init__(self, cloud, client, server, family=4):
        dst = cloud[server].ip(family)
        self.witness = Witness(cloud[server])
        code = ("import socket,time,sys\n"
                "sys.path.insert(0, %r)\n"
                "from probe import mark_bytes\n"
                "s = socket.socket(socket.AF_INET6 if ':' in %r else socket.AF_INET, socket.SOCK_DGRAM)\n"
                "while True:\n"
                "    for mark, port in (('ok', 9000), ('bad', 9001)):\n"
                "        try: s.sendto(mark_bytes(mark, 64), (%r, port))\n"
                "        except OSError: pass\n"
                "    time.sleep(0.001)\n") % (os.path.dirname(PROBE), dst, dst)
        machine = cloud[client]
        log = os.path.join(cloud.lab.dir, "%s-stream-%d" % (machine.ns.name, time.monotonic_ns()))
        self.process = cloud.lab.spawn([PYTHON, "-c", code], log, netns=machine.ns.name)

    def stop(self):
        self.process.kill()
        return self.witness.stop()["marks"]


def wait_ping(machine, address):
    wait_for("%s to reach %s" % (machine.name, address), lambda: machine.ping(address, timeout=0.5), 20)


@pytest.fixture
def small(make_lab):
    return Cloud(make_lab(), ["w1", "w2", "w3"], groups=GROUPS, group_of=group_of)


def test_nothing_forbidden_during_restarts(small):
    """Either process killed and started again under traffic, on both sides: 0 forbidden."""
    streams = [Stream(small, "w2", "w1"), Stream(small, "w3", "w1")]
    for host in small.hosts:
        host.kill_weftd()
        host.start_weftd()
        host.wait_in_sync()
        host.kill_dataplane()
        host.start_dataplane()
        host.wait_in_sync()
        host.wait_ports_up()
    for name in ("w2", "w3"):
        wait_ping(small[name], small["w1"].ip())
    for s in streams:
        marks = s.stop()
        assert marks.get("ok", 0) > 0 and "bad" not in marks, marks


def test_revoked_at_once(small):
    """A rule that goes takes established traffic with it; one that comes lets it through again."""
    stream = Stream(small, "w2", "w1")
    wait_ping(small["w2"], small["w1"].ip())
    server = small.group("red", "server")
    rules = server["rules"]
    server["rules"] = [r for r in rules if r.get("protocol") != "udp"]
    small.apply()
    witness = Witness(small["w1"])
    time.sleep(0.5)
    seen = witness.stop()
    assert not seen["marks"], seen
    server["rules"] = rules
    small.apply()
    witness = Witness(small["w1"])
    time.sleep(0.5)
    assert witness.stop()["marks"].get("ok", 0) > 0
    assert "bad" not in stream.stop()


def test_rules_with_log_are_told(small):
    """weft events names the rule that let a session begin, and the one that denied it."""
    server, host = small.group("red", "server"), small["w1"].host
    server["rules"] = [dict(r, log=True, description="clients") if r.get("protocol") == "udp" else r
                       for r in server["rules"]]
    small.doc["policies"] = [{"name": "closed", "tier": "override", "priority": 1, "rules": [
        {"direction": "ingress", "action": "deny", "protocol": "udp", "ports": "9001", "log": True}]}]
    small.apply()
    log = host.path("events.log")
    events = small.lab.spawn([small.lab.binary("tools/weft/weft"), "--socket", host.rpc_path, "events",
                              "policy"], log)
    dst, src = small["w1"].ip(), small["w2"].ip()

    def told():
        send(small["w2"], "ok", "udp", dst, 9000)
        send(small["w2"], "bad", "udp", dst, 9001)
        return "allow" in events.log() and "deny" in events.log()
    small.lab.ready("the events", events, told)
    events.kill()
    lines = [line.split(" ", 1)[1] for line in events.log().splitlines()]
    allowed = next(line for line in lines if "allow" in line)
    assert allowed.startswith("policy allow ingress red/w1: udp %s:" % src) and allowed.endswith(
        " to %s:9000, security-group red/server rule 2 (clients)" % dst), lines
    denied = next(line for line in lines if "deny" in line)
    assert denied.startswith("policy deny ingress red/w1: udp %s:" % src), lines
    assert " to %s:9001, policy closed rule 1" % dst in denied, lines
