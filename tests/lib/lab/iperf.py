# SPDX-License-Identifier: BSD-3-Clause
"""TCP throughput with iperf3 between containers, guests, or one of each."""

import json

from .proc import wait_for


def tcp(client, server, seconds=2, family=4, reverse=False, mss=None):
    """Gbit/s received and the number of retransmits, from container client to container server."""
    port = 5201
    process = server.host.lab.spawn(
        ["iperf3", "-s", "-1", "-p", port], server.host.path(server.name + ".iperf"),
        netns=server.ns.name)
    wait_for("iperf3", lambda: ":%d " % port in server.run("ss", "-ltnH"))
    out = client.run("iperf3", "-J", "-c", server.ip(family), "-p", port, "-t", seconds,
                     "--connect-timeout", 3000, *(["-R"] if reverse else []),
                     *(["-M", mss] if mss else []), timeout=seconds + 20)
    process.kill()
    end = json.loads(out)["end"]
    return end["sum_received"]["bits_per_second"] / 1e9, end["sum_sent"].get("retransmits", 0)


def udp(client, server, seconds=1, family=4, mbits=100, size=1200):
    """Datagrams lost and sent."""
    process = server.host.lab.spawn(
        ["iperf3", "-s", "-1"], server.host.path(server.name + ".iperf"), netns=server.ns.name)
    wait_for("iperf3", lambda: ":5201 " in server.run("ss", "-ltnH"))
    out = client.run("iperf3", "-J", "-u", "-c", server.ip(family), "-t", seconds, "-l", size,
                     "-b", "%dM" % mbits, timeout=seconds + 20)
    process.kill()
    end = json.loads(out)["end"]["sum"]
    return end["lost_packets"], end["packets"]


def tcp_from_vm(vm, server, seconds=2, family=4, reverse=False):
    process = server.host.lab.spawn(
        ["iperf3", "-s", "-1"], server.host.path(server.name + ".iperf"), netns=server.ns.name)
    wait_for("iperf3", lambda: ":5201 " in server.run("ss", "-ltnH"))
    out = vm.run("iperf3 -J -c %s -t %d%s" % (
        server.ip(family), seconds, " -R" if reverse else ""), timeout=seconds + 30)
    process.kill()
    end = json.loads(out[out.index("{"):])["end"]
    return end["sum_received"]["bits_per_second"] / 1e9, end["sum_sent"].get("retransmits", 0)
