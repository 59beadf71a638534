/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why a packet was dropped: the one list, for the DPDK data plane, BPF, traces and the CLI.
 *
 * Numbers are never reused; a retired one stays in the list with its name. Zero is never a
 * reason. X(number, IDENTIFIER, "name on every surface", "what it means, for people").
 * Free of DPDK and of libc, so that BPF may include it.
 */
#ifndef WEFT_DROP_REASON_H
#define WEFT_DROP_REASON_H

#define WEFT_DROP_REASONS(X)                                                                       \
	/* the frame itself */                                                                     \
	X(1, TRUNCATED, "truncated", "headers or stated lengths go beyond the bytes received")     \
	X(2, BAD_IP_HEADER, "bad-ip-header", "IP version, header length or total length is wrong") \
	X(3, BAD_IP_CHECKSUM, "bad-ip-checksum", "IPv4 header checksum is wrong")                  \
	X(4, BAD_L4_HEADER, "bad-l4-header", "TCP or UDP header or length is wrong")               \
	X(5, HEADER_CHAIN, "header-chain", "IPv6 extension header chain is too long or malformed") \
	X(6, BAD_SOURCE_MAC, "bad-source-mac", "source MAC is zero or a group address")            \
	X(7, VLAN, "vlan", "VLAN tag on a port or segment that does not take tags")                \
	X(8, BAD_OFFLOAD, "bad-offload", "offload metadata from the guest does not fit the frame") \
	X(9, FRAME_TOO_SHORT, "frame-too-short", "shorter than an Ethernet header")                \
	/* tunnel, receiving */                                                                    \
	X(16, NOT_VXLAN, "not-vxlan", "uplink frame that is not VXLAN for this host")              \
	X(17, BAD_VXLAN, "bad-vxlan", "VXLAN header without a valid VNI flag")                     \
	X(18, UNKNOWN_VTEP, "unknown-vtep", "VXLAN from a VTEP that is not known to this segment") \
	X(19, UNKNOWN_VNI, "unknown-vni", "VXLAN with a VNI that this host does not have")         \
	X(20, BAD_OUTER_CHECKSUM, "bad-outer-checksum", "outer UDP or IP checksum is wrong")       \
	X(21, ECN_DECAP, "ecn-decap", "outer CE on a not-ECN-capable inner packet (RFC 6040)")     \
	X(22, OUTER_FRAGMENT, "outer-fragment", "fragmented VXLAN packet (RFC 7348 section 4.3)")  \
	/* tunnel, sending */                                                                      \
	X(32, VTEP_UNRESOLVED, "vtep-unresolved", "no route or neighbour for the remote VTEP yet") \
	X(33, TOO_BIG, "too-big", "larger than the path allows; the sender was told by ICMP")      \
	X(34, NO_UPLINK, "no-uplink", "the uplink is down or missing")                             \
	/* policy of the port */                                                                   \
	X(48, SPOOFED_MAC, "spoofed-mac", "source MAC is not the port's")                          \
	X(49, SPOOFED_ADDR, "spoofed-addr", "source address is not one of the port's")             \
	X(50, SPOOFED_ARP, "spoofed-arp", "ARP or ND sender fields are not the port's")            \
	/* forwarding */                                                                           \
	X(64, NO_SEGMENT, "no-segment", "the port belongs to no segment")                          \
	X(65, UNKNOWN_UNICAST, "unknown-unicast", "destination MAC is not known, flooding is off") \
	X(66, SAME_PORT, "same-port", "destination is the port or VTEP that it came from")         \
	X(67, RESERVED_MAC, "reserved-mac", "link-local multicast that bridges do not forward")    \
	X(68, FLOOD_LIMIT, "flood-limit", "the port's quota of flooded packets is used up")        \
	X(69, NO_MEMBERS, "no-members", "flooded packet with no other member to go to")            \
	/* routing */                                                                              \
	X(70, NO_ROUTE, "no-route", "the router has no route to the destination")                  \
	X(71, BLACKHOLE, "blackhole", "the route says to drop")                                    \
	X(72, NO_NEIGHBOUR, "no-neighbour", "no port has the next hop's address")                  \
	X(73, TTL_EXPIRED, "ttl-expired", "TTL or hop limit is used up; the sender was told")      \
	X(74, NOT_ROUTABLE, "not-routable", "sent to the gateway, but nothing that routers pass")  \
	X(75, L3_ONLY, "l3-only", "the segment passes routed unicast only")                        \
	X(76, ROUTE_LOOP, "route-loop", "routers lead to each other in a circle")                  \
	/* resources and ports */                                                                  \
	X(80, NO_MBUF, "no-mbuf", "no packet buffer left")                                         \
	X(81, PORT_DOWN, "port-down", "the output port is down or its device is missing")          \
	X(82, TX_FULL, "tx-full", "the output port's queue is full")                               \
	X(83, TX_ERROR, "tx-error", "the output device refused the frame")                         \
	X(84, RX_ERROR, "rx-error", "the input device delivered a broken descriptor")              \
	X(85, TX_TOO_LONG, "tx-too-long", "frame is longer than the output port's MTU")            \
	/* policy */                                                                               \
	X(96, POLICY_EGRESS, "policy-egress", "no rule of the sending port allows it")             \
	X(97, POLICY_INGRESS, "policy-ingress", "no rule of the receiving port allows it")         \
	X(98, POLICY_REJECT, "policy-reject", "a rule rejects it; the sender was told")            \
	X(99, ROGUE_SERVER, "rogue-server", "DHCP or router advertisement sent by a tenant")       \
	/* sessions */                                                                             \
	X(112, SESSION_TABLE_FULL, "session-table-full", "no room for another session")            \
	X(113, SESSION_PORT_LIMIT, "session-port-limit", "the port has all sessions it may have")  \
	X(114, SESSION_TENANT_LIMIT, "session-tenant-limit", "the tenant has all it may have")     \
	X(115, SESSION_RATE, "session-rate", "more new sessions per second than the port may")     \
	X(116, HALF_OPEN_LIMIT, "half-open-limit", "too many sessions not answered yet")           \
	X(117, SLOW_PATH_LIMIT, "slow-path-limit", "more packets without a session than allowed")  \
	X(118, TCP_FLAGS, "tcp-flags", "TCP flags that no state allows")                           \
	X(119, TCP_WINDOW, "tcp-window", "TCP segment outside the window")                         \
	X(120, TCP_STATE, "tcp-state", "TCP segment that begins nothing and belongs to nothing")   \
	X(121, ICMP_UNRELATED, "icmp-unrelated", "ICMP error about no session, or a lone reply")   \
	X(122, FRAGMENT_OVERLAP, "fragment-overlap", "fragment that overlaps another (RFC 5722)")  \
	X(123, FRAGMENT_LIMIT, "fragment-limit", "no room to keep fragments without their first")  \
	X(124, FRAGMENT_TIMEOUT, "fragment-timeout", "fragments whose first one never came")       \
	X(125, FRAGMENT_REFUSED, "fragment-refused", "its first fragment was refused")             \
	/* local services */                                                                       \
	X(128, SERVICE_LIMIT, "service-limit", "more requests to local services than allowed")     \
	X(129, SERVICE_REQUEST, "service-request", "malformed or not for this service")            \
	X(130, SERVICE_ABSENT, "service-absent", "nobody answers this service here")               \
	X(131, SERVICE_TAKEN, "service-taken", "taken by a service and in need of no answer")

enum weft_drop {
#define WEFT_DROP_ENUM(number, id, name, help) WEFT_DROP_##id = number,
	WEFT_DROP_REASONS(WEFT_DROP_ENUM)
#undef WEFT_DROP_ENUM
	WEFT_DROP_MAX = 144 /* counters are arrays of this size */
};

/* The name of a reason, or NULL when the number is not in the list. */
const char *weft_drop_name(unsigned int reason);
const char *weft_drop_help(unsigned int reason);

#endif
