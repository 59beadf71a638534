# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures of the fault tests: `host` is one hypervisor without tenants' traffic."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.dont_write_bytecode = True

from lab import Lab  # noqa: E402


@pytest.fixture
def lab():
    with Lab() as lab:
        yield lab


@pytest.fixture
def host(lab):
    return lab.host("h1")
