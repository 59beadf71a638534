# SPDX-License-Identifier: BSD-3-Clause
"""weft trace and weft check: what they say of packets is what happens to packets.

    w1 w3 on h1, w2 d2 on h2; w3 and d2 are in group "server": echo and TCP 8000 in, nothing out
"""

import json
import os
import re
import signal
import struct

import pytest

from lab.cloud import ALL_OUT, PING_IN, Cloud, allow
from lab.proc import run, wait_for

GROUPS = {"server": PING_IN + [allow("ingress", "tcp", 8000)], "client": ALL_OUT}
SERVER = ("import socket\n"
          "s = socket.create_server(('', 8000), family=socket.AF_INET6, dualstack_ipv6=True)\n"
          "print('ready', flush=True)\n"
          "while True:\n"
          "    c, _ = s.accept()\n"
          "    while c.recv(4096): pass\n")
CONNECT = ("import socket, sys\n"
           "s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET)\n"
           "s.bind(('', int(sys.argv[2])))\n"
           "s.settimeout(3)\n"
           "s.connect((sys.argv[1], 8000))\n")


@pytest.fixture(scope="module")
def cloud(module_lab):
    return Cloud(module_lab(), ["w1", "w3", "w2", "d2"], groups=GROUPS,
                 group_of=lambda t, n: ["server" if n in ("w3", "d2") else "client"])


@pytest.fixture(scope="module")
def peers(cloud):
    return ["--peer", "h2=" + cloud.hosts[1].rpc_path]


@pytest.fixture(scope="module")
def server(cloud):
    """Listens in d2."""
    p = cloud.lab.spawn(["/usr/bin/python3", "-c", SERVER], cloud.hosts[1].path("server.log"),
                        netns=cloud["d2"].ns.name)
    cloud.lab.ready("the server", p, lambda: "ready" in p.log())


def weft(cloud, *args):
    """On h1; (exit status, what it printed)."""
    out = run("sh", "-c", '"$@" 2>&1; echo "=$?"', "sh", cloud.lab.binary("tools/weft/weft"), "--socket",
              cloud.hosts[0].rpc_path, *args, timeout=60)
    text, _, code = out.rpartition("=")
    return int(code), text


def explain(cloud, *args):
    code, text = weft(cloud, *args, "--json")
    return code, json.loads(text)


def named(legs, name):
    """All steps of that name."""
    return [s for leg in legs for s in leg["steps"] if s["step"] == name]


# -- what would happen

@pytest.mark.parametrize("family", [4, 6])
def test_delivered(cloud, family):
    code, o = explain(cloud, "trace", "red/w1", "tcp", cloud["w3"].ip(family), "8000")
    assert (code, o["verdict"], len(o["legs"])) == (0, "delivered", 1)
    assert [p["rule"] for p in named(o["legs"], "policy")] == \
        ["security-group red/client rule 1", "security-group red/server rule 3"]
    assert named(o["legs"], "output")[0]["port"] == "red/w3"


@pytest.mark.parametrize("args,reason,text", [
    (["tcp", "10.1.0.13", "8001"], "policy-ingress", "default of port red/w3"),
    (["tcp", "10.1.0.13", "8000", "--from", "10.1.0.99"], "spoofed-addr", "source address"),
    (["udp", "192.0.2.1", "53"], "no-route", "red/r1"),
    (["10.2.0.99"], "no-neighbour", "next hop"),
    (["10.2.0.12", "--ttl", "1"], "ttl-expired", "TTL"),
])
def test_dropped(cloud, args, reason, text):
    code, o = explain(cloud, "trace", "red/w1", *args)
    assert (code, o["verdict"], o["reason"]) == (1, "dropped", reason)
    assert named(o["legs"], "drop")[0]["reason"] == reason
    assert text in weft(cloud, "trace", "red/w1", *args)[1]


@pytest.mark.parametrize("args", [["10.1.0.1"], ["fd00:2::1"], ["arp", "10.1.0.13"]])
def test_answered(cloud, args):
    code, o = explain(cloud, "trace", "red/w1", *args)
    assert (code, o["verdict"]) == (0, "answered")


@pytest.mark.parametrize("family", [4, 6])
def test_the_whole_way_and_back(cloud, peers, family):
    code, o = explain(cloud, "trace", "red/w1", "tcp", cloud["d2"].ip(family), "8000", "--answer", *peers)
    assert code == 0, o
    assert [(leg["host"], leg["answer"], leg["verdict"]) for leg in o["legs"]] == [
        ("h1", False, "sent"), ("h2", False, "delivered"), ("h2", True, "sent"), ("h1", True, "delivered")]
    assert named(o["legs"][:1], "route")[0]["router"] == "red/r1"
    assert named(o["legs"][1:2], "policy")[0]["rule"] == "security-group red/server rule 3"
    assert not named(o["legs"][2:], "policy"), "answers are of a session"
    assert "red/w1" in o["answer"]["summary"]


def test_the_other_host_drops_it(cloud, peers):
    code, text = weft(cloud, "trace", "red/w1", "tcp", "10.2.0.12", "8001", *peers)
    assert code == 1 and re.search(r"^h2: dropped .*red/d2", text, re.M), text


