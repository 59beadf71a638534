/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fragments as the oracle sees them (session/fragment.h): they follow the first one, and wait for
 * it. What waits too long is not told here: it never comes out.
 */
#include <string.h>

#include <session/fragment.h>

#include "differential.h"
#include "oracle_session.h"

#define DATAGRAMS 64

struct piece {
	uint32_t start, end;
	bool last;
};

struct datagram {
	bool used;
	struct weft_addr src, dst;
	uint32_t id, in, vni;
	struct weft_addr vtep;
	uint8_t proto;
	enum {
		WAITS,
		FOLLOWS,
		REFUSES,
		SPOILT
	} state;
	enum weft_drop drop;
	uint64_t until;
	unsigned int n_pieces, n_waiting;
	struct piece piece[FRAGMENT_PARTS];
	struct okey key;
	struct {
		uint32_t len;
		uint8_t b[EVENT_BYTES];
	} waiting[FRAGMENT_WAITING];
};

static struct datagram datagrams[DATAGRAMS];
static struct datagram *tracked; /* the tracker has its first one */

void fragments_reset(void)
{
	for (unsigned int i = 0; i < DATAGRAMS; i++)
		datagrams[i].used = false;
}

static struct datagram *datagram_of(const struct arrival *a)
{
	struct datagram want = {.used = true,
		.src = a->v.src,
		.dst = a->v.dst,
		.id = a->v.frag_id,
		.vni = a->seg->vni,
		.in = a->port ? a->port->id : 0,
		.proto = a->v.family == 4 ? a->v.proto : 0,
		.until = oracle_ms + FRAGMENT_MS};
	struct datagram *free = NULL;

	if (a->vtep)
		want.vtep = a->vtep->remote;
	for (unsigned int i = 0; i < DATAGRAMS; i++) {
		struct datagram *d = &datagrams[i];

		if (d->used && oracle_ms >= d->until)
			d->used = false;
		if (!d->used)
			free = d;
		else if (weft_addr_equal(&d->src, &want.src) &&
			 weft_addr_equal(&d->dst, &want.dst) && d->id == want.id &&
			 d->in == want.in && d->vni == want.vni &&
			 weft_addr_equal(&d->vtep, &want.vtep) && d->proto == want.proto)
			return d;
	}
	if (free)
		*free = want;
	return free;
}

static enum weft_drop spoil(struct datagram *d, enum weft_drop drop)
{
	d->state = SPOILT;
	d->drop = drop;
	return drop;
}

static enum weft_drop add_piece(struct datagram *d, const struct piece *p)
{
	if (d->state == SPOILT)
		return d->drop;
	for (unsigned int i = 0; i < d->n_pieces; i++) {
		const struct piece *o = &d->piece[i];

		if (o->start == p->start && o->end == p->end && o->last == p->last)
			return WEFT_DROP_FRAGMENT_OVERLAP; /* again: alone */
	}
	for (unsigned int i = 0; i < d->n_pieces; i++) {
		const struct piece *o = &d->piece[i];

		if ((p->start < o->end && o->start < p->end) ||
			(o->last && (p->last || p->end > o->end)) || (p->last && o->end > p->end))
			return spoil(d, WEFT_DROP_FRAGMENT_OVERLAP);
	}
	if (d->n_pieces == FRAGMENT_PARTS)
		return spoil(d, WEFT_DROP_FRAGMENT_LIMIT);
	d->piece[d->n_pieces++] = *p;
	return 0;
}

static void end_if_complete(struct datagram *d)
{
	uint32_t have = 0, total = 0;

	for (unsigned int i = 0; i < d->n_pieces; i++) {
		have += d->piece[i].end - d->piece[i].start;
		if (d->piece[i].last)
			total = d->piece[i].end;
	}
	if ((d->state == FOLLOWS || d->state == REFUSES) && have == total)
		d->used = false;
}

/* 0, or what is wrong with it alone. */
static enum weft_drop read_piece(const struct view *v, struct piece *ret)
{
	uint32_t from = v->l4, len;

	if (v->family == 6 &&
		!v->later) { /* the first one's headers behind the fragment header count */
		uint8_t type = v->b[v->l3 + 6];

		for (from = v->l3 + 40; type != 44;) {
			uint32_t size = view_ext_bytes(type, v->b + from);

			type = v->b[from];
			from += size;
		}
		from += 8;
	}
	len = v->len - from;
	*ret = (struct piece){.start = v->frag_start, .end = v->frag_start + len, .last = !v->more};
	return len == 0 || ret->end > 65535 || (v->more && ret->end % 8) ? WEFT_DROP_BAD_IP_HEADER
									 : 0;
}

