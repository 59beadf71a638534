/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP segments and the windows that they must lie in, after van Rooij. For track_tcp.c alone, which
 * says who may call what with or without the lock.
 *
 * Of each side is known how far it has sent (end), how far it allows its peer to send (max_end) and
 * its largest window. A segment of s toward r is in the window when it ends no further than r
 * allows, not behind what r may still ask for (the end of s less the largest window of r), and
 * acknowledges nothing that r did not send and nothing older than a window.
 */
#ifndef TCP_WINDOW_H
#define TCP_WINDOW_H

#include <pkt/bytes.h>

#include "track_priv.h"

enum {
	TCP_FLAG_FIN = 1 << 0,
	TCP_FLAG_SYN = 1 << 1,
	TCP_FLAG_RST = 1 << 2,
	TCP_FLAG_ACK = 1 << 4,
	TCP_FLAGS = TCP_FLAG_FIN | TCP_FLAG_SYN | TCP_FLAG_RST | TCP_FLAG_ACK,
};

/* session_tcp.flags; 0: its SYN was acknowledged, it has sent no FIN. */
enum {
	SIDE_SILENT = 1 << 0,	  /* not heard yet */
	SIDE_UNACKED = 1 << 1,	  /* its SYN is not acknowledged yet */
	SIDE_FIN = 1 << 2,	  /* end is behind its FIN */
	SIDE_FIN_ACKED = 1 << 3,  /* that was acknowledged */
	SIDE_LOOSE = 1 << 4,	  /* may have sent more than was seen: picked up, fragments */
	SIDE_CHALLENGED = 1 << 5, /* sent a SYN within the connection: start is that one's */
	SIDE_OPENING = SIDE_SILENT | SIDE_UNACKED,
};

/* How far behind the end an acknowledgement may always lie, beside the window (van Rooij). */
#define ACK_SLACK 66000
/* A window probe may stand a byte ahead of the window; a keep-alive, or what repeats an
 * acknowledgement, a byte behind it (RFC 9293 sections 3.8.4 and 3.8.6.1). */
#define PROBE 1
/* RFC 7323: the largest that there is, so that a window whose scale nobody saw is never taken for
 * smaller than it is. */
#define WSCALE_MAX    14
#define PICKED_UP_WIN (1u << 20)

struct tcp_segment {
	uint32_t seq;
	uint32_t end; /* behind its payload, SYN and FIN */
	uint32_t ack;
	uint32_t win;	 /* as in the header */
	uint8_t flags;	 /* those of TCP_FLAGS */
	bool fragmented; /* the first fragment: there is more payload than it has */
};

/* Sequence numbers wrap; what is compared is less than half of their space apart. */
static inline bool seq_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
	return seq_after(a, b) ? a : b;
}

static inline uint32_t load32(const uint8_t *p)
{
	return load16(p) << 16 | load16(p + 2);
}

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

static inline void store32(uint32_t *to, uint32_t v)
{
	__atomic_store_n(to, v, __ATOMIC_RELAXED);
}

static inline void set_flags(struct session_tcp *t, uint8_t set, uint8_t clear)
{
	__atomic_store_n(&t->flags, (t->flags | set) & ~clear, __ATOMIC_RELAXED);
}

/* Sent by s toward r: no further than r allows, not behind what r may still ask for. */
static inline bool seq_in_window(
	const struct session_tcp *s, const struct session_tcp *r, uint32_t seq_end)
{
	return !seq_after(seq_end, r->max_end + PROBE) &&
	       !seq_after(s->end - r->max_win - 2 * PROBE, seq_end);
}

static inline bool ack_in_window(
	const struct session_tcp *s, const struct session_tcp *r, uint32_t ack)
{
	uint32_t sent = unlikely(r->flags & SIDE_LOOSE) ? seq_max(r->end, s->max_end) : r->end;

	return !seq_after(ack, sent) && !seq_after(r->end - s->max_win - ACK_SLACK, ack);
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

static inline void side_advance(struct session_tcp *s, const struct tcp_segment *g)
{
	uint32_t win = g->win << s->wscale;

	if (seq_after(g->end, s->end))
		store32(&s->end, g->end);
	if (seq_after(g->ack + win, s->max_end))
		store32(&s->max_end, g->ack + win);
	if (win > s->max_win)
		store32(&s->max_win, win);
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
