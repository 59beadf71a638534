# SPDX-License-Identifier: BSD-3-Clause
"""Nothing too big vanishes silently: the sender is told, or the packet is fragmented.

    c1 @ h1 -- underlay 1500 -- c2 @ h2; machines believe in 1500, 1450 (1430) fits
"""

import itertools

import pytest

from lab.iperf import tcp
from lab.topology import Scene


@pytest.fixture(scope="module", params=[4, 6], ids=["underlay4", "underlay6"])
def scene(request, module_lab):
    s = Scene(module_lab(family=request.param), machine_mtu=1500)
    s.fits = 1450 if request.param == 4 else 1430
    return s


def header(family):
    return 28 if family == 4 else 48


@pytest.mark.parametrize("family", [4, 6])
def test_sender_is_told_the_right_mtu(scene, family):
    out = scene["c1"].run("ping", "-n", "-c", 2, "-i", "0.1", "-W", 1, "-M", "do",
                          "-s", scene.fits - header(family) + 1, scene["c2"].ip(family), check=False)
    route = scene["c1"].run("ip", "route", "get", scene["c2"].ip(family))
    assert "mtu %d" % scene.fits in route, out + route


def test_ipv4_without_df_is_fragmented(scene):
    out = scene["c1"].run("ping", "-n", "-c", 2, "-i", "0.1", "-W", 1, "-M", "dont", "-s", 1472,
                          scene["c2"].ip(4), check=False)
    assert " 2 received" in out, out


@pytest.mark.parametrize("family,reverse", itertools.product((4, 6), (False, True)))
def test_tcp_finds_its_size(scene, family, reverse):
    gbits, _ = tcp(scene["c1"], scene["c2"], seconds=1, family=family, reverse=reverse)
    assert gbits > 0.02
