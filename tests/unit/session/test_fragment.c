/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fragment table: its rules one by one, its bounds, and random datagrams cut, doubled, mangled
 * and mixed against a naive oracle. Every packet given to it comes back once.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <core/clock.h>
#include <pkt/parse.h>
#include <session/fragment.h>

#include "frame.h"
#include "test_eal.h"

/* A fragment as a test names it. */
struct piece {
	uint32_t start, end;
	bool more;
	bool v6;
	uint8_t proto; /* 0: ESP, so that there is no L4 header in the way */
	uint16_t id;
	uint16_t port; /* 0: 1 */
	uint16_t segment;
	bool tunnel;
};

static struct rte_mbuf *make(const struct piece *p)
{
	static __thread struct frame f;
	uint8_t ext[16] = {
		44, 0, 1, 4, 0, 0, 0, 0, 0, 0, p->start >> 8, p->start | p->more, 0x12, 0x34};
	struct rte_mbuf *m;

	put16(ext + 14, p->id);
	frame_make(&f, &(struct frame_spec){.v6 = p->v6,
			       .proto = p->proto ? p->proto : 50,
			       .payload = p->end - p->start,
			       .ip_id = p->id,
			       .frag = p->start / 8 | (p->more ? 0x2000 : 0),
			       .ext = p->v6 ? ext : NULL,
			       .ext_len = p->v6 ? 16 : 0,
			       .ext_last = 8});
	m = frame_mbuf(f.b, f.len);
	pkt_meta(m)->in_port = p->port ? p->port : 1;
	pkt_meta(m)->segment = p->segment;
	pkt_meta(m)->flags = p->tunnel ? PKT_FROM_TUNNEL : 0;
	assert_int_equal(pkt_parse(m), 0);
	return m;
}

/* What became of it: a drop reason, or: */
#define FOLLOWS	 0
#define KEPT	 (-1)
#define ANY_PORT 4321

static int later(const struct piece *p)
{
	struct rte_mbuf *m = make(p);
	struct session_key key;
	enum weft_drop drop = 0;
	enum fragment_verdict v;

	v = fragment_later(m, pkt_meta(m), pkt_meta(m)->in_port, &key, &drop);
	if (v == FRAGMENT_KEPT)
		return KEPT;
	rte_pktmbuf_free(m);
	if (v == FRAGMENT_DROP)
		return drop;
	assert_int_equal(key.sport, ANY_PORT);
	return FOLLOWS;
}

/* Gives out n fragments, of which the starts come to ret (NULL: of no interest). */
static int first(const struct piece *p, enum weft_drop refused, uint32_t *ret, unsigned int *n)
{
	const struct session_key key = {.sport = ANY_PORT};
	struct rte_mbuf *m = make(p), *out[FRAGMENT_WAITING];
	enum weft_drop drop = 0;
	int r = fragment_first(m, pkt_meta(m), pkt_meta(m)->in_port, &key, refused, out, n, &drop);

	assert_int_equal(r < 0, drop != 0);
	for (unsigned int i = 0; i < *n; i++) {
		const uint8_t *ip = rte_pktmbuf_mtod_offset(out[i], const uint8_t *, 14);

		if (ret)
			ret[i] = ip[0] >> 4 == 4 ? (get16(ip + 6) & 0x1fff) * 8
						 : get16(ip + 50) & 0xfff8;
		rte_pktmbuf_free(out[i]);
	}
	rte_pktmbuf_free(m);
	return drop;
}

/* Nothing waits for it. */
static int alone(const struct piece *p)
{
	unsigned int n;
	int r = first(p, 0, NULL, &n);

	assert_int_equal(n, 0);
	return r;
}

