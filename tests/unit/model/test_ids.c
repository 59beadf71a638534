/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers of objects: never two alike, a released one rests as long as there are others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../../control/model/model_impl.h"

#define LAST ((1u << 24) - 1)

static void test_round_robin(void **state)
{
	struct id_set s = {0};

	assert_int_equal(id_take(&s), 1);
	assert_int_equal(id_take(&s), 2);
	id_release(&s, 1);
	assert_int_equal(id_take(&s), 3);
	assert_true(id_take_this(&s, LAST - 1));
	assert_false(id_take_this(&s, LAST - 1));
	assert_false(id_take_this(&s, LAST + 1));
	assert_false(id_take_this(&s, 0));
	assert_int_equal(id_take(&s), LAST);
	assert_int_equal(id_take(&s), 1); /* 2 and 3 are in use */
	assert_int_equal(id_take(&s), 4);
	free(s.words);
}

static void test_all_taken(void **state)
{
	struct id_set s = {0};

	for (uint32_t id = 1; id <= LAST; id++)
		assert_true(id_take(&s) == id);
	assert_int_equal(id_take(&s), 0);
	id_release(&s, 4711);
	assert_int_equal(id_take(&s), 4711);
	free(s.words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_robin),
		cmocka_unit_test(test_all_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
