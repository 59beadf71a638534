# SPDX-License-Identifier: BSD-3-Clause
"""Cases that other programs of perf/ measure and print: each is a command and what its figures are."""

import dataclasses
import re
import subprocess

from .cases import FULL, QUICK, USUAL


@dataclasses.dataclass(frozen=True)
class Other:
    name: str
    level: int
    what: str
    command: tuple  # {build} and {perf} stand for these folders
    pattern: str    # (name, value) of each figure
    seconds: int    # that it may take


OTHERS = [
    Other("own-cycles", QUICK, "cycles per packet in one process, source and sink subtracted",
          ("{build}/perf/bench/weft-bench", "stateful"), r"^(.*?)\s+([\d.]+) cycles", 120),
    Other("fast-path", USUAL, "the programs in the kernel beside bridge+vxlan, and a bare redirect",
          ("{build}/perf/fastpath/weft-bench-fastpath", "pps", "3", "1"), r"^  (\S.*?) +([\d.]+) (?:M/s|Mpps|ns)", 300),
    Other("tcp", USUAL, "TCP between containers on two hosts beside the kernel's bridge and vxlan",
          ("{perf}/compare/tcp", "3", "2"), r"^median +(.*?) +([\d.]+) Gbit/s", 300),
    Other("tcp-fast-path", FULL, "TCP through the programs in the kernel",
          ("{build}/perf/fastpath/weft-bench-fastpath", "tcp", "3", "2"), r"^  (\S.*?) +([\d.]+) Gbit/s", 300),
]


def run_other(other, build, perf):
    """Returns its text and {name: value}."""
    command = [part.format(build=build, perf=perf) for part in other.command]
    p = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=other.seconds,
                       check=False)
    if p.returncode != 0:
        return "%s ended with %d:\n%s" % (" ".join(command), p.returncode, p.stdout[-2000:]), {}
    return p.stdout, {name.strip(): float(value) for name, value in re.findall(other.pattern, p.stdout, re.M)}