/* All that expires now; returns how many of that reason. */
static unsigned int expire(enum weft_drop reason)
{
	struct rte_mbuf *out[5];
	unsigned int n, of_reason = 0;

	for (unsigned int i = 0; i < 2 * FRAGMENT_TABLE; i++) {
		n = fragment_expire(out, RTE_DIM(out));
		assert_in_range(n, 0, RTE_DIM(out));
		while (n--) {
			of_reason += pkt_meta(out[n])->drop == reason;
			rte_pktmbuf_free(out[n]);
		}
	}
	return of_reason;
}

static int setup(void **state)
{
	return fragment_init();
}

static int teardown(void **state)
{
	bool all;

	clock_warp(2 * FRAGMENT_MS);
	expire(0);
	all = test_pools_full();
	fragment_fini();
	return all ? 0 : -1;
}

#define P(s, e, m) (&(struct piece){.start = s, .end = e, .more = m, .v6 = v6})

static void test_in_order(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		assert_int_equal(alone(P(0, 800, true)), 0);
		assert_int_equal(later(P(800, 1600, true)), FOLLOWS);
		assert_int_equal(later(P(1600, 1601, false)), FOLLOWS);
		/* It is complete: the same identification is another datagram. */
		assert_int_equal(later(P(800, 1600, true)), KEPT);
	}
	clock_warp(FRAGMENT_MS);
	assert_int_equal(expire(WEFT_DROP_FRAGMENT_TIMEOUT), 2);
}

static void test_first_comes_last(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		const uint32_t want[] = {1600, 2400, 800};
		uint32_t got[FRAGMENT_WAITING];
		unsigned int n;

		assert_int_equal(later(P(1600, 2400, true)), KEPT);
		assert_int_equal(later(P(2400, 3000, false)), KEPT);
		assert_int_equal(later(P(800, 1600, true)), KEPT);
		assert_int_equal(first(P(0, 800, true), 0, got, &n), 0);
		assert_int_equal(n, 3);
		assert_memory_equal(got, want, sizeof(want));
		assert_int_equal(alone(P(0, 800, true)), 0);
		/* In the middle. */
		assert_int_equal(later(P(1600, 2400, true)), FOLLOWS);
	}
}

static void test_refused(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		unsigned int n;

		assert_int_equal(later(P(800, 1600, true)), KEPT);
		assert_int_equal(first(P(0, 800, true), WEFT_DROP_POLICY_INGRESS, NULL, &n), 0);
		assert_int_equal(n, 1);
		assert_int_equal(later(P(1600, 2400, true)), WEFT_DROP_FRAGMENT_REFUSED);
		assert_int_equal(later(P(2400, 2404, false)), WEFT_DROP_FRAGMENT_REFUSED);
		/* All of it came: the next one may fare better. */
		assert_int_equal(alone(P(0, 800, true)), 0);
		assert_int_equal(later(P(800, 1600, true)), FOLLOWS);
	}
}

/* What spoils a datagram that has [0,80) [160,240) and, if last, the end [400,404). */
static const struct {
	uint32_t start, end;
	bool more;
	bool last;
	bool harmless; /* dropped alone */
} overlaps[] = {
	{160, 240, true, false, true},
	{400, 404, false, true, true},
	{160, 240, false, false, false}, /* what was in the middle is now the end */
	{400, 408, true, true, false},
	{72, 88, true, false, false},
	{152, 168, true, false, false},
	{168, 176, true, false, false},
	{80, 320, true, false, false},
	{232, 400, true, true, false},
	{88, 100, false, false, false}, /* ends before what was there */
	{408, 416, true, true, false},	/* behind the end */
	{416, 420, false, true, false}, /* another end */
	{320, 404, false, true, false},
};

