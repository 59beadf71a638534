# SPDX-License-Identifier: BSD-3-Clause
"""What the kernel carries ends with what let it: rules, sessions, ports and places that change.

    w1 w3 on h1 -- w2 d2 on h2; group "server" (w1) lets port 8000 in
"""

import contextlib
import time

import pytest

from lab.cloud import Cloud, addresses, mac
from lab.proc import wait_for
from lab.reference import Patience
from lab.talk import Server, Talk, check_lost, wait_carried

from test_fastpath import GROUPS

LIMIT_S = 0.1
FOLLOW_S = 1.0


@pytest.fixture(scope="module", params=["af_xdp", "veth"])
def cloud(request, module_lab):
    return Cloud(module_lab(uplink=request.param), ["w1", "w2", "w3", "d2"], groups=GROUPS,
                 group_of=lambda t, n: ["server" if n == "w1" else "client"])


@pytest.fixture(scope="module")
def server(cloud):
    return Server(cloud["w1"])


@contextlib.contextmanager
def stopping(talks, host):
    """Within, that host is told what ends them: no progress later than LIMIT_S after that, and what
    its processes and theirs waited for a CPU."""
    def waited(t):
        return sum(p.waited() for p in (*host.processes(), t.process))
    before = [waited(t) for t in talks]
    yield
    since = time.monotonic()
    time.sleep(LIMIT_S + 0.4)
    late = {t.name: (t.last() - since, waited(t) - w) for t, w in zip(talks, before)
            if t.last() > since + LIMIT_S + waited(t) - w}
    assert not late


def talks_to(cloud, server, modes=("echo", "udp", "up", "down"), clients=("w2", "w3", "d2")):
    return [Talk(cloud[c], server, mode) for c in clients for mode in modes]


def expect_back(talks):
    """All but downloads: who may only answer can't pick up what it was sending."""
    for t in talks:
        if t.mode != "down":
            t.wait_progress()


def close(talks):
    for t in talks:
        t.close()


def test_rule_that_goes(cloud, server):
    """Removed on the server's host alone: that one decides what comes in."""
    talks = talks_to(cloud, server)
    wait_carried(talks)
    group = cloud.group("red", "server")
    rules = group["rules"]
    group["rules"] = [r for r in rules if r.get("ports") != "8000"]
    with stopping(talks, cloud.hosts[0]):
        cloud.hosts[0].apply(cloud.doc, wait=False)
    group["rules"] = rules
    cloud.apply()
    expect_back(talks)
    wait_carried([t for t in talks if t.mode != "down"])
    close(talks)


def test_rule_of_the_sender_that_goes(cloud, server):
    """The clients' host alone takes its egress rule away."""
    talks = talks_to(cloud, server, clients=("w2", "d2"))
    wait_carried(talks)
    group = cloud.group("red", "client")
    rules, group["rules"] = group["rules"], []
    with stopping(talks, cloud.hosts[1]):
        cloud.hosts[1].apply(cloud.doc, wait=False)
    group["rules"] = rules
    cloud.apply()
    expect_back(talks)
    close(talks)


def test_flushed(cloud, server):
    """Sessions that are flushed are judged again and come back to the kernel. Nothing is lost but an answer
    that was on its way: nobody has asked for it any more, and the server may not begin."""
    talks = talks_to(cloud, server, modes=("echo", "udp"))
    wait_carried(talks)
    for h in cloud.hosts:
        h.weft("session", "flush", "dport=8000")
    for t in talks:
        t.wait_progress()
    wait_carried(talks)
    for t in talks:
        assert t.close()["error"] is None, t.report()
    check_lost(talks, may_lose=2)  # one at each host's flush


@pytest.mark.parametrize("name,host", [("w3", 0), ("w2", 0), ("w2", 1)],
                         ids=["local", "remote", "own"])
def test_port_that_goes(cloud, server, name, host):
    """Deleted on the host that is asked alone; made again, it works again."""
    talks = talks_to(cloud, server, clients=(name,))
    wait_carried(talks)
    before = list(cloud.doc["ports"])
    cloud.doc["ports"] = [p for p in before if p["name"] != name]
    with stopping(talks, cloud.hosts[host]):
        cloud.hosts[host].apply(cloud.doc, wait=False)
    cloud.doc["ports"] = before
    cloud.apply()
    for h in cloud.hosts:
        h.wait_ports_up()
    expect_back(talks)
    close(talks)


def datagrams(machine):
    """UDP datagrams that came to it, wanted or not."""
    n, names = 0, []
    for words in map(str.split, machine.run("cat", "/proc/net/snmp", "/proc/net/snmp6").splitlines()):
        if words[0] in ("Udp6InDatagrams", "Udp6NoPorts"):
            n += int(words[1])
        elif words[0] == "Udp:" and not words[1].isdigit():
            names = words
        elif words[0] == "Udp:":
            n += sum(int(words[names.index(name)]) for name in ("InDatagrams", "NoPorts"))
    return n


def expect_to_follow(talks, left, arrived):
    """What was carried goes on within FOLLOW_S of now, as far as the machine lets it, and is carried
    again; the place that was left gets nothing any more."""
    now = time.monotonic()
    patience = Patience(talks[0].machine.host.lab.reference(), FOLLOW_S)
    while late := [t.name for t in talks if t.last() <= now]:
        assert not patience.is_over(), late
        time.sleep(0.02)
    n, got = datagrams(left), datagrams(arrived)
    wait_carried(talks)
    for t in talks:
        t.wait_progress()
    assert datagrams(left) == n and datagrams(arrived) > got


def test_port_that_moves(cloud):
    """A machine moves to the other host and back: what was carried follows it."""
    old, h1, h2 = cloud["w2"], *cloud.hosts
    server = Server(old, 8001)
    port = cloud.port("red", "w2")
    group = cloud.group("red", "client")
    group["rules"] = group["rules"] + [{"direction": "ingress", "protocol": "udp", "ports": "8001"}]
    cloud.apply()
    talks = [Talk(cloud[c], server, "udp", f) for c in ("w3", "d2") for f in (4, 6)]
    wait_carried(talks)
    new = cloud.lab.container(h1, "red-w2m", mac=mac("w2"), addresses=addresses("w2"),
                              device="red-w2m", mtu=cloud.mtu)
    for gateway in ("10.1.0.1", "fd00:1::1"):
        new.run("ip", "route", "add", "default", "via", gateway)
    moved = Server(new, 8001)
    for host, device, places in ((h1, "red-w2m", (old, new)), (h2, "red-w2", (new, old))):
        port.update(host=host.name, device=device)
        cloud.apply()
        host.wait_ports_up("red/w2")
        expect_to_follow(talks, *places)
    close(talks)
    moved.close()
    server.close()


def test_ledger_is_exact(cloud):
    wait_for("the ledger", lambda: cloud.ledger_errors() == [], 3)
