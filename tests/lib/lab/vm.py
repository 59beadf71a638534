# SPDX-License-Identifier: BSD-3-Clause
"""A tenant's virtual machine: QEMU (TCG) over vhost-user, obeying commands on a serial port."""

import os
import shutil
import socket
import time

from .proc import Skip, wait_for

IMAGE = os.environ.get("WEFT_VM_DIR", "/var/cache/weft/vm")


class VM:
    def __init__(self, host, name, mac, addresses, device, queues=1, memory=128, mtu=1450,
                 qemu_server=True, driver="", net_options=""):
        """device: path of the vhost-user socket. qemu_server: QEMU listens and the switch connects."""
        self.host, self.name, self.device = host, name, device
        self.addresses, self.mtu = addresses, mtu
        self._buffer = b""
        if not shutil.which("qemu-system-x86_64"):
            raise Skip("QEMU is not installed (tools/setup)")
        if not os.path.exists(IMAGE + "/initrd.gz"):
            raise Skip("there is no guest image (tools/setup)")
        self.control = host.path(name + ".serial")
        self.console = host.path(name + ".console")
        mq = ",mq=on" if queues > 1 else ""
        mode = "server=on,wait=off" if qemu_server else "reconnect=1"
        argv = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", memory, "-smp", queues,
                "-nodefaults", "-no-reboot", "-display", "none",
                "-kernel", IMAGE + "/vmlinuz", "-initrd", IMAGE + "/initrd.gz",
                "-append", "console=ttyS0 quiet panic=-1 random.trust_cpu=on",
                "-serial", "file:" + self.console,
                "-chardev", "socket,id=s1,path=%s,server=on,wait=off" % self.control,
                "-serial", "chardev:s1",
                "-object", "memory-backend-memfd,id=mem,size=%dM,share=on" % memory,
                "-numa", "node,memdev=mem",
                "-chardev", "socket,id=c0,path=%s,%s" % (device, mode),
                "-netdev", "vhost-user,id=n0,chardev=c0,queues=%d" % queues,
                "-device", "virtio-net-pci,netdev=n0,mac=%s,romfile=,vectors=0%s%s" % (
                    mac, mq, net_options)]
        self.process = host.lab.spawn(argv, host.path(name + ".qemu.log"))
        # At once: what the guest says while nobody listens is lost.
        self.sock = wait_for("QEMU's serial port", self._connect)

    def _connect(self):
        if not self.process.alive():
            raise RuntimeError("QEMU did not start:\n" + self.process.log()[-2000:])
        s = socket.socket(socket.AF_UNIX)
        if s.connect_ex(self.control) == 0:
            return s
        s.close()
        return None

    def boot(self, timeout=60):
        """Waits for the guest and gives it its addresses."""
        end = time.monotonic() + timeout
        self._read_until(b"@@ready", end)
        self.run("ip link set eth0 mtu %d up" % self.mtu)
        for a in self.addresses:
            self.run("ip addr add %s dev eth0" % a)
        return self

    def _read_until(self, mark, end):
        while True:
            at = self._buffer.find(mark)
            newline = self._buffer.find(b"\n", at) if at >= 0 else -1
            if newline >= 0:
                before, line = self._buffer[:at], self._buffer[at:newline]
                self._buffer = self._buffer[newline + 1:]
                return before, line
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("%s: no answer from the guest; it said %r; console:\n%s" % (
                    self.name, self._buffer[-500:], self.console_log()[-1500:]))
            self.sock.settimeout(left)
            try:
                data = self.sock.recv(65536)
            except socket.timeout:
                continue
            if not data:
                raise TimeoutError("%s: the guest is gone" % self.name)
            self._buffer += data

    def start(self, command):
        """Sends a command without waiting; finish() returns its output."""
        self.sock.sendall(command.encode() + b"\n")

    def finish(self, check=True, timeout=30):
        out, line = self._read_until(b"@@end ", time.monotonic() + timeout)
        text = out.decode(errors="replace").replace("\r", "")
        code = int(line.split()[1])
        if check and code != 0:
            raise RuntimeError("%s: exit %d\n%s" % (self.name, code, text))
        return text

    def run(self, command, check=True, timeout=30):
        self.start(command)
        return self.finish(check, timeout)

    def ip(self, family=4):
        return next(a.split("/")[0] for a in self.addresses if (":" in a) == (family == 6))

    def ping(self, address, count=1, size=56, df=False, timeout=2.0, interval=0.2):
        six = " -6" if ":" in address else ""
        out = self.run("ping%s -q -c %d -i %s -W %d -s %d %s" % (
            six, count, interval, max(1, round(timeout)), size, address), check=False,
            timeout=30 + count * timeout)
        return " %d packets received" % count in out

    def console_log(self):
        try:
            with open(self.console, errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def close(self):
        self.sock.close()
        if self.process.alive():
            self.process.kill()
