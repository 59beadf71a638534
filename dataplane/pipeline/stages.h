/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The entry of each stage; what it does is told at the top of its file. Private to this folder.
 *
 * Functions over arrays take the packets that are left and return how many they have left.
 */
#ifndef PIPELINE_STAGES_H
#define PIPELINE_STAGES_H

#include <session/session.h>

#include "stage.h"

/* tunnel_input.c: from frames of an uplink to parsed inner frames of a segment. */
uint16_t tunnel_input(struct pipeline *pl, struct rte_mbuf **pkts, uint16_t n);

/* antispoof.c: verdict on a parsed frame of a tenant's port with WEFT_PORT_ANTISPOOF. */
int antispoof_check(
	const struct config_port *port, struct rte_mbuf *m, const struct pkt_meta *meta);

/* learn.c: source MACs of a burst. */
void learn_burst(struct pipeline *pl, struct rte_mbuf **pkts, uint16_t n);

/* responder.c: verdict on ARP or ND of a tenant's port; VERDICT_CONSUMED: m became the answer. */
int responder_segment(struct pipeline *pl, struct rte_mbuf *m);
/* The same for what an uplink received, asked for this host's VTEP addresses. */
int responder_uplink(struct pipeline *pl, struct rte_mbuf *m);

/* plain.c: of a burst that goes where FDB entries say, found[i] (NULL: not known), before it does;
 * it is not changed. For ports with a fast path. */
void plain_burst(
	struct pipeline *pl, struct rte_mbuf **pkts, uint16_t n, struct vhash_entry *const *found);

/* forward.c: unicast and flooded frames to where they belong. */
void forward_burst(struct pipeline *pl, struct rte_mbuf **pkts, uint16_t n);
/* Takes m for one destination in its segment, never DEST_NONE: cut to size, encapsulated, put into
 * the output array. */
void forward_to(struct pipeline *pl, struct rte_mbuf *m, dest_t dest);

/* As forward_to, for a destination that a session holds: may still be no place for m. */
void forward_decided(struct pipeline *pl, struct rte_mbuf *m, dest_t dest);

/* session_path.c: unicast IP of stateful segments is taken; what goes the way of other segments is
 * left, judged by policy and, from ports, by anti-spoofing. */
uint16_t session_burst(struct pipeline *pl, struct rte_mbuf **pkts, uint16_t n);
/* Whether the decision for d holds for m, which is one of its packets; fills ret if so. */
bool session_holds(const struct pipeline *pl, struct rte_mbuf *m, const struct session_dir *d,
	struct session_decision *ret);
/* Takes m, counts it for d (NULL: no session) and carries out the decision. */
void session_carry(struct pipeline *pl, struct rte_mbuf *m, struct session_dir *d,
	const struct session_decision *dec);

/* slow.c: packets without a decision that holds are taken; ret gets those that are left, as
 * session_burst leaves them. stale: they are of sessions for which nothing was decided in this
 * epoch. Returns their number. */
uint16_t slow_burst(
	struct pipeline *pl, struct rte_mbuf **pkts, uint16_t n, bool stale, struct rte_mbuf **ret);
/* Judgements for m, whose meta this is, are over: what they cost counts for who sent it. */
void slow_settle(struct pipeline *pl, const struct pkt_meta *meta);
/* slow_fragment.c: ends the wait of fragments whose first one did not come; bounded work per call.
 */
void slow_expire(struct pipeline *pl, const struct config *cfg);

/* advertise.c: what routers say unasked; one compare unless the coarse second has changed. */
void advertise_tick(struct pipeline *pl, const struct config *cfg);

/* replicate.c: takes a frame for all members of its segment but where it came from. */
void replicate(struct pipeline *pl, struct rte_mbuf *m);

/* mtu.c: takes what does not fit as it is: GSO frames, partial checksums, frames longer than
 * limit (bytes of IP packet). offloads: what the destination's device does itself. */
void mtu_fit(
	struct pipeline *pl, struct rte_mbuf *m, dest_t dest, uint32_t limit, uint32_t offloads);
/* Takes what is longer than limit as it is, no GSO frame: fragmented, or dropped and told. */
void mtu_too_big(struct pipeline *pl, struct rte_mbuf *m, dest_t dest, uint32_t limit);

/* forward.c: takes a frame that fits its destination as it is. */
void forward_emit(struct pipeline *pl, struct rte_mbuf *m, dest_t dest);

#endif
