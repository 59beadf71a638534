# SPDX-License-Identifier: BSD-3-Clause
"""kill -9 at bad moments: whatever was acknowledged is kept, and the data plane comes to have what
weftd says should be."""

import os
import random
import shutil
import signal
import sqlite3

import pytest

from lab import wait_for

import intent
from intent import Rpc


def wait_equal(host, timeout=30):
    """In sync, and what is programmed is what is intended."""
    host.wait_in_sync(timeout)
    rpc = Rpc(host.rpc_path)
    assert intent.programmed(rpc) == intent.intended(rpc)
    rpc.close()


def start(host, lab, n_remote_ports=0):
    host.start()
    rpc = Rpc(host.rpc_path)
    rpc.call("apply", {"document": intent.document(lab.host_object(host), n_remote_ports)})
    wait_equal(host)
    return rpc


def test_weftd_killed_between_changes(host, lab):
    """Changes one after another, weftd killed again and again with one under way: each that was
    answered is there afterwards, the one that was not is there wholly or not at all."""
    rpc = start(host, lab)
    acknowledged, n = set(), 0
    for _ in range(5):
        for _ in range(random.randint(1, 20)):
            n += 1
            rpc.call("port.create", intent.remote_port(n))
            acknowledged.add(intent.mac(n))
        n += 1
        rpc.send("port.create", intent.remote_port(n))
        host.kill_weftd(signal.SIGKILL)
        rpc.close()
        host.start_weftd()
        wait_equal(host)
        rpc = Rpc(host.rpc_path)
        assert acknowledged <= intent.intended(rpc)


def test_weftd_killed_in_a_large_transaction(host, lab):
    """Thousands of objects in one transaction: all of them or none."""
    rpc = start(host, lab)
    before = intent.intended(rpc)
    full = intent.document(lab.host_object(host), 3000)
    for ticks in range(5):
        idle = cpu_ticks(host.weftd.pid)
        rpc.send("apply", {"document": full})
        wait_for("weftd to be at work", lambda: cpu_ticks(host.weftd.pid) >= idle + ticks, 5, 0)
        host.kill_weftd(signal.SIGKILL)
        rpc.close()
        host.start_weftd()
        wait_equal(host)
        rpc = Rpc(host.rpc_path)
        assert len(intent.intended(rpc)) in (len(before), 3001)
    rpc.call("apply", {"document": full})
    wait_equal(host)
    assert len(intent.intended(rpc)) == 3001


def cpu_ticks(pid):
    """Of 10 ms each."""
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def test_weftd_killed_while_comparing(host, lab):
    """The data plane is new and large tables are on their way to it when weftd is killed."""
    rpc = start(host, lab, 20000)
    rpc.close()
    for _ in range(4):
        host.kill_dataplane()
        host.start_dataplane()
        wait_for("weftd to find the data plane",
                 lambda: "connected to the data plane, pid %d" % host.dataplane.pid
                 in host.weftd.log(), 10, 0.001)
        host.kill_weftd(signal.SIGKILL)
        host.start_weftd()
        wait_equal(host)


def test_dataplane_killed_and_frozen(host, lab):
    """A data plane that dies gets everything again; one that hangs is reported, and served later."""
    rpc = start(host, lab, 500)
    for n in range(3):
        host.kill_dataplane()
        rpc.call("port.create", intent.remote_port(1000 + n))
        host.start_dataplane()
        wait_equal(host)
    host.dataplane.popen.send_signal(signal.SIGSTOP)
    rpc.call("port.create", intent.remote_port(2000))
    wait_for("the report that it does not answer",
             lambda: "not answered" in host.weftd.log(), 20)
    host.dataplane.popen.send_signal(signal.SIGCONT)
    wait_equal(host)


def test_both_killed(host, lab):
    """As after a power cut, with the store as it was at that moment."""
    rpc = start(host, lab, 200)
    rpc.call("port.create", intent.remote_port(3000))
    host.kill_weftd()
    host.kill_dataplane()
    host.start()
    wait_equal(host)
    assert intent.mac(3000) in intent.intended(Rpc(host.rpc_path))


def test_same_tables_no_transaction(host, lab):
    """A restarted weftd sends nothing: the generation stays."""
    start(host, lab, 100).close()
    before = host.status()["dataplane"]
    for sig in (signal.SIGKILL, signal.SIGTERM):
        host.kill_weftd(sig)
        host.start_weftd()
        wait_equal(host)
        after = host.status()["dataplane"]
        assert after["generation"] == before["generation"]
        assert after["last_resync_ops"] == 0


@pytest.mark.parametrize("harm", ["garbage", "truncated", "newer", "other-host"])
def test_store_refused(host, lab, harm):
    """A store that can't be used is left as it is, with a message; the data plane keeps what it
    has."""
    start(host, lab, 50).close()
    generation = host.status()["dataplane"]["generation"]
    path = host.path("weft.db")
    host.kill_weftd(signal.SIGTERM)
    good = shutil.copy(path, path + ".good")
    damage(path, harm)
    with open(path, "rb") as f:
        before = f.read()
    host.start_weftd(wait=False)
    assert host.weftd.wait(10) == 3
    assert "can't be used" in host.weftd.log()
    with open(path, "rb") as f:
        assert f.read() == before
    assert host.dataplane.alive()
    # With the good store again there is nothing to send: the data plane has what it had.
    shutil.copy(good, path)
    host.start_weftd()
    wait_equal(host)
    after = host.status()["dataplane"]
    assert (after["generation"], after["last_resync_ops"]) == (generation, 0)


def damage(path, harm):
    size = os.path.getsize(path)
    if harm == "garbage":
        with open(path, "r+b") as f:
            f.write(os.urandom(size))
    elif harm == "truncated":
        os.truncate(path, size // 2)
    else:
        db = sqlite3.connect(path)
        if harm == "newer":
            db.execute("PRAGMA user_version = 9999")
        else:
            db.execute("UPDATE meta SET value = 'elsewhere' WHERE key = 'host'")
        db.commit()
        db.close()


def test_second_weftd_refused(host, lab):
    """Two weftd on one store would each undo what the other does."""
    start(host, lab).close()
    first = host.weftd
    host.start_weftd(wait=False)
    assert host.weftd.wait(10) == 1
    assert "another weftd uses the store" in host.weftd.log()
    assert first.alive()
    host.weftd = first
    wait_equal(host)
