# SPDX-License-Identifier: BSD-3-Clause
"""The programs that are measured: each is started for one round in a laboratory of its own and killed after it,
since a generator that ends takes DPDK's memif down with it more often than not.

A program has: tids (of its polling threads), processes() (to be stopped while others are measured), rx_queues (that the
generator needs on a port), and ports(): the generator's two devices.
"""

import dataclasses
import json
import os
import re
import subprocess

from lab import Host, wait_for
from lab.net import Netns
from lab.proc import die_with_parent, run

from . import traffic
from .cores import DUT_CPU, GENERATOR_CPU

RING_LOG2, BUFFER = 10, 2048
PRIME_RATE = 100e3       # within what a port may bring into Weft's slow path
SESSIONS_MAX = 4 << 20  # where more are made than the default has room for
OVS_SESSIONS_MAX = 20 << 20  # all of a measurement: the thread that ends them gets next to nothing beside the generator
NEW_S = 1                # that a session is kept after its last packet where many are made: then as many end as begin
RINGS = "memif: 2^%d descriptors of %d bytes; vhost-user: 1024 descriptors, split, in order" % (RING_LOG2, BUFFER)


def memif(number, role, path):
    return "net_memif%d,role=%s,id=0,socket=%s,rsize=%d,bsize=%d,socket-abstract=no" % (
        number, role, path, RING_LOG2, BUFFER)


def find_tids(pid, pattern):
    """The threads whose name matches, in order."""
    found = []
    for tid in sorted(os.listdir("/proc/%d/task" % pid), key=int):
        with open("/proc/%d/task/%s/comm" % (pid, tid), encoding="ascii") as f:
            if re.fullmatch(pattern, f.read().strip()):
                found.append(int(tid))
    return found


def confine(pid, except_tids=()):
    """Everything but the polling threads leaves the core that is measured."""
    for tid in map(int, os.listdir("/proc/%d/task" % pid)):
        if tid not in except_tids:
            try:
                os.sched_setaffinity(tid, {GENERATOR_CPU})
            except ProcessLookupError:
                pass


class Dut:
    name, rx_queues, plain = "", 1, False
    other = {}  # than the case has it

    def __init__(self, lab, case):
        self.lab, self.case, self.tids = lab, dataclasses.replace(case, **self.other), []
        self.dir = os.path.join(lab.dir, self.name)
        os.makedirs(self.dir)

    def socket(self, n):
        return os.path.join(self.dir, "port%d.sock" % n)

    def devices(self):
        """The generator's."""
        return [self.machine(n) if self.is_vhost(n) else memif(n, "client", self.socket(n)) for n in self.ports()]

    def ports(self):
        return range(self.case.vms + 1)

    def generator(self, tools, seconds, interval_s):
        """The command that sends for that long and tells what came."""
        path = os.path.join(self.dir, "profile.yaml")
        with open(path, "w", encoding="ascii") as f:
            json.dump({**traffic.profile(self.case, plain=self.plain), "ports": self.devices()}, f)  # which is YAML
        args = [tools.pktgen, *(["pingpong"] if self.case.pingpong else []), "--profile", path, "--json", "-",
                "--duration", str(seconds), "--interval", str(interval_s), "--core", str(GENERATOR_CPU),
                "--queues", str(self.rx_queues), "--wait", "20"]
        if self.prime_s():
            args += ["--prime", str(PRIME_RATE)]
        return args

    def prime_s(self):
        """That the generator makes sessions for, before it sends what is measured."""
        makes = self.case.order == "sequence" and not self.case.connections and not self.plain
        return self.case.flows / PRIME_RATE if makes else 0

    def after(self, result):
        """What is to be said of it afterwards; result is the generator's. Raises when it did not do what it is
        measured for."""
        return {}

    def processes(self):
        return []

    def is_vhost(self, n):
        return (self.case.tenant, self.case.second if self.case.local else "")[min(n, 1)] == "vhost-user"

    def machine(self, n):
        """What a guest's driver would be; the program that is measured connects to it."""
        return ("net_virtio_user%d,path=%s,server=1,queues=%d,queue_size=1024,mrg_rxbuf=0,in_order=1,mac=%s" % (
            n, self.socket(n), self.rx_queues, (traffic.VM_MAC, traffic.FAR_MAC)[n]))

    def sockets_ready(self):
        """Those of memif: a machine listens itself."""
        return all(self.is_vhost(n) or os.path.exists(self.socket(n)) for n in self.ports())

    def during(self):
        """What happens while packets flow; returns what is to be said of it."""
        return {}

    def close(self):
        """What the laboratory does not end by itself."""


