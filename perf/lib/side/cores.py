# SPDX-License-Identifier: BSD-3-Clause
"""What the two cores did: which intervals of a measurement count."""

import dataclasses
import json
import subprocess
import tempfile

NEAR_NS = 200     # a cache line there and back; less means that the cores share a cache
SHARE = 0.93      # of its core that each polling thread must have had
PERIOD_S = 0.125
DUT_CPU, GENERATOR_CPU = 0, 1


def distance(trips):
    """near, far, or None when it changed or was not measured."""
    trips = [t for t in trips if t > 0]
    if not trips:
        return None
    if max(trips) < NEAR_NS:
        return "near"
    return "far" if min(trips) >= NEAR_NS else None


class Watch:
    """Samples of the two cores and of threads while something runs. groups: lists of threads that share a core; these
    are told by their places in what a sample has."""

    def __init__(self, program, groups):
        self.file = tempfile.TemporaryFile("w+", encoding="ascii")
        self.process = subprocess.Popen(
            [program, str(PERIOD_S), "3600", str(GENERATOR_CPU), str(DUT_CPU), *(str(t) for g in groups for t in g)],
            stdout=self.file)
        self.places = places(groups)

    def samples(self):
        """Up to now."""
        self.file.seek(0)
        return [json.loads(line) for line in self.file.read().splitlines() if line.endswith("}")]

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=10)
        return self.samples()


def places(groups):
    """For each group the places of its threads when all stand in a row."""
    ends = [sum(map(len, groups[:i + 1])) for i in range(len(groups))]
    return [range(end - len(group), end) for group, end in zip(groups, ends)]


def await_near(program, patience_s):
    """Waits until the cores share a cache, for as long as patience lasts. Returns the last distance."""
    trips = []
    with subprocess.Popen([program, "0.2", str(patience_s), str(GENERATOR_CPU), str(DUT_CPU)],
                          stdout=subprocess.PIPE, text=True) as p:
        for line in p.stdout:
            trips.append(json.loads(line)["trip_ns"])
            if distance(trips[-3:]) == "near" and len(trips) >= 3:
                p.terminate()
                break
    return distance(trips[-3:])


@dataclasses.dataclass
class Interval:
    rate: float
    distance: str   # None: it changed
    shares: list    # of a core, for each group of threads
    valid: bool
    sent: float = 0  # packets
    lost: float = 0


def sum_at(samples, clock, threads):
    """Seconds that these threads had run at that time, between the two samples around it."""
    before = after = None
    for s in samples:
        if s["clock"] <= clock:
            before = s
        elif after is None:
            after = s
    if before is None or after is None:
        return None
    part = (clock - before["clock"]) / (after["clock"] - before["clock"])
    return sum(before["ran"][t] + part * (after["ran"][t] - before["ran"][t]) for t in threads)


def judge(samples, begin, end, groups):
    """Distance and shares between two times. groups: places of threads that share a core."""
    shares = []
    for group in groups:
        a, b = (sum_at(samples, t, group) for t in (begin, end))
        shares.append(0 if a is None or b is None else (b - a) / (end - begin))
    around = [s["trip_ns"] for s in samples if begin - PERIOD_S <= s["clock"] <= end + PERIOD_S]
    return distance(around), shares


def last_trial(intervals):
    """Those of the trial that was measured: time begins anew with each."""
    for i in range(len(intervals) - 1, 0, -1):
        if intervals[i]["at"] < intervals[i - 1]["at"]:
            return intervals[i:]
    return intervals


def judge_intervals(intervals, samples, groups):
    """All but the first one, which only tells when the second begins."""
    judged = []
    for last, this in zip(intervals, intervals[1:]):
        where, shares = judge(samples, last["clock"], this["clock"], groups)
        judged.append(Interval(this["received_rate"], where, shares, where is not None and all(s >= SHARE for s in shares),
                               this.get("sent_rate", 0) * (this["clock"] - last["clock"]), this.get("lost", 0)))
    return judged
