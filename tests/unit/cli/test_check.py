# SPDX-License-Identifier: BSD-3-Clause
"""weft check reach: what it concludes from traces, and from a probe."""

import json

import pytest

from conftest import Weft
from fake import Fake, Refusal

HOSTS = {"h1": ["172.16.0.1"], "h2": ["172.16.0.2"]}
PORTS = {
    "a": {"host": "h1", "addresses": ["10.0.0.1", "fd00::1", "10.9.0.0/24"], "security_groups": ["web"]},
    "b": {"host": "h2", "addresses": ["10.0.0.2", "fd00::2"], "security_groups": ["red/db", "web"]},
    "six": {"host": "h2", "addresses": ["fd00::6"], "security_groups": []},
    "none": {"host": "h1", "addresses": [], "security_groups": []},
}
PARSED = {"packet": 0, "step": "parsed", "text": "10.0.0.1 to 10.0.0.2", "protocol": "tcp",
          "source": "10.0.0.1", "destination": "10.0.0.2", "source_port": 50000, "destination_port": 80}
BACK = {**PARSED, "source": "10.0.0.2", "destination": "10.0.0.1", "source_port": 80,
        "destination_port": 50000, "text": "10.0.0.2 to 10.0.0.1 back"}


def step(name, text, packet=0, **more):
    return {"packet": packet, "step": name, "text": text, **more}


def packet(verdict, summary, number=0, **more):
    return {"packet": number, "answer": False, "port": "red/a", "frame": "aabb", "verdict": verdict,
            "summary": summary, **more}


def port_get(p):
    if p["name"] not in PORTS:
        raise Refusal("port %(tenant)s/%(name)s: does not exist" % p)
    return {"object": {"tenant": p["tenant"], "name": p["name"], **PORTS[p["name"]]}}


def host_get(p):
    return {"object": {"name": p["name"], "vteps": HOSTS[p["name"]]}}


ALLOWED = [PARSED, step("policy", "egress of red/a is allowed by security-group red/web rule 1"),
           step("route", "router red/r1: 10.0.0.0/24"), step("output", "to red/b")]
LOCAL = {"packets": [packet("delivered", "delivered to red/b"),
                     packet("delivered", "delivered to red/a", 1, answer=True)],
         "steps": ALLOWED + [{**BACK, "packet": 1}, step("session-hit", "of a session", 1)], "frames": []}


def dropped(reason, text, **more):
    return {"packets": [packet("dropped", text, reason=reason)],
            "steps": [PARSED, step("route", "a route", router="red/r1"), step("drop", text, **more)],
            "frames": []}


@pytest.fixture
def fake():
    with Fake(trace_run=lambda p: LOCAL, port_get=port_get, host_get=host_get) as f:
        yield f


@pytest.fixture
def weft(fake):
    return Weft(fake.path)


@pytest.fixture
def far():
    """The other host; h1's part is far_first."""
    def run(p):
        return {"packets": [packet("delivered", "delivered to red/b"),
                            packet("sent", "sent to VTEP 172.16.0.1", 1, answer=True)],
                "steps": [PARSED, step("policy", "ingress of red/b is allowed")],
                "frames": [{"packet": 1, "to_vtep": "172.16.0.1", "vni": 5, "inner": "cc"}]}
    with Fake("h2", trace_run=run, port_get=port_get, host_get=host_get) as f:
        yield f


def far_first(p):
    packets = [packet("sent", "sent to VTEP 172.16.0.2")]
    if "then" in p:
        packets.append(packet("delivered", "delivered to red/a", 1))
    return {"packets": packets, "steps": [PARSED, step("encapsulate", "to VTEP 172.16.0.2", to_vtep="172.16.0.2", host="h2")],
            "frames": [{"packet": 0, "to_vtep": "172.16.0.2", "vni": 5, "inner": "bb"}]}


# -- what is asked

def asked_packet(fake):
    return fake.params("trace.run")[0]["packet"]


