/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a guest that gets a frame would send back, if it takes it. Pure.
 */
#ifndef EXPLAIN_ANSWER_H
#define EXPLAIN_ANSWER_H

#include <stddef.h>
#include <stdint.h>

/* Writes the answer into buf, of PACKET_FRAME_MAX. Returns NULL, or why there is none: what the
 * frame is. TCP (RFC 9293): SYN and ACK to a SYN, ACK to the rest; ICMP queries: their reply; ARP
 * and neighbour solicitations: none, as the switch answers these; other unicast IP: back with
 * addresses and ports swapped. */
const char *answer_make(const uint8_t *frame, size_t size, uint8_t *buf, size_t *ret_size);

#endif
