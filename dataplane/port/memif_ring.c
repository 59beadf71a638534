/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bursts on memif rings (memif_shm.h). Workers.
 *
 * Nothing in shared memory is believed: indexes are compared with the ring's size, a descriptor is
 * read once into a local and judged there, our own position is kept out of the peer's reach, and a
 * client never asks the ring where its own buffers are. Buffers may change while they are copied:
 * the parser judges the copy.
 */
#include <string.h>

#include <rte_prefetch.h>

#include <core/mem.h>
#include <port/port.h>

#include "memif_shm.h"

#define MEMIF_BURST	64
#define MEMIF_FRAME_MAX (WEFT_MTU_MAX + PORT_FRAME_OVERHEAD)

/* What a slot's descriptor says, once checked. */
struct span {
	uint8_t *addr;	 /* NULL: outside its region */
	uint32_t length; /* of the frame's part (rx) or room (tx) */
	uint16_t region;
	bool more;  /* the frame goes on in the next slot */
	bool lines; /* addr can be read up to the end of the last cache line */
};

static inline struct memif_desc *slot_desc(const struct memif_queue *q, uint16_t slot)
{
	return &q->ring->desc[slot & (q->size - 1)];
}

static inline uint8_t *slot_own_buffer(const struct memif_queue *q, uint16_t slot)
{
	return q->buffers + (size_t)(slot & (q->size - 1)) * MEMIF_BUFFER_SIZE;
}

static inline struct span slot_span(const struct memif_queue *q, uint16_t slot)
{
	const uint64_t *words = (const uint64_t *)slot_desc(q, slot);
	uint64_t first = __atomic_load_n(&words[0], __ATOMIC_RELAXED);
	uint64_t second = __atomic_load_n(&words[1], __ATOMIC_RELAXED);
	uint16_t region = first >> 16;
	uint32_t length = first >> 32, offset = second;
	struct span s = {.length = length, .region = region, .more = first & MEMIF_DESC_NEXT};
	const struct memif_region *r;

	if (q->buffers) {
		if (likely(length <= MEMIF_BUFFER_SIZE))
			s.addr = slot_own_buffer(q, slot);
		s.lines = true;
	} else if (likely(region < q->n_regions)) {
		r = &q->regions[region];
		if (likely((uint64_t)offset + length <= r->size))
			s.addr = r->addr + offset;
		s.lines = RTE_ALIGN_CEIL((uint64_t)length, 64) <= r->size - offset;
	}
	return s;
}

/* How many slots are ours to use. The peer's index is asked when less than a burst is known of: its
 * line is one that the peer is writing to. */
static inline uint16_t slots_ready(struct memif_queue *q)
{
	uint16_t ready;

	if (q->ready >= MEMIF_BURST)
		return q->ready;
	ready = __atomic_load_n(q->peer_index, __ATOMIC_ACQUIRE) + q->peer_bias - q->next;
	if (unlikely(ready > q->size)) {
		q->broken = true;
		ready = 0;
	}
	q->ready = ready;
	return ready;
}

static inline void slots_publish(struct memif_queue *q, uint16_t n)
{
	q->next += n;
	q->ready -= n;
	__atomic_store_n(q->own_index, (uint16_t)(q->next + q->own_bias), __ATOMIC_RELEASE);
}

/* Copies a part behind what the frame has; takes more segments as needed. */
static bool frame_append(struct rte_mbuf *m, struct rte_mbuf **last, const struct span *s)
{
	uint32_t done = 0, part;

	while (done < s->length) {
		part = RTE_MIN(s->length - done, (uint32_t)rte_pktmbuf_tailroom(*last));
		if (part == 0) {
			(*last)->next = rte_pktmbuf_alloc(mem_pools.packet);
			if (!(*last)->next)
				return false;
			*last = (*last)->next;
			m->nb_segs++;
			continue;
		}
		memcpy(rte_pktmbuf_mtod_offset(*last, void *, (*last)->data_len), s->addr + done,
			part);
		(*last)->data_len += part;
		m->pkt_len += part;
		done += part;
	}
	return true;
}

