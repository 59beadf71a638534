# SPDX-License-Identifier: BSD-3-Clause
"""Bytes to values and back: framing, parse errors, and clients that end, stop or talk nonsense."""

import json

import pytest

from rpcd import Server

PARSE, REQUEST = -32700, -32600
VERSION = b'{"jsonrpc":"2.0","method":"version","id":%d}'


def test_values_without_anything_between_them(client):
    client.send(VERSION % 1 + VERSION % 2 + b" \n\t\r " + VERSION % 3)
    assert [client.line()["id"] for _ in range(3)] == [1, 2, 3]


def test_value_split_at_every_byte(client):
    text = '{"jsonrpc":"2.0","method":"tenant.get","params":{"name":"é€😀"},"id":"é€😀"}'.encode()
    for i in range(1, len(text)):
        client.send(text[:i])
        client.send(text[i:] if i % 2 else text[i:] + b"\n")
        a = client.line()
        assert a["id"] == "é€😀" and a["error"]["code"] == 2, i


def test_value_byte_by_byte(client):
    for b in ('{"jsonrpc":"2.0","method":"version","id":"😀"}').encode():
        client.send(bytes([b]))
    assert client.line()["id"] == "😀"


def test_many_characters_across_reads(client):
    """Multi-byte characters on the edges of whatever pieces the server reads."""
    for pad in range(4):
        name = "x" * pad + "€" * 60000
        client.send({"jsonrpc": "2.0", "method": "version", "id": 1, "unused": name})
        client.send(json.dumps({"jsonrpc": "2.0", "method": "version", "id": 2, "unused": name},
                               ensure_ascii=False))
        assert client.line()["id"] == 1 and client.line()["id"] == 2


@pytest.mark.parametrize("text", [
    b'{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
    b'[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},'
    b'{"jsonrpc": "2.0", "method"]',
    b"{'jsonrpc': '2.0'}", b"hello", b"}", b"[1,]", b'{"a":1,}', b'{"a" 1}', b"\x00",
    b'{"a":"\xff"}', b'{"a":"\xc3\x28"}', b'{"a":"\xed"}', b"\xef\xbb\xbf{}", b"/* c */{}", b"01{}",
    b'{"a":tru}', b'["\\x"]', b'["\\u12G4"]',
])
def test_parse_error_is_answered_then_closed(server, client, text):
    client.send(VERSION % 7 + text)
    client.end()
    first, second = client.rest()
    assert first["id"] == 7
    assert second["error"]["code"] == PARSE and second["id"] is None
    with server.client() as other:
        assert other.call("status")["rpc"]["parse_errors"] == 1


def test_what_follows_a_parse_error_is_not_carried_out(server, client):
    client.send(b'{"bad"}\n{"jsonrpc":"2.0","method":"tenant.create","params":{"name":"x"},"id":1}')
    assert [a["error"]["code"] for a in client.rest()] == [PARSE]
    with server.client() as other:
        assert other.call("tenant.list")["objects"] == []


@pytest.mark.parametrize("text", [
    b'{"jsonrpc":"2.0"', b"[", b'"abc', b"12", b"tru", b'{"a":"\xe2\x82', b"\xe2\x82", b"\xf0"])
def test_end_within_a_value(client, text):
    client.send(text)
    client.end()
    assert [a["error"]["code"] for a in client.rest()] == [PARSE]


def test_end_after_a_request_still_gets_the_answer(server, client):
    server.do("connect", "fdb 10")
    client.send(client.request("fdb.list"))
    client.end()
    assert client.rest()[0]["result"]["total"] == 10


def test_end_with_nothing_said(client):
    client.send(b"  \n ")
    client.end()
    assert client.rest() == []


def test_depth(server):
    with server.client() as c:
        c.send(b"[" * 40)
        a = c.rest()
        assert a[0]["error"]["code"] == PARSE and "deeper than 32" in a[0]["error"]["message"]
    with server.client() as c:
        c.send(b"[" * 31 + b"]" * 31)
        assert c.line()[0]["error"]["code"] == REQUEST


def test_size():
    with Server("request_size=100000") as s, s.client() as c:
        c.send({"jsonrpc": "2.0", "method": "version", "id": 1, "pad": "x" * 90000})
        assert c.line()["id"] == 1
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            c.send(b'{"a":"')
            for _ in range(1000):
                c.send(b"y" * 100000)
        assert c.line()["error"]["code"] == REQUEST
    with Server("request_size=1000") as s:
        for size, ok in ((1000, True), (1001, False)):
            with s.client() as c:
                text = json.dumps({"jsonrpc": "2.0", "method": "version", "id": 1, "pad": ""})
                c.send(text[:-2] + "x" * (size - len(text)) + text[-2:])
                assert ("result" in c.line()) == ok


def test_notifications_get_no_answer(client):
    client.send({"jsonrpc": "2.0", "method": "tenant.create", "params": {"name": "red"}})
    client.send({"jsonrpc": "2.0", "method": "no.such.method"})
    client.send([{"jsonrpc": "2.0", "method": "tenant.create", "params": {"name": "blue"}}])
    assert [o["name"] for o in client.call("tenant.list")["objects"]] == ["blue", "red"]


def test_ids_come_back_as_they_were(client):
    for i in (0, -1, 2**63 - 1, 2**64 - 2, "", "a" * 256, None, 1.5):
        client.send({"jsonrpc": "2.0", "method": "version", "id": i})
        assert client.line()["id"] == i
    for i in ("a" * 257, True, [], {}):
        client.send({"jsonrpc": "2.0", "method": "version", "id": i})
        a = client.line()
        assert a["error"]["code"] == REQUEST and a["id"] is None


def test_numbers_out_of_range_are_refused(server):
    """json-c 0.17 and later refuse them while parsing, 0.16 gives the nearest number."""
    for i in (2**64, -2**63):
        with server.client() as client:
            client.send({"jsonrpc": "2.0", "method": "version", "id": i})
            a = client.line()
            assert a["error"]["code"] in (REQUEST, PARSE) and a["id"] is None


def test_batch(server):
    with Server("batch=5") as s, s.client() as c:
        c.send([c.request("version") for _ in range(5)])
        assert [a["id"] for a in c.line()] == [1, 2, 3, 4, 5]
        c.send([c.request("version") for _ in range(6)])
        assert c.line()["error"]["code"] == REQUEST
        c.send("[]")
        assert c.line()["error"]["code"] == REQUEST
        s.do("connect", "fdb 3")
        c.send([c.request("fdb.list"), c.request("version"), {"jsonrpc": "2.0", "method": "version"}])
        assert {a["id"] for a in c.line()} == {12, 13}


def test_parameters_by_position(filled):
    c = filled
    assert c.call("tenant.get", ["red"])["object"]["name"] == "red"
    assert len(c.call("port.list", ["", 1])["objects"]) == 1
    for params in (["red", "x", "y"], [1]):
        c.send(c.request("tenant.get", params))
        assert c.line()["error"]["code"] == -32602
    c.send(c.request("tenant.create", ["x"]))
    assert "by name" in c.line()["error"]["message"]
