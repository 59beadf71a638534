/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The policy classifier: what the rule sets of a port say of a packet that would begin a session.
 *
 * The rule sets of a port judge in the port's order. In a rule set the first rule that matches
 * decides: lowest priority first, then lowest id. WEFT_RULE_PASS leaves the packet to the rule sets
 * of other tiers behind: those of the same tier are skipped. What no rule decides is denied when
 * the port has WEFT_PORT_DEFAULT_DENY, else allowed. A rule matches when all of these hold: its
 * direction; its family, and that of its remote prefix; its protocol; its port range (0..65535
 * also when the ports are not known); its remote prefix; its set.
 *
 * A prefix of IPv4 is one inside ::ffff:0:0/96; any other one is of IPv6 and holds no IPv4
 * address, not even ::/0 as a member of a set. A flow is of IPv4 when both of its addresses are.
 *
 * Cost of one judgement, whatever the rules: one pass over the rules of each rule set that judges
 * this direction and family (4096 at most per rule set), protocol and ports of eight at once, the
 * rest of those that match in these. When a rule with a set matches in all else, once per scope:
 * one hash lookup per prefix length in use there (33 at most for IPv4, 129 for IPv6), and for each
 * prefix found at most POLICY_LIST_MAX steps or one pass over a bit map of all sets; from then on a
 * set is one bit. No tuple-space search, no structure whose size is a product of rules.
 *
 * Measured by weft-bench policy at 2.6 GHz: 10 ns with 1 rule, 44 ns with 100, 430 ns with 1000 of
 * which the last one decides; 80 ns by a set of 100,000 prefixes. At worst, 4096 rules that match
 * in all but their set, and four scopes with prefixes of all 129 lengths around the address, each
 * of them in more than a thousand sets: 90 us.
 *
 * Built by the main thread within a commit (channel/commit_policy.c); immutable once published.
 * policy_judge: workers, lock-free, under one configuration. All else: main thread.
 */
#ifndef TABLE_POLICY_H
#define TABLE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include <table/config.h>

/* The first packet of a session, as its rules see it. */
struct policy_flow {
	struct weft_addr src;
	struct weft_addr dst;
	uint16_t l4;	/* destination port; ICMP: type << 8 | code */
	uint16_t sport; /* 0: the protocol has none; for the log, no rule asks for it */
	uint8_t proto;	/* IP protocol */
	bool has_l4;	/* false: l4 is not known, only rules for any port match */
};

#define POLICY_STEP_NS 8 /* at 2.6 GHz */

struct policy_verdict {
	uint8_t action;	       /* WEFT_RULE_ALLOW, _DENY or _REJECT */
	uint8_t flags;	       /* of the rule: enum weft_rule_flag */
	uint16_t ruleset_slot; /* of the rule that decided; 0: the port's default did */
	uint32_t rule;	       /* its id */
	uint32_t steps;	       /* what the judgement cost: each about POLICY_STEP_NS */
};

/* What port's rule sets say of the flow, seen from the port in that direction
 * (WEFT_RULE_INGRESS: toward it, remote is flow->src). Never fails. A port without rule sets and
 * without WEFT_PORT_DEFAULT_DENY allows everything. Uses about 6 KB of stack. */
void policy_judge(const struct config *cfg, const struct config_port *port,
	enum weft_rule_direction direction, const struct policy_flow *flow,
	struct policy_verdict *ret);

enum policy_family {
	POLICY_V4,
	POLICY_V6,
	POLICY_FAMILIES
};

/* What is compared first, of so many rules at once: protocol and ports. */
#define POLICY_LANES 8
struct policy_filter {
	uint16_t proto[POLICY_LANES];
	uint16_t proto_mask[POLICY_LANES]; /* 0: any */
	uint16_t port_min[POLICY_LANES];
	uint16_t port_range[POLICY_LANES]; /* port_max - port_min */
};
static_assert(sizeof(struct policy_filter) == 64, "one cache line");

/* The rest of a rule, for one direction and family. */
struct policy_rule {
	uint64_t remote[2]; /* as it lies in memory, already masked */
	uint64_t mask[2];
	uint32_t id;
	uint16_t set;	/* slot; 0: any */
	uint16_t scope; /* slot, of the set */
	uint8_t action;
	uint8_t flags;
};

/* A rule as control put it, with the slots of what it refers to. */
struct policy_rule_spec {
	struct weft_rule rule;
	uint16_t set; /* slot; 0: none */
	uint16_t scope;
};

struct policy_rule_list {
	const struct policy_filter *filters; /* lanes beyond n match nothing */
	const struct policy_rule *rules;     /* in the order in which they judge */
	uint32_t n;
};

struct policy_ruleset {
	struct weft_ruleset spec;
	uint16_t slot;
	uint16_t n_scopes; /* of sets that its rules refer to */
	uint16_t scopes[WEFT_PORT_SCOPES];
	uint32_t n_rules;
	uint32_t n_sets;
	const struct policy_rule_spec *rules; /* by id */
	const uint16_t *sets;		      /* that its rules refer to, each once */
	struct policy_rule_list lists[WEFT_RULE_EGRESS][POLICY_FAMILIES]; /* by direction - 1 */
};

/* Compiles n rules, sorted by id, into one block of memory: free() it. NULL with errno ENOMEM, or
 * E2BIG: the rules refer to more than WEFT_PORT_SCOPES scopes. */
struct policy_ruleset *policy_ruleset_new(const struct weft_ruleset *spec, uint16_t slot,
	const struct policy_rule_spec *rules, uint32_t n);

/* Adds those scopes to a list of *n. False: it would have more than WEFT_PORT_SCOPES. */
bool policy_scopes_add(
	uint16_t list[WEFT_PORT_SCOPES], uint16_t *n, const uint16_t *scopes, uint16_t n_scopes);

/* One scope of sets. Copied on write, as one configuration's. */
struct policy_scope {
	uint32_t id;
	uint16_t slot;
	uint16_t n_sets;
	uint64_t lens[POLICY_FAMILIES][3]; /* bit n: there are prefixes of length n */
	uint32_t n_prefixes[POLICY_FAMILIES][129];
};

#define POLICY_LIST_MAX 1024 /* a prefix in more sets has a bit map of sets */

/* The members of all sets: which sets of a scope have exactly this prefix. NULL: out of memory. */
struct vhash *policy_members_new(void);
/* Changes the draft of generation g: a version of the prefix and the scope's lengths. Returns 1, 0
 * when nothing had to change, -ENOMEM or -ENOSPC; after an error the draft must be aborted. Time
 * grows with the number of sets that have this very prefix, nothing else. */
int policy_member_put(struct vhash *members, struct policy_scope *scope,
	const struct weft_prefix *prefix, uint16_t set, uint64_t g);
int policy_member_delete(struct vhash *members, struct policy_scope *scope,
	const struct weft_prefix *prefix, uint16_t set, uint64_t g);

/* Walks all members valid in generation g; *cursor and *inner start at 0. False with *budget 0: go
 * on later; else: the end. A prefix that changes between two calls may be told partly or again. */
bool policy_member_next(const struct vhash *members, uint64_t *cursor, uint64_t *inner, uint64_t g,
	uint32_t *budget, uint16_t *ret_set, struct weft_prefix *ret);

#endif
