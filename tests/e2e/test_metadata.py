# SPDX-License-Identifier: BSD-3-Clause
"""Instance metadata: two tenants with the same addresses, an operator's endpoint on each host.

    red w1, w1v and blue w1 on h1, red w2 on h2; policy lets nothing in or out
"""

import itertools
import json
import os
import re

import pytest

from lab.cloud import Cloud, bare
from lab.proc import wait_for

ENDPOINT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib", "lab", "endpoint.py")
META = {4: "169.254.169.254", 6: "[fd00:ec2::254]"}
NUMBERS = itertools.count()
FAMILIES = pytest.mark.parametrize("family", [4, 6])

ASK = """
import http.client, json, sys
c = http.client.HTTPConnection(sys.argv[1].strip("[]"), 80, timeout=8)
c.request(sys.argv[2], sys.argv[3], body=sys.argv[4] or None, headers=json.loads(sys.argv[5]))
r = c.getresponse()
print(json.dumps([r.status, dict(r.getheaders()), r.read().decode()]))
"""

REACH = """
import socket, sys
s = socket.create_connection((sys.argv[1].strip("[]"), int(sys.argv[2])), timeout=1)
"""


def ask(machine, family, path="/", method="GET", body="", headers={}):
    """Status, headers and body of the answer."""
    return json.loads(machine.run("/usr/bin/python3", "-c", ASK, META[family], method, path, body,
                                  json.dumps(headers), timeout=20))


def identity(machine, family, **kw):
    status, _, body = ask(machine, family, **kw)
    assert status == 200, body
    told = {k.lower(): v for k, v in json.loads(body)["headers"]}
    return told["x-weft-tenant"], told["x-weft-network"], told["x-weft-port"], told["x-weft-address"]


def start_endpoint(lab, host, where):
    """Its process, once it listens."""
    log = host.path("endpoint-%d.log" % next(NUMBERS))
    process = lab.spawn(["/usr/bin/python3", ENDPOINT, where], log, netns=host.ns.name)
    lab.ready("the endpoint of " + host.name, process, lambda: "ready" in process.log())
    return process


@pytest.fixture(scope="module")
def cloud(module_lab):
    lab = module_lab()
    c = Cloud(lab, [("red", "w1"), ("red", "w2"), ("red", "w1v"), ("blue", "w1")],
              tenants=("red", "blue"), network_fields={"metadata": True},
              groups={"none": []}, group_of=lambda t, n: ["none"])
    for h, d in zip(c.hosts, c.doc["hosts"]):
        d["metadata"] = "unix:" + h.path("metadata.sock")
    c.endpoints = [start_endpoint(lab, h, d["metadata"]) for h, d in zip(c.hosts, c.doc["hosts"])]
    c.apply()
    for h in c.hosts:
        h.wait_ports_up("metadata")
    return c


@FAMILIES
def test_each_port_is_told_as_what_it_is(cloud, family):
    for tenant, name in (("red", "w1"), ("blue", "w1"), ("red", "w2")):
        assert identity(cloud[tenant, name], family) == (
            tenant, "main", name, bare(name)[family == 6]), (tenant, name)


@FAMILIES
def test_a_guest(cloud, family):
    out = cloud["red", "w1v"].run("printf 'GET /latest HTTP/1.0\\r\\n\\r\\n' | nc -w 10 %s 80"
                                  % META[family].strip("[]"))
    told = {k.lower(): v for k, v in json.loads(out[out.index("{"):])["headers"]}
    assert (told["x-weft-tenant"], told["x-weft-port"]) == ("red", "w1v")


def test_spoofed_headers_are_ignored(cloud):
    lies = {"X-Weft-Tenant": "blue", "x_weft_port": "root", "X-WEFT-Port-Id": "1",
            "X-Forwarded-For": "1.2.3.4", "Forwarded": "for=1.2.3.4", "X-Other": "kept"}
    status, _, body = ask(cloud["red", "w1"], 4, headers=lies)
    told = json.loads(body)["headers"]
    names = [k.lower().replace("_", "-") for k, _ in told]
    assert status == 200
    for name in ("x-weft-tenant", "x-weft-port", "x-weft-port-id", "x-forwarded-for"):
        assert names.count(name) == 1, told
    assert "forwarded" not in names
    assert ["X-Weft-Tenant", "red"] in told and ["X-Weft-Port", "w1"] in told
    assert ["X-Forwarded-For", bare("w1")[0]] in told and ["X-Other", "kept"] in told


