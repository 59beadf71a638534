# SPDX-License-Identifier: BSD-3-Clause
"""A tenant's virtual machine: a guest over vhost-user."""

from .guest import Guest


class VM(Guest):
    def __init__(self, host, name, mac, addresses, device, queues=1, memory=128, mtu=1450,
                 qemu_server=True, net_options=""):
        """device: path of the vhost-user socket. qemu_server: QEMU listens and the switch connects."""
        self.host, self.device = host, device
        self.addresses, self.mtu = addresses, mtu
        mq = ",mq=on" if queues > 1 else ""
        mode = "server=on,wait=off" if qemu_server else "reconnect=1"
        super().__init__(host.lab, host.path(name), memory=memory, cpus=queues, options=[
            "-object", "memory-backend-memfd,id=mem,size=%dM,share=on" % memory,
            "-numa", "node,memdev=mem",
            "-chardev", "socket,id=c0,path=%s,%s" % (device, mode),
            "-netdev", "vhost-user,id=n0,chardev=c0,queues=%d" % queues,
            "-device", "virtio-net-pci,netdev=n0,mac=%s,romfile=,vectors=0%s%s" % (
                mac, mq, net_options)])

    def boot(self, timeout=60):
        """Waits for the guest and gives it its addresses."""
        super().boot(timeout)
        self.run("ip link set eth0 mtu %d up" % self.mtu)
        for a in self.addresses:
            self.run("ip addr add %s dev eth0" % a)
        return self

    def ip(self, family=4):
        return next(a.split("/")[0] for a in self.addresses if (":" in a) == (family == 6))

    def ping(self, address, count=1, size=56, df=False, timeout=2.0, interval=0.2):
        six = " -6" if ":" in address else ""
        out = self.run("ping%s -q -c %d -i %s -W %d -s %d %s" % (
            six, count, interval, max(1, round(timeout)), size, address), check=False,
            timeout=30 + count * timeout)
        return " %d packets received" % count in out
