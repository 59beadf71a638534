# SPDX-License-Identifier: BSD-3-Clause
"""weft-pktgen as a command: its commands over a ring that leads back, results for programs, exit
codes, and a man page that knows every option."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

PKTGEN = os.environ["PKTGEN"]
SOURCE = os.environ["PKTGEN_SOURCE"]
EAL = ["--no-huge", "--memory", "256", "--mbufs", "2048", "--quiet"]


def start(*args):
    return subprocess.Popen([PKTGEN, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(*args, code=0):
    p = start(*args)
    out, err = p.communicate(timeout=60)
    assert p.returncode == code or code is None, (p.returncode, out, err)
    return out, err


def loop(*args, code=0):
    return run("--port", "net_ring0", *EAL, *args, code=code)


def loop_json(*args, code=0):
    return json.loads(loop("--json", "-", *args, code=code)[0])


def test_man_page_and_help_agree():
    with open(os.path.join(SOURCE, "weft-pktgen.1"), encoding="ascii") as f:
        page = f.read()
    told = set(re.findall(r"^  --([a-z-]+)", run("--help")[0], re.M))
    written = set(re.findall(r"Fl -([a-z-]+)", page)) - {"vdev"}  # EAL's
    assert told == written
    commands = set(re.findall(r"^  ([a-z]\w+) {2,}", run("--help")[0], re.M))
    assert commands == set(re.findall(r"^\.It Cm (\w+)$", page, re.M)) - {"throughput", "latency"}  # tests of rfc8204


def complete(*words):
    script = """source %s/completion.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
        compopt() { :; }; _weft_pktgen; printf '%%s\n' "${COMPREPLY[@]}" """ % SOURCE
    out = subprocess.run(["bash", "-c", script, "bash", PKTGEN, *words], stdout=subprocess.PIPE, text=True, check=True)
    return out.stdout.split()


def test_completion(tmp_path):
    assert complete("so") == ["soak"] and complete("rfc") == ["rfc2544", "rfc8204"]
    assert complete("mlr", "--src-m") == ["--src-macs", "--src-mac"]
    assert complete("--order", "") == ["sequence", "uniform", "zipf", "new"]
    assert complete("--ip", "") == ["4", "6"] and complete("--rate", "m") == ["max"]
    assert complete("--verify", "o") == ["off"]
    assert complete("--both", "--fl") == ["--flows"]  # which has no value
    assert complete("--flows", "") == []
    (tmp_path / "some.yaml").touch()
    assert complete("--profile", str(tmp_path) + "/s") == [str(tmp_path) + "/some.yaml"]


def test_example(tmp_path):
    """The example, on rings that lead each port back to itself."""
    with open(os.path.join(SOURCE, "example.yaml"), encoding="ascii") as f:
        text = re.sub(r"net_memif(\d)[^\n]*", r"net_ring\1", f.read())
    profile = tmp_path / "example.yaml"
    profile.write_text(text)
    out, _ = run("--profile", str(profile), *EAL, "--duration", "0.2", "--rate", "5k", "--json", "-", code=3)
    outcome = json.loads(out)["outcome"]
    assert [s["name"] for s in outcome["streams"]] == ["front", "answers", "scan", "web"]
    assert all(s["sent"] > 0 and s["received"] == 0 for s in outcome["streams"])
    assert outcome["ports"][1]["misdelivered"] == outcome["streams"][1]["sent"]
    # Tenant 0, whose scan comes back there, has nothing on port 0.
    assert [p["leaked"] for p in outcome["ports"]] == [outcome["streams"][2]["sent"], 0]


def test_wrong_usage(tmp_path):
    for args, says in [
            ([], "at least one is needed"), (["--port", "net_ring0", "walk"], "walk: unexpected"),
            (["--port", "net_ring0", "--flows", "-1"], "--flows: -1 is not"),
            (["--port", "net_ring0", "--verify", "some"], "--verify some: must be sample, all or off"),
            (["--port", "net_ring0", "--burst", "1000"], "must be a number from 1 to 128"),
            (["--port", "net_ring0", "--ip", "6"], "headers and mark need 80"),
            (["--profile", "/nowhere"], "No such file"),
            (["--port", "net_ring0", "--min-rate", "2M", "--max-rate", "1M"], "below --min-rate")]:
        assert says in run(*args, code=1)[1]
    bad = tmp_path / "bad.yaml"
    bad.write_text("ports: [net_ring0]\nstreams:\n- {sizes: 64}\n")
    assert "bad.yaml: line 3: sizes: streams have no such key" in run("--profile", str(bad), code=1)[1]


def test_wrong_device():
    assert "can't start" in run("--port", "net_nonsense0", *EAL, code=2)[1]


def test_run(tmp_path):
    table = tmp_path / "table.csv"
    result = loop_json("--duration", "0.3", "--rate", "50k", "--flows", "100", "--both", "--csv", str(table))
    assert result["command"] == "run" and result["good"] and result["devices"] == ["net_ring0"]
    streams = result["outcome"]["streams"]
    assert [s["name"] for s in streams] == ["s0", "s0-back"]
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    for s, row in zip(streams, rows):
        assert s["sent"] == s["received"] > 0 and s["lost"] == 0
        latency = s["latency_ns"]
        assert latency["min"] <= latency["p50"] <= latency["p99"] <= latency["p99.99"] <= latency["max"]
        assert int(row["sent"]) == s["sent"] and float(row["p50_ns"]) == latency["p50"]


def test_a_run_that_loses_fails():
    args = ["--port", "net_null0,no-rx=1", *EAL, "--duration", "0.5", "--rate", "10k", "--json", "-"]
    assert json.loads(run(*args)[0])["outcome"]["loss"] == 1
    assert not json.loads(run(*args, "--max-loss", "0.5", code=3)[0])["good"]
    run(*args, "soak", code=3)


def test_soak():
    out, _ = loop("soak", "--duration", "0.5", "--interval", "0.1", "--rate", "1k")
    assert "slowest interval" in out


def test_pingpong():
    """One at a time: what is received is what was sent, in turn over both streams."""
    result = loop_json("pingpong", "--duration", "0.2", "--both", "--flows", "10")
    a, b = (s["sent"] for s in result["outcome"]["streams"])
    assert abs(a - b) <= 1 and a > 0 and result["outcome"]["loss"] == 0
    assert all(s["latency_ns"]["count"] == s["sent"] for s in result["outcome"]["streams"])
    # Nothing comes back: each packet is waited for.
    out, _ = run("pingpong", "--port", "net_null0,no-rx=1", *EAL, "--duration", "0.2", "--json", "-")
    assert 1 <= json.loads(out)["outcome"]["streams"][0]["sent"] <= 21


def test_prime():
    """Each flow once, which background streams do as well, and then the run."""
    result = loop_json("--prime", "20k", "--flows", "3000", "--background", "yes", "--rate", "10k",
                       "--duration", "0.1", "--interval", "0.02")
    at = [i["at"] for i in result["intervals"]]
    assert at != sorted(at)  # two trials
    clock = [i["clock"] for i in result["intervals"]]
    assert clock == sorted(clock) and clock[-1] - clock[0] >= 3000 / 20e3
    assert 0 < result["outcome"]["streams"][0]["sent"] <= 1000 * 1.5


def test_searches():
    args = ["--max-rate", "40k", "--min-rate", "1k", "--trial", "0.1", "--width", "0.1"]
    # A ring loses nothing; only this machine can be too slow, and then the result says so.
    result = loop_json("mlr", *args, code=None)
    assert [g["name"] for g in result["goals"]] == ["NDR", "PDR"]
    slow = result["generator_limited_trials"] > 0
    assert slow or [l["share"] for l in result["latencies"]] == [0.1, 0.5, 0.9]
    assert slow or [(g["lower"], g["upper"]) for g in result["goals"]] == [(40e3, 0)] * 2
    assert loop_json("rfc2544", *args, code=None)["goals"][0]["name"] == "throughput"
    assert len(loop_json("burst", *args, "--repeat", "2")["bursts"]) == 2
    assert loop_json("recovery", *args, "--duration", "0.2")["recovery_seconds"] >= 0
    # Nothing comes back.
    _, err = run("rfc2544", "--port", "net_null0,no-rx=1", *EAL, code=2)
    assert "come back" in err


SHORT = ["--min-rate", "1k", "--max-rate", "2k", "--trial", "0.05", "--width", "0.5"]


def test_loss(tmp_path):
    """From the greatest rate downwards, until nothing is lost at two of them."""
    table = tmp_path / "loss.csv"
    losses = loop_json("loss", *SHORT, "--csv", str(table), code=None)["losses"]
    assert [round(l["share"] * 10) for l in losses] == [10 - i for i in range(len(losses))]
    assert len(losses) >= 2 and losses[0]["rate"] == 2000
    assert len(losses) == 10 or losses[-1]["loss"] == losses[-2]["loss"] == 0 < losses[-1]["offered"]
    assert [float(r["loss"]) for r in csv.DictReader(io.StringIO(table.read_text()))] == [l["loss"] for l in losses]
    losses = json.loads(run("loss", "--port", "net_null0,no-rx=1", *EAL, *SHORT, "--json", "-", code=None)[0])["losses"]
    assert len(losses) == 10 and all(l["loss"] == 1 or l["offered"] == 0 for l in losses)


TESTS = {"throughput", "latency", "loss", "burst", "recovery", "soak"}

MATRIX = """
ports: [net_ring0, net_ring1]
duration: 0.2
defaults: {flows: 10, size: "60,1514"}
streams:
  - {scenario: here, tx: 0, rx: 0}
  - {scenario: there, tx: 1, rx: 1}
  - {scenario: there, tx: 0, rx: 0}
  - {background: yes, tx: 0, rx: 0, rate: 1k, size: 100}
