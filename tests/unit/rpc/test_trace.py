# SPDX-License-Identifier: BSD-3-Clause
"""trace.run: frames from fields, what becomes of them by name, errors that name the parameter."""

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (ICMPv6EchoRequest, ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6,
                                IPv6ExtHdrFragment)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.layers.sctp import SCTP
from scapy.layers.vxlan import VXLAN

from rpcd import RpcError, Server

INVALID, NOT_FOUND, BUSY = -32602, 2, -32000
ROUTER = "02:57:45:46:54:01"
C1, C2, C3 = "52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:03"


def document():
    port = {"tenant": "red", "segment": "lan", "host": "h1", "kind": "veth"}
    subnets = [{"prefix": "10.0.0.0/24", "gateway": "10.0.0.1"},
               {"prefix": "fd00::/64", "gateway": "fd00::1"}]
    return {
        "tenants": [{"name": "red"}],
        "networks": [{"tenant": "red", "name": "main"}],
        "segments": [
            {"tenant": "red", "name": "lan", "network": "main", "vni": 1001, "subnets": subnets},
            {"tenant": "red", "name": "far", "network": "main", "vni": 1002,
             "subnets": [{"prefix": "10.1.0.0/24", "gateway": "10.1.0.1"}]},
            {"tenant": "red", "name": "alone", "network": "main", "vni": 1003}],
        "routers": [{"tenant": "red", "name": "r", "network": "main", "segments": ["lan", "far"]}],
        "hosts": [{"name": "h1", "vteps": ["172.16.0.1"],
                   "uplink": {"kind": "af_xdp", "device": "eth1"}},
                  {"name": "h2", "vteps": ["172.16.0.2"]}],
        "ports": [
            {**port, "name": "c1", "mac": C1, "device": "c1", "addresses": ["10.0.0.11", "fd00::11"]},
            {**port, "name": "c2", "mac": C2, "device": "c2", "addresses": ["10.0.0.12", "fd00::12"]},
            {**port, "name": "c3", "mac": C3, "device": "c3", "segment": "alone"},
            {**port, "name": "c9", "mac": "52:54:00:00:00:09", "host": "h2", "device": "c9",
             "segment": "far", "addresses": ["10.1.0.9"]}]}


@pytest.fixture
def traced(server, client):
    client.call("apply", {"document": document()})
    server.do("connect", "trace delivered red/c2")
    return client


def run(client, packet, **params):
    params = {"port": "red/c1", **params}
    return client.call("trace.run", {"packet": {"destination": "10.0.0.12", **packet}, **params})


def frame(client, packet, **params):
    """The frame that ran; its checksums are right."""
    raw = bytes.fromhex(run(client, packet, **params)["frame"])
    e = Ether(raw)
    fresh = Ether(raw)
    for layer in (IP, TCP, UDP, ICMP, ICMPv6EchoRequest, ICMPv6ND_NS, SCTP):
        if fresh.haslayer(layer):
            for field in ("chksum", "cksum"):
                if field in fresh[layer].fields:
                    delattr(fresh[layer], field)
    assert bytes(fresh) == raw
    return e


def refused(client, code, field, *words, **params):
    with pytest.raises(RpcError) as e:
        client.call("trace.run", params)
    assert e.value.code == code, e.value.message
    assert e.value.data.get("field", "") == field, e.value.data
    for w in words:
        assert w in e.value.message, e.value.message


TCP80 = {"protocol": "tcp", "destination": "10.0.0.12", "destination_port": 80}


# -- what is left out

def test_tcp(traced):
    f = frame(traced, TCP80)
    assert (f.src, f.dst) == (C1, C2)
    assert (f[IP].src, f[IP].dst, f[IP].ttl) == ("10.0.0.11", "10.0.0.12", 64)
    assert (f[TCP].sport, f[TCP].dport, str(f[TCP].flags)) == (49152, 80, "S")
    f = frame(traced, {**TCP80, "tcp_flags": ["syn", "ack"], "ttl": 3, "dscp": 46, "df": True,
                       "source_port": 7, "size": 200, "vlan": 5})
    assert (str(f[TCP].flags), f[IP].ttl, f[IP].tos, str(f[IP].flags)) == ("SA", 3, 184, "DF")
    assert (len(f), f[Dot1Q].vlan, f[TCP].sport) == (200, 5, 7)


