# SPDX-License-Identifier: BSD-3-Clause
"""Cases that other programs of perf/ measure and print: each is a command and what its figures are."""

import dataclasses
import re
import subprocess

from .cases import QUICK, USUAL


FIGURE = re.compile(r"^\s*(?:median +)?(\S.*?) +([\d.]+) (?:cycles|times|ns of CPU|Gbit/s)")


@dataclasses.dataclass(frozen=True)
class Other:
    name: str
    level: int
    what: str
    command: tuple  # {build} and {perf} stand for these folders
    seconds: int    # that it may take


def bench(name, level, what, seconds=120):
    return Other(name, level, what, ("{build}/perf/bench/weft-bench", name), seconds)


OTHERS = [
    bench("stateful", QUICK, "cycles per packet of established sessions in one process, source and sink subtracted"),
    bench("workers", QUICK, "two workers beside each other in one process"),
    bench("new", USUAL, "cycles per new session in one process"),
    bench("connections", USUAL, "cycles per TCP connection in one process"),
    Other("fast-path", USUAL, "the programs in the kernel beside bridge+vxlan, and a bare redirect",
          ("{build}/perf/fastpath/weft-bench-fastpath", "pps", "3", "1"), 600),
    Other("tcp", USUAL, "TCP between containers on two hosts beside the kernel's bridge and vxlan",
          ("{perf}/compare/tcp", "3", "2"), 300),
]


def read_figures(text):
    """{name: value}; what is indented is named after the line above it that ends in a colon."""
    section, found = "", {}
    for line in text.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            section = line.split(",")[0].rstrip(":") + ("" if "skbs" not in line else ", skbs") + ": "
        match = FIGURE.match(line)
        if match:
            name = " ".join(match.group(1).split())
            found[(section if line.startswith(" ") else "") + name] = float(match.group(2))
    return found


def run_other(other, build, perf):
    """Returns its text and {name: value}."""
    command = [part.format(build=build, perf=perf) for part in other.command]
    p = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=other.seconds,
                       check=False)
    if p.returncode != 0:
        return "%s ended with %d:\n%s" % (" ".join(command), p.returncode, p.stdout[-2000:]), {}
    return p.stdout, read_figures(p.stdout)


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
    OtherFloor("own cycles per packet, 64 sessions", "stateful", "session hit, encap, IPv4 64 sessions", "", 130, 70, True),
    OtherFloor("own cycles per packet, 65,536 sessions", "stateful", "session hit, encap, IPv4 65536 sessions", "", 220, 140,
               True),
    OtherFloor("two workers : one", "workers", "two workers : one", "", 1.9, 1.98),
    OtherFloor("fast path, 64 B : kernel bridge+vxlan with conntrack", "fast-path", "uplink to port: the same, conntrack",
               "uplink to port: xdp uplink, devmap", 5, 8),
    OtherFloor("fast path, 64 B : bare XDP redirect", "fast-path", "uplink to port: bare XDP redirect",
               "uplink to port: xdp uplink, devmap", 0.6, 0.8),
    OtherFloor("container TCP : kernel bridge+vxlan with offloads", "tcp", "weft", "kernel bridge+vxlan", 1.0, 1.5),
]


def other_floors(figures):
    """figures: {other: {name: value}}. Rows as those of verdict.floors."""
    rows = []
    for f in OTHER_FLOORS:
        of = figures.get(f.other)
        if of is None:
            continue
        value, why = None, "its program did not tell it"
        if f.over in of and (not f.under or of.get(f.under)):
            value, why = of[f.over] / (of[f.under] if f.under else 1), None
        held = None if value is None else (value <= f.floor if f.least else value >= f.floor)
        rows.append({"what": f.what, "floor": f.floor, "aim": f.aim, "least": f.least, "value": value,
                     "distance": "any", "why": why, "held": held})
    return rows
