# SPDX-License-Identifier: BSD-3-Clause
"""Ways to attach the uplink and the tenants: DPDK devices, memif, several queues and workers.

    c1 @ h1 -- uplink of the kind under test -- c2 @ h2
"""

import pytest

from lab import wait_for
from lab.iperf import tcp
from lab.topology import Document, Scene, addresses, mac

MACS = {"h1": "02:aa:00:00:00:01", "h2": "02:aa:00:00:00:02"}


def other(host):
    return MACS["h2" if host.name == "h1" else "h1"]


def memif(lab, host):
    """A memif between the two data planes: h2 listens, h1 connects."""
    return {"kind": "memif", "device": lab.dir + "/underlay.sock", "mac": MACS[host.name],
            "next_hop_mac": other(host), "mtu": 1600, "server": host.name == "h2"}


def dpdk(lab, host):
    """A DPDK driver on the uplink's veth, as one would name a NIC."""
    for h in lab.hosts:
        h.ns.run("ip", "link", "set", "up0", "address", MACS[h.name])
    return {"kind": "dpdk", "device": "net_af_packet0,iface=up0", "mac": MACS[host.name],
            "next_hop_mac": other(host), "mtu": 1500}


@pytest.mark.parametrize("uplink", [memif, dpdk])
def test_dpdk_uplink(make_lab, uplink):
    lab = make_lab(mtu=1600)
    h1, h2 = lab.host("h1"), lab.host("h2")
    doc = Document(lab)
    for h in lab.hosts:
        doc.d["hosts"].append({"name": h.name, "vteps": [h.vtep], "uplink": uplink(lab, h)})
    doc.tenant("red", mtu=1450)
    doc.port("red", "c1", "h1", "veth", "red-c1").port("red", "c2", "h2", "veth", "red-c2")
    machines = {}
    for h, name in ((h1, "c1"), (h2, "c2")):
        h.start()
        machines[name] = lab.container(h, "red-" + name, mac=mac(name), mtu=1450,
                                       addresses=addresses(name), device="red-" + name)
        h.apply(doc.d)
    for h in lab.hosts:
        h.wait_ports_up()
    for family in (4, 6):
        assert machines["c1"].ping(machines["c2"].ip(family), count=3)
    gbits, _ = tcp(machines["c1"], machines["c2"], seconds=1)
    assert gbits > 0.05
    # The far data plane dies and returns: this one is unharmed and traffic comes back.
    h2.kill_dataplane()
    assert h1.dataplane.alive()
    h2.start_dataplane()
    wait_for("traffic again", lambda: machines["c1"].ping(machines["c2"].ip(4), timeout=0.3))


def test_several_queues_and_workers(make_lab):
    scene = Scene(make_lab(workers=2), queues=2, containers=("c1", "c2", "c3", "c4"))
    for a, b in (("c1", "c2"), ("c3", "c4"), ("c1", "c3")):
        for family in (4, 6):
            assert scene[a].ping(scene[b].ip(family), count=20)
        gbits, _ = tcp(scene[a], scene[b], seconds=1)
        assert gbits > 0.05
    workers = scene.h1.rpc("stats.workers")["workers"]
    assert len(workers) == 2


def test_memif_and_tap_tenants(make_lab):
    """A tenant on TAP, made by the data plane and moved into the tenant's namespace."""
    from lab.net import Netns
    lab = make_lab()
    scene = Scene(lab, containers=("c1", "c2"))
    scene.doc.port("red", "c3", "h1", "tap", "tap-c3")
    scene.apply()
    wait_for("the TAP", lambda: "tap-c3" in scene.h1.ns.run("ip", "-o", "link"))
    ns = Netns(lab.unique("tap"))
    try:
        scene.h1.ns.run("ip", "link", "set", "tap-c3", "netns", ns.name)
        ns.run("ip", "link", "set", "tap-c3", "address", mac("c3"), "mtu", scene.mtu, "up")
        for a in addresses("c3"):
            ns.run("ip", "address", "add", a, "dev", "tap-c3", *(["nodad"] if ":" in a else []))
        scene.h1.wait_ports_up("red/c3")
        for peer in ("c1", "c2"):
            for family in (4, 6):
                out = ns.run("ping", "-n", "-c", 2, "-i", "0.05", "-W", 2, scene[peer].ip(family),
                             check=False)
                assert " 2 received" in out, (peer, family, out)
    finally:
        ns.delete()