static void test_overlaps(void **state)
{
	for (unsigned int i = 0; i < RTE_DIM(overlaps) * 4; i++) {
		bool v6 = i & 1, first_waits = i & 2;
		unsigned int k = i / 4, n;
		bool last = overlaps[k].last;
		int expected = first_waits ? KEPT : FOLLOWS;

		if (!first_waits)
			assert_int_equal(alone(P(0, 80, true)), 0);
		assert_int_equal(later(P(160, 240, true)), expected);
		if (last)
			assert_int_equal(later(P(400, 404, false)), expected);
		if (first_waits && overlaps[k].start < 80)
			expected = KEPT; /* nothing there yet */
		else
			expected = WEFT_DROP_FRAGMENT_OVERLAP;
		assert_int_equal(
			later(P(overlaps[k].start, overlaps[k].end, overlaps[k].more)), expected);
		if (first_waits) {
			assert_int_equal(first(P(0, 80, true), 0, NULL, &n),
				overlaps[k].harmless ? 0 : WEFT_DROP_FRAGMENT_OVERLAP);
			assert_int_equal(n, 1 + last + (expected == KEPT));
		}
		expected = overlaps[k].harmless ? FOLLOWS : WEFT_DROP_FRAGMENT_OVERLAP;
		assert_int_equal(later(P(80, 160, true)), expected);
		assert_int_equal(later(P(240, 248, true)), expected);
		/* The first one again is dropped whatever else there was. */
		assert_int_equal(alone(P(0, 80, true)), WEFT_DROP_FRAGMENT_OVERLAP);
		clock_warp(FRAGMENT_MS);
		expire(0);
	}
}

static void test_lengths(void **state)
{
	int v6 = 0;

	assert_int_equal(later(P(800, 800, true)), WEFT_DROP_BAD_IP_HEADER);
	assert_int_equal(later(P(800, 805, true)), WEFT_DROP_BAD_IP_HEADER);
	assert_int_equal(later(P(65528, 65535, false)), KEPT);
	v6 = 1;
	assert_int_equal(later(P(800, 800, false)), WEFT_DROP_BAD_IP_HEADER);
	assert_int_equal(later(P(800, 805, true)), WEFT_DROP_BAD_IP_HEADER);
	assert_int_equal(later(P(65528, 65535, false)), KEPT);
	assert_int_equal(later(P(65528, 65536, false)), WEFT_DROP_BAD_IP_HEADER);
}

/* Whose fragments are one datagram's. */
static void test_identity(void **state)
{
	const struct piece head = {.end = 80, .more = true, .id = 7};
	struct piece tail = {.start = 80, .end = 160, .more = true, .id = 7};

	assert_int_equal(alone(&head), 0);
	assert_int_equal(later(&tail), FOLLOWS);
	tail.start = 160, tail.end = 240;
	tail.id = 8;
	assert_int_equal(later(&tail), KEPT);
	tail.id = 7;
	tail.port = 2;
	assert_int_equal(later(&tail), KEPT);
	tail.port = 1;
	tail.segment = 2;
	assert_int_equal(later(&tail), KEPT);
	tail.segment = 0;
	tail.tunnel = true;
	assert_int_equal(later(&tail), KEPT);
	tail.tunnel = false;
	tail.v6 = true;
	assert_int_equal(later(&tail), KEPT);
	tail.v6 = false;
	tail.proto = 47;
	assert_int_equal(later(&tail), KEPT);
	tail.proto = 0;
	assert_int_equal(later(&tail), FOLLOWS);
	/* IPv6: later fragments may name another protocol (RFC 8200 section 4.5). */
	assert_int_equal(alone(&(struct piece){.end = 80, .more = true, .v6 = true, .id = 9}), 0);
	assert_int_equal(
		later(&(struct piece){.start = 80, .end = 160, .v6 = true, .id = 9, .proto = 47}),
		FOLLOWS);
}

