# SPDX-License-Identifier: BSD-3-Clause
"""weft trace: what it asks for, by words, and what it makes of the answers."""

import json
import os
import re
import signal
import struct
import subprocess
import threading

import pytest

from conftest import Weft
from fake import Fake, Refusal

FRAME = "52540000000c52540000000b0800" + "45" + "00" * 19


def step(name, text, packet=0, **more):
    return {"packet": packet, "step": name, "text": text, **more}


def result(*packets, steps=(), frames=()):
    """Of trace.run. packets: (verdict, summary, more)."""
    return {"generation": 7, "steps": list(steps), "frames": list(frames),
            "packets": [{"packet": i, "answer": False, "port": "red/a", "frame": FRAME, "verdict": v,
                         "summary": s, **more} for i, (v, s, more) in enumerate(packets)]}


DELIVERED = result(("delivered", "delivered to red/b", {}), steps=[
    step("received", "from red/a, 64 bytes", port="red/a"),
    step("output", "to red/b, 64 bytes", port="red/b")])


@pytest.fixture
def fake():
    with Fake(trace_run=lambda p: DELIVERED) as f:
        yield f


@pytest.fixture
def weft(fake):
    return Weft(fake.path)


def asked(fake):
    assert len(fake.params("trace.run")) == 1
    return fake.params("trace.run")[0]


# -- packets

@pytest.mark.parametrize("words,packet", [
    ("tcp 10.0.0.2 80", {"protocol": "tcp", "destination": "10.0.0.2", "destination_port": 80}),
    ("udp fd00::2 53 --sport 0x400", {"protocol": "udp", "destination": "fd00::2", "destination_port": 53,
                                      "source_port": 1024}),
    ("10.0.0.2", {"protocol": "icmp", "destination": "10.0.0.2"}),
    ("fd00::2", {"protocol": "icmpv6", "destination": "fd00::2"}),
    ("icmp fd00::2", {"protocol": "icmpv6", "destination": "fd00::2"}),
    ("icmp6 fd00::2 128", {"protocol": "icmpv6", "destination": "fd00::2", "icmp_type": 128}),
    ("icmp 10.0.0.2 3/4 --id 9", {"protocol": "icmp", "destination": "10.0.0.2", "icmp_type": 3,
                                  "icmp_code": 4, "icmp_id": 9}),
    ("proto 47 10.0.0.2", {"protocol": "47", "destination": "10.0.0.2"}),
    ("arp 10.0.0.2 --vlan=5", {"protocol": "arp", "destination": "10.0.0.2", "vlan": 5}),
    ("tcp 10.0.0.2 80 --from 10.0.0.9 --flags syn,ack --ttl 1 --dscp 46 --size 1500 --df "
     "--src-mac 02:00:00:00:00:01 --dst-mac=02:00:00:00:00:02",
     {"protocol": "tcp", "destination": "10.0.0.2", "destination_port": 80, "source": "10.0.0.9",
      "tcp_flags": ["syn", "ack"], "ttl": 1, "dscp": 46, "size": 1500, "df": True,
      "source_mac": "02:00:00:00:00:01", "destination_mac": "02:00:00:00:00:02"}),
    ("udp 10.0.0.2 --fragment-offset 1480 --more-fragments",
     {"protocol": "udp", "destination": "10.0.0.2", "fragment_offset": 1480, "more_fragments": True}),
])
def test_words_of_a_packet(fake, weft, words, packet):
    weft("trace", "red/a", *words.split()).ok()
    assert asked(fake) == {"port": "red/a", "packet": packet}


