# SPDX-License-Identifier: BSD-3-Clause
"""Routes beyond connected ones: appliances (ECMP), peering, blackholes; segments that are L3-only.

    web: w1 on h1, w2 on h2     db: d1 d3 on h1, d2 on h2     d2 and d3 forward for 10.99.0.0/16
"""

import re

import pytest

from lab.cloud import Cloud, bare, gateways
from lab.proc import wait_for

BEYOND = "10.99.0.0/16"


def route(name, prefix, router="r1", tenant="red", **what):
    return {"tenant": tenant, "name": name, "router": router, "prefix": prefix, **what}


@pytest.fixture(scope="module")
def cloud(module_lab):
    cloud = Cloud(module_lab(), ["w1", "w2", "d1", "d2", "d3"])
    cloud.doc["routes"] = [
        route("beyond", BEYOND, next_hops=[bare("d2")[0], bare("d3")[0]]),
        route("nowhere", "10.98.0.0/16", blackhole=True),
        route("refused", "10.97.0.0/16", unreachable=True),
        route("beyond6", "fd00:99::/64", next_hops=[bare("d2")[1]]),
    ]
    for name in ("d2", "d3"):
        cloud.port("red", name)["addresses"] += [BEYOND, "fd00:99::/64"]
        for i in range(1, 33):
            cloud[name].run("ip", "address", "add", "10.99.0.%d/32" % i, "dev", "lo")
        cloud[name].run("ip", "address", "add", "fd00:99::1/128", "dev", "lo")
    cloud.apply()
    return cloud


def test_appliances_share_the_flows(cloud):
    """Both next hops answer for the same addresses; every flow gets through, both have some."""
    for i in range(1, 33):
        assert cloud["w1"].ping("10.99.0.%d" % i, timeout=3.0), i
    stats = {**cloud.hosts[0].stats(), **cloud.hosts[1].stats()}
    assert stats["red/d2"]["tx_packets"] > 5 and stats["red/d3"]["tx_packets"] > 5
    assert cloud["w2"].ping("fd00:99::1", timeout=3.0)


def test_an_appliance_that_goes(cloud):
    """Flows of the next hop that is taken out of the route go to the other."""
    beyond = cloud.doc["routes"][0]
    beyond["next_hops"] = [bare("d2")[0]]
    cloud.apply()
    before = cloud.hosts[0].stats()["red/d3"]["tx_packets"]
    for i in range(1, 17):
        assert cloud["w1"].ping("10.99.0.%d" % i, timeout=3.0), i
    assert cloud.hosts[0].stats()["red/d3"]["tx_packets"] - before <= 2  # neighbour discovery
    beyond["next_hops"] = [bare("d2")[0], bare("d3")[0]]
    cloud.apply()


def test_blackhole_and_unreachable(cloud):
    out = cloud["w1"].run("ping", "-n", "-c", 1, "-W", 1, "10.98.0.1", check=False)
    assert " 0 received" in out and "nreachable" not in out, out
    out = cloud["w1"].run("ping", "-n", "-c", 1, "-W", 2, "10.97.0.1", check=False)
    assert re.search("From %s.*nreachable" % re.escape(gateways("w1")[0]), out), out
    assert cloud.hosts[0].stats()["red/w1"]["dropped"]["blackhole"] >= 2


def test_ledger_is_exact(cloud):
    cloud.check_ledger()


def test_peering(make_lab):
    """Two tenants' routers lead to each other for one segment each; nothing else crosses."""
    cloud = Cloud(make_lab(), [("red", "w1"), ("red", "w2"), ("blue", "d1"), ("blue", "d2"),
                               ("blue", "w4")], tenants=("red", "blue"))
    red, blue = ([r for r in cloud.doc["routers"] if r["tenant"] == t][0] for t in ("red", "blue"))
    red["segments"], blue["segments"] = ["web"], ["db"]
    cloud.apply()
    assert not cloud["red", "w1"].ping(bare("d2")[0], timeout=1.0)
    cloud.doc["routes"] = [
        route("to-blue", "10.2.0.0/24", peer="blue/r1"),
        route("to-blue6", "fd00:2::/64", peer="blue/r1"),
        route("to-red", "10.1.0.0/24", tenant="blue", peer="red/r1"),
        route("to-red6", "fd00:1::/64", tenant="blue", peer="red/r1"),
    ]
    cloud.apply()
    for family in (0, 1):
        for a in ("w1", "w2"):
            for b in ("d1", "d2"):
                assert cloud["red", a].ping(bare(b)[family], timeout=3.0), (a, b)
                assert cloud["blue", b].ping(bare(a)[family], timeout=3.0), (b, a)
    assert not cloud["red", "w1"].ping(bare("w4")[0], timeout=1.0)
    cloud.doc["routes"] = []
    cloud.apply()
    assert not cloud["red", "w1"].ping(bare("d2")[0], timeout=1.0)


def test_l3_only(make_lab):
    """Neighbours of one subnet reach each other through the router; nothing is ever flooded."""
    cloud = Cloud(make_lab(), ["w1", "w2", "w3", "d2"], segment_fields={"l3_only": True})
    for family in (4, 6):
        for a, b in (("w1", "w3"), ("w1", "w2"), ("w2", "d2"), ("d2", "w1")):
            assert cloud[a].ping(cloud[b].ip(family), timeout=3.0), (a, b, family)
    out = cloud["w1"].run("ping", "-n", "-c", 1, "-W", 3, cloud["w2"].ip())
    assert "ttl=63" in out
    neighbours = cloud["w1"].run("ip", "neighbour", "show", "dev", "eth0")
    assert "52:54:00" not in neighbours and "02:57:45:46:54:01" in neighbours, neighbours
    before = cloud.hosts[1].stats()["red/w2"]["tx_packets"]
    cloud["w1"].run("ping", "-n", "-c", 3, "-i", 0.1, "-W", 1, "-b", "10.1.0.255", check=False)
    wait_for("the broadcast to be dropped", lambda: cloud.hosts[0].stats()["red/w1"]["dropped"].get(
        "l3-only", 0) >= 3)
    assert cloud.hosts[1].stats()["red/w2"]["tx_packets"] == before


def test_routed_guests_and_containers_keep_their_connections(make_lab):
    """TCP through the router goes on while routes, ports and groups that it does not need change."""
    cloud = Cloud(make_lab(), ["w1", "d2", "d1"])
    server = cloud.lab.spawn(["iperf3", "-s", "-1", "--forceflush"], cloud.hosts[0].path("iperf.log"),
                             netns=cloud["d2"].ns.name)
    cloud.lab.ready("iperf3", server, lambda: "listening" in server.log())
    client = cloud.lab.spawn(["iperf3", "-c", cloud["d2"].ip(), "-t", "4", "-J"],
                             cloud.hosts[0].path("client.log"), netns=cloud["w1"].ns.name)
    for i in range(20):
        cloud.doc["routes"] = [route("r%d" % i, "10.%d.0.0/16" % (100 + i), blackhole=True)]
        cloud.apply()
    client.wait(30)
    assert '"error"' not in client.log(), client.log()[-2000:]