def test_other_protocols(traced):
    assert frame(traced, {"protocol": "udp", "destination_port": 53})[UDP].dport == 53
    assert frame(traced, {"protocol": "sctp", "destination_port": 5})[SCTP].dport == 5
    f = frame(traced, {"protocol": "icmp"})
    assert (f[ICMP].type, f[ICMP].id) == (8, 1)
    assert frame(traced, {"protocol": "47"})[IP].proto == 47
    f = frame(traced, {"protocol": "icmpv6", "destination": "fd00::12"})
    assert (f[IPv6].src, f.dst, f[ICMPv6EchoRequest].type) == ("fd00::11", C2, 128)


def test_who_has(traced):
    f = frame(traced, {"protocol": "arp"})
    assert (f.dst, f[ARP].pdst, f[ARP].psrc, f[ARP].hwsrc) == (
        "ff:ff:ff:ff:ff:ff", "10.0.0.12", "10.0.0.11", C1)
    f = frame(traced, {"protocol": "icmpv6", "destination": "fd00::12", "icmp_type": 135})
    assert (f.dst, f[IPv6].dst, f[IPv6].hlim) == ("33:33:ff:00:00:12", "ff02::1:ff00:12", 255)
    assert f[ICMPv6ND_NS].tgt == "fd00::12" and f[ICMPv6NDOptSrcLLAddr].lladdr == C1


def test_destination_mac(traced):
    udp = {"protocol": "udp", "destination_port": 53}
    for to, mac in (("10.0.0.12", C2), ("10.0.0.1", ROUTER), ("10.1.0.9", ROUTER),
                    ("8.8.8.8", ROUTER), ("255.255.255.255", "ff:ff:ff:ff:ff:ff"),
                    ("224.1.2.3", "01:00:5e:01:02:03"), ("fd00::12", C2), ("fd00::1", ROUTER),
                    ("ff02::1", "33:33:00:00:00:01"), ("fe80::5054:ff:fe00:2", C2)):
        assert frame(traced, {**udp, "destination": to})[Ether].dst == mac, to
    f = frame(traced, {**udp, "destination": "10.0.0.99", "destination_mac": C3,
                       "source": "10.0.0.77", "source_mac": C2})
    assert (f.dst, f.src, f[IP].src) == (C3, C2, "10.0.0.77")


def test_fragments(traced):
    udp = {"protocol": "udp", "destination_port": 53}
    f = frame(traced, {**udp, "more_fragments": True, "size": 14 + 20 + 64})
    assert (str(f[IP].flags), f[IP].frag, f[IP].id) == ("MF", 0, 1)
    f = frame(traced, {"protocol": "udp", "fragment_offset": 64})
    assert (f[IP].frag, len(f[IP])) == (8, 28)
    f = frame(traced, {**udp, "destination": "fd00::12", "more_fragments": True})
    assert (f[IPv6ExtHdrFragment].m, f[IPv6ExtHdrFragment].offset) == (1, 0)


def test_from_tunnel(traced):
    r = traced.call("trace.run", {"from_vtep": "172.16.0.2", "vni": 1001, "packet": {
        **TCP80, "source": "10.1.0.9"}})
    f = Ether(bytes.fromhex(r["frame"]))
    assert (f[IP].src, f[IP].dst, f[VXLAN].vni) == ("172.16.0.2", "172.16.0.1", 1001)
    inner = f[VXLAN].payload
    assert (inner.src, inner.dst, inner[IP].src) == (ROUTER, C2, "10.1.0.9")
    p = r["packets"][0]
    assert (p["port"], p["from_vtep"], p["vni"], p["answer"]) == ("uplink", "172.16.0.2", 1001, False)
    again = traced.call("trace.run", {"from_vtep": "172.16.0.2", "vni": 1001,
                                      "frame": bytes(inner).hex().upper()})
    assert again["frame"] == r["frame"]


# -- what is told

def test_delivered(traced):
    r = run(traced, TCP80)
    assert (r["verdict"], r["generation"]) == ("delivered", 7) and "reason" not in r
    assert r["summary"] == "delivered to port red/c2"
    assert [(s["packet"], s["step"]) for s in r["steps"]] == [
        (0, "received"), (0, "parsed"), (0, "policy"), (0, "output")]
    received, parsed, policy, output = r["steps"]
    assert received["text"] == "comes from port red/c1 (98 bytes)"
    assert (received["port"], received["segment"], received["vni"]) == ("red/c1", "red/lan", 1001)
    assert parsed["text"].startswith("tcp 10.0.0.1:1000 > 10.0.0.2:80, ")
    assert (parsed["protocol"], parsed["destination"], parsed["destination_port"]) == (
        "tcp", "10.0.0.2", 80)
    assert policy["text"] == "allowed by default of port red/c1 (egress of port red/c1)"
    assert policy["rule"] == "default of port red/c1"
    assert output["port"] == "red/c2"
    assert r["frames"] == [{"packet": 0, "port": "red/c2", "size": len(r["frame"]) // 2,
                            "frame": r["frame"]}]


