# SPDX-License-Identifier: BSD-3-Clause
"""BPF programs on other kernels than the one underneath: tests/bpf in a guest with each of them."""

import glob
import os
import shutil

import pytest

from lab import Skip
from lab.guest import IMAGE, Guest, initrd_with

KERNELS = ("6.1", "6.12")
TOOLS = ("ip", "ethtool")
FRAMES = 5000  # of random tests, of which the build machine runs more
# They run the data plane beside the programs, which needs more memory than a guest has.
NOT_HERE = ("differential", "revoke", "cases")


@pytest.mark.parametrize("kernel", KERNELS)
def test_programs_load_and_decide(make_lab, kernel):
    lab = make_lab()
    if not os.path.exists("%s/vmlinuz-%s" % (IMAGE, kernel)):
        raise Skip("there is no kernel %s (tools/setup)" % kernel)
    programs = sorted(p for p in glob.glob(os.path.join(lab.build, "tests/bpf/test_*"))
                      if os.path.isfile(p) and not p.endswith(NOT_HERE))
    guest = Guest(lab, os.path.join(lab.dir, "guest"), kernel="vmlinuz-" + kernel, memory=256,
                  initrd=initrd_with([*programs, *map(shutil.which, TOOLS)], lab.dir))
    lab.machines.append(guest)
    guest.boot()
    assert guest.run("uname -r").startswith(kernel + ".")
    failed = {}
    for p in programs:
        out = guest.run("PATH=/test:$PATH WEFT_TEST_FRAMES=%d %s 2>&1; echo code=$?" % (
            FRAMES, os.path.basename(p)), timeout=240)
        print(out)
        if "code=0" not in out:
            failed[os.path.basename(p)] = out[-3000:]
    assert not failed, "\n".join("%s:\n%s" % i for i in failed.items())
