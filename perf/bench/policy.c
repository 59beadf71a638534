/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The policy classifier: what a judgement costs by rules and sets, at worst, and what commits cost.
 */
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include <table/policy.h>

#include "bed.h"
#include "bench.h"

#define VNI	  100
#define PORT	  1
#define RULES	  1
#define N_PORTS	  1000
#define N_FLOWS	  4096
#define LARGE_SET 100000

struct judge {
	const struct config *cfg;
	const struct config_port *port;
	struct policy_flow flows[N_FLOWS];
	unsigned int slower; /* fewer judgements per round, by this factor */
	uint64_t sink;	     /* what keeps results alive */
};

static uint64_t run_judge(void *arg, uint64_t n)
{
	struct judge *j = arg;

	n /= j->slower;
	for (uint64_t i = 0; i < n; i++) {
		struct policy_verdict v;

		policy_judge(j->cfg, j->port, WEFT_RULE_INGRESS, &j->flows[i % N_FLOWS], &v);
		j->sink += v.rule;
	}
	return n;
}

static struct weft_addr v4_addr(uint32_t n)
{
	return weft_addr_from_v4((uint8_t[]){10, n >> 16, n >> 8, n});
}

static void put_port(uint32_t id, uint32_t ruleset)
{
	struct weft_port p = {.id = id,
		.vni = VNI,
		.kind = WEFT_PORT_FAKE,
		.role = WEFT_ROLE_TENANT,
		.flags = WEFT_PORT_DEFAULT_DENY,
		.n_queues = 1,
		.mtu = 1450,
		.n_rulesets = ruleset != 0,
		.rulesets = {ruleset}};

	snprintf(p.device, sizeof(p.device), "policy%u", id);
	bed_put(WEFT_TABLE_PORT, &p);
}

static void put_ruleset(uint32_t ruleset, uint32_t first, uint32_t n, uint16_t proto, bool has_sets)
{
	bed_put(WEFT_TABLE_RULESET, &(struct weft_ruleset){.id = ruleset, .tier = WEFT_TIER_GROUP});
	for (uint32_t i = first; i < first + n; i++) {
		struct weft_rule r = {.ruleset = ruleset,
			.id = i,
			.direction = WEFT_RULE_INGRESS,
			.action = WEFT_RULE_ALLOW,
			.proto = proto,
			.port_min = proto == 6 ? i : 0,
			.port_max = proto == 6 ? i : 65535,
			.set = has_sets ? i : 0};

		bed_put(WEFT_TABLE_RULE, &r);
	}
}

static void put_rules(uint32_t first, uint32_t n, uint16_t proto, bool has_sets)
{
	put_ruleset(RULES, first, n, proto, has_sets);
}

static void put_segment(void)
{
	bed_put(WEFT_TABLE_SEGMENT, &(struct weft_segment){.vni = VNI, .mtu = 1450});
}

/* Flows to the TCP port, from addresses of the large set. */
static struct judge *judge_new(const struct config *cfg, uint16_t l4)
{
	struct judge *j = calloc(1, sizeof(*j));
	uint32_t at = 0;

	if (!j)
		abort();
	j->cfg = cfg;
	j->slower = 1;
	for (uint32_t i = 0; i < WEFT_MAX_PORTS; i++)
		if (cfg->ports[i] && cfg->ports[i]->spec.id == PORT)
			j->port = cfg->ports[i];
	for (uint32_t i = 0; i < N_FLOWS; i++) {
		at += 0x9e3779b1u;
		j->flows[i] = (struct policy_flow){.src = v4_addr(((uint64_t)at * LARGE_SET) >> 32),
			.dst = v4_addr(1),
			.proto = 6,
			.l4 = l4,
			.has_l4 = true};
	}
	return j;
}

static void report(struct judge *j, const char *name, unsigned int n, const char *of)
{
	bench_report_of(name, n, of, "flow", bench_cycles(run_judge, j));
	free(j);
}

/* The last rule decides. */
static void bench_rules(uint32_t n)
{
	put_segment();
	put_port(PORT, RULES);
	put_rules(1, n, 6, false);
	report(judge_new(bed_commit(), n), "judge", n, "rules");
	bed_reset();
}

