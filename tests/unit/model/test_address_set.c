/* SPDX-License-Identifier: BSD-3-Clause */
/* The difference of two address sets, against looking up each prefix in both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <model/object.h>

#define ADDRESSES 3000

/* An address for each number, in order. */
static struct weft_prefix prefix_of(uint32_t i)
{
	return (struct weft_prefix){
		.addr.b = {0x20, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i}, .len = 128};
}

static uint32_t number_of(const struct weft_prefix *p)
{
	return (uint32_t)p->addr.b[14] << 8 | p->addr.b[15];
}

struct side {
	bool has[ADDRESSES];
	struct weft_prefix prefixes[ADDRESSES];
	struct address_set set;
};

static void build(struct side *s)
{
	s->set = (struct address_set){.prefixes = s->prefixes};
	for (uint32_t i = 0; i < ADDRESSES; i++)
		if (s->has[i])
			s->prefixes[s->set.n_prefixes++] = prefix_of(i);
}

struct seen {
	const struct side *a, *b;
	uint32_t next; /* the least number that may come */
	size_t n;
};

static void see(void *arg, const struct weft_prefix *p, bool added)
{
	struct seen *s = arg;
	uint32_t i = number_of(p);

	assert_true(i >= s->next && i < ADDRESSES);
	assert_int_equal(s->b && s->b->has[i], added);
	assert_int_equal(s->a && s->a->has[i], !added);
	s->next = i + 1;
	s->n++;
}

/* Either may be NULL. */
static void check(const struct side *a, const struct side *b)
{
	struct seen s = {a, b};
	size_t n = 0;

	for (uint32_t i = 0; i < ADDRESSES; i++)
		n += (a && a->has[i]) != (b && b->has[i]);
	address_set_diff(a ? &a->set : NULL, b ? &b->set : NULL, see, &s);
	assert_int_equal(s.n, n);
}

static void test_diff(void **state)
{
	static struct side a, b;

	srandom(17);
	for (int round = 0; round < 400; round++) {
		uint32_t first = (uint32_t)random() % ADDRESSES;

		for (uint32_t i = 0; i < ADDRESSES; i++)
			a.has[i] = i < first || random() % (1 + round % 3) == 0;
		memcpy(b.has, a.has, sizeof(a.has));
		for (int n = round % 7 ? round % 7 : 2000; n > 0; n--)
			b.has[random() % ADDRESSES] ^= true;
		build(&a);
		build(&b);
		check(&a, &b);
		check(&b, &a);
	}
}

static void test_ends(void **state)
{
	static struct side a, b, none;

	memset(a.has, true, sizeof(a.has));
	build(&a);
	build(&none);
	check(&a, &a);
	check(&a, NULL);
	check(NULL, &a);
	check(&a, &none);
	check(&none, NULL);
	check(NULL, NULL);
	for (uint32_t i = 0; i < ADDRESSES; i += ADDRESSES - 1) {
		memset(b.has, true, sizeof(b.has));
		b.has[i] = false;
		build(&b);
		check(&a, &b);
		check(&b, &a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