static void test_limits_of_a_datagram(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		unsigned int n;

		for (unsigned int i = 1; i <= FRAGMENT_WAITING; i++)
			assert_int_equal(later(P(i * 8, i * 8 + 8, true)), KEPT);
		assert_int_equal(later(P(800, 808, true)), WEFT_DROP_FRAGMENT_LIMIT);
		assert_int_equal(later(P(808, 816, true)), WEFT_DROP_FRAGMENT_LIMIT);
		assert_int_equal(first(P(0, 8, true), 0, NULL, &n), WEFT_DROP_FRAGMENT_LIMIT);
		assert_int_equal(n, FRAGMENT_WAITING);
		clock_warp(FRAGMENT_MS);
		expire(0);

		assert_int_equal(alone(P(0, 8, true)), 0);
		for (unsigned int i = 1; i < FRAGMENT_PARTS; i++)
			assert_int_equal(later(P(i * 8, i * 8 + 8, true)), FOLLOWS);
		assert_int_equal(later(P(8000, 8008, true)), WEFT_DROP_FRAGMENT_LIMIT);
		clock_warp(FRAGMENT_MS);
	}
}

static int flood(uint16_t port, uint16_t id, uint32_t start)
{
	return later(&(struct piece){
		.start = start, .end = start + 8, .more = true, .id = id, .port = port});
}

/* What one port may have does not keep others from theirs. */
static void test_limits_of_a_port(void **state)
{
	unsigned int kept = 0, room = 0;
	uint16_t id = 0;

	for (; id < 2 * FRAGMENT_PORT; id++)
		kept += flood(1, id, 8) == KEPT;
	assert_in_range(kept, FRAGMENT_PORT - 4, FRAGMENT_PORT);
	for (kept = 0; id < 2 * FRAGMENT_PORT + 50; id++)
		kept += flood(2, id, 8) == KEPT;
	assert_int_equal(kept, 50);
	/* Several each. */
	for (kept = 0, id = 0; id < FRAGMENT_PORT; id++) {
		for (unsigned int i = 1; i <= FRAGMENT_WAITING; i++)
			kept += flood(3, id, i * 8) == KEPT;
	}
	assert_int_equal(kept, FRAGMENT_KEPT_PORT);
	/* Those of spoilt datagrams come back at once, the others in time. */
	assert_int_equal(expire(WEFT_DROP_FRAGMENT_TIMEOUT), 0);
	clock_warp(FRAGMENT_MS - 1);
	assert_int_equal(expire(WEFT_DROP_FRAGMENT_TIMEOUT), 0);
	clock_warp(1);
	assert_in_range(
		expire(WEFT_DROP_FRAGMENT_TIMEOUT), FRAGMENT_PORT, 2 * FRAGMENT_KEPT_PORT + 50);
	for (id = 0; id < FRAGMENT_PORT; id++)
		room += flood(1, id, 8) == KEPT;
	assert_in_range(room, FRAGMENT_PORT - 4, FRAGMENT_PORT);
}

static void test_limits_of_all(void **state)
{
	unsigned int kept = 0, refused = 0;

	for (unsigned int port = 1; port <= 20; port++) {
		for (unsigned int id = 0; id < FRAGMENT_PORT; id++) {
			int r = flood(port, id, 8);

			assert_true(r == KEPT || r == WEFT_DROP_FRAGMENT_LIMIT);
			kept += r == KEPT;
		}
	}
	assert_in_range(kept, FRAGMENT_KEPT_MAX - 10, FRAGMENT_KEPT_MAX);
	/* Without room a first fragment is not let through: what follows it would be lost. */
	for (unsigned int id = 0; id < 4 * FRAGMENT_PORT; id++) {
		struct piece head = {
			.end = 8, .more = true, .id = id, .port = 30 + id / FRAGMENT_PORT};
		int r = alone(&head);

		assert_true(r == 0 || r == WEFT_DROP_FRAGMENT_LIMIT);
		refused += r != 0;
	}
	assert_in_range(refused, 1, 4 * FRAGMENT_PORT);
	clock_warp(FRAGMENT_MS);
	assert_int_equal(expire(WEFT_DROP_FRAGMENT_TIMEOUT) > 0, true);
}

