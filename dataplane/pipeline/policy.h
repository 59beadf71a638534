/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Policy where it is enforced (policy.c). Private to this folder. Workers.
 */
#ifndef PIPELINE_POLICY_H
#define PIPELINE_POLICY_H

#include <netinet/in.h>

#include <table/policy.h>

#include "stage.h"

/* The local ports at the ends of a session and what let it pass there. */
struct policy_ends {
	const struct config_port
		*port[2];    /* [0] sends the first packet, [1] gets it; NULL: remote */
	uint16_t ruleset[2]; /* slots; 0: a default, or remote */
	uint32_t rule[2];
	bool again; /* the session was judged before: only a refusal is logged */
};

/* Judges flow, the first packet of a session, at both ends; fills in rule sets and rules. Returns
 * VERDICT_CONTINUE, or POLICY_EGRESS, POLICY_INGRESS or POLICY_REJECT with pl->blame set; telling
 * the sender of a rejected packet is the caller's. */
int policy_session(struct pipeline *pl, const struct policy_flow *flow, struct policy_ends *e);

/* m, an IP packet, as rules see it. */
void policy_flow_of(const struct rte_mbuf *m, const struct pkt_meta *meta, struct policy_flow *ret);

/* False: the frame passes whatever the rules are. */
bool policy_is_asked(const struct pkt_meta *meta);
/* A frame without a session, at the port that sent it (pl->in) and at one that gets it:
 * VERDICT_CONTINUE, or POLICY_EGRESS and POLICY_INGRESS. Nobody is told. */
int policy_frame_sent(struct pipeline *pl, const struct rte_mbuf *m, const struct pkt_meta *meta);
int policy_frame_received(struct pipeline *pl, const struct rte_mbuf *m,
	const struct pkt_meta *meta, const struct config_port *port);

#endif
