/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the flight recorder keeps of a dropped packet: its beginning, and what pl->blame names, as
 * ids that mean something to control. Called by stage_note_drop, for traces too; workers.
 */
#include <session/session.h>
#include <table/policy.h>

#include "trace.h"

static void record_policy(
	const struct config *cfg, const struct stage_blame *b, struct weft_drop_record *r)
{
	if (!b->port || !cfg->ports[b->port])
		return;
	r->flags |= WEFT_RECORD_RULE;
	r->policy_port = cfg->ports[b->port]->spec.id;
	if (b->ruleset && cfg->rulesets[b->ruleset]) {
		r->ruleset = cfg->rulesets[b->ruleset]->spec.id;
		r->rule = b->rule;
	}
}

static void record_session(const struct session *s, struct weft_drop_record *r)
{
	const struct session_key *k = &s->dir[0].key;

	r->flags |= WEFT_RECORD_SESSION;
	r->session_src = k->src;
	r->session_dst = k->dst;
	r->session_sport = k->sport;
	r->session_dport = k->dport;
	r->session_proto = k->proto;
	r->session_state = s->state;
}

static void record_dest(const struct config *cfg, dest_t dest, struct weft_drop_record *r)
{
	if (dest & DEST_VTEP_BIT) {
		r->flags |= WEFT_RECORD_TO_VTEP;
		r->vtep = cfg->vteps[DEST_SLOT(dest)]->spec.remote;
	} else {
		r->out_port = cfg->ports[DEST_SLOT(dest)]->spec.id;
	}
}

/* Of a fragment that waited, port and segment may have gone meanwhile. */
static void record_origin(
	const struct config *cfg, const struct pkt_meta *meta, struct weft_drop_record *r)
{
	const struct config_segment *seg;

	if (!(meta->flags & PKT_FROM_TUNNEL))
		return; /* the rest says nothing */
	seg = cfg->segments[meta->segment];
	r->vni = seg ? seg->spec.vni : 0;
	if (cfg->vteps[meta->in_vtep]) {
		r->flags |= WEFT_RECORD_TUNNEL;
		r->vtep = cfg->vteps[meta->in_vtep]->spec.remote;
	}
}

static void record_frame(const struct rte_mbuf *m, struct weft_drop_record *r)
{
	const uint8_t *bytes;

	r->size = m->pkt_len;
	r->frame_size = RTE_MIN(m->pkt_len, (uint32_t)WEFT_RECORD_FRAME);
	bytes = rte_pktmbuf_read(m, 0, r->frame_size, r->frame);
	if (bytes != r->frame)
		memcpy(r->frame, bytes, r->frame_size);
}

static void record_drop(
	struct pipeline *pl, uint16_t slot, const struct rte_mbuf *m, enum weft_drop reason)
{
	struct weft_drop_record *r = recorder_begin(slot, reason);
	const struct config_port *port;

	if (!r)
		return;
	port = pl->cfg->ports[slot];
	if (port) {
		r->port = port->spec.id;
		r->vni = port->spec.vni;
	}
	if (pl->blame.dest)
		record_dest(pl->cfg, pl->blame.dest, r);
	else
		record_origin(pl->cfg, pkt_meta_const(m), r);
	record_policy(pl->cfg, &pl->blame, r);
	if (pl->blame.session)
		record_session(pl->blame.session, r);
	record_frame(m, r);
	recorder_end(slot, r);
}

void stage_explain(
	struct pipeline *pl, uint16_t slot, const struct rte_mbuf *m, enum weft_drop reason)
{
	if (pl->watch)
		trace_drop(pl, m, reason);
	if (!pl->dry && recorder_wants(slot, reason))
		record_drop(pl, slot, m, reason);
}
