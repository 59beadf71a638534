# SPDX-License-Identifier: BSD-3-Clause
"""The fast path on a host that is not Weft's alone: other tools at its interfaces, other instances
beside it, kernels that refuse it, interfaces of other kinds.

    w1 w3 on h1 -- w2 on h2
"""

import math
import os
import re
import struct
import time

import pytest

from lab import Skip
from lab.cloud import Cloud, addresses, bare, gateways, mac
from lab.guest import Guest
from lab.host import Host
from lab.net import veth
from lab.proc import wait_for
from lab.talk import Server, Talk, wait_carried

from test_fastpath import GROUPS, expect_to_go_on, freeze

BACK_S = 1.0


def group_of(tenant, name):
    return ["server" if name.startswith("w1") else "client"]


@pytest.fixture(scope="module", params=["af_xdp", "veth"])
def cloud(request, module_lab):
    c = Cloud(module_lab(uplink=request.param), ["w1", "w2", "w3"], groups=GROUPS, group_of=group_of)
    c.server = Server(c["w1"])
    return c


ROBBERIES = {
    "port-filter-deleted": "tc filter del dev {port} ingress",
    "port-filters-deleted": "tc filter del dev {port} ingress; tc filter del dev {port} egress",
    "port-clsact-deleted": "tc qdisc del dev {port} clsact",
    "uplink-clsact-deleted": "tc qdisc del dev up0 clsact",
    "uplink-xdp-off": "ip link set dev up0 xdp off; ip link set dev up0 xdpgeneric off",
}


@pytest.mark.parametrize("robbery", ROBBERIES)
def test_what_others_take_off_comes_back(cloud, robbery):
    """Within BACK_S, and it is told; established connections go on then."""
    host = cloud.hosts[0]
    if robbery == "uplink-xdp-off" and cloud.lab.uplink != "af_xdp":
        raise Skip("no XDP on this uplink")
    talks = [Talk(cloud[c], cloud.server, mode) for c in ("w2", "w3") for mode in ("echo", "udp")]
    wait_carried(talks)
    before = repaired(host, robbery)
    waited = host.weftd.waited()
    host.ns.run("sh", "-c", ROBBERIES[robbery].format(port="red-w1"))
    away = since = time.monotonic()

    def back():
        programs = attached(host)
        return "weft_port/" in programs["red-w1"] and "weft_port_out" in programs["red-w1"] and \
            ("weft_deliver" if cloud.lab.uplink == "af_xdp" else "weft_uplink_tc") in programs["up0"] \
            and (cloud.lab.uplink != "af_xdp" or "xdp" in host.ns.run("ip", "link", "show", "up0"))
    now = since
    while not back():  # which takes its time: they were away when it began
        away, now = now, time.monotonic()
        assert away - since < BACK_S + host.weftd.waited() - waited, attached(host)
    if robbery != "uplink-xdp-off":
        assert repaired(host, robbery) > before
    assert "somebody took" in host.weftd.log()
    for t in talks:
        t.wait_progress()
    wait_carried(talks)
    with freeze(cloud.hosts):
        expect_to_go_on(talks, may_lose=math.inf)  # whatever was lost before
    for t in talks:
        t.close()


def repaired(host, robbery):
    """How often, as the status tells for that interface."""
    name = "up0" if robbery.startswith("uplink") else "red-w1"
    return next(i["repaired"] for i in host.status()["fastpath"]["interfaces"] if i["interface"] == name)


def attached(host):
    """Names of tc programs by interface, each with a slash behind it."""
    found = {}
    for dev in ("red-w1", "up0"):
        out = ""
        for way in ("ingress", "egress"):
            out += host.ns.run("tc", "filter", "show", "dev", dev, way, check=False)
        found[dev] = " ".join(name + "/" for name in re.findall(r"(?:name |handle \S+ )(weft\w+)", out))
    return found


def test_ledger_is_exact(cloud):
    wait_for("the ledger", lambda: cloud.ledger_errors() == [], 3)


