/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The policy classifier: what the rule sets of a port say of a packet that would begin a session.
 *
 * Cost of one judgement, whatever the rules: for each scope that the port's rule sets refer to, one
 * hash lookup per prefix length in use there (33 at most for IPv4, 129 for IPv6), which gives the
 * sets that the remote address is in; then one pass over the rules of each rule set, a constant
 * few comparisons per rule (4096 at most per rule set and direction). No tuple-space search, no
 * structure whose size is a product of rules.
 *
 * Built by the main thread within a commit (channel/commit_policy.c); immutable once published.
 * policy_judge: workers, lock-free, under one configuration.
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
	uint16_t l4;   /* destination port; ICMP: type << 8 | code */
	uint8_t proto; /* IP protocol */
	bool has_l4;   /* false: l4 is not known, only rules for any port match */
};

struct policy_verdict {
	uint8_t action;	       /* WEFT_RULE_ALLOW, _DENY or _REJECT */
	uint8_t flags;	       /* of the rule: enum weft_rule_flag */
	uint16_t ruleset_slot; /* of the rule that decided; 0: the port's default did */
	uint32_t rule;	       /* its id */
};

/* What port's rule sets say of the flow, seen from the port in that direction
 * (WEFT_RULE_INGRESS: toward it, remote is flow->src). Never fails. A port without rule sets and
 * without WEFT_PORT_DEFAULT_DENY allows everything. */
void policy_judge(const struct config *cfg, const struct config_port *port,
	enum weft_rule_direction direction, const struct policy_flow *flow,
	struct policy_verdict *ret);

#endif
