# SPDX-License-Identifier: BSD-3-Clause
"""The methods: objects, transactions, documents, statistics, tables, events."""

import pytest

from rpcd import RpcError, Server, two_hosts

INVALID, METHOD = -32602, -32601
NOT_FOUND, EXISTS, REFERENCE, IN_USE, CONFLICT, REVISION = 2, 3, 4, 5, 6, 7


def refused(client, method, params, code, *words, **data):
    with pytest.raises(RpcError) as e:
        client.call(method, params)
    assert e.value.code == code, e.value.message
    for w in words:
        assert w in e.value.message, e.value.message
    for key, value in data.items():
        assert e.value.data.get(key) == value, e.value.data
    return e.value


def revision(client):
    return client.call("status")["weftd"]["revision"]


def names(client, kind, **filters):
    return [o["name"] for o in client.call(kind + ".list", filters)["objects"]]


# -- single objects

def test_verbs(client):
    assert client.call("tenant.create", {"name": "red"})["changed"]
    refused(client, "tenant.create", {"name": "red"}, EXISTS, "tenant red", object="tenant red")
    assert not client.call("tenant.put", {"name": "red"})["changed"]
    assert client.call("tenant.update", {"name": "red", "description": "x"})["changed"]
    got = client.call("tenant.get", {"name": "red"})
    assert got["object"]["description"] == "x" and got["id"] > 0
    assert client.call("tenant.put", {"name": "red"})["changed"]
    assert client.call("tenant.get", {"name": "red"})["object"]["description"] is None
    client.call("tenant.delete", {"name": "red"})
    refused(client, "tenant.get", {"name": "red"}, NOT_FOUND, "tenant red")
    refused(client, "tenant.update", {"name": "red"}, NOT_FOUND, "tenant red")
    refused(client, "tenant.delete", {"name": "red"}, NOT_FOUND)


def test_update_keeps_other_fields(filled):
    before = filled.call("port.get", {"name": "red/c1"})["object"]
    filled.call("port.update", {"tenant": "red", "name": "c1", "mtu": 1400})
    assert filled.call("port.get", {"tenant": "red", "name": "c1"})["object"] == \
        {**before, "mtu": 1400}


def test_if_revision(filled):
    r = filled.call("port.get", {"name": "red/c1"})["revision"]
    refused(filled, "port.update", {"tenant": "red", "name": "c1", "mtu": 1400, "if_revision": r + 9},
            REVISION)
    new = filled.call("port.update", {"tenant": "red", "name": "c1", "mtu": 1400, "if_revision": r})
    assert new["revision"] > r
    refused(filled, "port.delete", {"name": "red/c1", "if_revision": r}, REVISION)
    filled.call("port.delete", {"name": "red/c1", "if_revision": new["revision"]})


def test_dry_run_changes_nothing(filled):
    before = revision(filled), names(filled, "tenant")
    assert filled.call("tenant.create", {"name": "green", "dry_run": True})["changed"]
    assert filled.call("port.delete", {"name": "red/c1", "dry_run": True})["changed"]
    refused(filled, "host.delete", {"name": "h1", "dry_run": True}, IN_USE, "host h1")
    assert (revision(filled), names(filled, "tenant")) == before


