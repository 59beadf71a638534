#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Allowed and forbidden packets of one protocol between two machines, and a witness of what came.

The witness listens below IP on every frame of its interface and counts packets by the mark in
their payload, so that a forbidden packet is seen whoever it is for and whether or not anybody
listens; TCP without payload is counted by its destination port.

    probe.py send MARK PROTO DST PORT [SIZE]     udp | tcp | icmp; SIZE beyond the MTU: fragments
    probe.py serve PORT                          TCP: accepts until SIGTERM
    probe.py witness REPORT TCP_PORT...          until SIGTERM; JSON in REPORT
"""

import json
import os
import signal
import socket
import struct
import sys
import time

MAGIC = b"WEFTPROBE:"


def mark_bytes(mark, size):
    """The mark again and again, so that each fragment shows it."""
    one = MAGIC + mark.encode() + b";"
    return (one * (max(size, len(one)) // len(one) + 1))[:max(size, len(one))]


def family_of(dst):
    return socket.AF_INET6 if ":" in dst else socket.AF_INET


def send_udp(mark, dst, port, size):
    s = socket.socket(family_of(dst), socket.SOCK_DGRAM)
    s.sendto(mark_bytes(mark, size), (dst, port))


def send_tcp(mark, dst, port, size):
    s = socket.socket(family_of(dst), socket.SOCK_STREAM)
    s.settimeout(1.5)
    s.connect((dst, port))
    s.sendall(mark_bytes(mark, size))
    s.shutdown(socket.SHUT_WR)
    while s.recv(65536):
        pass


def send_icmp(mark, dst, port, size):
    six = ":" in dst
    s = socket.socket(family_of(dst), socket.SOCK_DGRAM,
                      socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP)
    s.settimeout(1.5)
    s.sendto(struct.pack("!BBHHH", 128 if six else 8, 0, 0, 0, port) + mark_bytes(mark, size), (dst, 0))
    s.recv(65536)


def send(mark, proto, dst, port, size):
    """Exit code 0: sent (UDP), answered (TCP, ICMP)."""
    try:
        {"udp": send_udp, "tcp": send_tcp, "icmp": send_icmp}[proto](mark, dst, port, size)
    except OSError as e:
        print(e)
        return 1
    return 0


def serve(port):
    s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("::", port))
    s.listen(64)
    print("ready", flush=True)
    while True:
        c, _ = s.accept()
        while c.recv(65536):
            pass
        c.close()


def tcp_syn_port(frame):
    """The destination port of a SYN, or None."""
    kind = frame[12:14]
    if kind == b"\x08\x00" and frame[23] == 6:
        at = 14 + (frame[14] & 15) * 4
    elif kind == b"\x86\xdd" and frame[20] == 6:
        at = 54
    else:
        return None
    if len(frame) < at + 14 or frame[at + 13] & 0x12 != 0x02:
        return None
    return struct.unpack_from("!H", frame, at + 2)[0]


def witness(report, ports):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
    s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
    s.bind(("eth0", 0))
    s.settimeout(0.1)
    marks, syns, stop = {}, {}, []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(time.monotonic()))
    print("ready", flush=True)
    while not stop or time.monotonic() < stop[0] + 0.3:  # what came before the signal is read
        try:
            frame, address = s.recvfrom(65536)
        except socket.timeout:
            continue
        if address[2] == socket.PACKET_OUTGOING:
            continue
        at = frame.find(MAGIC)
        if at >= 0:
            mark = frame[at + len(MAGIC):].split(b";")[0].decode(errors="replace")
            marks[mark] = marks.get(mark, 0) + 1
        port = tcp_syn_port(frame)
        if port in ports:
            syns[str(port)] = syns.get(str(port), 0) + 1
    with open(report + ".new", "w") as f:
        json.dump({"marks": marks, "syns": syns}, f)
    os.rename(report + ".new", report)


def main():
    what, args = sys.argv[1], sys.argv[2:]
    if what == "send":
        size = int(args[4]) if len(args) > 4 else 64
        sys.exit(send(args[0], args[1], args[2], int(args[3]), size))
    if what == "serve":
        serve(int(args[0]))
    witness(args[0], [int(p) for p in args[1:]])


if __name__ == "__main__":
    main()
