# SPDX-License-Identifier: BSD-3-Clause
"""kill -9, restarts and upgrades under established connections: they don't notice, what is
forbidden never passes, and new ones work within 2 s.

    w1 w3 on h1 -- w2 on h2; everything is denied but port 8000 and echo to w1
"""

import contextlib
import os
import struct
import time

import pytest

from lab.cloud import Cloud
from lab.proc import wait_for
from lab.stream import EVERY_S
from lab.talk import Server, Talk, wait_carried

from test_fastpath import GROUPS, expect_to_go_on
from test_policy import Stream

MODES = ("up", "down", "echo", "udp")
RATE = 2 << 20
BACK_S = 2.0
# Nothing is lost while a process is away. When a data plane comes back packets wait for it in buffers
# that may overflow: no more datagrams than that, and what came in while it waited for a CPU.
LOST = 10
# Beside what the machine itself stood still.
LONGEST_GAP_S = 1.0


class Scene:
    def __init__(self, lab):
        self.cloud = Cloud(lab, ["w1", "w2", "w3"], groups=GROUPS,
                           group_of=lambda t, n: ["server" if n == "w1" else "client"])
        self.hosts, self.server = self.cloud.hosts, Server(self.cloud["w1"])

    def __enter__(self):
        """Connections that are carried, and somebody who tries what is forbidden all the time."""
        self.restore()
        self.slack = 0.0
        self.knocks = [Talk(self.cloud[c], self.server, "knock") for c in ("w2", "w3")]
        self.talks = [Talk(self.cloud[c], self.server, mode, family, rate=RATE)
                      for c, family in (("w2", 4), ("w2", 6), ("w3", 4)) for mode in MODES]
        wait_carried(self.talks)
        self.streams = [Stream(self.cloud, c, "w1") for c in ("w2", "w3")]
        return self

    def restore(self):
        """After a test that failed."""
        for h in self.hosts:
            if not h.dataplane.alive():
                h.start_dataplane()
            if not h.weftd.alive():
                h.start_weftd()
            h.wait_in_sync()
            h.wait_ports_up()

    def expect_alive(self, may_lose=0):
        expect_to_go_on(self.talks, 1.2, may_lose)

    def waited(self):
        """By process: how long each has had to wait for a CPU."""
        return {p.pid: p.waited() for h in self.hosts for p in h.processes()}

    @contextlib.contextmanager
    def returning(self, hosts):
        """Within, data planes of these hosts begin. New connections within BACK_S; established ones
        are judged again, and carried again."""
        since, before = time.monotonic(), self.waited()
        yield
        self.expect_new(since, before)
        for h in hosts:
            h.wait_in_sync()
            h.wait_ports_up()
        waited = waited_since(before, self.waited())
        self.slack += waited
        self.expect_alive(LOST + waited / EVERY_S)

    def expect_new(self, since=None, before=None):
        """New connections within BACK_S of since, or of now."""
        since, before = since or time.monotonic(), before or self.waited()
        for t in self.knocks:
            back = t.wait_progress(30)
            assert back - since < BACK_S + waited_since(before, self.waited()), (t.name, back, since)

    def __exit__(self, kind, value, trace):
        for s in self.streams:
            marks = s.stop()
            assert kind or "bad" not in marks, marks
        reports = [(t.name, t.close()) for t in self.talks]
        for t in self.knocks:
            t.close()
        if kind:
            return
        assert all(r["error"] is None for _, r in reports), reports
        limit = LONGEST_GAP_S + self.slack + self.cloud.lab.reference().stall()
        assert max(r["max_gap"] for _, r in reports) < limit, (limit, reports)


def waited_since(before, after):
    return sum(after[pid] - before.get(pid, 0) for pid in after)


@pytest.fixture(scope="module", params=["af_xdp", "veth"])
def scene(request, module_lab):
    return Scene(module_lab(uplink=request.param))


@pytest.mark.parametrize("which", [(0,), (1,), (0, 1)], ids=["server", "client", "both"])
def test_dataplane_killed(scene, which):
    hosts = [scene.hosts[i] for i in which]
    with scene:
        for _ in range(2):
            for h in hosts:
                h.kill_dataplane()
            scene.expect_alive()
            with scene.returning(hosts):
                for h in hosts:
                    h.start_dataplane(wait=False)
            wait_carried(scene.talks)


def test_weftd_killed(scene):
    """Both weftd; while they are away, and when they are back, nothing is missing."""
    with scene:
        before = [h.hits() for h in scene.hosts]
        for h in scene.hosts:
            h.kill_weftd()
        scene.expect_alive()
        scene.expect_new()
        for h in scene.hosts:
            h.start_weftd()
            h.wait_in_sync()
        scene.expect_alive()
        scene.expect_new()
        # The counters are those of the same tables.
        assert all(h.hits() > n for h, n in zip(scene.hosts, before))


