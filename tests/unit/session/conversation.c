/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <string.h>

#include <pkt/parse.h>

#include "conversation.h"

#define SEGMENT 7

static struct conversation *current; /* whose session is locked */

void session_lock(struct session *s)
{
	assert(s == &current->s && s->lock == 0);
	s->lock = 1;
	current->locks++;
}

void session_unlock(struct session *s)
{
	assert(s->lock == 1);
	s->lock = 0;
}

void session_set_state(struct session *s, enum weft_timeout state, bool answered)
{
	assert(s->lock == 1);
	s->state = state;
	if (answered)
		s->flags &= ~SESSION_HALF_OPEN;
}

static void swap(uint8_t *a, uint8_t *b, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		uint8_t t = a[i];

		a[i] = b[i];
		b[i] = t;
	}
}

static void turn(struct frame *f, bool v6, bool ports, uint32_t l4)
{
	if (v6)
		swap(f->b + 22, f->b + 38, 16);
	else
		swap(f->b + 26, f->b + 30, 4);
	if (ports)
		swap(f->b + l4, f->b + l4 + 2, 2);
}

struct rte_mbuf *conversation_packet(
	const struct conversation *c, unsigned int dir, const struct sent *what)
{
	static struct frame f;
	struct frame_spec spec = what->spec;
	uint32_t l4 = c->v6 ? 54 : 34;
	struct rte_mbuf *m;

	spec.v6 = c->v6;
	spec.n_tcp_options = what->n_options;
	frame_make(&f, &spec);
	if (spec.proto == (c->v6 ? 58 : 1))
		put16(f.b + l4, what->icmp);
	if (spec.proto == 6) {
		put32(f.b + l4 + 4, what->seq);
		put32(f.b + l4 + 8, what->ack);
		f.b[l4 + 13] = what->flags;
		put16(f.b + l4 + 14, what->win);
		if (what->options)
			memcpy(f.b + l4 + 20, what->options, what->n_options * 4);
	}
	if (dir == 1)
		turn(&f, c->v6, spec.proto == 6 || spec.proto == 0, l4);
	m = frame_exact(f.b, f.len);
	pkt_meta(m)->segment = SEGMENT;
	assert(pkt_parse(m) == 0);
	return m;
}

void conversation_start(struct conversation *c, bool v6)
{
	memset(c, 0, sizeof(*c));
	c->v6 = v6;
	current = c;
}

static enum weft_drop begin(struct conversation *c, const struct rte_mbuf *m)
{
	struct session_key keys[2];
	enum weft_drop drop = track_begin(m, pkt_meta_const(m), &c->net, keys);

	if (drop)
		return drop;
	memset(&c->s, 0, sizeof(c->s));
	c->s.dir[0].key = keys[0];
	c->s.dir[1].key = keys[1];
	c->s.flags = SESSION_HALF_OPEN;
	c->s.dir[1].flags = SESSION_DIR_REPLY;
	c->begun = true;
	c->n++;
	session_lock(&c->s);
	track_first(&c->s, m, pkt_meta_const(m));
	c->s.dir[0].flags |= track_dir_flags(&c->s, 0);
	c->s.dir[1].flags |= track_dir_flags(&c->s, 1);
	session_unlock(&c->s);
	return 0;
}

static enum weft_drop pass(struct conversation *c, const struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta_const(m);
	struct session_key key;
	enum weft_drop drop = 0;

	if (!c->begun)
		return begin(c, m);
	assert(track_key(meta, rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_off), &key));
	for (unsigned int i = 0; i < 2; i++) {
		struct session_dir *d = &c->s.dir[i];

		if (memcmp(&key, &d->key, sizeof(key)) != 0)
			continue;
		if (d->flags & (SESSION_DIR_TCP | SESSION_DIR_TRACKED))
			drop = track_packet(d, m, meta);
		if (drop && track_reopens(d, m, meta))
			drop = begin(c, m);
		return drop;
	}
	return begin(c, m);
}

enum weft_drop conversation_send(struct conversation *c, unsigned int dir, const struct sent *what)
{
	struct rte_mbuf *m = conversation_packet(c, dir, what);
	enum weft_drop drop = pass(c, m);

	assert(!c->begun || c->s.lock == 0);
	rte_pktmbuf_free(m);
	return drop;
}

bool conversation_is_half_open(const struct conversation *c)
{
	return c->s.flags & SESSION_HALF_OPEN;
}
