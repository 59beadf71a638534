/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether the checksums of a received frame are right: IPv4 header, UDP, TCP, ICMP and ICMPv6, in
 * a VXLAN tunnel those of both packets. Outside, UDP may have none (RFC 6935); inside it must have
 * one, since all that is sent has. What is not understood is not judged: other protocols,
 * fragments, IPv6 extension headers. Lengths that contradict each other are as bad as a wrong sum.
 */
#ifndef PKTGEN_VERIFY_H
#define PKTGEN_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

/* Of how many marked packets one is looked at by default. */
#define VERIFY_SAMPLE_EACH 256
/* So few at once mean that there is time left: one of them is looked at, whatever was before. */
#define VERIFY_SAMPLE_FEW 4

/* X(IDENTIFIER, "name") */
#define VERIFY_MODES(X)                                                                            \
	X(SAMPLE, "sample")                                                                        \
	X(ALL, "all")                                                                              \
	X(OFF, "off")

enum verify_mode {
#define VERIFY_ENUM(id, name) VERIFY_##id,
	VERIFY_MODES(VERIFY_ENUM)
#undef VERIFY_ENUM
	N_VERIFY_MODES
};
extern const char *const verify_mode_names[N_VERIFY_MODES];

/* False: a checksum is wrong. p may hold anything. */
bool verify_frame(const uint8_t *p, uint32_t size);
/* The same for a packet of any number of segments; what a device has vouched for is not judged. */
bool verify_packet(const struct rte_mbuf *m);

#endif
