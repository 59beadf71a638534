# SPDX-License-Identifier: BSD-3-Clause
"""A tenant's container: a namespace whose eth0 is one end of a veth pair, the host has the other."""

from .net import Netns, veth


class Container:
    def __init__(self, host, name, mac, addresses, device, mtu=1450, gateway=None):
        self.host, self.name, self.device = host, name, device
        self.addresses = addresses
        self.ns = Netns(host.lab.unique(name))
        self.ns.sysctl("net.ipv6.conf.default.accept_dad", 0)
        veth(self.ns, "eth0", host.ns, device, mtu=mtu, a_mac=mac)
        for a in addresses:
            extra = ["nodad"] if ":" in a else []
            self.ns.run("ip", "address", "add", a, "dev", "eth0", *extra)
        if gateway:
            self.ns.run("ip", "route", "add", "default", "via", gateway)

    def ip(self, family=4):
        """Its first address of that family, without the prefix length."""
        return next(a.split("/")[0] for a in self.addresses if (":" in a) == (family == 6))

    def run(self, *argv, **kw):
        return self.ns.run(*argv, **kw)

    def ping(self, address, count=1, size=56, df=False, timeout=1.0, interval=0.02):
        """True when every echo was answered."""
        out = self.run("ping", "-n", "-q", "-c", count, "-i", interval, "-W", timeout, "-s", size,
                       *(["-M", "do"] if df else []), address, check=False, timeout=30 + count)
        return " %d received" % count in out

    def close(self):
        self.ns.delete()