@pytest.mark.parametrize("args,words", [
    ([], ["port is missing"]),
    (["red/a"], ["packet is missing", "--pcap"]),
    (["red/a", "tpc", "10.0.0.2"], ['"tpc"', "tcp, udp"]),
    (["red/a", "tcp"], ["tcp", "destination", "missing"]),
    (["red/a", "tcp", "10.0.0.2", "http"], ["the port", '"http"']),
    (["red/a", "tcp", "10.0.0.2", "65536"], ["the port", "65535"]),
    (["red/a", "tcp", "10.0.0.2", "80", "90"], ['"90"', "too many"]),
    (["red/a", "arp", "10.0.0.2", "1"], ["arp has no ports"]),
    (["red/a", "icmp", "10.0.0.2", "8/x"], ["ICMP code", '"x"']),
    (["red/a", "10.0.0.2", "--ttl"], ["--ttl", "missing"]),
    (["red/a", "10.0.0.2", "--ttl", "-1"], ["--ttl", '"-1"']),
    (["red/a", "10.0.0.2", "--ttl", "1", "--ttl", "2"], ["--ttl", "twice"]),
    (["red/a", "10.0.0.2", "--frob"], ["--frob"]),
    (["red/a", "10.0.0.2", "--hex", "00"], ["only one"]),
    (["red/a", "--hex", "0g"], ["--hex", "hex digits"]),
    (["red/a", "--hex", ""], ["--hex"]),
    (["red/a", "--hex", "00", "--ttl", "1"], ["as it is"]),
    (["red/a", "10.0.0.2", "--number", "2"], ["--number", "--pcap"]),
    (["red/a", "--pcap", "x", "--number", "0"], ["--number", "1"]),
    (["red/a", "10.0.0.2", "--from-vtep", "172.16.0.2"], ["--from-vtep and --vni"]),
    (["10.0.0.2", "--from-vtep", "172.16.0.2", "--vni", "16777216"], ["--vni", "16777215"]),
    (["red/a", "10.0.0.2", "--count", "1"], ["--live"]),
    (["red/a", "10.0.0.2", "--peer", "h2"], ["--peer", "NAME=SOCKET", '"h2"']),
    (["red/a", "10.0.0.2", "--peer", "=x"], ["--peer"]),
    (["red/a", "10.0.0.2", "--peer"], ["--peer", "missing"]),
    (["red/a", "10.0.0.2"] + ["--peer", "h2=x"] * 16, ["--peer", "at most 15"]),
])
def test_wrong_words(fake, weft, args, words):
    r = weft("trace", *args)
    assert r.code == 2 and r.out == "" and r.err.count("\n") == 1
    for w in words:
        assert w in r.err
    assert not fake.params("trace.run")


def test_from_a_tunnel(fake, weft):
    weft("trace", "tcp", "10.0.0.2", "80", "--from", "10.0.0.1", "--from-vtep", "172.16.0.2",
         "--vni", "1001").ok()
    assert asked(fake) == {"from_vtep": "172.16.0.2", "vni": 1001, "packet": {
        "protocol": "tcp", "destination": "10.0.0.2", "destination_port": 80, "source": "10.0.0.1"}}


def test_from_a_tunnel_by_an_uplink(fake, weft):
    weft("trace", "uplink", "--hex", FRAME, "--from-vtep", "172.16.0.2", "--vni", "1").ok()
    assert asked(fake) == {"port": "uplink", "from_vtep": "172.16.0.2", "vni": 1, "frame": FRAME}


def test_hex(fake, weft):
    weft("trace", "red/a", "--hex", "52:54:00 00").ok()
    assert asked(fake) == {"port": "red/a", "frame": "52540000"}


def test_hex_from_standard_input(fake, weft):
    weft("trace", "red/a", "--hex", "-", stdin="5254\n0000\n").ok()
    assert asked(fake) == {"port": "red/a", "frame": "52540000"}


@pytest.mark.parametrize("text", ["", "52\0" + "54", "5254 and more", "00" * 40000])
def test_bad_hex_from_standard_input(fake, weft, text):
    r = weft("trace", "red/a", "--hex", "-", stdin=text)
    assert r.code == 2 and "hex digits" in r.err and not fake.params("trace.run")


# -- captures

def pcap(*frames, link=1, length=None):
    """The classic format."""
    head = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, link)
    return head + b"".join(struct.pack("<IIII", 0, 0, len(f), length or len(f)) + f for f in frames)


