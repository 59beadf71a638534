# SPDX-License-Identifier: BSD-3-Clause
"""Single frames of a case's traffic, byte by byte, for the generator of ports in the kernel."""

import ipaddress
import struct

from . import traffic

OUTER = 50  # of VXLAN over IPv4, with its Ethernet header
UDP_PORT_AT = {"src": 34, "dst": 36}


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def ones_complement(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ipv4_udp(src_mac, dst_mac, src_ip, dst_ip, src_port, dst_port, payload):
    """Without UDP checksum, since a port varies."""
    udp = struct.pack("!4H", src_port, dst_port, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0x4000, 64, 17, 0,
                       ipaddress.ip_address(src_ip).packed, ipaddress.ip_address(dst_ip).packed)
    head = head[:10] + struct.pack("!H", ones_complement(head)) + head[12:]
    return mac(dst_mac) + mac(src_mac) + b"\x08\x00" + head + udp


def plain(stream, size):
    """A stream of traffic.py as its first frame; size: without FCS."""
    return ipv4_udp(stream["src_mac"], stream["dst_mac"], stream["src_ip"], stream["dst_ip"], stream["src_port"],
                    stream["dst_port"], bytes(size - 42))


def vxlan(frame, stream, vni):
    head = struct.pack("!II", 0x08000000, vni << 8)
    return ipv4_udp(stream["outer_src_mac"], stream["outer_dst_mac"], stream["outer_src_ip"], stream["outer_dst_ip"],
                    50000, 4789, head + frame)


def sources(case, is_plain):
    """(frame, where its varying port is) out of the machine, and towards it."""
    out, back = traffic.out_stream(case), traffic.in_stream(case)
    frames = plain(out, case.size), plain(back, case.size)
    if is_plain:
        return (frames[0], UDP_PORT_AT["src"]), (frames[1], UDP_PORT_AT["dst"])
    return (frames[0], UDP_PORT_AT["src"]), (vxlan(frames[1], back, traffic.VNI), OUTER + UDP_PORT_AT["dst"])