class Weft(Dut):
    name = "weft"

    def start(self):
        self.host = Host(self.lab, "h1")
        self.lab.hosts.append(self.host)
        self.host.dataplane_args = ["--cores", str(DUT_CPU)]
        if self.case.flows > 200000 or self.case.makes_sessions:
            self.host.dataplane_args += ["--max-sessions", str(SESSIONS_MAX)]
        self.host.start()
        self.tids = find_tids(self.host.dataplane.pid, r"(lcore|rte|weft)-worker-\d+")
        confine(self.host.dataplane.pid, self.tids)
        confine(self.host.weftd.pid)
        self.document = self.make_document()
        self.host.apply(self.document)
        wait_for("Weft's sockets", self.sockets_ready)

    def processes(self):
        return [p.popen for p in self.host.processes()]

    def make_document(self):
        case, me = self.case, self.host.name
        families = ("4", "10.%d.0.0/24", "10.%d.0.1"), ("6", "fd00:%d::/64", "fd00:%d::1")
        subnets = [[{"prefix": p % n, "gateway": g % n} for _, p, g in families] for n in (1, 2)]
        port = {"tenant": "red", "kind": case.tenant, "host": me, "segment": "lan"}
        server = {"server": True} if case.tenant == "memif" else {}
        far = {"tenant": "red", "name": "far", "mac": traffic.FAR_MAC, "host": "h2",
               "segment": "db" if case.routed else "lan", "addresses": [traffic.far_ip_of(case, f) for f in (4, 6)]}
        if case.local:
            far.update(host=me, kind=case.second, device=self.socket(1), server=case.second == "memif")
        document = {
            "tenants": [{"name": "red"}], "networks": [{"tenant": "red", "name": "main"}],
            "segments": [{"tenant": "red", "name": name, "network": "main", "vni": vni, "subnets": nets}
                         for name, vni, nets in (("lan", traffic.VNI, subnets[0]),
                                                 ("db", traffic.ROUTED_VNI, subnets[1]))],
            "hosts": [{"name": me, "vteps": [traffic.VTEP[case.underlay]], "uplink": {
                "kind": "memif", "device": os.path.join(self.dir, "unused.sock") if case.local else self.socket(1),
                "server": True, "mtu": 1700, "mac": traffic.VTEP_MAC, "next_hop_mac": traffic.FAR_VTEP_MAC}},
                      {"name": "h2", "vteps": [traffic.FAR_VTEP[case.underlay]]}],
            "ports": [far, *({**port, **server, "name": "vm%d" % n, "mac": traffic.vm_mac(n),
                              "device": self.socket(n + 1 if n else 0),
                              "addresses": [traffic.vm_ip(n, 4), traffic.vm_ip(n, 6)]} for n in range(case.vms))],
            "routers": [], "security-groups": []}
        if case.makes_sessions:
            document["networks"][0]["timeouts_s"] = {"udp_first": NEW_S, "tcp_closed": NEW_S}
        if case.routed:
            document["routers"] = [{"tenant": "red", "name": "r1", "network": "main", "segments": ["lan", "db"]}]
        if case.stateful:
            document["security-groups"] = [{"tenant": "red", "name": "sg", "rules": self.rules()}]
            for vm in document["ports"][1:]:
                vm["security_groups"] = ["sg"]
        return document

    def rules(self, port=20000):
        """The last ones are those that allow."""
        return [{"direction": "ingress", "protocol": "tcp", "ports": str(1000 + i)}
                for i in range(self.case.rules - 1)] + \
            [{"direction": "ingress", "protocol": "udp"}, {"direction": "egress"}]

    def during(self):
        from .churn import CHURN
        return CHURN[self.case.churn](self) if self.case.churn else {}


