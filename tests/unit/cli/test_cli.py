# SPDX-License-Identifier: BSD-3-Clause
"""What weft prints and how it ends, command by command."""

import json
import os
import re
import shutil
import subprocess

import pytest

from conftest import EXAMPLE, ROOT, Server, Weft

APPLIED = """\
+ tenant red
+ tenant blue
+ network red/main
+ network blue/main
+ segment red/lan
+ segment blue/lan
+ host h1
+ host h2
+ port red/c1
+ port red/c2
+ port blue/c1
+ port red/vm1
+ port blue/vm2
"""

PORTS = """\
NAME     SEGMENT  HOST  MAC                ADDRESSES              KIND        DEVICE                        QUEUES
red/c1   lan      h1    52:54:00:00:00:0b  10.0.0.11,fd00:10::11  veth        red-c1                        1
red/vm1  lan      h1    52:54:00:00:00:15  10.0.0.21,fd00:10::21  vhost-user  /run/weft/vhost/red-vm1.sock  2
"""

STATUS = """\
host h1, revision 1

weftd           running for N s, pid N, release R
weft-dataplane  running for N s, pid N, release , workers 1, generation 7, in sync

objects: 2 tenants, 2 networks, 2 segments, 2 hosts, 5 ports
tables:  empty
sessions: 0 of 1048576, 0 not answered yet; 0 made since start, 0 refused
fast path: off

PORT     SEGMENT   KIND        STATE
blue/c1  blue/lan  veth        up
red/c1   red/lan   veth        up
red/vm1  red/lan   vhost-user  down   no guest is connected
uplink             af_xdp      up

VTEP        FROM        NEXT HOP           MTU   STATE
172.16.0.2  172.16.0.1  02:00:00:00:00:09  1500  resolved

What is wrong:
* Port red/vm1 is down: no guest is connected.
"""

FDB = """\
SEGMENT   VNI  MAC                WHERE
red/lan  1001  02:00:00:00:00:00  VTEP 172.16.0.2
red/lan  1001  02:00:00:00:00:01  VTEP 172.16.0.2  learned
2 of 5; more with limit=N
"""


def test_apply(weft):
    dry = weft("apply", "-f", EXAMPLE, "--dry-run").ok()
    assert dry == APPLIED + "13 created, 0 changed, 0 deleted; dry run, nothing was changed; " \
        "revision 0\n"
    assert weft("port", "list").ok() == "no ports\n"
    assert weft("apply", "-f", EXAMPLE).ok() == \
        APPLIED + "13 created, 0 changed, 0 deleted; revision 1\n"
    assert weft("apply", "-f", EXAMPLE).ok() == "nothing to change; revision 1\n"


def test_apply_shows_changes(filled):
    with open(EXAMPLE) as f:
        text = f.read()
    text = text.replace("device: red-c1", "device: red-c9").replace("queues: 2", "mtu: 1400")
    text = re.sub(r"  - tenant: blue\n    name: vm2\n(    .*\n)+", "", text)
    assert filled.apply(text).ok() == """\
~ port red/c1
    device: red-c1 -> red-c9
~ port red/vm1
    queues: 2 -> 1
    mtu: 0 -> 1400
- port blue/vm2
0 created, 2 changed, 1 deleted; revision 2
"""
    assert filled.apply("tenants: [{name: red, description: the first tenant}]", "--no-prune").ok() == \
        "nothing to change; revision 2\n"


def test_apply_json(weft):
    result = json.loads(weft("apply", "--json", "-f", EXAMPLE).ok())
    assert result["created"] == 13 and len(result["changes"]) == 13


def test_export_round_trip(filled):
    document = filled("export").ok()
    assert [k for k, objects in json.loads(document).items() if objects] == \
        ["tenants", "networks", "segments", "hosts", "ports"]
    assert filled.apply(document).ok() == "nothing to change; revision 1\n"
    assert filled.apply(filled("export", "--full").ok()).ok() == "nothing to change; revision 1\n"


