/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two modelled TCPs talk through the tracker over a path that loses, doubles and reorders, with
 * windows of all sizes that fill and close: nothing that they send is refused, and both come to the
 * end. Meanwhile blind attackers inject segments: next to nothing of theirs passes.
 *
 * The model is of RFC 9293 without congestion control: it sends whatever the window allows, in
 * random sizes, goes back to the first unacknowledged byte when nothing moves, and probes closed
 * windows. It keeps numbers only, no data.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conversation.h"
#include "world.h"

#define FIN	0x01
#define SYN	0x02
#define RST	0x04
#define ACK	0x10
#define PATH	24 /* segments under way in one direction */
#define ISLANDS 16

static uint64_t seed = 11;

static uint32_t below(uint32_t n)
{
	return test_random(&seed) % n;
}

struct seg {
	uint32_t seq, ack, win, len;
	uint8_t flags;
};

/* Counted from the SYN: it is 0, the first byte of data 1, the FIN 1 + size. */
struct end {
	uint32_t isn, size;
	uint32_t una, next, highest; /* sent: acknowledged; to go on with; ever */
	uint32_t allowed;	     /* by the peer's window */
	uint32_t got;		     /* all before it was received; 0: not even the SYN */
	uint32_t read;		     /* of that, by the application */
	uint32_t buffer;
	struct {
		uint32_t start, end;
	} islands[ISLANDS]; /* received beyond a gap */
	uint32_t fin;	    /* number of the peer's, once known */
	uint8_t scale;
	bool picked;
};

struct path {
	struct seg under_way[PATH];
	unsigned int n;
};

static struct conversation c;
static struct end ends[2];
static struct path paths[2]; /* from end [0], from end [1] */
static unsigned int passed, lost;

static uint32_t window_of(const struct end *e)
{
	return e->buffer - (e->got - e->read);
}

static uint32_t last_of(const struct end *e) /* behind the FIN */
{
	return e->size + 2;
}

/* Through the tracker, which must let it pass, onto the path. */
static void put(unsigned int dir, uint8_t flags, uint32_t at, uint32_t len)
{
	struct end *e = &ends[dir], *peer = &ends[!dir];
	struct seg s = {.seq = at, .ack = e->got, .len = len, .flags = flags};
	uint8_t scale = flags & SYN ? 0 : e->scale;
	uint8_t options[4] = {1, 3, 3, e->scale};
	struct sent what = {.spec = {.proto = 6, .payload = len},
		.seq = e->isn + at,
		.ack = flags & ACK ? peer->isn + e->got : 0,
		.flags = flags,
		.options = options,
		.n_options = flags & SYN ? 1 : 0};
	struct path *p = &paths[dir];

	what.win = RTE_MIN(window_of(e) >> scale, 65535u);
	s.win = (uint32_t)what.win << scale;
	assert_int_equal(conversation_send(&c, dir, &what), 0);
	passed++;
	e->highest = RTE_MAX(e->highest, at + len + ((flags & (SYN | FIN)) != 0));
	if (below(100) < lost)
		return;
	for (unsigned int copies = 1 + (below(20) == 0); copies && p->n < PATH; copies--)
		p->under_way[p->n++] = s;
}

static void send_ack(unsigned int dir)
{
	put(dir, ACK, ends[dir].next, 0);
}

static void send_syn(unsigned int dir)
{
	put(dir, ends[dir].got ? SYN | ACK : SYN, 0, 0);
	ends[dir].next = RTE_MAX(ends[dir].next, 1u);
}

/* One segment of what is to be sent; false: nothing, or no window. */
static bool send_data(unsigned int dir)
{
	struct end *e = &ends[dir];
	uint32_t end = e->size + 1, room = e->allowed > e->next ? e->allowed - e->next : 0;
	uint32_t len = e->next < end ? end - e->next : 0, most;
	bool fin;

	len = RTE_MIN(len, room);
	room -= len;
	most = 1 + below(below(8) ? 1400 : 40000);
	if (len > most)
		len = most;
	fin = e->next + len == end && room;
	if (e->next > end || (len == 0 && !fin))
		return false;
	put(dir, ACK | (fin ? FIN : 0), e->next, len);
	e->next += len + fin;
	return true;
}

/* Nothing moves: again from the start, or a probe of a closed window. */
static void time_out(unsigned int dir)
{
	struct end *e = &ends[dir];

	if (e->una == 0) {
		if (dir == 0 || e->got)
			send_syn(dir);
		return;
	}
	if (e->una == last_of(e))
		return;
	if (e->allowed > e->una) {
		e->next = e->una;
		send_data(dir);
	} else if (below(2)) {
		put(dir, e->una > e->size ? FIN | ACK : ACK, e->una, e->una <= e->size);
	} else {
		put(dir, ACK, e->una - 1, 0);
	}
}

static void take_islands(struct end *e)
{
	for (unsigned int i = 0; i < ISLANDS; i++) {
		if (e->islands[i].end > e->got && e->islands[i].start <= e->got) {
			e->got = e->islands[i].end;
			i = -1u;
		}
	}
	for (unsigned int i = 0; i < ISLANDS; i++) {
		if (e->islands[i].end <= e->got)
			e->islands[i].end = 0;
	}
}

