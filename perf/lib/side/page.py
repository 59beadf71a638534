# SPDX-License-Identifier: BSD-3-Clause
"""The results as one HTML page with charts, which needs nothing else to be shown."""

import html
import json

from .verdict import figures

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 560, 300, 60, 46, 16
COLOURS = {"weft": "#0b6e4f", "ovs": "#c84630", "testpmd": "#5c677d"}
STYLE = """body{font:15px sans-serif;max-width:72em;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .8em;border-bottom:1px solid #ddd;text-align:left}
td.n{text-align:right;font-variant-numeric:tabular-nums}.missed{color:#b00020}.held{color:#0b6e4f}
figure{display:inline-block;margin:0 1em 1em 0}figcaption{font-weight:bold}svg text{font:12px sans-serif}
pre{background:#f6f6f6;padding:.6em;overflow-x:auto}"""


def esc(text):
    return html.escape(str(text))


def best(measurements):
    found = figures(measurements)
    return found.get("near") or found.get("far")


def legend(names):
    return "".join('<text x="%d" y="12" fill="%s">%s</text>' % (LEFT + 8 + 90 * i, COLOURS.get(n, "#333"), esc(n))
                   for i, n in enumerate(names))


def axes(labels, top, unit):
    plot = HEIGHT - BOTTOM - TOP
    step = (WIDTH - LEFT - 20) / max(1, len(labels))
    parts = []
    for i in range(5):
        y = TOP + plot * (1 - i / 4)
        parts.append('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/>' % (LEFT, WIDTH - 10, y, y))
        parts.append('<text x="%d" y="%.1f" text-anchor="end">%.3g</text>' % (LEFT - 6, y + 4, top * i / 4))
    for i, label in enumerate(labels):
        parts.append('<text x="%.1f" y="%d" text-anchor="middle">%s</text>' % (
            LEFT + step * (i + 0.5), HEIGHT - BOTTOM + 18, esc(label)))
    parts.append('<text x="4" y="%d">%s</text>' % (HEIGHT - 6, esc(unit)))
    return "".join(parts), step, plot


def chart(title, labels, series, unit):
    """series: {name: [(median, least, greatest) or None]}. Points with bars from least to greatest."""
    values = [v for line in series.values() for v in line if v]
    if not values:
        return ""
    top = max(v[2] for v in values) * 1.1
    base, step, plot = axes(labels, top, unit)
    parts = [base, legend(series)]

    def y(value):
        return TOP + plot * (1 - value / top)
    for name, line in series.items():
        colour = COLOURS.get(name, "#333")
        points = [(LEFT + step * (i + 0.5), v) for i, v in enumerate(line) if v]
        parts.append('<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>' % (
            colour, " ".join("%.1f,%.1f" % (x, y(v[0])) for x, v in points)))
        for x, v in points:
            parts.append('<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="%s"/>' % (x, x, y(v[1]), y(v[2]), colour))
            parts.append('<circle cx="%.1f" cy="%.1f" r="3" fill="%s"><title>%s: %.3g (%.3g-%.3g)</title></circle>' % (
                x, y(v[0]), colour, esc(name), *v))
    return '<figure><figcaption>%s</figcaption><svg width="%d" height="%d" role="img">%s</svg></figure>' % (
        esc(title), WIDTH, HEIGHT, "".join(parts))


def throughput_chart(title, points, results):
    """points: [(label, case)]."""
    points = [(label, case) for label, case in points if case in results]
    series = {}
    for i, (_, case) in enumerate(points):
        for dut, measurements in results[case].items():
            f = best(measurements)
            if f:
                series.setdefault(dut, [None] * len(points))[i] = tuple(v / 1e6 for v in (f.median, f.least, f.greatest))
    return chart(title, [label for label, _ in points], series, "Mpps")


def latency_chart(case, results):
    names = ("p50", "p90", "p99", "p99.9", "p99.99")
    series = {}
    for dut, measurements in results.get(case, {}).items():
        of = [m.latency_ns for m in measurements if m.latency_ns and m.distance]
        if of:
            series[dut] = [tuple(pick(sorted(l[n] / 1e3 for l in of))) for n in names]
    return chart("One packet in flight: " + case, names, series, "us")


def pick(values):
    return values[len(values) // 2], values[0], values[-1]


def charts(results):
    flows = [("1", "flows-1"), ("1k", "flows-1k"), ("10k", "both-all"), ("100k", "flows-100k"), ("1M", "flows-1M")]
    sizes = [("64", "both-all"), *[(n, "size-" + n) for n in ("128", "256", "512", "1024", "1400", "imix")]]
    rules = [("1", "rules-1"), ("10", "both-all"), ("100", "rules-100"), ("1,000", "rules-1000")]
    return "".join([
        throughput_chart("Sessions (policy, routing, both ways, 64 bytes)", flows, results),
        throughput_chart("Packet size (bytes inside, 10k sessions)", sizes, results),
        throughput_chart("Rules (10k established sessions)", rules, results),
        latency_chart("latency-out", results), latency_chart("latency-in", results)])


def floor_table(rows):
    body = "".join(
        '<tr><td>%s</td><td class="n">%s</td><td class="n">%g</td><td class="n">%g</td><td class="%s">%s</td></tr>' % (
            esc(r["what"]), "-" if r["value"] is None else "%.2f" % r["value"], r["floor"], r["aim"],
            "" if r["held"] is None else "held" if r["held"] else "missed",
            esc(r["why"] or ("held" if r["held"] else "missed") + ", cores " + r["distance"])) for r in rows)
    return "<table><tr><th>ratio</th><th>is</th><th>floor</th><th>aim</th><th></th></tr>%s</table>" % body


def page(facts, results, rows, lines, others, failures=()):
    """lines: the table as text; others: {title: text} of cases that print their own."""
    about = "".join("<tr><td>%s</td><td>%s</td></tr>" % (esc(k), esc(v)) for k, v in facts.items())
    more = "".join("<h2>%s</h2><pre>%s</pre>" % (esc(title), esc(text)) for title, text in others.items())
    return ('<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>Weft beside its peers</title><style>%s</style>'
            "<h1>Weft beside its peers</h1><table>%s</table><h2>Floors</h2>%s<h2>Charts</h2>%s<h2>All cases</h2>"
            "<pre>%s</pre>%s<script type=\"application/json\" id=\"facts\">%s</script></html>\n" % (
                STYLE, about, floor_table(rows), charts(results), esc("\n".join(lines)), more,
                json.dumps(facts).replace("<", "\\u003c")))
