# SPDX-License-Identifier: BSD-3-Clause
"""That the kernel carries what it can: conversations of containers, by their sessions and by what the
programs counted on each host on the way."""

from .proc import wait_for
from .talk import Server, Talk, wait_carried

MODES = ("echo", "udp")
NUMBERS = 20  # of each conversation that are looked at


def hosts_of(talk):
    return {talk.machine.host.name, talk.server.machine.host.name}


def wait_numbers(talk, n):
    wait_for("%s to count to %d" % (talk.name, n), lambda: talk.report()["n"] >= n, 20)


def expect_carried(cloud, pairs, families=(4, 6), modes=MODES):
    """pairs: (client, server), containers that may talk. Their sessions are offloaded on both hosts,
    what passes from then on is hits there, and the ledger is exact in the end."""
    servers = {name: Server(cloud[name]) for name in {s for _, s in pairs}}
    talks = [Talk(cloud[c], servers[s], mode, family)
             for c, s in pairs for family in families for mode in modes]
    wait_carried(talks)
    hits, n = {h.name: h.hits() for h in cloud.hosts}, [t.report()["n"] for t in talks]
    for t, before in zip(talks, n):
        wait_numbers(t, before + NUMBERS)
    for h in cloud.hosts:
        # A number goes there and back; the last ones may not be counted yet.
        passed = sum(2 * (NUMBERS - 1) for t in talks if h.name in hosts_of(t))
        assert h.hits() - hits[h.name] >= passed, (h.name, h.hits(), hits, passed)
    for t in talks:
        assert t.close()["error"] is None
    for s in servers.values():
        s.close()
    wait_for("the ledger", lambda: cloud.ledger_errors() == [], 5)
