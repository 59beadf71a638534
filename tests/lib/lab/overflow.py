# SPDX-License-Identifier: BSD-3-Clause
"""What queues of the machine lose when it is busy, which is none of Weft's programs' doing: the
backlog of a CPU, the far end of a virtual link, a socket's buffer."""

DEV_FIELDS, TX_DROP = 17, 12  # of a line in /proc/net/dev, the name included


def softnet_drops():
    with open("/proc/net/softnet_stat") as f:
        return sum(int(line.split()[1], 16) for line in f)


def links_and_sockets(text):
    """text: /proc/net/dev, snmp and snmp6 of a namespace."""
    n, fields = 0, []
    for words in map(str.split, text.splitlines()):
        if len(words) == DEV_FIELDS and words[TX_DROP].isdigit():
            n += int(words[TX_DROP])
        elif words[0] == "Udp6RcvbufErrors":
            n += int(words[1])
        elif words[0] == "Udp:" and words[1].isdigit():
            n += int(words[fields.index("RcvbufErrors")])
        elif words[0] == "Udp:":
            fields = words
    return n


def overflows(lab):
    """So far; of all CPUs, and of the laboratory's namespaces."""
    spaces = [lab.underlay, *(h.ns for h in lab.hosts), *(m.ns for m in lab.machines if hasattr(m, "ns"))]
    return softnet_drops() + sum(links_and_sockets(
        ns.run("cat", "/proc/net/dev", "/proc/net/snmp", "/proc/net/snmp6")) for ns in spaces)
