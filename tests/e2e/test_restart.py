# SPDX-License-Identifier: BSD-3-Clause
"""Restarts and churn under traffic: what may be killed, and what that may cost.

    red and blue: c1 @ h1 -- c2 @ h2, and a guest v1 @ h1
"""

import signal

import pytest

from lab import Flow, wait_for
from lab.topology import Scene


@pytest.fixture(scope="module")
def scene(module_lab):
    return Scene(module_lab(), tenants=("red", "blue"), containers=("c1", "c2"))


def flows(scene, **kw):
    return {t: Flow(scene[t, "c1"], scene[t, "c2"], t, **kw) for t in scene.tenants}


def packets_at(host, name):
    return host.stats()[name]["tx_packets"]


def wait_traffic(scene):
    start = packets_at(scene.h2, "red/c2")
    wait_for("traffic", lambda: packets_at(scene.h2, "red/c2") > start + 50)


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP],
                         ids=["kill", "term", "stop"])
def test_weftd_may_die_or_hang(scene, sig):
    """Killing, stopping or freezing weftd loses no packet, and it finds its data plane again."""
    running = flows(scene, pps=2000, seconds=3)
    wait_traffic(scene)
    if sig == signal.SIGSTOP:
        scene.h1.weftd.popen.send_signal(signal.SIGSTOP)
        wait_for("traffic past a frozen weftd", lambda: not running["red"].sender.running(), 10)
        scene.h1.weftd.popen.send_signal(signal.SIGCONT)
    else:
        scene.h1.kill_weftd(sig)
        scene.h1.start_weftd()
    scene.h1.wait_in_sync()
    for tenant, flow in running.items():
        counts = flow.finish()
        assert counts["lost_of_sent"] == 0, (tenant, counts)
        assert counts["foreign"] == {} and counts["duplicates"] == 0


def test_weftd_restart_changes_nothing(scene):
    """A restarted weftd compares and finds nothing to send: the generation stays."""
    before = scene.h1.status()["dataplane"]["generation"]
    scene.h1.kill_weftd()
    scene.h1.start_weftd()
    scene.h1.wait_in_sync()
    assert scene.h1.status()["dataplane"]["generation"] == before


def test_dataplane_kill_returns_within_2_s(scene):
    """kill -9 of the data plane: traffic returns by itself and never reaches another tenant."""
    running = flows(scene, pps=1000, seconds=6)
    wait_traffic(scene)
    scene.h1.kill_dataplane()
    scene.h1.start_dataplane()
    scene.h1.wait_in_sync()
    for tenant, flow in running.items():
        counts = flow.finish()
        assert counts["foreign"] == {}
        assert counts["last"] >= counts["sent"] - 5, "traffic did not return: %s" % counts
        assert counts["max_gap_ms"] < 2000, counts


def test_port_churn_disturbs_nobody(scene):
    """Ports come and go under traffic; the others lose nothing."""
    running = flows(scene, pps=2000, seconds=4)
    wait_traffic(scene)
    for _ in range(10):
        scene.h1.weft("port", "create", "red/c3", "segment=red/lan", "host=h1",
                      "mac=52:54:00:00:00:13", "addresses=10.0.0.13", "kind=vhost-user",
                      "device=" + scene.h1.path("churn.sock"))
        scene.h1.weft("port", "delete", "red/c3")
    for tenant, flow in running.items():
        counts = flow.finish()
        assert counts["lost_of_sent"] == 0, (tenant, counts)


def test_deleted_veth_harms_no_other_port(scene):
    running = flows(scene, pps=2000, seconds=4)
    wait_traffic(scene)
    extra = scene.lab.container(scene.h1, "red-x", mac="52:54:00:00:00:0d",
                                addresses=["10.0.0.13/24"], device="red-x")
    scene.h1.weft("port", "create", "red/x", "segment=red/lan", "host=h1",
                  "mac=52:54:00:00:00:0d", "addresses=10.0.0.13", "kind=veth", "device=red-x")
    scene.h1.wait_ports_up("red/x")
    extra.close()
    scene.lab.machines.remove(extra)
    wait_for("the port to be missing", lambda: "missing" in [
        p["state"] for p in scene.h1.status()["ports"] if p["name"] == "red/x"])
    scene.h1.weft("port", "delete", "red/x")
    for tenant, flow in running.items():
        assert flow.finish()["lost_of_sent"] == 0, tenant


def test_fresh_start_before_weftd_passes_nothing(scene):
    """A data plane that nobody has programmed forwards nothing."""
    scene.h1.kill_weftd()
    scene.h1.kill_dataplane()
    scene.h1.start_dataplane()
    assert not scene["red", "c1"].ping(scene["red", "c2"].ip(4), timeout=0.3)
    scene.h1.start_weftd()
    scene.h1.wait_in_sync()
    scene.h1.wait_ports_up()
    wait_for("traffic again", lambda: scene["red", "c1"].ping(scene["red", "c2"].ip(4)))
