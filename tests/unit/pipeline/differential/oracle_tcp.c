/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the oracle knows of a TCP connection: the textbook (RFC 9293 section 3.5, 3.6). Segments out
 * of it are the tracker's to judge, whose own tests know more; here it is only noted that little is
 * known from then on.
 */
#include "oracle_session.h"

#define FAR 0x2000000 /* beyond any window without scaling */

enum {
	FIN = 1,
	SYN = 2,
	RST = 4,
	ACK = 16,
	ALL = 23
};

struct segment {
	uint32_t seq, ack, len, win;
	uint8_t flags;
};

static struct segment segment_of(const struct view *v)
{
	const uint8_t *tcp = v->b + v->l4;

	return (struct segment){.seq = read32(tcp + 4),
		.ack = read32(tcp + 8),
		.len = v->len - v->l4 - (tcp[12] >> 4) * 4,
		.win = read16(tcp + 14),
		.flags = tcp[13] & ALL};
}

bool tcp_flags_ok(uint8_t flags)
{
	switch (flags & ALL) {
	case SYN:
	case SYN | ACK:
	case ACK:
	case FIN | ACK:
	case RST:
	case RST | ACK:
		return true;
	}
	return false;
}

void tcp_begin(struct tcp_model *m, const struct view *v)
{
	struct segment g = segment_of(v);

	*m = (struct tcp_model){.know = g.flags & SYN ? KNOW_SYN : KNOW_GUESS};
	m->next[0] = g.seq + g.len + 1;
	m->allowed[1] = m->next[0] + g.win;
	if (v->fragment || g.len)
		m->know = m->know == KNOW_SYN ? KNOW_LITTLE : m->know;
}

static enum tcp_say say_opening(struct tcp_model *m, unsigned int side, const struct segment *g)
{
	if (side == 0 && g->flags == SYN && g->len == 0) {
		m->next[0] = g->seq + 1;
		return SAY_PASS;
	}
	if (side == 1 && g->flags == (SYN | ACK) && g->ack == m->next[0] && g->len == 0) {
		m->know = KNOW_SYN_ACK;
		m->next[1] = g->seq + 1;
		m->allowed[0] = g->ack + g->win;
		m->allowed[1] = g->seq + 1; /* as little as is certain */
		return SAY_PASS;
	}
	if (side == 1 && g->flags == (RST | ACK) && g->ack == m->next[0] && g->len == 0) {
		m->know = KNOW_OVER;
		return SAY_PASS;
	}
	return SAY_MAYBE;
}

static bool is_next(const struct tcp_model *m, unsigned int side, const struct segment *g)
{
	return g->seq == m->next[side] && g->ack == m->next[!side];
}

static enum tcp_say say_open(struct tcp_model *m, unsigned int side, const struct segment *g)
{
	uint32_t end = g->seq + g->len + (g->flags & FIN), off = g->seq - m->next[side];

	if ((g->flags == ACK || g->flags == (FIN | ACK) || g->flags == RST) && off + FAR > 2 * FAR)
		return SAY_WINDOW;
	if (g->flags == RST && off == 0 && g->len == 0) {
		m->know = KNOW_OVER;
		return SAY_PASS;
	}
	if ((g->flags != ACK && g->flags != (FIN | ACK)) || !is_next(m, side, g) ||
		(int32_t)(end - m->allowed[side]) > 0 || (m->fin[side] && end != g->seq))
		return SAY_MAYBE;
	m->next[side] = end;
	m->fin[side] |= g->flags & FIN;
	m->fin_acked[!side] |= m->fin[!side];
	if ((int32_t)(g->ack + g->win - m->allowed[!side]) > 0)
		m->allowed[!side] = g->ack + g->win;
	if (m->fin_acked[0] && m->fin_acked[1])
		m->know = KNOW_OVER;
	return SAY_PASS;
}

enum tcp_say tcp_say(struct tcp_model *m, unsigned int side, const struct view *v)
{
	struct segment g = segment_of(v);

	if (!tcp_flags_ok(g.flags))
		return SAY_FLAGS;
	if (g.flags == SYN && (m->know == KNOW_OVER || m->know == KNOW_GUESS))
		return SAY_REOPEN;
	if (g.flags == SYN && m->know == KNOW_LITTLE)
		return SAY_REOPEN_MAYBE;
	if (v->fragment)
		return SAY_MAYBE;
	if (m->know == KNOW_SYN)
		return say_opening(m, side, &g);
	if (m->know == KNOW_SYN_ACK && side == 0 && g.flags == ACK && is_next(m, 0, &g) &&
		g.len == 0) {
		m->know = KNOW_OPEN;
		m->allowed[1] = g.ack + g.win;
		return SAY_PASS;
	}
	return m->know == KNOW_OPEN ? say_open(m, side, &g) : SAY_MAYBE;
}

enum tcp_say tcp_quoted(const struct tcp_model *m, unsigned int side, uint32_t seq)
{
	uint32_t off = seq - m->next[side];

	if (m->know != KNOW_OPEN)
		return SAY_MAYBE;
	if (off == 0)
		return SAY_PASS;
	return off < 1u << 31 || off < -(uint32_t)FAR ? SAY_WINDOW : SAY_MAYBE;
}

void tcp_learn(struct tcp_model *m, unsigned int side, const struct view *v, bool passed)
{
	struct segment g = segment_of(v);

	switch (m->know) {
	case KNOW_OVER:
		return;
	case KNOW_GUESS: /* until the other side is heard it stays one */
		if (side == 1 && passed && (g.flags & RST))
			m->know = KNOW_OVER;
		else if (side == 1 && passed && !(g.flags & SYN))
			m->know = KNOW_LITTLE;
		return;
	case KNOW_SYN: /* the side that began can say nothing more; the other one nothing that
			  counts */
		if (!passed || (g.flags == ACK && side == 1 && !v->fragment))
			return;
		if (side == 0 && (g.flags & RST) && g.seq != m->next[0])
			return;
		if (side == 0 && (g.flags & RST)) {
			m->know = KNOW_OVER;
			return;
		}
		break;
	default:
		break;
	}
	m->know = KNOW_LITTLE;
}
