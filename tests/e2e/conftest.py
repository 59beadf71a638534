# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures of the end-to-end tests: `make_lab` gives laboratories that end with the test."""

import contextlib
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.dont_write_bytecode = True

from lab import Lab, Skip  # noqa: E402


@pytest.fixture
def make_lab():
    with contextlib.ExitStack() as stack:
        yield lambda **kw: stack.enter_context(Lab(**kw))


@pytest.fixture(scope="module")
def module_lab():
    with contextlib.ExitStack() as stack:
        yield lambda **kw: stack.enter_context(Lab(**kw))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_makereport(item, call):
    """What the laboratory lacks is a skipped test."""
    if call.excinfo and isinstance(call.excinfo.value, Skip):
        why = str(call.excinfo.value)
        call.excinfo = pytest.CallInfo.from_call(lambda: pytest.skip(why), call.when).excinfo
