# SPDX-License-Identifier: BSD-3-Clause
"""The cases: one line each, by name. A case says what is sent through what."""

import dataclasses

QUICK, USUAL, FULL = 1, 2, 3
ALL = ("weft", "ovs", "testpmd")
KERNEL = ("weft", "weft-xdp", "weft-tc", "kernel", "kernel-ct", "redirect")  # what inkernel.py has
KERNEL_OUT = ("weft", "kernel", "kernel-ct", "redirect")  # where Weft's kinds of uplink make no difference


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    level: int = FULL          # run from this one on: QUICK, USUAL, FULL
    duts: tuple = ("weft",)
    way: str = "both"          # out (into the tunnel), in, both
    flows: int = 10000
    size: object = 64          # bytes of the tenant's frame without FCS, or "imix"
    order: str = "sequence"
    rules: int = 0             # of the tenant's security group; 0: no policy
    routed: bool = False
    ip: int = 4                # inside
    underlay: int = 4
    tenant: str = "memif"      # or vhost-user; veth: it and the uplink are the kernel's
    local: bool = False        # to a second port of this host
    second: str = "memif"      # what that is, or vhost-user
    connections: bool = False  # TCP connections, made and ended, rather than packets
    pingpong: bool = False     # latency with one packet in flight
    rate: float = 0            # packets per second of each direction; 0: as many as go
    churn: str = ""            # what control does meanwhile
    vms: int = 1               # machines that send
    seconds: float = 3         # measured

    @property
    def stateful(self):
        return self.rules > 0

    @property
    def makes_sessions(self):
        """All the time, which are kept for a second only."""
        return self.order == "new" or self.connections

    @property
    def takes_turns(self):
        """Its programs may stand still for seconds and go on as if nothing had been. Sessions that are kept for a
        second would all end, and a packet in flight would be the pause's length on its way."""
        return not (self.makes_sessions or self.churn or self.pingpong)


def full_path(name, **more):
    """With a stateful security group and a distributed router."""
    return Case(name, rules=more.pop("rules", 10), routed=True, **more)


CASES = [
    # The main case, OVS's closest to it, and OVS with less to do (duts.py has what programs do otherwise).
    full_path("both-all", level=QUICK, duts=(*ALL, "ovs-plain")),
    full_path("out-all", level=QUICK, duts=ALL, way="out"),
    full_path("in-all", level=USUAL, duts=ALL, way="in"),
    Case("both", level=USUAL, duts=("weft", "ovs")),
    Case("out", level=USUAL, duts=ALL, way="out"),
    Case("in", level=USUAL, duts=ALL, way="in"),
    Case("local", level=USUAL, duts=ALL, way="out", local=True),
    Case("both-policy", duts=("weft", "ovs"), rules=10),
    Case("both-routed", routed=True),
    # Sessions.
    full_path("flows-1", level=USUAL, flows=1, duts=("weft", "ovs")),
    full_path("flows-1k", level=USUAL, flows=1000, duts=("weft", "ovs")),
    full_path("flows-100k", level=USUAL, flows=100000, duts=("weft", "ovs")),
    full_path("flows-1M", level=USUAL, flows=1000000, duts=("weft", "self-1k", "ovs")),
    # Rules.
    full_path("rules-1", rules=1),
    full_path("rules-100", rules=100),
    full_path("rules-1000", level=USUAL, rules=1000, duts=("weft", "self-rule")),
    # Sizes.
    *[full_path(f"size-{n}", size=n, duts=ALL) for n in (128, 256, 512, 1024, 1400, "imix")],
    # IPv6, in frames that have room for its headers.
    full_path("ipv6-80", level=USUAL, size=80, ip=6, duts=("weft", "self-ipv4")),
    full_path("ipv6-underlay", underlay=6),
    # The other kind of port.
    full_path("vhost", level=USUAL, duts=ALL, tenant="vhost-user"),
    # The matrix of RFC 8204: local is port to port, vhost above is uplink to machine and back.
    Case("port-vhost", duts=ALL, local=True, second="vhost-user"),
    Case("vhost-vhost", duts=ALL, local=True, tenant="vhost-user", second="vhost-user"),
    # Ports in the kernel, established sessions of a stateful group in one segment.
    *[Case(f"kernel-{way}", level=USUAL, duts=duts, tenant="veth", way=way, flows=1000, rules=10)
      for way, duts in (("out", KERNEL_OUT), ("in", KERNEL), ("both", KERNEL))],
    # New sessions and connections per second.
    full_path("new-sessions", level=QUICK, duts=("weft", "ovs"), way="out", order="new", vms=14),
    full_path("new-sessions-1", duts=("weft", "ovs"), way="out", order="new"),
    Case("connections", level=USUAL, rules=10, duts=("weft", "ovs"), way="out", connections=True, flows=500000, vms=7),
    # One packet in flight.
    full_path("latency-out", level=QUICK, duts=ALL, way="out", flows=1, pingpong=True),
    full_path("latency-in", duts=ALL, way="in", flows=1, pingpong=True),
    # Control at work meanwhile.
    *[full_path(f"churn-{what}", rate=500e3, churn=what, seconds=4) 
      for what in ("nothing", "rules", "routes", "ports", "stats")],
]


@dataclasses.dataclass(frozen=True)
class Floor:
    """Of a case one program against another, or a figure by itself."""
    what: str
    case: str
    over: str
    under: str    # None: by itself
    floor: float
    aim: float
    least: bool = False  # less is better


FLOORS = [
    Floor("policy and routing both ways, 10k sessions : OVS with conntrack", "both-all", "weft", "ovs", 5, 7),
    Floor("the same : OVS without policy", "both-all", "weft", "ovs-plain", 2.5, 3.5),
    Floor("the same : testpmd io both ways", "both-all", "weft", "testpmd", 0.5, 0.67),
    Floor("one way (encapsulation) : testpmd io", "out-all", "weft", "testpmd", 0.7, 0.85),
    Floor("1M sessions : 1k sessions", "flows-1M", "weft", "self-1k", 0.6, 0.75),
    Floor("1,000 rules : 1 rule", "rules-1000", "weft", "self-rule", 0.98, 1.0),
    Floor("IPv6 inner : IPv4 inner", "ipv6-80", "weft", "self-ipv4", 0.85, 0.95),
    Floor("new sessions per second : OVS with conntrack", "new-sessions", "weft", "ovs", 1.5, 3),
    Floor("TCP connections per second, six packets each", "connections", "weft", None, 400e3, 1e6),
    Floor("fast path, decapsulation : kernel bridge+vxlan with conntrack", "kernel-in", "weft-xdp", "kernel-ct", 5, 8),
    Floor("fast path, decapsulation : bare XDP redirect", "kernel-in", "weft-xdp", "redirect", 0.6, 0.8),
    Floor("latency p50, one packet in flight : testpmd io", "latency-out", "weft", "testpmd", 1.5, 1.25,
          least=True),
]