def test_fragments_over_two_hosts(cloud, peers):
    code, o = explain(cloud, "trace", "red/w1", "10.2.0.12", "--size", "6000", *peers)
    assert (code, o["verdict"], o["host"]) == (0, "delivered", "h2")
    assert [leg["host"] for leg in o["legs"]] == ["h1"] + ["h2"] * 5


def test_a_port_of_the_other_host(cloud, peers):
    code, o = explain(cloud, "trace", "red/w2", "10.1.0.13", *peers)
    assert code == 0 and [leg["host"] for leg in o["legs"]] == ["h2", "h1"]
    code, text = weft(cloud, "trace", "red/w2", "10.1.0.13")
    assert code == 1 and "is on host h2" in text


def test_a_captured_packet(cloud, tmp_path):
    _, o = explain(cloud, "trace", "red/w1", "tcp", "10.1.0.13", "8000")
    frame = bytes.fromhex(o["legs"][0]["frame"])
    path = tmp_path / "one.pcap"
    path.write_bytes(struct.pack("<IHHiIIIIIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1, 0, 0,
                                 len(frame), len(frame)) + frame)
    code, again = explain(cloud, "trace", "red/w1", "--pcap", str(path))
    assert code == 0 and again["legs"][0]["steps"] == o["legs"][0]["steps"]


def test_nothing_changed(cloud):
    """All of this made no session."""
    for h in cloud.hosts:
        assert h.status()["dataplane"]["sessions"]["created"] == 0


# -- what happens

class Live:
    """weft trace --live, from when it watches."""

    def __init__(self, cloud, *args):
        self.host = cloud.hosts[0]
        self.process = cloud.lab.spawn(
            [cloud.lab.binary("tools/weft/weft"), "--socket", self.host.rpc_path, "trace", "--live",
             "--json", *args], self.host.path("live-%d.log" % len(cloud.lab._procs)))
        cloud.lab.ready("the live trace", self.process, lambda: "watching" in self.process.log())

    def packets(self):
        return [json.loads(line) for line in self.process.log().splitlines() if '"steps"' in line]

    def wait(self, n):
        return wait_for("%d packets" % n, lambda: len(self.packets()) >= n and self.packets())

    def stop(self):
        """Ends it; its last line."""
        assert self.process.kill(signal.SIGINT) == 0, self.process.log()
        return json.loads(self.process.log().splitlines()[-1])


def texts(steps):
    """As people read them, but for sizes."""
    return [(s["step"], re.sub(r" \(\d+ bytes\)", "", s["text"])) for s in steps]


@pytest.mark.parametrize("family,port", [(4, 40001), (6, 40002)])
def test_a_real_connection_goes_as_foretold(cloud, peers, server, family, port):
    dst = cloud["d2"].ip(family)
    _, dry = explain(cloud, "trace", "red/w1", "tcp", dst, "8000", "--sport", str(port), *peers)
    live = Live(cloud, "tcp", "src", "port", str(port), *peers)
    cloud["w1"].run("/usr/bin/python3", "-c", CONNECT, dst, port)
    seen = live.wait(4)
    assert live.stop()["lost"] == 0
    for leg in dry["legs"]:
        first = next(p for p in seen if p["host"] == leg["host"])
        assert texts(first["steps"]) == texts(leg["steps"])
    later = [p for p in seen if p["host"] == "h1"][1]
    assert "session-miss" not in [s["step"] for s in later["steps"]]


def ping(cloud, dst, number):
    """One echo request with that identifier, answered or not."""
    cloud["w1"].run("ping", "-n", "-c", 1, "-W", 0.2, "-e", number, dst, check=False)


def test_a_real_ping_goes_as_foretold(cloud):
    dst = cloud["w3"].ip()
    _, dry = explain(cloud, "trace", "red/w1", dst, "--id", "40003")
    live = Live(cloud, "port", "red/w1", "and", "icmp", "host", dst, "--count", "1")
    ping(cloud, dst, 40003)
    assert texts(live.wait(1)[0]["steps"]) == texts(dry["legs"][0]["steps"])
    assert live.process.wait(10) == 0


def test_a_real_drop_goes_as_foretold(cloud):
    _, dry = explain(cloud, "trace", "red/w1", "192.0.2.1", "--id", "40004")
    live = Live(cloud, "dst", "192.0.2.1", "--count", "1")
    ping(cloud, "192.0.2.1", 40004)
    assert texts(live.wait(1)[0]["steps"]) == texts(dry["legs"][0]["steps"])


def test_watching_a_flood_loses_nothing_of_it(cloud):
    live = Live(cloud, "icmp", "--rate", "100")
    out = cloud["w1"].run("ping", "-n", "-q", "-f", "-c", 5000, cloud["d2"].ip(), timeout=60)
    assert " 5000 received" in out, out
    live.wait(50)
    live.stop()
    cloud.check_ledger()


# -- what the kernel carries