def test_list_and_show(filled):
    assert filled("port", "list", "tenant=red", "host=h1").ok() == PORTS
    assert filled("port", "list", "--tenant", "red", "--host=h1").ok() == PORTS
    assert [o["name"] for o in json.loads(filled("host", "list", "--json").ok())] == ["h1", "h2"]
    show = filled("port", "show", "red/vm1").ok()
    assert re.search("^queues +2$", show, re.M)
    assert re.search("^addresses +10.0.0.21,fd00:10::21$", show, re.M)
    assert json.loads(filled("port", "show", "red/vm1", "--json").ok())["object"]["queues"] == 2


def test_verbs(weft):
    assert weft("tenant", "create", "red").ok() == "tenant red created; revision 1\n"
    assert weft("tenant", "put", "red").ok() == "tenant red is like that already\n"
    assert weft("network", "create", "red/main").ok() == "network red/main created; revision 2\n"
    weft("segment", "create", "red/lan", "network=red/main", "--vni", "1001",
         "subnets=10.0.0.0/24@10.0.0.1,fd00::/64").ok()
    assert "10.0.0.0/24@10.0.0.1" in weft("segment", "list").ok()
    weft("host", "create", "h1", "vteps=172.16.0.1", "uplink.kind=af_xdp", "uplink.device=eth1").ok()
    weft("port", "create", "red/a", "segment=lan", "host=h1", "mac=52:54:00:00:00:01",
         "addresses=10.0.0.5,fd00::5", "kind=veth", "device=va", "--learn", "anti_spoof=no").ok()
    port = json.loads(weft("port", "show", "red/a", "--json").ok())["object"]
    assert port["addresses"] == ["10.0.0.5", "fd00::5"]
    assert (port["learn"], port["anti_spoof"]) == (True, False)
    weft("port", "update", "red/a", "host=", "mtu=1400", "--max-learned", "5").ok()
    port = json.loads(weft("port", "show", "red/a", "--json").ok())["object"]
    assert (port["host"], port["mtu"], port["max_learned"]) == (None, 1400, 5)
    assert weft("port", "delete", "red/a", "dry_run=true").ok() == \
        "port red/a would be deleted; nothing was changed (dry run)\n"
    assert weft("port", "delete", "red/a").ok().startswith("port red/a deleted; revision ")
    assert json.loads(weft("host", "delete", "h1", "--json").ok())["changed"]


def test_status(server, filled):
    server.do("connect", "path 172.16.0.2", "port red/c1 2", "port blue/c1 2", "port uplink 2",
              "port red/vm1 1 no guest is connected")
    text = filled("status").ok()
    text = re.sub(r"pid \d+", "pid N", re.sub(r"for \d+ s", "for N s", text))
    text = re.sub(r"(weftd .*release) \S+", r"\1 R", text)
    assert text == STATUS
    server.do("port red/vm1 2")
    assert filled("status").ok().endswith("\nNothing is wrong.\n")
    assert json.loads(filled("status", "--json").ok())["warnings"] == []


def test_status_without_data_plane(filled):
    text = filled("status").ok()
    assert "weft-dataplane  not connected\n" in text
    assert "* weft-dataplane is not connected (nobody listens there)" in text
    for command in (["stats"], ["drops"], ["fdb", "list"], ["fdb", "flush"], ["neighbour", "list"],
                    ["session", "list"], ["session", "flush", "proto=tcp"]):
        r = filled(*command)
        assert r.code == 1 and r.out == "" and "see weft status" in r.err


