# SPDX-License-Identifier: BSD-3-Clause
"""Sessions as operators see them: listed, shown, flushed, timed out, ended by policy.

    w1 on h1 -- d2 on h2, through the router; group "server" on d2 lets TCP 8000 and echo in
"""

import pytest

from lab.cloud import ALL_OUT, PING_IN, Cloud, allow
from lab.proc import wait_for

GROUPS = {"server": PING_IN + [allow("ingress", "tcp", 8000)], "client": ALL_OUT}
CLIENT = ("import socket, sys, time\n"
          "s = socket.create_connection((sys.argv[1], 8000), 5)\n"
          "print('ready', flush=True)\n"
          "while True: s.sendall(b'x'); time.sleep(0.05)\n")
SERVER = ("import socket\n"
          "s = socket.create_server(('', 8000), family=socket.AF_INET6, dualstack_ipv6=True)\n"
          "print('ready', flush=True)\n"
          "while True:\n"
          "    c, _ = s.accept()\n"
          "    while c.recv(4096): pass\n")


@pytest.fixture(scope="module")
def cloud(module_lab):
    return Cloud(module_lab(), ["w1", "w2", "d2"], groups=GROUPS,
                 group_of=lambda t, n: ["server" if n == "d2" else "client"],
                 network_fields={"timeouts_s": {"icmp": 2}})


def spawn(cloud, name, code, *args):
    machine = cloud[name]
    p = cloud.lab.spawn(["/usr/bin/python3", "-c", code, *args],
                        machine.host.path("%s-%d.py.log" % (name, len(cloud.lab._procs))),
                        netns=machine.ns.name)
    cloud.lab.ready("the program in " + name, p, lambda: "ready" in p.log())
    return p


def sessions(host, *filters):
    return host.weft_json("session", "list", *filters)["sessions"]


@pytest.fixture(scope="module")
def connection(cloud):
    server = spawn(cloud, "d2", SERVER)
    client = spawn(cloud, "w1", CLIENT, cloud["d2"].ip())
    yield client
    client.kill()
    server.kill()


def test_both_hosts_list_it(cloud, connection):
    for host in cloud.hosts:
        found = wait_for("the session", lambda: sessions(
            host, "proto=tcp", "dst=" + cloud["d2"].ip(), "dport=8000"))
        assert len(found) == 1 and found[0]["state"] == "established", found


def test_counters_go_up(cloud, connection):
    def packets():
        return sessions(cloud.hosts[0], "proto=tcp", "dport=8000")[0]["forward"]["packets"]
    before = packets()
    wait_for("packets to be counted", lambda: packets() > before)


def test_show_names_the_rule(cloud, connection):
    out = cloud.hosts[1].weft("session", "show", "proto=tcp", "dport=8000")
    assert "red/server" in out and "red/d2" in out, out


def test_idle_ones_end(cloud):
    """Echo sessions live for the network's timeout after their last packet."""
    assert cloud["w2"].ping(cloud["d2"].ip())
    assert sessions(cloud.hosts[1], "proto=icmp")
    wait_for("the session to end", lambda: not sessions(cloud.hosts[1], "proto=icmp"), 20)


def test_flush_is_survived(cloud, connection):
    """A flushed connection is picked up on its way: the rules still let it through."""
    cloud.hosts[0].weft("session", "flush", "proto=tcp", "dport=8000")
    cloud.hosts[1].weft("session", "flush", "proto=tcp", "dport=8000")
    for host in cloud.hosts:
        wait_for("the session to come back", lambda: sessions(host, "proto=tcp", "dport=8000"))
    assert connection.alive()


def test_revoked_ones_are_refused(cloud, connection):
    rules = cloud.group("red", "server")["rules"]
    cloud.group("red", "server")["rules"] = PING_IN
    cloud.apply()
    drops = wait_for("drops", lambda: cloud.hosts[1].stats()["uplink"]["dropped"].get(
        "policy-ingress", 0))
    assert drops > 0
    assert not [s for s in sessions(cloud.hosts[1], "proto=tcp", "dport=8000")
                if s["state"] == "established" and s.get("valid", True)]
    cloud.group("red", "server")["rules"] = rules
    cloud.apply()


def test_a_full_port_keeps_what_it_has(cloud, connection):
    """Beyond its quota a port gets no new sessions; the one that it has goes on."""
    cloud.port("red", "w1")["max_sessions"] = 4
    cloud.apply()
    for i in range(40):
        cloud["w1"].run("/usr/bin/python3", "-c",
                        "import socket; socket.socket(2, 2).sendto(b'x', (%r, %d))" % (
                            cloud["d2"].ip(), 7000 + i))
    dropped = cloud.hosts[0].stats()["red/w1"]["dropped"]
    assert dropped.get("session-port-limit", 0) > 0, dropped
    before = sessions(cloud.hosts[0], "proto=tcp", "dport=8000")[0]["forward"]["packets"]
    wait_for("the connection to go on",
             lambda: sessions(cloud.hosts[0], "proto=tcp", "dport=8000")[0]["forward"]["packets"] > before)
    del cloud.port("red", "w1")["max_sessions"]
    cloud.apply()


def test_status_counts_them(cloud):
    assert "session" in cloud.hosts[0].weft("status")


def test_ledger_is_exact(cloud, connection):
    connection.kill()
    cloud.check_ledger()