def test_bad_parameters_are_named(filled):
    port = {"tenant": "red", "name": "p", "segment": "lan", "mac": "52:54:00:00:00:09"}
    refused(filled, "port.create", {**port, "mac": "zz"}, INVALID, "port red/p", field="mac")
    refused(filled, "port.create", {**port, "mtu": "big"}, INVALID, field="mtu")
    refused(filled, "port.create", {**port, "segmnt": 1}, INVALID, 'did you mean "segment"',
            object="port red/p", field="segmnt")
    refused(filled, "port.create", {**port, "segment": "nope"}, REFERENCE)
    refused(filled, "port.create", {**port, "mac": "52:54:00:00:00:01"}, CONFLICT, "red/c1")
    refused(filled, "port.create", {**port, "name": 5}, INVALID, field="name")
    refused(filled, "port.create", {}, INVALID, "name")
    refused(filled, "host.put", {"name": "h1", "uplink": {"devise": "x"}}, INVALID,
            field="uplink.devise")
    refused(filled, "port.get", {}, INVALID, "name", field="name")
    refused(filled, "port.get", {"name": "red/c1", "nmae": 1}, INVALID, 'did you mean "name"')
    refused(filled, "port.get", {"name": "x" * 1000}, INVALID)
    refused(filled, "port.list", {"limit": 0}, INVALID, field="limit")
    refused(filled, "port.list", {"limit": 2**40}, INVALID, field="limit")
    refused(filled, "port.list", {"full": "yes"}, INVALID, field="full")
    refused(filled, "tenant.list", {"host": "h1"}, INVALID, field="host")
    refused(filled, "port.lst", {}, METHOD, "did you mean port.list?")
    refused(filled, "\u20ac" * 100, {}, METHOD)
    refused(filled, "port.", {}, METHOD)
    refused(filled, ".list", {}, METHOD)
    refused(filled, "", {}, METHOD)


def test_list_filters_and_pages(filled):
    assert names(filled, "port", tenant="red") == ["c1"]
    assert names(filled, "port", host="h2") == []
    assert len(names(filled, "port", host="h1")) == 2
    assert names(filled, "port", segment="blue/lan") == ["c1"]
    assert names(filled, "segment", network="red/main") == ["lan"]
    filled.call("transact", {"ops": [{"verb": "create", "kind": "tenant", "object": {
        "name": "t%03d" % i}} for i in range(250)]})
    seen, after = [], ""
    while after is not None:
        page = filled.call("tenant.list", {"limit": 7, "after": after})
        seen += [o["name"] for o in page["objects"]]
        after = page["next"]
    assert seen == ["blue", "red"] + ["t%03d" % i for i in range(250)]


# -- transactions

def test_transaction_is_all_or_nothing(filled):
    before = revision(filled)
    ops = [{"verb": "create", "kind": "tenant", "object": {"name": "green"}},
           {"verb": "delete", "kind": "port", "name": "red/c1"},
           {"verb": "create", "kind": "tenant", "object": {"name": "red"}}]
    refused(filled, "transact", {"ops": ops}, EXISTS, "tenant red", op=2)
    assert revision(filled) == before and names(filled, "tenant") == ["blue", "red"]
    result = filled.call("transact", {"ops": ops[:2], "changes": True})
    assert (result["created"], result["deleted"]) == (1, 1)
    assert {(c["kind"], c["name"], c["action"]) for c in result["changes"]} == {
        ("tenant", "green", "create"), ("port", "red/c1", "delete")}


def test_ops_see_those_before_them(client):
    ops = [{"verb": "create", "kind": "tenant", "object": {"name": "red", "description": "a"}},
           {"verb": "create", "kind": "network", "object": {"tenant": "red", "name": "n"}},
           {"verb": "create", "kind": "segment", "object": {
               "tenant": "red", "name": "s", "network": "n", "vni": 5}},
           {"verb": "update", "kind": "segment", "object": {"tenant": "red", "name": "s", "mtu": 1400}},
           {"verb": "update", "kind": "segment", "object": {
               "tenant": "red", "name": "s", "flood_unknown": True}}]
    client.call("transact", {"ops": ops})
    s = client.call("segment.get", {"name": "red/s"})["object"]
    assert (s["vni"], s["mtu"], s["flood_unknown"]) == (5, 1400, True)
    refused(client, "transact", {"ops": [
        {"verb": "delete", "kind": "segment", "name": "red/s"},
        {"verb": "update", "kind": "segment", "object": {"tenant": "red", "name": "s"}}]},
        NOT_FOUND, "segment red/s", op=1)