"""


def matrix(profile, *args, code=None):
    out, _ = run("rfc8204", "--profile", str(profile), *EAL, *SHORT, "--repeat", "2", "--interval", "0.05",
                 "--json", "-", *args, code=code)
    return json.loads(out)


def test_rfc8204(tmp_path):
    profile, table = tmp_path / "matrix.yaml", tmp_path / "matrix.csv"
    profile.write_text(MATRIX)
    result = matrix(profile, "--csv", str(table))
    cells = [("here", 60), ("here", 1514), ("there", 60), ("there", 1514)]
    assert [(c["scenario"], c["size"]) for c in result["matrix"]] == cells
    for c in result["matrix"]:
        assert c["throughput"]["lower"] == 0 or len(c["latencies"]) == 3
        assert all(l["latency_ns"]["count"] > 0 for l in c["latencies"])
        assert len(c["losses"]) >= 2 and c["burst"]["count"] == 2
        # A ring loses nothing; only this machine can be too slow, and then the result says so.
        assert c["throughput"]["lower"] == 2000 or c["generator_limited_trials"] > 0
        assert c["recovery"]["seconds"] >= 0 and c["soak"]["rate"] == pytest.approx(0.9 * c["throughput"]["lower"])
    assert result["good"] or any(c["throughput"]["lower"] == 0 or c["soak"]["loss"] > 0 for c in result["matrix"])
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    assert [(r["scenario"], int(r["size"])) for r in rows] == cells
    # Some tests alone; the profile may say which, and options override it.
    profile.write_text("tests: throughput,soak" + MATRIX)
    assert {k for c in matrix(profile)["matrix"] for k in c} & TESTS == {"throughput", "soak"}
    assert {k for c in matrix(profile, "--tests", "burst")["matrix"] for k in c} & TESTS == {"burst"}
    # One that loses everything.
    lossy = ["--tests", "throughput", "--port", "net_null0,no-rx=1", "--size", "60,100", "--csv", "-"]
    out, _ = run("rfc8204", *EAL, *SHORT, *lossy, code=3)
    assert [(r["size"], r["throughput"]) for r in csv.DictReader(io.StringIO(out))] == [("60", "0"), ("100", "0")]


def test_rfc8204_profile(tmp_path):
    """The one that is shipped, on two memifs: one pair of ports leads to the other, one machine to the other."""
    with open(os.path.join(SOURCE, "rfc8204.yaml"), encoding="ascii") as f:
        text = f.read()
    text, n = re.subn(r"(?m)^  - net_\w+[^\n]*", "  - PORT", text)
    assert n == 4
    for i in range(4):
        text = text.replace("- PORT", "- net_memif%d,role=%s,socket=%s/%d,socket-abstract=no" % (
            i, ("server", "client")[i % 2], tmp_path, i // 2), 1)
    profile = tmp_path / "rfc8204.yaml"
    profile.write_text(text)
    # No memif leads from a port to a machine, and it is said that nothing comes back.
    sizes = [60, 1514]
    out, err = run("rfc8204", "--profile", str(profile), *EAL, "--memory", "1024", "--mbufs", "1024", "--tests", "burst",
                   "--size", "60,1514", "--trial", "0.01", "--repeat", "1", "--json", "-", code=3)
    result = json.loads(out)["matrix"]
    assert [(c["scenario"], c["size"]) for c in result] == [(s, n) for s in ("port-port", "port-vm", "vm-vm")
                                                           for n in sizes]
    assert all(("burst" in c) == (c["scenario"] != "port-vm") for c in result)
    assert err.count("come back") == len(sizes)


def test_wrong_searches(tmp_path):
    profile = tmp_path / "matrix.yaml"
    for change, says in [
            (("rx: 1}", "rx: 1, size: 60}"), "stream s2: size: must be as that of s1, in the same scenario"),
            (("{scenario: here,", "{scenario: here, background: yes,"), "scenario here: no stream"),
            (("rx: 1}", "rx: 1, kind: connections}"), "streams s0 and s1: a search is for packets or for connections")]:
        profile.write_text(MATRIX.replace(*change))
        assert says in run("rfc8204", "--profile", str(profile), *EAL, code=1)[1]
    for args, says in [
            (["rfc8204", "--kind", "connections"], "s0: kind: the tests of RFC 2544 are for packets"),
            (["rfc8204", "--tests", "speed"], "--tests: speed is not a list of"),
            (["rfc8204", "--tests", "burst,"], "--tests: burst, is not a list of"),
            (["rfc8204", "--tests", "soak,loss"], "latency and soak need throughput")]:
        assert says in loop(*args, code=1)[1]


def test_search_of_connections():
    """The same searches, over connections per second."""
    result = loop_json("mlr", "--kind", "connections", "--trial", "0.1", "--width", "0.3", "--min-rate", "100",
                       "--max-rate", "400", "--flows", "5000", code=None)
    assert result["unit"] == "connections" and [g["name"] for g in result["goals"]] == ["NDR", "PDR"]
    slow = result["generator_limited_trials"] > 0
    assert slow or result["goals"][0]["lower"] == 400
    assert slow or all(l["outcome"]["streams"][0]["tcp"]["finished"] > 0 for l in result["latencies"])


def test_connections():
    result = loop_json("--kind", "connections", "--rate", "1k", "--flows", "5000", "--duration", "0.3")
    s = result["outcome"]["streams"][0]
    assert s["sent"] == s["received"] == s["tcp"]["finished"] > 0
    assert s["tcp"]["packets_sent"] == 6 * s["sent"]


def test_memif(tmp_path):
    """Two ends of one memif: frames of all sizes both ways, and connections."""
    memif = "net_memif%d,role=%s,socket=" + str(tmp_path) + "/memif,socket-abstract=no"
    ports = ["--port", memif % (0, "server"), "--port", memif % (1, "client"), *EAL, "--json", "-"]
    out, _ = run(*ports, "--both", "--size", "imix", "--flows", "1000", "--order", "zipf", "--rate", "10k",
                 "--rx-encap", "vxlan", "--duration", "0.3")
    for s in json.loads(out)["outcome"]["streams"]:
        assert s["sent"] == s["received"] + s["lost"] > 0 and s["duplicates"] == s["reordered"] == 0
    # Longer than a buffer: chains are read, too.
    out, _ = run(*ports, "--size", "9000", "--rate", "1k", "--duration", "0.2")
    s = json.loads(out)["outcome"]["streams"][0]
    assert s["received"] > 0 and s["received_bytes"] == 9000 * s["received"]
    out, _ = run(*ports, "--kind", "connections", "--rate", "1k", "--duration", "0.3")
    s = json.loads(out)["outcome"]["streams"][0]
    assert s["sent"] == s["received"] + s["lost"] and s["tcp"]["bad"] == 0 and s["tcp"]["finished"] > 0


@pytest.fixture
def netns():
    """A network namespace of its own; yields a function that runs ip in it, and its name."""
    if os.geteuid() != 0:
        pytest.skip("needs root: makes a network namespace")
    name = f"pktgen-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    yield lambda *args: subprocess.run(["ip", "-n", name, *args], check=True), name
    subprocess.run(["ip", "netns", "del", name], check=True)


# libxdp loses memory, of which a sanitized weft-pktgen would be accused.
NO_LEAKS = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


def result_in(netns, *args, code=0):
    p = subprocess.run(["ip", "netns", "exec", netns, PKTGEN, *EAL, "--json", "-", *args],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
                       env=NO_LEAKS)
    assert p.returncode == code, p.stderr
    return json.loads(p.stdout)


def run_in(netns, *args):
    return result_in(netns, *args)["outcome"]["streams"][0]


def test_af_xdp(netns):
    ip, name = netns
    ip("link", "add", "veth1", "type", "veth", "peer", "name", "veth2")
    for device in ("veth1", "veth2"):
        ip("link", "set", device, "up")
    s = run_in(name, "--port", "net_af_xdp0,iface=veth1", "--port", "net_af_xdp1,iface=veth2", "--rate", "1k",
               "--flows", "100", "--memory", "512", "--duration", "0.5")
    assert s["received"] > 0 and s["sent"] == s["received"] + s["lost"] and s["duplicates"] == 0


def test_tap(netns):
    """Two TAPs that the kernel bridges, once both are there."""
    ip, name = netns
    ip("link", "add", "br0", "type", "bridge")
    ip("link", "set", "br0", "up")
    for device in ("tap1", "tap2"):  # persistent, so that the bridge has them before they are opened
        ip("tuntap", "add", device, "mode", "tap", "multi_queue")
        ip("link", "set", device, "master", "br0")
        ip("link", "set", device, "up")
    s = run_in(name, "--port", "net_tap0,iface=tap1,persist", "--port", "net_tap1,iface=tap2,persist", "--rate", "1k",
               "--dst-mac", "ff:ff:ff:ff:ff:ff", "--duration", "1")
    assert s["received"] > 0 and s["duplicates"] == 0


# Sends back what a TAP's other end gets, every second packet with a wrong bit in front of its mark.
REFLECT = """
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind((sys.argv[1], 0))
print("ready", flush=True)
n = 0
while True:
    frame, address = s.recvfrom(2048)
    if address[2] == socket.PACKET_OUTGOING or frame[12:14] != b"\\x08\\0":
        continue
    frame = bytearray(frame)
    frame[-19] ^= n % 2
    n += 1
    s.send(frame)
