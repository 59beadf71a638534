# SPDX-License-Identifier: BSD-3-Clause
"""perf/run without processes: which intervals count, when there is a ratio, what is sent, the page."""

import html.parser
import json
import os
import subprocess
import sys

SOURCE = os.environ["WEFT_SOURCE"]
sys.path[:0] = [os.path.join(SOURCE, "perf", "lib"), os.path.join(SOURCE, "tests", "lib")]

from side import book, cases, chart, churn, cores, duts, frames, generator, inkernel, others, page, run, text, traffic, turns, verdict  # noqa: E402

TWO = cores.places([["program"], ["generator"]])


def samples(seconds, share, trip=100):
    return [{"clock": i / 10, "trip_ns": trip, "ran": [i / 10 * share, i / 10]} for i in range(int(seconds * 10) + 1)]


def intervals(n, step=0.25):
    return [{"at": (i + 1) * step, "clock": 1 + i * step, "received_rate": 1e6 + i} for i in range(n)]


def test_distance():
    assert cores.distance([80, 199]) == "near" and cores.distance([200, 400]) == "far"
    assert cores.distance([80, 300]) is None and cores.distance([]) is None and cores.distance([0]) is None


def test_intervals_count_when_threads_had_their_cores():
    assert all(i.valid and i.distance == "near" for i in cores.judge_intervals(intervals(8), samples(5, 0.95), TWO))
    judged = cores.judge_intervals(intervals(8), samples(5, 0.9), TWO)
    assert len(judged) == 7 and not any(i.valid for i in judged)
    assert abs(judged[0].shares[0] - 0.9) < 1e-6


def test_threads_that_share_a_core_count_together():
    halves = [{**s, "ran": [s["ran"][0] / 2, s["ran"][0] / 2, s["ran"][1]]} for s in samples(5, 0.95)]
    together, apart = cores.places([["a", "b"], ["c"]]), cores.places([["a"], ["b"], ["c"]])
    assert together == [range(0, 2), range(2, 3)]
    assert all(i.valid for i in cores.judge_intervals(intervals(8), halves, together))
    assert not any(i.valid for i in cores.judge_intervals(intervals(8), halves, apart))


def test_intervals_count_while_the_distance_stays():
    moved = samples(5, 1)
    for s in moved[20:]:
        s["trip_ns"] = 300
    judged = cores.judge_intervals(intervals(10), moved, TWO)
    assert [i.distance for i in judged] == ["near"] * 3 + [None] * 2 + ["far"] * 4
    assert all(i.valid == (i.distance is not None) for i in judged)


def test_priming_is_not_measured():
    both = intervals(6) + [{**i, "clock": i["clock"] + 1.5} for i in intervals(4)]
    assert len(cores.last_trial(both)) == 4 and len(cores.last_trial(both[:6])) == 6


def measured(dut, *values, distance="near"):
    return [run.Measurement(dut, distance if v else None, v) for v in values]


def test_ratio():
    def r(a, b):
        return verdict.ratio(a, b, 3)
    assert r(measured("weft", 10e6, 11e6, 12e6), measured("ovs", 2e6, 2.2e6, 2.1e6))[0] == 11 / 2.1
    for a, b in [(measured("weft", 10e6, None, None), measured("ovs", 2e6, 2e6, 2e6)),
                 (measured("weft", 10e6, 16e6, 12e6), measured("ovs", 2e6, 2e6, 2e6)),
                 (measured("weft", 10e6, 10e6), measured("ovs", 2e6, 2e6, distance="far")),
                 ([], measured("ovs", 2e6))]:
        value, where, why = r(a, b)
        assert value is None and where is None and "too noisy" in why
    far = measured("weft", 3e6, 3e6, distance="far") + measured("weft", 9e6)
    assert r(far, measured("ovs", 1e6, 1e6, distance="far")) == (3, "far", None)


def in_turns(dut, *rounds):
    """rounds: of each the turns, as "n9" (near, 9 M/s), "f3", or "-"."""
    where = {"n": "near", "f": "far", "-": None}
    return [run.Measurement(dut, round=i, turns=[[where[t[0]], float(t[1:]) * 1e6 if t != "-" else None] for t in r.split()])
            for i, r in enumerate(rounds)]