@pytest.mark.parametrize("op,field", [
    ({}, "verb"), ({"verb": "make"}, "verb"), ({"verb": "put"}, "kind"),
    ({"verb": "put", "kind": "widget"}, "kind"), ({"verb": "put", "kind": "port"}, "object"),
    ({"verb": "put", "kind": "port", "object": 5}, "object"),
    ({"verb": "delete", "kind": "port"}, "name"), ({"verb": "delete", "kind": "port", "object": 5},
                                                    "object"),
    ({"verb": "delete", "kind": "port", "name": {}}, "name"),
    ({"verb": "put", "kind": "port", "objet": {}}, "objet"),
    ({"verb": "delete", "kind": "port", "name": "x", "if_revision": -1}, "if_revision"),
])
def test_bad_ops(client, op, field):
    refused(client, "transact", {"ops": [
        {"verb": "put", "kind": "tenant", "object": {"name": "a"}}, op]}, INVALID, field=field, op=1)
    assert names(client, "tenant") == []


def test_empty_transaction(client):
    assert client.call("transact", {"ops": []})["created"] == 0
    refused(client, "transact", {"ops": [5]}, INVALID, field="ops")
    refused(client, "transact", {"ops": {}}, INVALID, field="ops")
    refused(client, "transact", {}, INVALID, field="ops")


# -- documents

def test_apply_is_idempotent(client):
    first = client.call("apply", {"document": two_hosts()})
    assert (first["created"], first["updated"], first["deleted"]) == (11, 0, 0)
    again = client.call("apply", {"document": two_hosts()})
    assert again["changes"] == [] and again["revision"] == first["revision"]


def test_apply_shows_and_makes_the_difference(filled):
    doc = two_hosts(mtu=1400, addresses=["10.0.0.1"])
    del doc["ports"][1]
    doc["tenants"].append({"name": "green"})
    for dry_run in (True, False):
        before = revision(filled)
        r = filled.call("apply", {"document": doc, "dry_run": dry_run})
        assert (r["created"], r["updated"], r["deleted"]) == (1, 1, 1)
        changes = {(c["kind"], c["name"]): c for c in r["changes"]}
        assert changes["tenant", "green"]["action"] == "create"
        assert changes["port", "blue/c1"]["action"] == "delete"
        assert changes["port", "red/c1"]["fields"] == {
            "mtu": {"from": 0, "to": 1400}, "addresses": {"from": [], "to": ["10.0.0.1"]}}
        assert (revision(filled) == before) == dry_run
    assert filled.call("apply", {"document": doc})["changes"] == []


def test_apply_without_prune(filled):
    r = filled.call("apply", {"document": {"tenants": [{"name": "green"}]}, "prune": False})
    assert (r["created"], r["deleted"]) == (1, 0)
    assert names(filled, "tenant") == ["blue", "green", "red"]


def test_apply_to_nothing_must_be_meant(filled):
    for doc in ({}, {"port": []}, {"ports": None}, {"ports": {}}):
        refused(filled, "apply", {"document": doc}, INVALID)
    refused(filled, "apply", {"document": None}, INVALID)
    refused(filled, "apply", {"document": {"portz": []}}, INVALID, 'did you mean "ports"')
    assert len(names(filled, "port")) == 2
    assert filled.call("apply", {"document": {"tenants": []}})["deleted"] == 11


def test_numbers_may_move_between_objects(filled):
    """A new segment takes the VNI of one that goes; two swap theirs."""
    doc = two_hosts()
    doc["segments"][0]["vni"], doc["segments"][1]["vni"] = 1002, 1001
    assert filled.call("apply", {"document": doc})["updated"] == 2
    doc["segments"][0]["name"] = doc["ports"][0]["segment"] = "lan2"
    r = filled.call("apply", {"document": doc})
    assert (r["created"], r["updated"], r["deleted"]) == (1, 1, 1)