"""


def test_corrupted_on_the_way(netns):
    ip, name = netns
    ip("tuntap", "add", "tap1", "mode", "tap", "multi_queue")
    ip("link", "set", "tap1", "up")
    mirror = subprocess.Popen(["ip", "netns", "exec", name, sys.executable, "-c", REFLECT, "tap1"],
                              stdout=subprocess.PIPE, text=True)
    try:
        assert mirror.stdout.readline() == "ready\n"
        args = ["--port", "net_tap0,iface=tap1,persist", "--rate", "200", "--duration", "0.5"]
        result = result_in(name, *args, "--verify", "all", code=3)
        s = result["outcome"]["streams"][0]
        assert not result["good"] and result["bad_checksums"] == s["bad_checksums"]
        assert s["verified"] == s["received"] > 0
        assert abs(s["bad_checksums"] - s["received"] / 2) <= 1
        assert result_in(name, *args, code=3)["bad_checksums"] > 0
        assert result_in(name, *args, "--verify", "off", code=0)["bad_checksums"] == 0
    finally:
        mirror.kill()
        mirror.communicate()


def catches(pid, number):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"SigCgt:\t(\w+)", f.read()).group(1), 16) >> (number - 1) & 1


def test_interrupted():
    """A run that is ended early is reported, a search is not."""
    for args, code in [(["run"], 0), (["rfc2544", "--max-rate", "1k", "--min-rate", "1k", "--trial", "60"], 4)]:
        p = start(*args, "--port", "net_ring0", *EAL, "--duration", "60", "--json", "-")
        while not catches(p.pid, signal.SIGINT):
            assert p.poll() is None
            time.sleep(0.01)
        p.send_signal(signal.SIGINT)
        out, err = p.communicate(timeout=20)
        assert p.returncode == code, (out, err)
        assert code == 4 or json.loads(out)["outcome"]["seconds"] < 30


def test_intervals_begin_anew_after_a_pause():
    p = start("--port", "net_ring0", *EAL[:-1], "--json", "-", "--interval", "0.2", "--duration", "1.5")
    while " s  sent" not in p.stderr.readline():
        pass
    p.send_signal(signal.SIGSTOP)
    time.sleep(0.44)
    p.send_signal(signal.SIGCONT)
    out, _ = p.communicate(timeout=60)
    clocks = [i["clock"] for i in json.loads(out)["intervals"]]
    lengths = [b - a for a, b in zip(clocks, clocks[1:])]
    pause = next(i for i, length in enumerate(lengths) if length > 0.4)
    assert lengths[pause + 1] > 0.17  # not what was left of the one in which it ended
