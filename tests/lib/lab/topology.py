# SPDX-License-Identifier: BSD-3-Clause
"""The usual scene: hosts, tenants that share addresses and MACs, containers and guests.

    tenant red   c1 c3 [v1] on h1, c2 c4 [v2] on h2     10.0.0.0/24, fd00:10::/64
    tenant blue  the same names, MACs and addresses; another VNI
"""

NUMBERS = {"c1": 11, "c2": 12, "c3": 13, "c4": 14, "v1": 21, "v2": 22, "k1": 31, "k2": 32}
VNIS = {"red": 1001, "blue": 1002, "green": 1003}


def mac(name):
    return "52:54:00:00:00:%02x" % NUMBERS[name]


def addresses(name):
    return ["10.0.0.%d/24" % NUMBERS[name], "fd00:10::%d/64" % NUMBERS[name]]


def bare(name):
    return [a.split("/")[0] for a in addresses(name)]


def device(tenant, name):
    return "%s-%s" % (tenant, name)


class Document:
    """The desired state, built up object by object; the same one is applied on every host."""

    def __init__(self, lab):
        self.lab = lab
        self.d = {"tenants": [], "networks": [], "segments": [], "hosts": [], "ports": []}

    def host(self, host):
        self.d["hosts"].append(self.lab.host_object(host))
        return self

    def remote_host(self, name, vtep):
        """A host that Weft does not run on: a kernel VXLAN device, say."""
        self.d["hosts"].append({"name": name, "vteps": [vtep]})
        return self

    def tenant(self, name, **segment):
        self.d["tenants"].append({"name": name})
        self.d["networks"].append({"tenant": name, "name": "main"})
        self.d["segments"].append({
            "tenant": name, "name": "lan", "network": "main", "vni": VNIS[name],
            "subnets": ["10.0.0.0/24", "fd00:10::/64"], **segment})
        return self

    def port(self, tenant, name, host, kind, dev, **more):
        self.d["ports"].append({
            "tenant": tenant, "name": name, "segment": "lan", "host": host, "mac": mac(name),
            "addresses": bare(name), "kind": kind, "device": dev, **more})
        return self

    def remove_port(self, tenant, name):
        self.d["ports"] = [p for p in self.d["ports"] if (p["tenant"], p["name"]) != (tenant, name)]
        return self


class Scene:
    """Hosts h1 and h2 started, document applied, machines up."""

    def __init__(self, lab, tenants=("red",), containers=("c1", "c2"), vms=(), vm_tenants=None,
                 extra=(), segment=None, port=None, machine_mtu=None, queues=1, say=None):
        """vm_tenants: the tenants that get guests (all). extra: more containers, (tenant, name)."""
        self.lab, self.tenants = lab, tenants
        say = say or (lambda text: None)
        overhead = 70 if lab.family == 6 else 50
        self.mtu = machine_mtu or lab.mtu - overhead
        self.h1, self.h2 = lab.host("h1", queues), lab.host("h2", queues)
        self.hosts = [self.h1, self.h2]
        self.doc = Document(lab).host(self.h1).host(self.h2)
        self.machines = {}
        has_vms = vm_tenants or tenants
        guests = [(t, n) for t in tenants for n in vms if t in has_vms]
        boxes = [(t, n) for t in tenants for n in containers] + list(extra)
        for tenant in tenants:
            self.doc.tenant(tenant, **(segment or {}))
        for tenant, name in boxes:
            self.doc.port(tenant, name, self.host_of(name).name, "veth", device(tenant, name),
                          **(port or {}))
        for tenant, name in guests:
            self.doc.port(tenant, name, self.host_of(name).name, "vhost-user",
                          self.socket(tenant, name), **(port or {}))
        say("starting a weft-dataplane and a weftd on each of two hosts")
        for h in self.hosts:
            h.start()
        say("making containers" + (" and booting guests" if guests else ""))
        for tenant, name in guests:
            self.machines[tenant, name] = lab.vm(
                self.host_of(name), device(tenant, name), mac=mac(name), mtu=self.mtu,
                addresses=addresses(name), device=self.socket(tenant, name))
        for tenant, name in boxes:
            self.machines[tenant, name] = lab.container(
                self.host_of(name), device(tenant, name), mac=mac(name), mtu=self.mtu,
                addresses=addresses(name), device=device(tenant, name))
        say("applying the desired state on both hosts")
        for h in self.hosts:
            h.apply(self.doc.d)
        for guest in guests:
            self.machines[guest].boot()
        for h in self.hosts:
            h.wait_ports_up()

    def host_of(self, name):
        return self.h1 if int(name[1:]) % 2 == 1 else self.h2

    def socket(self, tenant, name):
        return self.host_of(name).path(device(tenant, name) + ".sock")

    def __getitem__(self, key):
        """scene["red", "c1"], or scene["c1"] of the first tenant."""
        return self.machines[key if isinstance(key, tuple) else (self.tenants[0], key)]

    def apply(self):
        for h in self.hosts:
            h.apply(self.doc.d)
