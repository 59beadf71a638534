#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Conversations that go on for as long as a test wants, and when they made progress.

    stream.py serve PORT                      TCP and UDP: answers what the client asks for
    stream.py MODE DST PORT REPORT [RATE]     one conversation; rewrites REPORT until it is killed
      echo    TCP, numbers there and back     up    TCP, RATE bytes/s to the server
      udp     UDP, numbers there and back     down  TCP, RATE bytes/s from the server
      knock   a new connection of TCP every 50 ms, which has 0.5 s to come about

The report has the client's port and the times (CLOCK_MONOTONIC, one clock for all namespaces) of progress: an answer,
or bytes that arrived ("up": that were acknowledged). max_gap: the longest time without, less what
this process waited for a CPU meanwhile. lost: of UDP, numbers without an answer when one that was
sent OVERTAKEN_S later has it, so that a machine that stands still loses none; of TCP, segments that
were sent again less those that the other end then had twice (RFC 2883), which TCP sent by its own
impatience. TCP that ends says why in "error".
"""

import json
import os
import select
import socket
import struct
import sys
import threading
import time

NUMBER = struct.Struct("!Q")
EVERY_S = 0.005
OVERTAKEN_S = 0.3
BUFFER = 16 << 20  # of UDP sockets: seconds of a process that gets no CPU
SO_RCVBUFFORCE = 33
BLOCK = b"w" * 32768
RETRANSMITS_AT, TWICE_AT = 100, 216  # tcpi_total_retrans and tcpi_dsack_dups in struct tcp_info


def family_of(dst):
    return socket.AF_INET6 if ":" in dst else socket.AF_INET


class Report:
    def __init__(self, path):
        self.path = path
        self.schedstat = os.open("/proc/self/schedstat", os.O_RDONLY)
        self.waited_before = 0.0
        self.d = {"n": 0, "sent": 0, "lost": 0, "first": None, "last": None, "max_gap": 0.0,
                  "max_gap_at": None, "retransmits": 0, "error": None, "port": None}
        self.written = 0.0

    def waited(self):
        """Seconds that it could have run but had no CPU."""
        return int(os.pread(self.schedstat, 64, 0).split()[1]) / 1e9

    def progress(self, n=1):
        now, waited, d = time.monotonic(), self.waited(), self.d
        if d["first"] is None:
            d["first"] = now
        else:
            gap = now - d["last"] - (waited - self.waited_before)
            if gap > d["max_gap"]:
                d["max_gap"], d["max_gap_at"] = gap, d["last"]
        d["last"], self.waited_before = now, waited
        d["n"] += n

    def write(self, force=False):
        if not force and time.monotonic() - self.written < 0.02:
            return
        self.written = time.monotonic()
        with open(self.path + ".new", "w") as f:
            json.dump(self.d, f)
        os.rename(self.path + ".new", self.path)


def paced(send, rate, poll):
    """Sends blocks so that it comes to rate bytes/s."""
    start, sent = time.monotonic(), 0
    while True:
        ahead = sent - (time.monotonic() - start) * rate
        if ahead > 0:
            time.sleep(min(0.01, ahead / rate))
        else:
            sent += send(BLOCK)
        poll()


def serve_tcp(c):
    try:
        asked = c.recv(9, socket.MSG_WAITALL)
        if len(asked) < 9:
            return
        mode, rate = struct.unpack("!cQ", asked)
        if mode == b"d":
            paced(c.send, rate, lambda: None)
        while True:
            data = c.recv(65536)
            if not data:
                return
            if mode == b"e":
                c.sendall(data)
    except OSError:
        pass
    finally:
        c.close()


def serve_udp(s):
    while True:
        data, peer = s.recvfrom(2048)
        try:
            s.sendto(data, peer)
        except OSError:
            pass


def serve(port):
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    udp.bind(("::", port))
    threading.Thread(target=serve_udp, args=(udp,), daemon=True).start()
    listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    print("ready", flush=True)
    while True:
        c, _ = listener.accept()
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve_tcp, args=(c,), daemon=True).start()


def exchange(s, report):
    """Numbers there and back."""
    open_numbers, due, seq, left = {}, time.monotonic(), 0, b""
    newest, lost = due, set()  # when the latest was sent that has its answer
    is_udp = s.type == socket.SOCK_DGRAM
    while True:
        now = time.monotonic()
        if now >= due:
            try:
                s.send(NUMBER.pack(seq))
                open_numbers[seq] = now
                report.d["sent"] += 1
            except ConnectionRefusedError:
                pass
            seq += 1
            due += EVERY_S
        if select.select([s], [], [], max(0, due - time.monotonic()))[0]:
            try:
                data = left + s.recv(65536)
            except ConnectionRefusedError:
                continue
            if not data:
                raise ConnectionResetError("closed by the server")
            whole = len(data) // NUMBER.size * NUMBER.size
            left = data[whole:]
            for (number,) in NUMBER.iter_unpack(data[:whole]):
                at = open_numbers.pop(number, None)
                lost.discard(number)
                if at is not None:
                    newest = max(newest, at)
                    report.progress()
        for number in [n for n, at in open_numbers.items() if is_udp and newest - at > OVERTAKEN_S]:
            del open_numbers[number]
            lost.add(number)
        if is_udp:
            report.d["lost"] = len(lost)
        else:
            count_tcp(s, report.d)
        report.write()


def count_tcp(s, d):
    """Into a report: what TCP sent again, and what was lost."""
    info = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    d["retransmits"], = struct.unpack_from("I", info, RETRANSMITS_AT)
    twice, = struct.unpack_from("I", info, TWICE_AT)
    d["lost"] = max(0, d["retransmits"] - twice)


def upload(s, report, rate):
    """Progress is what the other end has acknowledged: bytes sent less those that wait."""
    sent, known = 0, 0
    s.setblocking(False)

    def send(block):
        nonlocal sent
        try:
            n = s.send(block)
        except BlockingIOError:
            time.sleep(0.001)
            return 0
        sent += n
        return n

    def poll():
        nonlocal known
        waiting = struct.unpack("i", _ioctl(s))[0]
        if sent - waiting > known:
            report.progress(sent - waiting - known)
            known = sent - waiting
        report.d["sent"] = sent
        count_tcp(s, report.d)
        report.write()
    paced(send, rate, poll)


def _ioctl(s):
    import fcntl
    return fcntl.ioctl(s, 0x5411, b"\0" * 4)  # SIOCOUTQ


def download(s, report):
    s.settimeout(0.02)
    while True:
        try:
            data = s.recv(1 << 20)
            if not data:
                raise ConnectionResetError("closed by the server")
            report.progress(len(data))
        except socket.timeout:
            pass
        report.write()


def knock(dst, port, report):
    while True:
        s = socket.socket(family_of(dst), socket.SOCK_STREAM)
        s.settimeout(0.5)
        try:
            s.connect((dst, port))
            report.progress()
        except OSError:
            report.d["lost"] += 1
        report.d["sent"] += 1
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
        report.write(force=True)
        time.sleep(0.05)


def converse(mode, dst, port, report, rate):
    s = socket.socket(family_of(dst), socket.SOCK_DGRAM if mode == "udp" else socket.SOCK_STREAM)
    if mode != "udp":
        s.settimeout(5)
    else:
        s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    s.connect((dst, port))
    report.d["port"] = s.getsockname()[1]
    s.settimeout(None)
    if mode != "udp":
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        s.sendall(struct.pack("!cQ", mode[0].encode(), rate))
    if mode == "up":
        upload(s, report, rate)
    elif mode == "down":
        download(s, report)
    else:
        exchange(s, report)


def main():
    mode, args = sys.argv[1], sys.argv[2:]
    if mode == "serve":
        serve(int(args[0]))
    report = Report(args[2])
    try:
        if mode == "knock":
            knock(args[0], int(args[1]), report)
        converse(mode, args[0], int(args[1]), report, int(args[3]) if len(args) > 3 else 0)
    except OSError as e:
        report.d["error"] = str(e)
        report.write(force=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
