/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Policy where it is enforced: at the two ends of a session when it begins (and again in a new
 * epoch), and frame by frame for what has no session.
 *
 * Frames without a session: broadcast and multicast IP is judged at its sender and for each local
 * copy. ARP and neighbour discovery pass: without them nothing would work, and anti-spoofing guards
 * them. Rules know only of IP, so any other frame is stopped where a port's default is to deny.
 *
 * What a rule with WEFT_RULE_LOG decides is told (table/policy_log.h).
 *
 * Drops: POLICY_EGRESS, POLICY_INGRESS, POLICY_REJECT; pl->blame says which rule. Workers.
 */
#include <pkt/parse.h>
#include <table/policy_log.h>

#include "policy.h"
#include "trace.h"

static void policy_blame(
	struct pipeline *pl, const struct config_port *port, const struct policy_verdict *v)
{
	pl->blame = (struct stage_blame){
		.port = port->slot, .ruleset = v->ruleset_slot, .rule = v->rule};
}

/* again: that it is allowed is no news. */
static void policy_ask(struct pipeline *pl, const struct config_port *port,
	enum weft_rule_direction direction, const struct policy_flow *flow, bool again,
	struct policy_verdict *ret)
{
	policy_judge(pl->cfg, port, direction, flow, ret);
	pl->steps += ret->steps;
	if (unlikely(ret->flags & WEFT_RULE_LOG) && !(again && ret->action == WEFT_RULE_ALLOW) &&
		!pl->dry)
		policy_log_post(pl->cfg, port, direction, flow, ret);
}

/* At one end, 0 the sender's. */
static int policy_end(struct pipeline *pl, const struct policy_flow *flow, struct policy_ends *e,
	unsigned int end)
{
	const struct config_port *port = e->port[end];
	struct policy_verdict v = {.action = WEFT_RULE_ALLOW};

	if (port)
		policy_ask(
			pl, port, end ? WEFT_RULE_INGRESS : WEFT_RULE_EGRESS, flow, e->again, &v);
	e->ruleset[end] = v.ruleset_slot;
	e->rule[end] = v.rule;
	if (likely(v.action == WEFT_RULE_ALLOW))
		return VERDICT_CONTINUE;
	policy_blame(pl, port, &v);
	if (v.action == WEFT_RULE_REJECT)
		return WEFT_DROP_POLICY_REJECT;
	return end ? WEFT_DROP_POLICY_INGRESS : WEFT_DROP_POLICY_EGRESS;
}

int policy_session(struct pipeline *pl, const struct policy_flow *flow, struct policy_ends *e)
{
	int verdict = policy_end(pl, flow, e, 0);

	return verdict == VERDICT_CONTINUE ? policy_end(pl, flow, e, 1) : verdict;
}

void policy_flow_of(const struct rte_mbuf *m, const struct pkt_meta *meta, struct policy_flow *ret)
{
	*ret = (struct policy_flow){.src = stage_addr(m, meta, false),
		.dst = stage_addr(m, meta, true),
		.proto = meta->l4_proto,
		.has_l4 = meta->flags & PKT_L4};
	if (!ret->has_l4)
		return;
	ret->l4 = meta->sport;
	if (pkt_has_ports(ret->proto)) {
		ret->sport = meta->sport;
		ret->l4 = meta->dport;
	}
}

bool policy_is_asked(const struct pkt_meta *meta)
{
	return !(meta->flags & (PKT_ARP | PKT_ND));
}

/* A frame without a session at one end. */
static bool policy_frame(struct pipeline *pl, const struct rte_mbuf *m, const struct pkt_meta *meta,
	const struct config_port *port, enum weft_rule_direction direction)
{
	struct policy_flow flow;
	struct policy_verdict v = {0};

	if (meta->flags & (PKT_IPV4 | PKT_IPV6)) {
		policy_flow_of(m, meta, &flow);
		policy_ask(pl, port, direction, &flow, false, &v);
	} else if (!(port->spec.flags & WEFT_PORT_DEFAULT_DENY)) {
		v.action = WEFT_RULE_ALLOW;
	}
	stage_trace(pl, meta, .step = WEFT_TRACE_POLICY, .port = port->spec.id,
		.direction = direction, .rule = v.rule, .action = v.action,
		.ruleset = v.ruleset_slot ? pl->cfg->rulesets[v.ruleset_slot]->spec.id : 0);
	if (v.action == WEFT_RULE_ALLOW)
		return true;
	policy_blame(pl, port, &v);
	return false;
}

int policy_frame_sent(struct pipeline *pl, const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	if (policy_frame(pl, m, meta, pl->in, WEFT_RULE_EGRESS))
		return VERDICT_CONTINUE;
	return WEFT_DROP_POLICY_EGRESS;
}

int policy_frame_received(struct pipeline *pl, const struct rte_mbuf *m,
	const struct pkt_meta *meta, const struct config_port *port)
{
	if (policy_frame(pl, m, meta, port, WEFT_RULE_INGRESS))
		return VERDICT_CONTINUE;
	return WEFT_DROP_POLICY_INGRESS;
}