def test_dropped(server, traced):
    server.do("trace dropped red/c2")
    r = run(traced, TCP80)
    assert (r["verdict"], r["reason"], r["frames"]) == ("dropped", "policy-ingress", [])
    assert r["help"] == "no rule of the receiving port allows it"
    assert r["summary"] == "dropped by default of port red/c2: no rule of the receiving port allows it"
    assert r["steps"][-1]["rule_port"] == "red/c2" and r["steps"][-1]["reason"] == r["reason"]


def test_sent(server, traced):
    server.do("trace sent uplink")
    inner = run(traced, TCP80)["frame"]
    outer = bytes(Ether() / IP(src="172.16.0.1", dst="172.16.0.2") / UDP(dport=4789) /
                  VXLAN(vni=1001, flags=8) / bytes.fromhex(inner)).hex()
    r = traced.call("trace.run", {"port": "red/c1", "frame": outer})
    assert (r["verdict"], r["summary"]) == ("sent", "sent to VTEP 172.16.0.2 (host h2)")
    f = r["frames"][0]
    assert (f["port"], f["to_vtep"], f["vni"], f["inner"]) == ("uplink", "172.16.0.2", 1001, inner)
    step = r["steps"][-2]
    assert (step["step"], step["to_vtep"], step["host"]) == ("encapsulate", "172.16.0.2", "h2")


def test_answered_here(server, traced):
    server.do("trace answered red/c1")
    r = run(traced, {"protocol": "arp"})
    assert (r["verdict"], r["summary"]) == ("answered", "answered by this host")


# -- packets one after another

def test_answers(traced):
    r = run(traced, TCP80, answers=True)
    assert [(p["packet"], p["answer"], p["port"]) for p in r["packets"]] == [
        (0, False, "red/c1"), (1, True, "red/c2")]
    a = Ether(bytes.fromhex(r["packets"][1]["frame"]))
    assert (a.src, a.dst, a[IP].src, a[IP].dst) == (C2, C1, "10.0.0.12", "10.0.0.11")
    assert (a[TCP].sport, a[TCP].dport, str(a[TCP].flags), a[TCP].ack) == (80, 49152, "SA", 2)
    assert {s["packet"] for s in r["steps"]} == {0, 1}
    a = Ether(bytes.fromhex(run(traced, {"protocol": "icmp"}, answers=True)["packets"][1]["frame"]))
    assert a[ICMP].type == 0


@pytest.mark.parametrize("packet,why", [
    ({**TCP80, "tcp_flags": ["rst"]}, "nothing that is answered"),
    ({"protocol": "icmp", "icmp_type": 3}, "nothing that is answered"),
    ({"protocol": "udp", "fragment_offset": 8}, "a fragment"),
    ({"protocol": "udp", "destination": "224.0.0.9", "destination_port": 1}, "not for one"),
    ({"protocol": "arp"}, "not for one")])
def test_no_answer(traced, packet, why):
    r = run(traced, packet, answers=True)
    assert why in r["no_answer"] and len(r["packets"]) == 1


def test_no_answer_from_elsewhere(server, traced):
    server.do("trace sent uplink")
    assert run(traced, TCP80, answers=True)["no_answer"] == "nobody on this host gets it"


def test_then(traced):
    back = {"from_vtep": "172.16.0.2", "vni": 1001, "packet": {
        "protocol": "tcp", "source": "10.1.0.9", "destination": "10.0.0.11", "destination_port": 5}}
    r = run(traced, TCP80, then=[back, {"port": "red/c2", "packet": {**TCP80, "destination": "10.0.0.11"}}],
            answers=True)
    assert [(p["port"], p["answer"]) for p in r["packets"]] == [
        ("red/c1", False), ("uplink", False), ("red/c2", False), ("red/c2", True)]
    refused(traced, INVALID, "", "then: at most 2", port="red/c1", packet=TCP80, answers=True,
            then=[back] * 3)
    refused(traced, INVALID, "then", port="red/c1", packet=TCP80, then=[back] * 4)
    refused(traced, INVALID, "then[1].packet.ttl", port="red/c1", packet=TCP80, then=[
        back, {"port": "red/c2", "packet": {**TCP80, "ttl": 256}}])
    refused(traced, INVALID, "then[0].frame", port="red/c1", packet=TCP80, then=[{"port": "red/c2"}])


