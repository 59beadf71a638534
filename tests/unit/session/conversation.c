/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <pkt/parse.h>

#include "conversation.h"
#include "test_eal.h"
#include "world.h"

#define SEGMENT 7

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
	enum weft_drop drop;
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
	drop = pkt_parse(m);
	assert(drop == 0);
	return m;
}

void conversation_init(void)
{
	test_eal_init(64);
	test_pools(256);
	if (world_init(SESSION_MIN, 1) < 0)
		exit(1);
}

void conversation_start(struct conversation *c, bool v6)
{
	if (c->s)
		session_remove(c->s);
	world_rounds();
	*c = (struct conversation){.v6 = v6};
	world_network.spec.flags = 0;
}

static enum weft_drop begin(struct conversation *c, const struct rte_mbuf *m)
{
	struct session_new n = world_new(0);
	enum weft_drop drop = track_begin(m, pkt_meta_const(m), &world_network, n.key);

	if (drop)
		return drop;
	if (c->s)
		session_remove(c->s);
	c->s = session_insert(0, &n, &drop);
	assert(c->s);
	c->n++;
	track_first(c->s, m, pkt_meta_const(m));
	for (unsigned int i = 0; i < 2; i++) {
		struct session_decision dec = {.flags = track_dir_flags(c->s, i)};

		session_decide(&c->s->dir[i], &dec, 1);
	}
	session_unlock(c->s);
	return 0;
}

static enum weft_drop pass(struct conversation *c, const struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta_const(m);
	struct session_key key;
	struct session_dir *d = NULL;
	enum weft_drop drop = 0;

	if (track_key(meta, rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_off), &key))
		d = session_find(&key);
	if (!d)
		return begin(c, m);
	if (d->flags & (SESSION_DIR_TCP | SESSION_DIR_TRACKED))
		drop = track_packet(d, m, meta);
	return drop && track_reopens(d, m, meta) ? begin(c, m) : drop;
}

enum weft_drop conversation_send(struct conversation *c, unsigned int dir, const struct sent *what)
{
	struct rte_mbuf *m = conversation_packet(c, dir, what);
	enum weft_drop drop = pass(c, m);

	rte_pktmbuf_free(m);
	return drop;
}

bool conversation_is_half_open(const struct conversation *c)
{
	return c->s->flags & SESSION_HALF_OPEN;
}
