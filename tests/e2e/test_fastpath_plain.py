# SPDX-License-Identifier: BSD-3-Clause
"""Segments without router, policy and metadata: kernel ports talk there as by a bridge, and the
kernel carries what it can: while every data plane stands still, after machines have moved, with
MACs that are learned, and those with policy too.

    c1 c3 on h1 -- underlay -- c2 on h2, or k1 behind a kernel's bridge and vxlan device
"""

import contextlib
import time

import pytest

from lab.kernel import KernelHost
from lab.proc import wait_for
from lab.talk import Server, Talk, wait_carried
from lab.topology import Document, Scene, addresses, device, mac

WAYS = [("af_xdp", 4), ("veth", 6)]
LEARNED = {"c1": "52:54:00:00:77:01", "c2": "52:54:00:00:77:02", "c3": "52:54:00:00:77:03"}


def freeze(hosts):
    stack = contextlib.ExitStack()
    for h in hosts:
        stack.enter_context(h.frozen())
    return stack


def expect_alone(hosts, talks):
    """They go on while nobody decides anything."""
    with freeze(hosts):
        last = [t.last() for t in talks]
        for t, before in zip(talks, last):
            wait_for("%s without the data plane: %s" % (t.name, t.report()),
                     lambda: t.last() > before + 0.3, 5)


def expect_ledger(hosts):
    def wrong():
        return [(h.name, n, s) for h in hosts for n, s in h.stats().items()
                if s["rx_packets"] + s["added"] != s["sent"] + sum(s["dropped"].values())]
    wait_for("the ledger", lambda: not wrong(), 5)


@pytest.fixture(scope="module", params=WAYS, ids=lambda p: "%s-underlay%d" % p)
def scene(request, module_lab):
    uplink, family = request.param
    return Scene(module_lab(uplink=uplink, family=family), containers=("c1", "c2", "c3"))


@pytest.mark.parametrize("family", [4, 6])
def test_goes_on_without_the_dataplane(scene, family):
    server = Server(scene["c1"])
    talks = [Talk(scene[c], server, mode, family) for c in ("c2", "c3")
             for mode in ("echo", "udp", "up")]
    wait_carried(talks)
    expect_alone(scene.hosts, talks)
    for t in talks:
        r = t.close()
        assert r["error"] is None and (t.mode != "echo" or r["lost"] == 0), (t.name, r)
    server.close()
    expect_ledger(scene.hosts)


@pytest.mark.parametrize("family", [4, 6])
def test_echo_is_carried(scene, family):
    log = scene.lab.dir + "/ping-%d" % family
    ping = scene.lab.spawn(["ping", "-n", "-i", "0.02", scene["c1"].ip(family)], log,
                           netns=scene["c2"].ns.name)
    proto = "proto=icmp" if family == 4 else "proto=icmpv6"
    wait_for("the kernel to carry it", lambda: all(
        any(s["offloaded"] for s in h.sessions(proto)) for h in scene.hosts))
    with freeze(scene.hosts):
        n = ping.log().count("time=")
        wait_for("answers without the data plane", lambda: ping.log().count("time=") > n + 10, 5)
    ping.kill()


def test_goes_on_after_a_restart(scene):
    """Connections of which the new data plane has not seen the beginning are carried again."""
    server = Server(scene["c1"])
    talks = [Talk(scene[c], server, "echo") for c in ("c2", "c3")]
    wait_carried(talks)
    for h in scene.hosts:
        h.kill_dataplane()
    for h in scene.hosts:
        h.start_dataplane()
    for h in scene.hosts:
        h.wait_in_sync()
        h.wait_ports_up()
    for t in talks:
        t.wait_progress()
    wait_carried(talks)
    expect_alone(scene.hosts, talks)
    for t in talks:
        r = t.close()
        assert r["error"] is None, (t.name, r)
    server.close()


