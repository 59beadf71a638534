# SPDX-License-Identifier: BSD-3-Clause
"""The underlay and everything on it."""

import itertools
import os
import shutil
import tempfile

from .container import Container
from .host import Host
from .net import Netns, sweep, veth
from .proc import Process, run, wait_for
from .reference import Reference
from .vm import VM

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
_labs = itertools.count()


class LabError(Exception):
    pass


def uplink_mac(number):
    return "02:aa:00:00:00:%02x" % number


class Lab:
    """Use as a context manager: `with Lab() as lab: ...`; keep=True leaves it standing.

    uplink: af_xdp, veth, or dpdk (a DPDK driver on the veth). fast_path=False: nothing is carried
    by the kernel."""

    def __init__(self, build=None, mtu=1500, family=4, workers=1, keep=False, uplink="af_xdp",
                 fast_path=True):
        if os.geteuid() != 0:
            raise LabError("must run as root")
        sweep()
        self.build = build or os.environ.get("WEFT_BUILD", os.path.join(ROOT, "build"))
        self.mtu, self.family, self.workers, self.keep = mtu, family, workers, keep
        self.uplink, self.fast_path = uplink, fast_path
        self.id = "w%d%s" % (os.getpid(), "abcdefghijklmnopqrstuvwxyz"[next(_labs) % 26])
        self.dir = tempfile.mkdtemp(prefix="weft-lab-%d-" % os.getpid())
        # In memory: a busy disk would stop whoever writes a report, and tell of pauses that are none.
        run("mount", "-t", "tmpfs", "-o", "mode=0755", "none", self.dir)
        self.bpf_dir = os.path.join(self.dir, "bpf")  # of its own, so that no pin outlives it
        os.mkdir(self.bpf_dir)
        run("mount", "-t", "bpf", "none", self.bpf_dir)
        self.hosts, self.machines, self._procs = [], [], []
        self._reference, self.overflows_before = None, 0
        self.underlay = Netns(self.unique("ul"))
        self.underlay.run("ip", "link", "add", "br0", "mtu", mtu, "type", "bridge", "forward_delay", 0)
        self.underlay.run("ip", "link", "set", "br0", "type", "bridge", "mcast_snooping", 0)
        self.underlay.run("ip", "link", "set", "br0", "up")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind and kind.__name__ not in ("Skipped", "Skip"):
            self.report()
        if not self.keep:
            self.close()

    def unique(self, name):
        return "%s-%s" % (self.id, name)

    def binary(self, name):
        path = os.path.join(self.build, name)
        if not os.access(path, os.X_OK):
            raise LabError("%s is missing: build first (tools/test builds)" % path)
        return path

    def spawn(self, argv, log, netns=None, env=None):
        p = Process(argv, log, netns=netns, env=env)
        self._procs.append(p)
        return p

    def ready(self, what, process, fn, timeout=20):
        """Waits for fn, but not longer than the process lives."""
        def check():
            if not process.alive():
                raise LabError("%s ended with %s:\n%s" % (
                    what, process.popen.returncode, process.log()[-3000:]))
            return fn()
        return wait_for(what, check, timeout)

    # -- underlay

    def underlay_address(self, n, family=None):
        if (family or self.family) == 6:
            return "fd00:172:16::%d" % n
        return "172.16.0.%d" % n

    def attach_underlay(self, ns, n, device="up0", queues=1, offload=True):
        """An uplink for that namespace with address number n of both families."""
        veth(ns, device, self.underlay, "p%d" % n, mtu=self.mtu, queues=queues)
        ns.sysctl("net.ipv6.conf.%s.accept_dad" % device, 0)
        ns.run("ip", "address", "add", self.underlay_address(n, 4) + "/24", "dev", device)
        ns.run("ip", "address", "add", self.underlay_address(n, 6) + "/64", "dev", device, "nodad")
        self.underlay.run("ip", "link", "set", "p%d" % n, "master", "br0")
        if not offload:  # what XDP receives must carry complete checksums
            ns.run("ethtool", "-K", device, "tx", "off", "gro", "on")
        return self.underlay_address(n)

    def host(self, name, queues=1):
        h = Host(self, name)
        h.number = len(self.hosts) + 1
        h.vtep = self.attach_underlay(h.ns, h.number, queues=queues)
        if self.uplink == "af_xdp":  # as on a wire: XDP on the far end gets complete checksums
            h.ns.run("ethtool", "-K", "up0", "tx", "off")
        h.queues = queues
        if self.uplink == "dpdk":  # which knows no neighbours: two hosts, who know each other
            h.ns.run("ip", "link", "set", "up0", "address", uplink_mac(h.number))
        self.hosts.append(h)
        return h

    def container(self, host, name, **kw):
        c = Container(host, name, **kw)
        self.machines.append(c)
        return c

    def vm(self, host, name, **kw):
        v = VM(host, name, **kw)
        self.machines.append(v)
        return v

    def host_object(self, host):
        """The host as a document names it."""
        uplink = {"kind": self.uplink, "device": "up0"}
        if self.uplink == "af_xdp":
            uplink["queues"] = host.queues
        elif self.uplink == "dpdk":
            uplink.update(device="net_af_packet0,iface=up0", mtu=self.mtu, mac=uplink_mac(host.number),
                          next_hop_mac=uplink_mac(3 - host.number))
        return {"name": host.name, "vteps": [host.vtep], "uplink": uplink}

    def reference(self):
        """A conversation without Weft, made when somebody asks for it first."""
        self._reference = self._reference or Reference(self)
        return self._reference

    # -- the end

    def report(self):
        """What a reader of a failed test wants to see."""
        for h in self.hosts:
            for what in (("status",), ("stats",), ("drops",)):
                print("--- %s: weft %s\n%s" % (h.name, what[0], h.weft(*what, check=False)))
        for p in self._procs:
            print("--- %s (exit %s)\n%s" % (p.log_path, p.popen.poll(), p.log()[-4000:]))

    def close(self):
        for m in self.machines:
            m.close()
        for p in reversed(self._procs):
            if p.alive():
                p.kill()
        for h in self.hosts:
            h.close()
        self.underlay.delete()
        for path in (self.bpf_dir, self.dir):
            run("umount", "-l", path, check=False)
        shutil.rmtree(self.dir, ignore_errors=True)
