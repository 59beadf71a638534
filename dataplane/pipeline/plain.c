/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plain segments have no router, policy or metadata: their frames go where the FDB says, one by
 * one, and need no session. A conversation gets one here all the same when both its ends are in the
 * kernel, so that programs may carry it (session/offload.h).
 *
 * Nothing here has a say in what becomes of a packet: forward.c sends it whether it has a session
 * or not, fits it or not, and whether there is room for one. So the tracker's refusal only means
 * that what is known of the connection is wrong: it is begun anew, from the packet at hand. What
 * the FDB does not know, and what is flooded, has no session. Workers.
 */
#include <core/clock.h>
#include <pkt/parse.h>
#include <session/offload.h>
#include <session/track.h>

#include "decide.h"
#include "dry.h"
#include "service.h"
#include "stages.h"
#include "trace.h"

/* New ones per second and port: more than anybody begins to talk at length. */
#define PLAIN_RATE 20000

/* A packet that goes to dest. */
struct plain {
	struct rte_mbuf *m;
	const struct pkt_meta *meta;
	dest_t dest;
	struct session_key key;
};

static uint16_t plain_in(const struct pkt_meta *meta)
{
	return meta->flags & PKT_FROM_TUNNEL ? 0 : meta->in_port;
}

/* Of a kind that programs carry, and that the data plane only switches. */
static bool plain_is_candidate(const struct pipeline *pl, const struct pkt_meta *meta)
{
	const struct config_segment *seg = stage_segment(pl, meta);

	if (seg->stateful || !seg->network_slot || !(meta->flags & (PKT_IPV4 | PKT_IPV6)) ||
		(meta->flags & (PKT_GROUP | PKT_ND | PKT_FRAGMENT | PKT_VLAN)))
		return false;
	return !service_may_want(meta) && (pkt_has_ports(meta->l4_proto) || track_is_icmp(meta));
}

/* Programs can send it there. */
static bool plain_reaches(const struct pipeline *pl, dest_t dest)
{
	uint16_t slot = DEST_SLOT(dest);

	if (dest & DEST_VTEP_BIT)
		slot = pl->cfg->vteps[slot]->uplink_slot;
	return slot && offload_port_at(slot).ifindex;
}

static uint16_t plain_local(dest_t dest)
{
	return dest & DEST_VTEP_BIT ? 0 : DEST_SLOT(dest);
}

static bool plain_has_end(
	const struct pipeline *pl, const struct session *s, unsigned int end, uint16_t slot)
{
	return s->port[end] == slot &&
	       (!slot ||
		       (pl->cfg->ports[slot] && pl->cfg->ports[slot]->spec.id == s->port_id[end]));
}

/* Between the same two places as p. */
static bool plain_has_ends(
	const struct pipeline *pl, const struct plain *p, const struct session_dir *d)
{
	const struct session *s = session_of((struct session_dir *)(uintptr_t)d);
	unsigned int from = (d->flags & SESSION_DIR_REPLY) != 0;

	return plain_has_end(pl, s, from, plain_in(p->meta)) &&
	       plain_has_end(pl, s, !from, plain_local(p->dest));
}

/* With the lock: packets of d go where p goes. */
static void plain_decide(const struct pipeline *pl, const struct plain *p, struct session_dir *d)
{
	struct session_decision dec = {
		.dest = p->dest,
		.in = plain_in(p->meta),
		.out_segment = p->meta->segment,
		.flags = SESSION_DIR_OFFLOAD,
		.flow_hash = p->meta->hash,
	};

	memcpy(dec.match_macs, rte_pktmbuf_mtod(p->m, const uint8_t *), sizeof(dec.match_macs));
	dec.flags |= track_dir_flags(session_of(d), (d->flags & SESSION_DIR_REPLY) != 0);
	session_decide(d, &dec, pl->cfg->epoch[p->meta->segment]);
}

static bool plain_holds(
	const struct pipeline *pl, const struct plain *p, const struct session_dir *d)
{
	struct session_decision dec;

	return session_holds(pl, p->m, d, &dec) && dec.dest == p->dest;
}