class Testpmd(Dut):
    name, plain = "testpmd", True

    def start(self):
        log = os.path.join(self.dir, "testpmd.log")
        self.lab.machines.append(self)
        devices = ["net_vhost%d,iface=%s,client=1" % (n, self.socket(n)) if self.is_vhost(n) else
                   memif(n, "server", self.socket(n)) for n in (0, 1)]
        self.process = subprocess.Popen(
            ["stdbuf", "-o0", "dpdk-testpmd", "--lcores", "0@%d,1@%d" % (GENERATOR_CPU, DUT_CPU), "--in-memory",
             "--no-pci", "--no-telemetry", "-m", "256", "--file-prefix", self.lab.unique("testpmd"),
             "--vdev", devices[0], "--vdev", devices[1], "--", "-i", "--auto-start",
             "--forward-mode=io", "--nb-cores=1", "--disable-link-check", "--total-num-mbufs=16384",
             "--rxd=1024", "--txd=1024"],
            stdin=subprocess.PIPE, stdout=open(log, "wb"), stderr=subprocess.STDOUT, preexec_fn=die_with_parent,
            start_new_session=True)
        wait_for("testpmd", lambda: b"testpmd>" in open(log, "rb").read())
        self.tids = find_tids(self.process.pid, r"(lcore|rte)-worker-1")

    def processes(self):
        return [self.process]

    def close(self):
        self.process.kill()
        self.process.wait()