def test_port_that_keeps_out(make_lab):
    """A port with fast_path=false is the data plane's, the others are not."""
    cloud = Cloud(make_lab(), ["w1", "w2", "w3"], groups=GROUPS, group_of=group_of)
    cloud.port("red", "w3")["fast_path"] = False
    cloud.apply()
    server = Server(cloud["w1"])
    talks = [Talk(cloud[c], server, "echo") for c in ("w2", "w3")]
    wait_carried(talks[:1])
    assert not any(s["offloaded"] for s in talks[1].sessions())
    cloud.port("red", "w3")["fast_path"] = True
    cloud.apply()
    wait_carried(talks)
    for t in talks:
        t.wait_progress()
        r = t.close()
        assert r["lost"] == 0 and r["error"] is None, r


class Neighbour(Host):
    """Another instance in the namespace of a host."""

    def __init__(self, lab, name, beside):
        super().__init__(lab, name)
        self.ns.delete()
        self.ns = beside.ns


def test_instances_side_by_side(make_lab):
    """Two instances in one namespace and one bpffs, each with its ports: neither touches the other."""
    lab = make_lab()
    clouds = [Cloud(lab, ["w1", "w3"], groups=GROUPS, group_of=group_of, hosts=1)]
    first = clouds[0].hosts[0]
    veth(first.ns, "up1", lab.underlay, "p9")
    lab.underlay.run("ip", "link", "set", "p9", "master", "br0")
    first.ns.run("ip", "address", "add", "172.16.0.9/24", "dev", "up1")
    second = Neighbour(lab, "n1", first)
    lab.hosts.append(second)
    second.start()
    names = {"w1": "d1", "w3": "d3"}
    doc = {k: list(v) for k, v in clouds[0].doc.items()}
    doc["hosts"] = [{"name": "n1", "vteps": ["172.16.0.9"], "uplink": {"kind": "veth", "device": "up1"}}]
    doc["ports"] = [{"tenant": "red", "name": d, "segment": "db", "host": "n1", "mac": mac(d),
                     "addresses": bare(d), "kind": "veth", "device": "red-" + d,
                     "security_groups": ["server" if d == "d1" else "client"]} for d in names.values()]
    machines = {}
    for d in names.values():
        machines[d] = lab.container(second, "red-" + d, mac=mac(d), mtu=1450, device="red-" + d,
                                    addresses=addresses(d))
    second.apply(doc)
    second.wait_ports_up()
    talks = []
    for a, b in ((machines["d3"], machines["d1"]), (clouds[0]["w3"], clouds[0]["w1"])):
        server = Server(b)
        talks += [Talk(a, server, mode) for mode in ("echo", "udp")]
    wait_carried(talks)
    for h in (first, second):
        h.kill_weftd()
        h.start_weftd()
        h.wait_in_sync()
    with freeze([first, second]):
        expect_to_go_on(talks)
    assert not [h.name for h in (first, second) if "somebody took" in h.weftd.log()]
    second.apply({k: [] for k in doc})
    expect_to_go_on(talks[2:], may_lose=10)
    assert "weft_port/" in attached_names(first, "red-w1")
    assert "weft_port/" not in attached_names(first, "red-d1")


def attached_names(host, dev):
    out = host.ns.run("tc", "filter", "show", "dev", dev, "ingress", check=False)
    return " ".join(name + "/" for name in re.findall(r"(?:name |handle \S+ )(weft\w+)", out))