def test_ratio_of_turns():
    """Within rounds, whatever the machine's speed was in others; of turns beside each other only."""
    weft = in_turns("weft", "n8 n8 f3 n9", "n4 n4", "f3 f3 f3")
    assert verdict.ratio(weft, in_turns("ovs", "n1 n1 f1 -", "n0.5 n0.5", "f1 f1 f1"), 3) == (8, "near", None)
    ovs = in_turns("ovs", "- n1 n1 n1", "n0.5 - n0.5", "-")
    assert verdict.ratio(weft, ovs, 3)[2] == "too noisy: 1 of 3 rounds were quiet enough"
    far = in_turns("ovs", "f1 f1", "n0.5", "f1 f1 f1")
    assert verdict.ratio(weft, far, 3)[0] is None
    lacking = [m for m in in_turns("ovs", "n1 n1", "-", "f1 f1") if m.round != 1]  # it failed in the second one
    assert verdict.ratio(in_turns("weft", "n9 n9", "n1 n1", "f3 f3"), lacking, 3)[2] == \
        "too noisy: 1 of 3 rounds were quiet enough"
    assert {w: (f.median, f.rounds) for w, f in verdict.figures(weft).items()} == {"near": (6e6, 2), "far": (3e6, 1)}


class Still:
    """A player that is not there: a turn takes no time."""

    def __init__(self, where):
        self.where, self.turns = where, []

    def turn(self):
        n = len(self.turns)
        self.turns.append((2 * n + 1.0, 2 * n + 1.8))


class StillWatch:
    """Samples as if the cores were as a player's turns say; None: the generator had too little."""

    def __init__(self, trips):
        self.places, ran = cores.places([["a"], ["b"], ["c"], ["d"]]), 0.0
        self.all = []
        for i in range(1000):
            trip = trips[min(int(i / 10 / 2), len(trips) - 1)]
            ran += 0.1 if trip else 0.05
            self.all.append({"clock": i / 10, "trip_ns": trip or 100, "ran": [i / 10, ran, i / 10, i / 10]})

    def samples(self):
        return self.all


def test_turns_end_when_enough_count():
    def taken(trips, patience_s):
        players = [Still("a"), Still("b")]
        turns.take_turns(players, StillWatch(trips), 4, patience_s)
        assert len(players[0].turns) == len(players[1].turns)
        return len(players[0].turns)
    assert taken([100], 20) == 4 and taken([100, None, 100], 20) == 5
    assert taken([300], 0) == 4 and taken([300], 20) == 12 and taken([None], 0) == 12
    assert taken([300, 300, 300, 100], 20) == 7


def test_what_counts_of_turns():
    """Intervals within turns, and turns with two of three at a distance."""
    told = {"outcome": {"loss": 0.5}, "intervals": [
        {"at": i / 4, "clock": i / 4, "received_rate": 4e6 + i, "sent_rate": 4e6, "lost": 1e4} for i in range(80)]}
    watched = samples(20, 0.95)
    for s in watched[100:]:
        s["trip_ns"] = 300
    m = turns.evaluate("weft", told, watched, TWO, [(1, 2), (5.2, 6.05), (9.25, 10.25), (13, 14.3)])
    assert [w for w, _ in m.turns] == ["near", "near", "near", "far"] and m.distance == "near"
    assert m.turns[0][1] == 4e6 + 6.5 and m.intervals == 9 and m.of == 16 and abs(m.loss - 0.01) < 1e-9
    m = turns.evaluate("weft", told, samples(20, 0.9), TWO, [(1, 2)])
    assert m.turns == [[None, None]] and m.value is None and m.loss == 0.5 and abs(m.shares[0] - 0.9) < 1e-6 and m.of == 4


def test_when_a_generator_sends_what_is_measured():
    def line(at):
        return "%7.1f s  sent %9.3f M/s  received %9.3f M/s  refused %.0f  lost %.0f" % (at, 1, 1, 0, 0)
    assert generator.traffic_s(["EAL: x"], 0) == 0 and generator.traffic_s([line(0.2), line(0.5)], 0) == 0.5
    assert abs(generator.traffic_s([line(0.2), "other", line(1.5)], 0.1) - 1.4) < 1e-9  # sessions were made before the first
    assert generator.traffic_s(["    1.5 s  received     0.700 M/s"], 0) == 1.5  # of ports in the kernel
    assert generator.traffic_s([line(0.2), line(3)], 10) == 0 and generator.traffic_s([line(9.9), line(0.2)], 10) == 0.2


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


def test_program_with_less_to_do(tmp_path):
    case = next(c for c in cases.CASES if c.name == "flows-1M")
    lab = type("Lab", (), {"dir": str(tmp_path)})
    told = {name: duts.POLLING[name](lab, case).case for name in ("weft", "self-1k", "self-rule", "self-ipv4", "ovs-plain")}
    assert told["weft"] == case and told["self-1k"].flows == 1000
    assert [told[n].rules for n in ("weft", "self-rule", "ovs-plain")] == [10, 1, 0] and told["self-ipv4"].ip == 4


