#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What tools/demo shows: two hosts, two tenants, one underlay; checked, timed and cleaned up."""

import os
import signal
import sys
import time

sys.dont_write_bytecode = True

from lab import Flow, Lab, Skip, run, wait_for  # noqa: E402
from lab.iperf import tcp, tcp_from_vm  # noqa: E402
from lab.topology import Scene, mac  # noqa: E402

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


def add_database(scene):
    """A second segment of red behind a router, with a server that only group "client" may use."""
    d = scene.doc.d
    lan = next(s for s in d["segments"] if s["tenant"] == "red")
    lan["subnets"] = [{"prefix": "10.0.0.0/24", "gateway": "10.0.0.1"},
                      {"prefix": "fd00:10::/64", "gateway": "fd00:10::1"}]
    d["segments"].append({"tenant": "red", "name": "db", "network": "main", "vni": 1004, "dhcp": True,
                          "subnets": [{"prefix": "10.0.1.0/24", "gateway": "10.0.1.1"}]})
    d["routers"] = [{"tenant": "red", "name": "r1", "network": "main", "segments": ["lan", "db"]}]
    d["security-groups"] = [
        {"tenant": "red", "name": "client", "rules": [{"direction": "egress"}]},
        {"tenant": "red", "name": "server", "rules": [
            {"direction": "ingress", "protocol": "tcp", "ports": "8080", "remote_group": "client"},
            {"direction": "ingress", "protocol": "icmp", "remote_group": "client"}]}]
    next(p for p in d["ports"] if (p["tenant"], p["name"]) == ("red", "c1"))[
        "security_groups"] = ["client"]
    d["ports"].append({"tenant": "red", "name": "k2", "segment": "db", "host": "h2", "mac": mac("k2"),
                       "addresses": ["10.0.1.32"], "kind": "veth", "device": "red-k2",
                       "security_groups": ["server"]})
    server = scene.lab.container(scene.h2, "red-k2", mac=mac("k2"), mtu=scene.mtu, addresses=[],
                                 device="red-k2")
    scene.apply()
    scene.h2.wait_ports_up()
    return server


def connects(machine, address, port):
    out = machine.run("/usr/bin/python3", "-c",
                      "import socket; socket.create_connection((%r, %d), 1); print('open')" % (
                          address, port), check=False, timeout=10)
    return "open" in out


def routing_and_policy(scene, report):
    report.say("adding a segment, a router, security groups and a machine without an address")
    server, address = add_database(scene), "10.0.1.32"
    script = scene.h2.path("dhcp")
    with open(script, "w") as f:
        f.write("#!/bin/sh\n[ \"$1\" = bound ] || exit 0\n"
                "ip addr add $ip/$mask dev $interface; ip route add default via $router\n")
    os.chmod(script, 0o755)
    server.run("udhcpc", "-i", "eth0", "-n", "-q", "-f", "-s", script, timeout=20)
    report.check("the new machine got its address by DHCP from its host",
                 address in server.run("ip", "address", "show", "dev", "eth0"), address)
    for name in ("c1", "c2"):
        scene["red", name].run("ip", "route", "add", "10.0.1.0/24", "via", "10.0.0.1")
    out = scene["red", "c1"].run("ping", "-n", "-c", 1, "-W", 3, address, check=False)
    report.check("red c1 reaches it through the router, one hop", "ttl=63" in out)
    listeners = [scene.lab.spawn(["/usr/bin/python3", "-m", "http.server", port], scene.h2.path(
        "http-%d.log" % port), netns=server.ns.name) for port in (8080, 8081)]
    for port in (8080, 8081):
        wait_for("the server", lambda: ":%d " % port in server.run("ss", "-ltnH"))
    report.check("its group lets red c1 in on port 8080", connects(scene["red", "c1"], address, 8080))
    report.check("and not on port 8081", not connects(scene["red", "c1"], address, 8081))
    report.check("and not red c2, which is in no group that it names",
                 not connects(scene["red", "c2"], address, 8080)
                 and not scene["red", "c2"].ping(address, timeout=0.5))
    for port, start in ((8080, "reachable: "), (8081, "not reachable: ")):
        said = run(scene.lab.binary("tools/weft/weft"), "--socket", scene.h1.rpc_path, "check", "reach",
                   "red/c1", "red/k2", "tcp/%d" % port, "--probe", "--peer", "h2=" + scene.h2.rpc_path,
                   check=False)
        why = next((line for line in said.splitlines() if line.startswith("because ")), "")
        report.check("weft check reach says so of port %d, and a probe agrees" % port,
                     said.startswith(start) and "did as foretold" in said
                     and "did not" not in said, why)
    for p in listeners:
        p.kill()


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
    for line in ("status", "port list", "stats", "drops", "fdb list", "session list"):
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
        routing_and_policy(scene, report)
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
