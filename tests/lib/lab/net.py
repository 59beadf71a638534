# SPDX-License-Identifier: BSD-3-Clause
"""Network namespaces, veth pairs and bridges."""

import os
import re

from .proc import run


def sweep():
    """Deletes the namespaces and mounts of laboratories whose process is gone (killed with SIGKILL)."""
    for name in os.listdir("/run/netns") if os.path.isdir("/run/netns") else ():
        made_by = re.fullmatch(r"w(\d+)[a-z]-.*", name)
        if made_by and not os.path.exists("/proc/" + made_by.group(1)):
            run("ip", "netns", "del", name, check=False)
    with open("/proc/mounts") as f:
        mounts = [line.split()[1] for line in f]
    for path in reversed(mounts):
        made_by = re.search(r"/weft-lab-(\d+)-[^/]*(/bpf)?$", path)
        if made_by and not os.path.exists("/proc/" + made_by.group(1)):
            run("umount", "-l", path, check=False)


class Netns:
    def __init__(self, name):
        self.name = name
        run("ip", "netns", "add", name)
        self.run("ip", "link", "set", "lo", "up")

    def run(self, *argv, **kw):
        return run(*argv, netns=self.name, **kw)

    def sysctl(self, key, value):
        self.run("sh", "-c", "echo %s > /proc/sys/%s" % (value, key.replace(".", "/")))

    def delete(self):
        run("ip", "netns", "del", self.name, check=False)

    def exists(self):
        return os.path.exists("/run/netns/" + self.name)


def veth(a_ns, a, b_ns, b, mtu=1500, a_mac=None, b_mac=None, queues=1):
    """A veth pair with one end in each namespace, both up."""
    argv = ["ip", "link", "add", a, "netns", a_ns.name, "mtu", mtu,
            "numrxqueues", queues, "numtxqueues", queues]
    argv += ["address", a_mac] if a_mac else []
    argv += ["type", "veth", "peer", "name", b, "netns", b_ns.name, "mtu", mtu,
             "numrxqueues", queues, "numtxqueues", queues]
    argv += ["address", b_mac] if b_mac else []
    run(*argv)
    a_ns.run("ip", "link", "set", a, "up")
    b_ns.run("ip", "link", "set", b, "up")
