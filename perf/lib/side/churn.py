# SPDX-License-Identifier: BSD-3-Clause
"""What control changes while packets flow. Each function takes the Weft that is measured, works for as
long as its case says, and tells how often it changed something and how long the slowest change took."""

import time

from lab.rpc import Rpc


ROUND_MS, ROUND_CLASS = 0.064, 4  # of stats.workers: the first class of long rounds, and how much wider each next one


def rounds(rpc):
    """ms that long rounds took, and how many there were of each class."""
    answer = rpc.call("stats.workers", {})
    worker, = answer["workers"]
    return worker["long_round_cycles"] * 1e3 / answer["tsc_hz"], worker["long_rounds"]


def blocked(before, after):
    grown = [i for i, (a, b) in enumerate(zip(before[1], after[1])) if b > a]
    return {"blocked_ms": after[0] - before[0], "long_rounds": sum(after[1]) - sum(before[1]),
            "rounds_below_ms": ROUND_MS * ROUND_CLASS ** (grown[-1] + 1 if grown else 0)}


def work(dut, change, pause_s=0.0):
    rpc, slowest, n = Rpc(dut.host.rpc_path), 0.0, 0
    before = rounds(rpc)
    end = time.monotonic() + dut.case.seconds
    while time.monotonic() < end:
        begin = time.monotonic()
        change(rpc, n)
        slowest = max(slowest, time.monotonic() - begin)
        n += 1
        time.sleep(pause_s)
    return {"changes": n, "slowest_change_ms": slowest * 1e3, **blocked(before, rounds(rpc))}


def rules(dut):
    """The port's group gets other rules, which judge all of its sessions again."""
    def change(rpc, n):
        extra = [{"direction": "ingress", "protocol": "tcp", "ports": str(30000 + n % 1000)}]
        rpc.call("security-group.update", {"tenant": "red", "name": "sg", "rules": extra + dut.rules()})
    return work(dut, change, 0.05)


def routes(dut):
    def change(rpc, n):
        name = {"tenant": "red", "name": "churn"}
        if n % 2:
            rpc.call("route.delete", name)
        else:
            rpc.call("route.create", {**name, "router": "r1", "prefix": "192.0.2.0/24", "unreachable": True})
    return work(dut, change, 0.01)


def ports(dut):
    def change(rpc, n):
        rpc.call("port.create", {"tenant": "red", "name": "churn", "segment": "lan", "host": dut.host.name,
                                 "mac": "52:54:00:00:01:01", "addresses": ["10.1.0.99"], "kind": "memif",
                                 "device": dut.socket(9), "server": True})
        rpc.call("port.delete", {"tenant": "red", "name": "churn"})
    return work(dut, change, 0.01)


def stats(dut):
    """As a collector asks ten times a second."""
    def change(rpc, n):
        rpc.call("stats.ports", {})
        rpc.call("stats.workers", {})
    return work(dut, change, 0.1)


def nothing(dut):
    """What packets lose anyway."""
    return work(dut, lambda rpc, n: None, 0.1)


CHURN = {f.__name__: f for f in (nothing, rules, routes, ports, stats)}
