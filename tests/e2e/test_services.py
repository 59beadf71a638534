# SPDX-License-Identifier: BSD-3-Clause
"""Local services with real clients: DHCPv4, DHCPv6, router advertisements, DNS, and rogue ones.

    w1, w1v on h1, w2 on h2, none with an address of its own; segment web has every service
"""

import os
import re

import pytest

from lab.cloud import Cloud, bare, gateways, mac
from lab.proc import wait_for

SERVICES = {"dhcp": True, "ra": True, "dns_local": True, "domain": "red.example",
            "dns_servers": ["192.0.2.53", "2001:db8::53"], "lease_s": 3600}


@pytest.fixture(scope="module")
def cloud(module_lab):
    return Cloud(module_lab(), ["w1", "w2", "w1v", "d2"], segment_fields=SERVICES, static=False)


def udhcpc(machine):
    """Runs udhcpc with a script that keeps what it was told; returns that."""
    script = os.path.join(machine.host.lab.dir, machine.name + ".udhcpc")
    out = script + ".env"
    with open(script, "w") as f:
        f.write("#!/bin/sh\n[ \"$1\" = bound ] && env > %s\nexit 0\n" % out)
    os.chmod(script, 0o755)
    machine.run("udhcpc", "-i", "eth0", "-n", "-q", "-f", "-s", script, "-O", "staticroutes",
                "-O", "mtu", "-O", "domain", timeout=20)
    with open(out) as f:
        return dict(line.rstrip("\n").split("=", 1) for line in f if "=" in line)


def test_dhcpv4_in_containers(cloud):
    for name in ("w1", "w2"):
        told = udhcpc(cloud[name])
        assert told["ip"] == bare(name)[0]
        assert told["mask"] == "24"
        assert told["router"] == gateways(name)[0]
        assert told["mtu"] == str(cloud.mtu)
        assert told["domain"] == "red.example"
        assert told["lease"] == "3600"
        assert told["hostname"] == name
        assert told["dns"].split()[0] == gateways(name)[0]
        assert "192.0.2.53" in told["dns"]


def use(machine, name):
    """Takes the addresses that DHCP tells."""
    machine.run("ip", "address", "add", bare(name)[0] + "/24", "dev", "eth0", check=False)
    machine.run("ip", "route", "replace", "default", "via", gateways(name)[0], check=False)


def test_dhcpv4_in_a_guest(cloud):
    """busybox's client configures the guest, which then reaches others through the router."""
    vm = cloud["w1v"]
    vm.run("printf '#!/bin/sh\\n[ \"$1\" = bound ] || exit 0\\n"
           "ip addr add $ip/$mask dev $interface\\nip link set $interface mtu $mtu\\n"
           "ip route add default via $router\\n' > /tmp/dhcp.sh; chmod +x /tmp/dhcp.sh")
    vm.run("udhcpc -i eth0 -n -q -f -O mtu -s /tmp/dhcp.sh", timeout=40)
    assert bare("w1v")[0] + "/24" in vm.run("ip addr show dev eth0")
    use(cloud["d2"], "d2")
    assert vm.ping(bare("d2")[0], timeout=3.0)


def test_dhcpv6(cloud):
    lab = cloud.lab
    out = cloud["w1"].run(
        "dhclient", "-6", "-1", "-v", "-cf", "/dev/null", "-lf", os.path.join(lab.dir, "w1.leases"),
        "-pf", os.path.join(lab.dir, "w1.pid"), "-sf", "/bin/true", "eth0", timeout=40)
    cloud["w1"].run("dhclient", "-6", "-x", "-pf", os.path.join(lab.dir, "w1.pid"), "eth0",
                    check=False, timeout=20)
    with open(os.path.join(lab.dir, "w1.leases")) as f:
        leases = f.read()
    assert "iaaddr " + bare("w1")[1] in leases, (out, leases)
    assert "2001:db8::53" in leases


def test_router_advertisement(cloud):
    out = cloud["w2"].run("rdisc6", "-1", "-w", 3000, "eth0", timeout=20)
    assert "fd00:1::/64" in out, out
    assert re.search(r"MTU\s*:\s*%d" % cloud.mtu, out), out
    assert "Recursive DNS server" in out and "2001:db8::53" in out, out


def test_kernel_takes_the_default_route(cloud):
    w2 = cloud["w2"]
    w2.ns.sysctl("net.ipv6.conf.eth0.accept_ra", 2)
    w2.run("rdisc6", "-1", "-q", "eth0", check=False, timeout=20)
    wait_for("a default route", lambda: "default via fe80" in w2.run("ip", "-6", "route"))


def test_dns(cloud):
    use(cloud["w1"], "w1")
    gateway = gateways("w1")[0]

    def dig(*args):
        return cloud["w1"].run("dig", "+time=2", "+tries=1", "@" + gateway, *args, check=False,
                               timeout=20)

    assert bare("w2")[0] in dig("+short", "w2.red.example", "A")
    assert bare("w2")[1] in dig("+short", "w2.red.example", "AAAA")
    assert bare("d2")[0] in dig("+short", "d2.red.example", "A")
    assert "status: REFUSED" in dig("www.example.org", "A")


def test_rogue_servers_are_blocked(cloud):
    """A tenant's DHCP offer and router advertisement reach nobody."""
    sender = ("from scapy.all import *\n"
              "e = Ether(src=%r, dst='ff:ff:ff:ff:ff:ff')\n"
              "sendp(e/IP(src=%r, dst='255.255.255.255')/UDP(sport=67, dport=68)/BOOTP(op=2)/"
              "DHCP(options=[('message-type', 'offer'), 'end']), iface='eth0', verbose=0)\n"
              "sendp(Ether(src=%r, dst='33:33:00:00:00:01')/IPv6(src=%r, dst='ff02::1')/"
              "ICMPv6ND_RA(), iface='eth0', verbose=0)\n")
    w2 = cloud["w2"]
    use(w2, "w2")
    m = mac("w2")
    link_local = re.search(r"inet6 (fe80\S+)/", w2.run("ip", "address", "show", "dev", "eth0")).group(1)
    before = cloud.hosts[1].stats()["red/w2"]["dropped"].get("rogue-server", 0)
    w2.run("/usr/bin/python3", "-c", sender % (m, bare("w2")[0], m, link_local), timeout=30)
    wait_for("both to be dropped", lambda: cloud.hosts[1].stats()["red/w2"]["dropped"].get(
        "rogue-server", 0) == before + 2)


def test_nothing_goes_to_the_wire(cloud):
    """Requests are answered on the host: the other one never sees them."""
    before = cloud.hosts[1].stats()["uplink"]["rx_packets"]
    udhcpc(cloud["w1"])
    cloud["w1"].run("rdisc6", "-1", "-w", 2000, "eth0", check=False, timeout=20)
    assert cloud.hosts[1].stats()["uplink"]["rx_packets"] - before <= 2  # a stray MLD report at most


def test_ledger_is_exact(cloud):
    cloud.check_ledger()
