# SPDX-License-Identifier: BSD-3-Clause
"""The results as one HTML page with charts, which needs nothing else to be shown."""

import json

from .chart import chart, esc
from .text import short, short_value
from .verdict import case_ratios, figures, trust

COLOURS = {  # light, dark
    "weft": ("#0b6e4f", "#3ddc97"), "weft-xdp": ("#2a9d8f", "#8be8d8"), "weft-tc": ("#6a994e", "#b5d99c"),
    "ovs": ("#c84630", "#ff7f6b"), "ovs-plain": ("#8c2f39", "#f2a7a0"), "testpmd": ("#5c677d", "#a9b4c8"),
    "kernel": ("#b5651d", "#f4a259"), "kernel-ct": ("#7b2d26", "#e07a5f"), "redirect": ("#5c677d", "#a9b4c8")}
STYLE = """:root{color-scheme:light dark;--text:#222;--page:#fff;--faint:#ddd;--soft:#f6f6f6;--bad:#b00020;--good:#0b6e4f;%s}
@media(prefers-color-scheme:dark){:root{--text:#ddd;--page:#16181c;--faint:#3a3f47;--soft:#22262c;--bad:#ff7b8a;--good:#3ddc97;%s}}
body{font:15px/1.4 sans-serif;max-width:80em;margin:2em auto;padding:0 1em;color:var(--text);background:var(--page)}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .8em;border-bottom:1px solid var(--faint);text-align:left}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}tr.first td{border-top:2px solid var(--faint)}
.missed{color:var(--bad)}.held{color:var(--good)}.why{opacity:.75;font-size:.9em}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(30em,1fr));gap:1.5em}figure{margin:0}
figcaption{font-weight:bold}svg{width:100%%;height:auto;overflow:visible}svg text{font:12px sans-serif;fill:var(--text)}
svg text.title{font-style:italic}svg text.value{font-size:10px}svg .grid{stroke:var(--faint)}
svg g line{stroke:currentColor;stroke-width:2}svg g.over line{stroke:var(--text);stroke-width:1}
svg polyline{fill:none;stroke:currentColor;stroke-width:2}svg circle,svg rect{fill:currentColor}
.legend span{margin-right:1.2em}.legend i{display:inline-block;width:.8em;height:.8em;margin-right:.4em;background:currentColor}
%s
pre{background:var(--soft);padding:.6em;overflow-x:auto;font-size:13px}summary{cursor:pointer;font-weight:bold;margin:.6em 0}"""


def style():
    light, dark = ("".join("--%s:%s;" % (n, c[i]) for n, c in COLOURS.items()) for i in (0, 1))
    return STYLE % (light, dark, "".join(".p-%s{color:var(--%s)}" % (n, n) for n in COLOURS))


def best(measurements):
    found = figures(measurements)
    return found.get("near") or found.get("far")


def throughput_chart(title, points, results, x_title, bars=False):
    """points: [(label, case)]."""
    points = [(label, case) for label, case in points if case in results]
    series = {}
    for i, (_, case) in enumerate(points):
        for dut, measurements in results[case].items():
            f = best(measurements)
            if f:
                series.setdefault(dut, [None] * len(points))[i] = tuple(v / 1e6 for v in (f.median, f.least, f.greatest))
    series = {n: series[n] for n in COLOURS if n in series}
    return chart(title, [label for label, _ in points], series, x_title, "million packets per second", bars)


def latency_chart(case, what, results):
    names = ("p50", "p90", "p99", "p99.9", "p99.99")
    series = {}
    for dut, measurements in results.get(case, {}).items():
        of = [m.latency_ns for m in measurements if m.latency_ns and m.distance]
        if of:
            series[dut] = [pick(sorted(l[n] / 1e3 for l in of)) for n in names]
    return chart("Latency, one packet in flight: " + what, names, series, "percentile", "microseconds",
                 is_log=True)