@pytest.mark.parametrize("change,code,words", [
    (lambda d: d["ports"][0].update(mac="x"), INVALID, ["port red/c1", "mac"]),
    (lambda d: d["ports"][0].update(segment="nope"), REFERENCE, ["port red/c1"]),
    (lambda d: d["ports"].append(dict(d["ports"][0])), CONFLICT, ["port red/c1", "twice"]),
    (lambda d: d["ports"][0].pop("name"), INVALID, ["ports[0]", "name"]),
    (lambda d: d["ports"].append(7), INVALID, ["ports[2]"]),
    (lambda d: d["segments"][1].update(vni=1001), CONFLICT, ["segment", "vni"]),
    (lambda d: d["hosts"].clear(), REFERENCE, ["port"]),
    (lambda d: d["tenants"][0].update(colour="red"), INVALID, ["tenant red", "colour"]),
])
def test_bad_document_changes_nothing_and_names_the_object(filled, change, code, words):
    before = revision(filled), filled.call("export")
    doc = two_hosts(mtu=1400)
    change(doc)
    refused(filled, "apply", {"document": doc}, code, *words)
    assert (revision(filled), filled.call("export")) == before


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 11, 1000])
def test_export_is_what_apply_takes(filled, limit):
    document, after = {}, {}
    while after is not None:
        page = filled.call("export", {"limit": limit, **after})
        assert sum(map(len, page["document"].values())) <= limit
        for kind, objects in page["document"].items():
            document.setdefault(kind, []).extend(objects)
        after = None if page["next"] is None else {"after": page["next"]}
    assert filled.call("apply", {"document": document, "dry_run": True})["changes"] == []
    assert [len(document[k]) for k in ("tenants", "networks", "segments", "hosts", "ports")] == \
        [2, 2, 2, 3, 2]


def test_export_from_nowhere(client):
    for after in ("", "x", "widget x", " "):
        refused(client, "export", {"after": after}, INVALID, field="after")


# -- what is

def test_status_without_data_plane(filled):
    s = filled.call("status")
    assert s["dataplane"]["connected"] is False and s["host"] == "h1"
    assert {k: n for k, n in s["objects"].items() if n} == \
        {"tenants": 2, "networks": 2, "segments": 2, "hosts": 3, "ports": 2}
    assert {p["name"]: p["state"] for p in s["ports"]} == {
        "red/c1": "unknown", "blue/c1": "unknown", "uplink": "unknown"}
    assert any("weft-dataplane is not connected (nobody listens there)" in w for w in s["warnings"])
    for method in ("stats.ports", "stats.workers", "drops", "fdb.list", "neighbour.list", "fdb.flush",
                   "session.list", "session.show"):
        refused(filled, method, {}, -32003)
    refused(filled, "session.flush", {"all": True}, -32003)


def test_nothing_is_said_of_a_data_plane_that_is_gone(server, filled):
    server.do("connect", "port red/c1 2", "count red/c1 100 7")
    assert filled.call("drops")["drops"]
    server.do("disconnect")
    assert {p["state"] for p in filled.call("status")["ports"]} == {"unknown"}
    for method in ("stats.ports", "stats.workers", "drops"):
        refused(filled, method, {}, -32003, "not connected")


def test_status_says_what_is_wrong(server, filled):
    for n in (2, 3):
        filled.call("port.create", {"tenant": "red", "name": "c%d" % n, "segment": "lan",
                                    "host": "h%d" % n, "mac": "52:54:00:00:00:0%d" % n})
    assert [v["resolved"] for v in filled.call("status")["vteps"]] == [False, False]
    server.do("connect", "path 172.16.0.2", "port red/c1 2",
              "port blue/c1 3 no interface blue-c1", "port uplink 2")
    s = filled.call("status")
    assert s["dataplane"]["in_sync"] and s["dataplane"]["tables"]["fdb"]["entries"] == 0
    assert {p["name"]: p["state"] for p in s["ports"]} == {
        "red/c1": "up", "blue/c1": "missing", "uplink": "up"}
    assert {v["remote"]: v["resolved"] for v in s["vteps"]} == {
        "172.16.0.2": True, "172.16.0.3": False}
    assert any("Port blue/c1 is missing: no interface blue-c1" in w for w in s["warnings"])
    assert any("172.16.0.3" in w and "vtep-unresolved" in w for w in s["warnings"])
    assert len(s["warnings"]) == 2


def test_status_of_a_host_that_is_not_in_the_model():
    with Server(host="h9") as s, s.client() as c:
        assert any("h9" in w and "--host" in w for w in c.call("status")["warnings"])


def test_status_when_the_data_plane_hangs(server, filled):
    server.do("connect", "hang")
    assert any("does not answer" in w for w in filled.call("status")["warnings"])


