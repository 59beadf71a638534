# SPDX-License-Identifier: BSD-3-Clause
"""Distributed routing: two segments behind one router, on two hosts, containers and guests.

    web: w1 w1v on h1, w2 on h2        db: d1 on h1, d2 d2v on h2
"""

import itertools
import re

import pytest

from lab.carried import expect_carried
from lab.cloud import Cloud, gateways

MACHINES = ["w1", "w1v", "w2", "d1", "d2", "d2v"]


@pytest.fixture(scope="module", params=[4, 6], ids=["underlay4", "underlay6"])
def cloud(request, module_lab):
    machines = MACHINES if request.param == 4 else ["w1", "w2", "d1", "d2"]
    return Cloud(module_lab(family=request.param), machines)


@pytest.mark.parametrize("family", [4, 6])
def test_everyone_pings_everyone(cloud, family):
    names = [n for _, n in cloud.names]
    failed = [(a, b) for a, b in itertools.permutations(names, 2)
              if not cloud[a].ping(cloud[b].ip(family), timeout=3.0)]
    assert not failed


@pytest.mark.parametrize("family", [4, 6])
def test_gateway_answers(cloud, family):
    for _, n in cloud.names:
        own, other = gateways(n)[family == 6], gateways("d1" if n[0] == "w" else "w1")[family == 6]
        assert cloud[n].ping(own, timeout=3.0), (n, own)
        assert cloud[n].ping(other, timeout=3.0), (n, other)


@pytest.mark.parametrize("family", [4, 6])
def test_one_hop(cloud, family):
    """The TTL goes down by one, on one host as across hosts: there is one router on the way."""
    for a, b in (("w1", "d1"), ("w1", "d2"), ("d2", "w1")):
        out = cloud[a].run("ping", "-n", "-c", 1, "-W", 3, cloud[b].ip(family))
        assert int(re.search(r"ttl=(\d+)", out).group(1)) == 63, (a, b, out)


@pytest.mark.parametrize("family", [4, 6])
def test_time_exceeded_names_the_gateway(cloud, family):
    out = cloud["w1"].run("ping", "-n", "-c", 1, "-W", 2, "-t", 1, cloud["d2"].ip(family), check=False)
    assert gateways("w1")[family == 6] in out, out
    assert re.search(r"exceeded", out), out


@pytest.mark.parametrize("family", [4, 6])
def test_no_such_machine(cloud, family):
    """Somebody who does not exist is told to be unreachable, at once and by the gateway."""
    nobody = "10.2.0.99" if family == 4 else "fd00:2::99"
    out = cloud["w1"].run("ping", "-n", "-c", 1, "-W", 2, nobody, check=False)
    assert re.search(r"[Uu]nreachable", out), out
    assert gateways("w1")[family == 6] in out, out


@pytest.mark.parametrize("family", [4, 6])
def test_largest_packet_passes_the_router(cloud, family):
    payload = cloud.mtu - (28 if family == 4 else 48)
    for a, b in (("w1", "d1"), ("w1", "d2"), ("d2", "w2")):
        assert cloud[a].ping(cloud[b].ip(family), size=payload, df=True, timeout=3.0), (a, b)


def test_kernel_carries_what_it_can(cloud):
    """Containers of one segment and of two, on one host and on two."""
    expect_carried(cloud, [("w2", "w1"), ("d1", "w1"), ("d2", "w1"), ("d1", "d2")])


def test_ledger_is_exact(cloud):
    cloud.check_ledger()


def test_tenants_with_the_same_addresses(make_lab):
    """red and blue have the same routers, addresses and MACs; each reaches its own."""
    machines = [(t, n) for t in ("red", "blue") for n in ("w1", "d2")] + [("blue", "d4")]
    cloud = Cloud(make_lab(), machines, tenants=("red", "blue"))
    for tenant in ("red", "blue"):
        for family in (4, 6):
            assert cloud[tenant, "w1"].ping(cloud[tenant, "d2"].ip(family), timeout=3.0)
    expect_carried(cloud, [((tenant, "w1"), (tenant, "d2")) for tenant in ("red", "blue")])
    only_blue = cloud["blue", "d4"].ip()
    assert cloud["blue", "w1"].ping(only_blue, timeout=3.0)
    assert not cloud["red", "w1"].ping(only_blue, timeout=1.0)