/* Tunnels are counted by segment, not by the uplink that they share. */
static void test_limits_of_tunnels(void **state)
{
	for (unsigned int segment = 1; segment < 5; segment++) {
		for (unsigned int id = 0; id < 200; id++)
			assert_int_equal(later(&(struct piece){.start = 8,
						 .end = 16,
						 .id = id,
						 .segment = segment,
						 .tunnel = true}),
				KEPT);
	}
}

/* The datagrams of the random test, seen by a reader of session/fragment.h. */
#define DATAGRAMS 48
#define SIZE	  2000

struct oracle {
	bool there, first, refused;
	int spoilt; /* the reason */
	uint8_t covered[SIZE + 100];
	struct piece parts[200];
	unsigned int n_parts, n_waiting;
	uint32_t total;
	uint32_t waiting[FRAGMENT_WAITING];
};
static struct oracle oracles[DATAGRAMS];

static bool oracle_overlaps(const struct oracle *o, const struct piece *p)
{
	if (o->total && (p->end > o->total || !p->more))
		return true;
	for (uint32_t i = 0; i < sizeof(o->covered); i++) {
		if (o->covered[i] && ((i >= p->start && i < p->end) || (!p->more && i >= p->end)))
			return true;
	}
	return false;
}

/* 0, or why it does not fit in. */
static int oracle_add(struct oracle *o, const struct piece *p)
{
	if (!o->there)
		memset(o, 0, sizeof(*o));
	o->there = true;
	if (o->spoilt)
		return o->spoilt;
	for (unsigned int i = 0; i < o->n_parts; i++) {
		if (o->parts[i].start == p->start && o->parts[i].end == p->end &&
			o->parts[i].more == p->more)
			return WEFT_DROP_FRAGMENT_OVERLAP;
	}
	if (oracle_overlaps(o, p))
		return o->spoilt = WEFT_DROP_FRAGMENT_OVERLAP;
	if (o->n_parts == FRAGMENT_PARTS)
		return o->spoilt = WEFT_DROP_FRAGMENT_LIMIT;
	o->parts[o->n_parts++] = *p;
	memset(o->covered + p->start, 1, p->end - p->start);
	if (!p->more)
		o->total = p->end;
	return 0;
}

static void oracle_complete(struct oracle *o)
{
	if (o->first && o->total && !o->spoilt && !memchr(o->covered, 0, o->total))
		o->there = false;
}

static int oracle_later(struct oracle *o, const struct piece *p)
{
	int r = oracle_add(o, p);

	if (r)
		return r;
	if (o->first) {
		r = o->refused ? WEFT_DROP_FRAGMENT_REFUSED : FOLLOWS;
		oracle_complete(o);
		return r;
	}
	if (o->n_waiting == FRAGMENT_WAITING)
		return o->spoilt = WEFT_DROP_FRAGMENT_LIMIT;
	o->waiting[o->n_waiting++] = p->start;
	return KEPT;
}

static void check_first(struct oracle *o, const struct piece *p, bool refused)
{
	uint32_t got[FRAGMENT_WAITING];
	unsigned int n;
	int want = oracle_add(o, p);

	assert_int_equal(first(p, refused ? WEFT_DROP_POLICY_EGRESS : 0, got, &n), want);
	assert_int_equal(n, o->n_waiting);
	assert_memory_equal(got, o->waiting, n * sizeof(*got));
	o->n_waiting = 0;
	if (want)
		return;
	o->first = true;
	o->refused = refused;
	oracle_complete(o);
}

static uint64_t seed = 3;

static uint32_t below(uint32_t n)
{
	return test_random(&seed) % n;
}

/* Some of all fragments are mangled. */
static struct piece mangle(struct piece p)
{
	switch (below(30)) {
	case 0:
		p.start = p.start < 8 ? 0 : p.start - 8;
		break;
	case 1:
		p.end = p.more ? p.end + 8 : p.end + 1;
		break;
	case 2:
		p.more = !p.more && p.end % 8 == 0;
		break;
	case 3:
		p.start = below(SIZE / 8) * 8;
		p.end = p.start + 8 * (1 + below(4));
		p.more = true;
		break;
	default:
		break;
	}
	return p;
}