TALK = ("import json, os, socket, sys, time\n"
        "s = socket.socket()\n"
        "s.bind(('', int(sys.argv[2])))\n"
        "s.connect((sys.argv[1], 8000))\n"
        "s.send(b'hello')\n"
        "def next_of(queue):\n"  # TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ
        "    s.setsockopt(6, 20, queue)\n"
        "    return s.getsockopt(6, 21) & 0xffffffff\n"
        "s.setsockopt(6, 19, 1)\n"  # TCP_REPAIR
        "print(json.dumps([next_of(2), next_of(1)]), flush=True)\n"
        "s.setsockopt(6, 19, -1)\n"
        "while not os.path.exists(sys.argv[3]):\n"
        "    time.sleep(0.01)\n"
        "s.send(b'more')\n"
        "time.sleep(60)\n")


def in_between(frame, seq, ack):
    """A segment in the middle of that IPv4 frame's connection."""
    eth, ip, ports = frame[:14], bytearray(frame[14:34]), frame[34:38]
    tcp = ports + struct.pack(">IIBBHHH", seq, ack, 5 << 4, 0x10, 500, 0, 0)
    ip[2:4], ip[10:12] = struct.pack(">H", 20 + len(tcp)), bytes(2)
    total = sum(struct.unpack(">10H", ip))
    total = (total & 0xffff) + (total >> 16)
    ip[10:12] = struct.pack(">H", 0xffff - (total + (total >> 16) & 0xffff))
    return (eth + bytes(ip) + tcp).hex()


def test_what_the_kernel_carries_goes_as_foretold(cloud, peers, server):
    """Both ways of a connection: h1's port program takes one, its uplink's program the other."""
    h1, dst, port = cloud.hosts[0], cloud["d2"].ip(), "40005"
    go_on = h1.path("go-on")
    _, first = explain(cloud, "trace", "red/w1", "tcp", dst, "8000", "--sport", port, "--answer", *peers)
    out, back = [leg for leg in first["legs"] if leg["host"] == "h1"]
    client = cloud.lab.spawn(["/usr/bin/python3", "-c", TALK, dst, port, go_on], h1.path("client.log"),
                             netns=cloud["w1"].ns.name)
    cloud.lab.ready("the client", client, lambda: "]" in client.log())
    seq, ack = json.loads(client.log().splitlines()[-1])

    def foretold(leg, frame):
        where = {k: leg[k] for k in ("port", "from_vtep", "vni") if k in leg}
        return h1.rpc("trace.run", {**where, "frame": frame})["steps"]

    def both():
        steps = [foretold(out, in_between(bytes.fromhex(out["frame"]), seq, ack)),
                 foretold(back, in_between(bytes.fromhex(back["frame"])[50:], ack, seq))]
        return all("kernel" in [s["step"] for s in way] for way in steps) and steps
    foretell = wait_for("the kernel to carry it", both)
    assert [next(s["program"] for s in way if s["step"] == "kernel") for way in foretell] == \
        ["weft_port", "weft_uplink"]
    live = Live(cloud, "tcp", "port", port)
    open(go_on, "w").close()
    seen = live.wait(2)
    assert live.stop()["lost"] == 0
    assert not any("worker" in p for p in seen)
    assert [texts(p["steps"]) for p in seen[:2]] == [texts(way) for way in foretell]


# -- whether one reaches the other

def test_reachable(cloud, peers, server):
    code, text = weft(cloud, "check", "reach", "red/w1", "red/d2", "tcp/8000", *peers)
    assert code == 0 and text.startswith("reachable: ") and "red/server rule 3" in text, text
    code, text = weft(cloud, "check", "reach", "red/w1", "red/d2", "tcp/8000", "--probe", *peers)
    assert code == 0, text
    assert "probe: h1 did as foretold\nprobe: h2 did as foretold\nprobe: answered, h" in text, text


@pytest.mark.parametrize("src,dst,what,remedy", [
    ("red/w1", "red/d2", "tcp/8001", "weft security-group rule add red/server ingress tcp 8001 from 10.1.0.11/32"),
    ("red/d2", "red/w1", "icmp", "weft security-group rule add red/server egress icmp to 10.1.0.11/32"),
    ("red/w1", "192.0.2.1", "udp/53", "router=red/r1 prefix=192.0.2.1/32"),
])
def test_not_reachable(cloud, peers, src, dst, what, remedy):
    for probe in ([], ["--probe"]):
        code, text = weft(cloud, "check", "reach", src, dst, what, *probe, *peers)
        assert code == 1 and text.startswith("not reachable: ") and remedy in text, text
        assert not probe or re.search(r"^probe: h\d did as foretold$", text, re.M), text


def test_the_remedy_helps(cloud, peers):
    args = ["check", "reach", "red/w1", "red/d2", "tcp/8002", *peers]
    remedy = explain(cloud, *args)[1]["remedy"].split(": weft ")[1]
    for h in cloud.hosts:
        h.weft(*remedy.split())
        h.wait_in_sync()
    assert explain(cloud, *args)[1]["reachable"] is True


def test_not_known_without_the_other_host(cloud):
    code, o = explain(cloud, "check", "reach", "red/w1", "red/d2", "tcp/8000")
    assert code == 1 and o["reachable"] is None
