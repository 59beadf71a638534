# SPDX-License-Identifier: BSD-3-Clause
"""Programs whose ports live in the kernel: the host's end of a veth for the machine, and one for the wire.

    generator  machine ---- port  host  uplink ---- wire  generator

The generator (weft-bench-live) runs on its CPU and puts frames in by machine and wire, or one of them; they come out
by the other one. Port and uplink poll in kernel threads on the CPU of the program that is measured, and whatever
comes behind them runs within these threads' time. So a measurement is what one CPU can carry, with all that the
program has on it.
"""

import os

from lab import Host, wait_for
from lab.net import Netns, veth

from . import frames, traffic
from .cores import DUT_CPU, GENERATOR_CPU
from .duts import Dut, Weft, confine, find_tids

PRIME_RATE = 20000   # flows per second, both ways
CARRIED_MIN = 0.99
ENDS = "port", "uplink"


def napi_threads(device):
    """All of this machine whose name fits."""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/comm" % pid, encoding="ascii", errors="replace") as f:
                if f.read().startswith("napi/%s-" % device[:8]):
                    found.add(int(pid))
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


class InKernel(Dut):
    """Makes the ports and threads; the rest is a program's own."""
    sink = {"machine": "tc", "wire": "tc"}
    mtu = 1600

    def start(self):
        self.ns = self.make_host()
        self.generator_ns = Netns(self.lab.unique("gen"))
        self.lab.machines.append(self)
        for ns in (self.ns, self.generator_ns):
            ns.sysctl("net.ipv6.conf.all.disable_ipv6", 1)
            ns.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
        veth(self.generator_ns, "machine", self.ns, "port", mtu=1500, a_mac=traffic.VM_MAC)
        veth(self.generator_ns, "wire", self.ns, "uplink", mtu=self.mtu, a_mac=traffic.FAR_VTEP_MAC,
             b_mac=traffic.VTEP_MAC)
        for device in ENDS:  # takes XDP frames of its other end
            self.ns.run("ethtool", "-K", device, "gro", "on")
        self.ns.run("ip", "address", "add", traffic.VTEP[4] + "/24", "dev", "uplink")
        self.ns.run("ip", "neighbour", "replace", traffic.FAR_VTEP[4], "lladdr", traffic.FAR_VTEP_MAC, "dev", "uplink",
                    "nud", "permanent")
        self.generator_ns.run("ethtool", "-K", "machine", "gro", "on")
        self.switch()
        self.tids += [self.poll_in_thread(device) for device in ENDS]

    def poll_in_thread(self, device):
        before = napi_threads(device)
        self.ns.run("unshare", "-m", "sh", "-c",
                    "mount -t sysfs none /sys && echo 1 > /sys/class/net/%s/threaded" % device)
        tid, = wait_for("the thread of " + device, lambda: napi_threads(device) - before)
        os.sched_setaffinity(tid, {DUT_CPU})
        return tid

    def make_host(self):
        return Netns(self.lab.unique("host"))

    def switch(self):
        """Connects port and uplink."""

    def generator(self, tools, seconds, interval_s):
        out, back = frames.sources(self.case, self.plain)
        rate = {"out": ("max", "prime"), "in": ("prime", "max"), "both": ("max", "max")}[self.case.way]
        lengths = len(back[0]), len(out[0])  # of what comes out
        args = [tools.live, "--netns", self.generator_ns.name, "--flows", self.case.flows, "--prime", PRIME_RATE,
                "--duration", seconds, "--interval", interval_s, "--core", GENERATOR_CPU]
        for device, r, (frame, at) in zip(("machine", "wire"), rate, (out, back)):
            args += ["--source", "%s,%s,%d,%s" % (device, r, at, frame.hex())]
        ends = {"out": ("wire",), "in": ("machine",), "both": ("wire", "machine")}[self.case.way]
        for device in ends:
            args += ["--sink", "%s,%s,%d" % (device, self.sink[device], lengths[device == "machine"])]
        return [str(a) for a in args + self.more_args()]

    def more_args(self):
        return []

    def prime_s(self):
        """That generator tells nothing before it sends what is measured."""
        return 0

    def close(self):
        self.generator_ns.delete()
        self.ns.delete()