def pcapng(*frames, link=1):
    def block(kind, body):
        size = len(body) + 12
        return struct.pack("<II", kind, size) + body + struct.pack("<I", size)

    def packet(f):
        return block(6, struct.pack("<IIIII", 0, 0, 0, len(f), len(f)) + f + b"\0" * (-len(f) % 4))
    return block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)) + \
        block(1, struct.pack("<HHI", link, 0, 65535)) + b"".join(packet(f) for f in frames)


@pytest.fixture
def capture(tmp_path):
    def write(data):
        path = tmp_path / "capture"
        path.write_bytes(data)
        return str(path)
    return write


@pytest.mark.parametrize("form", [pcap, pcapng])
@pytest.mark.parametrize("number,frame", [([], "aa" * 14), (["--number", "2"], "bb" * 61)])
def test_capture(fake, weft, capture, form, number, frame):
    path = capture(form(b"\xaa" * 14, b"\xbb" * 61))
    weft("trace", "red/a", "--pcap", path, *number).ok()
    assert asked(fake) == {"port": "red/a", "frame": frame}


@pytest.mark.parametrize("data,number,words", [
    (pcap(b"\xaa" * 14), 2, ["1 packets", "no number 2"]),
    (pcap(b"\xaa" * 14, link=113), 1, ["LINUX_SLL", "only Ethernet"]),
    (pcapng(b"\xaa" * 14, link=101), 1, ["RAW", "only Ethernet"]),
    (pcap(b"\xaa" * 14, length=60), 1, ["only 14 of 60 bytes"]),
    (pcap(b"\xaa" * 14)[:-1], 1, ["truncated"]),
    (b"not a capture at all, I fear", 1, ["--pcap", "unknown file format"]),
    (b"", 1, ["--pcap"]),
])
def test_bad_capture(fake, weft, capture, data, number, words):
    r = weft("trace", "red/a", "--pcap", capture(data), "--number", str(number))
    assert r.code == 1 and r.out == "" and not fake.params("trace.run")
    for w in words:
        assert w in r.err


def test_no_such_capture(weft):
    r = weft("trace", "red/a", "--pcap", "/nonexistent.pcap")
    assert r.code == 1 and "/nonexistent.pcap" in r.err


# -- one host

def test_what_is_printed(weft):
    assert weft("trace", "red/a", "tcp", "10.0.0.2", "80").ok() == """\
  received       from red/a, 64 bytes
  output         to red/b, 64 bytes
delivered to red/b
"""


@pytest.mark.parametrize("verdict,code", [
    ("delivered", 0), ("sent", 0), ("answered", 0), ("waits", 1), ("dropped", 1), ("frobbed", 1)])
def test_exit_status(fake, weft, verdict, code):
    fake.handlers["trace_run"] = lambda p: result((verdict, "so it is", {}))
    r = weft("trace", "red/a", "10.0.0.2")
    assert r.code == code and r.out == "so it is\n" and r.err == ""


def test_json(weft):
    o = json.loads(weft("trace", "red/a", "10.0.0.2", "--json").ok())
    assert (o["verdict"], o["summary"], o["host"]) == ("delivered", "delivered to red/b", "h1")
    assert [s["step"] for s in o["legs"][0]["steps"]] == ["received", "output"]
    assert o["legs"][0]["generation"] == 7 and "answer" not in o


def test_refusal(fake, weft):
    def refuse(p):
        raise Refusal("packet.ttl: must be at most 255")
    fake.handlers["trace_run"] = refuse
    r = weft("trace", "red/a", "10.0.0.2", "--ttl", "256")
    assert r.code == 1 and r.out == "" and "packet.ttl" in r.err


def test_no_weftd():
    r = Weft("/nonexistent/weftd.sock")("trace", "red/a", "10.0.0.2")
    assert r.code == 3 and "weftd is not running" in r.err


