#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Every drop reason is produced by some packet case, or named here with the test that has it.

Usage: check_reasons.py DROP_REASON_H CASEFILE...     prints TAP.
"""
import re
import sys

import run_cases

ELSEWHERE = {
    "rx-error": "booked from the device's own count, not by the pipeline (channel)",
    "no-segment": "the contract refuses tenants' ports without one; the pipeline fails closed all the same",
    "tx-error": "no device of today tells a refused frame from a full queue",
}


def main():
    with open(sys.argv[1]) as f:
        reasons = re.findall(r'X\(\d+, \w+, "([a-z0-9-]+)"', f.read())
    produced = set()
    for path in sys.argv[2:]:
        for group in run_cases.CaseFile(path).groups:
            produced |= {name[len("drop."):] for case in group for (_, name) in case.stats
                         if name.startswith("drop.")}
    print(f"1..{len(reasons) + 1}")
    for number, reason in enumerate(reasons, 1):
        note = ELSEWHERE.get(reason)
        good = (reason in produced) != (note is not None)
        print(f"{'ok' if good else 'not ok'} {number} - {reason}" + (f" # {note}" if note else ""))
    unknown = produced - set(reasons)
    print(f"{'not ok' if unknown else 'ok'} {len(reasons) + 1} - cases name no other {sorted(unknown) or ''}")


if __name__ == "__main__":
    main()
