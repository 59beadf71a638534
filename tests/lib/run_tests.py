#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What tools/test does: builds Weft (plain, and with ASan and UBSan) and runs its tests.

usage: sudo tools/test [--list] [--no-asan] [--quick] [PATTERN...]

  PATTERN    only tests whose name contains one of the patterns (default: all)
  --list     names the tests instead of running them
  --no-asan  leaves the sanitizer build out
  --quick    neither sanitizer build nor end-to-end tests

The last line is: N passed, N failed, N skipped. The exit code is 0 when nothing failed.
"""

import contextlib
import glob
import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
# Lines for reports, no more: less than half the compiler's time of -O2 -g.
SANITIZE = ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Doptimization=1",
            "-Ddebug=false", "-Dc_args=-g1"]
ENV = {"ASAN_OPTIONS": "detect_odr_violation=0:abort_on_error=1", "PYTHONDONTWRITEBYTECODE": "1",
       "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
TIMEOUT_S = 1500
TIMEOUT_TIMES = "4"  # of a test program: the machine may be busy with others' work


class Totals:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures, self.skips = [], []

    def add(self, name, result, why=""):
        if result == "passed":
            self.passed += 1
        elif result == "skipped":
            self.skipped += 1
            self.skips.append((name, why))
        else:
            self.failed += 1
            self.failures.append((name, why))


def say(text):
    print("== %s" % text, flush=True)


@contextlib.contextmanager
def timed(what):
    start = time.monotonic()
    yield
    say("%s took %.0f s" % (what, time.monotonic() - start))


def build(directory, options, target="all"):
    if not os.path.exists(os.path.join(directory, "build.ninja")):
        subprocess.run(["meson", "setup", directory, *options], cwd=ROOT, check=True,
                       stdout=subprocess.DEVNULL)
    with timed("building %s" % directory):
        p = subprocess.run(["ninja", "-C", directory, target], cwd=ROOT, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True)
    if p.returncode != 0:
        print(p.stdout[-8000:])
        raise SystemExit("the build in %s failed" % directory)


def matches(name, patterns):
    return not patterns or any(p in name for p in patterns)


def meson_tests(directory, patterns):
    out = subprocess.run(["meson", "introspect", "--tests", directory], cwd=ROOT, check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    return [t["name"] for t in json.loads(out) if matches(t["name"], patterns)]


def last_lines(text, n=12):
    return "\n".join("      " + line for line in (text or "").strip().splitlines()[-n:])


def run_meson(directory, label, patterns, totals):
    names = meson_tests(directory, patterns)
    if not names:
        return
    say("%d test programs, %s build" % (len(names), label))
    # One more than CPUs: some mostly wait.
    with timed("test programs, %s build," % label):
        subprocess.run(
            ["meson", "test", "-C", directory, "--no-rebuild", "--print-errorlogs",
             "--timeout-multiplier", TIMEOUT_TIMES, "--num-processes", str(os.cpu_count() + 1),
             *names],
            cwd=ROOT, env={**os.environ, **ENV}, timeout=TIMEOUT_S)
    with open(os.path.join(ROOT, directory, "meson-logs", "testlog.json")) as f:
        for line in f:
            t = json.loads(line)
            name = "%s (%s)" % (t["name"], label)
            result = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}.get(
                t["result"], "failed")
            totals.add(name, result, last_lines(t.get("stdout", "") + t.get("stderr", ""), 3))


def pytest_names(patterns):
    out = subprocess.run(
        ["/usr/bin/python3", "-m", "pytest", "--collect-only", "-q", "tests/e2e", "tests/fault"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, **ENV}).stdout
    return [line for line in out.splitlines() if "::" in line and matches(line, patterns)]


def run_pytest(patterns, totals):
    names = pytest_names(patterns)
    if not names:
        return
    say("%d end-to-end tests" % len(names))
    report = os.path.join(ROOT, "build", "e2e.xml")
    subprocess.run(
        ["/usr/bin/python3", "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile",
         "--timeout", "240", "-p", "no:cacheprovider", "--durations", "20", "--junitxml", report,
         *names],
        cwd=ROOT, env={**os.environ, **ENV}, timeout=TIMEOUT_S)
    if not os.path.exists(report):
        totals.add("end-to-end tests", "failed", "pytest wrote no report")
        return
    for case in ElementTree.parse(report).iter("testcase"):
        name = "%s::%s" % (case.get("classname"), case.get("name"))
        skip, fail = case.find("skipped"), case.find("failure")
        fail = case.find("error") if fail is None else fail
        if fail is not None:
            totals.add(name, "failed", fail.get("message", "")[:300])
        elif skip is not None:
            totals.add(name, "skipped", skip.get("message", ""))
        else:
            totals.add(name, "passed")


def run_lints(patterns, totals):
    for lint in sorted(glob.glob(os.path.join(ROOT, "tools/dev/check-*"))):
        name = "lint/" + os.path.basename(lint)
        if matches(name, patterns):
            p = subprocess.run([lint], cwd=ROOT, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
            if p.returncode != 0:
                print(p.stdout)
            totals.add(name, "failed" if p.returncode else "passed", last_lines(p.stdout, 5))


def main():
    options = {a for a in sys.argv[1:] if a.startswith("-")}
    patterns = [a for a in sys.argv[1:] if not a.startswith("-")]
    if options - {"--list", "--no-asan", "--quick"}:
        print(__doc__.strip())
        return 0 if options & {"--help", "-h"} else 2
    asan = not options & {"--no-asan", "--quick"}
    e2e = "--quick" not in options

    say("building")
    build("build", [])
    if "--list" in options:
        print("\n".join(meson_tests("build", patterns) + pytest_names(patterns)))
        return 0
    totals = Totals()
    run_lints(patterns, totals)
    run_meson("build", "plain", patterns, totals)
    if asan:
        build("build-asan", SANITIZE, "meson-test-prereq")
        run_meson("build-asan", "sanitized", patterns, totals)
    if e2e:
        run_pytest(patterns, totals)

    for name, why in totals.skips:
        print("skipped: %s: %s" % (name, (why or "").strip()))
    for name, why in totals.failures:
        print("FAILED: %s\n%s" % (name, why))
    print("%d passed, %d failed, %d skipped" % (totals.passed, totals.failed, totals.skipped))
    return 1 if totals.failed or totals.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