def test_answer_on_one_host(fake, weft):
    fake.handlers["trace_run"] = lambda p: result(
        ("delivered", "delivered to red/b", {}), ("delivered", "delivered to red/a", {"answer": True}),
        steps=[step("output", "to red/b"), step("output", "to red/a", packet=1)])
    assert weft("trace", "red/a", "10.0.0.2", "--answer").ok() == """\
  output         to red/b
delivered to red/b

answer
  output         to red/a
delivered to red/a
"""
    assert asked(fake)["answers"] is True


def test_control_characters_are_not_printed(fake, weft):
    fake.handlers["trace_run"] = lambda p: result(
        ("dropped", "a\x1b[2Jb", {}), steps=[step("drop", "c\x07d")])
    assert weft("trace", "red/a", "10.0.0.2").out == "  drop           c?d\na?[2Jb\n"


# -- two hosts

VTEPS = {"h1": ["172.16.0.1", "fd00:172::1"], "h2": ["172.16.0.2"]}


def host_get(p):
    return {"object": {"name": p["name"], "vteps": VTEPS[p["name"]]}}


def port_get(p):
    return {"object": {"tenant": p["tenant"], "name": p["name"], "host": {"a": "h1", "b": "h2"}[p["name"]]}}


def sent(vtep, inner, **more):
    return {"port": "uplink", "size": 114, "frame": "00", "to_vtep": vtep, "vni": 1001, "inner": inner, **more}


@pytest.fixture
def pair(fake):
    """h1 sends to h2; h2's answer comes back to h1, which must know of the question."""
    def first(p):
        if "then" not in p:
            return result(("sent", "sent to VTEP 172.16.0.2", {}), frames=[sent("172.16.0.2", "ab", packet=0)],
                          steps=[step("encapsulate", "to VTEP 172.16.0.2")])
        assert p["then"] == [{"from_vtep": "172.16.0.2", "vni": 1001, "frame": "cd"}]
        assert p["port"] == "red/a" and "answers" not in p
        return result(("sent", "sent to VTEP 172.16.0.2", {}), ("delivered", "delivered to red/a", {}),
                      steps=[step("encapsulate", "again"), step("output", "to red/a", packet=1)])

    def second(p):
        assert {k: p[k] for k in ("from_vtep", "vni", "frame")} == \
            {"from_vtep": "172.16.0.1", "vni": 1001, "frame": "ab"}
        packets = [("delivered", "delivered to red/b", {})]
        steps = [step("output", "to red/b")]
        frames = []
        if p.get("answers"):
            packets.append(("sent", "sent to VTEP 172.16.0.1", {"answer": True}))
            steps.append(step("encapsulate", "to VTEP 172.16.0.1", packet=1))
            frames.append(sent("172.16.0.1", "cd", packet=1))
        return result(*packets, steps=steps, frames=frames)
    fake.handlers.update(trace_run=first, host_get=host_get, port_get=port_get)
    with Fake("h2", trace_run=second, host_get=host_get) as other:
        yield other


def test_two_hosts(weft, pair):
    out = weft("trace", "red/a", "tcp", "10.0.0.2", "80", "--peer", "h2=" + pair.path).ok()
    assert out == """\
h1
  encapsulate    to VTEP 172.16.0.2
h2
  output         to red/b
h2: delivered to red/b
"""


def test_two_hosts_and_back(weft, pair):
    out = weft("trace", "red/a", "10.0.0.2", "--answer", "--peer=h2=" + pair.path).ok()
    assert out == """\
h1
  encapsulate    to VTEP 172.16.0.2
h2
  output         to red/b
h2: delivered to red/b

answer
h2
  encapsulate    to VTEP 172.16.0.1
h1
  output         to red/a
h1: delivered to red/a
"""