def test_tables(server, filled):
    server.do("connect", "port red/c1 2", "count red/c1 100 3", "fdb 5")
    assert filled("stats").ok() == """\
PORT    RX PACKETS  RX BYTES  TX PACKETS  TX BYTES  ADDED  SENT  DROPPED
red/c1         100         0           0         0      0    97        3
"""
    assert filled("stats", "ports", "red/c1").ok() == filled("stats").ok()
    assert filled("drops").ok() == """\
PORT    REASON       PACKETS  MEANING
red/c1  spoofed-mac        3  source MAC is not the port's
"""
    assert filled("drops", "uplink").code == 1
    assert "is on host h2" in filled("drops", "red/c2").err
    assert "does not exist" in filled("stats", "ports", "red/none").err
    server.do("drops red/c1 3")
    assert filled("drops", "show", "--last", "2").ok() == """\
AGO  PORT    REASON         PACKET                                      BECAUSE OF
0 s  red/c1  policy-egress  10.0.0.1:1000 > 10.0.0.2:53 udp (44 bytes)  default of port red/c1
1 s  red/c1  no-route       10.0.0.1:1000 > 10.0.0.2:53 udp (43 bytes)
"""
    assert "is on host h2" in filled("drops", "show", "red/c2").err
    assert filled("drops", "show", "red/c1", "--reason", "same-port").ok() == \
        "no dropped packet is on record\n"
    assert filled("drops", "show", "red/c1", "--lost", "1").code == 2
    assert filled("fdb", "list", "limit=2").ok() == FDB
    assert filled("fdb", "flush").ok() == "learned MACs were forgotten\n"
    assert filled("neighbour", "list").ok() == """\
SEGMENT   VNI  ADDRESS    MAC
red/lan  1001  10.0.0.12  02:00:00:00:00:01
"""
    workers = filled("stats", "workers").ok().splitlines()
    assert workers[1].split()[0] == "0"
    assert workers[-2] == "WORKER  TIMED PACKETS  RX   PARSE  LOOKUP  APPLY  SLOW PATH  TX"
    assert workers[-1].split() == ["0", "200", "5.0", "10.0", "15.0", "20.0", "25.0", "30.0"]
    assert filled("stats", "--workers").ok().splitlines() == workers
    assert len(json.loads(filled("fdb", "list", "--json").ok())["entries"]) == 0


def test_fast_path(server, filled):
    assert "\nfast path: off\n" in filled("status").ok()
    assert filled("stats", "fastpath").ok() == "The fast path is not on (off)\n"
    server.do("fast red/c1 1000")
    status = filled("status").ok()
    assert "\nfast path: on, on 1 of 2 interfaces\n" in status
    server.do("connect")
    assert ("\nfast path: on, on 1 of 2 interfaces, carries 5 of at most 65536 sessions; "
            "3 found no room since start\n") in filled("status").ok()
    assert re.search(r"\nc1 +red/c1 +on +weft_port \(tc\), weft_port_out \(tc\) +3\n", status)
    assert re.search(r"\neth1 +uplink +off +weft_uplink \(generic\) +0\n", status)
    lines = filled("stats", "fastpath").ok().splitlines()
    assert lines[0].split() == ["PROGRAM", "ID", "HITS", "MISSES", "PASSED", "DROPPED", "VERIFIED",
                                "NS/PACKET"]
    assert lines[1].split() == ["weft_port", "41", "1000", "16", "0", "1", "12500", "-"]
    assert lines[4].split() == ["weft_port", "no-session", "12"]
    lines = filled("stats", "fastpath", "--interval", "0.01").ok().splitlines()
    assert lines[1].split()[-1] == "250"
    result = json.loads(filled("--json", "stats", "fastpath").ok())
    assert result["programs"][0]["misses"]["tcp-flags"] == 4
    for wrong in (["--interval"], ["--interval", "x"], ["--interval", "61"], ["5"]):
        assert "--interval SECONDS" in filled("stats", "fastpath", *wrong).err
    server.do("slow it has other tables")
    assert filled("stats", "fastpath").ok().startswith(
        "The fast path is not on (refused): it has other tables\n")


def test_sessions(server, filled):
    server.do("connect", "port red/c1 2")
    assert filled("session", "list").ok() == "no sessions\n"
    assert json.loads(filled("session", "list", "--json").ok()) == {"sessions": [], "next": None}
    server.do("sessions 4")
    text = filled("session", "list", "limit=2").ok()
    assert [line.split() for line in text.splitlines()] == [
        "PROTO STATE FROM TO NETWORK WHERE CARRIED BY PACKETS IDLE ENDS IN".split(),
        "tcp syn-sent 10.0.0.0:1000 10.0.0.12:80 red/main VTEP 172.16.0.2 data plane 0 2 s 28 s".split(),
        "tcp established 10.0.0.1:1000 10.0.0.12:80 red/main VTEP 172.16.0.2 data plane 1 2 s 28 s".split(),
        "more with after=2".split()]
    text = filled("session", "list", "offloaded=true").ok()
    assert text.splitlines()[1].split()[4:9] == "red/main VTEP 172.16.0.2 kernel 3".split()
    text = filled("session", "show", "proto=tcp", "src=10.0.0.3").ok()
    assert re.search(r"^forward\.bytes +192$", text, re.M) and re.search(r"^state +established$", text, re.M)
    assert "no such session" in filled("session", "show", "proto=udp").err
    assert "all=true" in filled("session", "flush").err
    assert filled("session", "flush", "state=established").ok() == "2 sessions were ended\n"
    assert "sessions: 2 of 1048576" in filled("status").ok()


