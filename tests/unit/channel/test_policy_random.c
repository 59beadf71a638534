/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random transactions of policy against a model of the tables: which of them are refused, and what
 * a dump tells afterwards.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fixture_policy.h"

/* The model: what there is of each table, by small numbers. */
#define N	  5
#define N_RULES	  6
#define N_MEMBERS 6

static const char *const prefixes[N_MEMBERS] = {
	"0.0.0.0/0", "10.0.0.0/8", "10.0.0.1/32", "::/0", "2001:db8::/32", "::ffff:0:0/95"};

struct model {
	bool set[N], ruleset[N], port[N];
	bool member[N][N_MEMBERS];
	uint16_t rule[N][N_RULES]; /* 0: none, else set index + 2, or 1: of no set */
	uint8_t uses[N][N];	   /* by port: the numbers of its rule sets + 1, 0 at the end */
};

static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (random_state >> 33) % n;
}

static struct weft_prefix model_prefix(uint32_t i)
{
	struct weft_prefix p;

	weft_prefix_parse(prefixes[i], true, &p);
	if (p.len == 95)
		p.addr.b[11] = 0xfe;
	return p;
}

static struct weft_port model_port(const struct model *m, uint32_t i)
{
	struct weft_port p = a_port(10 + i, 100);

	while (m->uses[i][p.n_rulesets]) {
		p.rulesets[p.n_rulesets] = m->uses[i][p.n_rulesets];
		p.n_rulesets++;
	}
	return p;
}

static struct weft_rule model_rule(const struct model *m, uint32_t rs, uint32_t i)
{
	return a_rule(
		rs + 1, i + 1, 80 + m->rule[rs][i], m->rule[rs][i] > 1 ? m->rule[rs][i] - 1 : 0);
}

/* One random op, applied to the model too. Puts of entries are noted in named, so that what they
 * refer to can be asked for later even if they went again. */
static void random_op(struct txn *t, struct model *m, struct model *named)
{
	uint32_t a = random_below(N), b = random_below(N_RULES);
	bool is_put = random_below(8) < 5;
	struct weft_set_member member = {.set = a + 1, .prefix = model_prefix(b)};

	switch (random_below(8)) {
	case 0:
		m->set[a] = is_put;
		(is_put ? put : del)(t, WEFT_TABLE_SET, &(struct weft_set[]){a_set(a + 1, a % 3)});
		break;
	case 1:
		m->ruleset[a] = is_put;
		(is_put ? put : del)(
			t, WEFT_TABLE_RULESET, &(struct weft_ruleset[]){a_ruleset(a + 1)});
		break;
	case 2:
		memset(m->uses[a], 0, sizeof(m->uses[a]));
		m->port[a] = is_put;
		for (uint32_t k = 0; is_put && k < N - 1 && random_below(2); k++)
			m->uses[a][k] = 1 + (b + k) % N;
		(is_put ? put : del)(t, WEFT_TABLE_PORT, &(struct weft_port[]){model_port(m, a)});
		break;
	case 3:
	case 4:
		m->member[a][b] = is_put;
		named->member[a][b] |= is_put;
		(is_put ? put : del)(t, WEFT_TABLE_SET_MEMBER, &member);
		break;
	default:
		m->rule[a][b] = is_put ? 1 + random_below(N + 1) : 0;
		named->ruleset[a] |= is_put;
		if (m->rule[a][b] > 1)
			named->set[m->rule[a][b] - 2] = true;
		(is_put ? put : del)(
			t, WEFT_TABLE_RULE, &(struct weft_rule[]){model_rule(m, a, b)});
	}
}

/* Whether all references hold at the end, those of ops that were undone by later ones too. */
static bool model_valid(const struct model *m, const struct model *named)
{
	for (uint32_t i = 0; i < N; i++) {
		if ((named->set[i] && !m->set[i]) || (named->ruleset[i] && !m->ruleset[i]))
			return false;
		for (uint32_t k = 0; k < N_MEMBERS; k++)
			if ((m->member[i][k] || named->member[i][k]) && !m->set[i])
				return false;
		for (uint32_t k = 0; k < N_RULES; k++)
			if (m->rule[i][k] &&
				(!m->ruleset[i] ||
					(m->rule[i][k] > 1 && !m->set[m->rule[i][k] - 2])))
				return false;
		for (uint32_t k = 0; m->port[i] && m->uses[i][k]; k++)
			if (!m->ruleset[m->uses[i][k] - 1])
				return false;
	}
	return true;
}

static uint64_t model_count(const struct model *m)
{
	uint64_t n = 1; /* the segment */

	for (uint32_t i = 0; i < N; i++) {
		n += m->set[i] + m->ruleset[i] + m->port[i];
		for (uint32_t k = 0; k < N_MEMBERS; k++)
			n += m->member[i][k];
		for (uint32_t k = 0; k < N_RULES; k++)
			n += m->rule[i][k] != 0;
	}
	return n;
}

static bool picture_has(const struct picture *p, enum weft_table table, const void *entry)
{
	const struct {
		uint32_t table;
		union weft_entry entry;
	} *e = (const void *)p->bytes;

	for (uint64_t i = 0; i < p->n_entries; i++)
		if (e[i].table == table && memcmp(&e[i].entry, entry, weft_entry_size(table)) == 0)
			return true;
	return false;
}

static void model_compare(const struct model *m)
{
	struct picture p = picture_take();

	assert_int_equal(p.n_entries, model_count(m));
#define EXPECT(condition, table, ...)                                                              \
	do {                                                                                       \
		__auto_type e = __VA_ARGS__;                                                       \
		assert_true(!(condition) || picture_has(&p, WEFT_TABLE_##table, &e));              \
	} while (0)
	for (uint32_t i = 0; i < N; i++) {
		EXPECT(m->set[i], SET, a_set(i + 1, i % 3));
		EXPECT(m->ruleset[i], RULESET, a_ruleset(i + 1));
		EXPECT(m->port[i], PORT, model_port(m, i));
		for (uint32_t k = 0; k < N_MEMBERS; k++)
			EXPECT(m->member[i][k], SET_MEMBER,
				(struct weft_set_member){.set = i + 1, .prefix = model_prefix(k)});
		for (uint32_t k = 0; k < N_RULES; k++)
			EXPECT(m->rule[i][k], RULE, model_rule(m, i, k));
	}
#undef EXPECT
	picture_free(&p);
}

static void test_random(void **state)
{
	uint32_t n_committed = 0, n_refused = 0;
	struct model m = {0};
	struct txn *t = txn_new();

	put(t, WEFT_TABLE_SEGMENT, &(struct weft_segment[]){a_segment(100)});
	commit_ok(t);
	for (uint32_t round = 0; round < 4000; round++) {
		struct model next = m, named = {0};
		struct weft_msg_txn_result result;

		t = txn_new();
		for (uint32_t n = 1 + random_below(8); n > 0; n--)
			random_op(t, &next, &named);
		txn_commit(t, &result);
		txn_free(t);
		if (model_valid(&next, &named) != (result.error == 0))
			fail_msg("round %u: error %u: %s", round, result.error, result.text);
		if (result.error == 0)
			m = next;
		n_committed += result.error == 0;
		n_refused += result.error != 0;
		if (round % 4 == 0)
			fixture_turn(1);
		if (round % 10 == 0 || result.error)
			model_compare(&m);
		if (round % 50 == 0)
			check_consistent();
	}
	assert_true(n_committed > 500 && n_refused > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_random, fixture_setup, fixture_teardown),
	};

	fixture_once();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
