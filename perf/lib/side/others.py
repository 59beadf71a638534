# SPDX-License-Identifier: BSD-3-Clause
"""Cases that other programs of perf/ measure and print: each is a command and what its figures are."""

import dataclasses
import re
import signal
import subprocess

from .cases import QUICK, USUAL
from .verdict import SPREAD_MAX

FIGURE = re.compile(r"^\s*(?:median +)?(\S.*?) +([\d.]+) (?:cycles|times|ns of CPU|ms of CPU|Gbit/s|M/s)"
                    r"(?:[^()]*\(([\d.]+)-([\d.]+)\))?")


@dataclasses.dataclass(frozen=True)
class Other:
    name: str
    level: int
    what: str
    command: tuple  # {build} and {perf} stand for these folders
    seconds: int    # that it may take


def bench(name, level, what, seconds=120):
    return Other("bench-" + name, level, what, ("{build}/perf/bench/weft-bench", name), seconds)


OTHERS = [
    bench("stateful", QUICK, "cycles per packet of established sessions in one process, source and sink subtracted"),
    bench("workers", QUICK, "two workers beside each other in one process"),
    bench("new", USUAL, "cycles per new session in one process"),
    bench("connections", USUAL, "cycles per TCP connection in one process"),
    Other("product", USUAL, "containers on two hosts: the whole product with its fast path beside bridge+vxlan",
          ("{perf}/compare/fastpath", "--rounds", "3", "--seconds", "2"), 600),
]


def read_figures(text):
    """{name: [value, least, greatest]}, or [value]; what is indented is named after the line above it that ends in a
    colon."""
    section, found = "", {}
    for line in text.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            section = line.split(",")[0].rstrip(":") + ": "
        match = FIGURE.match(line)
        if match:
            name = " ".join(match.group(1).split())
            found[(section if line.startswith(" ") else "") + name] = [float(v) for v in match.groups()[1:] if v]
    return found


def figure_lines(figures):
    for name, (value, *ends) in figures.items():
        yield "  %-60s %10.2f%s" % (name, value, " (%.2f-%.2f)" % tuple(ends) if len(ends) == 2 else "")


def run_other(other, build, perf):
    """Returns its text and {name: value}. However this ends, the program has ended, and cleaned up if it does that
    when it is interrupted."""
    command = [part.format(build=build, perf=perf) for part in other.command]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          start_new_session=True) as p:
        try:
            out, _ = p.communicate(timeout=other.seconds)
        except subprocess.TimeoutExpired:
            out = interrupt(p) + "\nnot done after %d s" % other.seconds
        except BaseException:
            interrupt(p)
            raise
    if p.returncode != 0:
        return "%s ended with %d:\n%s" % (" ".join(command), p.returncode, out[-2000:]), {}
    return out, read_figures(out)


def interrupt(process):
    process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=20)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[0]


@dataclasses.dataclass(frozen=True)
class OtherFloor:
    what: str
    other: str
    over: str         # the name of a figure
    under: str        # that it is divided by, or ""
    floor: float
    aim: float
    least: bool = False  # less is better


OTHER_FLOORS = [
    OtherFloor("own cycles per packet, 64 sessions", "bench-stateful", "session hit, encap, IPv4 64 sessions", "", 130, 70, True),
    OtherFloor("own cycles per packet, 65,536 sessions", "bench-stateful", "session hit, encap, IPv4 65536 sessions", "", 220,
               140, True),
    OtherFloor("two workers : one", "bench-workers", "two workers : one, devices too", "", 1.9, 1.98),
    OtherFloor("container TCP : kernel bridge+vxlan with offloads", "product", "TCP: weft, tc on the uplink (veth)",
               "TCP: kernel bridge+vxlan", 1.0, 1.5),
]


def why_not(figure):
    """None: it may be told."""
    if not figure or not figure[0]:
        return "its program did not tell it"
    if len(figure) == 3 and figure[2] > SPREAD_MAX * figure[1]:
        return "too noisy: rounds differ by %.2f" % (figure[2] / figure[1])
    return None


def other_floors(figures):
    """figures: {other: {name: [value, least, greatest]}}. Rows as those of verdict.floors."""
    rows = []
    for f in OTHER_FLOORS:
        of = figures.get(f.other)
        if of is None:
            continue
        why = why_not(of.get(f.over)) or (why_not(of.get(f.under)) if f.under else None)
        value = None if why else of[f.over][0] / (of[f.under][0] if f.under else 1)
        held = None if value is None else (value <= f.floor if f.least else value >= f.floor)
        rows.append({"what": f.what, "floor": f.floor, "aim": f.aim, "least": f.least, "value": value,
                     "distance": "any", "why": why, "held": held})
    return rows