/* A later fragment whose first one went with the session of key. */
static void follow(struct expect *x, const struct arrival *a, const struct okey *key)
{
	unsigned int dir;
	struct osession *s = session_find_key(key, &dir);
	struct way w;

	if (!s) {
		expect_drop(x, WEFT_DROP_FRAGMENT_REFUSED);
		return;
	}
	if (expect_place(x, a, &w) == 0 && expect_existing(x, a, &w, &s, dir) == 0)
		expect_send(x, a, &w);
}

static void expect_later(struct expect *x, const struct arrival *a)
{
	struct datagram *d;
	struct piece p;
	enum weft_drop drop = read_piece(&a->v, &p);

	d = drop ? NULL : datagram_of(a);
	if (!d) {
		expect_drop(x, drop ? drop : WEFT_DROP_FRAGMENT_LIMIT);
		return;
	}
	drop = add_piece(d, &p);
	if (drop) {
		expect_drop(x, drop);
	} else if (d->state == FOLLOWS) {
		follow(x, a, &d->key);
	} else if (d->state == REFUSES) {
		expect_drop(x, WEFT_DROP_FRAGMENT_REFUSED);
	} else if (d->n_waiting == FRAGMENT_WAITING) {
		expect_drop(x, spoil(d, WEFT_DROP_FRAGMENT_LIMIT));
	} else {
		memcpy(d->waiting[d->n_waiting].b, a->v.b, a->v.len);
		d->waiting[d->n_waiting++].len = a->v.len;
	}
	end_if_complete(d);
}

/* Those that waited get what the first one got. */
static void release(
	struct expect *x, const struct arrival *a, struct datagram *d, enum weft_drop refused)
{
	for (unsigned int i = 0; i < d->n_waiting; i++) {
		struct arrival w = *a;

		view_parse(&w.v, d->waiting[i].b, d->waiting[i].len);
		if (refused)
			expect_drop(x, refused);
		else
			follow(x, &w, &d->key);
	}
	d->n_waiting = 0;
}

/* It depends on the tracker whether the first one, and with it the rest, is let through. */
static void note_tracker(struct expect *x, struct datagram *d)
{
	x->has_other = true;
	x->other.n_out = x->other.n_drop = 0;
	x->other.drop[x->other.n_drop++] = EXPECT_TRACKER;
	for (unsigned int i = 0; i < d->n_waiting; i++)
		x->other.drop[x->other.n_drop++] = WEFT_DROP_FRAGMENT_REFUSED;
	tracked = d;
}

void fragments_learn(const struct verdict *seen)
{
	if (tracked && seen->n_out == 0 && seen->n_drop && tracker_drops(seen->drop[0]))
		tracked->state = REFUSES;
	if (tracked)
		end_if_complete(tracked);
	tracked = NULL;
}

/* 0, -1 when it goes nowhere else, or its drop, which x knows of. */
static int decide_first(struct expect *x, const struct arrival *a, struct way *w,
	struct osession **s, unsigned int *dir, bool *track)
{
	int drop = expect_place(x, a, w);

	*s = NULL;
	return drop ? drop : (int)expect_decision(x, a, w, s, dir, track);
}

/* Its place in its datagram: 0, or why there is none. */
static enum weft_drop book_first(const struct arrival *a, struct datagram **ret)
{
	struct piece p;
	enum weft_drop bad = read_piece(&a->v, &p);

	*ret = bad ? NULL : datagram_of(a);
	if (bad || !*ret)
		return bad ? bad : WEFT_DROP_FRAGMENT_LIMIT;
	return add_piece(*ret, &p);
}

void expect_fragment(struct expect *x, const struct arrival *a)
{
	struct osession *s;
	struct datagram *d;
	unsigned int dir;
	bool track;
	struct way w;
	enum weft_drop bad;
	int drop;

	if (a->v.later) {
		expect_later(x, a);
		return;
	}
	drop = decide_first(x, a, &w, &s, &dir, &track);
	if (drop < 0)
		return;
	bad = book_first(a, &d);
	if (bad && s && track && s->tcp.know != KNOW_OVER)
		s->tcp.know = KNOW_LITTLE; /* the tracker has seen it */
	if (bad && drop)
		x->v.drop[x->v.n_drop - 1] = bad;
	else if (bad)
		expect_drop(x, bad);
	if (!bad) {
		d->state = drop || !s ? REFUSES
				      : FOLLOWS; /* without a session there is nothing to follow */
		if (s)
			d->key = s->k[dir];
		if (!drop)
			expect_tracked(x, a, &w, s, dir, track);
		if (x->may_track)
			note_tracker(x, d);
	}
	if (d)
		release(x, a, d, bad ? bad : d->state == REFUSES ? WEFT_DROP_FRAGMENT_REFUSED : 0);
	if (d && !tracked)
		end_if_complete(d);
}
