/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which flow the next packet belongs to, and what of the headers is the flow's. Flows count through
 * source ports, destination ports, source addresses, destination addresses, VNIs, in this order.
 * Deterministic by the seed. One thread; flow_next does not allocate.
 */
#ifndef PKTGEN_FLOW_H
#define PKTGEN_FLOW_H

#include <assert.h>
#include <stdint.h>

#include "headers.h"
#include "profile.h"

/* Network byte order; half a cache line. */
struct flow_fields {
	uint32_t src_ip, dst_ip; /* the last 4 bytes */
	uint16_t src_port, dst_port;
	uint16_t ip_sum, l4_sum; /* sums of these fields, memory order, folded */
	uint32_t src_mac, dst_mac;
	uint32_t vni; /* << 8 */
	uint32_t outer_src_ip;
};
static_assert(sizeof(struct flow_fields) == 32, "two in a cache line");

struct flow_alias {
	uint32_t keep; /* share of 2^32 of this place that is this flow's */
	uint32_t other;
};

enum flow_digit {
	DIGIT_SRC_PORT,
	DIGIT_DST_PORT,
	DIGIT_SRC_IP,
	DIGIT_DST_IP,
	DIGIT_VNI,
	N_DIGITS
};

struct flow_gen {
	uint32_t order; /* enum stream_order */
	uint32_t n;
	uint32_t at;
	uint64_t random;
	struct flow_fields *table;
	struct flow_alias *alias; /* zipf */
	struct stream_spec spec;
	uint32_t counts[N_DIGITS];
	uint32_t digits[N_DIGITS]; /* of the next new flow */
};

/* Returns 0 or -ENOMEM. s: checked. */
int flow_init(struct flow_gen *g, const struct stream_spec *s, uint64_t seed);
void flow_fini(struct flow_gen *g);
/* Begins from the start: the same flows again. */
void flow_restart(struct flow_gen *g, uint64_t seed);

/* The fields of flow i, by division: for set-up. */
void flow_fields_of(const struct flow_gen *g, uint64_t i, struct flow_fields *ret);

/* Fills ret with the flows of the next n packets. Pointers of new flows point into space, which
 * holds n; others into the table. */
void flow_next(
	struct flow_gen *g, const struct flow_fields **ret, struct flow_fields *space, uint32_t n);

#endif