def test_sessions_without_room_do_not_count(tmp_path):
    def judged(case, received):
        dut = duts.Ovs(type("Lab", (), {"dir": str(tmp_path / str(received))}), case)
        return dut.after({"outcome": {"streams": [{"received": received}, {"received": 1}]}})
    new, main = (next(c for c in cases.CASES if c.name == name) for name in ("new-sessions", "both-all"))
    assert judged(new, duts.OVS_SESSIONS_MAX - 1) == {} and judged(main, duts.OVS_SESSIONS_MAX) == {}
    try:
        judged(new, duts.OVS_SESSIONS_MAX + 1)
    except RuntimeError as e:
        assert "no room" in str(e)
    else:
        raise AssertionError


def test_floor_of_a_figure_by_itself():
    def row(*values):
        found, = verdict.floors({"connections": {"weft": measured("weft", *values)}}, 3, cases.FLOORS)
        return found["value"], found["held"], found["why"]
    assert row(0.5e6, 0.45e6, None) == (475e3, True, None) and row(0.3e6, 0.3e6) == (300e3, False, None)
    assert row(0.5e6, None, None) == (None, None, "too noisy: 1 of 3 rounds were quiet enough")
    assert list(text.floor_lines([{"what": "x", "value": 475e3, "floor": 4e5, "aim": 1e6, "held": True,
                                   "distance": "near"}]))[1].split() == ["x", "475000", "400000", "1000000", "held,", "near"]


def test_connections_that_fail_do_not_count():
    class Program:
        name, case = "weft", next(c for c in cases.CASES if c.name == "connections")
    told = {"intervals": [{**i, "at": i["at"] + 4} for i in intervals(9)],
            "outcome": {"loss": 0.0, "streams": [{"tcp": {"timed_out": n}} for n in (2, 5)]}}
    m = run.evaluate(Program, told, samples(5, 0.95), TWO)
    assert m.value and m.notes == {"timed_out": 7}
    told["outcome"]["loss"] = 0.002
    assert run.evaluate(Program, told, samples(5, 0.95), TWO).value is None


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


OUTPUT = """TSC 2600 MHz
session hit, encap, IPv4       64 sessions    127.1 cycles/packet     48.9 ns
two workers : one, devices too        2.04 times (1.73 to 2.35 in 8 of 10 rounds)
# round 1  kernel bridge+vxlan                gbits 11.5
TCP, medians of 3 rounds:
  kernel bridge+vxlan                   11.500 Gbit/s (10.100-12.800)
  weft, tc on the uplink (veth)         12.100 Gbit/s (11.000-13.000)
per 64-byte frame, medians of 3 rounds:
  kernel bridge+vxlan                 2100.000 ns of CPU (2000.000-2200.000)
"""


def test_figures_of_other_programs():
    found = others.read_figures(OUTPUT)
    assert found["session hit, encap, IPv4 64 sessions"] == [127.1] and found["two workers : one, devices too"] == [2.04]
    assert found["TCP: kernel bridge+vxlan"] == [11.5, 10.1, 12.8]
    assert found["per 64-byte frame: kernel bridge+vxlan"] == [2100, 2000, 2200] and len(found) == 5
    rows = {r["what"]: r for r in others.other_floors({"bench-workers": found, "product": found})}
    assert rows["two workers : one"]["held"] is True
    assert abs(rows["container TCP : kernel bridge+vxlan with offloads"]["value"] - 12.1 / 11.5) < 1e-9
    found["TCP: kernel bridge+vxlan"][2] = 20
    row, = (r for r in others.other_floors({"product": found}))
    assert row["value"] is None and "too noisy" in row["why"]
    assert others.other_floors({"bench-workers": {}})[0]["why"]


def test_other_program_that_fails_or_hangs():
    def run_other(script, seconds=10):
        return others.run_other(others.Other("x", 1, "y", ("sh", "-c", script), seconds), "build", "perf")
    assert run_other("echo 'a  1.0 times'") == ("a  1.0 times\n", {"a": [1.0]})
    output, figures = run_other("echo no; exit 3")
    assert "ended with 3" in output and "no" in output and figures == {}
    output, figures = run_other("trap 'echo cleaned; exit 1' INT; while :; do sleep 0.1; done", 1)
    assert "cleaned" in output and "not done after 1 s" in output and figures == {}


def new_book(tmp_path):
    b = book.Book({"rounds": 3, "when": "now"}, 3, cases.FLOORS, tmp_path / "r.json", tmp_path / "r.html")
    b.known = {c.name: c for c in cases.CASES}
    return b


