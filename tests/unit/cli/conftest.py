# SPDX-License-Identifier: BSD-3-Clause
"""Runs weft against the server of the RPC tests."""

import os
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "rpc"))

from rpcd import Server  # noqa: E402

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
EXAMPLE = os.path.join(ROOT, "tools/examples/two-hosts.yaml")


class Result:
    def __init__(self, p):
        self.code, self.out, self.err = p.returncode, p.stdout, p.stderr

    def ok(self):
        assert self.code == 0, self.err
        assert self.err == ""
        return self.out


class Weft:
    """weft with a server's socket in its environment."""

    def __init__(self, path):
        self.path = path

    def __call__(self, *args, stdin="", **env):
        return Result(subprocess.run(
            [os.environ["WEFT"], *args], input=stdin, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, timeout=60,
            env={**os.environ, "WEFT_SOCKET": self.path, **env}))

    def apply(self, text, *args):
        return self("apply", "-f", "-", *args, stdin=text)


@pytest.fixture
def server():
    with Server() as s:
        yield s


@pytest.fixture
def weft(server):
    return Weft(server.path)


@pytest.fixture
def filled(server, weft):
    weft("apply", "-f", EXAMPLE).ok()
    return weft
