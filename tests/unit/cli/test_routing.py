# SPDX-License-Identifier: BSD-3-Clause
"""weft router and weft route, and the services of segments, by the example that comes with weft."""

import json
import os

from conftest import ROOT

EXAMPLE = os.path.join(ROOT, "tools/examples/routing.yaml")


def names(weft, *args):
    return [f"{o['tenant']}/{o['name']}" for o in json.loads(weft(*args, "--json").ok())]


def test_example_round_trip(weft):
    weft("apply", "-f", EXAMPLE).ok()
    assert weft("apply", "-f", EXAMPLE).ok().startswith("nothing to change")
    document = weft("export").ok()
    assert weft.apply(document).ok().startswith("nothing to change")
    routes = {r["name"]: r for r in json.loads(document)["routes"]}
    assert routes["to-blue"]["peer"] == "blue/r1"
    assert routes["no-private"]["unreachable"] is True and "peer" not in routes["no-private"]


def test_filters(weft):
    weft("apply", "-f", EXAMPLE).ok()
    assert names(weft, "route", "list", "router=blue/r1") == ["blue/to-red-web"]
    assert names(weft, "route", "list", "tenant=red") == \
        ["red/default", "red/no-private", "red/to-blue"]
    assert names(weft, "router", "list", "network=red/main") == ["red/r1"]
    assert "there is no router" in weft("route", "list", "router=red/r9").err


def test_pages(server, weft):
    weft("apply", "-f", EXAMPLE).ok()
    routes = [{"verb": "create", "kind": "route", "object": {
        "tenant": "red", "name": f"n{i}", "router": "r1", "prefix": f"192.168.{i}.0/24",
        "next_hops": ["10.1.0.2"]}} for i in range(25)]
    found, params = [], {"router": "red/r1", "limit": 10}
    with server.client() as client:
        client.call("transact", {"ops": routes})
        while "after" not in params or params["after"]:
            page = client.call("route.list", params)
            assert len(page["objects"]) <= 10
            found += [r["name"] for r in page["objects"]]
            params["after"] = page["next"]
    assert len(found) == len(set(found)) == 28
    assert len(names(weft, "route", "list", "router=red/r1")) == 28


def test_verbs(weft):
    weft("apply", "-f", EXAMPLE).ok()
    weft("segment", "create", "red/lab", "network=main", "vni=2009",
         "subnets=10.1.9.0/24@10.1.9.1", "host_routes=10.7.0.0/16@10.1.9.7,10.8.0.0/16@10.1.9.8",
         "dns_servers=192.0.2.1,fd00::53", "--dhcp", "lease_s=600").ok()
    weft("router", "update", "red/r1", "segments=db,lab,web").ok()
    show = weft("segment", "show", "red/lab").ok()
    assert "10.7.0.0/16@10.1.9.7,10.8.0.0/16@10.1.9.8" in show
    weft("route", "create", "red/x", "router=r1", "prefix=10.9.0.0/16",
         "next_hops=10.1.9.7,10.1.9.8").ok()
    weft("route", "update", "red/x", "next_hops=", "blackhole=true").ok()
    refused = weft("router", "update", "red/r1", "segments=lab,web")
    assert refused.code == 1 and "segment red/db: l3_only" in refused.err
    assert "segments" in weft("router", "create", "--help").ok()
    assert "next_hops" in weft("route", "create", "--help").ok()
    assert "10.7.0.0/16" in weft("export").ok()


def test_status_tells_of_routes_without_use(weft):
    weft("apply", "-f", EXAMPLE).ok()
    quiet = weft("status").out
    assert "Route" not in quiet
    weft("route", "create", "red/lost", "router=r1", "prefix=10.9.0.0/16",
         "next_hops=10.1.0.2,10.1.0.99").ok()
    weft("route", "delete", "blue/to-red-web").ok()
    status = weft("status").out
    assert "Route red/lost: no port has its next hop 10.1.0.99 in segment red/web" in status
    assert "10.1.0.2 " not in status
    assert "Route red/to-blue leads to router blue/r1, which has no route to a peer" in status
