/* SPDX-License-Identifier: BSD-3-Clause */
/* The hash set against a plain array, with good hashes and with hashes that all collide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ccore/hset.h>

#define N_KEYS 400

static uint64_t hash_mask;

static uint64_t hash(const void *element)
{
	return hset_hash(element, sizeof(uint32_t)) & hash_mask;
}

static bool eq(const void *element, const void *probe)
{
	return memcmp(element, probe, sizeof(uint32_t)) == 0;
}

static void check(struct hset *s, const bool present[N_KEYS])
{
	size_t n = 0, seen = 0;

	for (uint32_t key = 0; key < N_KEYS; key++) {
		assert_int_equal(hset_find(s, hash(&key), eq, &key) != NULL, present[key]);
		n += present[key];
	}
	for (uint32_t *p = NULL; (p = hset_next(s, p));) {
		assert_true(present[*p]);
		seen++;
	}
	assert_int_equal(n, s->n);
	assert_int_equal(n, seen);
}

static void run(uint64_t mask)
{
	bool present[N_KEYS] = {false};
	struct hset s;

	hash_mask = mask;
	srandom(7);
	hset_init(&s, sizeof(uint32_t), hash);
	for (int i = 0; i < 30000; i++) {
		/* phases that fill and that empty */
		bool grow = (i / 3000) % 2 == 0 ? random() % 4 : random() % 4 == 0;
		uint32_t key = random() % N_KEYS;
		uint32_t *p = hset_find(&s, hash(&key), eq, &key);

		if (grow && !p) {
			p = hset_insert(&s, &key);
			assert_int_equal(*p, key);
			present[key] = true;
		} else if (!grow && p) {
			hset_remove(&s, p);
			present[key] = false;
		}
		if (i % 100 == 0)
			check(&s, present);
	}
	check(&s, present);
	hset_clear(&s);
	check(&s, (bool[N_KEYS]){false});
}

static void test_random(void **state)
{
	run(UINT64_MAX);
	run(UINT64_C(0xc000000000000001)); /* four homes, two tags */
	run(0);
}

static void test_hash(void **state)
{
	uint8_t bytes[40] = {0};

	for (size_t n = 0; n < sizeof(bytes); n++) {
		uint64_t h = hset_hash(bytes, n);

		assert_true(h == hset_hash(bytes, n));
		assert_true(h != hset_hash(bytes, n + 1));
		for (size_t i = 0; i < n; i++) {
			bytes[i] ^= 1;
			assert_true(h != hset_hash(bytes, n));
			bytes[i] ^= 1;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