def test_statistics(server, filled):
    server.do("connect", "port red/c1 2", "count red/c1 100 7")
    port, = filled.call("stats.ports")["ports"]
    assert (port["name"], port["rx_packets"], port["sent"]) == ("red/c1", 100, 93)
    assert port["dropped"] == {"spoofed-mac": 7}
    drop, = filled.call("drops", {"port": "red/c1"})["drops"]
    assert (drop["port"], drop["reason"], drop["packets"]) == ("red/c1", "spoofed-mac", 7)
    assert drop["help"]
    refused(filled, "drops", {"port": "red/none"}, NOT_FOUND, "red/none")


def test_fast_path(server, filled):
    assert filled.call("status")["fastpath"]["state"] == "off"
    assert filled.call("stats.fastpath") == {
        "state": "off", "text": "", "interval_ms": 0, "programs": []}
    server.do("fast red/c1 1000")
    f = filled.call("status")["fastpath"]
    assert (f["state"], f["folder"]) == ("on", "/sys/fs/bpf/weft/h1") and "sessions" not in f
    port, uplink = f["interfaces"]
    assert port == {"interface": "c1", "port": "red/c1", "fast": True, "text": "", "repaired": 3,
                    "programs": [{"name": "weft_port", "mode": "tc"},
                                 {"name": "weft_port_out", "mode": "tc"}]}
    assert (uplink["port"], uplink["fast"], uplink["text"]) == (
        "uplink", False, "the tables don't fit")
    assert uplink["programs"] == [{"name": "weft_uplink", "mode": "generic"}]
    p, = filled.call("stats.fastpath")["programs"]
    assert p == {"name": "weft_port", "id": 41, "instructions": 1295, "verified": 12500,
                 "hits": p["hits"], "passed": 0, "dropped": 1,
                 "misses": {"no-session": 12, "tcp-flags": 4}}
    server.do("connect")
    assert filled.call("status")["fastpath"]["sessions"] == {
        "now": 5, "max": 65536, "no_place": 2, "no_room": 1, "adopted": 0}
    measured = filled.call("stats.fastpath", {"interval_ms": 20})
    p, = measured["programs"]
    assert measured["interval_ms"] >= 20
    assert (p["packets"], p["runs"], p["run_ns"]) == (100, 100, 25000)
    server.do("slow it has other tables")
    s = filled.call("stats.fastpath")
    assert (s["state"], s["text"]) == ("refused", "it has other tables")
    refused(filled, "stats.fastpath", {"interval_ms": 60001}, INVALID)


def test_fast_path_measured_too_often(server, filled):
    server.do("fast red/c1 1")
    with server.client() as c:
        for _ in range(9):
            c.send(c.request("stats.fastpath", {"interval_ms": 300}))
        answers = [c.line() for _ in range(9)]
    assert [a["error"]["code"] for a in answers if "error" in a] == [-32000]


def test_fast_path_events(server, filled):
    with server.client() as c:
        assert c.call("events.subscribe", {"events": ["fastpath"]})["subscribed"] == ["fastpath"]
        server.do("repaired red/c1")
        e = c.line()["params"]
        del e["time"]
        assert e == {"type": "fastpath", "event": "repaired", "port": "red/c1", "interface": "c1",
                     "what": "the fast path's programs"}


def test_last_drops(server, filled):
    refused(filled, "drops.list", {}, -32003)
    server.do("connect")
    assert filled.call("drops.list") == {"drops": []}
    server.do("drops red/c1 30")
    drops = filled.call("drops.list")["drops"]
    assert [(d["number"], d["age_ms"]) for d in drops] == [(30 - n, 1000 * n) for n in range(20)]
    assert drops[0]["reason"] == "no-route" and "rule" not in drops[0]
    assert drops[1] == {
        "port": "red/c1", "number": 29, "age_ms": 1000, "reason": "policy-egress",
        "help": "no rule of the sending port allows it", "size": 70, "segment": "red/lan", "vni": 1001,
        "rule": "default of port red/c1", "rule_port": "red/c1", "frame": drops[1]["frame"]}
    assert len(bytes.fromhex(drops[1]["frame"])) == 42
    assert [d["number"] for d in filled.call(
        "drops.list", {"port": "red/c1", "reason": "policy-egress", "limit": 2})["drops"]] == [29, 27]
    assert filled.call("drops.list", {"port": "blue/c1"}) == {"drops": []}
    refused(filled, "drops.list", {"port": "red/none"}, NOT_FOUND, "red/none")
    refused(filled, "drops.list", {"reason": "bad-luck"}, -32602, "bad-luck")
    worker, = filled.call("stats.workers")["workers"]
    assert worker["timed_packets"] == 200
    assert worker["stage_cycles"] == {"rx": 1000, "parse": 2000, "lookup": 3000, "apply": 4000,
                                      "slow_path": 5000, "tx": 6000}
    assert (worker["longest_round_cycles"], worker["long_round_cycles"]) == (700000, 900000)
    assert worker["long_rounds"] == [0, 3, 0, 0, 0, 0]