def test_first_packet_of_a_connection(fake, weft):
    weft("check", "reach", "red/a", "red/b", "tcp/80").ok()
    p = fake.params("trace.run")[0]
    assert p["port"] == "red/a" and p["answers"] is True
    sport = p["packet"].pop("source_port")
    assert 49152 <= sport <= 65535
    assert p["packet"] == {"protocol": "tcp", "destination": "10.0.0.2", "destination_port": 80}


@pytest.mark.parametrize("words,expected", [
    ("red/a red/six udp/53", {"protocol": "udp", "destination": "fd00::6", "destination_port": 53}),
    ("red/a red/b tcp/80 --from fd00::1", {"destination": "fd00::2", "source": "fd00::1"}),
    ("red/a 192.0.2.1 icmp", {"protocol": "icmp", "destination": "192.0.2.1"}),
    ("red/a fd00::9 icmp", {"protocol": "icmpv6"}),
    ("red/a 10.0.0.2 47", {"protocol": "47"}),
    ("red/a 10.0.0.2 sctp/9 --sport 1", {"protocol": "sctp", "source_port": 1}),
])
def test_what_is_asked(fake, weft, words, expected):
    weft("check", "reach", *words.split()).ok()
    assert expected.items() <= asked_packet(fake).items()


@pytest.mark.parametrize("words,code,texts", [
    ("", 2, ["check reach FROM TO"]),
    ("frob", 2, ['"frob"', "reach"]),
    ("reach", 2, ["FROM TO"]),
    ("reach red/a red/b", 2, ["FROM TO"]),
    ("reach red/a red/b tcp/80 more", 2, ['"more"']),
    ("reach red/a red/b tcp/80 --frob", 2, ["--frob"]),
    ("reach red/a red/b tcp", 2, ["which port", "tcp/80"]),
    ("reach red/a red/b tcp/http", 2, ["the port", '"http"']),
    ("reach red/a red/b frob/1", 2, ['"frob"', "tcp"]),
    ("reach red/a red/b arp", 2, ["weft trace"]),
    ("reach red/a red/nobody tcp/80", 1, ["red/nobody", "does not exist"]),
    ("reach red/none red/b tcp/80", 1, ["no addresses of the same family"]),
    ("reach red/a red/none tcp/80", 1, ["no addresses of the same family"]),
    ("reach red/a red/six tcp/80 --from 10.0.0.1", 1, ["no addresses of the same family"]),
    ("reach red/a red/b tcp/80 --peer h2=/nonexistent", 3, ["/nonexistent"]),
])
def test_wrong_words(fake, weft, words, code, texts):
    r = weft("check", *words.split())
    assert r.code == code and r.out == "" and r.err.count("\n") == 1, r.err
    for t in texts:
        assert t in r.err
    assert not fake.params("trace.run")


# -- what is concluded

def test_reachable(weft):
    assert weft("check", "reach", "red/a", "red/b", "tcp/80").ok() == """\
reachable: red/a to red/b (10.0.0.2), tcp/80
  h1: egress of red/a is allowed by security-group red/web rule 1
  h1: router red/r1: 10.0.0.0/24
  back, h1: of a session
"""


def test_not_reachable(fake, weft):
    fake.handlers["trace_run"] = lambda p: dropped(
        "policy-ingress", "default of port red/b", rule_port="red/b", rule="default of port red/b")
    r = weft("check", "reach", "red/a", "red/b", "tcp/80")
    assert r.code == 1 and r.err == ""
    assert r.out == """\
not reachable: red/a to red/b (10.0.0.2), tcp/80
  h1: a route
because h1 stops it: default of port red/b
remedy: let a rule allow it: weft security-group rule add red/db ingress tcp 80 from 10.0.0.1/32
"""


