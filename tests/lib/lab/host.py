# SPDX-License-Identifier: BSD-3-Clause
"""A hypervisor host: a namespace with an uplink, a weft-dataplane and a weftd."""

import contextlib
import json
import os
import signal
import socket

from .net import Netns
from .proc import CommandFailed, Process, run, wait_for


def answers(path, kind):
    """Somebody listens on that Unix socket; one left by a dead process refuses."""
    with socket.socket(socket.AF_UNIX, kind) as s:
        return s.connect_ex(path) == 0


class Host:
    def __init__(self, lab, name):
        self.lab, self.name = lab, name
        self.ns = Netns(lab.unique(name))
        self.dir = os.path.join(lab.dir, name)
        os.makedirs(self.dir)
        self.dataplane = self.weftd = None
        self.dataplane_args = ["--workers", str(lab.workers)]
        self.weftd_binary = None  # the one that was built
        self.weftd_args = ["--bpf-dir", os.path.join(lab.bpf_dir, name)]
        if not lab.fast_path:
            self.weftd_args += ["--fast-path", "off"]

    def path(self, name):
        return os.path.join(self.dir, name)

    @property
    def rpc_path(self):
        return self.path("weftd.sock")

    def start_dataplane(self, wait=True):
        argv = [self.lab.binary("dataplane/weft-dataplane"), "--socket", self.path("dataplane.sock"),
                *self.dataplane_args]
        self.dataplane = self.lab.spawn(argv, self.path("dataplane.log"), netns=self.ns.name)
        if wait:
            self.lab.ready("the channel of " + self.name, self.dataplane,
                           lambda: self.dataplane_ready())

    def dataplane_ready(self):
        return answers(self.path("dataplane.sock"), socket.SOCK_SEQPACKET)

    def start_weftd(self, wait=True):
        argv = [self.weftd_binary or self.lab.binary("control/weftd"), "--host", self.name,
                "--store", self.path("weft.db"), "--socket", self.rpc_path,
                "--dataplane", self.path("dataplane.sock"), *self.weftd_args]
        self.weftd = self.lab.spawn(argv, self.path("weftd.log"), netns=self.ns.name)
        if wait:
            self.lab.ready("weftd of " + self.name, self.weftd,
                           lambda: answers(self.rpc_path, socket.SOCK_STREAM))

    def start(self):
        self.start_dataplane()
        self.start_weftd()

    def kill_dataplane(self, sig=signal.SIGKILL):
        self.dataplane.kill(sig)

    def kill_weftd(self, sig=signal.SIGKILL):
        self.weftd.kill(sig)

    def weft(self, *args, check=True, stdin=None, timeout=60):
        """The CLI. With check=False a failure returns None."""
        argv = [self.lab.binary("tools/weft/weft"), "--socket", self.rpc_path, *args]
        try:
            return run(*argv, stdin=stdin, timeout=timeout)
        except CommandFailed:
            if check:
                raise
            return None

    def weft_json(self, *args, **kw):
        out = self.weft(*args, "--json", **kw)
        return None if out is None else json.loads(out)

    def rpc(self, method, params=None, **kw):
        return json.loads(self.weft("rpc", method, json.dumps(params or {}), **kw))

    def apply(self, document, wait=True):
        out = self.weft("apply", "-f", "-", stdin=json.dumps(document))
        if wait:
            self.wait_in_sync()
        return out

    def status(self):
        return self.weft_json("status", check=False)

    def wait_in_sync(self, timeout=15):
        """Everything applied is in the data plane."""
        wait_for("the data plane of %s to be in sync" % self.name, lambda: self.in_sync(), timeout)

    def in_sync(self):
        s = self.status()
        return bool(s) and s["dataplane"]["connected"] and s["dataplane"]["in_sync"]

    def wait_ports_up(self, *names, timeout=20):
        """The named ports (or all of this host) are up, and all VTEPs resolved."""
        def up():
            s = self.status()
            if not s:
                return False
            states = {p["name"]: p["state"] for p in s["ports"]}
            return all(states.get(n) == "up" for n in (names or states)) and \
                all(v["resolved"] for v in s["vteps"])
        try:
            wait_for("the ports of %s" % self.name, up, timeout)
        except TimeoutError as e:
            raise TimeoutError("%s\n%s" % (e, self.weft("status", check=False)))

    def stats(self):
        """Counters of this host's ports by name."""
        return {p["name"]: p for p in self.rpc("stats.ports")["ports"]}

    # -- what the kernel carries

    def hits(self):
        """Frames that BPF programs of the fast path carried."""
        return sum(p["hits"] for p in self.rpc("stats.fastpath")["programs"])

    def misses(self):
        """Frames that they left to the data plane."""
        return sum(sum(p["misses"].values()) for p in self.rpc("stats.fastpath")["programs"])

    def sessions(self, *filters):
        return self.weft_json("session", "list", *filters)["sessions"]

    @contextlib.contextmanager
    def frozen(self):
        """Its data plane does nothing for that long."""
        self.dataplane.popen.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.dataplane.popen.send_signal(signal.SIGCONT)

    def close(self):
        for p in (self.weftd, self.dataplane):
            if p and p.alive():
                p.kill(signal.SIGTERM)
        self.ns.delete()

    def processes(self):
        return [p for p in (self.weftd, self.dataplane) if isinstance(p, Process)]