def test_the_next_host_drops_it(fake, weft, pair):
    pair.handlers["trace_run"] = lambda p: {**result(
        ("dropped", "policy-ingress", {"reason": "policy-ingress"}), steps=[step("drop", "no rule")]),
        "no_answer": "nobody gets it"}
    r = weft("trace", "red/a", "10.0.0.2", "--answer", "--peer", "h2=" + pair.path)
    assert r.code == 1 and "\nh2: policy-ingress\n" in r.out
    assert "answer" not in r.out
    o = json.loads(weft("trace", "red/a", "10.0.0.2", "--peer", "h2=" + pair.path, "--json").out)
    assert (o["verdict"], o["reason"], o["host"]) == ("dropped", "policy-ingress", "h2")


def test_fragments_meet_the_first_one(fake, weft, pair):
    """h2 is told of earlier ones, and what became of the first is what became of the packet."""
    fake.handlers["trace_run"] = lambda p: result(
        ("sent", "sent", {}), frames=[sent("172.16.0.2", "a%d" % i, packet=0) for i in range(5)])

    def second(p):
        frames = [p["frame"]] + [t["frame"] for t in p.get("then", [])]
        return result(*[("delivered" if f == "a0" else "waits", f, {}) for f in frames])
    pair.handlers["trace_run"] = second
    args = ("trace", "red/a", "udp", "10.0.0.2", "5", "--answer", "--peer", "h2=" + pair.path)
    assert weft(*args).ok() == "h1\n" + "h2\n" * 5 + "h2: a0\n"
    frames = [[p["frame"]] + [t["frame"] for t in p.get("then", [])] for p in pair.params("trace.run")]
    assert frames == [["a0"], ["a0", "a1"], ["a0", "a1", "a2"], ["a0", "a1", "a3"], ["a0", "a1", "a4"]]
    assert ["answers" in p for p in pair.params("trace.run")] == [True, False, False, False, False]
    pair.handlers["trace_run"] = lambda p: result(("dropped", "no", {}), *[("waits", "", {})] * 4)
    r = weft(*args)
    assert r.code == 1 and r.out.endswith("\nh2: no\n")


def test_no_answer(fake, weft):
    fake.handlers["trace_run"] = lambda p: {**DELIVERED, "no_answer": "it is an answer itself"}
    assert weft("trace", "red/a", "10.0.0.2", "--answer").ok().endswith(
        "\ndelivered to red/b\nanswer: none: it is an answer itself\n")


def test_an_icmp_error_is_no_delivery(fake, weft, pair):
    """What the next host sends back because it drops the packet is followed as an answer only."""
    pair.handlers["trace_run"] = lambda p: result(
        ("dropped", "TTL", {"reason": "ttl-expired"}), steps=[step("answer", "ICMP"), step("drop", "TTL")],
        frames=[sent("172.16.0.1", "cd", packet=0)])
    r = weft("trace", "red/a", "10.0.0.2", "--peer", "h2=" + pair.path)
    assert r.code == 1 and r.out.endswith("\nh2: TTL\n") and len(fake.params("trace.run")) == 1
    r = weft("trace", "red/a", "10.0.0.2", "--answer", "--peer", "h2=" + pair.path)
    assert r.code == 1 and "\nh2: TTL\n\nanswer\nh1\n" in r.out
    assert r.out.endswith("\nh1: delivered to red/a\n")


def test_a_flooded_frame_goes_everywhere(fake, weft, pair):
    """One copy arrives here, one is dropped there: it arrived."""
    fake.handlers["trace_run"] = lambda p: result(
        ("delivered", "delivered to 1 port and sent to 2 VTEPs", {}),
        frames=[sent("172.16.0.2", "ab"), sent("172.16.0.3", "ab")])
    pair.handlers["trace_run"] = lambda p: result(("dropped", "no-members", {}))
    out = weft("trace", "red/a", "arp", "10.0.0.9", "--peer", "h2=" + pair.path).ok()
    assert out == "h1\nh2\nh1: delivered to 1 port and sent to 2 VTEPs\n"


