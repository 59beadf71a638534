# SPDX-License-Identifier: BSD-3-Clause
"""perf/run without processes: which intervals count, when there is a ratio, what is sent, the page."""

import html.parser
import json
import os
import subprocess
import sys

SOURCE = os.environ["WEFT_SOURCE"]
sys.path[:0] = [os.path.join(SOURCE, "perf", "lib"), os.path.join(SOURCE, "tests", "lib")]

from side import cases, cores, frames, others, page, run, text, traffic, verdict  # noqa: E402


def samples(seconds, share, trip=100):
    return [{"clock": i / 10, "trip_ns": trip, "ran": [i / 10 * share, i / 10]} for i in range(int(seconds * 10) + 1)]


def intervals(n, step=0.25):
    return [{"at": (i + 1) * step, "clock": 1 + i * step, "received_rate": 1e6 + i} for i in range(n)]


def test_distance():
    assert cores.distance([80, 199]) == "near" and cores.distance([200, 400]) == "far"
    assert cores.distance([80, 300]) is None and cores.distance([]) is None and cores.distance([0]) is None


def test_intervals_count_when_threads_had_their_cores():
    assert all(i.valid and i.distance == "near" for i in cores.judge_intervals(intervals(8), samples(5, 0.95), [1, 1], 0.5))
    judged = cores.judge_intervals(intervals(8), samples(5, 0.9), [1, 1], 0.5)
    assert len(judged) == 5 and not any(i.valid for i in judged)
    assert abs(judged[0].shares[0] - 0.9) < 1e-6


def test_threads_that_share_a_core_count_together():
    halves = [{**s, "ran": [s["ran"][0] / 2, s["ran"][0] / 2, s["ran"][1]]} for s in samples(5, 0.95)]
    assert all(i.valid for i in cores.judge_intervals(intervals(8), halves, [2, 1], 0.5))
    assert not any(i.valid for i in cores.judge_intervals(intervals(8), halves, [1, 1, 1], 0.5))


def test_intervals_count_while_the_distance_stays():
    moved = samples(5, 1)
    for s in moved[20:]:
        s["trip_ns"] = 300
    judged = cores.judge_intervals(intervals(10), moved, [1, 1], 0)
    assert [i.distance for i in judged] == ["near"] * 3 + [None] * 2 + ["far"] * 4
    assert all(i.valid == (i.distance is not None) for i in judged)


def test_priming_is_not_measured():
    both = intervals(6) + [{**i, "clock": i["clock"] + 1.5} for i in intervals(4)]
    assert len(cores.last_trial(both)) == 4 and len(cores.last_trial(both[:6])) == 6


def measured(dut, *values, distance="near"):
    return [run.Measurement(dut, distance if v else None, v) for v in values]


def test_ratio():
    def r(a, b):
        return verdict.ratio(verdict.figures(a), verdict.figures(b), 3)
    assert r(measured("weft", 10e6, 11e6, 12e6), measured("ovs", 2e6, 2.2e6, 2.1e6))[0] == 11 / 2.1
    for a, b in [(measured("weft", 10e6, None, None), measured("ovs", 2e6, 2e6, 2e6)),
                 (measured("weft", 10e6, 16e6, 12e6), measured("ovs", 2e6, 2e6, 2e6)),
                 (measured("weft", 10e6, 10e6), measured("ovs", 2e6, 2e6, distance="far")),
                 ([], measured("ovs", 2e6))]:
        value, where, why = r(a, b)
        assert value is None and where is None and "too noisy" in why
    far = measured("weft", 3e6, 3e6, distance="far") + measured("weft", 9e6)
    assert r(far, measured("ovs", 1e6, 1e6, distance="far")) == (3, "far", None)


def example():
    return {"both-all": {"weft": measured("weft", 9e6, 9.5e6, 9e6), "ovs": measured("ovs", 1e6, 1.1e6, 1e6),
                         "testpmd": measured("testpmd", 20e6, None, None)},
            "latency-out": {"weft": measured("weft", 500, 510, 505), "testpmd": measured("testpmd", 400, 410, 405)}}


def test_floors():
    rows = {r["under"] if "under" in r else r["what"]: r for r in verdict.floors(example(), 3, cases.FLOORS)}
    held = {what: r["held"] for what, r in rows.items()}
    assert held == {"policy and routing both ways, 10k sessions : OVS with conntrack": True,
                    "the same : testpmd io both ways": None, "latency p50, one packet in flight : testpmd io": True}
    lines = list(text.floor_lines(rows.values()))
    assert "1 of 3 rounds" in lines[2] and "held" in lines[1]


def test_table():
    case = next(c for c in cases.CASES if c.name == "both-all")
    lines = list(text.case_lines(case, example()["both-all"], 3))
    assert "weft : ovs 9.00" in lines[1] and "no ratio" in lines[2]
    by_dut = {"weft": measured("weft", 2e6, 2e6, 2e6), "weft-xdp": measured("weft-xdp", 3e6, 3e6, 3e6),
              "kernel": measured("kernel", 1e6, 1e6, 1e6)}
    lines = list(text.case_lines(case, by_dut, 3))
    assert "weft : kernel 2.00; weft-xdp : kernel 3.00" in lines[2] and ":" not in lines[1]