def test_all_pages_are_listed(server, filled):
    server.do("connect", "sessions 2500")
    text = filled("session", "list", "dport=80").ok()
    assert len(text.splitlines()) == 2501 and len(set(text.splitlines())) == 2501
    all_of_them = json.loads(filled("session", "list", "--json").ok())
    assert len(all_of_them["sessions"]) == 2500 and all_of_them["next"] is None


def test_events(server, filled):
    p = subprocess.Popen([os.environ["WEFT"], "events", "port", "commit", "--count", "2"],
                         env={**os.environ, "WEFT_SOCKET": server.path}, stdout=subprocess.PIPE,
                         text=True)
    with server.client() as c:
        while c.call("status")["rpc"]["events_sent"] == 0:  # until it has subscribed
            server.do("port red/c1 1 no peer")
    filled("tenant", "create", "green").ok()
    lines = p.communicate(timeout=60)[0].splitlines()
    assert p.returncode == 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z port red/c1 is down: no peer", lines[0])


def test_events_of_policy(server, filled):
    filled("security-group", "create", "red/web").ok()
    filled("security-group", "rule", "add", "red/web", "egress").ok()
    filled("security-group", "rule", "add", "red/web", "ingress", "tcp", "80", "log",
           "description=who asks?").ok()
    filled("port", "update", "red/c1", "security_groups=web").ok()
    p = subprocess.Popen([os.environ["WEFT"], "events", "policy", "--count", "2"],
                         env={**os.environ, "WEFT_SOCKET": server.path}, stdout=subprocess.PIPE,
                         text=True)
    with server.client() as c:
        while c.call("status")["rpc"]["events_sent"] == 0:  # until it has subscribed
            server.do("policy red/c1 red/web 80 5")
        server.do("policy red/c1 red/web 0 0")
    lines = [line.split(" ", 1)[1] for line in p.communicate(timeout=60)[0].splitlines()]
    assert p.returncode == 0
    assert lines[0] == "policy deny ingress red/c1: tcp 10.0.0.1:1000 to 10.0.0.2:80, " \
        "security-group red/web rule 2 (who asks?); 5 before it were not told"
    assert lines[1] in (lines[0], "policy deny ingress red/c1: icmp 10.0.0.1 to 10.0.0.2 type 8 "
                        "code 0, security-group red/web rule 2 (who asks?)")


def test_rpc(filled):
    assert json.loads(filled("rpc", "tenant.get", '{"name":"red"}').ok())["object"]["name"] == "red"
    assert json.loads(filled("rpc", "tenant.get", '["red"]').ok())["object"]["name"] == "red"
    assert json.loads(filled("rpc", "tenant.get", "-", stdin='{"name":"red"}').ok())["id"]
    assert filled("rpc", "tenant.get", "red").code == 2
    r = filled("rpc", "tenant.get", '{"name":"no"}', "--json")
    error = json.loads(r.err)["error"]
    assert r.code == 1 and error["code"] == 2 and error["data"]["object"] == "tenant no"


def test_version(weft):
    assert weft("version").ok().splitlines()[1].endswith("on host h1; you may write")
    weft.path = "/nonexistent/weftd.sock"
    assert "weftd  can't be reached" in weft("version").ok()


# -- failing

