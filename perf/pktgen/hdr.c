/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>
#include <string.h>

#include "hdr.h"

void hdr_clear(struct hdr *h)
{
	memset(h, 0, sizeof(*h));
}

void hdr_merge(struct hdr *h, const struct hdr *from)
{
	for (uint32_t i = 0; i < HDR_BUCKETS; i++)
		h->buckets[i] += from->buckets[i];
	h->count += from->count;
	h->sum += from->sum;
	if (from->max > h->max)
		h->max = from->max;
}

/* The greatest value that falls into a bucket. */
static uint64_t hdr_highest(uint32_t index)
{
	uint32_t shift = index >> HDR_SUB_BITS;

	shift = shift > 0 ? shift - 1 : 0;
	return (((uint64_t)(index - (shift << HDR_SUB_BITS)) + 1) << shift) - 1;
}

uint64_t hdr_quantile(const struct hdr *h, double q)
{
	uint64_t rank = ceil(q * h->count), seen = 0, value;

	if (h->count == 0)
		return 0;
	if (rank == 0)
		rank = 1;
	for (uint32_t i = 0; i < HDR_BUCKETS; i++) {
		seen += h->buckets[i];
		if (seen >= rank) {
			value = hdr_highest(i);
			return value < h->max ? value : h->max;
		}
	}
	return h->max;
}

double hdr_mean(const struct hdr *h)
{
	return h->count == 0 ? 0 : (double)h->sum / h->count;
}