@pytest.mark.parametrize("reason,more,parsed,remedy", [
    ("policy-egress", {"rule_port": "red/a"}, {}, "security-group rule add red/web egress tcp 80 to 10.0.0.2/32"),
    ("policy-egress", {"rule_port": "red/six"}, {"protocol": "47", "destination_port": None},
     "security-group rule add GROUP egress proto 47 to"),
    ("policy-ingress", {"rule_port": "red/b"}, {"protocol": "icmpv6", "source": "fd00::1", "destination_port": None},
     "security-group rule add red/db ingress icmpv6 from fd00::1/128"),
    ("policy-ingress", {"rule_port": "red/b", "rule": "policy ops rule 2"}, {}, "weft policy rule list"),
    ("no-route", {}, {}, "weft route create ... router=red/r1 prefix=10.0.0.2/32 ..."),
    ("spoofed-addr", {}, {}, "weft port update red/a addresses="),
    ("port-down", {}, {}, "weft status"),
    ("rx-error", {}, {}, None),
])
def test_remedies(fake, weft, reason, more, parsed, remedy):
    result = dropped(reason, reason, **more)
    result["steps"][0] = {k: v for k, v in {**PARSED, **parsed}.items() if v is not None}
    fake.handlers["trace_run"] = lambda p: result
    o = json.loads(weft("check", "reach", "red/a", "10.0.0.2", "tcp/80", "--json").out)
    assert o["reachable"] is False and o["reason"] == reason and o["host"] == "h1"
    assert remedy is None and "remedy" not in o or remedy in o["remedy"]


def test_the_answer_is_stopped(fake, weft):
    r = json.loads(json.dumps(LOCAL))
    r["packets"][1] = packet("dropped", "no route back", 1, answer=True, reason="no-route")
    r["steps"].append(step("drop", "no route back", 1))
    fake.handlers["trace_run"] = lambda p: r
    r = weft("check", "reach", "red/a", "red/b", "tcp/80")
    assert r.code == 1 and r.out.startswith("not reachable: ")
    assert "\nbecause h1 stops the answer: no route back\nremedy: " in r.out


def test_not_known_without_the_other_host(fake, weft):
    fake.handlers["trace_run"] = far_first
    r = weft("check", "reach", "red/a", "red/b", "tcp/80")
    assert r.code == 1 and r.out == """\
not known: red/a to red/b (10.0.0.2), tcp/80
  h1: to VTEP 172.16.0.2
because h1 sends it to VTEP 172.16.0.2, and what becomes of it there was not asked: --peer h2=SOCKET
"""
    o = json.loads(weft("check", "reach", "red/a", "red/b", "tcp/80", "--json").out)
    assert o["reachable"] is None


def test_two_hosts(fake, weft, far):
    fake.handlers["trace_run"] = far_first
    out = weft("check", "reach", "red/a", "red/b", "tcp/80", "--peer", "h2=" + far.path).ok()
    assert out == """\
reachable: red/a to red/b (10.0.0.2), tcp/80
  h1: to VTEP 172.16.0.2
  h2: ingress of red/b is allowed
"""


def test_answered_by_the_switch(fake, weft):
    """A gateway answers echo requests itself; there is no recipient who could."""
    fake.handlers["trace_run"] = lambda p: {
        "packets": [packet("answered", "the gateway answers")], "steps": [PARSED], "frames": []}
    assert weft("check", "reach", "red/a", "10.0.0.254", "icmp").ok().startswith("reachable: ")


# -- probes

def probed(fake, steps, *more):
    """trace.probe on h1: the probe takes these steps; more packets follow."""
    def probe(p):
        assert p == {"port": "red/a", "frame": "aabb"}
        fake.packet(steps)
        for s in more:
            fake.packet(s, packet=2)
        return {}
    fake.handlers.update(trace_probe=probe, trace_watch=lambda p: {})


ANSWER = [BACK, step("output", "to red/a")]


def test_probe_agrees(fake, weft):
    probed(fake, ALLOWED, ANSWER)
    out = weft("check", "reach", "red/a", "red/b", "tcp/80", "--probe").ok()
    assert out.endswith("\nprobe: h1 did as foretold\nprobe: answered, h1: 10.0.0.2 to 10.0.0.1 back\n")
    assert fake.params("trace.watch") == [
        {"protocol": "tcp", "source": "10.0.0.1", "destination": "10.0.0.2", "source_port": 50000,
         "destination_port": 80, "either": True}]