@pytest.mark.parametrize("args,words", [
    (["prot", "list"], ['no command "prot"', 'did you mean "port"']),
    (["port", "lst"], ['no verb "lst"', 'did you mean "list"']),
    (["port", "create", "red/x", "segmnt=a"], ['"segmnt"', 'did you mean "segment"']),
    (["port", "create", "red/x", "--segmnt", "a"], ['did you mean "segment"']),
    (["port", "create"], ["the name is missing"]),
    (["port", "create", "red/x", "mtu=big"], ["mtu", "whole number"]),
    (["port", "create", "red/x", "mtu=-1"], ["mtu", "whole number"]),
    (["port", "create", "red/x", "mtu=1400", "mtu=1500"], ["mtu", "twice"]),
    (["port", "create", "red/x", "learn=perhaps"], ["learn", "true or false"]),
    (["port", "create", "red/x", "more"], ['"more"']),
    (["port", "create", "red/x", "--mtu"], ["a value is missing"]),
    (["port", "show"], ["one name"]),
    (["port", "delete"], ["name is missing"]),
    (["port", "update", "red/c1", "name=c9"], ["name is given twice", "can't be renamed"]),
    (["port", "update", "red/c1", "tenant=blue"], ["name is given twice"]),
    (["port", "frob", "--help"], ['"frob"']),
    (["events", "--count", "x"], ["--count", '"x"']),
    (["events", "--count=0"], ["--count"]),
    (["--timeout", "0.0001", "status"], ["0.001"]),
    (["port", "list", "host"], ['"host"']),
    (["host", "create", "h", "uplink=x"], ["uplink", "JSON"]),
    (["host", "create", "h", "uplink.devise=x"], ['did you mean "device"']),
    (["apply"], ["-f FILE is missing"]),
    (["apply", "x.yaml"], ["x.yaml"]),
    (["apply", "-f"], ["-f: the file is missing"]),
    (["status", "now"], ["no arguments"]),
    (["stats", "cows"], ["ports"]),
    (["fdb", "eat"], ['"eat"']),
    (["rpc"], ["METHOD"]),
    (["--socket"], ["a value is missing"]),
    (["--timeout", "soon", "status"], ["seconds"]),
    (["--socket", "x" * 200, "status"], ["too long"]),
])
def test_wrong_usage(weft, args, words):
    r = weft(*args)
    assert r.code == 2 and r.out == ""
    for w in words:
        assert w in r.err
    assert r.err.count("\n") == 1


def test_wrong_usage_as_json(weft):
    r = weft("port", "frob", "--json")
    assert r.code == 2 and r.out == "" and "frob" in json.loads(r.err)["error"]["message"]


def test_failure_as_json(weft):
    r = weft("apply", "-f", "/nonexistent.yaml", "--json")
    assert r.code == 1 and r.out == ""
    assert "/nonexistent.yaml" in json.loads(r.err)["error"]["message"]


def test_no_arguments(weft):
    r = weft()
    assert r.code == 2 and "usage: weft COMMAND" in r.out


@pytest.mark.parametrize("args", [["status"], ["apply", "-f", EXAMPLE], ["port", "list"], ["events"]])
def test_weftd_is_not_running(args):
    weft = Weft("/nonexistent/weftd.sock")
    r = weft(*args)
    assert r.code == 3 and r.out == ""
    assert "weftd is not running" in r.err and "/nonexistent/weftd.sock" in r.err
    r = weft("--json", *args)
    assert r.code == 3 and "weftd is not running" in json.loads(r.err)["error"]["message"]


def test_where_weftd_is(server):
    weft = Weft("/nonexistent/weftd.sock")
    assert weft("--socket", server.path, "status").code == 0
    assert weft("status", "--socket=" + server.path).code == 0
    assert weft("--instance", "nowhere", "status", WEFT_SOCKET="").err.find(
        "/run/weft/nowhere/weftd.sock") > 0
    # What is said comes before what is in the environment.
    weft = Weft(server.path)
    assert weft("--instance", "nowhere", "status").err.find("/run/weft/nowhere/weftd.sock") > 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_no_permission(server):
    weft = os.path.join(os.path.dirname(server.path), "weft")
    shutil.copy(os.environ["WEFT"], weft)  # others may not enter the directory of the build
    p = subprocess.run([weft, "--socket", server.path, "status"], user=65534,
                       group=65534, extra_groups=[], stderr=subprocess.PIPE, text=True, timeout=60, cwd="/")
    assert p.returncode == 3 and "no permission" in p.stderr


