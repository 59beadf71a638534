# SPDX-License-Identifier: BSD-3-Clause
"""Addresses of the scene, and profiles of weft-pktgen for it.

A machine behind the tenant's port (weft-pktgen's port 0) talks to one behind a tunnel (port 1).
"""

VM_MAC, FAR_MAC = "52:54:00:00:00:01", "52:54:00:00:00:02"
VTEP_MAC, FAR_VTEP_MAC = "02:aa:00:00:00:01", "02:aa:00:00:00:02"
ROUTER_MAC = "02:57:45:46:54:01"
VTEP, FAR_VTEP = {4: "172.16.0.1", 6: "fd00:172::1"}, {4: "172.16.0.2", 6: "fd00:172::2"}
VM_IP = {4: "10.1.0.11", 6: "fd00:1::11"}
FAR_IP = {4: "10.1.0.12", 6: "fd00:1::12"}
ROUTED_IP = {4: "10.2.0.12", 6: "fd00:2::12"}
VNI, ROUTED_VNI = 100, 200
NEW_PORTS = 50000, 40000  # source and destination ports when each packet is of a new flow
OPEN = 448     # connections at a time: fewer than a port's ring has room for, so that none fails for want of it
TRICKLE = 100  # packets per second of the direction that is not measured, so that sessions have answers


def far_ip_of(case, family):
    return (ROUTED_IP if case.routed else FAR_IP)[family]


def far_ip(case):
    return far_ip_of(case, case.ip)


def ports_of(flows):
    """Source and destination ports for that many flows."""
    source = min(flows, 1000)
    if flows % source:
        raise ValueError("flows: up to 1000, or a multiple of it")
    return source, flows // source


def vm_mac(n):
    return VM_MAC if n == 0 else "52:54:00:00:01:%02x" % n


def vm_ip(n, family):
    """Of the n-th machine; the first one is at port 0 of the generator, the others behind port 1."""
    return VM_IP[family] if n == 0 else ("10.1.0.%d", "fd00:1::%d")[family == 6] % (100 + n)


def more_senders(case, first):
    """What the other machines send: the same from their ports and addresses."""
    return [{**first, "name": "out%d" % n, "tx": n + 1, "src_mac": vm_mac(n), "src_ip": vm_ip(n, case.ip)}
            for n in range(1, case.vms)]


def out_stream(case):
    """From the machine into the tunnel, or to the second local port."""
    source, target = ports_of(case.flows) if case.order != "new" else NEW_PORTS
    return {"name": "out", "tx": 0, "rx": 1, "ip": case.ip, "size": case.size, "flows": case.flows,
            "order": case.order, "src_ports": source, "dst_ports": target,
            "src_mac": VM_MAC, "dst_mac": ROUTER_MAC if case.routed else FAR_MAC,
            "src_ip": VM_IP[case.ip], "dst_ip": far_ip(case), "src_port": 10000, "dst_port": 20000}


def in_stream(case):
    """The answers, as the other host's switch sends them."""
    out = out_stream(case)
    stream = {**out, "name": "in", "tx": 1, "rx": 0}
    for field in ("ports", "mac", "ip", "port"):
        stream["src_" + field], stream["dst_" + field] = out["dst_" + field], out["src_" + field]
    return {**stream, **({} if case.local else tunnel(case))}


def tunnel(case):
    return {"encap": "vxlan", "vni": VNI, "outer_src_mac": FAR_VTEP_MAC, "outer_dst_mac": VTEP_MAC,
            "outer_src_ip": FAR_VTEP[case.underlay], "outer_dst_ip": VTEP[case.underlay]}


def profile(case, plain=False):
    """plain: for a program that knows no tunnels, frames as the tenant has them both ways."""
    out, back = out_stream(case), in_stream(case)
    if case.connections:
        there = {k: v for k, v in tunnel(case).items() if k != "encap"}
        first = {**out, **there, "kind": "connections", "rx_encap": "vxlan", "concurrent": OPEN // case.vms}
        return {"streams": [first, *more_senders(case, first)]}
    if plain:
        back = {k: v for k, v in back.items() if k not in tunnel(case)}
    quiet = {"rate": TRICKLE, "background": "yes"}
    if case.way == "out":
        back.update(quiet)
    elif case.way == "in":
        out.update(quiet)
    if case.order == "new" or case.pingpong:
        return {"streams": [back] if case.way == "in" else [out, *more_senders(case, out)]}
    if case.rate:
        for stream in (out, back):
            stream.setdefault("rate", case.rate)
    return {"streams": [out, back]}
