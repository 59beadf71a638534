# SPDX-License-Identifier: BSD-3-Clause
"""Many remote ports programmed through store and channel; traffic loses nothing meanwhile."""

import os
import subprocess

from lab.lab import ROOT


def test_a_hundred_thousand_ports_under_traffic():
    """The small form of perf/compare/scale, which exits 1 when a datagram was lost."""
    p = subprocess.run(
        ["/usr/bin/python3", os.path.join(ROOT, "perf/compare/scale"), "100000", "1000"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=200)
    print(p.stdout)
    assert p.returncode == 0, p.stdout[-2000:]
    assert "100000 ports" in p.stdout