class Bridge(InKernel):
    """The kernel's bridge and vxlan: one unicast tunnel, addresses known to it."""
    name = "kernel"

    def switch(self):
        run = self.ns.run
        self.ns.sysctl("net.bridge.bridge-nf-call-iptables", 0)
        run("ip", "link", "add", "tunnel", "type", "vxlan", "id", traffic.VNI, "local", traffic.VTEP[4], "remote",
            traffic.FAR_VTEP[4], "dstport", 4789, "dev", "uplink")
        run("ip", "link", "add", "bridge", "type", "bridge", "forward_delay", 0, "mcast_snooping", 0)
        for device in ("tunnel", "port"):
            run("ip", "link", "set", device, "mtu", 1500, "master", "bridge")
        for device in ("tunnel", "bridge"):
            run("ip", "link", "set", device, "up")
        for mac, device in ((traffic.VM_MAC, "port"), (traffic.FAR_MAC, "tunnel")):
            run("bridge", "fdb", "replace", mac, "dev", device, "master", "static")


class BridgeTracked(Bridge):
    """The same with a stateful filter, by br_netfilter, since the bridge's own tables can't track here."""
    name = "kernel-ct"

    def switch(self):
        super().switch()
        self.ns.sysctl("net.bridge.bridge-nf-call-iptables", 1)
        self.ns.run("nft", "table inet perf { chain forward { type filter hook forward priority 0; policy drop; "
                           "ct state established,related accept; ip saddr 10.1.0.0/24 ct state new accept; }; }")


class Redirect(InKernel):
    """Looks at nothing: a frame that comes in by one interface goes out by the other."""
    name, plain = "redirect", True
    sink = {"machine": "xdp", "wire": "xdp"}

    def more_args(self):
        return ["--wire", "%s,port,uplink" % self.ns.name]


class WeftInKernel(InKernel, Weft):
    """weftd, weft-dataplane, and their programs on both interfaces."""
    name, uplink, delivers_xdp = "weft", "af_xdp", False

    def make_host(self):
        self.host = Host(self.lab, "h1")
        self.lab.hosts.append(self.host)
        return self.host.ns

    def switch(self):
        self.host.dataplane_args = ["--cores", str(DUT_CPU)]
        self.host.start()
        workers = find_tids(self.host.dataplane.pid, r"(lcore|rte|weft)-worker-\d+")
        confine(self.host.dataplane.pid, workers)
        confine(self.host.weftd.pid)
        self.tids = workers
        self.host.apply(self.make_document())
        self.host.wait_ports_up()

    def make_document(self):
        document = super().make_document()
        document["hosts"][0]["uplink"] = {"kind": self.uplink, "device": "uplink"}
        vm = document["ports"][1]
        vm["device"] = "port"
        if self.delivers_xdp:
            vm["xdp_delivery"] = True
        return document

    def after(self, result):
        """That its programs carried what came, not the worker."""
        received = result["outcome"]["received"]
        carried = self.host.hits() / max(1, received)
        if carried < CARRIED_MIN:
            raise RuntimeError("the fast path carried %.3f of %d frames" % (carried, received))
        return {"carried": min(1.0, carried)}

    def close(self):
        """The host is the laboratory's."""
        self.generator_ns.delete()


class WeftXdpDelivery(WeftInKernel):
    """To a machine whose end takes XDP frames, as its port says."""
    name, delivers_xdp = "weft-xdp", True
    sink = {"machine": "xdp", "wire": "tc"}


class WeftTc(WeftInKernel):
    """With tc on the uplink."""
    name, uplink = "weft-tc", "veth"


IN_KERNEL = {d.name: d for d in (WeftInKernel, WeftXdpDelivery, WeftTc, Bridge, BridgeTracked, Redirect)}