def test_book_is_kept_after_each_case_and_read_again(tmp_path):
    b, results = new_book(tmp_path), example()
    b.add_case(b.known["both-all"], results["both-all"])
    kept = json.loads((tmp_path / "r.json").read_text())
    assert list(kept["cases"]) == ["both-all"] and [f["value"] is None for f in kept["floors"]] == [False, True]
    assert {r["under"]: r["value"] for r in kept["ratios"]["both-all"]} == {"ovs": 9, "testpmd": None}
    b.failed("out-all", "ovs", "it ended")
    b.add_other(others.OTHERS[0], "text", {"x": [1.0]})
    again = new_book(tmp_path)
    again.resume()
    assert again.results == {"both-all": results["both-all"]} and again.figures == b.figures
    again.add_case(b.known["latency-out"], results["latency-out"])
    assert len(again.floors()) > len(b.floors()) and "latency-out" in (tmp_path / "r.html").read_text()
    assert not list(tmp_path.glob("*.part"))


def test_time_left():
    now = [0.0]
    clock = book.Clock(10, 240, now=lambda: now[0])
    assert clock.show() == "0 min gone, about 3 min left"
    for _ in range(5):
        now[0] += 60
        clock.measured(1, 60)
    assert clock.show() == "5 min gone, about 6 min left"
    clock.left_out(5)
    clock.other_done(240)
    assert clock.show() == "5 min gone, about 0 min left"


def test_frames():
    out = {"src_mac": traffic.VM_MAC, "dst_mac": traffic.FAR_MAC, "src_ip": "10.1.0.11", "dst_ip": "10.1.0.12",
           "src_port": 10000, "dst_port": 20000}
    frame = frames.plain(out, 64)
    assert len(frame) == 64 and frames.ones_complement(frame[14:34]) == 0 and frame[34:38] == b"\x27\x10\x4e\x20"
    (plain, at), (tunnel, back_at) = frames.sources(next(c for c in cases.CASES if c.name == "kernel-in"), False)
    assert len(plain) == 64 and len(tunnel) == 64 + frames.OUTER and plain[at:at + 2] == tunnel[back_at:back_at + 2]
    assert frames.ones_complement(tunnel[14:34]) == 0 and tunnel[46:50] == bytes([0, 0, traffic.VNI, 0])


def test_blocked_time():
    before = 1.5, [5, 0, 1, 0, 0, 0]
    assert churn.blocked(before, before) == {"blocked_ms": 0, "long_rounds": 0, "rounds_below_ms": 0.064}
    told = churn.blocked(before, (4.0, [7, 1, 1, 0, 0, 0]))
    assert told == {"blocked_ms": 2.5, "long_rounds": 3, "rounds_below_ms": 1.024}


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
    checker.feed(page.page({"cpu": "<x>"}, results, rows, ["a < b"], {"t": "u"}, ["f"]))
    assert checker.open == [] and checker.outside == []
    assert checker.tags.count("svg") == 2 and "polyline" in checker.tags and "rect" in checker.tags


def test_chart():
    assert chart.linear_ticks(9.6) == [0, 2, 4, 6, 8, 10] and chart.linear_ticks(0.5) == [0, 0.1, 0.2, 0.30000000000000004, 0.4, 0.5]
    assert chart.log_ticks(0.4, 35) == [0.1, 1, 10, 100]
    scale = chart.Scale([0.4, 35], True)
    assert scale.y(100) == chart.TOP and scale.y(0.1) == chart.HEIGHT - chart.BOTTOM and scale.y(0) == scale.y(0.1)
    assert [chart.number(v) for v in (0, 0.1, 2, 3.95, 14.75, 250.4)] == ["0", "0.1", "2", "4", "14.8", "250"]
    assert chart.chart("t", ["a", "b"], {"weft": [(1, 1, 1), None]}, "x", "y") == ""
    drawn = chart.chart("t", ["a", "b"], {"weft": [(1, 1, 1), None], "ovs": [(1, 0.5, 2), (3, 3, 3)]}, "x", "y")
    assert "p-weft" not in drawn and drawn.count("<circle") == 2 and "0.5 to 2" in drawn


def test_names_of_cases():
    names = [c.name for c in [*cases.CASES, *others.OTHERS]]
    assert len(names) == len(set(names))
    assert {f.other for f in others.OTHER_FLOORS} <= set(names)
    for f in cases.FLOORS:
        assert {f.over, f.under or f.over} <= set(next(c for c in cases.CASES if c.name == f.case).duts)
    assert all(set(c.duts) <= {*duts.POLLING, *inkernel.IN_KERNEL} for c in cases.CASES)


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