def test_port_that_goes(scene):
    """What the kernel carries to and from a port ends with it."""
    server = Server(scene["c1"])
    talk, other = Talk(scene["c3"], server, "udp"), Talk(scene["c2"], server, "udp")
    wait_carried([talk, other])
    scene.doc.remove_port("red", "c3")
    scene.h1.apply(scene.doc.d)
    stopped = talk.last()
    time.sleep(0.5)
    assert talk.last() == stopped or talk.last() < time.monotonic() - 0.3, talk.report()
    other.wait_progress()
    scene.doc.port("red", "c3", "h1", "veth", device("red", "c3"))
    scene.apply()
    talk.wait_progress()
    wait_carried([talk])
    for end in (talk, other, server):
        end.close()


def test_policy_comes(scene):
    """Once there is policy, what went on without is judged by it; when it goes, all is as before."""
    server = Server(scene["c1"])
    talks = [Talk(scene[c], server, "udp") for c in ("c2", "c3")]
    wait_carried(talks)
    scene.doc.d["security-groups"] = [{"tenant": "red", "name": "out", "rules": [
        {"direction": "egress", "protocol": "icmp"}]}]
    c1 = next(p for p in scene.doc.d["ports"] if p["name"] == "c1")
    c1["security_groups"] = ["out"]
    scene.apply()
    applied = time.monotonic()
    time.sleep(0.5)
    for t in talks:
        assert t.last() < applied + 0.1, (t.name, t.report(), applied)
    del c1["security_groups"], scene.doc.d["security-groups"]
    scene.apply()
    for t in talks:
        t.wait_progress()
    wait_carried(talks)
    for end in talks + [server]:
        end.close()


def learning(lab, names, stateful=False, **segment):
    """Hosts whose ports learn; the machines have other MACs than their ports. Stateful: with policy,
    which allows all."""
    doc, hosts = Document(lab), {}
    for h in sorted({"h1" if n != "c2" else "h2" for n in names}):
        hosts[h] = lab.host(h)
        doc.host(hosts[h])
    doc.tenant("red", learn_from_wire=True, flood_unknown=True, **segment)
    for n in names:
        doc.port("red", n, "h2" if n == "c2" else "h1", "veth", device("red", n), learn=True,
                 anti_spoof=False)
        del doc.d["ports"][-1]["addresses"]  # for which others' ARP would be answered
        if stateful:
            doc.d["ports"][-1]["security_groups"] = ["all"]
    if stateful:
        doc.d["security-groups"] = [{"tenant": "red", "name": "all", "rules": [
            {"direction": "ingress"}, {"direction": "egress"}]}]
    for h in hosts.values():
        h.start()
    overhead = 70 if lab.family == 6 else 50
    machines = {n: lab.container(hosts["h2" if n == "c2" else "h1"], device("red", n),
                                 mac=LEARNED[n], addresses=addresses(n), device=device("red", n),
                                 mtu=lab.mtu - overhead) for n in names}
    return doc, list(hosts.values()), machines


def start(doc, hosts):
    for h in hosts:
        h.apply(doc.d)
    for h in hosts:
        h.wait_ports_up()


def is_learned(host, m):
    return any(e["mac"] == m and e["learned"] for e in host.rpc("fdb.list")["entries"])


@pytest.mark.parametrize("stateful", [False, True], ids=["plain", "stateful"])
@pytest.mark.parametrize("uplink", ["af_xdp", "veth"])
def test_learned_macs_stay_while_they_talk(make_lab, uplink, stateful):
    """Only the kernel sees them for much longer than it takes to forget a silent one."""
    doc, hosts, machines = learning(make_lab(uplink=uplink), ("c1", "c2", "c3"), stateful, ageing_s=3)
    start(doc, hosts)
    server = Server(machines["c1"])
    talks = [Talk(machines[c], server, "udp") for c in ("c2", "c3")]
    wait_carried(talks)
    sent = hosts[0].stats()[next(n for n in hosts[0].stats() if n.endswith("c3"))]["tx_packets"]
    time.sleep(8)
    for h, names in zip(hosts, (("c1", "c2", "c3"), ("c1", "c2"))):
        assert all(is_learned(h, LEARNED[n]) for n in names), h.rpc("fdb.list")
    wait_carried(talks)
    expect_alone(hosts, talks)
    # Nothing is flooded: c3 gets no copies of what goes to c2.
    stats = hosts[0].stats()
    assert stats[next(n for n in stats if n.endswith("c3"))]["tx_packets"] - sent < \
        talks[1].report()["n"] + 200
    for t in talks:
        t.close()
    for n in ("c2", "c3"):
        machines[n].ns.run("ip", "link", "set", "eth0", "down")
    wait_for("silent ones to be forgotten",
             lambda: not is_learned(hosts[0], LEARNED["c2"]), 20)
    expect_ledger(hosts)


