# SPDX-License-Identifier: BSD-3-Clause
"""A remote host made of the kernel's own parts: a vxlan device, a bridge, one tenant machine."""

from .net import Netns, veth
from .topology import VNIS, addresses, bare, mac


class KernelHost:
    def __init__(self, lab, number, name="k1", vni=VNIS["red"], offload=True):
        """offload=False: checksums are complete on the wire, as XDP on the far end needs."""
        self.lab, self.name, self.vni, self.host = lab, name, vni, self
        self.addresses = addresses(name)
        self.mtu = lab.mtu - (70 if lab.family == 6 else 50)
        self.ns_host = Netns(lab.unique("kh-" + name))
        self.ns = Netns(lab.unique("k-" + name))
        lab.machines.append(self)
        self.vtep = lab.attach_underlay(self.ns_host, number, offload=offload)
        self.ns.sysctl("net.ipv6.conf.default.accept_dad", 0)
        self.ns_host.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
        self.ns_host.run("sh", "-c", "echo 0 > /proc/sys/net/bridge/bridge-nf-call-iptables",
                         check=False)
        veth(self.ns, "eth0", self.ns_host, "t0", mtu=self.mtu, a_mac=mac(name))
        for a in self.addresses:
            self.ns.run("ip", "address", "add", a, "dev", "eth0", *(["nodad"] if ":" in a else []))
        if not offload:
            self.ns.run("ethtool", "-K", "eth0", "tx", "off")

    def connect(self, remote, csum=True):
        """The tunnel to the one other host. csum=False: outer UDP without checksums over IPv4 too."""
        run = self.ns_host.run
        csum = ["udp6zerocsumtx", "udp6zerocsumrx"] if self.lab.family == 6 else \
            [] if csum else ["noudpcsum"]
        run("ip", "link", "add", "vx0", "type", "vxlan", "id", self.vni, "dev", "up0",
            "local", self.vtep, "remote", remote, "dstport", 4789, *csum)
        run("ip", "link", "add", "br0", "type", "bridge", "forward_delay", 0)
        run("ip", "link", "set", "br0", "type", "bridge", "mcast_snooping", 0)
        for dev in ("vx0", "t0"):
            run("ip", "link", "set", dev, "master", "br0")
        for dev in ("vx0", "br0"):
            run("ip", "link", "set", dev, "mtu", self.mtu)
            run("ip", "link", "set", dev, "up")

    def conntrack(self):
        """A stateful filter on the bridge, by br_netfilter: everybody may begin."""
        self.ns_host.run("sh", "-c", "echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables")
        self.ns_host.run("nft", "table inet lab { chain forward { type filter hook forward priority 0; "
                         "policy drop; ct state established,related accept; "
                         "ip saddr 10.0.0.0/24 ct state new accept; }; }")

    def drop_datagrams(self, payload):
        """The machine's datagrams of that size end behind its interface."""
        self.ns_host.run("nft", "table netdev lab { chain in { type filter hook ingress device t0 "
                         "priority 0; udp length %d drop; }; }" % (payload + 8))

    def segmentation_off(self):
        """What a wire without offloads would carry."""
        for dev in ("up0", "vx0"):
            self.ns_host.run("ethtool", "-K", dev, "tso", "off", "gso", "off", "gro", "off")
        self.ns.run("ethtool", "-K", "eth0", "tso", "off", "gso", "off")

    def path(self, name):
        return "%s/%s-%s" % (self.lab.dir, self.name, name)

    def ip(self, family=4):
        return bare(self.name)[0 if family == 4 else 1]

    def sessions(self, *filters):
        """It has none of ours."""
        return []

    def run(self, *argv, **kw):
        return self.ns.run(*argv, **kw)

    def close(self):
        self.ns.delete()
        self.ns_host.delete()
