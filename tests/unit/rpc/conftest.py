# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures: a server, with a client, with or without objects."""

import pytest

from rpcd import Server, two_hosts


@pytest.fixture
def server():
    with Server() as s:
        yield s


@pytest.fixture
def client(server):
    with server.client() as c:
        yield c


@pytest.fixture
def filled(client):
    client.call("apply", {"document": two_hosts()})
    return client
