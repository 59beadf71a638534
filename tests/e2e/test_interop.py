# SPDX-License-Identifier: BSD-3-Clause
"""Against what we did not write: a Linux kernel VXLAN device with a bridge as the remote host.

    c1 @ h1 (Weft) -- underlay -- kernel vxlan + bridge -- k1 (a namespace)
"""

import itertools

import pytest

from lab import wait_for
from lab.iperf import tcp
from lab.kernel import KernelHost
from lab.topology import Document, addresses, mac


@pytest.fixture(scope="module", params=list(itertools.product((4, 6), (1500, 9000))),
                ids=lambda p: "underlay%d-mtu%d" % p)
def scene(request, module_lab):
    family, mtu = request.param
    lab = module_lab(family=family, mtu=mtu)
    h1 = lab.host("h1")
    # XDP on the far end keeps no checksum offload: complete them before they leave.
    kernel = KernelHost(lab, 9, offload=False)
    kernel.connect(h1.vtep)
    doc = Document(lab).host(h1).remote_host("k", kernel.vtep).tenant("red")
    doc.port("red", "c1", "h1", "veth", "red-c1")
    doc.port("red", "k1", "k", "veth", "t0")
    h1.start()
    mtu = lab.mtu - (70 if family == 6 else 50)
    c1 = lab.container(h1, "red-c1", mac=mac("c1"), addresses=addresses("c1"), device="red-c1",
                       mtu=mtu)
    h1.apply(doc.d)
    h1.wait_ports_up()
    c1.doc, c1.inner_mtu, c1.kernel, c1.h1, c1.lab = doc, mtu, kernel, h1, lab
    return c1


@pytest.mark.parametrize("family", [4, 6])
def test_ping_at_all_sizes_around_the_limits(scene, family):
    limit = scene.inner_mtu - (28 if family == 4 else 48)
    sizes = [0, 1, 17, 18, 19, 63, 64, 65, 511, 512, 1023, 1024, limit - 2, limit - 1, limit]
    failed = [s for s in sizes if not scene.ping(scene.kernel.ip(family), size=s, df=True)]
    assert not failed
    assert not scene.ping(scene.kernel.ip(family), size=limit + 1, df=True, timeout=0.3)


@pytest.mark.parametrize("family", [4, 6])
def test_fragmented_ping(scene, family):
    assert scene.ping(scene.kernel.ip(family), size=scene.inner_mtu * 3)


@pytest.mark.parametrize("reverse", [False, True], ids=["out", "in"])
@pytest.mark.parametrize("family", [4, 6])
def test_tcp(scene, family, reverse):
    gbits, _ = tcp(scene, scene.kernel, seconds=1, family=family, reverse=reverse)
    assert gbits > 0.05


def test_arp_and_broadcast(scene):
    """The kernel side resolves by broadcast through the tunnel; broadcast ping is answered."""
    scene.kernel.run("ip", "neigh", "flush", "dev", "eth0")
    out = scene.kernel.run("ping", "-n", "-c", 1, "-W", 2, scene.ip(4), check=False)
    assert " 1 received" in out
    neighbours = scene.kernel.run("ip", "neigh", "show", "dev", "eth0")
    assert mac("c1") in neighbours
    scene.ns.sysctl("net.ipv4.icmp_echo_ignore_broadcasts", 0)
    out = scene.kernel.run("ping", "-n", "-b", "-c", 1, "-W", 2, "10.0.0.255", check=False)
    assert " 1 received" in out


def test_mac_move(scene):
    """A machine that moves to the Weft host is reached there, and back."""
    lab, doc = scene.lab, scene.doc
    assert scene.ping(scene.kernel.ip(4))
    doc.remove_port("red", "k1").port("red", "k1", "h1", "veth", "red-k1")
    scene.kernel.ns.run("ip", "link", "set", "eth0", "down")
    moved = lab.container(scene.h1, "red-k1m", mac=mac("k1"), addresses=addresses("k1"),
                          device="red-k1", mtu=scene.inner_mtu)
    scene.h1.apply(doc.d)
    scene.h1.wait_ports_up()
    wait_for("the moved machine", lambda: scene.ping(moved.ip(4), timeout=0.5))
    doc.remove_port("red", "k1").port("red", "k1", "k", "veth", "t0")
    moved.close()
    scene.kernel.ns.run("ip", "link", "set", "eth0", "up")
    for a in addresses("k1")[1:]:
        scene.kernel.ns.run("ip", "address", "replace", a, "dev", "eth0", "nodad")
    scene.h1.apply(doc.d)
    wait_for("the machine that moved back", lambda: scene.ping(scene.kernel.ip(4), timeout=0.5))
