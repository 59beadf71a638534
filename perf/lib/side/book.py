# SPDX-License-Identifier: BSD-3-Clause
"""What was measured so far: written to files after each case, so that a run that breaks off is not lost, and
read again to go on with it. Knows how much is left."""

import dataclasses
import json
import os
import time

from . import page, text, verdict
from .others import other_floors
from .run import Measurement

MEASUREMENT_S = 12.0  # about, until some were made
OTHER_PART = 0.25    # of what it may take at most, about
TROUBLE_MAX = 2      # a program that failed so often in a case is left out of its other rounds


def write(path, content):
    """All or nothing."""
    part = "%s.part" % path
    with open(part, "w", encoding="utf-8") as f:
        f.write(content)
    os.replace(part, path)


class Book:
    def __init__(self, facts, rounds, floors, json_path=None, html_path=None):
        self.facts, self.rounds, self.floor_table = facts, rounds, floors
        self.json_path, self.html_path = json_path, html_path
        self.results, self.figures, self.texts, self.failures = {}, {}, {}, []
        self.known = {}      # cases by name, for tables

    def add_case(self, case, by_dut):
        self.results[case.name] = by_dut
        self.save()

    def add_other(self, other, output, figures):
        self.texts["%s: %s" % (other.name, other.what)] = output
        self.figures[other.name] = figures
        if not figures:
            self.failures.append("%s: %s" % (other.name, output[-300:]))
        self.save()

    def failed(self, case, dut, error):
        self.failures.append("%s, %s: %s" % (case, dut, str(error)[-300:]))

    def floors(self):
        return verdict.floors(self.results, self.rounds, self.floor_table) + other_floors(self.figures)

    def lines(self):
        for name, by_dut in self.results.items():
            yield from text.case_lines(self.known[name], by_dut, self.rounds)

    def as_json(self):
        cases = {c: {d: [dataclasses.asdict(m) for m in ms] for d, ms in by.items()} for c, by in self.results.items()}
        ratios = {c: verdict.case_ratios(by, self.rounds) for c, by in self.results.items()}
        return {"facts": self.facts, "floors": self.floors(), "ratios": ratios, "others": self.figures, "texts": self.texts,
                "failures": self.failures, "cases": cases}

    def save(self):
        if self.json_path:
            write(self.json_path, json.dumps(self.as_json(), indent=1) + "\n")
        if self.html_path:
            write(self.html_path, page.page(self.facts, self.results, self.floors(), list(self.lines()), self.texts,
                                            self.failures))

    def resume(self):
        """Takes over what the file of an earlier run has, but for cases that lack a round. That run's facts stay."""
        with open(self.json_path, encoding="utf-8") as f:
            old = json.load(f)
        if old["facts"]["rounds"] != self.rounds:
            raise ValueError("%s is of %d rounds" % (self.json_path, old["facts"]["rounds"]))
        self.facts = {**old["facts"], "resumed": self.facts["when"]}
        self.figures, self.texts = old["others"], old["texts"]
        self.results = {c: {d: [Measurement(**m) for m in ms] for d, ms in by.items()}
                        for c, by in old["cases"].items()
                        if c in self.known and all(len(ms) == self.rounds for ms in by.values())}


class Clock:
    """Tells how much of a run is left, by what its measurements took so far."""

    def __init__(self, n_measurements, others_s, now=time.monotonic):
        self.now, self.start = now, now()
        self.left, self.others_left = n_measurements, others_s * OTHER_PART
        self.took, self.n = 0.0, 0

    def measured(self, n, took):
        self.left, self.took, self.n = self.left - n, self.took + took, self.n + n

    def left_out(self, n):
        self.left -= n

    def other_done(self, seconds):
        self.others_left -= seconds * OTHER_PART

    def show(self):
        each = self.took / self.n if self.n else MEASUREMENT_S
        left = self.left * each + max(0, self.others_left)
        return "%d min gone, about %d min left" % ((self.now() - self.start) / 60 + 0.5, left / 60 + 0.5)