def test_refusals_name_object_and_remedy(filled):
    r = filled("host", "delete", "h1")
    assert r.code == 1 and "host h1" in r.err and "refer to it" in r.err
    r = filled("port", "create", "red/x", "segment=lan", "mac=52:54:00:00:00:0b")
    assert r.code == 1 and "port red/x: mac" in r.err and "red/c1" in r.err
    r = filled("port", "show", "red/none")
    assert r.code == 1 and "port red/none" in r.err
    r = filled("port", "show", "c1")
    assert r.code == 1 and "TENANT/NAME" in r.err
    r = filled("port", "list", "host=h9")
    assert r.code == 1 and 'no host "h9"' in r.err and r.out == ""
    r = filled("port", "list", "segment=lan")
    assert r.code == 1 and "TENANT/NAME" in r.err
    r = filled("fdb", "list", "segment=lan")
    assert r.code == 1 and "TENANT/NAME" in r.err


def test_what_a_document_lacks_is_not_said_to_be_absent(filled):
    part = """
    ports:
      - {tenant: red, name: c1, segment: lan, mac: "52:54:00:00:00:0b"}
    """
    r = filled.apply(part)
    assert r.code == 1 and "--no-prune" in r.err and "red/lan" in r.err
    assert filled.apply(part, "--no-prune").code == 0


def test_fields_of_the_uplink(filled):
    """Those not given stay; the table shows those that say something."""
    assert filled("host", "update", "h1", "uplink.mtu=9000").ok().startswith("host h1 updated")
    h1 = filled("host", "list").ok().splitlines()[1]
    assert h1.split(None, 2)[2] == "kind=af_xdp device=eth1 queues=1 mtu=9000"
    filled("host", "update", "h1", "uplink.kind=veth", "uplink.device=v0").ok()
    h1 = filled("host", "list").ok().splitlines()[1]
    assert h1.split(None, 2)[2] == "kind=veth device=v0 queues=1"
    r = filled("host", "update", "h1", "uplink.device=")
    assert r.code == 1 and "uplink.device: is required" in r.err


def test_timeout():
    with Server() as server:
        server.do("connect", "hang")
        r = Weft(server.path)("fdb", "list", "--timeout", "0.2")
        assert r.code == 1 and "in time" in r.err


# -- help and what else is made from the tables

@pytest.mark.parametrize("args", [["--help"], ["help"], ["-h"]])
def test_help(args):
    text = Weft("/nonexistent")(*args).ok()
    for noun in ("apply", "status", "port", "drops", "events"):
        assert "\n  %s " % noun in text
    assert "complete" not in text


def test_help_lists_the_fields():
    weft = Weft("/nonexistent")
    text = weft("port", "create", "--help").ok()
    assert re.search(r"\n  segment +segment that it is attached to \(required\)\n", text)
    assert "one of vhost-user, tap, veth" in text and "TENANT/NAME" in text
    assert "uplink.device" in weft("help", "host").ok()
    assert "--no-prune" in weft("apply", "--help").ok()
    assert "learned" in weft("fdb", "--help").ok()


def test_reference_is_current():
    p = subprocess.run([os.environ["DESCRIBE"], "--reference"], stdout=subprocess.PIPE, text=True,
                       check=True, timeout=60)
    with open(os.path.join(ROOT, "tools/weft/rpc-reference.md")) as f:
        assert f.read() == p.stdout, "bring it up to date with: ninja -C build rpc-reference"


@pytest.mark.parametrize("page", ["tools/weft/weft.1", "control/weftd.8"])
def test_manual_pages(page):
    try:
        p = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", os.path.join(ROOT, page)],
                           stdout=subprocess.PIPE, text=True, timeout=60)
        assert p.stdout == ""
    except FileNotFoundError:
        try:
            p = subprocess.run(["man", "--warnings", "-l", os.path.join(ROOT, page)], text=True,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60)
        except FileNotFoundError:
            pytest.skip("neither mandoc nor man is installed")
        assert p.stderr == ""