REFUSALS = {
    "no-bpffs": lambda host: host.weftd_args + ["--bpf-dir", host.path("not-a-bpffs")],
    "no-room": lambda host: host.weftd_args + ["--fast-path-sessions", "1000000000"],
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_refused_and_told(make_lab, refusal):
    """Without what it needs the reason is in the status, and the data plane carries all."""
    lab = make_lab()
    hosts_made = lab.host

    def host(name, *args):
        h = hosts_made(name, *args)
        h.weftd_args = REFUSALS[refusal](h)
        return h
    lab.host = host
    if refusal == "no-room":
        h = lab.host("x")
        h.start_weftd(wait=False)
        assert h.weftd.wait(10) == 2 and "--fast-path-sessions" in h.weftd.log()
        return
    cloud = Cloud(lab, ["w1", "w2", "w3"], groups=GROUPS, group_of=group_of)
    server = Server(cloud["w1"])
    talks = [Talk(cloud[c], server, "echo") for c in ("w2", "w3")]
    for h in cloud.hosts:
        status = h.weft("status")
        assert "fast path" in status and "bpffs" in status, status
        assert not any(s["offloaded"] for s in h.sessions("dport=8000"))
    for t in talks:
        t.wait_progress()


def refused_code(path, to):
    """weftd with a weft_port that no verifier accepts: it begins by reading a register that nobody has
    written."""
    first, bad = bytes.fromhex("bf16000000000000"), bytes.fromhex("bf96000000000000")
    with open(path, "rb") as f:
        data = bytearray(f.read())
    n = 0
    at = data.find(b"\x7fELF\x02\x01\x01", 1)
    while at >= 0:
        offset, = struct.unpack_from("<Q", data, at + 40)
        if b"weft_port_out" in data[at:at + offset]:  # in its names, before the table of sections
            for where in code_of(data, at):
                if data[where:where + 8] == first:
                    data[where:where + 8] = bad
                    n += 1
        at = data.find(b"\x7fELF\x02\x01\x01", at + 1)
    with open(to, "wb") as f:
        f.write(data)
    os.chmod(to, 0o755)
    return n


def code_of(data, start):
    """Where sections with code begin."""
    offset, = struct.unpack_from("<Q", data, start + 40)
    size, count = struct.unpack_from("<HH", data, start + 58)
    for i in range(count):
        kind, flags, _, where, _ = struct.unpack_from("<IQQQQ", data, start + offset + i * size + 4)
        if kind == 1 and flags & 4:  # PROGBITS, EXECINSTR
            yield start + where


def test_program_that_the_kernel_refuses(make_lab):
    """The verifier says no: that is told, and the data plane carries all, behind the guard."""
    lab = make_lab()
    path = os.path.join(lab.dir, "weftd-refused")
    assert refused_code(lab.binary("control/weftd"), path) == 1
    make_host = lab.host

    def host(name, *args):
        h = make_host(name, *args)
        h.weftd_binary = path
        return h
    lab.host = host
    cloud = Cloud(lab, ["w1", "w2", "w3"], groups=GROUPS, group_of=group_of)
    server = Server(cloud["w1"])
    talks = [Talk(cloud[c], server, mode) for c in ("w2", "w3") for mode in ("echo", "udp")]
    for h in cloud.hosts:
        status = h.status()
        assert status["fastpath"]["state"] == "failed"
        assert any("verifier does not accept the program" in w and "weft_port" in w
                   for w in status["warnings"]), status["warnings"]
        assert not any(s["offloaded"] for s in h.sessions("dport=8000"))
    assert "weft_guard/" in attached_names(cloud.hosts[0], "red-w1")
    for t in talks:
        t.wait_progress()
        assert t.close()["error"] is None
    wait_for("the ledger", lambda: cloud.ledger_errors() == [], 3)


@pytest.mark.parametrize("lacks", ["bpf,-perfmon,-sys_admin", "net_admin"], ids=["bpf", "net_admin"])
def test_missing_capability(make_lab, lacks):
    """weftd without it says so and goes on; the data plane carries all."""
    lab = make_lab(uplink="veth")
    script = os.path.join(lab.dir, "weftd-less")
    with open(script, "w") as f:
        f.write("#!/bin/sh\nexec setpriv --bounding-set=-%s %s \"$@\"\n" % (
            lacks, lab.binary("control/weftd")))
    os.chmod(script, 0o755)
    make_host = lab.host

    def host(name, *args):
        h = make_host(name, *args)
        h.weftd_binary = script
        return h
    lab.host = host
    cloud = Cloud(lab, ["w1", "w3"], groups=GROUPS, group_of=group_of, hosts=1)
    talk = Talk(cloud["w3"], Server(cloud["w1"]), "echo")
    assert any("CAP_" in w for w in cloud.hosts[0].status()["warnings"])
    assert "started without cap_" + lacks.split(",")[0] in cloud.hosts[0].weftd.log()
    assert not any(s["offloaded"] for s in cloud.hosts[0].sessions("dport=8000"))
    talk.wait_progress()


def test_bpffs_is_mounted(make_lab):
    """By default /sys/fs/bpf is used, and mounted where nobody has done so."""
    lab = make_lab()
    host = lab.host("h1")
    host.weftd_args = []
    script = os.path.join(lab.dir, "weftd-alone")
    with open(script, "w") as f:
        f.write("#!/bin/sh\nexec unshare -m sh -c 'umount -l /sys/fs/bpf 2>/dev/null; exec \"$@\"' x %s \"$@\"\n"
                % lab.binary("control/weftd"))
    os.chmod(script, 0o755)
    host.weftd_binary = script
    host.start()
    host.apply({"hosts": [lab.host_object(host)]})
    with open("/proc/%d/mounts" % host.weftd.pid) as f:
        assert " /sys/fs/bpf bpf " in f.read()
    assert os.path.isdir("/proc/%d/root/sys/fs/bpf/weft/h1" % host.weftd.pid)


def test_guest_on_a_tap(make_lab):
    """A TAP that QEMU holds is a kernel port like any other."""
    cloud = Cloud(make_lab(uplink="veth"), ["w1", "w2"], groups=GROUPS, group_of=group_of)
    lab, host = cloud.lab, cloud.hosts[0]
    host.ns.run("ip", "tuntap", "add", "dev", "red-w3", "mode", "tap", "vnet_hdr")
    host.ns.run("ip", "link", "set", "red-w3", "mtu", cloud.mtu, "up")
    guest = Guest(lab, host.path("w3"), netns=host.ns.name, options=[
        "-netdev", "tap,id=n0,ifname=red-w3,script=no,downscript=no",
        "-device", "virtio-net-pci,netdev=n0,mac=%s,romfile=" % mac("w3")])
    lab.machines.append(guest)
    cloud.doc["ports"].append({
        "tenant": "red", "name": "w3", "segment": "web", "host": "h1", "mac": mac("w3"),
        "addresses": bare("w3"), "kind": "veth", "device": "red-w3", "security_groups": ["client"]})
    cloud.apply()
    guest.boot()
    guest.run("ip link set eth0 mtu %d up" % cloud.mtu)
    for a in addresses("w3"):
        guest.run("ip addr add %s dev eth0" % a)
    guest.run("ip route add default via %s" % gateways("w3")[0])
    host.wait_ports_up("red/w3")
    before = host.hits()
    process = lab.spawn(["iperf3", "-s"], lab.dir + "/iperf", netns=cloud["w1"].ns.name)
    wait_for("iperf3", lambda: ":5201 " in cloud["w1"].run("ss", "-ltnH"))
    for family in ((4, 6)):
        for more in ("", " -R"):
            out = guest.run("iperf3 -c %s -t 1%s" % (cloud["w1"].ip(family), more), timeout=30)
            assert "receiver" in out, out
    process.kill()
    assert host.hits() - before > 200
    guest.start("ping -i 0.1 -c 30 %s" % cloud["w1"].ip())
    wait_for("the kernel to carry it", lambda: any(s["offloaded"] for s in host.sessions("proto=icmp")))
    with freeze([host]):
        time.sleep(0.5)
    assert "30 packets received" in guest.finish(timeout=30)
    cloud.check_ledger()
