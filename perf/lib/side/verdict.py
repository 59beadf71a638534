# SPDX-License-Identifier: BSD-3-Clause
"""From the rounds of a case to a figure, and from figures to ratios, or to why there is none."""

import dataclasses
import statistics

ROUNDS_MIN = 2     # with the cores at the same distance
TURNS_MIN = 2      # of a round, likewise
SPREAD_MAX = 1.5   # greatest to least of these


@dataclasses.dataclass
class Figure:
    distance: str
    median: float
    least: float
    greatest: float
    rounds: int


def figure_of(where, values):
    """None: there are none."""
    return Figure(where, statistics.median(values), min(values), max(values), len(values)) if values else None


def median_of(values):
    """Of the turns of a round; None: too few count."""
    return statistics.median(values) if len(values) >= TURNS_MIN else None


def value_at(m, where):
    """Of a round, with the cores at this distance, or None."""
    if m.turns is None:
        return m.value if m.distance == where else None
    return median_of([value for w, value in m.turns if w == where])


def figures(measurements):
    """One for each distance that was seen."""
    found = {where: figure_of(where, list(filter(None, (value_at(m, where) for m in measurements))))
             for where in ("near", "far")}
    return {where: figure for where, figure in found.items() if figure}


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


def of_figures(over, under, where, rounds):
    """(ratio, [why not]), or None."""
    a, b = figures(over).get(where), figures(under).get(where)
    return (a.median / b.median, [trust(a, rounds), trust(b, rounds)]) if a and b else None


def of_turns(over, under, where, rounds):
    """The same of programs that took turns: a round's ratio is the median of what adjacent turns have."""
    by_round, ratios = {m.round: m for m in under}, []
    for m in over:
        beside = by_round[m.round].turns if m.round in by_round else []
        ratios.append(median_of([a[1] / b[1] for a, b in zip(m.turns, beside) if a[0] == b[0] == where]))
    figure = figure_of(where, list(filter(None, ratios)))
    return (figure.median, [trust(figure, rounds)]) if figure else None


def took_turns(*all_measurements):
    return all(m.turns is not None for ms in all_measurements for m in ms)


def ratio(over, under, rounds):
    """(value, distance, None), or (None, None, why not), of the rounds of two programs. Compares like with like:
    both with the cores near, or both far; near is preferred."""
    why = "too noisy: no round of both was quiet enough with the cores at one distance"
    compare = of_turns if took_turns(over, under) else of_figures
    for where in ("near", "far"):
        found = compare(over, under, where, rounds)
        if not found:
            continue
        value, reasons = found[0], [r for r in found[1] if r]
        if not reasons:
            return value, where, None
        why = "too noisy: " + "; ".join(dict.fromkeys(reasons))
    return None, None, why


def alone(of, rounds):
    """As ratio, of a figure by itself."""
    why = "too noisy: no round was quiet enough"
    for figure in figures(of).values():
        reason = trust(figure, rounds)
        if reason is None:
            return figure.median, figure.distance, None
        why = "too noisy: " + reason
    return None, None, why


def is_weft(dut):
    return dut.split("-")[0] == "weft"


def case_ratios(by_dut, rounds):
    """Rows: each of Weft's programs to each other one of the case."""
    rows = []
    for under, measurements in by_dut.items():
        for over in by_dut if not is_weft(under) else ():
            if is_weft(over):
                value, where, why = ratio(by_dut[over], measurements, rounds)
                rows.append({"over": over, "under": under, "value": value, "distance": where, "why": why})
    return rows


def floors(results, rounds, table):
    """results: {case: {program: [Measurement]}}. Rows for the floors whose programs were run."""
    rows = []
    for f in table:
        of = results.get(f.case, {})
        if f.over not in of or f.under and f.under not in of:
            continue
        value, where, why = ratio(of[f.over], of[f.under], rounds) if f.under else alone(of[f.over], rounds)
        held = None if value is None else (value <= f.floor if f.least else value >= f.floor)
        rows.append({"what": f.what, "floor": f.floor, "aim": f.aim, "least": f.least, "value": value,
                     "distance": where, "why": why, "held": held})
    return rows
