#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What tools/demo shows: two hosts, two tenants, one underlay; checked, timed and cleaned up."""

import signal
import sys
import time

sys.dont_write_bytecode = True

from lab import Flow, Lab, Skip, wait_for  # noqa: E402
from lab.iperf import tcp, tcp_from_vm  # noqa: E402
from lab.topology import Scene  # noqa: E402

PICTURE = """
        host h1  (VTEP {h1})                            host h2  (VTEP {h2})
  +---------------------------------+               +---------------------------------+
  |  red c1     red v1     blue c1  |               |  red c2     red v2     blue c2  |
  | 10.0.0.11  10.0.0.21  10.0.0.11 |               | 10.0.0.12  10.0.0.22  10.0.0.12 |
  |   |veth      |vhost     |veth   |               |   |veth      |vhost     |veth   |
  |  -+----------+----------+-----  |               |  -+----------+----------+-----  |
  |  weft-dataplane  <-  weftd      |               |  weft-dataplane  <-  weftd      |
  |        | AF_XDP on up0          |               |        | AF_XDP on up0          |
  +--------+------------------------+               +--------+------------------------+
           |          VXLAN: red = VNI 1001, blue = VNI 1002 |
           +------------------ the underlay -----------------+

  red and blue have the same subnets, the same MACs and the same addresses.
"""


class Report:
    def __init__(self):
        self.rows, self.start = [], time.monotonic()

    def say(self, text):
        print("[%5.1f s] %s" % (time.monotonic() - self.start, text), flush=True)

    def check(self, what, ok, figure=""):
        self.rows.append((what, bool(ok), figure))
        self.say("%s %s%s" % ("ok    " if ok else "FAILED", what, ": " + figure if figure else ""))

    def table(self):
        width = max(len(what) for what, _, _ in self.rows)
        print("\n  %-*s  result  figure" % (width, "check"))
        print("  %s  ------  ------" % ("-" * width))
        for what, ok, figure in self.rows:
            print("  %-*s  %-6s  %s" % (width, what, "ok" if ok else "FAILED", figure))
        return all(ok for _, ok, _ in self.rows)


def ping_all(scene, report):
    for tenant in scene.tenants:
        mine = {n: m for (t, n), m in scene.machines.items() if t == tenant}
        pairs = [(a, b) for a in mine for b in mine if a != b]
        for family in (4, 6):
            bad = ["%s->%s" % p for p in pairs
                   if not mine[p[0]].ping(mine[p[1]].ip(family), timeout=3.0)]
            report.check("%s: all pairs ping, IPv%d" % (tenant, family), not bad,
                         ", ".join(bad) or "%d pairs" % len(pairs))


def isolation(scene, report):
    flows = {t: Flow(scene[t, "c1"], scene[t, "c2"], t, pps=2000, seconds=2) for t in scene.tenants}
    for tenant, flow in flows.items():
        counts = flow.finish()
        report.check("%s sees no frame of another tenant" % tenant,
                     not counts["foreign"] and counts["lost_of_sent"] == 0,
                     "%d sent, %d lost, %d foreign" % (
                         counts["sent"], counts["lost_of_sent"], sum(counts["foreign"].values())))


def isolation_by_address(scene, report):
    """An address that only blue has is out of red's reach."""
    report.check("red cannot reach an address that only blue has",
                 not scene["red", "c1"].ping("10.0.0.14", timeout=0.5)
                 and scene["blue", "c1"].ping("10.0.0.14", timeout=3.0), "10.0.0.14")


def wait_traffic(scene):
    start = scene.h2.stats()["red/c2"]["tx_packets"]
    wait_for("traffic", lambda: scene.h2.stats()["red/c2"]["tx_packets"] > start + 100)


def control_restart(scene, report):
    flow = Flow(scene["red", "c1"], scene["red", "c2"], "red", pps=2000, seconds=3)
    wait_traffic(scene)
    scene.h1.kill_weftd(signal.SIGKILL)
    scene.h1.start_weftd()
    scene.h1.wait_in_sync()
    counts = flow.finish()
    report.check("weftd killed and restarted under traffic", counts["lost_of_sent"] == 0,
                 "%d sent, %d lost, longest gap %.1f ms" % (
                     counts["sent"], counts["lost_of_sent"], counts["max_gap_ms"]))


def dataplane_restart(scene, report):
    flow = Flow(scene["red", "c1"], scene["red", "c2"], "red", pps=1000, seconds=4)
    wait_traffic(scene)
    scene.h1.kill_dataplane(signal.SIGKILL)
    scene.h1.start_dataplane()
    counts = flow.finish()
    report.check("weft-dataplane killed and restarted under traffic",
                 counts["max_gap_ms"] < 2000 and not counts["foreign"],
                 "back after %.0f ms, %d foreign" % (
                     counts["max_gap_ms"], sum(counts["foreign"].values())))


def throughput(scene, report):
    gbits, again = tcp(scene["red", "c1"], scene["red", "c2"], seconds=2)
    report.check("TCP, container to container across hosts", gbits > 0.1,
                 "%.2f Gbit/s, %d retransmits" % (gbits, again))
    if ("red", "v1") in scene.machines:
        gbits, again = tcp_from_vm(scene["red", "v1"], scene["red", "c2"], seconds=2)
        report.check("TCP, VM to container across hosts (emulated CPU)", gbits > 0.01,
                     "%.2f Gbit/s, %d retransmits" % (gbits, again))


def ledger(scene, report):
    bad, total = [], 0
    for host in scene.hosts:
        for name, s in host.stats().items():
            dropped = sum(s["dropped"].values())
            total += s["rx_packets"]
            if s["rx_packets"] + s["added"] != s["sent"] + dropped:
                bad.append("%s %s" % (host.name, name))
    report.check("every packet is accounted for on every port", not bad,
                 ", ".join(bad) or "%d packets" % total)


def try_these(scene):
    print("\nEverything stays up. To try, in another terminal:\n")
    weft = scene.lab.binary("tools/weft/weft")
    for h in scene.hosts:
        print("  export WEFT_SOCKET=%s   # %s" % (h.rpc_path, h.name))
    for line in ("status", "port list", "stats", "drops", "fdb list"):
        print("  %s %s" % (weft, line))
    c = scene["red", "c1"]
    print("  nsenter --net=/run/netns/%s ping %s" % (c.ns.name, scene["red", "c2"].ip(4)))
    print("\nCtrl-C ends it.")
    try:
        signal.pause()
    except KeyboardInterrupt:
        print()


def main():
    options = set(sys.argv[1:])
    vm = "--no-vm" not in options
    report = Report()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with Lab() as lab:
        try:
            scene = Scene(lab, tenants=("red", "blue"), containers=("c1", "c2"),
                          vms=("v1", "v2") if vm else (), vm_tenants=("red",),
                          extra=(("blue", "c4"),), say=report.say)
        except Skip as why:
            print("tools/demo: %s; or leave guests out with --no-vm" % why)
            return 1
        print(PICTURE.format(h1=scene.h1.vtep, h2=scene.h2.vtep))
        ping_all(scene, report)
        isolation_by_address(scene, report)
        isolation(scene, report)
        throughput(scene, report)
        control_restart(scene, report)
        dataplane_restart(scene, report)
        scene.h1.wait_ports_up()
        ping_all(scene, report)
        ledger(scene, report)
        good = report.table()
        print("\n%d checks in %.0f s: %s" % (
            len(report.rows), time.monotonic() - report.start,
            "all passed" if good else "SOME FAILED"))
        if "--keep" in options:
            try_these(scene)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
