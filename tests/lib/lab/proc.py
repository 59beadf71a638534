# SPDX-License-Identifier: BSD-3-Clause
"""Commands, background processes and waiting for events; nothing here sleeps blindly."""

import contextlib
import ctypes
import glob
import os
import signal
import subprocess
import time

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


class Skip(Exception):
    """Something this machine lacks; the message says what."""


class CommandFailed(Exception):
    def __init__(self, argv, code, output):
        super().__init__("%s: exit %d\n%s" % (" ".join(map(str, argv)), code, output))
        self.argv, self.code, self.output = argv, code, output


def run(*argv, check=True, timeout=30, stdin=None, netns=None, env=None):
    """Runs a command to its end; returns its stdout (and stderr behind it when it failed)."""
    argv = [str(a) for a in argv]
    if netns:
        argv = ["nsenter", "--net=/run/netns/" + netns] + argv
    p = subprocess.run(
        argv, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
        text=True, env={**os.environ, **(env or {})})
    if check and p.returncode != 0:
        raise CommandFailed(argv, p.returncode, p.stdout + p.stderr)
    return p.stdout if p.returncode == 0 else p.stdout + p.stderr


def wait_for(what, fn, timeout=10.0, every=0.02):
    """Calls fn until it returns something true and returns that; fails after timeout seconds."""
    end = time.monotonic() + timeout
    while True:
        value = fn()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError("waited %.0f s for %s" % (timeout, what))
        time.sleep(every)


def die_with_parent():
    """In the child: SIGKILL when the laboratory's process ends, however it ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A background process with its log in a file; killed for certain at the end."""

    def __init__(self, argv, log, netns=None, env=None):
        argv = [str(a) for a in argv]
        if netns:
            argv = ["nsenter", "--net=/run/netns/" + netns] + argv
        self.argv, self.log_path = argv, log
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True, preexec_fn=die_with_parent,
                env={**os.environ, **(env or {})})

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def kill(self, sig=signal.SIGKILL, timeout=10):
        """Sends sig and waits for the end; SIGKILL follows when that does not come."""
        if self.alive():
            self.popen.send_signal(sig)
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise

    def wait(self, timeout):
        return self.popen.wait(timeout)

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def waited(self):
        """Seconds that its threads could have run but had no CPU; 0 when it is gone."""
        ns = 0
        for path in glob.glob("/proc/%d/task/*/schedstat" % self.pid):
            with contextlib.suppress(OSError), open(path) as f:
                ns += int(f.read().split()[1])
        return ns / 1e9

    def rss_kb(self):
        """Resident memory without hugepages, and the hugepages, in kB."""
        rss = huge = 0
        with open("/proc/%d/smaps_rollup" % self.pid) as f:
            for line in f:
                if line.startswith("Rss:"):
                    rss = int(line.split()[1])
                elif line.startswith(("Private_Hugetlb:", "Shared_Hugetlb:")):
                    huge += int(line.split()[1])
        return rss, huge
