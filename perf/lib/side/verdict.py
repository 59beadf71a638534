# SPDX-License-Identifier: BSD-3-Clause
"""From the rounds of a case to a figure, and from figures to ratios, or to why there is none."""

import dataclasses
import statistics

ROUNDS_MIN = 2     # with the cores at the same distance
SPREAD_MAX = 1.5   # greatest to least of these


@dataclasses.dataclass
class Figure:
    distance: str
    median: float
    least: float
    greatest: float
    rounds: int


def figures(measurements):
    """One for each distance that was seen."""
    found = {}
    for where in ("near", "far"):
        values = [m.value for m in measurements if m.distance == where and m.value]
        if values:
            found[where] = Figure(where, statistics.median(values), min(values), max(values), len(values))
    return found


def trust(figure, rounds):
    """Why a figure says too little, or None."""
    if figure is None:
        return "not measured"
    need = min(ROUNDS_MIN, rounds)
    if figure.rounds < need:
        return "%d of %d rounds were quiet enough" % (figure.rounds, rounds)
    if figure.greatest > SPREAD_MAX * figure.least:
        return "rounds differ by %.2f" % (figure.greatest / figure.least)
    return None


def ratio(over, under, rounds):
    """(value, distance, None), or (None, None, why not). Compares like with like: both with the cores
    near, or both far; near is preferred."""
    why = "too noisy: no round of both was quiet enough with the cores at one distance"
    for where in ("near", "far"):
        a, b = over.get(where), under.get(where)
        if a is None or b is None:
            continue
        reasons = [r for r in (trust(a, rounds), trust(b, rounds)) if r]
        if not reasons:
            return a.median / b.median, where, None
        why = "too noisy: " + "; ".join(dict.fromkeys(reasons))
    return None, None, why


def is_weft(dut):
    return dut.split("-")[0] == "weft"


def case_ratios(by_dut, rounds):
    """Rows: each of Weft's programs to each other one of the case."""
    rows = []
    for under, measurements in by_dut.items():
        for over in by_dut if not is_weft(under) else ():
            if is_weft(over):
                value, where, why = ratio(figures(by_dut[over]), figures(measurements), rounds)
                rows.append({"over": over, "under": under, "value": value, "distance": where, "why": why})
    return rows


def floors(results, rounds, table):
    """results: {case: {program: [Measurement]}}. Rows for the floors whose cases were run."""
    rows = []
    for f in table:
        over, under = (results.get(case, {}).get(dut) for case, dut in (f.over, f.under))
        if over is None or under is None:
            continue
        value, where, why = ratio(figures(over), figures(under), rounds)
        held = None if value is None else (value <= f.floor if f.least else value >= f.floor)
        rows.append({"what": f.what, "floor": f.floor, "aim": f.aim, "least": f.least, "value": value,
                     "distance": where, "why": why, "held": held})
    return rows