/* A datagram cut at random, some pieces doubled; returns their number. */
static unsigned int cut(struct piece *ret, uint16_t id)
{
	uint32_t size = 8 + below(SIZE - 8), at = 0, step = 8 * (1 + below(40));
	unsigned int n = 0;

	while (at < size && n < 150) {
		uint32_t end = at + 8 * (1 + below(step / 8));

		ret[n] = (struct piece){.start = at,
			.end = RTE_MIN(end, size),
			.more = end < size,
			.id = id,
			.v6 = id & 1};
		n += 1 + (below(20) == 0);
		ret[n - 1] = ret[n - 1].end ? ret[n - 1] : ret[n - 2];
		at = end;
	}
	return n;
}

static void test_random_datagrams(void **state)
{
	static struct piece pieces[DATAGRAMS * 300];

	for (unsigned int round = 0; round < 60; round++) {
		unsigned int n = 0;

		memset(pieces, 0, sizeof(pieces));
		memset(oracles, 0, sizeof(oracles));
		for (unsigned int i = 0; i < DATAGRAMS; i++)
			n += cut(pieces + n, i);
		/* From nearly in order to none at all. */
		for (unsigned int i = 0; i < n; i++) {
			unsigned int j = (i + below(1 + (round % 6) * n / 5)) % n;
			struct piece t = pieces[i];

			pieces[i] = pieces[j];
			pieces[j] = t;
		}
		for (unsigned int i = 0; i < n; i++) {
			struct piece p = mangle(pieces[i]);
			struct oracle *o = &oracles[p.id];

			if (p.start == 0)
				check_first(o, &p, p.id % 5 == 0);
			else
				assert_int_equal(later(&p), oracle_later(o, &p));
		}
		clock_warp(FRAGMENT_MS);
		expire(0);
		assert_true(test_pools_full());
	}
}

/* Two workers, the same datagrams. */
static void *race(void *arg)
{
	uint64_t random = (uintptr_t)arg;

	for (unsigned int i = 0; i < 40000; i++) {
		uint64_t r = test_random(&random);
		uint32_t start = (r >> 8) % 6 * 8;
		struct piece p = {.start = start,
			.end = start + 8,
			.more = start != 40,
			.id = r % 16,
			.v6 = r >> 32 & 1};
		struct rte_mbuf *out[FRAGMENT_WAITING];
		unsigned int n;

		if (start == 0)
			first(&p, 0, NULL, &n);
		else
			later(&p);
		if (i % 64 == 0) {
			n = fragment_expire(out, FRAGMENT_WAITING);
			rte_pktmbuf_free_bulk(out, n);
		}
	}
	return NULL;
}

static void test_race(void **state)
{
	pthread_t other;

	assert_int_equal(pthread_create(&other, NULL, race, (void *)1), 0);
	race((void *)2);
	pthread_join(other, NULL);
}

/* What waits when the table goes is freed (teardown sees to it). */
static void test_fini(void **state)
{
	assert_int_equal(flood(1, 1, 8), KEPT);
	fragment_fini();
	assert_true(test_pools_full());
	assert_int_equal(fragment_init(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_in_order),
		T(test_first_comes_last),
		T(test_refused),
		T(test_overlaps),
		T(test_lengths),
		T(test_identity),
		T(test_limits_of_a_datagram),
		T(test_limits_of_a_port),
		T(test_limits_of_all),
		T(test_limits_of_tunnels),
		T(test_random_datagrams),
		T(test_race),
		T(test_fini),
	};

	test_eal_init(64);
	test_pools(8192);
	session_seed[0] = 0x0123456789abcdef;
	session_seed[1] = 0xd1b54a32d192ed03;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