/* A frame that is longer than an mbuf or spans slots: copies it into m. Returns how many slots it
 * takes of the n there are; *good says whether m is a whole frame now. A chain that goes beyond n
 * is broken: a sender publishes whole frames. */
static uint16_t rx_long(
	const struct memif_queue *q, uint16_t slot, uint16_t n, struct rte_mbuf *m, bool *good)
{
	struct rte_mbuf *last = m;
	uint16_t used = 0;
	struct span s;

	*good = true;
	do {
		s = slot_span(q, slot + used++);
		*good = *good && s.addr && (uint64_t)m->pkt_len + s.length <= MEMIF_FRAME_MAX &&
			frame_append(m, &last, &s);
	} while (s.more && used < n);
	*good = *good && !s.more && m->pkt_len > 0;
	return used;
}

/* Copies whole cache lines where it can: what lies behind the frame is the peer's memory, and stays
 * behind the frame's end in the mbuf, which has room for it. */
static inline void rx_short(const struct span *s, struct rte_mbuf *m)
{
	uint8_t *dst = rte_pktmbuf_mtod(m, uint8_t *);

	if (likely(s->lines))
		for (uint32_t done = 0; done < s->length; done += 64)
			rte_mov64(dst + done, s->addr + done);
	else
		memcpy(dst, s->addr, s->length);
	m->data_len = s->length;
	m->pkt_len = s->length;
}

/* A client offers its buffers again, at their full size. */
static inline void slots_return(struct memif_queue *q, uint16_t n)
{
	if (!q->buffers)
		return;
	for (uint16_t i = 0; i < n; i++)
		__atomic_store_n(
			&slot_desc(q, q->next + i)->length, MEMIF_BUFFER_SIZE, __ATOMIC_RELAXED);
}

uint16_t memif_rx_burst(struct memif_queue *q, struct rte_mbuf **pkts, uint16_t n, uint32_t *errors)
{
	uint16_t ready = slots_ready(q), used = 0, got = 0, n_mbufs;
	struct span spans[MEMIF_BURST];
	bool good;

	n = RTE_MIN(n, ready);
	n = RTE_MIN(n, MEMIF_BURST);
	if (n == 0 || rte_pktmbuf_alloc_bulk(mem_pools.packet, pkts, n) < 0)
		return 0;
	for (uint16_t i = 0; i < n; i++) {
		spans[i] = slot_span(q, q->next + i);
		rte_prefetch0(spans[i].addr);
	}
	n_mbufs = n;
	while (used < n) {
		const struct span *s = &spans[used];

		if (likely(!s->more && s->addr && s->length - 1 < MEM_DATA_SIZE)) {
			rx_short(s, pkts[got++]);
			used++;
			continue;
		}
		used += rx_long(q, q->next + used, ready - used, pkts[got], &good);
		if (good) {
			got++;
			continue;
		}
		rte_pktmbuf_free(pkts[got]);
		pkts[got] = pkts[--n_mbufs];
		++*errors;
	}
	slots_return(q, used);
	slots_publish(q, used);
	rte_pktmbuf_free_bulk(pkts + got, n_mbufs - got);
	return got;
}

/* Where a slot's frame goes. */
static inline struct span slot_room(const struct memif_queue *q, uint16_t slot)
{
	if (!q->buffers)
		return slot_span(q, slot);
	return (struct span){.addr = slot_own_buffer(q, slot), .length = MEMIF_BUFFER_SIZE};
}

