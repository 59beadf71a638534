/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The policy classifier against an oracle that reads the rules as entry.h and policy.h describe
 * them: one bit of a prefix after the other, one rule after the other, nothing compiled.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <core/rcu.h>
#include <table/policy.h>

#define N_SCOPES   3
#define N_SETS	   24
#define N_MEMBERS  12
#define N_RULESETS 5
#define N_RULES	   40

static uint64_t random_state = 0x9e3779b97f4a7c15u;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (random_state >> 33) % n;
}

static bool one_in(uint32_t n)
{
	return random_below(n) == 0;
}

/* What control would have told. Slots and ids: index + 1. */
struct model_set {
	uint16_t scope;
	uint32_t n;
	struct weft_prefix members[N_MEMBERS];
};
struct model_ruleset {
	uint8_t tier;
	uint32_t n;
	struct weft_rule rules[N_RULES];
};
struct model {
	struct model_set sets[N_SETS];
	struct model_ruleset rulesets[N_RULESETS];
};

/* The oracle. */

static bool is_v4(const struct weft_addr *a)
{
	for (unsigned int i = 0; i < 12; i++)
		if (a->b[i] != (i < 10 ? 0 : 0xff))
			return false;
	return true;
}

static bool prefix_is_v4(const struct weft_prefix *p)
{
	return p->len >= 96 && is_v4(&p->addr);
}

