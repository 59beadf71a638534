# SPDX-License-Identifier: BSD-3-Clause
"""Two tenants with the same addresses and MACs: no frame of one reaches the other.

    red c1 @ h1  -- red c2 @ h2        the same MACs and addresses for blue
    blue c1 @ h1 -- blue c2 @ h2
"""

import pytest

from lab import Flow
from lab.topology import Scene, mac

ROGUE = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("eth0", 0))
for f in sys.argv[1:]:
    for _ in range(20): s.send(bytes.fromhex(f))
"""


@pytest.fixture(scope="module")
def scene(module_lab):
    return Scene(module_lab(), tenants=("red", "blue"), containers=("c1", "c2", "c3"))


def test_marked_traffic_stays_in_its_tenant(scene):
    flows = {t: Flow(scene[t, "c1"], scene[t, "c2"], t, pps=2000, seconds=2)
             for t in ("red", "blue")}
    for tenant, flow in flows.items():
        counts = flow.finish()
        assert counts["foreign"] == {}, tenant
        assert counts["lost_of_sent"] == 0 and counts["duplicates"] == 0, (tenant, counts)


def test_broadcast_stays_in_its_tenant(scene):
    flow = Flow(scene["blue", "c1"], scene["blue", "c2"], "blue", pps=200, seconds=1)
    red = scene["red", "c1"]
    red.run("/usr/bin/python3", "-c", (
        "import socket; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);"
        "s.setsockopt(socket.SOL_SOCKET,socket.SO_BROADCAST,1);"
        "[s.sendto(b'WEFTMARKred'.ljust(32,b'\\0'),('10.0.0.255',9000)) for _ in range(100)]"))
    assert flow.finish()["foreign"] == {}


def frame(dst, src, payload):
    return (dst + src).replace(":", "") + payload


def spoofed_frames():
    """What a guest may not send: another's MAC, another's address, another's ARP answer."""
    from scapy.all import ARP, ICMPv6ND_NA, ICMPv6NDOptDstLLAddr, IP, IPv6, UDP, Ether, raw
    me, other = mac("c1"), mac("c3")
    mark = b"WEFTMARK" + b"spoofed".ljust(16, b"\0") + b"\0" * 8
    return [raw(f).hex() for f in (
        Ether(src=other, dst=mac("c2")) / IP(src="10.0.0.11", dst="10.0.0.12") / UDP(dport=9000) / mark,
        Ether(src=me, dst=mac("c2")) / IP(src="10.0.0.13", dst="10.0.0.12") / UDP(dport=9000) / mark,
        Ether(src=me, dst=mac("c2")) / IPv6(src="fd00:10::13", dst="fd00:10::12") / UDP(dport=9000) / mark,
        Ether(src=me, dst="ff:ff:ff:ff:ff:ff") / ARP(op=2, hwsrc=me, psrc="10.0.0.13",
                                                   hwdst=mac("c2"), pdst="10.0.0.12") / mark,
        Ether(src=me, dst="33:33:00:00:00:01") / IPv6(src="fd00:10::11", dst="ff02::1", hlim=255)
        / ICMPv6ND_NA(tgt="fd00:10::13", O=1) / ICMPv6NDOptDstLLAddr(lladdr=me) / mark,
    )]


def test_spoofed_frames_are_dropped_and_counted(scene):
    before = scene.h1.stats()["red/c1"]["dropped"]
    flow = Flow(scene["red", "c3"], scene["red", "c2"], "red", pps=100, seconds=1)
    scene["red", "c1"].run("/usr/bin/python3", "-c", ROGUE, *spoofed_frames())
    counts = flow.finish()
    after = scene.h1.stats()["red/c1"]["dropped"]
    assert counts["foreign"] == {}
    grown = {r: after[r] - before.get(r, 0) for r in after if after[r] != before.get(r, 0)}
    assert grown.get("spoofed-mac") == 20
    assert grown.get("spoofed-addr") == 40
    assert grown.get("spoofed-arp") == 40


def test_guest_cannot_inject_vxlan(scene):
    """A VXLAN packet made by a tenant travels as its payload and is never unpacked."""
    from scapy.all import IP, UDP, Ether, raw
    from scapy.layers.vxlan import VXLAN
    mark = b"WEFTMARK" + b"injected".ljust(16, b"\0") + b"\0" * 8
    inner = Ether(src=mac("c1"), dst=mac("c2")) / IP(src="10.0.0.11", dst="10.0.0.12") / \
        UDP(dport=9000) / mark
    frames = [raw(Ether(src=mac("c1"), dst=dst) / IP(src="10.0.0.11", dst=to) /
                  UDP(sport=50000, dport=4789) / VXLAN(vni=1002, flags=8) / inner).hex()
              for dst, to in ((mac("c2"), "10.0.0.12"), (mac("c2"), scene.h2.vtep))]
    flow = Flow(scene["blue", "c1"], scene["blue", "c2"], "blue", pps=100, seconds=1)
    scene["red", "c1"].run("/usr/bin/python3", "-c", ROGUE, *frames)
    counts = flow.finish()
    assert counts["foreign"] == {}


def test_tenant_cannot_reach_the_host(scene):
    """Frames to the MAC of the host's end of the veth never reach the host's own IP stack."""
    from scapy.all import ICMP, IP, Ether, raw
    host = scene.h1.ns
    address = host.run("ip", "-o", "link", "show", "red-c1").split("link/ether ")[1].split()[0]
    host.sysctl("net.ipv4.ip_forward", 1)
    before = host.run("cat", "/proc/net/snmp")
    scene["red", "c1"].run("/usr/bin/python3", "-c", ROGUE, raw(
        Ether(src=mac("c1"), dst=address) / IP(src="10.0.0.11", dst=scene.h1.vtep) / ICMP()).hex())
    after = host.run("cat", "/proc/net/snmp")

    def icmp_in(text):
        lines = [line.split() for line in text.splitlines() if line.startswith("Icmp:")]
        return int(dict(zip(lines[0], lines[1]))["InMsgs"])
    assert icmp_in(after) == icmp_in(before)