def test_what_the_kernel_carried_is_counted_with_the_rest(server, filled):
    server.do("connect", "port red/c1 2", "count red/c1 100 7", "carry red/c1 1000")
    port, = filled.call("stats.ports", {"port": "red/c1"})["ports"]
    assert (port["rx_packets"], port["rx_bytes"], port["sent"]) == (1100, 100000, 1093)
    assert port["rx_packets"] + port["added"] == port["sent"] + sum(port["dropped"].values())
    assert filled.call("stats.workers")["kernel"] == {"packets": 1000, "bytes": 100000}


def test_fdb(server, filled):
    server.do("connect", "fdb 1000")
    r = filled.call("fdb.list", {"limit": 10})
    assert (len(r["entries"]), r["total"], r["truncated"]) == (10, 1000, True)
    assert r["entries"][0] == {"segment": "red/lan", "vni": 1001, "mac": "02:00:00:00:00:00",
                               "remote": "172.16.0.2", "learned": False}
    assert filled.call("fdb.list", {"learned": True})["total"] == 500
    assert filled.call("fdb.list", {"mac": "02:00:00:00:00:05"})["total"] == 1
    assert filled.call("fdb.list", {"segment": "blue/lan"})["total"] == 0
    refused(filled, "fdb.list", {"segment": "no/lan"}, NOT_FOUND)
    refused(filled, "fdb.list", {"port": "red/none"}, NOT_FOUND)
    refused(filled, "fdb.list", {"mac": "x"}, INVALID)
    assert filled.call("fdb.flush", {"segment": "red/lan"}) == {"flushed": True}
    assert filled.call("fdb.list")["total"] == 0
    assert filled.call("neighbour.list")["entries"] == [
        {"segment": "red/lan", "vni": 1001, "address": "10.0.0.12", "mac": "02:00:00:00:00:01"}]


