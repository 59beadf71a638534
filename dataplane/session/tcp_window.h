/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP segments of mbufs, and the windows that they must lie in as far as only the data plane judges
 * them; the rest is shared with BPF (weft_bpf/tcp_window.h). For track_tcp.c, which says who may
 * call what with or without the lock, and offload_ask.c.
 */
#ifndef TCP_WINDOW_H
#define TCP_WINDOW_H

#include <pkt/bytes.h>
#include <weft_bpf/tcp_window.h>

#include "track_priv.h"

/* RFC 7323: the largest that there is, so that a window whose scale nobody saw is never taken for
 * smaller than it is. */
#define WSCALE_MAX    14
#define WIN_MAX	      ((uint32_t)UINT16_MAX << WSCALE_MAX)
#define PICKED_UP_WIN (1u << 20)

/* SYN, SYN-ACK, ACK, FIN-ACK, RST, RST-ACK; URG, PSH, ECE and CWR are not looked at. */
static inline bool flags_ok(uint8_t flags)
{
	const uint16_t allowed =
		1 << 2 | 1 << (2 | 8) | 1 << 8 | 1 << (1 | 8) | 1 << 4 | 1 << (4 | 8);

	return allowed >> ((flags & 7) | (flags & TCP_FLAG_ACK) >> 1) & 1;
}

static inline struct tcp_segment segment_read(const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	const uint8_t *l4 = track_l4(m, meta);
	/* Exact for GSO frames too: no IP packet is longer than its 16 bits of length. */
	uint32_t payload = meta->l3_off + meta->l3_len - meta->hdr_len;
	struct tcp_segment g = {
		.seq = load32(l4 + 4),
		.ack = load32(l4 + 8),
		.win = load16(l4 + 14),
		.flags = l4[13] & TCP_FLAGS,
		.fragmented = meta->flags & PKT_FRAGMENT,
	};

	g.end = g.seq + payload + (g.flags & TCP_FLAG_FIN) + ((g.flags & TCP_FLAG_SYN) >> 1);
	return g;
}

/* Another worker's numbers while it may be writing them. */
static inline struct session_tcp side_read(const struct session_tcp *t)
{
	return (struct session_tcp){
		.end = __atomic_load_n(&t->end, __ATOMIC_RELAXED),
		.max_end = __atomic_load_n(&t->max_end, __ATOMIC_RELAXED),
		.max_win = __atomic_load_n(&t->max_win, __ATOMIC_RELAXED),
		.flags = __atomic_load_n(&t->flags, __ATOMIC_RELAXED),
	};
}

static inline void set_flags(struct session_tcp *t, uint8_t set, uint8_t clear)
{
	__atomic_store_n(&t->flags, (t->flags | set) & ~clear, __ATOMIC_RELAXED);
}

/* g acknowledges r's SYN, and nothing that r did not send. */
static inline bool acks_syn(const struct session_tcp *r, const struct tcp_segment *g)
{
	return (g->flags & TCP_FLAG_ACK) && g->ack - r->start - 1 <= r->end - r->start - 1;
}

/* g answers the last SYN that r sent within the connection. */
static inline bool acks_challenged(const struct session_tcp *r, const struct tcp_segment *g)
{
	return (r->flags & SIDE_CHALLENGED) && (g->flags & TCP_FLAG_ACK) && g->ack == r->start + 1;
}

/* Heard for the first time, in the middle: nobody knows its scale, so that its window counts as
 * large as it may be; a small one may be what is left of a large one. */
static inline void side_pick_up(struct session_tcp *s, const struct tcp_segment *g, uint32_t end)
{
	s->wscale = WSCALE_MAX;
	store32(&s->end, end);
	store32(&s->max_win, RTE_MAX(g->win << WSCALE_MAX, PICKED_UP_WIN));
	store32(&s->max_end, g->ack + s->max_win);
	set_flags(s, SIDE_LOOSE, SIDE_SILENT);
}

#endif
