# SPDX-License-Identifier: BSD-3-Clause
"""Guests: ring layouts, queues, offloads, server mode, and what they survive.

    v1 @ h1 -- underlay -- c2 @ h2
"""

import signal

import pytest

from lab import wait_for
from lab.iperf import tcp_from_vm
from lab.topology import Scene, addresses, mac


@pytest.fixture(scope="module")
def scene(module_lab):
    return Scene(module_lab(), containers=("c1", "c2"), vms=("v1",))


VARIANTS = {
    "packed": dict(net_options=",packed=on"),
    "no-mergeable": dict(net_options=",mrg_rxbuf=off"),
    "two-queues": dict(queues=2),
    "switch-listens": dict(qemu_server=False),
    "no-offloads": dict(net_options=",csum=off,gso=off,guest_csum=off,guest_tso4=off,guest_tso6=off"),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_ring_variants(scene, variant):
    kw = VARIANTS[variant]
    path = scene.h2.path("variant-%s.sock" % variant)
    server = kw.get("qemu_server", True)
    scene.h2.weft("port", "create", "red/v2", "segment=red/lan", "host=h2", "mac=" + mac("v2"),
                  "addresses=10.0.0.22,fd00:10::22", "kind=vhost-user", "device=" + path,
                  "queues=%d" % kw.get("queues", 1), *([] if server else ["server=true"]))
    scene.h1.weft("port", "create", "red/v2", "segment=red/lan", "host=h2", "mac=" + mac("v2"),
                  "addresses=10.0.0.22,fd00:10::22", "kind=vhost-user", "device=" + path)
    vm = scene.lab.vm(scene.h2, variant, mac=mac("v2"), addresses=addresses("v2"), device=path,
                      mtu=scene.mtu, **kw)
    try:
        vm.boot()
        for family in (4, 6):
            assert vm.ping(scene["c1"].ip(family), count=3, timeout=3)
            assert vm.ping(scene["c2"].ip(family), size=1300, timeout=3)
        gbits, _ = tcp_from_vm(vm, scene["c1"], seconds=1)
        assert gbits > 0.02
        gbits, _ = tcp_from_vm(vm, scene["c1"], seconds=1, reverse=True)
        assert gbits > 0.02
    finally:
        vm.close()
        for h in scene.hosts:
            h.weft("port", "delete", "red/v2")


def test_guest_survives_kill_of_the_dataplane(scene):
    """kill -9 of the data plane: the guest pings on within 2 s without doing anything."""
    vm, target = scene["v1"], scene["c2"].ip(4)
    assert vm.ping(target, timeout=3)
    vm.start("ping -i 0.1 -c 60 -W 1 %s" % target)
    wait_for("pings", lambda: scene.h1.stats()["red/v1"]["rx_packets"] > 5)
    scene.h1.kill_dataplane()
    scene.h1.start_dataplane()
    out = vm.finish(check=False, timeout=60)
    seen = sorted(int(line.split("seq=")[1].split()[0]) for line in out.splitlines() if "seq=" in line)
    assert seen and seen[-1] >= 55, out
    longest = max(b - a for a, b in zip(seen, seen[1:]))
    assert longest * 0.1 < 2.0, "a gap of %.1f s" % (longest * 0.1)


def test_dead_guest_harms_no_other(scene):
    """kill -9 of QEMU in the middle of traffic; a new guest on the same port works."""
    path = scene.h1.path("doomed.sock")
    args = ["segment=red/lan", "host=h1", "mac=52:54:00:00:00:17", "addresses=10.0.0.23",
            "kind=vhost-user", "device=" + path]
    for h in scene.hosts:
        h.weft("port", "create", "red/v3", *args)
    for _ in range(2):
        vm = scene.lab.vm(scene.h1, "doomed", mac="52:54:00:00:00:17",
                          addresses=["10.0.0.23/24"], device=path, mtu=scene.mtu)
        vm.boot()
        assert vm.ping(scene["c2"].ip(4), timeout=3)
        vm.start("ping -q -i 0.001 -s 1000 -c 100000 %s" % scene["c2"].ip(4))
        wait_for("a flood", lambda: scene.h1.stats()["red/v3"]["rx_packets"] > 50)
        vm.process.kill(signal.SIGKILL)
        vm.close()
        assert scene["c1"].ping(scene["c2"].ip(4), count=5)
        scene.lab.machines.remove(vm)
    for h in scene.hosts:
        h.weft("port", "delete", "red/v3")