def test_it_starts_where_the_port_is(fake, weft, pair):
    pair.handlers["trace_run"] = lambda p: DELIVERED
    out = weft("trace", "red/b", "10.0.0.2", "--peer", "h2=" + pair.path).ok()
    assert out.startswith("h2\n") and not fake.params("trace.run")
    assert asked(pair) == {"port": "red/b", "packet": {"protocol": "icmp", "destination": "10.0.0.2"}}


def test_a_peer_with_another_name(weft, pair):
    r = weft("trace", "red/a", "10.0.0.2", "--peer", "h3=" + pair.path)
    assert r.code == 2 and "host h2, not of h3" in r.err and r.out == ""


def test_a_peer_that_is_away(weft, pair):
    r = weft("trace", "red/a", "10.0.0.2", "--peer", "h2=/nonexistent")
    assert r.code == 3 and "/nonexistent" in r.err and r.out == ""


# -- live

@pytest.fixture
def live(fake, weft):
    """Starts weft trace --live ...; when it watches gives its process."""
    fake.handlers.update(trace_watch=lambda p: {}, port_get=port_get, host_get=host_get)

    def start(*args):
        p = subprocess.Popen([os.environ["WEFT"], "trace", "--live", *args], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, env={**os.environ, "WEFT_SOCKET": fake.path})
        assert fake.watched.wait(30)
        return p
    return start


@pytest.mark.parametrize("words,watch", [
    ("", {}),
    ("port red/a", {"port": "red/a"}),
    ("segment red/lan and tcp", {"segment": "red/lan", "protocol": "tcp"}),
    ("proto 47", {"protocol": "47"}),
    ("icmp6", {"protocol": "icmpv6"}),
    ("host 10.0.0.2", {"destination": "10.0.0.2", "either": True}),
    ("net 10.0.0.0/24 host 10.0.1.1", {"destination": "10.0.0.0/24", "source": "10.0.1.1", "either": True}),
    ("tcp port 80", {"protocol": "tcp", "destination_port": 80, "either": True}),
    ("src 10.0.0.1 and dst net fd00::/64 and src port 1 and dst port 2",
     {"source": "10.0.0.1", "destination": "fd00::/64", "source_port": 1, "destination_port": 2}),
    ("src host 10.0.0.1 port 80", {"source": "10.0.0.1"}),
    ("host 10.0.0.1 port 80", {"destination": "10.0.0.1", "either": True}),
    ("dst 10.0.0.1 dst net 10.0.0.0/8 --rate 9", {"destination": "10.0.0.1", "rate": 9}),
    ("ip6 udp", {"protocol": "udp"}),
])
def test_words_of_a_filter(fake, live, words, watch):
    p = live(*words.split())
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=30)
    assert (p.returncode, out, err) == (0, "0 packets; 0 steps were lost\n", "watching\n")
    assert fake.params("trace.watch") == [watch]


@pytest.mark.parametrize("args,words", [
    ("hots 10.0.0.2", ['"hots"', 'did you mean "host"']),
    ("tcp or udp", ['"or"', "only and"]),
    ("not tcp", ['"not"', "only and"]),
    ("tcp udp", ["udp", "tcp too"]),
    ("host", ["host", "missing"]),
    ("src", ["src", "missing"]),
    ("src host", ["host", "missing"]),
    ("tcp and", ["and", "missing"]),
    ("host 10.0.0", ['"10.0.0"', "neither"]),
    ("net 10.0.0.0/33", ['"10.0.0.0/33"']),
    ("net 10.0.0.0/", ['"10.0.0.0/"']),
    ("src port red/a", ["port", '"red/a"']),
    ("port 65536", ["port", "65535"]),
    ("port red/a port red/b", ["red/b", "red/a too"]),
    ("and", ['"and"']),
    ("elephants", ['"elephants"', "host"]),
    ("tcp --ttl 5", ["--live shows real packets"]),
    ("--answer", ["--live shows real packets"]),
    ("--count x", ["--count", '"x"']),
    ("--rate 10001", ["--rate", "10000"]),
    (" ".join(["host 10.0.0.1"] * 17), ["at most 16"]),
])
def test_wrong_filter(weft, args, words):
    r = weft("trace", "--live", *args.split())
    assert r.code == 2 and r.out == "" and r.err.count("\n") == 1, r.err
    for w in words:
        assert w in r.err