def test_probe_of_what_the_kernel_carries(fake, weft):
    """A probe goes the data plane's way, where the kernel would take the sender's own packet."""
    kernel = step("kernel", "is carried in the kernel by weft_port")
    fake.handlers["trace_run"] = lambda p: {**LOCAL, "steps": [PARSED, kernel, *LOCAL["steps"][1:]]}
    probed(fake, ALLOWED, ANSWER)
    assert "\nprobe: h1 did as foretold\n" in weft("check", "reach", "red/a", "red/b", "tcp/80", "--probe").ok()


def test_probe_without_an_answer(fake, weft):
    probed(fake, ALLOWED)
    assert weft("check", "reach", "red/a", "red/b", "tcp/80", "--probe").ok().endswith(
        "\nprobe: h1 did as foretold\nprobe: no answer came\n")


def test_probe_differs(fake, weft):
    probed(fake, ALLOWED[:-1] + [step("drop", "port-down")])
    r = weft("check", "reach", "red/a", "red/b", "tcp/80", "--probe")
    assert r.code == 4 and r.err == ""
    assert "\nprobe: h1 did not do as foretold\n  foretold\n" in r.out
    assert "\n    output         to red/b\n  happened\n" in r.out
    assert "\n    drop           port-down\n" in r.out


def test_probe_that_nobody_sees(fake, weft):
    fake.handlers.update(trace_probe=lambda p: {}, trace_watch=lambda p: {})
    r = weft("check", "reach", "red/a", "red/b", "tcp/80", "--probe")
    assert r.code == 4 and "\n  happened\n    nothing came\n" in r.out


def test_probe_of_what_is_dropped(fake, weft):
    """It agrees, and what was not reachable is not."""
    fake.handlers["trace_run"] = lambda p: dropped("no-route", "no-route")
    probed(fake, dropped("no-route", "no-route")["steps"])
    r = weft("check", "reach", "red/a", "red/b", "tcp/80", "--probe", "--json")
    o = json.loads(r.out)
    assert r.code == 1 and o["probe"]["agrees"] is True and "answer" not in o["probe"]


def test_probe_over_two_hosts(fake, weft, far):
    def probe(p):
        fake.packet(far_first({})["steps"])
        far.packet([PARSED, step("policy", "ingress of red/b is denied")])
        return {}
    fake.handlers.update(trace_run=far_first, trace_probe=probe, trace_watch=lambda p: {})
    far.handlers["trace_watch"] = lambda p: {}
    r = weft("check", "reach", "red/a", "red/b", "tcp/80", "--probe", "--peer", "h2=" + far.path)
    assert r.code == 4
    assert "probe: h1 did as foretold\nprobe: h2 did not do as foretold\n" in r.out


def test_probe_among_others(fake, weft):
    """Other packets of these two are neither the probe nor its answer."""
    others = [[{**PARSED, "source_port": 50001}], [{**BACK, "destination_port": 50001}],
              [{**PARSED, "protocol": "udp"}]]
    probed(fake, others[0], *others[1:], ALLOWED, ANSWER)
    o = json.loads(weft("check", "reach", "red/a", "red/b", "tcp/80", "--probe", "--json").ok())
    assert o["probe"]["hosts"][0]["happened"] == ALLOWED and o["probe"]["answer"]["steps"] == ANSWER


def test_probe_in_fragments(fake, weft):
    fake.handlers["trace_run"] = lambda p: {
        **LOCAL, "steps": [PARSED, step("fragment", "into 2"), step("output", "to red/b")]}
    r = weft("check", "reach", "red/a", "red/b", "tcp/80", "--probe", "--size", "3000")
    assert r.code == 1 and "--size" in r.err and r.out == "" and not fake.params("trace.probe")


def test_probe_is_refused(fake, weft):
    def refuse(p):
        raise Refusal("you may only read")
    fake.handlers.update(trace_probe=refuse, trace_watch=lambda p: {})
    r = weft("check", "reach", "red/a", "red/b", "tcp/80", "--probe")
    assert r.code == 1 and "you may only read" in r.err and r.out == ""
