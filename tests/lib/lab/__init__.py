# SPDX-License-Identifier: BSD-3-Clause
"""A laboratory of simulated hosts, for end-to-end tests and the demo.

One Lab is one underlay with hosts on it; each host is a network namespace with a weftd and a
weft-dataplane of its own; tenants' machines are namespaces (container.py) and QEMU guests (vm.py).
Everything is named after the process and removed by Lab.close(), also after a failure.
"""

from .container import Container
from .flow import Flow, Receiver, Sender
from .host import Host
from .lab import Lab, LabError
from .proc import Skip, run, wait_for
from .vm import VM

__all__ = ["Container", "Flow", "Host", "Lab", "LabError", "Receiver", "Sender", "Skip", "VM", "run",
           "wait_for"]