def test_sessions(server, filled):
    server.do("connect", "sessions 1500")
    r = filled.call("session.list")
    assert len(r["sessions"]) == 1000 and r["next"] == "1000"
    assert r["sessions"][1] == {
        "network": "red/main", "proto": "tcp", "state": "established", "half_open": False,
        "valid": True, "offloaded": False, "age_s": 10, "idle_s": 2, "ends_s": 28, "charged": "red/c1",
        "forward": {"segment": "red/lan", "vni": 1001, "src": "10.0.0.1", "sport": 1000,
                    "dst": "10.0.0.12", "dport": 80, "port": "red/c1", "vtep": "172.16.0.2",
                    "packets": 1, "bytes": 64},
        "reply": {"segment": "red/lan", "vni": 1001, "src": "10.0.0.12", "sport": 80,
                  "dst": "10.0.0.1", "dport": 1000, "out_port": "red/c1", "ruleset": "#77",
                  "rule": 3, "packets": 0, "bytes": 0}}
    assert r["sessions"][0]["half_open"] and not r["sessions"][0]["valid"]
    r = filled.call("session.list", {"after": r["next"]})
    assert len(r["sessions"]) == 500 and r["next"] is None

    def n(**filters):
        return len(filled.call("session.list", {"limit": 10000, **filters})["sessions"])
    assert n() == n(network="red/main", port="red/c1", proto="6", dport=80) == 1500
    assert n(src="10.0.1.0/24") == 256 and n(src="10.0.1.7") == 1 and n(state="syn-sent") == 750
    assert n(network="blue/main") == n(proto="udp") == n(dport=81) == 0
    assert n(offloaded=True) == 375 and n(offloaded=False) == 1500
    assert filled.call("session.list", {"offloaded": True})["sessions"][0]["offloaded"]
    assert filled.call("session.show", {"src": "10.0.1.7"})["session"]["forward"]["packets"] == 263
    refused(filled, "session.show", {"src": "10.9.0.0"}, NOT_FOUND)
    refused(filled, "session.list", {"network": "red/none"}, NOT_FOUND, "red/none")
    refused(filled, "session.list", {"port": "red/none"}, NOT_FOUND, "red/none")
    for bad in ({"src": "x"}, {"dst": "10.0.0.0/33"}, {"proto": "tcpp"}, {"proto": "256"},
                {"proto": "0"}, {"state": ""}, {"state": "x" * 16}, {"after": "-1"},
                {"after": "4294967296"}, {"after": ""}, {"limit": 0}, {"sport": 65536}):
        refused(filled, "session.list", bad, INVALID)
    refused(filled, "session.flush", {}, INVALID, "all=true")
    refused(filled, "session.flush", {"either": True}, INVALID, "all=true")
    assert filled.call("session.flush", {"offloaded": True, "src": "10.0.0.3"}) == {"flushed": 1}
    assert filled.call("session.flush", {"state": "established"}) == {"flushed": 749}
    assert filled.call("session.flush", {"all": True})["flushed"] == 750
    assert filled.call("status")["dataplane"]["sessions"]["now"] == 0


def test_events(server, filled):
    with server.client() as c:
        assert c.call("events.subscribe", {"events": ["port", "commit"]})["subscribed"] == \
            ["port", "commit"]
        server.do("connect", "port red/c1 1 no peer")
        e = c.line()
        assert e["method"] == "event" and "id" not in e
        assert (e["params"]["type"], e["params"]["port"], e["params"]["state"], e["params"]["text"]) \
            == ("port", "red/c1", "down", "no peer")
        filled.call("tenant.create", {"name": "green"})
        e = c.line()["params"]
        assert (e["type"], e["total"]) == ("commit", 1)
        assert e["changes"] == [{"kind": "tenant", "name": "green", "action": "create"}]
        c.call("events.unsubscribe")
        server.do("port red/c1 2")
        assert c.call("version")
        c.call("events.subscribe")
        server.do("disconnect", "events 1")
        assert c.line()["params"]["connected"] is False
        assert c.line()["params"]["mac"] == "02:00:00:00:00:00"
        refused(c, "events.subscribe", {"events": ["weather"]}, INVALID)


def test_policy_events(server, filled):
    filled.call("transact", {"ops": [
        {"verb": "create", "kind": "security-group", "object": {"tenant": "red", "name": "web", "rules": [
            {"direction": "egress"},
            {"direction": "ingress", "protocol": "tcp", "log": True, "description": "who asks?"}]}},
        {"verb": "update", "kind": "port", "object": {
            "tenant": "red", "name": "c1", "security_groups": ["web"]}}]})
    with server.client() as c:
        assert c.call("events.subscribe", {"events": ["policy"]})["subscribed"] == ["policy"]
        server.do("connect", "events 1", "policy red/c1 red/web 80 5", "policy red/c1 red/none 0 0")
        e = c.line()["params"]
        del e["time"]
        assert e == {
            "type": "policy", "action": "deny", "direction": "ingress", "port": "red/c1",
            "segment": "red/lan", "vni": 1001, "proto": "tcp", "src": "10.0.0.1", "sport": 1000,
            "dst": "10.0.0.2", "dport": 80, "rule": "security-group red/web rule 2",
            "description": "who asks?", "suppressed": 5}
        e = c.line()["params"]
        assert (e["proto"], e["icmp_type"], e["icmp_code"], e["suppressed"]) == ("icmp", 8, 0, 0)
        assert e["rule"] == "rule set 77 rule 2" and not {"sport", "description"} & set(e)
        everything = c.call("events.subscribe")["subscribed"]
        assert everything == ["port", "fdb", "policy", "commit", "dataplane", "fastpath"]


