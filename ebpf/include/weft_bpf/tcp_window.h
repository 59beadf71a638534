/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The windows that TCP segments must lie in, after van Rooij: one code for the data plane's tracker
 * and for BPF, so that one verdict holds on both paths.
 *
 * Of each side is known how far it has sent (end), how far it allows its peer to send (max_end) and
 * its largest window. A segment of s toward r is in the window when it ends no further than r
 * allows, not behind what r may still ask for (the end of s less the largest window of r), and
 * acknowledges nothing that r did not send and nothing older than a window.
 *
 * A side's numbers are written by whoever has its packet and read by who has the other side's: each
 * is one aligned word that only grows. Compiles with gcc, clang and clang -target bpf.
 */
#ifndef WEFT_BPF_TCP_WINDOW_H
#define WEFT_BPF_TCP_WINDOW_H

#include <linux/types.h>
#include <stdbool.h>

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

/* What was seen of one sender (RFC 9293). */
struct session_tcp {
	__u32 start;   /* its initial sequence number */
	__u32 end;     /* highest sequence number sent, plus one */
	__u32 max_end; /* highest that it allows its peer: acknowledgement plus window */
	__u32 max_win; /* largest window that it advertised, scaled */
	__u8 wscale;   /* of its windows */
	__u8 flags;    /* SIDE_* */
	__u8 offer;    /* window scale that its SYN offered, plus one; 0: none */
	__u8 pad;
};
_Static_assert(sizeof(struct session_tcp) == 20, "shared layout");

/* How far behind the end an acknowledgement may always lie, beside the window (van Rooij). */
#define ACK_SLACK 66000
/* A window probe may stand a byte ahead of the window; a keep-alive, or what repeats an
 * acknowledgement, a byte behind it (RFC 9293 sections 3.8.4 and 3.8.6.1). */
#define PROBE 1

struct tcp_segment {
	__u32 seq;
	__u32 end; /* behind its payload, SYN and FIN */
	__u32 ack;
	__u32 win;	 /* as in the header */
	__u8 flags;	 /* those of TCP_FLAGS */
	bool fragmented; /* the first fragment: there is more payload than it has */
};

/* Sequence numbers wrap; what is compared is less than half of their space apart. */
static inline bool seq_after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

static inline __u32 seq_max(__u32 a, __u32 b)
{
	return seq_after(a, b) ? a : b;
}

/* The bpf target has no atomic store; a volatile one of a word is the same there. */
static inline void store32(__u32 *to, __u32 v)
{
#ifdef __bpf__
	*(volatile __u32 *)to = v;
#else
	__atomic_store_n(to, v, __ATOMIC_RELAXED);
#endif
}

/* Sent by s toward r: no further than r allows, not behind what r may still ask for. */
static inline bool seq_in_window(
	const struct session_tcp *s, const struct session_tcp *r, __u32 seq_end)
{
	return !seq_after(seq_end, r->max_end + PROBE) &&
	       !seq_after(s->end - r->max_win - 2 * PROBE, seq_end);
}

static inline bool ack_in_window(
	const struct session_tcp *s, const struct session_tcp *r, __u32 ack)
{
	__u32 sent =
		__builtin_expect(r->flags & SIDE_LOOSE, 0) ? seq_max(r->end, s->max_end) : r->end;

	return !seq_after(ack, sent) && !seq_after(r->end - s->max_win - ACK_SLACK, ack);
}

/* Of a segment without SYN or RST, within a connection. */
static inline bool segment_in_window(
	const struct session_tcp *s, const struct session_tcp *r, const struct tcp_segment *g)
{
	return seq_in_window(s, r, g->end) && ack_in_window(s, r, g->ack);
}

static inline void side_advance(struct session_tcp *s, const struct tcp_segment *g)
{
	__u32 win = g->win << s->wscale;

	if (seq_after(g->end, s->end))
		store32(&s->end, g->end);
	if (seq_after(g->ack + win, s->max_end))
		store32(&s->max_end, g->ack + win);
	if (win > s->max_win)
		store32(&s->max_win, win);
}

#endif
