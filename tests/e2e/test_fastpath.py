# SPDX-License-Identifier: BSD-3-Clause
"""Established sessions of kernel ports are the kernel's: they go on while every data plane stands
still; the counters stay exact over both paths.

    w1 w3 d1 on h1 -- underlay -- w2 d2 on h2; group "server" (w1) lets port 8000 and echo in
"""

import contextlib
import time

import pytest

from lab.cloud import ALL_OUT, PING_IN, Cloud, allow
from lab.iperf import tcp, udp
from lab.overflow import overflows
from lab.proc import wait_for
from lab.reference import Patience
from lab.talk import Server, Talk, check_lost, describe, wait_carried

GROUPS = {"server": PING_IN + [allow("ingress", "tcp", 8000), allow("ingress", "udp", 8000),
                               allow("ingress", "tcp", 5201), allow("ingress", "udp", 5201)],
          "client": ALL_OUT}
CLIENTS = {"same-host": "w3", "other-host": "w2", "routed": "d2", "routed-same-host": "d1"}
PATIENCE_S = 5.0
WAYS = [("af_xdp", 4), ("af_xdp", 6), ("veth", 4), ("veth", 6)]


def make(lab, machines=("w1", "w2", "w3", "d1", "d2")):
    return Cloud(lab, list(machines), groups=GROUPS,
                 group_of=lambda t, n: ["server" if n in ("w1", "w1v") else "client"])


@pytest.fixture(scope="module", params=WAYS, ids=lambda p: "%s-underlay%d" % p)
def cloud(request, module_lab):
    uplink, family = request.param
    return make(module_lab(uplink=uplink, family=family))


@pytest.fixture(scope="module")
def server(cloud):
    return Server(cloud["w1"])


def freeze(hosts):
    stack = contextlib.ExitStack()
    for h in hosts:
        stack.enter_context(h.frozen())
    return stack


def expect_to_go_on(talks, seconds=0.6, may_lose=0):
    """Each makes progress when that time is over, as soon as the machine lets it (what stops in the
    kernel does not come back by itself), and has lost no more than check_lost says."""
    reference = talks[0].machine.host.lab.reference()
    end, patience = time.monotonic() + seconds, Patience(reference, seconds + PATIENCE_S)
    while stopped := [t for t in talks if t.last() < end]:
        assert not patience.is_over(), "stopped before %.3f:\n%s" % (end, describe(stopped))
        time.sleep(0.02)
    assert not [(t.name, t.report()) for t in talks if t.report()["error"]]
    check_lost(talks, may_lose)


@pytest.mark.parametrize("family", [4, 6])
def test_goes_on_without_the_dataplane(cloud, server, family):
    """TCP and UDP, to a machine of the same host, of another, and through the router."""
    before = [h.hits() for h in cloud.hosts]
    talks = [Talk(cloud[c], server, mode, family) for c in CLIENTS.values() for mode in ("echo", "udp")]
    wait_carried(talks)
    with freeze(cloud.hosts):
        expect_to_go_on(talks)
    expect_to_go_on(talks)
    for t in talks:
        t.close()
    # Of what went there and back on h1 alone, nearly all.
    n = sum(t.report()["n"] for t in talks)
    assert cloud.hosts[0].hits() - before[0] > n
    assert cloud.hosts[1].hits() - before[1] > n / 2


@pytest.mark.parametrize("family", [4, 6])
def test_echo_is_carried(cloud, family):
    dst = cloud["w1"].ip(family)
    log = cloud.lab.dir + "/ping-%d" % family
    ping = cloud.lab.spawn(["ping", "-n", "-i", "0.02", dst], log, netns=cloud["w2"].ns.name)
    wait_for("answers", lambda: ping.log().count("time=") > 5)
    proto = "proto=icmp" if family == 4 else "proto=icmpv6"
    wait_for("the kernel to carry it", lambda: all(
        any(s["offloaded"] for s in h.sessions(proto)) for h in cloud.hosts))
    with freeze(cloud.hosts):
        n = ping.log().count("time=")
        wait_for("answers without the data plane", lambda: ping.log().count("time=") > n + 10, 2)
    ping.kill()


@pytest.mark.parametrize("family", [4, 6])
def test_bulk_tcp(cloud, family):
    """Whole GSO frames; next to nothing of it comes to the data plane."""
    for client, reverse in (("w3", False), ("w2", False), ("w2", True), ("d2", False)):
        hits, packets = cloud.hosts[0].hits(), cloud.hosts[0].misses()
        gbits, _ = tcp(cloud[client], cloud["w1"], seconds=1, family=family, reverse=reverse)
        hits, misses = cloud.hosts[0].hits() - hits, cloud.hosts[0].misses() - packets
        assert gbits > 0.05, (client, gbits)
        assert hits > 500 and misses < hits / 10, (client, reverse, hits, misses)


@pytest.mark.parametrize("family", [4, 6])
def test_bulk_udp(cloud, family):
    """All arrives but what queues of the machine have no room for."""
    before = overflows(cloud.lab)
    lost, n = udp(cloud["w2"], cloud["w1"], seconds=1, family=family, mbits=100)
    excused = overflows(cloud.lab) - before
    assert n > 1000 and lost <= excused, (lost, n, excused)


