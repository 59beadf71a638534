# SPDX-License-Identifier: BSD-3-Clause
"""What happens to the underlay is followed; what is wrong is said; strangers are dropped.

    c1 @ h1 -- underlay -- c2 @ h2,   a stranger on the underlay
"""

import re

import pytest

from lab import wait_for
from lab.kernel import KernelHost
from lab.topology import Scene, mac


@pytest.fixture(scope="module")
def scene(module_lab):
    return Scene(module_lab())


def reachable(scene):
    return scene["c1"].ping(scene["c2"].ip(4), timeout=0.3)


def test_next_hop_mac_change(scene):
    assert reachable(scene)
    scene.h2.ns.run("ip", "link", "set", "up0", "address", "02:bb:00:00:00:02")
    scene.h2.ns.run("ping", "-n", "-c", 1, "-W", 1, scene.h1.vtep)  # tells its neighbour
    wait_for("traffic to the new MAC", lambda: reachable(scene))


def test_link_down_and_up(scene):
    scene.h1.ns.run("ip", "link", "set", "up0", "down")
    wait_for("the status to tell", lambda: scene.h1.status()["warnings"])
    assert not reachable(scene)
    scene.h1.ns.run("ip", "link", "set", "up0", "up")
    scene.h1.ns.run("ip", "address", "replace", "fd00:172:16::1/64", "dev", "up0", "nodad")
    wait_for("traffic again", lambda: reachable(scene))


def test_address_lost_is_told_and_followed(scene):
    scene.h1.ns.run("ip", "address", "del", scene.h1.vtep + "/24", "dev", "up0")
    wait_for("a warning that names the address", lambda: any(
        scene.h1.vtep in str(w) for w in scene.h1.status()["warnings"]))
    scene.h1.ns.run("ip", "address", "add", scene.h1.vtep + "/24", "dev", "up0")
    wait_for("traffic again", lambda: reachable(scene))


def test_route_change_is_followed(scene):
    """The way to h2's VTEP moves to a gateway and back."""
    via = scene.lab.underlay_address(2, 4)
    scene.h1.ns.run("ip", "route", "add", via + "/32", "via", scene.lab.underlay_address(9, 4),
                    "dev", "up0", "onlink")
    wait_for("the VTEP to be unresolved", lambda: not all(
        v["resolved"] for v in scene.h1.status()["vteps"]))
    scene.h1.ns.run("ip", "route", "del", via + "/32")
    wait_for("traffic again", lambda: reachable(scene))


def frames_from(machine, *macs):
    """From now on; called again: how many so far, of each."""
    rules = "".join("ether saddr %s counter; " % m for m in macs)
    machine.run("nft", "table netdev lab { chain in { type filter hook ingress device eth0 priority 0; %s}; }"
                % rules)
    return lambda: [int(n) for n in re.findall(r"counter packets (\d+)", machine.run(
        "nft", "list", "table", "netdev", "lab"))]


def test_unknown_vtep_is_dropped_and_counted(scene):
    """A stranger that speaks VXLAN with a VNI that exists reaches nobody."""
    stranger = KernelHost(scene.lab, 7, name="k1", offload=False)
    stranger.connect(scene.h1.vtep)

    def dropped():
        return sum(p["dropped"].get("unknown-vtep", 0) for p in scene.h1.stats().values())
    before = dropped()
    frames = frames_from(scene["c1"], mac("k1"), mac("c2"))
    out = stranger.run("ping", "-n", "-c", 3, "-i", "0.05", "-W", 1, scene["c1"].ip(4), check=False)
    assert " 0 received" in out
    wait_for("the drop counter", lambda: dropped() >= before + 3)
    assert scene["c2"].ping(scene["c1"].ip(4))  # behind all that the stranger sent
    from_stranger, from_known = frames()
    assert from_stranger == 0 and from_known > 0


def test_kernel_traffic_is_untouched(scene):
    """What is not VXLAN for this host passes the uplink as if Weft were not there."""
    from lab.iperf import tcp

    class Box:
        def __init__(self, host):
            self.host, self.ns, self.name, self.run = host, host.ns, host.name + "-k", host.ns.run

        def ip(self, family):
            return scene.lab.underlay_address(self.host.number, family)
    # XDP receives without checksum offload: the sender completes them, as a wire would.
    for h in scene.hosts:
        h.ns.run("ethtool", "-K", "up0", "tx", "off")
    for family in (4, 6):
        gbits, _ = tcp(Box(scene.h1), Box(scene.h2), seconds=1, family=family)
        assert gbits > 0.001  # nothing is in its way; how fast is the busy machine's affair