static void take_payload(struct end *e, uint32_t start, uint32_t end)
{
	uint32_t edge = e->read + e->buffer;

	if (end <= e->got || start >= edge)
		return;
	end = RTE_MIN(end, edge);
	if (start <= e->got)
		e->got = end;
	for (unsigned int i = 0; start > e->got && i < ISLANDS; i++) {
		if (e->islands[i].end)
			continue;
		e->islands[i].start = start;
		e->islands[i].end = end;
		break;
	}
	take_islands(e);
}

static void receive(unsigned int dir, const struct seg *s)
{
	struct end *e = &ends[dir];
	uint32_t end = s->seq + s->len + ((s->flags & (SYN | FIN)) != 0);

	if (s->flags & SYN) {
		if (e->got == 0)
			e->got = e->read = 1;
	} else if (e->got == 0) {
		return;
	}
	if ((s->flags & ACK) && s->ack <= e->highest) {
		e->una = RTE_MAX(e->una, s->ack);
		e->next = RTE_MAX(e->next, e->una);
		e->allowed = RTE_MAX(e->allowed, s->ack + s->win);
	}
	if (!(s->flags & SYN) && end > s->seq)
		take_payload(e, s->seq, end);
	if (s->flags & SYN && e->una == 0)
		send_syn(dir);
	else if (end > s->seq || s->seq < e->got)
		send_ack(dir);
}

/* A segment arrives, mostly the oldest. */
static bool deliver(unsigned int dir)
{
	struct path *p = &paths[dir];
	unsigned int i = below(4) ? 0 : below(RTE_MIN(p->n + 1, 6u));
	struct seg s;

	if (i >= p->n)
		return false;
	s = p->under_way[i];
	memmove(p->under_way + i, p->under_way + i + 1, (--p->n - i) * sizeof(s));
	receive(!dir, &s);
	return true;
}

static void read_some(struct end *e)
{
	uint32_t have = e->got - e->read;

	if (have && below(3) == 0)
		e->read += 1 + below(have);
}

/* Somebody who knows all but the numbers. Returns how many of n pass. */
static unsigned int attack(unsigned int n)
{
	static const uint8_t flags[] = {ACK, FIN | ACK, RST, RST | ACK, SYN | ACK};
	unsigned int hits = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct session before = *c.s;
		struct sent what = {.spec = {.proto = 6, .payload = below(100)},
			.seq = test_random(&seed),
			.ack = test_random(&seed),
			.win = below(65536),
			.flags = flags[i % RTE_DIM(flags)]};

		hits += conversation_send(&c, i & 1, &what) == 0;
		/* Undone: what it does to the connection is another matter. */
		c.s->dir[0].tcp = before.dir[0].tcp;
		c.s->dir[1].tcp = before.dir[1].tcp;
		c.s->tcp_state = before.tcp_state;
	}
	return hits;
}

static bool done(void)
{
	return ends[0].una == last_of(&ends[0]) && ends[1].una == last_of(&ends[1]);
}

static void converse(unsigned int kind)
{
	memset(ends, 0, sizeof(ends));
	memset(paths, 0, sizeof(paths));
	for (unsigned int i = 0; i < 2; i++) {
		ends[i].isn = kind % 3 ? test_random(&seed) : 0u - below(100000);
		ends[i].buffer = 1 + below(below(2) ? 3000 : 500000);
		ends[i].scale = below(10);
	}
	/* Some hundred segments; few where windows only open for probes. */
	for (unsigned int i = 0; i < 2; i++) {
		uint32_t win = ends[!i].buffer >> ends[!i].scale << ends[!i].scale;

		ends[i].size = below(4) ? below(RTE_MIN(win * 50 + 20, 400000u)) : below(10);
	}
	lost = kind % 4 * 10;
	conversation_start(&c, kind & 1);
	send_syn(0);
	if (kind % 7 == 0)
		send_syn(1); /* simultaneous open */
	for (unsigned int turns = 0; !done(); turns++) {
		unsigned int dir = below(2);

		if (turns == 1000000)
			fail_msg("kind %u: %u of %u, %u of %u; windows to %u, %u", kind,
				ends[0].una, last_of(&ends[0]), ends[1].una, last_of(&ends[1]),
				ends[0].allowed, ends[1].allowed);
		read_some(&ends[dir]);
		if (below(3) && deliver(dir))
			continue;
		if (ends[dir].una && ends[dir].got && below(2) && send_data(dir))
			continue;
		if (below(20) == 0)
			time_out(dir);
	}
	/* The end, for what is still under way. */
	while (deliver(0) || deliver(1) || paths[0].n || paths[1].n)
		;
}

static void test_nothing_legitimate_is_refused(void **state)
{
	for (unsigned int kind = 0; kind < 1000; kind++) {
		converse(kind);
		assert_string_equal(track_state_name(c.s), "time-wait");
		assert_int_equal(c.n, 1);
	}
	assert_true(passed > 10000);
}

/* Windows up to 500 kB. */
static void test_attackers_are_refused(void **state)
{
	unsigned int hits = 0, n = 0;

	for (unsigned int kind = 0; kind < 20; kind++) {
		converse(kind);
		hits += attack(2000);
		n += 2000;
	}
	print_message("%u of %u blind segments pass\n", hits, n);
	assert_in_range(hits, 0, n / 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_legitimate_is_refused),
		cmocka_unit_test(test_attackers_are_refused),
	};

	conversation_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