def test_names_of_ports_follow_changes(server, filled):
    """Ports that move to another host are no longer this one's."""
    port = filled.call("port.get", {"name": "red/c1"})["id"]
    server.do("connect", "port red/c1 2")
    filled.call("port.update", {"tenant": "red", "name": "c1", "host": "h2"})
    assert [p["name"] for p in filled.call("stats.ports")["ports"]] == ["#%d" % port]
    filled.call("port.update", {"tenant": "red", "name": "c1", "host": "h1"})
    assert [p["name"] for p in filled.call("stats.ports")["ports"]] == ["red/c1"]


# -- the table of methods

def test_described_methods_exist_and_check_their_parameters(client):
    d = client.call("rpc.describe")
    for m in d["methods"]:
        e = refused(client, m["name"], {"no_such_parameter": 1}, INVALID)
        assert "no_such_parameter" in e.message or "name" in e.message, m["name"]
        assert m["help"] and m["result"]
    assert {k["name"] for k in d["kinds"]} >= {"tenant", "network", "segment", "host", "port",
                                               "router", "route", "address-set",
                                               "security-group", "policy"}
    assert {x["name"] for x in d["limits"]} >= {"request_size", "depth", "connections"}
    assert all(f["help"] for k in d["kinds"] for f in k["fields"])


# -- address sets and security groups

def test_address_sets(filled):
    filled.call("address-set.create", {"tenant": "red", "name": "s", "prefixes": ["10.0.0.0/8"],
                                       "description": "x"})
    r = filled.call("address-set.get", {"name": "red/s"})["revision"]
    a = filled.call("address-set.add", {"name": "red/s", "prefixes": ["::1", "10.0.0.0/8", "::1"]})
    assert a == {"name": "red/s", "revision": r + 1, "changed": True, "prefixes": 2}
    a = filled.call("address-set.add", {"name": "s", "tenant": "red", "prefixes": ["::1"]})
    assert not a["changed"] and a["revision"] == r + 1
    got = filled.call("address-set.get", {"name": "red/s"})["object"]
    assert got["prefixes"] == ["::1", "10.0.0.0/8"] and got["description"] == "x"
    refused(filled, "address-set.remove", {"name": "red/s", "prefixes": ["::1"], "if_revision": r},
            REVISION)
    a = filled.call("address-set.remove", {"name": "red/s", "prefixes": ["::1", "::2"],
                                           "dry_run": True})
    assert a["dry_run"] and a["changed"] and a["prefixes"] == 2
    a = filled.call("address-set.remove", {"name": "red/s", "prefixes": ["::1", "::2"]})
    assert a["prefixes"] == 1
    refused(filled, "address-set.add", {"name": "red/t", "prefixes": []}, NOT_FOUND,
            "address-set red/t")
    refused(filled, "address-set.add", {"name": "red/s", "prefixes": ["x"]}, INVALID,
            field="prefixes[0]")
    refused(filled, "address-set.add", {"name": "red/s"}, INVALID, field="prefixes")


def test_rules_are_named_in_errors(filled):
    group = {"tenant": "red", "name": "g"}
    rule = {"direction": "ingress"}
    refused(filled, "security-group.put", {**group, "rules": [rule, {**rule, "prots": 1}]}, INVALID,
            'did you mean "ports"', object="security-group red/g", field="rules[1].prots")
    refused(filled, "security-group.put", {**group, "rules": [{**rule, "ports": "80"}]}, INVALID,
            "needs a protocol", object="security-group red/g", field="rules[0].ports")
    refused(filled, "security-group.put", {**group, "rules": [{**rule, "remote_group": "h"}]},
            REFERENCE, field="rules[0].remote_group")


def test_names_and_kinds_do_not_mix(filled):
    """A tenant 0x and a policy x are two objects, in one document too."""
    document = {"tenants": [{"name": "0x"}], "networks": [],
                "policies": [{"name": "x", "tier": "baseline", "priority": 1}]}
    a = filled.call("apply", {"document": document, "prune": False})
    assert a["created"] == 2
    assert filled.call("apply", {"document": document, "prune": False})["changes"] == []
