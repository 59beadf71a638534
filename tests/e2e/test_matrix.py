# SPDX-License-Identifier: BSD-3-Clause
"""Everyone reaches everyone: containers and VMs, same host and across hosts, IPv4 and IPv6.

    c1, c3, v1 on h1 -- underlay -- c2, c4, v2 on h2
"""

import itertools

import pytest

from lab.topology import Scene

CONTAINERS = ("c1", "c2", "c3", "c4")
VMS = ("v1", "v2", "v3")
from lab import topology  # noqa: E402

topology.NUMBERS["v3"] = 23


@pytest.fixture(scope="module", params=[4, 6], ids=["underlay4", "underlay6"])
def scene(request, module_lab):
    vms = VMS if request.param == 4 else ("v1", "v2")
    return Scene(module_lab(family=request.param), containers=CONTAINERS, vms=vms)


@pytest.mark.parametrize("family", [4, 6])
def test_everyone_pings_everyone(scene, family):
    names = [n for _, n in scene.machines]
    failed = [(a, b) for a, b in itertools.permutations(names, 2)
              if not scene[a].ping(scene[b].ip(family), timeout=3.0)]
    assert not failed


@pytest.mark.parametrize("family", [4, 6])
def test_largest_packet_passes(scene, family):
    payload = scene.mtu - (28 if family == 4 else 48)
    for a, b in (("c1", "c2"), ("c1", "c3"), ("c1", "v2"), ("v1", "c2"), ("v1", "v2")):
        assert scene[a].ping(scene[b].ip(family), size=payload, timeout=3.0), (a, b)


def test_ledger_is_exact(scene):
    """rx + added = sent + dropped on every port, once traffic has stopped."""
    for host in scene.hosts:
        for name, s in host.stats().items():
            dropped = sum(s["dropped"].values())
            assert s["rx_packets"] + s["added"] == s["sent"] + dropped, (host.name, name, s)
        total = host.stats().values()
        assert sum(s["tx_packets"] for s in total) == sum(s["sent"] for s in total)