/* False: the session is of no use for p. */
static bool plain_go_on(struct pipeline *pl, const struct plain *p, struct session_dir *d)
{
	struct session *s = session_of(d);
	uint32_t now = clock_s();

	if (!(s->flags & SESSION_PLAIN) || !plain_has_ends(pl, p, d))
		return false;
	if (!plain_holds(pl, p, d)) {
		session_lock(s);
		plain_decide(pl, p, d);
		session_unlock(s);
	}
	if ((d->flags & SESSION_DIR_ASK) && track_packet(d, p->m, p->meta) != 0)
		return false;
	if (atomic_load_explicit(&d->seen_s, memory_order_relaxed) != now)
		offload_retry(s);
	session_count(d, p->m->pkt_len, now);
	return true;
}

static void plain_set_end(
	const struct pipeline *pl, struct session_new *n, unsigned int end, uint16_t slot)
{
	const struct config_port *port = slot ? pl->cfg->ports[slot] : NULL;

	n->port[end] = slot;
	n->port_id[end] = port ? port->spec.id : 0;
	if (!n->charged)
		n->charged = port;
}

static void plain_begin(struct pipeline *pl, const struct plain *p)
{
	const struct config_segment *seg = stage_segment(pl, p->meta);
	struct session_new n = {.network = pl->cfg->networks[seg->network_slot],
		.policy_epoch = pl->cfg->epoch[seg->slot],
		.plain = true};
	enum weft_drop drop;
	struct session *s;

	if (track_begin(p->m, p->meta, NULL, n.key) != 0)
		return;
	n.tenant = pl->cfg->tenants[n.network->tenant_slot];
	plain_set_end(pl, &n, 0, plain_in(p->meta));
	plain_set_end(pl, &n, 1, plain_local(p->dest));
	s = stage_session_insert(pl, &n, &drop);
	if (!s)
		return;
	track_first(s, p->m, p->meta);
	if (stage_traced(p->meta))
		trace_session(pl, p->meta, WEFT_TRACE_SESSION_NEW, &n.key[0]);
	plain_decide(pl, p, &s->dir[0]);
	session_unlock(s);
	session_count(&s->dir[0], p->m->pkt_len, clock_s());
}

static bool plain_may_begin(const struct pipeline *pl, const struct pkt_meta *meta)
{
	bool wire = meta->flags & PKT_FROM_TUNNEL;

	return stage_quota(pl, wire ? QUOTA_PLAIN_WIRE : QUOTA_PLAIN,
		wire ? meta->segment : meta->in_port, PLAIN_RATE, 1);
}

static __rte_cold void plain_trace(
	struct pipeline *pl, const struct plain *p, const struct session_dir *d)
{
	if (!(session_of((struct session_dir *)(uintptr_t)d)->flags & SESSION_PLAIN) ||
		!plain_holds(pl, p, d))
		return;
	trace_session(pl, p->meta, WEFT_TRACE_SESSION_HIT, &p->key);
	trace_kernel(pl, p->m, d);
}

static void plain_packet(struct pipeline *pl, const struct plain *p)
{
	struct session_dir *d = stage_session_find_any(pl, &p->key);

	if (d && stage_traced(p->meta))
		plain_trace(pl, p, d);
	if (d && plain_go_on(pl, p, d))
		return;
	if (d)
		stage_session_remove(pl, session_of(d));
	if (plain_may_begin(pl, p->meta))
		plain_begin(pl, p);
}

void plain_burst(
	struct pipeline *pl, struct rte_mbuf **pkts, uint16_t n, struct vhash_entry *const *found)
{
	for (uint16_t i = 0; i < n; i++) {
		struct plain p = {.m = pkts[i], .meta = pkt_meta_const(pkts[i])};
		const struct fdb_entry *e = (const struct fdb_entry *)found[i];

		if (!e || !plain_is_candidate(pl, p.meta))
			continue;
		p.dest = __atomic_load_n(&e->dest, __ATOMIC_RELAXED);
		if (decide_dest(pl, p.meta, p.meta->segment, p.dest) == VERDICT_CONTINUE &&
			plain_reaches(pl, p.dest) &&
			track_key(p.meta,
				rte_pktmbuf_mtod_offset(p.m, const uint8_t *, p.meta->l3_off),
				&p.key))
			plain_packet(pl, &p);
	}
}