def test_ledger_is_exact(cloud):
    wait_for("the ledger", lambda: cloud.ledger_errors() == [], 3)
    assert not cloud.ledger_errors()


@pytest.mark.parametrize("uplink", ["af_xdp", "veth"])
def test_jumbo(make_lab, uplink):
    """MTU 9000 underneath: large frames, and TCP that makes them, in both families."""
    cloud = make(make_lab(uplink=uplink, mtu=9000), ("w1", "w2", "d2"))
    server = Server(cloud["w1"])
    for family in (4, 6):
        payload = cloud.mtu - (28 if family == 4 else 48)
        assert cloud["w2"].ping(cloud["w1"].ip(family), size=payload, df=True, count=5)
        talks = [Talk(cloud[c], server, mode, family) for c in ("w2", "d2") for mode in ("up", "down")]
        wait_carried(talks)
        with freeze(cloud.hosts):
            expect_to_go_on(talks)
        for t in talks:
            t.close()
        gbits, _ = tcp(cloud["w2"], cloud["w1"], seconds=1, family=family)
        assert gbits > 0.05


def expect_half_way(cloud, guest, family):
    """The container's host carries what the guest says to it, also while its data plane stands still;
    the guest's host has it all in its data plane."""
    proto = "proto=icmp" if family == 4 else "proto=icmpv6"
    host, before = cloud.hosts[0], cloud.hosts[1].hits()
    guest.start("ping -i 0.1 -c 60 %s" % cloud["w1"].ip(family))
    start = host.hits()
    wait_for("the kernel to carry it", lambda: host.hits() >= start + 8)
    assert any(s["offloaded"] for s in host.sessions(proto))
    with freeze([host]):
        hits = host.hits()
        wait_for("hits without the data plane", lambda: host.hits() >= hits + 8, 5)
    assert not any(s["offloaded"] for s in cloud.hosts[1].sessions(proto))
    assert cloud.hosts[1].hits() == before
    assert "60 packets received" in guest.finish(timeout=40)


@pytest.mark.parametrize("uplink", ["af_xdp", "veth"])
def test_guest_at_one_end(make_lab, uplink):
    """A guest's host has all in the data plane, a container's the kernel what it can."""
    cloud = make(make_lab(uplink=uplink), ("w1", "w2v", "w3"))
    server, guest = Server(cloud["w1"]), cloud["w2v"]
    before = cloud.hosts[0].hits()
    for family in (4, 6):
        assert guest.ping(cloud["w1"].ip(family), count=10, timeout=3, interval=0.05)
        out = guest.run("iperf3 -c %s -p 5201 -n 1 --connect-timeout 500" % cloud["w1"].ip(family),
                        check=False, timeout=30)
        assert "unable to connect" in out or "refused" in out, out  # nobody listens: it is answered
    process = cloud.lab.spawn(["iperf3", "-s"], cloud.lab.dir + "/iperf", netns=cloud["w1"].ns.name)
    wait_for("iperf3", lambda: ":5201 " in cloud["w1"].run("ss", "-ltnH"))
    for reverse in ("", " -R"):
        out = guest.run("iperf3 -c %s -t 1%s" % (cloud["w1"].ip(), reverse), timeout=30)
        assert "receiver" in out, out
    process.kill()
    assert cloud.hosts[0].hits() - before > 100
    for family in (4, 6):
        expect_half_way(cloud, guest, family)
    talk = Talk(cloud["w3"], server, "echo")
    wait_carried([talk])
    with freeze(cloud.hosts[:1]):
        expect_to_go_on([talk])
    talk.close()
    cloud.check_ledger()


def test_dpdk_uplink_local_sessions(make_lab):
    """What goes by a DPDK uplink is the data plane's; what stays on the host is the kernel's."""
    cloud = make(make_lab(uplink="dpdk"), ("w1", "w2", "w3"))
    server = Server(cloud["w1"])
    local, remote = Talk(cloud["w3"], server, "echo"), Talk(cloud["w2"], server, "echo")
    wait_carried([local])
    assert not [s for s in remote.sessions() if s["offloaded"]]
    with freeze(cloud.hosts[:1]):
        expect_to_go_on([local])
    remote.wait_progress()


def test_fast_path_off(make_lab):
    """The same traffic with --fast-path off: all of it is the data plane's."""
    cloud = make(make_lab(fast_path=False), ("w1", "w2", "w3"))
    server = Server(cloud["w1"])
    talks = [Talk(cloud[c], server, mode) for c in ("w2", "w3") for mode in ("echo", "udp")]
    assert not any(s["offloaded"] for t in talks for s in t.sessions())
    with freeze(cloud.hosts):
        before = [t.last() for t in talks]
        wait_for("all to stop", lambda: same_after(0.3, lambda: [t.last() for t in talks]))
        assert [t.last() for t in talks] >= before
    for t in talks:
        t.wait_progress()


def same_after(seconds, fn):
    before = fn()
    time.sleep(seconds)
    return fn() == before
