#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs a fuzz target as a test: its seeds, its regressions, then a fixed number of mutations.

usage: run.py TARGET REGRESSIONS [RUNS]

A finding is left in the current folder (crash-*): add it to REGRESSIONS with the repair.
"""
import os
import subprocess
import sys
import tempfile


def main():
    target, regressions, runs = sys.argv[1], sys.argv[2], (sys.argv + ["200000"])[3]
    env = dict(os.environ, ASAN_OPTIONS="detect_odr_violation=0:detect_leaks=0",
               UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")
    with tempfile.TemporaryDirectory() as corpus:
        subprocess.run([target, "--seeds", corpus], check=True, env=env)
        folders = [corpus] + [regressions] * os.path.isdir(regressions)
        result = subprocess.run([target, "-runs=" + runs, "-seed=1", "-max_len=2000", "-timeout=10",
                                 "-verbosity=0", "-print_final_stats=1", *folders], env=env)
    # libFuzzer ends with 77 at a finding, which would read as skipped.
    sys.exit(1 if result.returncode else 0)


if __name__ == "__main__":
    main()