def pick(values):
    return values[len(values) // 2], values[0], values[-1]


def charts(results):
    flows = [("1", "flows-1"), ("1k", "flows-1k"), ("10k", "both-all"), ("100k", "flows-100k"), ("1M", "flows-1M")]
    sizes = [("64", "both-all"), *[(n, "size-" + n) for n in ("128", "256", "512", "1024", "1400", "imix")]]
    rules = [("1", "rules-1"), ("10", "both-all"), ("100", "rules-100"), ("1,000", "rules-1000")]
    ways = ("encapsulation", "out"), ("decapsulation", "in"), ("both ways", "both")
    return "".join([
        throughput_chart("Established sessions, policy, routing, both ways, 64 bytes", flows, results, "sessions"),
        throughput_chart("Packet size, policy, routing, both ways, 10k sessions", sizes, results,
                         "bytes of the tenant's frame"),
        throughput_chart("Rules of the security group, 10k established sessions", rules, results, "rules"),
        throughput_chart("With policy and routing, 10k sessions", [(w, n + "-all") for w, n in ways], results, "way", True),
        throughput_chart("Without policy, 10k flows", [(w, n) for w, n in ways], results, "way", True),
        throughput_chart("Ports in the kernel (veth), policy, 1k sessions", [(w, "kernel-" + n) for w, n in ways], results,
                         "way", True),
        latency_chart("latency-out", "encapsulation", results), latency_chart("latency-in", "decapsulation", results)])


def floor_table(rows):
    body = "".join(
        '<tr><td>%s</td><td class="n">%s</td><td class="n">%s</td><td class="n">%s</td><td class="%s">%s</td></tr>' % (
            esc(r["what"]), "-" if r["value"] is None else short_value(r["value"]), short(r["floor"]), short(r["aim"]),
            "why" if r["held"] is None else "held" if r["held"] else "missed",
            esc(r["why"] or ("held" if r["held"] else "missed") + distance_text(r["distance"]))) for r in rows)
    return '<table><tr><th>figure</th><th class="n">is</th><th class="n">floor</th><th class="n">aim</th><th></th></tr>%s</table>' % body


def distance_text(where):
    return ", cores " + where if where in ("near", "far") else ""


def value_cells(figure):
    if figure is None:
        return '<td class="n">-</td><td class="n"></td><td></td>'
    scale, unit = (1e6, "M/s") if figure.median > 1e4 else (1, "ns")
    return '<td class="n">%.3f %s</td><td class="n">%.3f-%.3f</td><td>%s</td>' % (
        figure.median / scale, unit, figure.least / scale, figure.greatest / scale, figure.distance)


def case_row(case, dut, is_first, figure, rounds, ratios, notes):
    ratio = "; ".join("%s : %s %.2f" % (r["over"], dut, r["value"]) for r in ratios if r["value"])
    doubt = trust(figure, rounds) if figure else "too noisy"
    return '<tr%s><td>%s</td><td class="p-%s">%s</td>%s<td>%s</td><td class="why">%s</td></tr>' % (
        ' class="first"' if is_first else "", esc(case) if is_first else "", dut, esc(dut), value_cells(figure),
        esc(ratio), esc("; ".join(filter(None, [doubt, *notes]))))


def case_table(results, rounds):
    """The figure that a chart shows, too; all of them are in the text below."""
    rows = []
    for case, by_dut in results.items():
        ratios = case_ratios(by_dut, rounds)
        for i, (dut, measurements) in enumerate(by_dut.items()):
            notes = [", ".join("%s %.4g" % n for n in m.notes.items()) for m in measurements[-1:] if m.notes]
            rows.append(case_row(case, dut, i == 0, best(measurements), rounds, [r for r in ratios if r["under"] == dut],
                                 notes))
    return ('<table><tr><th>case</th><th>program</th><th class="n">median</th><th class="n">least-greatest</th>'
            "<th>cores</th><th>ratio</th><th></th></tr>%s</table>" % "".join(rows))


def page(facts, results, rows, lines, others, failures=()):
    """lines: the table as text; others: {title: text} of cases that print their own."""
    about = "".join("<tr><td>%s</td><td>%s</td></tr>" % (esc(k), esc(v)) for k, v in facts.items())
    more = "".join("<details><summary>%s</summary><pre>%s</pre></details>" % (esc(title), esc(text))
                   for title, text in others.items())
    failed = "<h2>Failed</h2><ul>%s</ul>" % "".join('<li class="missed">%s</li>' % esc(f) for f in failures) \
        if failures else ""
    return ('<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Weft beside its peers</title>'
            '<meta name="viewport" content="width=device-width"><style>%s</style>'
            "<h1>Weft beside its peers</h1><table>%s</table>%s<h2>Floors</h2>%s<h2>Charts</h2>"
            '<div class="charts">%s</div><h2>All cases</h2>%s<details><summary>As text</summary><pre>%s</pre></details>'
            "<h2>Other programs</h2>%s<script type=\"application/json\" id=\"facts\">%s</script></html>\n" % (
                style(), about, failed, floor_table(rows), charts(results), case_table(results, facts.get("rounds", 1)),
                esc("\n".join(lines)), more, json.dumps(facts).replace("<", "\\u003c")))
