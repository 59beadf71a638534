#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What tools/test does: builds Weft (plain, and with ASan and UBSan) and runs its tests.

usage: sudo tools/test [--list] [--no-asan] [--quick] [PATTERN...]

  PATTERN    only tests whose name contains one of the patterns (default: all)
  --list     names the tests instead of running them
  --no-asan  leaves the sanitizer build out
  --quick    neither sanitizer build nor end-to-end tests

A few that fail beside others are run once more, alone: a machine that is busy with others' work makes
tests fail by time. What passes then counts as passed, and is named in the end.

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
AGAIN_MAX, AGAIN_S = 20, 300  # failures of one module's fixture, say; more are no accident
SANITIZER_SAYS = "Sanitizer", "runtime error:"


class Totals:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures, self.skips, self.alone = [], [], []

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


def judge(run, names, totals):
    """run(names, alone): {name: (result, why)} of all that were run. What is faulty is not tried again."""
    results = run(names, False)
    failed = [name for name, (result, _) in results.items() if result == "failed"]
    if 0 < len(failed) <= AGAIN_MAX:
        say("once more, alone: %s" % ", ".join(failed))
        with contextlib.suppress(subprocess.TimeoutExpired):
            again = run(failed, True)
            totals.alone += [name for name in failed if again.get(name, ("failed",))[0] == "passed"]
            results.update(again)
    for name, (result, why) in results.items():
        totals.add(name, result, why)


def run_meson(directory, label, patterns, totals):
    names = meson_tests(directory, patterns)
    if not names:
        return
    of_label = " (%s)" % label
    log = os.path.join(ROOT, directory, "meson-logs", "testlog.json")

    def run(names, alone):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(log)
        # One more than CPUs: some mostly wait.
        subprocess.run(
            ["meson", "test", "-C", directory, "--no-rebuild", "--print-errorlogs",
             "--timeout-multiplier", TIMEOUT_TIMES, "--num-processes",
             "1" if alone else str(os.cpu_count() + 1), *(n.removesuffix(of_label) for n in names)],
            cwd=ROOT, env={**os.environ, **ENV}, timeout=AGAIN_S if alone else TIMEOUT_S)
        results = {}
        with open(log) as f:
            for t in map(json.loads, f):
                output = t.get("stdout", "") + t.get("stderr", "")
                failed = "faulty" if any(word in output for word in SANITIZER_SAYS) else "failed"
                result = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}.get(t["result"], failed)
                name = t["name"].split(" / ")[-1]  # behind its suites
                results[name + of_label] = result, last_lines(output, 3)
        return results
    say("%d test programs, %s build" % (len(names), label))
    with timed("test programs, %s build," % label):
        judge(run, names, totals)


def pytest_names(patterns):
    out = subprocess.run(
        ["/usr/bin/python3", "-m", "pytest", "--collect-only", "-q", "tests/e2e", "tests/fault"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, **ENV}).stdout
    return [line for line in out.splitlines() if "::" in line and matches(line, patterns)]


def result_of(case):
    """Of a test case in pytest's report."""
    skip, fail = case.find("skipped"), case.find("failure")
    fail = case.find("error") if fail is None else fail
    if fail is not None:
        return "failed", fail.get("message", "")[:300]
    return ("skipped", skip.get("message", "")) if skip is not None else ("passed", "")


def pytest_once(names, alone):
    report = os.path.join(ROOT, "build", "e2e.xml")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(report)
    subprocess.run(
        ["/usr/bin/python3", "-m", "pytest", "-q", *([] if alone else ["-n", "2", "--dist", "loadfile"]),
         "--timeout", "240", "-p", "no:cacheprovider", "--durations", "20", "--junitxml", report,
         *names],
        cwd=ROOT, env={**os.environ, **ENV}, timeout=AGAIN_S if alone else TIMEOUT_S)
    if not os.path.exists(report):
        return {"end-to-end tests": ("failed", "pytest wrote no report")}
    return {"%s.py::%s" % (case.get("classname").replace(".", "/"), case.get("name")): result_of(case)
            for case in ElementTree.parse(report).iter("testcase")}


def run_pytest(patterns, totals):
    names = pytest_names(patterns)
    if names:
        say("%d end-to-end tests" % len(names))
        with timed("end-to-end tests"):
            judge(pytest_once, names, totals)


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
    for name in totals.alone:
        print("failed beside others, passed alone: %s" % name)
    for name, why in totals.failures:
        print("FAILED: %s\n%s" % (name, why))
    print("%d passed, %d failed, %d skipped" % (totals.passed, totals.failed, totals.skipped))
    return 1 if totals.failed or totals.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