def test_figures_of_one_round_are_doubted():
    figure = verdict.figures(measured("weft", 1e6))["near"]
    assert verdict.trust(figure, 3) == "1 of 3 rounds were quiet enough" and verdict.trust(figure, 1) is None
    assert verdict.trust(None, 3) == "not measured"
    even = verdict.figures(measured("weft", 1e6, 4e6, 2e6, 3e6))["near"]
    assert even.median == 2.5e6 and even.least == 1e6 and even.greatest == 4e6 and verdict.trust(even, 4)


def test_frames():
    out = {"src_mac": traffic.VM_MAC, "dst_mac": traffic.FAR_MAC, "src_ip": "10.1.0.11", "dst_ip": "10.1.0.12",
           "src_port": 10000, "dst_port": 20000}
    frame = frames.plain(out, 64)
    assert len(frame) == 64 and frames.ones_complement(frame[14:34]) == 0 and frame[34:38] == b"\x27\x10\x4e\x20"
    (plain, at), (tunnel, back_at) = frames.sources(next(c for c in cases.CASES if c.name == "kernel-in"), False)
    assert len(plain) == 64 and len(tunnel) == 64 + frames.OUTER and plain[at:at + 2] == tunnel[back_at:back_at + 2]
    assert frames.ones_complement(tunnel[14:34]) == 0 and tunnel[46:50] == bytes([0, 0, traffic.VNI, 0])


OUTPUT = """TSC 2600 MHz
session hit, encap, IPv4       64 sessions    127.1 cycles/packet     48.9 ns
two workers : one                     2.04 times (1.73 to 2.35 in 8 of 10 rounds)
uplink to port, XDP frames, 64 bytes, 1000 flows:
  bare XDP redirect         408.92 ns of CPU per frame (408.92-408.92)
                              1.14 Mpps (1.14-1.14)
  xdp uplink, devmap        600.00 ns of CPU per frame (408.92-408.92)
uplink to port, skbs, 64 bytes, 1000 flows:
  bare XDP redirect         1958.01 ns of CPU per frame (1958.01-1958.01)
median   kernel bridge+vxlan                11.50 Gbit/s  (9.00-12.80)  1.00 of the kernel
"""


def test_figures_of_other_programs():
    found = others.read_figures(OUTPUT)
    assert found["session hit, encap, IPv4 64 sessions"] == 127.1 and found["two workers : one"] == 2.04
    assert found["uplink to port, skbs: bare XDP redirect"] == 1958.01 and found["kernel bridge+vxlan"] == 11.5
    rows = {r["what"]: r for r in others.other_floors({"workers": found, "fast-path": found})}
    assert rows["two workers : one"]["held"] is True
    assert abs(rows["fast path, 64 B : bare XDP redirect"]["value"] - 408.92 / 600) < 1e-9
    assert rows["fast path, 64 B : kernel bridge+vxlan with conntrack"]["why"]


class Checker(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.tags, self.outside = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.outside += [v for k, v in attrs if k in ("src", "href")]
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_stands_alone():
    results = example()
    for m in [m for ms in results["latency-out"].values() for m in ms]:
        m.latency_ns = {"p50": 400, "p90": 500, "p99": 600, "p99.9": 700, "p99.99": 900}
    rows = verdict.floors(results, 3, cases.FLOORS)
    checker = Checker()
    checker.feed(page.page({"cpu": "<x>"}, results, rows, ["a < b"], {"t": "u"}))
    assert checker.open == [] and checker.outside == []
    assert checker.tags.count("svg") == 4 and "polyline" in checker.tags


def test_names_of_cases():
    names = [c.name for c in cases.CASES]
    assert len(names) == len(set(names))
    for f in cases.FLOORS:
        for name, dut in (f.over, f.under):
            assert dut in next(c for c in cases.CASES if c.name == name).duts


def test_generator_takes_all_profiles(tmp_path):
    """Each case's profile, on devices that swallow everything. Rings would need the switches."""
    for case in cases.CASES:
        if case.name.startswith(("size-", "rules-", "churn-", "flows-")) or case.tenant == "veth":
            continue  # other numbers in what both-all has; another generator
        for plain in (False, True) if "testpmd" in case.duts else (False,):
            profile = traffic.profile(case, plain)
            profile["ports"] = ["net_null%d,no-rx=1" % i for i in range(case.vms + 1)]
            for stream in profile["streams"]:
                stream["flows"] = min(1000, stream["flows"])
            path = tmp_path / "profile.yaml"
            path.write_text(json.dumps(profile))
            p = subprocess.run([os.environ["PKTGEN"], "--profile", path, "--no-huge", "--memory", "512", "--mbufs",
                                "1024", "--quiet", "--duration", "0.01"],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            assert p.returncode == 0, (case.name, p.stdout)
