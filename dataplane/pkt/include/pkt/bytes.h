/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading bytes of a packet at any alignment.
 */
#ifndef PKT_BYTES_H
#define PKT_BYTES_H

#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>

/* Network order. */
static inline uint32_t load16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static inline uint32_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return rte_be_to_cpu_32(v);
}

/* Memory order, for sums, hashes and masks. */
static inline uint64_t load64_raw(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

#endif