# -- what makes no sense

@pytest.mark.parametrize("change,field,word", [
    ({"protocol": "tpc"}, "protocol", "tcp, udp"), ({"protocol": "300"}, "protocol", ""),
    ({"source": "10.0.0"}, "source", "address"), ({"source": "fd00::5"}, "source", "family"),
    ({"destination": "x"}, "destination", "address"),
    ({"destination": "10.0.0.99"}, "destination_mac", "no port in segment red/lan has 10.0.0.99"),
    ({"source_mac": "zz"}, "source_mac", "MAC"), ({"destination_mac": 5}, "destination_mac", ""),
    ({"tcp_flags": ["sin"]}, "tcp_flags", "syn"), ({"tcp_flags": ["syn"] * 7}, "tcp_flags", ""),
    ({"source_port": 65536}, "source_port", "65535"), ({"source_port": "x"}, "source_port", ""),
    ({"dscp": 64}, "dscp", ""), ({"size": 9729}, "size", "9728"), ({"size": 53}, "size", "54"),
    ({"fragment_offset": 7}, "fragment_offset", "8"), ({"df": 1}, "df", ""),
    ({"more_fragments": True, "size": 55}, "size", "multiple of 8"),
    ({"protocol": "icmpv6"}, "protocol", "icmp"), ({"vlan": 4095}, "vlan", ""),
    ({"protocol": "arp", "destination": "fd00::12"}, "destination", "ARP"),
    ({"destnation": "10.0.0.1"}, "destnation", 'did you mean "destination"')])
def test_bad_packets(traced, change, field, word):
    refused(traced, INVALID, "packet." + field, word, port="red/c1", packet={**TCP80, **change})


def test_bad_places(traced):
    for name in ("protocol", "destination", "destination_port"):
        refused(traced, INVALID, "packet." + name, "missing", port="red/c1",
                packet={k: v for k, v in TCP80.items() if k != name})
    refused(traced, INVALID, "packet.source", "no IPv4 address", port="red/c3", packet=TCP80)
    refused(traced, INVALID, "packet.destination_mac", "neither 10.0.0.12 nor a router",
            port="red/c3", packet={**TCP80, "source": "10.0.0.13"})
    refused(traced, INVALID, "port", "missing", packet=TCP80)
    refused(traced, INVALID, "frame", "either", port="red/c1")
    refused(traced, INVALID, "frame", "either", port="red/c1", packet=TCP80, frame="00")
    refused(traced, INVALID, "packet", "from_vtep", port="uplink", packet=TCP80)
    refused(traced, NOT_FOUND, "", "on host h2", port="red/c9", packet=TCP80)
    refused(traced, NOT_FOUND, "", "does not exist", port="red/zz", packet=TCP80)
    for bad in ("", "0", "zz", "0x00", "00 11", "ab" * 9729):
        refused(traced, INVALID, "frame", port="red/c1", frame=bad)


def test_bad_tunnels(traced):
    def tunnel(field, *words, **params):
        refused(traced, INVALID, field, *words, **{"from_vtep": "172.16.0.2", "vni": 1001,
                                                   "packet": {**TCP80, "source": "10.0.0.99"}, **params})
    tunnel("from_vtep", "address", from_vtep="h2")
    tunnel("from_vtep", "IPv6 VTEP", from_vtep="fd00::2")
    tunnel("vni", "missing", vni=0)
    tunnel("vni", "no segment", vni=77)
    tunnel("port", "uplink", port="red/c1")
    tunnel("packet.source", "missing", packet=TCP80)
    tunnel("frame", "too long", packet={**TCP80, "source": "10.0.0.11", "size": 9720})
    tunnel("packet.source_mac", "missing", vni=1003, packet={
        **TCP80, "source": "10.0.0.99", "destination_mac": C3})
    refused(traced, INVALID, "vni", "from_vtep", port="red/c1", vni=5, packet=TCP80)


def test_without_a_data_plane(server, traced):
    server.do("disconnect")
    with pytest.raises(RpcError) as e:
        run(traced, TCP80)
    assert "not connected" in e.value.message


# -- real packets

def packets(client, n):
    """The next notifications."""
    got = [client.line() for _ in range(n)]
    assert all(p["method"] == "trace.packet" for p in got)
    return [p["params"] for p in got]


