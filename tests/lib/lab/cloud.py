# SPDX-License-Identifier: BSD-3-Clause
"""A small cloud: per tenant a router between two segments, machines on two hosts.

    segment web  10.1.0.0/24, fd00:1::/64     w1 w3 on h1, w2 w4 on h2
    segment db   10.2.0.0/24, fd00:2::/64     d1 d3 on h1, d2 d4 on h2
    a machine whose name ends in v is a guest (w1v, d2v), else a container; tenants share all of it
"""

from .traffic import PORT

SEGMENTS = {"w": ("web", 1), "d": ("db", 2)}
TENANTS = ("red", "blue", "green")


def number(name):
    """1, 2, 3, 4; guests come 20 later."""
    return int(name[1]) + (20 if name.endswith("v") else 0)


def segment(name):
    return SEGMENTS[name[0]][0]


def net(name):
    return SEGMENTS[name[0]][1]


def mac(name):
    return "52:54:00:00:%02x:%02x" % (net(name), 10 + number(name))


def bare(name):
    return ["10.%d.0.%d" % (net(name), 10 + number(name)), "fd00:%d::%d" % (net(name), 10 + number(name))]


def addresses(name):
    return [bare(name)[0] + "/24", bare(name)[1] + "/64"]


def gateways(name):
    return ["10.%d.0.1" % net(name), "fd00:%d::1" % net(name)]


def vni(tenant, letter):
    return 3000 + 10 * TENANTS.index(tenant) + SEGMENTS[letter][1]


def allow(direction, protocol=None, ports=None, **more):
    """A rule of a security group."""
    rule = {"direction": direction, **more}
    if protocol:
        rule["protocol"] = protocol
    if ports:
        rule["ports"] = str(ports)
    return rule


ALL_OUT = [allow("egress")]
PING_IN = [allow("ingress", "icmp"), allow("ingress", "icmpv6")]
MARKED_IN = [allow("ingress", "udp", PORT)]


class Cloud:
    """machines: names, or (tenant, name). groups: {name: rules}, made in each tenant; group_of(tenant,
    name) -> names of a machine's groups. static=False: machines have no addresses of their own."""

    def __init__(self, lab, machines, tenants=("red",), groups=None, group_of=None, segment_fields=None,
                 network_fields=None, static=True, hosts=2):
        self.lab, self.tenants = lab, tenants
        self.mtu = lab.mtu - (70 if lab.family == 6 else 50)
        self.names = [(m if isinstance(m, tuple) else (tenants[0], m)) for m in machines]
        self.hosts = [lab.host("h%d" % (i + 1)) for i in range(hosts)]
        self.doc = {kind: [] for kind in (
            "tenants", "networks", "segments", "hosts", "security-groups", "ports", "routers")}
        for h in self.hosts:
            self.doc["hosts"].append(lab.host_object(h))
        for t in tenants:
            self._tenant(t, groups or {}, segment_fields or {}, network_fields or {})
        for t, n in self.names:
            self._port(t, n, group_of)
        self.machines = {}
        for h in self.hosts:
            h.start()
        for t, n in self.names:
            self.machines[t, n] = self._machine(t, n, static)
        self.apply()
        for t, n in self.names:
            if n.endswith("v"):
                self._boot(t, n, static)
        for h in self.hosts:
            h.wait_ports_up()

    def _tenant(self, t, groups, segment_fields, network_fields):
        self.doc["tenants"].append({"name": t})
        self.doc["networks"].append({"tenant": t, "name": "main", **network_fields})
        for letter, (name, n) in SEGMENTS.items():
            self.doc["segments"].append({
                "tenant": t, "name": name, "network": "main", "vni": vni(t, letter),
                "subnets": [{"prefix": "10.%d.0.0/24" % n, "gateway": "10.%d.0.1" % n},
                            {"prefix": "fd00:%d::/64" % n, "gateway": "fd00:%d::1" % n}],
                **segment_fields})
        for name, rules in groups.items():
            self.doc["security-groups"].append({"tenant": t, "name": name, "rules": rules})
        self.doc["routers"].append(
            {"tenant": t, "name": "r1", "network": "main", "segments": ["web", "db"]})

    def _port(self, t, n, group_of):
        vm = n.endswith("v")
        port = {"tenant": t, "name": n, "segment": segment(n), "host": self.host_of(n).name,
                "mac": mac(n), "addresses": bare(n), "kind": "vhost-user" if vm else "veth",
                "device": self._socket(t, n) if vm else "%s-%s" % (t, n)}
        if group_of:
            port["security_groups"] = group_of(t, n)
        self.doc["ports"].append(port)

    def _socket(self, t, n):
        return self.host_of(n).path("%s-%s.sock" % (t, n))

    def _machine(self, t, n, static):
        common = {"mac": mac(n), "mtu": self.mtu, "addresses": addresses(n) if static else []}
        host, name = self.host_of(n), "%s-%s" % (t, n)
        if n.endswith("v"):
            return self.lab.vm(host, name, device=self._socket(t, n), **common)
        c = self.lab.container(host, name, device=name, **common)
        if static:
            c.run("ip", "route", "add", "default", "via", gateways(n)[0])
            c.run("ip", "-6", "route", "add", "default", "via", gateways(n)[1])
        return c

    def _boot(self, t, n, static):
        vm = self.machines[t, n].boot()
        if static:
            vm.run("ip route add default via %s" % gateways(n)[0])
            vm.run("ip -6 route add default via %s" % gateways(n)[1])

    def host_of(self, n):
        return self.hosts[(int(n[1]) - 1) % len(self.hosts)]

    def __getitem__(self, key):
        """cloud["red", "w1"], or cloud["w1"] of the first tenant."""
        return self.machines[key if isinstance(key, tuple) else (self.tenants[0], key)]

    def port(self, t, n):
        """The port's object in the document, to be changed before apply()."""
        return next(p for p in self.doc["ports"] if (p["tenant"], p["name"]) == (t, n))

    def group(self, t, name):
        return next(g for g in self.doc["security-groups"] if (g["tenant"], g["name"]) == (t, name))

    def apply(self):
        for h in self.hosts:
            h.apply(self.doc)

    def ledger_errors(self):
        """Ports where not: rx + added = sent + dropped."""
        return [(h.name, name, s) for h in self.hosts for name, s in h.stats().items()
                if s["rx_packets"] + s["added"] != s["sent"] + sum(s["dropped"].values())]

    def check_ledger(self):
        """Exact on every port, once traffic has stopped."""
        assert not self.ledger_errors()