static bool prefix_holds(const struct weft_prefix *p, const struct weft_addr *a, bool flow_is_v4)
{
	if (prefix_is_v4(p) != flow_is_v4)
		return false;
	for (unsigned int bit = 0; bit < p->len; bit++)
		if ((p->addr.b[bit / 8] ^ a->b[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

static bool set_holds(const struct model_set *s, const struct weft_addr *a, bool flow_is_v4)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (prefix_holds(&s->members[i], a, flow_is_v4))
			return true;
	return false;
}

static bool rule_matches(const struct model *m, const struct weft_rule *r,
	enum weft_rule_direction direction, const struct policy_flow *f)
{
	const struct weft_addr *remote = direction == WEFT_RULE_INGRESS ? &f->src : &f->dst;
	bool flow_is_v4 = is_v4(&f->src) && is_v4(&f->dst);
	bool any_port = r->port_min == 0 && r->port_max == 65535;

	if (r->direction != direction || (r->family && (r->family == 4) != flow_is_v4))
		return false;
	if (r->proto != WEFT_RULE_ANY_PROTO && r->proto != f->proto)
		return false;
	if (!any_port && (!f->has_l4 || f->l4 < r->port_min || f->l4 > r->port_max))
		return false;
	if (r->remote.len > 0 && !prefix_holds(&r->remote, remote, flow_is_v4))
		return false;
	return !r->set || set_holds(&m->sets[r->set - 1], remote, flow_is_v4);
}

static const struct weft_rule *oracle_first(const struct model *m, const struct model_ruleset *rs,
	enum weft_rule_direction direction, const struct policy_flow *f)
{
	const struct weft_rule *best = NULL;

	for (uint32_t i = 0; i < rs->n; i++) {
		const struct weft_rule *r = &rs->rules[i];

		if (!rule_matches(m, r, direction, f))
			continue;
		if (!best || r->priority < best->priority ||
			(r->priority == best->priority && r->id < best->id))
			best = r;
	}
	return best;
}

static struct policy_verdict oracle_judge(const struct model *m, const struct config_port *port,
	enum weft_rule_direction direction, const struct policy_flow *f)
{
	bool skip[WEFT_TIER_BASELINE + 1] = {false};

	for (uint32_t i = 0; i < port->n_rulesets; i++) {
		const struct model_ruleset *rs = &m->rulesets[port->rulesets[i] - 1];
		const struct weft_rule *r =
			skip[rs->tier] ? NULL : oracle_first(m, rs, direction, f);

		if (r && r->action == WEFT_RULE_PASS)
			skip[rs->tier] = true;
		else if (r)
			return (struct policy_verdict){
				r->action, r->flags, port->rulesets[i], r->id};
	}
	return (struct policy_verdict){
		port->spec.flags & WEFT_PORT_DEFAULT_DENY ? WEFT_RULE_DENY : WEFT_RULE_ALLOW};
}

/* Few addresses, near to each other and to the border between the families. */

static struct weft_addr random_addr(void)
{
	static const struct weft_addr bases[] = {
		{{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}},
		{{[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}},
		{{[10] = 0xff, [11] = 0xff, [12] = 192, [13] = 168}},
		{{[10] = 0xff, [11] = 0xff}},
		{{0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
		{{0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
		{{[10] = 0xff, [11] = 0xfe, [12] = 10, [15] = 1}},
		{{[12] = 10, [15] = 1}},
		{{0}},
	};
	struct weft_addr a = bases[random_below(sizeof(bases) / sizeof(bases[0]))];
	uint32_t n_flips = one_in(2) ? 0 : 1 + random_below(3);

	for (uint32_t i = 0; i < n_flips; i++) {
		uint32_t bit = one_in(3) ? random_below(128) : 120 + random_below(8);

		a.b[bit / 8] ^= 0x80 >> bit % 8;
	}
	return a;
}

static struct weft_prefix random_prefix(void)
{
	struct weft_prefix p = {.addr = random_addr(), .len = random_below(129)};

	if (one_in(2))
		p.len = 96 + random_below(33);
	for (unsigned int bit = p.len; bit < 128; bit++)
		p.addr.b[bit / 8] &= ~(0x80 >> bit % 8);
	return p;
}

static uint16_t random_port(void)
{
	static const uint16_t edges[] = {
		0, 1, 22, 79, 80, 81, 443, 1023, 1024, 8 << 8, 65534, 65535};

	return edges[random_below(sizeof(edges) / sizeof(edges[0]))];
}

static uint8_t random_proto(void)
{
	static const uint8_t protos[] = {6, 6, 17, 1, 58, 132, 0, 255};

	return protos[random_below(sizeof(protos))];
}

static struct weft_rule random_rule(uint32_t ruleset, uint32_t id)
{
	uint16_t a = random_port(), b = random_port();
	bool any_port = one_in(2);
	struct weft_rule r = {
		.ruleset = ruleset,
		.id = id,
		.priority = random_below(5),
		.direction = 1 + random_below(2),
		.action = 1 + random_below(4),
		.flags = random_below(2),
		.proto = one_in(3) ? WEFT_RULE_ANY_PROTO : random_proto(),
		.port_min = any_port ? 0
			    : a < b  ? a
				     : b,
		.port_max = any_port ? 65535
			    : a < b  ? b
				     : a,
		.set = one_in(2) ? 1 + random_below(N_SETS) : 0,
	};

	if (one_in(2))
		r.remote = random_prefix();
	if (one_in(2))
		r.family = r.remote.len == 0	     ? (one_in(2) ? 4 : 6)
			   : prefix_is_v4(&r.remote) ? 4
						     : 6;
	return r;
}

static struct policy_flow random_flow(void)
{
	struct policy_flow f = {.src = random_addr(),
		.dst = random_addr(),
		.l4 = random_port(),
		.proto = random_proto(),
		.has_l4 = !one_in(5)};

	/* Mostly one family. */
	while (is_v4(&f.src) != is_v4(&f.dst) && !one_in(20))
		f.dst = random_addr();
	return f;
}

/* The configuration made of the model. */

static struct config cfg_store[2];

static struct config *config_start(void)
{
	struct config *cfg = &cfg_store[0];

	memset(cfg_store, 0, sizeof(cfg_store));
	assert_int_equal(rcu_init(0), 0);
	cfg->generation = 1;
	cfg->set_members = policy_members_new();
	assert_non_null(cfg->set_members);
	for (uint16_t slot = 1; slot <= N_SCOPES; slot++) {
		cfg->scopes[slot] = calloc(1, sizeof(*cfg->scopes[0]));
		cfg->scopes[slot]->slot = slot;
	}
	return cfg;
}

static void config_end(struct config *cfg)
{
	for (uint32_t i = 0; i < WEFT_MAX_SCOPES; i++)
		free(cfg->scopes[i]);
	for (uint32_t i = 0; i < WEFT_MAX_RULESETS; i++)
		free(cfg->rulesets[i]);
	vhash_free(cfg->set_members);
	rcu_fini();
}

static void put_member(struct config *cfg, struct model *m, uint32_t set, struct weft_prefix p)
{
	struct model_set *s = &m->sets[set];
	int rc = policy_member_put(
		cfg->set_members, cfg->scopes[s->scope], &p, set + 1, cfg->generation);

	for (uint32_t i = 0; i < s->n; i++) {
		if (memcmp(&s->members[i], &p, sizeof(p)) == 0) {
			assert_int_equal(rc, 0);
			return;
		}
	}
	assert_int_equal(rc, 1);
	s->members[s->n++] = p;
}

static void delete_member(struct config *cfg, struct model *m, uint32_t set, struct weft_prefix p)
{
	struct model_set *s = &m->sets[set];
	uint32_t at = 0;
	int rc = policy_member_delete(
		cfg->set_members, cfg->scopes[s->scope], &p, set + 1, cfg->generation);

	while (at < s->n && memcmp(&s->members[at], &p, sizeof(p)))
		at++;
	assert_int_equal(rc, at < s->n);
	if (at < s->n)
		s->members[at] = s->members[--s->n];
}

static struct policy_ruleset *compile(const struct model *m, uint32_t ruleset)
{
	const struct model_ruleset *rs = &m->rulesets[ruleset];
	struct weft_ruleset spec = {.id = ruleset + 1, .tier = rs->tier};
	struct policy_rule_spec rules[N_RULES];
	struct policy_ruleset *c;

	for (uint32_t i = 0; i < rs->n; i++) {
		uint32_t set = rs->rules[i].set;

		rules[i] = (struct policy_rule_spec){
			rs->rules[i], set, set ? m->sets[set - 1].scope : 0};
	}
	c = policy_ruleset_new(&spec, ruleset + 1, rules, rs->n);
	assert_non_null(c);
	return c;
}

static void random_model(struct config *cfg, struct model *m)
{
	memset(m, 0, sizeof(*m));
	for (uint32_t i = 0; i < N_SETS; i++) {
		uint32_t n = random_below(N_MEMBERS + 1);

		m->sets[i].scope = 1 + random_below(N_SCOPES);
		while (n-- > 0)
			put_member(cfg, m, i, random_prefix());
	}
	for (uint32_t i = 0; i < N_RULESETS; i++) {
		struct model_ruleset *rs = &m->rulesets[i];

		rs->tier = 1 + random_below(WEFT_TIER_BASELINE);
		rs->n = random_below(N_RULES + 1);
		for (uint32_t k = 0; k < rs->n; k++)
			rs->rules[k] = random_rule(i + 1, 10 + k * 3);
		cfg->rulesets[i + 1] = compile(m, i);
	}
	vhash_commit(cfg->set_members, cfg->generation);
}

static struct config_port random_model_port(void)
{
	struct config_port p = {.n_rulesets = random_below(N_RULESETS + 1)};

	for (uint16_t i = 0; i < p.n_rulesets; i++)
		p.rulesets[i] = 1 + random_below(N_RULESETS);
	if (one_in(2))
		p.spec.flags = WEFT_PORT_DEFAULT_DENY;
	return p;
}

static void judge_and_compare(const struct config *cfg, const struct model *m,
	const struct config_port *port, const struct policy_flow *f)
{
	for (unsigned int d = WEFT_RULE_INGRESS; d <= WEFT_RULE_EGRESS; d++) {
		struct policy_verdict got, want = oracle_judge(m, port, d, f);

		memset(&got, 0xee, sizeof(got));
		policy_judge(cfg, port, d, f, &got);
		assert_int_equal(got.action, want.action);
		assert_int_equal(got.flags, want.flags);
		assert_int_equal(got.ruleset_slot, want.ruleset_slot);
		assert_int_equal(got.rule, want.rule);
	}
}

static void test_random(void **state)
{
	uint32_t n_by[2][5] = {{0}};

	for (uint32_t round = 0; round < 200; round++) {
		struct config *cfg = config_start();
		struct model m;

		random_model(cfg, &m);
		for (uint32_t i = 0; i < 1000; i++) {
			struct config_port port = random_model_port();
			struct policy_flow f = random_flow();
			struct policy_verdict v;

			judge_and_compare(cfg, &m, &port, &f);
			policy_judge(cfg, &port, WEFT_RULE_INGRESS, &f, &v);
			n_by[v.ruleset_slot != 0][v.action]++;
		}
		config_end(cfg);
	}
	/* Every kind of verdict came about often. */
	assert_true(n_by[0][WEFT_RULE_ALLOW] > 1000 && n_by[0][WEFT_RULE_DENY] > 1000);
	for (unsigned int action = WEFT_RULE_ALLOW; action <= WEFT_RULE_REJECT; action++)
		assert_true(n_by[1][action] > 1000);
}

/* The next configuration, whose scopes may change. */
static void config_fork(const struct config *old, struct config *next)
{
	*next = *old;
	next->generation++;
	for (uint16_t slot = 1; slot <= N_SCOPES; slot++) {
		next->scopes[slot] = malloc(sizeof(*next->scopes[0]));
		*next->scopes[slot] = *old->scopes[slot];
	}
}

static void scopes_free(struct config *cfg)
{
	for (uint16_t slot = 1; slot <= N_SCOPES; slot++)
		free(cfg->scopes[slot]);
}

static void change_members(struct config *cfg, struct model *m)
{
	for (uint32_t n = random_below(40); n > 0; n--) {
		uint32_t set = random_below(N_SETS);
		struct model_set *s = &m->sets[set];

		if (s->n < N_MEMBERS && one_in(2))
			put_member(cfg, m, set, random_prefix());
		else if (s->n > 0 && !one_in(4))
			delete_member(cfg, m, set, s->members[random_below(s->n)]);
		else
			delete_member(cfg, m, set, random_prefix());
	}
}

/* Both the old generation and the next one see their own members, also when the next one fails. */
static void test_generations(void **state)
{
	struct config *cfg = config_start(), *next = &cfg_store[1];
	struct model m, changed;

	random_model(cfg, &m);
	for (uint32_t round = 0; round < 300; round++) {
		bool fails = one_in(4);

		config_fork(cfg, next);
		changed = m;
		change_members(next, &changed);
		if (fails)
			vhash_abort(cfg->set_members, next->generation);
		else
			vhash_commit(cfg->set_members, next->generation);
		for (uint32_t i = 0; i < 200; i++) {
			struct config_port port = random_model_port();
			struct policy_flow f = random_flow();

			judge_and_compare(cfg, &m, &port, &f);
			if (!fails)
				judge_and_compare(next, &changed, &port, &f);
		}
		scopes_free(fails ? next : cfg);
		if (!fails) {
			*cfg = *next;
			m = changed;
		}
		rcu_reclaim();
		rcu_reclaim();
	}
	config_end(cfg);
}

static struct weft_addr v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return weft_addr_from_v4((uint8_t[]){a, b, c, d});
}

/* One prefix in ever more sets and then in fewer, through each form its sets are kept in. */
static void test_sets_of_one_prefix(void **state)
{
	struct config *cfg = config_start();
	struct policy_scope *s = cfg->scopes[1];
	const struct weft_prefix p = {.addr = v4(10, 0, 0, 0), .len = 104};
	const uint32_t n_max = POLICY_LIST_MAX + 20;
	uint64_t sum = 0;

	for (uint32_t i = 1; i <= n_max; i++) {
		cfg->generation = i;
		assert_int_equal(policy_member_put(cfg->set_members, s, &p, i * 7, i), 1);
		assert_int_equal(policy_member_put(cfg->set_members, s, &p, i * 7, i), 0);
		sum += i * 7;
		vhash_commit(cfg->set_members, i);
		rcu_reclaim();
	}
	assert_int_equal(s->n_prefixes[POLICY_V4][104], 1);
	for (uint32_t i = n_max; i > 0; i--) {
		uint64_t g = n_max + (n_max - i) + 1, cursor = 0, inner = 0, told = 0;
		struct weft_prefix got;
		uint32_t n = 0;
		uint16_t set;

		for (uint32_t budget = 3;; budget = 3) { /* as a dump does, in small pieces */
			bool more = policy_member_next(
				cfg->set_members, &cursor, &inner, g - 1, &budget, &set, &got);

			if (!more && budget > 0)
				break;
			if (!more)
				continue;
			assert_memory_equal(&got, &p, sizeof(p));
			told += set;
			n++;
		}
		assert_int_equal(n, i);
		assert_int_equal(told, sum);
		assert_int_equal(policy_member_delete(cfg->set_members, s, &p, i * 7, g), 1);
		assert_int_equal(policy_member_delete(cfg->set_members, s, &p, i * 7, g), 0);
		sum -= i * 7;
		vhash_commit(cfg->set_members, g);
		rcu_reclaim();
	}
	assert_int_equal(vhash_count(cfg->set_members), 0);
	assert_int_equal(s->n_prefixes[POLICY_V4][104], 0);
	assert_int_equal(s->lens[POLICY_V4][1], 0);
	config_end(cfg);
}

/* The prefix of that length around addr, or with its last bit turned: then addr is not in it. */
static struct weft_prefix prefix_around(const struct weft_addr *addr, uint8_t len, bool turned)
{
	struct weft_prefix p = {.addr = *addr, .len = len};

	for (unsigned int bit = len; bit < 128; bit++)
		p.addr.b[bit / 8] &= ~(0x80 >> bit % 8);
	if (turned)
		p.addr.b[(len - 1) / 8] ^= 0x80 >> (len - 1) % 8;
	return p;
}

/* A thousand rules with a set each, with prefixes of all lengths. An address whose bit b is turned
 * is in the first set with a prefix of b + 1 bits. */
static void test_worst_case(void **state)
{
	static struct policy_rule_spec rules[1000];
	struct config *cfg = config_start();
	struct weft_ruleset spec = {.id = 1, .tier = WEFT_TIER_GROUP};
	struct config_port port = {.n_rulesets = 1, .rulesets = {1}};
	const struct weft_addr addr = {{0x20, 0x01, 0x0d, 0xb8, 0x55, 0xaa, [15] = 0x55}};
	struct policy_flow f = {.src = addr, .dst = addr, .proto = 6, .l4 = 80, .has_l4 = true};
	struct policy_verdict v;

	for (uint32_t i = 0; i < 1000; i++) {
		struct policy_scope *scope = cfg->scopes[1 + i % N_SCOPES];
		struct weft_prefix p = prefix_around(&addr, i < 999 ? i % 128 + 1 : 0, i < 999);

		rules[i] = (struct policy_rule_spec){.rule = {.id = i + 1,
							     .direction = WEFT_RULE_INGRESS,
							     .action = WEFT_RULE_ALLOW,
							     .proto = WEFT_RULE_ANY_PROTO,
							     .port_max = 65535,
							     .set = i + 1},
			.set = i + 1,
			.scope = scope->slot};
		assert_int_equal(policy_member_put(cfg->set_members, scope, &p, i + 1, 1), 1);
	}
	cfg->rulesets[1] = policy_ruleset_new(&spec, 1, rules, 1000);
	assert_non_null(cfg->rulesets[1]);
	policy_judge(cfg, &port, WEFT_RULE_INGRESS, &f, &v);
	assert_int_equal(v.rule, 1000);
	for (unsigned int bit = 0; bit < 128; bit++) {
		f.src = addr;
		f.src.b[bit / 8] ^= 0x80 >> bit % 8;
		policy_judge(cfg, &port, WEFT_RULE_INGRESS, &f, &v);
		assert_int_equal(v.rule, bit + 1);
		policy_judge(cfg, &port, WEFT_RULE_EGRESS, &f, &v);
		assert_int_equal(v.ruleset_slot, 0);
	}
	config_end(cfg);
}

/* A rule set and a list of scopes hold no more than a port may refer to. */
static void test_scopes(void **state)
{
	struct policy_rule_spec rules[WEFT_PORT_SCOPES + 1] = {0};
	struct weft_ruleset spec = {.id = 1, .tier = WEFT_TIER_GROUP};
	uint16_t list[WEFT_PORT_SCOPES], n = 0;
	struct policy_ruleset *rs;

	for (uint16_t i = 0; i <= WEFT_PORT_SCOPES; i++)
		rules[i] = (struct policy_rule_spec){
			.rule = {.id = i + 1, .direction = WEFT_RULE_EGRESS},
			.set = i + 1,
			.scope = i + 1};
	rs = policy_ruleset_new(&spec, 1, rules, WEFT_PORT_SCOPES);
	assert_non_null(rs);
	assert_int_equal(rs->n_scopes, WEFT_PORT_SCOPES);
	assert_true(policy_scopes_add(list, &n, rs->scopes, rs->n_scopes));
	assert_true(policy_scopes_add(list, &n, rs->scopes, rs->n_scopes));
	assert_int_equal(n, WEFT_PORT_SCOPES);
	assert_false(policy_scopes_add(list, &n, &(uint16_t){9}, 1));
	free(rs);
	errno = 0;
	assert_null(policy_ruleset_new(&spec, 1, rules, WEFT_PORT_SCOPES + 1));
	assert_int_equal(errno, E2BIG);
	rs = policy_ruleset_new(&spec, 1, NULL, 0);
	assert_non_null(rs);
	free(rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_generations),
		cmocka_unit_test(test_sets_of_one_prefix),
		cmocka_unit_test(test_worst_case),
		cmocka_unit_test(test_scopes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
