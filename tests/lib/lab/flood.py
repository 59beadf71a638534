#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Small UDP datagrams as fast as the kernel takes them, of sessions that were answered.

    flood.py sink PORT                       answers each sender once and reads no more
    flood.py send DST PORT SESSIONS SECONDS  64-byte frames (IPv4); prints how many were sent
"""

import ctypes
import itertools
import socket
import sys
import time

BATCH = 64
PAYLOAD = 22  # with Ethernet, IPv4 and UDP: 64 bytes


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class Msghdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint32),
                ("iov", ctypes.POINTER(Iovec)), ("iovlen", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t), ("flags", ctypes.c_int)]


class Mmsghdr(ctypes.Structure):
    _fields_ = [("hdr", Msghdr), ("len", ctypes.c_uint)]


def sink(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.bind(("", port))
    print("ready", flush=True)
    known = set()
    while True:
        data, peer = s.recvfrom(64)
        if data[:5] == b"hello":
            known.add(peer)
            s.sendto(b"hello", peer)
        else:
            time.sleep(0.05)  # the rest overflows the buffer, which costs least


def sessions(dst, port, n):
    made = []
    for _ in range(n):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect((dst, port))
        s.settimeout(0.3)
        for _ in range(10):
            s.send(b"hello")
            try:
                s.recv(64)
                break
            except socket.timeout:
                continue
        else:
            sys.exit("no answer")
        s.settimeout(None)
        made.append(s)
    return made


def send(dst, port, n, seconds):
    made = sessions(dst, port, n)
    time.sleep(0.1)  # they come into the fast path
    payload = ctypes.create_string_buffer(b"x" * PAYLOAD, PAYLOAD)
    iov = Iovec(ctypes.cast(payload, ctypes.c_void_p), PAYLOAD)
    batch = (Mmsghdr * BATCH)()
    for m in batch:
        m.hdr.iov, m.hdr.iovlen = ctypes.pointer(iov), 1
    sendmmsg = ctypes.CDLL(None).sendmmsg
    end, sent = time.monotonic() + seconds, 0
    for s in itertools.cycle(made):
        sent += max(0, sendmmsg(s.fileno(), batch, BATCH, 0))
        if time.monotonic() > end:
            break
    print(sent)


if __name__ == "__main__":
    if sys.argv[1] == "sink":
        sink(int(sys.argv[2]))
    else:
        send(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