def parsed(src, dst, sport=None, dport=None):
    s = step("parsed", "%s to %s" % (src, dst), source=src, destination=dst)
    return {**s, "source_port": sport, "destination_port": dport} if sport else s


def test_live(fake, live):
    p = live("--count", "3")
    fake.packet([step("received", "from red/a"), step("drop", "no-route")], lost=3)
    fake.notify("trace.packet", {"packet": 7, "age_ms": 5, "lost": 3, "steps": [step("kernel", "by weft_port")]})
    fake.notify("event", {"type": "other"})
    fake.packet([step("output", "to red/b")], packet=2, worker=1, lost=4)
    out, err = p.communicate(timeout=30)
    assert p.returncode == 0 and err == "watching\n"
    assert re.sub(r"(?m)^\d\d:\d\d:\d\d\.\d{3} ", "TIME ", out) == """\
TIME packet 1 worker 0
  received       from red/a
  drop           no-route
TIME packet 7 in the kernel
  kernel         by weft_port
TIME packet 2 worker 1
  output         to red/b
3 packets; 4 steps were lost
"""


def test_live_leaves_out_what_the_words_exclude(fake, live):
    p = live("host", "10.0.0.1", "net", "10.0.0.0/8", "port", "80", "--json", "--count", "2")
    for src, dst, sport, dport in [
            ("10.0.0.1", "10.0.0.2", 1, 2), ("10.0.0.2", "10.0.0.1", 80, 2), ("10.0.0.2", "10.0.0.3", 80, 80),
            ("fd00::1", "10.0.0.1", 3, 4), ("10.0.0.1", "11.0.0.1", 5, 80)]:
        fake.packet([parsed(src, dst, sport, dport)])
    fake.packet([step("received", "rubbish")])
    lines = [json.loads(line) for line in p.communicate(timeout=30)[0].splitlines()]
    assert [s["steps"][0]["source_port"] for s in lines[:-1]] == [80, 5]
    assert lines[0]["host"] == "h1" and lines[-1] == {"packets": 2, "lost": 0}


def test_live_by_family(fake, live):
    p = live("ip6", "--count=1", "--json")
    fake.packet([parsed("10.0.0.1", "10.0.0.2")])
    fake.packet([parsed("fd00::1", "fd00::2")])
    assert json.loads(p.communicate(timeout=30)[0].splitlines()[0])["steps"][0]["source"] == "fd00::1"


def test_live_ends_by_itself(live):
    p = live("--for", "1")
    assert p.communicate(timeout=30) == ("0 packets; 0 steps were lost\n", "watching\n") and p.returncode == 0


def test_live_of_two_hosts(fake, live):
    with Fake("h2", trace_watch=lambda p: {}, host_get=host_get) as other:
        p = live("tcp", "--peer", "h2=" + other.path, "--count", "20")
        assert other.watched.wait(30)
        threads = [threading.Thread(target=lambda f=f: [f.packet([step("x", "y")]) for _ in range(10)])
                   for f in (fake, other)]
        for t in threads:
            t.start()
        out = p.communicate(timeout=30)[0]
        for t in threads:
            t.join()
    assert out.count(" h1 packet 1 worker 0\n") == 10 and out.count(" h2 packet 1 worker 0\n") == 10


def test_live_by_port_watches_its_host_only(fake, live):
    with Fake("h2", trace_watch=lambda p: {}, host_get=host_get) as other:
        p = live("port", "red/a", "--peer", "h2=" + other.path)
        p.send_signal(signal.SIGTERM)
        assert p.wait(30) == 0 and not other.params("trace.watch")


def test_weftd_ends_while_watching(fake, live):
    p = live()
    fake.watcher.shutdown(2)
    out, err = p.communicate(timeout=30)
    assert p.returncode == 1 and "closed the connection" in err