class Ovs(Dut):
    """OVS with its userspace data path on DPDK, as Debian has it."""
    name, rx_queues = "ovs", 2  # it sends on one queue more than it has polling threads
    VSWITCHD = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
    BRIEF = "udp_first", "udp_single", "udp_multiple", "tcp_fin_wait", "tcp_time_wait", "tcp_close"
    TUNNEL = "set_field:%d->tun_id,set_field:%s->tun_dst,output:10"

    def start(self):
        self.ns = Netns(self.lab.unique("ovs"))
        self.lab.machines.append(self)
        self.env = {k: self.dir for k in ("OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR", "OVS_SYSCONFDIR")}
        self.db = "unix:" + os.path.join(self.dir, "db.sock")
        database = os.path.join(self.dir, "conf.db")
        run("ovsdb-tool", "create", database, "/usr/share/openvswitch/vswitch.ovsschema")
        self.dbserver = self.spawn("ovsdb-server", database, "--remote=p" + self.db)
        wait_for("ovsdb-server", lambda: os.path.exists(self.db[5:]))
        config = {"dpdk-init": "true", "dpdk-lcore-mask": hex(1 << GENERATOR_CPU), "pmd-cpu-mask": hex(1 << DUT_CPU),
                  "dpdk-socket-mem": "1024", "n-handler-threads": "1", "n-revalidator-threads": "1",
                  "dpdk-extra": '"--no-pci --in-memory --no-telemetry --file-prefix=%s"' % self.lab.unique("ovs")}
        self.vsctl("--no-wait", "init")
        self.vsctl("--no-wait", "set", "Open_vSwitch", ".", *("other_config:%s=%s" % c for c in config.items()))
        self.switch = self.spawn(self.VSWITCHD, self.db, "--unixctl=" + os.path.join(self.dir, "ctl"))
        self.make_bridges()
        wait_for("OVS's sockets", self.sockets_ready)
        wait_for("OVS's polling thread", lambda: find_tids(self.switch.pid, r"pmd-c.*"))
        self.tids = find_tids(self.switch.pid, r"pmd-c.*")

    def processes(self):
        return [self.switch.popen, self.dbserver.popen]

    def after(self, result):
        """Packets pass also when there is no room for their sessions, which it may not have ended yet."""
        made = sum(s["received"] for s in result["outcome"]["streams"])
        if self.case.makes_sessions and made > OVS_SESSIONS_MAX:
            raise RuntimeError("OVS may have had no room for sessions: %d packets passed" % made)
        return {}

    def spawn(self, *argv):
        return self.lab.spawn(argv, os.path.join(self.dir, os.path.basename(argv[0]) + ".log"),
                              netns=self.ns.name, env=self.env)

    def vsctl(self, *args):
        return run("ovs-vsctl", "--timeout=20", "--db=" + self.db, *args, env=self.env)

    def add_dpdk_port(self, bridge, name, number, device):
        self.vsctl("add-port", bridge, name, "--", "set", "Interface", name, "ofport_request=%d" % number, *device)

    def make_bridges(self):
        devices = [("type=dpdkvhostuserclient", "options:vhost-server-path=%s" % self.socket(n)) if self.is_vhost(n) else
                   ("type=dpdk", 'options:dpdk-devargs="%s"' % memif(n, "server", self.socket(n)))
                   for n in self.ports()]
        self.vsctl("add-br", "br-int", "--", "set", "bridge", "br-int", "datapath_type=netdev", "fail-mode=secure")
        self.add_dpdk_port("br-int", "p0", 1, devices[0])
        if self.case.local:
            self.add_dpdk_port("br-int", "p1", 10, devices[1])
        else:
            self.make_tunnel(devices[1])
        for n in range(2, self.case.vms + 1):
            self.add_dpdk_port("br-int", "p%d" % n, 100 + n, devices[n])
        run("ovs-appctl", "-t", os.path.join(self.dir, "ctl"), "dpctl/ct-set-maxconns", OVS_SESSIONS_MAX, env=self.env)
        if self.case.makes_sessions:
            self.vsctl("--", "--id=@dp", "create", "Datapath", "datapath_version=1", "--",
                       "set", "Open_vSwitch", ".", "datapaths:netdev=@dp")
            self.vsctl("add-zone-tp", "netdev", "zone=1", *("%s=%d" % (name, NEW_S) for name in self.BRIEF))
        flows = os.path.join(self.dir, "flows")
        with open(flows, "w", encoding="ascii") as f:
            f.write("\n".join(self.flows()) + "\n")
        run("ovs-ofctl", "add-flows", "br-int", flows, env=self.env)

    def make_tunnel(self, uplink):
        self.vsctl("add-br", "br-phy", "--", "set", "bridge", "br-phy", "datapath_type=netdev",
                   'other-config:hwaddr="%s"' % traffic.VTEP_MAC)
        self.add_dpdk_port("br-phy", "p1", 1, uplink)
        self.ns.run("ip", "address", "add", traffic.VTEP[4] + "/24", "dev", "br-phy")
        self.ns.run("ip", "link", "set", "br-phy", "up")
        self.add_dpdk_port("br-int", "vx0", 10, ("type=vxlan", "options:key=flow", "options:remote_ip=flow"))
        run("ovs-appctl", "-t", os.path.join(self.dir, "ctl"), "tnl/neigh/set", "br-phy", traffic.FAR_VTEP[4],
            traffic.FAR_VTEP_MAC, env=self.env)

    def flows(self):
        """What Weft does, but without routing."""
        out, into = self.TUNNEL % (traffic.VNI, traffic.FAR_VTEP[4]), "in_port=10,tun_id=%d" % traffic.VNI
        if self.case.local:
            out, into = "output:10", "in_port=10"
        if not self.case.stateful:
            return ["in_port=1,actions=" + out, into + ",actions=output:1"]
        more = [100 + n for n in range(2, self.case.vms + 1)]
        ways = [("in_port=1", out), ("in_port=10", "output:1"), *(("in_port=%d" % n, out) for n in more)]
        ways += [("priority=40000,in_port=10,dl_dst=" + traffic.vm_mac(i), "output:%d" % n)  # answers to whom they are for
                 for i, n in enumerate(more, 1)]
        lines = ["table=0,%s,ip,actions=ct(zone=1,table=1)" % match
                 for match in ("in_port=1", into, *("in_port=%d" % n for n in more))]
        for match, action in ways:
            lines.append("table=1,%s,ip,ct_state=+trk+est,actions=%s" % (match, action))
            lines.append("table=1,%s,ip,ct_state=+trk+new,actions=ct(commit,zone=1),%s" % (match, action))
        return lines

    def close(self):
        self.ns.delete()


def other(program, name, **settings):
    """The same program with less to do, beside those that do what the case says."""
    return type(name, (program,), {"name": name, "other": settings})


POLLING = {d.name: d for d in (Weft, other(Weft, "self-1k", flows=1000), other(Weft, "self-rule", rules=1),
                               other(Weft, "self-ipv4", ip=4), Ovs, other(Ovs, "ovs-plain", rules=0), Testpmd)}


def missing(name):
    """Why a program can't be measured here, or None."""
    program = {"ovs": Ovs.VSWITCHD, "ovs-plain": Ovs.VSWITCHD, "testpmd": "/usr/bin/dpdk-testpmd", "kernel-ct": "/usr/sbin/nft"}.get(name)
    if program and not os.path.exists(program):
        return "%s is not installed (tools/setup --peers)" % program
    return None
