/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A histogram of high dynamic range, log-linear: values up to 2^9 - 1 have a bucket each, above
 * that every power of two is cut into 2^8 buckets. What it says of a value is at most 1/256 (0.4 %)
 * above it and never below. Units are the caller's. One thread writes; readers see each count
 * whole.
 */
#ifndef PKTGEN_HDR_H
#define PKTGEN_HDR_H

#include <stdint.h>

#define HDR_SUB_BITS  8
#define HDR_VALUE_MAX ((1ull << 40) - 1) /* larger values count as this one */
#define HDR_BUCKETS   ((40 - HDR_SUB_BITS + 1) << HDR_SUB_BITS)

struct hdr {
	uint64_t count;
	uint64_t max;
	uint64_t sum;
	uint64_t buckets[HDR_BUCKETS];
};

/* The bucket of a value of at most HDR_VALUE_MAX. */
static inline uint32_t hdr_index(uint64_t value)
{
	uint32_t shift = 63 - __builtin_clzll(value | 1);

	shift = shift > HDR_SUB_BITS ? shift - HDR_SUB_BITS : 0;
	return (shift << HDR_SUB_BITS) + (value >> shift);
}

static inline void hdr_add(struct hdr *h, uint64_t value)
{
	if (value > HDR_VALUE_MAX)
		value = HDR_VALUE_MAX;
	h->buckets[hdr_index(value)]++;
	h->count++;
	h->sum += value;
	if (value > h->max)
		h->max = value;
}

void hdr_clear(struct hdr *h);
/* Adds from's counts to h. */
void hdr_merge(struct hdr *h, const struct hdr *from);
/* The value that a share q (0..1) of all values does not exceed, by the nearest-rank definition;
 * 0 when there are none. Never more than the greatest value that was added. */
uint64_t hdr_quantile(const struct hdr *h, double q);
double hdr_mean(const struct hdr *h);

#endif