static void put_member(uint32_t set, struct weft_addr addr, uint8_t len)
{
	struct weft_set_member m = {.set = set, .prefix = {.addr = addr, .len = len}};

	for (unsigned int bit = len; bit < 128; bit++)
		m.prefix.addr.b[bit / 8] &= ~(0x80 >> bit % 8);
	bed_put(WEFT_TABLE_SET_MEMBER, &m);
}

static double commit_us(void)
{
	uint64_t start = rte_rdtsc_precise();

	bed_commit();
	return (rte_rdtsc_precise() - start) * 1e6 / rte_get_tsc_hz();
}

/* One rule, one set, whose addresses are spread over memory; then it changes. */
static void bench_large_set(void)
{
	put_segment();
	put_port(PORT, RULES);
	put_rules(1, 1, 6, true);
	bed_put(WEFT_TABLE_SET, &(struct weft_set){.id = 1});
	for (uint32_t i = 0; i < LARGE_SET; i++)
		put_member(1, v4_addr(i), 128);
	bench_report_us("commit, a set of 100,000 prefixes", commit_us());
	bed_put(WEFT_TABLE_SET, &(struct weft_set){.id = 1});
	report(judge_new(bed_commit(), 1), "judge by a set", LARGE_SET, "prefixes");
	bench_report_us("commit, nothing", commit_us());
	put_member(1, v4_addr(LARGE_SET), 128);
	bench_report_us("commit, one more prefix of 100,000", commit_us());
	bed_reset();
}

/* All rules match but for their set; the sets are of four scopes, each of which has prefixes of all
 * lengths around the address, each of them in so many sets that it has a bit map. */
static void bench_worst(void)
{
	struct weft_addr addr = {{0x20, 0x01, 0x0d, 0xb8, 0xa5, 0x5a, [8] = 0x33, [15] = 1}};
	const uint32_t n_per_scope = POLICY_LIST_MAX + 1, n_sets = n_per_scope * WEFT_PORT_SCOPES;
	struct judge *j;

	put_segment();
	put_port(PORT, RULES);
	/* Sets without rules have the members, so that no rule matches. */
	for (uint32_t i = 1; i <= n_sets; i++) {
		bed_put(WEFT_TABLE_SET, &(struct weft_set){.id = WEFT_RULESET_RULES + i,
						.scope = i % WEFT_PORT_SCOPES});
		for (uint8_t len = 0; len <= 128; len++)
			put_member(WEFT_RULESET_RULES + i, addr, len);
	}
	put_rules(1, WEFT_RULESET_RULES, WEFT_RULE_ANY_PROTO, true);
	for (uint32_t i = 1; i <= WEFT_RULESET_RULES; i++)
		bed_put(WEFT_TABLE_SET, &(struct weft_set){.id = i, .scope = i % WEFT_PORT_SCOPES});
	j = judge_new(bed_commit(), 1);
	j->slower = 64;
	for (uint32_t i = 0; i < N_FLOWS; i++)
		j->flows[i].src = j->flows[i].dst = addr;
	report(j, "judge at worst", WEFT_RULESET_RULES, "rules");
	bed_reset();
}

static void bench_commits(void)
{
	put_segment();
	for (uint32_t i = 1; i <= N_PORTS; i++)
		put_port(i, 0);
	bed_commit();
	put_rules(1, 1000, 6, false);
	for (uint32_t i = 1; i <= N_PORTS; i++)
		put_port(i, RULES);
	bench_report_us("commit, 1,000 rules shared by 1,000 ports", commit_us());
	put_rules(500, 1, 17, false);
	bench_report_us("commit, one of those rules", commit_us());
	for (uint32_t i = 1; i <= N_PORTS; i++) {
		put_ruleset(i + 1, 1, 1000, 6, false);
		put_port(i, i + 1);
	}
	bench_report_us("commit, 1,000 rules of its own for each of 1,000 ports", commit_us());
	bed_reset();
}

void bench_policy(void)
{
	for (uint32_t n = 1; n <= 1000; n *= 10)
		bench_rules(n);
	bench_large_set();
	bench_commits();
	bench_worst();
}