def hand_over(old, new, m):
    """The machine with that MAC and all addresses is at another port, without its link going down."""
    old.ns.run("ip", "address", "flush", "dev", "eth0")
    old.ns.run("ip", "link", "set", "eth0", "address", "52:54:00:00:78:01")
    for a in new.addresses:
        new.ns.run("ip", "address", "del", a, "dev", "eth0", check=False)
    new.ns.run("ip", "link", "set", "eth0", "address", m)
    for a in old.addresses:
        new.ns.run("ip", "address", "add", a, "dev", "eth0", *(["nodad"] if ":" in a else []))


@pytest.mark.parametrize("stateful", [False, True], ids=["plain", "stateful"])
@pytest.mark.parametrize("to", ["c3", "c2"], ids=["same-host", "other-host"])
def test_learned_mac_moves(make_lab, to, stateful):
    """Its traffic follows, though links and configuration are as they were."""
    doc, hosts, machines = learning(make_lab(), ("c1", "c2", "c3"), stateful)
    start(doc, hosts)
    moving, new = machines["c3" if to == "c2" else "c2"], machines[to]
    servers = [Server(moving), Server(new)]
    talk = Talk(machines["c1"], servers[0], "udp")
    wait_for("the kernel to carry it", talk.carried)
    m = LEARNED["c3" if to == "c2" else "c2"]
    hand_over(moving, new, m)
    address = moving.ip(4)
    stopped = time.monotonic()
    new.ns.run("ping", "-n", "-c", "1", "-W", "1", machines["c1"].ip(4), check=False)
    wait_for("traffic at the new place: %s, %s" % (talk.report(), address),
             lambda: talk.last() > stopped + 0.05, 5)
    port = "sport=%d" % talk.report()["port"]
    wait_for("the kernel to carry it there", lambda: any(
        s["offloaded"] for s in hosts[0].sessions(port, "either=true")))
    expect_alone(hosts, [talk])
    talk.close()


@pytest.mark.parametrize("uplink,family,csum", [
    ("af_xdp", 4, False), ("af_xdp", 6, False), ("veth", 4, True)])
def test_kernel_peer(make_lab, uplink, family, csum):
    """A host that we did not write, whose machine is known by learning alone. csum: its outer UDP
    headers have checksums, which tc may leave to the kernel."""
    lab = make_lab(uplink=uplink, family=family)
    kernel = KernelHost(lab, 9, offload=csum)
    doc, hosts, machines = learning(lab, ("c1", "c3"))
    kernel.connect(hosts[0].vtep, csum=csum)
    doc.remote_host("k", kernel.vtep).port("red", "k2", "k", "veth", "t0")
    start(doc, hosts)
    server = Server(machines["c1"])
    talks = [Talk(kernel, server, mode) for mode in ("echo", "udp", "up")]
    for t in talks:
        wait_for("the kernel to carry %s: %s" % (t.name, hosts[0].sessions("dport=8000")),
                 t.carried, 15)
    assert is_learned(hosts[0], mac("k1"))
    expect_alone(hosts, talks)
    for t in talks:
        r = t.close()
        assert r["error"] is None, (t.name, r)
    expect_ledger(hosts)
