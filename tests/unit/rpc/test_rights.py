# SPDX-License-Identifier: BSD-3-Clause
"""Who may write: root, weftd's own user, the operators' group; others read."""

import json
import os
import stat
import subprocess
import sys

import pytest

from rpcd import Server, two_hosts

NOBODY, OPERATORS, OTHERS = 65534, 54321, 54322
DENIED = -32001

CHILD = """
import json, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); f = s.makefile("rb")
for request in json.load(sys.stdin):
    s.sendall(json.dumps(request).encode()); print(f.readline().decode(), end="")
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")


def as_user(server, requests, group=NOBODY, groups=()):
    """What nobody gets as answers."""
    out = subprocess.run(
        [sys.executable, "-c", CHILD, server.path], user=NOBODY, group=group,
        extra_groups=list(groups), check=True, stdout=subprocess.PIPE, text=True, cwd="/",
        input=json.dumps(requests), timeout=60).stdout
    return [json.loads(line) for line in out.splitlines()]


def request(method, params=None):
    return {"jsonrpc": "2.0", "method": method, "params": params or {}, "id": 1}


WRITE = request("tenant.create", {"name": "mine"})


@pytest.fixture
def shared():
    with Server(operators=OPERATORS) as s, s.client() as c:
        c.call("apply", {"document": two_hosts()})
        s.open_to_all()
        yield s


def test_socket_mode(server):
    assert stat.S_IMODE(os.stat(server.path).st_mode) == 0o660


def test_socket_keeps_others_out(server):
    with pytest.raises(subprocess.CalledProcessError):
        as_user(server, [request("version")])


def test_others_read(shared):
    version, tenants = as_user(shared, [request("version"), request("tenant.list")])
    assert version["result"]["access"] == "read"
    assert len(tenants["result"]["objects"]) == 2


def test_others_trace_but_send_nothing(shared):
    shared.do("connect", "trace delivered red/c1")
    frame = {"port": "red/c1", "frame": "00" * 60}
    run, watch, probe = as_user(shared, [
        request("trace.run", frame), request("trace.watch"), request("trace.probe", frame)])
    assert run["result"]["verdict"] == "delivered" and watch["result"]["watching"]
    assert probe["error"]["code"] == DENIED


def test_every_writing_method_is_refused_to_readers(shared):
    with shared.client() as c:
        methods = [m["name"] for m in c.call("rpc.describe")["methods"] if m["access"] == "write"]
        assert {"apply", "transact", "fdb.flush", "port.delete"} <= set(methods)
        before = c.call("version"), c.call("status")["weftd"]["revision"]
        answers = as_user(shared, [request(m) for m in methods])
        assert {a["error"]["code"] for a in answers} == {DENIED}
        assert "operators" in answers[0]["error"]["message"]
        assert (c.call("version"), c.call("status")["weftd"]["revision"]) == before
        assert c.call("status")["rpc"]["denied"] == len(methods)


@pytest.mark.parametrize("group,groups,may", [
    (OPERATORS, (), True), (NOBODY, (OTHERS, OPERATORS), True), (OTHERS, (OTHERS,), False)])
def test_operators_write(shared, group, groups, may):
    answer, = as_user(shared, [WRITE], group, groups)
    assert ("result" in answer) == may


def test_dry_run_is_not_for_readers(shared):
    """It tells about names, and costs as much as the real thing."""
    answer, = as_user(shared, [request("apply", {"document": two_hosts(), "dry_run": True})])
    assert answer["error"]["code"] == DENIED


def test_readers_send_less(shared):
    answer, = as_user(shared, [{**request("version"), "pad": ["x" * 60] * 5000}])
    assert answer["error"]["code"] == -32600


def test_readers_connections_are_bounded_per_uid():
    """And root still gets in."""
    script = CHILD.replace("for request", "more = [socket.socket(socket.AF_UNIX) for _ in range(9)]\n"
                           "for m in more: m.connect(sys.argv[1])\nfor request") + """
import select
print(json.dumps(sum(1 for m in more if select.select([m], [], [], 0)[0] and m.recv(1) == b"")))
"""
    with Server("connections_per_uid=4") as s:
        s.open_to_all()
        out = subprocess.run(
            [sys.executable, "-c", script, s.path], user=NOBODY, group=NOBODY, extra_groups=[],
            check=True, stdout=subprocess.PIPE, text=True, cwd="/",
            input=json.dumps([request("version")]), timeout=60).stdout.splitlines()
        assert json.loads(out[0])["result"] and json.loads(out[1]) == 6
        with s.client() as c:
            assert c.call("version")["access"] == "write"


def test_second_server_does_not_take_the_socket(server):
    p = subprocess.run([os.environ["RPCD"], server.path, "h1", "-1"], stdin=subprocess.DEVNULL,
                       stderr=subprocess.PIPE, text=True, timeout=60)
    assert p.returncode == 1 and "another weftd listens" in p.stderr
    with server.client() as c:
        assert c.call("version")


def test_stale_socket_is_replaced():
    s = Server()
    s.process.kill()
    s.process.wait()
    p = subprocess.Popen([os.environ["RPCD"], s.path, "h1", "-1"], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "ready\n"
    s.process.stdout.close()
    s.process = p
    s.close()


def test_a_file_is_not_replaced(tmp_path):
    path = tmp_path / "precious"
    path.write_text("data")
    p = subprocess.run([os.environ["RPCD"], str(path), "h1", "-1"], stdin=subprocess.DEVNULL,
                       stderr=subprocess.PIPE, text=True, timeout=60)
    assert p.returncode == 1 and path.read_text() == "data"
