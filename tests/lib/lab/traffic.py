#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Marked traffic: a sender and a receiver that count loss, gaps and frames of other tenants.

Every datagram carries a tenant mark and a sequence number. The receiver listens below IP on every
frame of its interface, so that a frame of another tenant is seen whatever its addresses.

    traffic.py send MARK DST PORT PPS SECONDS [SIZE]
    traffic.py receive MARK PORT SECONDS|0 REPORT    (0: until SIGTERM; REPORT: a file for JSON)
"""

import json
import os
import signal
import socket
import struct
import sys
import time

MAGIC = b"WEFTMARK"
HEADER = struct.Struct("!8s16sQ")
PORT = 9000


def send(mark, dst, port, pps, seconds, size=64):
    family = socket.AF_INET6 if ":" in dst else socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    s.connect((dst, port))
    name = mark.encode().ljust(16, b"\0")
    pad = b"\0" * max(0, size - HEADER.size)
    start, sent, seq = time.monotonic(), 0, 0
    total = int(pps * seconds)
    while seq < total:
        due = min(total, int((time.monotonic() - start) * pps) + 1)
        while seq < due:
            try:
                s.send(HEADER.pack(MAGIC, name, seq) + pad)
                sent += 1
            except (BlockingIOError, ConnectionRefusedError, OSError):
                pass  # the gap shows at the receiver
            seq += 1
        time.sleep(0.0005)
    print(json.dumps({"sent": sent}))


class Receiver:
    def __init__(self, mark):
        self.mark = mark.encode()
        self.seen, self.first, self.last = set(), None, None
        self.duplicates, self.foreign = 0, {}
        self.last_time, self.max_gap, self.max_gap_at = None, 0.0, None

    def frame(self, data, now):
        at = data.find(MAGIC)
        while at >= 0 and at + HEADER.size <= len(data):
            _, name, seq = HEADER.unpack_from(data, at)
            name = name.rstrip(b"\0")
            if name != self.mark:
                key = name.decode(errors="replace")
                self.foreign[key] = self.foreign.get(key, 0) + 1
            else:
                self.own(seq, now)
            at = data.find(MAGIC, at + HEADER.size)

    def own(self, seq, now):
        if seq in self.seen:
            self.duplicates += 1
            return
        self.seen.add(seq)
        self.first = seq if self.first is None else min(self.first, seq)
        self.last = seq if self.last is None else max(self.last, seq)
        if self.last_time is not None and now - self.last_time > self.max_gap:
            self.max_gap, self.max_gap_at = now - self.last_time, seq
        self.last_time = now

    def report(self, dropped):
        n = len(self.seen)
        span = 0 if self.first is None else self.last - self.first + 1
        return {"received": n, "lost": span - n, "duplicates": self.duplicates,
                "foreign": self.foreign, "max_gap_ms": round(self.max_gap * 1000, 2),
                "max_gap_at": self.max_gap_at, "first": self.first, "last": self.last,
                "socket_drops": dropped}


def receive(mark, port, seconds, report_path):
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
    raw.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
    raw.bind(("eth0", 0))
    sink = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)  # so that no ICMP error is sent
    sink.bind(("::", port))
    sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    r = Receiver(mark)
    end = time.monotonic() + seconds if seconds else None
    raw.settimeout(0.05)
    with open(report_path + ".ready", "w"):
        pass
    while end is None or time.monotonic() < end:
        try:
            data, address = raw.recvfrom(65536)
        except socket.timeout:
            if stop:  # only once all that had arrived was read
                break
            continue
        if address[2] != socket.PACKET_OUTGOING:
            r.frame(data, time.monotonic())
    drops = struct.unpack("II", raw.getsockopt(263, 6, 8))[1]  # SOL_PACKET, PACKET_STATISTICS
    with open(report_path + ".new", "w") as f:
        json.dump(r.report(drops), f)
    os.rename(report_path + ".new", report_path)


def main():
    what, args = sys.argv[1], sys.argv[2:]
    if what == "send":
        send(args[0], args[1], int(args[2]), float(args[3]), float(args[4]), *map(int, args[5:]))
    else:
        receive(args[0], int(args[1]), float(args[2]), args[3])


if __name__ == "__main__":
    main()
