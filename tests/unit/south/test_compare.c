/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The comparison against a naive oracle: applying its ops to what was there must give what should
 * be, and there must be no op that changes nothing.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../../../control/south/compare.h"

#define ENTRIES 300

struct set {
	struct {
		enum weft_table table;
		union weft_entry e;
	} entries[ENTRIES * 2];
	size_t n;
};

static size_t set_find(const struct set *s, enum weft_table table, const union weft_entry *e)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->entries[i].table == table &&
			weft_entry_key_equal(table, &s->entries[i].e, e))
			return i;
	return SIZE_MAX;
}

static void set_put(struct set *s, enum weft_table table, const union weft_entry *e)
{
	size_t i = set_find(s, table, e);

	if (i == SIZE_MAX)
		i = s->n++;
	s->entries[i].table = table;
	memset(&s->entries[i].e, 0, sizeof(s->entries[i].e));
	memcpy(&s->entries[i].e, e, weft_entry_size(table));
}

/* Few keys and few values, so that absent, equal and different all happen. */
static void random_entry(enum weft_table *ret_table, union weft_entry *ret)
{
	memset(ret, 0, sizeof(*ret));
	*ret_table = 1 + random() % (WEFT_TABLE_MAX - 1);
	switch (*ret_table) {
	case WEFT_TABLE_SEGMENT:
		ret->segment.vni = random() % 40;
		ret->segment.mtu = random() % 2;
		break;
	case WEFT_TABLE_PORT:
		ret->port.id = random() % 40;
		ret->port.name[63] = random() % 2;
		break;
	case WEFT_TABLE_LOCAL_VTEP:
		ret->local_vtep.addr.b[15] = random() % 40;
		ret->local_vtep.uplink = random() % 2;
		break;
	case WEFT_TABLE_VTEP:
		ret->vtep.remote.b[15] = random() % 40;
		ret->vtep.ttl = random() % 2;
		break;
	case WEFT_TABLE_FLOOD:
		ret->flood.vni = random() % 8;
		ret->flood.remote.b[0] = random() % 8;
		break;
	case WEFT_TABLE_FDB:
		ret->fdb.vni = random() % 8;
		ret->fdb.mac.b[5] = random() % 8;
		ret->fdb.port = random() % 2;
		break;
	default:
		ret->neigh.vni = random() % 8;
		ret->neigh.addr.b[15] = random() % 8;
		ret->neigh.mac.b[0] = random() % 2;
	}
}

static void random_set(struct set *s, size_t n)
{
	enum weft_table table;
	union weft_entry e;

	s->n = 0;
	for (size_t i = 0; i < n; i++) {
		random_entry(&table, &e);
		set_put(s, table, &e);
	}
}

static void apply(struct set *s, const struct ops *ops)
{
	struct weft_op op;

	for (size_t at = 0; (at = ops_read(ops, at, &op)) != 0;) {
		size_t i = set_find(s, op.table, op.entry);

		if (op.verb == WEFT_OP_DELETE) {
			assert_true(i != SIZE_MAX);
			s->entries[i] = s->entries[--s->n];
			continue;
		}
		assert_true(i == SIZE_MAX ||
			    memcmp(&s->entries[i].e, op.entry, weft_entry_size(op.table)) != 0);
		set_put(s, op.table, op.entry);
	}
}

static void check_equal(const struct set *a, const struct set *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		size_t j = set_find(b, a->entries[i].table, &a->entries[i].e);

		assert_true(j != SIZE_MAX);
		assert_memory_equal(&a->entries[i].e, &b->entries[j].e, sizeof(a->entries[i].e));
	}
}

static void test_random(void **state)
{
	static struct set have, want;

	for (unsigned int round = 0; round < 200; round++) {
		struct compare *c = compare_new();
		struct ops ops = {0};

		random_set(&have, random() % ENTRIES);
		random_set(&want, random() % ENTRIES);
		for (size_t i = 0; i < have.n; i++)
			assert_int_equal(
				compare_add(c, have.entries[i].table, &have.entries[i].e), 0);
		for (size_t i = 0; i < want.n; i++)
			compare_want(c, want.entries[i].table, &want.entries[i].e, &ops);
		compare_finish(c, &ops);
		assert_false(ops.broken);
		apply(&have, &ops);
		check_equal(&have, &want);
		ops_clear(&ops);
		compare_free(c);
	}
}

/* Deletes come after all puts and in reverse order of tables: nothing refers to what is gone. */
static void test_delete_order(void **state)
{
	struct compare *c = compare_new();
	unsigned int last = WEFT_TABLE_MAX;
	struct ops ops = {0};
	union weft_entry e;
	struct weft_op op;

	memset(&e, 0, sizeof(e));
	for (unsigned int table = 1; table < WEFT_TABLE_MAX; table++)
		assert_int_equal(compare_add(c, table, &e), 0);
	e.segment.vni = 7;
	compare_want(c, WEFT_TABLE_SEGMENT, &e, &ops);
	compare_finish(c, &ops);
	assert_int_equal(ops.n, WEFT_TABLE_MAX);
	for (size_t at = 0, i = 0; (at = ops_read(&ops, at, &op)) != 0; i++) {
		assert_int_equal(op.verb, i == 0 ? WEFT_OP_PUT : WEFT_OP_DELETE);
		if (i == 0)
			continue;
		assert_true(op.table < last);
		last = op.table;
	}
	assert_int_equal(compare_add(c, WEFT_TABLE_MAX, &e), -EINVAL);
	ops_clear(&ops);
	compare_free(c);
}

/* A million entries, as after a restart of weftd: well below a second, also under a sanitizer. */
static void test_million(void **state)
{
	struct compare *c = compare_new();
	struct ops ops = {0};
	union weft_entry e;
	struct timespec t0, t1;

	memset(&e, 0, sizeof(e));
	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (unsigned int pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < 1000000; i++) {
			e.fdb.vni = i % 4000 + 1;
			memcpy(e.fdb.mac.b, &i, sizeof(i));
			if (pass == 0)
				compare_add(c, WEFT_TABLE_FDB, &e);
			else
				compare_want(c, WEFT_TABLE_FDB, &e, &ops);
		}
	compare_finish(c, &ops);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	print_message("1,000,000 entries compared in %ld ms\n",
		(t1.tv_sec - t0.tv_sec) * 1000 + (t1.tv_nsec - t0.tv_nsec) / 1000000);
	assert_int_equal(ops.n, 0);
	ops_clear(&ops);
	compare_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_delete_order),
		cmocka_unit_test(test_million),
	};

	srandom(1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
