# SPDX-License-Identifier: BSD-3-Clause
"""Measurements of programs one after the other: each with its generator, and what the cores did meanwhile."""

import contextlib
import dataclasses
import os
import statistics
import sys
import threading
import time

from lab import Lab

from . import cores
from .duts import POLLING
from .generator import INTERVAL_S, Generator
from .inkernel import IN_KERNEL

WARM_S, WARM_NEW_S = 1.0, 4.0  # new sessions: until memory has been used once, and as many end as begin
ATTEMPTS = 3
VALID_MIN = 4         # intervals
FIRST = -20           # nice
FAILED_MAX = 0.001    # of connections


@dataclasses.dataclass
class Measurement:
    """Of one program in one round."""
    dut: str
    distance: str = None      # near, far; None: too noisy to say anything
    value: float = None       # packets per second, or ns with one in flight
    intervals: int = 0        # that counted
    of: int = 0
    unfiltered: float = None  # the median of all intervals, whatever the cores did
    shares: list = None       # of their cores that the threads had, median: program's, then generator's
    latency_ns: dict = None
    loss: float = None
    notes: dict = dataclasses.field(default_factory=dict)
    round: int = 0
    turns: list = None        # [distance, value], or [None, None], of each turn beside the case's other programs


@dataclasses.dataclass
class Tools:
    build: str
    pktgen: str
    live: str
    cores: str
    patience_s: float = 20    # for near cores
    first: bool = False       # both threads go before other programs


def one_class(result, samples, groups):
    """With one packet in flight the run is judged as a whole: most of it with the cores at one distance."""
    last = cores.last_trial(result["intervals"])
    begin, end = last[0]["clock"], last[-1]["clock"]
    _, shares = cores.judge(samples, begin, end, groups)
    near = [0 < s["trip_ns"] < cores.NEAR_NS for s in samples if begin <= s["clock"] <= end]
    part = sum(near) / max(1, len(near))
    where = "near" if part >= 0.8 else "far" if part <= 0.2 else None
    return where if all(s >= cores.SHARE for s in shares) else None, shares


def total_latency(result):
    """Of the stream that was measured most."""
    with_latency = [s for s in result["outcome"]["streams"] if "latency_ns" in s]
    return max(with_latency, key=lambda s: s["received"])["latency_ns"] if with_latency else None


def warm_s(case):
    return WARM_NEW_S if case.makes_sessions else WARM_S


def tell_all(m, judged):
    """What is told of all intervals, whether they count or not."""
    m.of = len(judged)
    if judged:
        m.unfiltered = statistics.median(i.rate for i in judged)
        m.shares = [statistics.median(s) for s in zip(*(i.shares for i in judged))]


def evaluate(dut, result, samples, groups):
    m = Measurement(dut.name, latency_ns=total_latency(result), loss=result["outcome"]["loss"])
    if dut.case.pingpong:
        m.distance, m.shares = one_class(result, samples, groups)
        m.value = m.latency_ns["p50"] if m.distance and m.latency_ns else None
        m.of = m.intervals = 1
        return m
    intervals = [i for i in cores.last_trial(result["intervals"]) if i["at"] > warm_s(dut.case)]
    judged = cores.judge_intervals(intervals, samples, groups)
    tell_all(m, judged)
    if dut.case.connections:
        m.notes["timed_out"] = sum(s["tcp"]["timed_out"] for s in result["outcome"]["streams"])
        if m.loss > FAILED_MAX:
            return m
    for where in ("near", "far"):
        valid = [i.rate for i in judged if i.valid and i.distance == where]
        if len(valid) >= VALID_MIN and len(valid) > m.intervals:
            m.distance, m.value, m.intervals = where, statistics.median(valid), len(valid)
    return m


def put_thread_first(tid):
    """Before other sessions, too, which the scheduler otherwise treats as equals."""
    os.setpriority(os.PRIO_PROCESS, tid, FIRST)
    with contextlib.suppress(OSError):  # the kernel's threads and some kernels have no groups
        with open("/proc/%d/autogroup" % tid, "w", encoding="ascii") as f:
            f.write(str(FIRST))


def put_first(dut, generator):
    """All of the program, whose other threads are on the generator's core: Weft's clock is one of them, and stands
    still when it gets nothing."""
    for process in (*dut.processes(), generator.process):
        for tid in map(int, os.listdir("/proc/%d/task" % process.pid)):
            put_thread_first(tid)
    for tid in dut.tids:  # which may be the kernel's
        put_thread_first(tid)


def generate(tools, dut):
    """Runs the generator beside a program that is ready. Returns its measurement."""
    generator = Generator(tools, dut, warm_s(dut.case) + dut.case.seconds + 2 * INTERVAL_S)
    if tools.first:
        put_first(dut, generator)
    watch = cores.Watch(tools.cores, [dut.tids, [generator.pid]])
    notes = {}
    side = threading.Thread(target=lambda: notes.update(dut.during()))
    try:
        if dut.case.churn:
            time.sleep(warm_s(dut.case) + 1)
            side.start()
        result = generator.result(timeout=120)
    finally:
        generator.kill()
        samples = watch.stop()
        if side.ident:
            side.join()
    m = evaluate(dut, result, samples, watch.places)
    m.notes.update(notes)
    m.notes.update(dut.after(result))
    return m


def program_of(case, name):
    return (IN_KERNEL if case.tenant == "veth" else POLLING)[name]


def measure_once(tools, case, name):
    with contextlib.redirect_stdout(sys.stderr), Lab(build=tools.build) as lab:  # which reports when this fails
        dut = program_of(case, name)(lab, case)
        dut.start()
        return generate(tools, dut)


def measure_one(tools, case, name):
    """Tries again while the cores were too busy."""
    for _ in range(ATTEMPTS):
        cores.await_near(tools.cores, tools.patience_s)
        m = measure_once(tools, case, name)
        if m.value is not None:
            break
    return m


def measure(tools, case, names):
    """{program: Measurement, or the exception}. One program's failure is not the end of the others."""
    found = {}
    for name in names:
        try:
            found[name] = measure_one(tools, case, name)
        except Exception as e:
            found[name] = e
    return found
