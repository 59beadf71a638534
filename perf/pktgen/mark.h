/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mark that every packet of a stream carries in its last 18 bytes, so that it is found again
 * whatever headers were put before it. Both halves sum up to zero as the Internet checksum counts
 * (RFC 1071), at odd offsets too: L4 checksums do not depend on them, and a receiver sees that a
 * mark is one. In the byte order of the machine: sender and receiver share its clock anyway.
 *
 *   0  magic (1), epoch (1), stream (1), tenant (1), sequence number (4), complement of these (2)
 *  10  time stamp counter, 48 bits (6), its complement (2)
 */
#ifndef PKTGEN_MARK_H
#define PKTGEN_MARK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define MARK_SIZE	18
#define MARK_TIME_OFF	10
#define MARK_MAGIC	0xb7
#define MARK_CLOCK_MASK ((1ull << 48) - 1)

/* What a mark says. */
struct mark {
	uint32_t id; /* mark_id */
	uint32_t seq;
	uint64_t time; /* 48 bits of the time stamp counter */
};

static inline uint32_t mark_id(uint8_t epoch, uint8_t stream, uint8_t tenant)
{
	return MARK_MAGIC | epoch << 8 | stream << 16 | (uint32_t)tenant << 24;
}

static inline bool mark_id_is_ours(uint32_t id)
{
	return (uint8_t)id == MARK_MAGIC;
}

static inline uint8_t mark_id_epoch(uint32_t id)
{
	return id >> 8;
}

static inline uint8_t mark_id_stream(uint32_t id)
{
	return id >> 16;
}

static inline uint8_t mark_id_tenant(uint32_t id)
{
	return id >> 24;
}

/* The ones' complement sum of the 16-bit words of v, folded. */
static inline uint32_t mark_sum(uint64_t v)
{
	v = (v & 0xffffffff) + (v >> 32);
	v = (v & 0xffff) + (v >> 16 & 0xffff) + (v >> 32);
	v = (v & 0xffff) + (v >> 16);
	return (v & 0xffff) + (v >> 16);
}

/* The 8 bytes at MARK_TIME_OFF for a time: the same for all packets of a burst. */
static inline uint64_t mark_stamp(uint64_t tsc)
{
	tsc &= MARK_CLOCK_MASK;
	return tsc | (uint64_t)(uint16_t)~mark_sum(tsc) << 48;
}

/* p: the end of the frame less MARK_SIZE. */
static inline void mark_write(uint8_t *p, uint32_t id, uint32_t seq, uint64_t stamp)
{
	uint64_t head = id | (uint64_t)seq << 32;
	uint16_t complement = ~mark_sum(head);

	memcpy(p, &head, sizeof(head));
	memcpy(p + 8, &complement, sizeof(complement));
	memcpy(p + MARK_TIME_OFF, &stamp, sizeof(stamp));
}

/* False: there is no mark, or it was damaged. */
static inline bool mark_read(const uint8_t *p, struct mark *ret)
{
	uint64_t head, stamp;
	uint16_t complement;

	memcpy(&head, p, sizeof(head));
	if (!mark_id_is_ours(head))
		return false;
	memcpy(&complement, p + 8, sizeof(complement));
	memcpy(&stamp, p + MARK_TIME_OFF, sizeof(stamp));
	if (mark_sum(head) + complement != 0xffff || mark_sum(stamp) != 0xffff)
		return false;
	ret->id = head;
	ret->seq = head >> 32;
	ret->time = stamp & MARK_CLOCK_MASK;
	return true;
}

#endif
