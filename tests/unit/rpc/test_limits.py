# SPDX-License-Identifier: BSD-3-Clause
"""What one client can cost the others: floods, slow readers, half requests, connections, rate."""

import json
import select
import threading
import time

from rpcd import Server, two_hosts

FLOOD = 1000


def counters(server):
    with server.client() as c:
        return c.call("status")["rpc"]


def test_flood_of_requests_is_answered_in_bounded_memory():
    """A client sends much without reading; others are served; then it reads all answers."""
    with Server("output_size=200000", "requests_per_s=1000000") as server, \
            server.client() as flood, server.client() as other:
        flood.call("rpc.describe")
        text = json.dumps(flood.request("rpc.describe")).encode() * FLOOD
        before = server.rss_kb()
        writer = threading.Thread(target=flood.send, args=(text,))
        writer.start()
        for _ in range(200):
            other.call("version")
        assert server.rss_kb() - before < 20000
        for _ in range(FLOOD):
            assert flood.line()["id"] == 2
        writer.join()


def test_in_flight_requests_wait_for_their_turn():
    with Server("in_flight=2") as server, server.client() as c:
        server.do("connect", "fdb 100")
        for _ in range(20):
            c.send(c.request("fdb.list"))
        answers = [c.line() for _ in range(20)]
        assert sorted(a["id"] for a in answers) == list(range(1, 21))
        assert all(a["result"]["total"] == 100 for a in answers)


def test_too_many_dumps_at_once_are_refused(server):
    server.do("connect", "fdb 10")
    with server.client() as c:
        c.send([c.request("fdb.list") for _ in range(10)])
        answers = c.line()
        assert sum("result" in a for a in answers) == 4
        assert {a["error"]["code"] for a in answers if "error" in a} == {-32000}
        assert c.call("fdb.list")["total"] == 10


def test_slow_reader_of_events_is_closed():
    with Server("output_size=300000") as server, server.client() as slow, server.client() as good:
        slow.call("events.subscribe", {"events": ["fdb"]})
        good.call("events.subscribe", {"events": ["commit"]})
        server.do("events 20000")
        assert counters(server)["slow_readers"] == 1
        assert 0 < slow.f.read().count(b"\n") < 20000
        good.call("tenant.create", {"name": "x"})
        assert counters(server)["connections"] == 2


def test_reader_that_stopped_is_closed():
    """Answers that nobody reads are not kept for ever."""
    with Server("stalled_s=1") as server, server.client() as slow:
        for _ in range(100):
            slow.send(slow.request("rpc.describe"))
        poll = select.poll()
        poll.register(slow.s, select.POLLHUP)
        while not any(event & select.POLLHUP for _, event in poll.poll(30000)):
            pass
        assert counters(server)["slow_readers"] == 1


def test_half_request_is_closed():
    with Server("stalled_s=1") as server, server.client() as half, server.client() as idle:
        start = time.monotonic()
        half.send(b'{"jsonrpc":')
        assert [a["error"]["code"] for a in half.rest()] == [-32700]
        assert time.monotonic() - start > 0.9
        assert counters(server)["stalled_requests"] == 1
        assert idle.call("version")  # silence is no offence


def test_trickle_is_closed():
    """A byte now and then does not keep half a request alive."""
    with Server("stalled_s=1") as server, server.client() as half:
        half.send(b"[")
        while not select.select([half.s], [], [], 0.1)[0]:
            half.send(b" ")
        assert half.line()["error"]["code"] == -32700


def test_pipelining_for_longer_than_the_stall_limit():
    """A client that always has the next request half sent is not stalled."""
    with Server("stalled_s=1", "requests_per_s=1000000") as server, server.client() as c:
        request = json.dumps(c.request("version")).encode()
        end = time.monotonic() + 2.5
        c.send(request[:10])
        while time.monotonic() < end:
            c.send(request[10:] + request[:10])
            assert c.line()["result"]
        assert counters(server)["stalled_requests"] == 0


def test_rate():
    """Beyond its rate a uid waits; it is not refused."""
    with Server("requests_per_s=100") as server, server.client() as c:
        start = time.monotonic()
        c.send(b"".join(json.dumps(c.request("version")).encode() for _ in range(260)))
        assert [c.line()["id"] for _ in range(260)] == list(range(1, 261))
        assert 0.4 < time.monotonic() - start < 10
        assert counters(server)["throttled"] > 0


def test_rate_counts_requests_of_a_batch():
    with Server("requests_per_s=100") as server, server.client() as c:
        start = time.monotonic()
        c.send([c.request("version") for _ in range(260)])
        assert len(c.line()) == 260
        assert time.monotonic() - start > 0.4


def test_connections():
    with Server("connections=4") as server:
        clients = [server.client() for _ in range(4)]
        for c in clients:
            c.call("version")
        with server.client() as refused:
            assert refused.rest() == []
        clients[0].close()
        deadline = time.monotonic() + 10
        while True:
            with server.client() as c:
                try:
                    c.send(c.request("version"))
                    if c.line():
                        break
                except (BrokenPipeError, ConnectionResetError):
                    pass
            assert time.monotonic() < deadline
        for c in clients[1:]:
            c.close()


def test_answers_to_a_batch_are_bounded():
    with Server("output_size=100000") as server, server.client() as c:
        c.send([c.request("rpc.describe") for _ in range(50)])
        answers = c.line()
        assert len(answers) == 50
        assert "result" in answers[0] and answers[-1]["error"]["code"] == -32002


def test_clients_that_vanish(server):
    """In the middle of requests, answers and dumps."""
    server.do("connect", "fdb 1000")
    for i in range(30):
        c = server.client()
        c.call("events.subscribe")
        c.send(c.request("fdb.list") if i % 3 else c.request("status"))
        c.send(json.dumps([c.request("fdb.list"), c.request("rpc.describe")])[:i + 20])
        c.close()
    server.do("events 100")
    assert counters(server)["connections"] == 1


def test_ends_with_requests_in_hand():
    server = Server()
    server.do("connect", "hang", "fdb 10")
    with server.client() as c:
        for method in ("fdb.list", "status", "neighbour.list"):
            c.send(c.request(method))
        c.call("version")
        server.close()


def test_large_transaction(server):
    n = 10000
    with server.client() as c, server.client() as other:
        c.call("apply", {"document": two_hosts()})
        ops = [{"verb": "put", "kind": "port", "object": {
            "tenant": "red", "name": "p%d" % i, "segment": "lan",
            "mac": "02:00:00:%02x:%02x:%02x" % (i >> 16, i >> 8 & 255, i & 255)}} for i in range(n)]
        c.send(c.request("transact", {"ops": ops}))
        assert other.call("version")
        assert c.line()["result"]["created"] == n
        assert other.call("status")["objects"]["ports"] == n + 2