def test_watch(server, traced):
    assert traced.call("trace.watch", {"destination_port": 80, "rate": 5}) == {"watching": True}
    server.do("watched 3 0")
    for i, p in enumerate(packets(traced, 3)):
        assert (p["packet"], p["worker"], p["lost"], p["skipped"]) == (1000 + i, 1, 0, 3)
        assert 9 < p["age_ms"] < 5000
        assert [s["step"] for s in p["steps"]] == ["received", "parsed", "session-miss", "output"]
        assert p["steps"][1]["destination_port"] == 80 and p["steps"][3]["port"] == "red/c1"
    # Another filter of the same connection, then none.
    traced.call("trace.watch", {"destination_port": 81})
    server.do("watched 1 7")
    p, = packets(traced, 1)
    assert p["steps"][1]["destination_port"] == 81 and p["lost"] == 7
    assert traced.call("trace.unwatch") == {"watching": False}
    server.do("watched 1 7")
    assert traced.call("trace.unwatch") == {"watching": False}  # and nothing came between


def test_watch_what_the_kernel_carries(server, traced):
    traced.call("trace.watch", {"source_port": 7, "rate": 5})
    server.do("watched 1 0")
    p, = packets(traced, 1)
    step = p["steps"][2]
    assert (step["step"], step["program"], step["segment_size"]) == ("kernel", "weft_uplink_tc", 1448)
    assert step["text"] == "is carried in the kernel by weft_uplink_tc, to be cut into segments of 1448 bytes later"
    assert "worker" not in p
    traced.call("trace.unwatch")


def test_one_watches_at_a_time(server, traced):
    with server.client() as other:
        traced.call("trace.watch", {})
        with pytest.raises(RpcError) as e:
            other.call("trace.watch", {})
        assert e.value.code == BUSY and "another connection" in e.value.message
        assert other.call("trace.unwatch") == {"watching": False}
        server.do("watched 1 0")
        packets(traced, 1)
        traced.close()
        while True:  # until its end is noticed
            try:
                other.call("trace.watch", {})
                break
            except RpcError as again:
                assert again.code == BUSY
        server.do("watched 2 0")
        packets(other, 2)


def test_watch_follows_the_data_plane(server, traced):
    traced.call("trace.watch", {"destination_port": 9})
    server.do("watched 1 5")
    assert packets(traced, 1)[0]["lost"] == 5
    server.do("disconnect", "connect")
    traced.call("version")
    server.do("watched 1 2")
    assert packets(traced, 1)[0]["lost"] == 7


def test_slow_watcher_loses(filled_limits):
    server, client = filled_limits
    client.call("trace.watch", {})
    for _ in range(40):
        server.do("watched 500 0")
    server.do("watched 1 0")
    got, lost = 0, 0
    while lost == 0:
        p, = packets(client, 1)
        got += 1
        lost = p["lost"]
        if got % 50 == 0:
            server.do("watched 1 0")
    assert got < 20000 and lost > 4000
    assert client.call("trace.unwatch") == {"watching": False}


@pytest.fixture
def filled_limits():
    with Server("output_size=1000000") as s, s.client() as c:
        c.call("apply", {"document": document()})
        s.do("connect")
        yield s, c


@pytest.mark.parametrize("params,word", [
    ({"protocol": "tpc"}, "arp"), ({"source": "x"}, "source"), ({"destination": "1/2"}, "destination"),
    ({"rate": 0}, "rate"), ({"rate": 10001}, "rate"), ({"source_port": 70000}, "source_port"),
    ({"port": "red/zz"}, "does not exist"), ({"segment": "zz"}, "segment zz"),
    ({"either": 1}, "either"), ({"segment": "red/far"}, "no such segment")])
def test_bad_filters(server, traced, params, word):
    with pytest.raises(RpcError) as e:
        traced.call("trace.watch", params)
    assert word in e.value.message
    server.do("watched 1 0")
    traced.call("trace.watch", {"source": "10.0.0.7/24", "protocol": "arp"})
    traced.call("version")


def test_probe(server, traced):
    r = traced.call("trace.probe", {"port": "red/c1", "packet": TCP80})
    assert r == {"frame": run(traced, TCP80)["frame"]}
    with pytest.raises(RpcError) as e:
        traced.call("trace.probe", {"port": "red/c1", "packet": TCP80, "answers": True})
    assert e.value.data["field"] == "answers"
    server.do("disconnect")
    with pytest.raises(RpcError) as e:
        traced.call("trace.probe", {"port": "red/c1", "packet": TCP80})
    assert "not connected" in e.value.message
