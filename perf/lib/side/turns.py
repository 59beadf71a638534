# SPDX-License-Identifier: BSD-3-Clause
"""Measurements of programs that stay up together and take turns: all but one, and their generators, are stopped.

A turn is short, so that programs are compared within seconds, before the cores move or change their speed.
"""

import contextlib
import signal
import statistics
import sys
import time

from lab import Lab, wait_for

from . import cores
from .generator import INTERVAL_S, Generator
from .run import ATTEMPTS, WARM_S, Measurement, program_of, put_first, tell_all

TURN_INTERVALS = 3   # that are measured
VALID_MIN = 2        # of these, at one distance
SETTLE_S = 0.2       # less than an interval: the first one after a pause is for caches to fill and queues to empty
TURN_S = INTERVAL_S * (1 + TURN_INTERVALS) + 0.05
READY_S = 60         # that a generator may take to send what is measured, beside making sessions
ENDLESS_S = 900      # a generator is ended when all is done


class Player:
    """A program and its generator, in a laboratory of their own."""

    def __init__(self, tools, case, name):
        """Returns when packets have flowed for a while, with all of it stopped."""
        self.turns = []
        with contextlib.ExitStack() as stack:
            lab = stack.enter_context(Lab(build=tools.build))  # which reports when this fails
            self.dut = program_of(case, name)(lab, case)
            self.dut.start()
            self.generator = Generator(tools, self.dut, ENDLESS_S)
            stack.callback(self.generator.kill)
            stack.callback(self.resume)  # first of all, since a stopped program does not end
            if tools.first:
                put_first(self.dut, self.generator)
            prime_s = self.dut.prime_s()
            wait_for("%s's packets" % name, lambda: self.generator.traffic_s(prime_s) > WARM_S, READY_S + prime_s)
            self.pause()
            self.stack = stack.pop_all()

    def threads(self):
        """Those that must have their cores: the program's, and the generator's."""
        return [self.dut.tids, [self.generator.pid]]

    def pause(self):
        """What is in the program's queues it may still send on."""
        for process in (self.generator.process, *self.dut.processes()):
            process.send_signal(signal.SIGSTOP)

    def resume(self):
        for process in (*self.dut.processes(), self.generator.process):
            process.send_signal(signal.SIGCONT)

    def turn(self):
        begin = time.monotonic()
        self.resume()
        time.sleep(TURN_S)
        self.turns.append((begin + SETTLE_S, time.monotonic()))
        self.pause()

    def result(self):
        """What the generator tells in the end."""
        for process in self.dut.processes():
            if process.poll() is not None:
                raise RuntimeError("%s ended with %d" % (self.dut.name, process.returncode))
        self.resume()
        self.generator.process.send_signal(signal.SIGINT)
        return self.generator.result(timeout=30)

    def close(self):
        self.stack.close()


def turn_figure(judged):
    """[distance, value], and the intervals that it is made of."""
    for where in ("near", "far"):
        valid = [i for i in judged if i.valid and i.distance == where]
        if len(valid) >= VALID_MIN:
            return [where, statistics.median(i.rate for i in valid)], valid
    return [None, None], []


def last_distance(player, samples, groups):
    """Of its last turn, if that will count: its generator tells its intervals in the end."""
    end = min(player.turns[-1][1], samples[-1]["clock"])
    clocks = [end - INTERVAL_S * n for n in range(TURN_INTERVALS, -1, -1)]
    judged = cores.judge_intervals([{"clock": c, "received_rate": 0} for c in clocks], samples, groups)
    return turn_figure(judged)[0][0]


def groups_of(players, watch):
    return {p: watch.places[2 * i:2 * i + 2] for i, p in enumerate(players)}


def take_turns(players, watch, n_turns, patience_s):
    """Until all had so many turns with the cores near, or far when patience is over. On a machine that is too busy not
    forever."""
    good, begin, groups = {"near": 0, "far": 0, None: 0}, time.monotonic(), groups_of(players, watch)
    for _ in range(ATTEMPTS * n_turns):
        for player in players:
            player.turn()
        samples = watch.samples()
        where = {last_distance(p, samples, groups[p]) for p in players}
        good[where.pop() if len(where) == 1 else None] += 1
        if good["near"] >= n_turns or good["far"] >= n_turns and time.monotonic() - begin > patience_s:
            break


def evaluate(name, result, samples, groups, turns):
    """turns: (begin, end) of each. The figure is that of the distance at which most turns count. Loss is that of what
    counts, where the generator's intervals tell it."""
    intervals = cores.last_trial(result["intervals"])
    m, all_judged, counted = Measurement(name, turns=[], loss=result["outcome"]["loss"]), [], []
    for begin, end in turns:
        judged = cores.judge_intervals([i for i in intervals if begin <= i["clock"] <= end], samples, groups)
        figure, valid = turn_figure(judged)
        m.turns.append(figure)
        all_judged += judged
        counted += valid
    tell_all(m, all_judged)
    values = {where: [v for w, v in m.turns if w == where] for where in ("near", "far")}
    where = max(values, key=lambda w: len(values[w]))
    if values[where]:
        m.distance, m.value = where, statistics.median(values[where])
        m.intervals = sum(i.distance == where for i in counted)
    sent = sum(i.sent for i in counted)
    if sent:
        m.loss = sum(i.lost for i in counted) / sent
    return m


def measurement(player, samples, groups):
    result = player.result()
    m = evaluate(player.dut.name, result, samples, groups, player.turns)
    m.notes.update(player.dut.after(result))
    return m


def attempt(call, *args):
    """One program's failure is not the end of the others."""
    try:
        return call(*args)
    except Exception as e:
        return e


def measure(tools, case, names):
    """{program: Measurement, or the exception}."""
    found = {}
    with contextlib.redirect_stdout(sys.stderr), contextlib.ExitStack() as stack:
        players = []
        for name in names:
            found[name] = attempt(Player, tools, case, name)
            if isinstance(found[name], Player):
                players.append(found[name])
                stack.callback(found[name].close)
        if players:
            watch = cores.Watch(tools.cores, [group for p in players for group in p.threads()])
            stack.callback(watch.process.kill)
            take_turns(players, watch, round(case.seconds / INTERVAL_S / TURN_INTERVALS), tools.patience_s)
            samples, groups = watch.stop(), groups_of(players, watch)
            found.update({p.dut.name: attempt(measurement, p, samples, groups[p]) for p in players})
    return found