def test_bodies_both_ways(cloud):
    status, _, body = ask(cloud["red", "w1"], 4, "/latest/api/token", "PUT", "b" * 60000)
    assert status == 200 and json.loads(body)["body"] == "b" * 60000
    status, _, body = ask(cloud["red", "w1"], 6, "/big")
    assert status == 200 and body == "m" * (1 << 20)
    assert ask(cloud["red", "w1"], 4, "/", "POST", "b" * 70000)[0] == 413


@FAMILIES
def test_nothing_else_is_reached(cloud, family):
    """Neither the proxy's own port nor what the host listens on."""
    host = cloud.hosts[0]
    listener = host.lab.spawn(
        ["/usr/bin/python3", "-c",
         "import socket, time; s = socket.create_server(('::', 2222), family=socket.AF_INET6,"
         " dualstack_ipv6=True); print('ready', flush=True); time.sleep(1000)"],
        host.path("listener-%d.log" % family), netns=host.ns.name)
    host.lab.ready("a service of the host", listener, lambda: "ready" in listener.log())
    try:
        w1 = cloud["red", "w1"]
        for port in (22, 2222, 8080):
            out = w1.run("/usr/bin/python3", "-c", REACH, META[family], port, check=False)
            assert "Error" in out, (port, out)
        assert not w1.ping(META[family].strip("[]"))
    finally:
        listener.kill()


def test_the_host_is_left_alone(cloud):
    """Nothing of it is in the host's own namespace."""
    ns = cloud.hosts[0].ns
    assert "weft-metadata" not in ns.run("ip", "-o", "link")
    for family in ("-4", "-6"):
        everything = ns.run("ip", family, "-o", "address") + ns.run("ip", family, "route", "show",
                                                                  "table", "all")
        assert not re.search(r"169\.254\.169\.254|fd00:ec2|10\.0\.0\.0/8", everything)


def test_endpoint_down_and_up(cloud):
    host = cloud.hosts[0]
    cloud.endpoints[0].kill()
    status, headers, _ = ask(cloud["red", "w1"], 4)
    assert status == 503 and int(headers["Retry-After"]) > 0
    assert any("metadata endpoint" in w for w in host.status()["warnings"])
    assert host.status()["metadata"]["state"] == "fails"
    cloud.endpoints[0] = start_endpoint(host.lab, host, cloud.doc["hosts"][0]["metadata"])
    assert identity(cloud["red", "w1"], 4)[:1] == ("red",)
    assert host.status()["metadata"]["state"] == "answers"
    assert ask(cloud["blue", "w1"], 4)[0] == 200


def test_one_guest_cannot_take_all_connections(cloud):
    hold = cloud["red", "w1"].host.lab.spawn(
        ["/usr/bin/python3", "-c",
         "import socket, time\n"
         "s = [socket.create_connection(('%s', 80), 5) for _ in range(40)]\n"
         "print('ready', flush=True)\ntime.sleep(1000)" % META[4]],
        cloud.hosts[0].path("hold.log"), netns=cloud["red", "w1"].ns.name)
    cloud.hosts[0].lab.ready("connections", hold, lambda: "ready" in hold.log())
    try:
        assert cloud.hosts[0].status()["metadata"]["connections"] <= 8
        assert identity(cloud["blue", "w1"], 4)[0] == "blue"
    finally:
        hold.kill()


@pytest.mark.parametrize("who", ["weftd", "dataplane"])
def test_works_again_after_a_kill(cloud, who):
    host = cloud.hosts[0]
    getattr(host, "kill_" + who)()
    getattr(host, "start_" + who)()
    host.wait_in_sync()
    host.wait_ports_up()
    for family in (4, 6):
        wait_for("metadata", lambda: identity_or_none(cloud["red", "w1"], family) == "red", 15)
        assert identity(cloud["blue", "w1"], family)[0] == "blue"


def identity_or_none(machine, family):
    try:
        return identity(machine, family)[0]
    except Exception:
        return None


def test_tcp_endpoint_and_none(cloud):
    host, d = cloud.hosts[0], cloud.doc["hosts"][0]
    kept = d["metadata"]
    d["metadata"] = "http://127.0.0.1:8775"
    process = start_endpoint(host.lab, host, d["metadata"])
    host.apply(cloud.doc)
    assert identity(cloud["red", "w1"], 6)[0] == "red"
    process.kill()
    del d["metadata"]
    host.apply(cloud.doc)
    assert identity_or_none(cloud["red", "w1"], 4) is None
    assert "metadata" not in [p["name"] for p in host.status()["ports"]]
    d["metadata"] = kept
    host.apply(cloud.doc)
    host.wait_ports_up("metadata")
    assert identity(cloud["red", "w1"], 4)[0] == "red"


def test_ledger(cloud):
    cloud.check_ledger()
