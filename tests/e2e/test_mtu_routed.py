# SPDX-License-Identifier: BSD-3-Clause
"""Routed traffic between segments of different MTU: what is too big arrives in fragments, or its
sender is told the right size by its gateway; nothing vanishes.

    web (1450 or 1430): w1 on h1, w2 on h2      db (1300): d1 on h1, d2 on h2
    all machines believe in 1500
"""

import ast
import itertools

import pytest

from lab.cloud import Cloud, gateways
from lab.iperf import tcp
from lab.proc import wait_for

SMALL = 1300
PORT = 7000
RUNS = itertools.count()
PAIRS = [("w1", "d1"), ("w1", "d2"), ("d2", "w2"), ("d2", "w1"), ("w1", "w2")]

# Prints what came, {size: times}, when the last one has come, which has 8 bytes.
RECEIVE = """
import socket, sys
s = socket.socket(socket.AF_INET6 if sys.argv[1] == "6" else socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", %d))
print("ready", flush=True)
got = {}
while 8 not in got:
    n = len(s.recv(65536))
    got[n] = got.get(n, 0) + 1
print(got, flush=True)
""" % PORT

# Sends size bytes; prints the path's MTU as it was told in 0.7 s, and who told.
SEND = """
import errno, select, socket, sys
dst, df, size = sys.argv[1], sys.argv[2] == "df", int(sys.argv[3])
six = ":" in dst
s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
level, discover, err, mtu = (41, 23, 25, 24) if six else (0, 10, 11, 14)
s.setsockopt(level, discover, 2 if df or six else 0)
s.setsockopt(level, err, 1)
s.connect((dst, %d))
told = who = None
try:
    s.send(b"x" * size)
    poll = select.poll()
    poll.register(s, 0)
    if poll.poll(700):
        _, extra, _, _ = s.recvmsg(65536, 512, socket.MSG_ERRQUEUE)
        data = extra[0][2]
        told = int.from_bytes(data[8:12], sys.byteorder)
        who = socket.inet_ntop(s.family, data[24:40] if six else data[20:24])
except OSError as e:
    if e.errno != errno.EMSGSIZE:
        raise
    told, who = s.getsockopt(level, mtu), "itself"
print(repr((told, who)))
""" % PORT


@pytest.fixture(scope="module", params=[4, 6], ids=["underlay4", "underlay6"])
def cloud(request, module_lab):
    c = Cloud(module_lab(family=request.param), ["w1", "w2", "d1", "d2"])
    next(s for s in c.doc["segments"] if s["name"] == "db")["mtu"] = SMALL
    c.apply()
    for m in c.machines.values():
        m.host.ns.run("ip", "link", "set", m.device, "mtu", 1500)
        m.run("ip", "link", "set", "eth0", "mtu", 1500)
    return c


def path(cloud, a, b):
    """The largest packet that may go from one to the other: that of the segment that it enters."""
    return SMALL if b.startswith("d") else cloud.mtu


def forget(machine):
    for family in ("-4", "-6"):
        machine.run("ip", family, "route", "flush", "cache", check=False)


def send(cloud, a, b, family, df, size):
    """-> (bytes received, MTU told, who told); the size is the IP packet's."""
    payload = size - (28 if family == 4 else 48)
    out = "%s/received-%d" % (cloud.lab.dir, next(RUNS))
    receiver = cloud.lab.spawn(["/usr/bin/python3", "-c", RECEIVE, family], out, netns=cloud[b].ns.name)
    wait_for("receiver", lambda: "ready" in open(out).read())
    told = cloud[a].run("/usr/bin/python3", "-c", SEND, cloud[b].ip(family), "df" if df else "-", payload)
    cloud[a].run("/usr/bin/python3", "-c", SEND, cloud[b].ip(family), "-", 8)  # the last one
    wait_for("what was received", lambda: "}" in open(out).read())
    receiver.kill()
    got = ast.literal_eval(open(out).read().split("\n")[1])
    return (got.get(payload, 0) == 1, *ast.literal_eval(told))


@pytest.mark.parametrize("family,pair", itertools.product((4, 6), PAIRS))
def test_what_fits_arrives(cloud, family, pair):
    for df in (True, False):
        arrived, *told = send(cloud, *pair, family, df, path(cloud, *pair))
        assert arrived, (df, told, [h.stats() for h in cloud.hosts])


@pytest.mark.parametrize("family,pair", itertools.product((4, 6), PAIRS))
def test_what_is_too_big_is_told(cloud, family, pair):
    a, b = pair
    forget(cloud[a])
    arrived, told, who = send(cloud, a, b, family, True, path(cloud, a, b) + 1)
    assert not arrived
    assert told == path(cloud, a, b), (told, who)
    assert a[0] == b[0] or who == gateways(a)[family == 6]


@pytest.mark.parametrize("pair", PAIRS)
def test_ipv4_without_df_arrives(cloud, pair):
    forget(cloud[pair[0]])
    assert send(cloud, *pair, 4, False, path(cloud, *pair) + 1)[0]
    assert send(cloud, *pair, 4, False, 1500)[0]


@pytest.mark.parametrize("clamp,family,pair", itertools.product((False, True), (4, 6), PAIRS[:4]))
def test_tcp_transfers(cloud, clamp, family, pair):
    net = cloud.doc["networks"][0]
    if net.get("mss_clamp", False) != clamp:
        net["mss_clamp"] = clamp
        cloud.apply()
    forget(cloud[pair[0]])
    gbits, _ = tcp(cloud[pair[0]], cloud[pair[1]], seconds=1, family=family)
    assert gbits > 0.02


def test_ledger_is_exact(cloud):
    cloud.check_ledger()
