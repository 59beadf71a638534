/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Policy where it is enforced: at the two ends of a session when it begins (and again in a new
 * epoch), and frame by frame for what has no session.
 *
 * Frames without a session: broadcast and multicast IP is judged at its sender and for each local
 * copy. ARP and neighbour discovery pass: without them nothing would work, and anti-spoofing guards
 * them. Rules know only of IP, so any other frame is stopped where a port's default is to deny.
 *
 * Drops: POLICY_EGRESS, POLICY_INGRESS, POLICY_REJECT; pl->blame says which rule. Workers.
 */
#include <pkt/parse.h>

#include "policy.h"

static void policy_blame(
	struct pipeline *pl, const struct config_port *port, const struct policy_verdict *v)
{
	pl->blame = (struct stage_blame){
		.port = port->slot, .ruleset = v->ruleset_slot, .rule = v->rule};
}

/* At one end, 0 the sender's. */
static int policy_end(struct pipeline *pl, const struct policy_flow *flow, struct policy_ends *e,
	unsigned int end)
{
	const struct config_port *port = e->port[end];
	struct policy_verdict v = {.action = WEFT_RULE_ALLOW};

	if (port)
		policy_judge(pl->cfg, port, end ? WEFT_RULE_INGRESS : WEFT_RULE_EGRESS, flow, &v);
	pl->steps += v.steps;
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
	if (ret->has_l4)
		ret->l4 = pkt_has_ports(ret->proto) ? meta->dport : meta->sport;
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
		policy_judge(pl->cfg, port, direction, &flow, &v);
		pl->steps += v.steps;
	} else if (!(port->spec.flags & WEFT_PORT_DEFAULT_DENY)) {
		v.action = WEFT_RULE_ALLOW;
	}
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
