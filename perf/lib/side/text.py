# SPDX-License-Identifier: BSD-3-Clause
"""The tables that perf/run prints."""

from .verdict import case_ratios, figures, trust


def show_value(case, figure):
    scale, unit = (1, "ns") if case.pingpong else (1e6, "M/s")
    return "%8.3f %s (%.3f-%.3f)" % (figure.median / scale, unit, figure.least / scale, figure.greatest / scale)


def ratio_text(name, where, ratios):
    """Of Weft's to this program, where the figure of the row has a part in it."""
    told = ["%s : %s %.2f" % (r["over"], name, r["value"]) for r in ratios if r["distance"] == where]
    untold = {r["why"]: "no ratio: " + r["why"] for r in ratios if r["why"]}
    return "  " + "; ".join([*told, *untold.values()]) if told or untold else ""


def case_lines(case, by_dut, rounds):
    """The rows of one case; ratios are those of Weft to the others."""
    for name, measurements in by_dut.items():
        found = figures(measurements)
        line = "%-16s %-9s" % (case.name, name)
        if not found:
            shares = [m.shares for m in measurements if m.shares]
            seen = ", ".join("%.2f" % s for s in shares[-1]) if shares else "?"
            yield line + " too noisy (shares of the cores in the last round: %s)" % seen
            continue
        ratios = [r for r in case_ratios(by_dut, rounds) if r["under"] == name]
        for figure in found.values():
            doubt = trust(figure, rounds)
            yield "%s %-44s %-4s%s%s" % (line, show_value(case, figure), figure.distance,
                                         ratio_text(name, figure.distance, ratios), "  [%s]" % doubt if doubt else "")
    for name, measurements in by_dut.items():
        for m in measurements:
            if m.notes:
                yield "%-16s %-9s %s, loss %.6f %%" % ("", name, ", ".join("%s %.4g" % n for n in m.notes.items()),
                                                      m.loss * 100)


def short(value):
    return "%d" % value if value >= 1e5 else "%g" % value


def short_value(value):
    return "%d" % value if value >= 1e5 else "%.2f" % value


def floor_lines(rows):
    yield "%-72s %8s %7s %7s" % ("against the floors", "is", "floor", "aim")
    for r in rows:
        if r["value"] is None:
            yield "%-72s %8s %7s %7s  %s" % (r["what"], "-", short(r["floor"]), short(r["aim"]), r["why"])
        else:
            yield "%-72s %8s %7s %7s  %s, %s" % (r["what"], short_value(r["value"]), short(r["floor"]), short(r["aim"]),
                                                "held" if r["held"] else "MISSED", r["distance"])
