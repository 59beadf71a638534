# SPDX-License-Identifier: BSD-3-Clause
"""QEMU (TCG) with the test guest (tools/vm-image), obeying commands on a serial port."""

import os
import re
import shutil
import socket
import subprocess
import time

from .proc import Skip, run, wait_for

# cmpxchg16b of TCG in QEMU 7.2 spoils the flags, of which kernels from 6.12 on die.
CPU = "max,-cx16"
IMAGE = os.environ.get("WEFT_VM_DIR", "/var/cache/weft/vm")


def initrd_with(programs, directory):
    """The guest's initrd with these programs in /test, a shell that looks there before it takes
    busybox's, and the libraries that they need; its path."""
    root, path = os.path.join(directory, "root"), os.path.join(directory, "initrd")
    files = {p: "/test/" + os.path.basename(p) for p in programs}
    files["/bin/dash"] = "/bin/sh"
    for p in list(files):
        files.update({lib: lib for lib in re.findall(r"(/\S+) \(0x", run("ldd", p))})
    for source, target in files.items():
        os.makedirs(os.path.dirname(root + target), exist_ok=True)
        shutil.copy(source, root + target)
    with open(path, "wb") as out:
        with open(IMAGE + "/initrd.gz", "rb") as f:
            shutil.copyfileobj(f, out)
        out.write(b"\0" * (-out.tell() % 4))
        out.flush()
        subprocess.run("find . | cpio -o -H newc --quiet", shell=True, cwd=root, stdout=out, check=True)
    return path


class Guest:
    def __init__(self, lab, base, options=(), kernel="vmlinuz", initrd=None, memory=128, cpus=1,
                 netns=None):
        """base: of the paths of its sockets and logs. kernel: a file of IMAGE."""
        self.name = os.path.basename(base)
        self._buffer = b""
        if not shutil.which("qemu-system-x86_64"):
            raise Skip("QEMU is not installed (tools/setup)")
        for need in (kernel, "initrd.gz"):
            if not os.path.exists(os.path.join(IMAGE, need)):
                raise Skip("there is no %s in %s (tools/setup)" % (need, IMAGE))
        self.control, self.console = base + ".serial", base + ".console"
        argv = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", CPU, "-m", memory, "-smp", cpus,
                "-nodefaults", "-no-reboot", "-display", "none",
                "-kernel", os.path.join(IMAGE, kernel),
                "-initrd", initrd or IMAGE + "/initrd.gz",
                "-append", "console=ttyS0 quiet panic=-1 random.trust_cpu=on",
                "-serial", "file:" + self.console,
                "-chardev", "socket,id=s1,path=%s,server=on,wait=off" % self.control,
                "-serial", "chardev:s1", *options]
        self.process = lab.spawn(argv, base + ".qemu.log", netns=netns)
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

    def boot(self, timeout=150):
        """Waits for the guest to obey: under emulation, on a busy machine."""
        self._read_until(b"@@ready", time.monotonic() + timeout)
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
                raise TimeoutError("%s: the guest is gone; QEMU: %s; console:\n%s" % (
                    self.name, self.process.log()[-500:], self.console_log()[-3000:]))
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