/* A server leaves the place of the buffer as its owner set it; a client states it anew. */
static inline void slot_fill(struct memif_queue *q, uint16_t slot, const struct span *room,
	uint32_t length, uint16_t flags)
{
	uint64_t *words = (uint64_t *)slot_desc(q, slot);

	__atomic_store_n(&words[0], (uint64_t)length << 32 | (uint32_t)room->region << 16 | flags,
		__ATOMIC_RELAXED);
	if (q->buffers)
		__atomic_store_n(&words[1], q->buffers_offset + (uint32_t)(room->addr - q->buffers),
			__ATOMIC_RELAXED);
}

/* Copies a frame of any shape into up to n slots. Returns how many it took, 0: it does not fit. */
static uint16_t tx_long(struct memif_queue *q, uint16_t slot, uint16_t n, const struct rte_mbuf *m)
{
	uint32_t left = m->pkt_len, from = 0, to, part;
	uint16_t used = 0;
	struct span room;

	while (left > 0) {
		if (used == n)
			return 0;
		room = slot_room(q, slot + used);
		if (!room.addr) {
			q->broken = true;
			return 0;
		}
		for (to = 0; left > 0 && to < room.length; to += part, from += part, left -= part) {
			while (from == m->data_len) {
				m = m->next;
				from = 0;
			}
			part = RTE_MIN(room.length - to, m->data_len - from);
			memcpy(room.addr + to, rte_pktmbuf_mtod_offset(m, void *, from), part);
		}
		slot_fill(q, slot + used++, &room, to, left > 0 ? MEMIF_DESC_NEXT : 0);
	}
	return used;
}

/* As memcpy, which is not inlined; neither reads nor writes beyond n. */
static inline void copy_frame(uint8_t *to, const uint8_t *from, uint32_t n)
{
	uint32_t done;

	if (unlikely(n < 64 || n > 256)) {
		memcpy(to, from, n);
		return;
	}
	for (done = 0; done + 64 <= n; done += 64)
		rte_mov64(to + done, from + done);
	if (done < n)
		rte_mov64(to + n - 64, from + n - 64);
}

/* Makes the lines ours that the frame will be copied to: two, the processor foresees the rest. */
static inline void room_prefetch(const struct span *room, const struct rte_mbuf *m)
{
	uintptr_t at = (uintptr_t)room->addr;

	__builtin_prefetch((const void *)at, 1);
	if (m->data_len > RTE_CACHE_LINE_SIZE)
		__builtin_prefetch((const void *)(at + RTE_CACHE_LINE_SIZE), 1);
}

static uint16_t tx_batch(struct memif_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t ready = slots_ready(q), n_rooms = RTE_MIN(n, ready), used = 0, sent = 0, took;
	struct span rooms[MEMIF_BURST];

	for (uint16_t i = 0; i < n_rooms; i++) {
		rooms[i] = slot_room(q, q->next + i);
		room_prefetch(&rooms[i], pkts[i]);
	}
	for (; sent < n && used < ready; sent++, used += took) {
		struct rte_mbuf *m = pkts[sent];

		if (likely(used < n_rooms && m->nb_segs == 1 && rooms[used].addr &&
			    m->data_len <= rooms[used].length)) {
			copy_frame(rooms[used].addr, rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
			slot_fill(q, q->next + used, &rooms[used], m->data_len, 0);
			took = 1;
			continue;
		}
		took = tx_long(q, q->next + used, ready - used, m);
		if (took == 0)
			break;
	}
	if (used > 0)
		slots_publish(q, used);
	rte_pktmbuf_free_bulk(pkts, sent);
	return sent;
}

uint16_t memif_tx_burst(struct memif_queue *q, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t sent = 0, part, took;
	bool asked;

	do {
		part = RTE_MIN(n - sent, MEMIF_BURST);
		asked = q->ready < MEMIF_BURST;
		took = tx_batch(q, pkts + sent, part);
		sent += took;
		if (took < part && !asked)
			q->ready = 0; /* what was known is not enough: frames may take many slots */
	} while (sent < n && (took == part || !asked));
	return sent;
}