def test_manual_names_all_commands():
    with open(os.path.join(ROOT, "tools/weft/weft.1")) as f:
        text = f.read()
    for command in re.findall(r"\n  ([a-z][a-z-]*) ", Weft("/nonexistent")("--help").ok()):
        assert re.search(r"\b%s\b" % command, text), command


# -- completion

def complete(weft, *words):
    return weft("complete", *words).ok().split()


def test_completion(filled):
    assert complete(filled, "por") == ["port"]
    assert {"apply", "status", "port"} <= set(complete(filled, ""))
    assert complete(filled, "port", "cr") == ["create"]
    assert complete(filled, "port", "show", "red/c") == ["red/c1", "red/c2"]
    assert complete(filled, "port", "create", "red/x", "ki") == ["kind="]
    assert complete(filled, "port", "create", "red/x", "kind=v") == ["kind=vhost-user", "kind=veth"]
    assert complete(filled, "port", "create", "red/x", "segment=r") == ["segment=red/lan"]
    assert complete(filled, "port", "list", "host=") == ["host=h1", "host=h2"]
    assert complete(filled, "port", "create", "red/x", "learn=") == ["learn=true", "learn=false"]
    assert complete(filled, "drops", "blue/") == ["blue/c1", "blue/vm2"]
    assert complete(filled, "rpc", "fdb.") == ["fdb.list", "fdb.flush"]
    assert complete(filled, "fdb", "list", "se") == ["segment="]
    assert complete(filled, "session", "") == ["list", "show", "flush"]
    assert complete(filled, "session", "list", "network=r") == ["network=red/main"]
    assert complete(filled, "apply", "--n") == ["--no-prune"]
    assert complete(filled, "--s") == ["--socket"]
    assert complete(filled, "host", "update", "h1", "uplink.k") == ["uplink.kind="]
    assert complete(filled, "host", "update", "h1", "uplink.kind=m") == ["uplink.kind=memif"]
    assert complete(filled, "trace", "red/c") == ["red/c1", "red/c2"]
    assert complete(filled, "trace", "red/c1", "t") == ["tcp"]
    assert complete(filled, "trace", "red/c1", "--fr") == ["--from", "--fragment-offset", "--from-vtep"]
    assert complete(filled, "trace", "--live", "port", "blue/") == ["blue/c1", "blue/vm2"]
    assert complete(filled, "trace", "--live", "segment", "r") == ["red/lan"]
    assert complete(filled, "trace", "--live", "se") == ["segment"]
    assert complete(filled, "check", "") == ["reach"]
    assert complete(filled, "check", "reach", "red/c1", "red/c") == ["red/c1", "red/c2"]
    assert complete(filled, "check", "reach", "red/c1", "red/c2", "ud") == ["udp/"]
    assert complete(filled, "check", "reach", "red/c1", "--pr") == ["--probe"]
    assert complete(filled, "help", "por") == ["port"]
    assert complete(filled, "--timeout", "5", "port", "cr") == ["create"]
    assert complete(Weft("/nonexistent"), "--socket=" + filled.path, "host", "show", "") == ["h1", "h2"]
    assert complete(Weft("/nonexistent"), "--socket", filled.path, "host", "show", "") == ["h1", "h2"]


def test_completion_without_weftd_is_silent():
    weft = Weft("/nonexistent")
    assert complete(weft, "port", "show", "") == []
    assert "mtu=" in complete(weft, "port", "update", "red/x", "")


def test_completion_in_bash(filled):
    """What readline gets: of words with = or : only what is behind."""
    script = """
        PATH=%s:$PATH; source %s/tools/weft/completion.bash
        compopt() { :; }
        try() { COMP_LINE=$1; COMP_POINT=${#1}; COMPREPLY=(); _weft; echo "${COMPREPLY[*]}"; }
        try "weft sta"; try "weft port show red/c"; try "weft port create red/x kind=ve"
        try "weft port create red/x "
    """ % (os.path.dirname(os.environ["WEFT"]), ROOT)
    out = subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE, text=True, check=True,
                         timeout=60, env={**os.environ, "WEFT_SOCKET": filled.path}).stdout
    lines = out.splitlines()
    assert lines[:3] == ["status stats", "red/c1 red/c2", "veth"]
    assert "segment=" in lines[3]