def test_all_killed(scene):
    with scene:
        for h in scene.hosts:
            h.kill_weftd()
            h.kill_dataplane()
        scene.expect_alive()
        with scene.returning(scene.hosts):
            for h in scene.hosts:
                h.start_dataplane(wait=False)
                h.start_weftd(wait=False)


def other_code(path, to):
    """weftd with other programs that do the same: in each BPF object, moves of 32 bits of a constant
    that is not negative become such of 64 bits."""
    with open(path, "rb") as f:
        data = bytearray(f.read())
    n = 0
    at = data.find(b"\x7fELF\x02\x01\x01", 1)
    while at >= 0:
        machine, = struct.unpack_from("<H", data, at + 18)
        if machine == 247:
            n += patch_object(data, at)
        at = data.find(b"\x7fELF\x02\x01\x01", at + 1)
    with open(to, "wb") as f:
        f.write(data)
    os.chmod(to, 0o755)
    return n


def patch_object(data, start):
    offset, = struct.unpack_from("<Q", data, start + 40)
    size, count = struct.unpack_from("<HH", data, start + 58)
    n = 0
    for i in range(count):
        kind, flags, _, where, length = struct.unpack_from("<IQQQQ", data, start + offset + i * size + 4)
        if kind != 1 or not flags & 4:  # PROGBITS, EXECINSTR
            continue
        for at in range(start + where, start + where + length, 8):
            code, registers, off, value = struct.unpack_from("<BBhi", data, at)
            if code == 0xb4 and value >= 0 and off == 0:
                data[at] = 0xb7
                n += 1
    return n


def test_upgrade_to_other_programs(scene):
    """weftd that brings other programs replaces them under traffic."""
    lab, host = scene.cloud.lab, scene.hosts[0]
    path = os.path.join(lab.dir, "weftd-other")
    assert other_code(lab.binary("control/weftd"), path) > 3
    with scene:
        before = {p["name"]: p["id"] for p in host.rpc("stats.fastpath")["programs"]}
        for weftd in (path, None):
            host.kill_weftd()
            host.weftd_binary = weftd
            host.start_weftd()
            host.wait_in_sync()
            after = {p["name"]: p["id"] for p in host.rpc("stats.fastpath")["programs"]}
            assert set(after) == set(before) and all(after[n] != before[n] for n in after), (before, after)
            before = after
            scene.expect_alive()
            scene.expect_new()


def restart_weftd(host, *more):
    """With these arguments too, this time."""
    host.kill_weftd()
    host.weftd_args, saved = host.weftd_args + list(more), host.weftd_args
    host.start_weftd()
    host.weftd_args = saved
    host.wait_in_sync()


def carried(host):
    return [s for s in host.sessions("dport=8000") if s["offloaded"]]


def talk_to(scene):
    """Of the same host, and of the other."""
    return [Talk(scene.cloud[c], scene.server, mode) for c in ("w2", "w3") for mode in ("echo", "udp")]


def test_turned_off_and_on(scene):
    """--fast-path off takes the programs away under traffic, on puts them back; the data plane and the
    connections go on all the time. What comes before the data plane has heard of it is lost."""
    host = scene.hosts[0]
    scene.restore()
    dataplane, talks = host.dataplane.pid, talk_to(scene)
    wait_carried(talks)
    restart_weftd(host, "--fast-path", "off")
    wait_for("the data plane to carry all", lambda: not carried(host), 5)
    for t in talks:
        t.wait_progress()
    assert host.status()["fastpath"]["state"] == "off" and not carried(host)
    restart_weftd(host)
    wait_carried(talks)
    for t in talks:
        t.wait_progress()
        assert t.close()["error"] is None
    assert host.dataplane.pid == dataplane and host.dataplane.alive()
    wait_for("the ledger", lambda: scene.cloud.ledger_errors() == [], 3)


def test_off_for_a_new_dataplane(scene):
    """One that is started while the fast path is off takes it up too when it is on again."""
    host = scene.hosts[0]
    scene.restore()
    restart_weftd(host, "--fast-path", "off")
    host.kill_dataplane()
    host.start_dataplane()
    host.wait_in_sync()
    host.wait_ports_up()
    talks = talk_to(scene)
    assert not carried(host)
    restart_weftd(host)
    wait_carried(talks)
    for t in talks:
        t.wait_progress()
        assert t.close()["error"] is None
    wait_for("the ledger", lambda: scene.cloud.ledger_errors() == [], 3)


def test_room_for_another_number(scene):
    """Tables keep their size; that it is not the wanted one is told, and what to do."""
    host = scene.hosts[0]
    scene.restore()
    restart_weftd(host, "--fast-path-sessions", "2048")
    talk = Talk(scene.cloud["w2"], scene.server, "echo")
    wait_carried([talk])
    talk.close()
    status = host.status()
    assert status["fastpath"]["state"] == "on" and status["fastpath"]["sessions"]["max"] == 65536
    assert any("room for 65536 sessions, not for 2048" in w for w in status["warnings"]), status
    restart_weftd(host)
    assert not any("room for" in w for w in host.status()["warnings"])
