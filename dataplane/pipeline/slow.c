/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The slow path: what session_path.c found no decision for, packet by packet.
 *
 * A port may bring SLOW_RATE packets per second here, fewer when its rules are dear to judge by;
 * what is more is dropped at the price of a look into its bucket. Packets of sessions for which
 * nothing was decided in this epoch yet have a bucket of their own, of which they only take when
 * they are refused: no flood of others, and no change of policy, harms a session. From ports:
 * anti-spoofing, local services, ARP and ND. Then unicast IP gets a decision:
 *  - its session is there, but nothing holds for this direction: forwarding is decided anew, and
 *    policy judged again when it was judged in another epoch, or when the ends have moved. What
 *    policy no longer allows ends the session;
 *  - an ICMP error passes when the session that it quotes is there;
 *  - else policy is judged at both ends, and a session made (slow_session.c). The answers' own
 *    forwarding is decided by the first of them; policy is not asked again.
 * Everything else goes on as in any segment, after policy (policy.c).
 *
 * Drops: SLOW_PATH_LIMIT, L3_ONLY, TCP_STATE and what the functions called find. Workers.
 */
#include <session/track.h>
#include <table/route.h>

#include "dry.h"
#include "metadata.h"
#include "path.h"
#include "service.h"
#include "slow.h"
#include "stages.h"
#include "trace.h"

/* Per second and port: so that no port takes more than a quarter of a worker, and more than any
 * guest begins in earnest. */
#define SLOW_RATE 200000

/* Judgements of so many steps come with a packet, about a microsecond's; each so many more count as
 * another packet. */
#define SLOW_STEPS (1250 / POLICY_STEP_NS)

/* In one burst, so that it does not keep a worker for longer than other ports' queues can wait. One
 * judgement of SLOW_DEAR_STEPS ends a burst's. */
#define SLOW_BURST_STEPS (100000 / POLICY_STEP_NS)
#define SLOW_DEAR_STEPS	 (20000 / POLICY_STEP_NS)

#define SLOW_TRIES 4 /* other workers may make or end the same session meanwhile */

/* Whose bucket. */
struct slow_account {
	enum quota_kind kind;
	uint16_t slot;
	uint16_t segment;
	bool stale; /* of a session that may be as good as it was */
};

static inline struct slow_account slow_account_of(const struct pkt_meta *meta, bool stale)
{
	struct slow_account a = {.segment = meta->segment, .stale = stale};

	if (meta->flags & PKT_FROM_TUNNEL) {
		a.kind = stale ? QUOTA_STALE_WIRE : QUOTA_SLOW_WIRE;
		a.slot = meta->segment;
	} else {
		a.kind = stale ? QUOTA_STALE : QUOTA_SLOW;
		a.slot = meta->in_port;
	}
	return a;
}

static int slow_take(const struct pipeline *pl, const struct slow_account *a)
{
	bool ok = pl->burst_steps < SLOW_BURST_STEPS || pl->dear_segment != a->segment;

	if (ok && a->stale)
		ok = quota_has(a->kind, a->slot, SLOW_RATE);
	else if (ok)
		ok = stage_quota(pl, a->kind, a->slot, SLOW_RATE, 1);
	return ok ? VERDICT_CONTINUE : WEFT_DROP_SLOW_PATH_LIMIT;
}

static void slow_settle_account(struct pipeline *pl, const struct slow_account *a)
{
	if (unlikely(pl->steps >= SLOW_STEPS)) {
		stage_charge(pl, a->kind, a->slot, SLOW_RATE, pl->steps / SLOW_STEPS);
		pl->burst_steps += pl->steps < SLOW_DEAR_STEPS ? pl->steps : SLOW_BURST_STEPS;
		pl->dear_segment = a->segment;
	}
	pl->steps = 0;
}

void slow_settle(struct pipeline *pl, const struct pkt_meta *meta)
{
	struct slow_account a = slow_account_of(meta, false);

	slow_settle_account(pl, &a);
}

static inline const uint8_t *slow_l3(const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	return rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_off);
}

/* The session of an ICMP error's quote: errors of routers on the way enter by other segments than
 * the answers would. Those are where the quoted packet came from, and where it was going. */
static struct session_dir *slow_quoted(
	struct pipeline *pl, struct session_key *key, const struct slow *w)
{
	const struct config_segment *seg = stage_segment(pl, w->meta);
	struct session_dir *d = stage_session_find(pl, key);
	struct route_result route = {.drop = WEFT_DROP_NO_ROUTE};

	if (d || !seg->router_slot)
		return d;
	key->segment = w->dec.out_segment;
	d = stage_session_find(pl, key);
	if (d)
		return d;
	route_find(pl->cfg, seg->router_slot, &key->src, w->meta->hash, &route);
	if (route.drop)
		return NULL;
	key->segment = route.segment;
	return stage_session_find(pl, key);
}

static int slow_related(struct pipeline *pl, struct slow *w, struct session_key *key, uint32_t seq)
{
	struct session_dir *d = slow_quoted(pl, key, w);

	if (!d || !slow_still_allowed(pl, session_of(d)) || !track_quote_fits(d, seq))
		return WEFT_DROP_ICMP_UNRELATED;
	return VERDICT_CONTINUE;
}

/* ICMP that is neither a query nor an answer to one. */
static int slow_icmp(struct pipeline *pl, struct slow *w)
{
	struct session_key key;
	uint32_t seq;

	if (track_related(w->m, w->meta, &key, &seq))
		return slow_related(pl, w, &key, seq);
	if (track_icmp_class(w->meta->l4_proto, w->meta->sport) == TRACK_ICMP_ERROR)
		return WEFT_DROP_ICMP_UNRELATED;
	return slow_alone(pl, w);
}

/* Unicast IP with an L4 header, or of a protocol without one. */
static int slow_session(struct pipeline *pl, struct slow *w)
{
	struct session_key key;
	int verdict = SLOW_AGAIN;

	if (!track_key(w->meta, slow_l3(w->m, w->meta), &key))
		return slow_icmp(pl, w);
	for (unsigned int i = 0; i < SLOW_TRIES && verdict == SLOW_AGAIN; i++) {
		struct session_dir *d = stage_session_find(pl, &key);

		/* Another one begins, or metadata is no longer served. */
		if (d && ((key.proto == IPPROTO_TCP && track_reopens(d, w->m, w->meta)) ||
				 metadata_is_session(session_of(d)))) {
			stage_session_remove(pl, session_of(d));
			d = NULL;
		}
		verdict = d ? slow_existing(pl, w, d) : slow_new(pl, w, &key);
	}
	return verdict == SLOW_AGAIN ? WEFT_DROP_SESSION_TABLE_FULL : verdict;
}

/* What nobody knows is flooded where the segment says so, without a session. */
int slow_path(struct pipeline *pl, struct slow *w)
{
	int verdict = path_find(pl, w->m, &w->routed, &w->dec);

	if (verdict != WEFT_DROP_UNKNOWN_UNICAST ||
		!(stage_segment(pl, w->meta)->spec.flags & WEFT_SEGMENT_FLOOD_UNKNOWN))
		return verdict;
	verdict = VERDICT_CONTINUE;
	if (!(w->meta->flags & PKT_FROM_TUNNEL))
		verdict = policy_frame_sent(pl, w->m, w->meta);
	if (verdict != VERDICT_CONTINUE)
		return verdict;
	replicate(pl, w->m);
	return VERDICT_CONSUMED;
}

static int slow_decide(struct pipeline *pl, struct slow *w)
{
	int verdict = slow_path(pl, w);

	return verdict == VERDICT_CONTINUE ? slow_session(pl, w) : verdict;
}

int slow_track(struct pipeline *pl, struct slow *w)
{
	enum weft_drop drop = 0;

	if (w->d && w->track && (w->dec.flags & SESSION_DIR_ASK))
		drop = track_packet(w->d, w->m, w->meta);
	w->track = false;
	if (drop)
		pl->blame.session = session_of(w->d);
	return drop;
}

void slow_send(struct pipeline *pl, struct slow *w)
{
	int verdict = slow_track(pl, w);

	if (verdict == VERDICT_CONTINUE)
		session_carry(pl, w->m, w->d, &w->dec);
	else
		stage_drop(pl, w->m, verdict);
}

static int slow_flow(struct pipeline *pl, struct slow *w)
{
	int verdict = VERDICT_CONTINUE;

	if (!(w->meta->flags & PKT_FROM_TUNNEL))
		verdict = path_gateway(pl, w->m, &w->routed);
	if (verdict != VERDICT_CONTINUE)
		return verdict;
	if (w->meta->flags & PKT_LATER_FRAGMENT)
		return slow_later_fragment(pl, w);
	verdict = slow_decide(pl, w);
	if (w->meta->flags & PKT_FRAGMENT)
		return slow_first_fragment(pl, w, verdict);
	if (verdict != VERDICT_CONTINUE)
		return verdict;
	slow_send(pl, w);
	return VERDICT_CONSUMED;
}

/* The port that a unicast frame without a session goes to, if it is on this host. */
static const struct config_port *slow_receiver(
	const struct pipeline *pl, const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	struct fdb_key key = fdb_key_of(meta->segment, rte_pktmbuf_mtod(m, const uint8_t *));
	const struct fdb_entry *e;

	e = (const struct fdb_entry *)vhash_find(pl->cfg->fdb, &key, pl->cfg->generation);
	return e && !(e->dest & DEST_VTEP_BIT) ? pl->cfg->ports[DEST_SLOT(e->dest)] : NULL;
}

/* What has no session: goes on to be forwarded or flooded. */
static int slow_frame(struct pipeline *pl, const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	const struct config_port *to;
	int verdict = VERDICT_CONTINUE;

	if (stage_segment(pl, meta)->spec.flags & WEFT_SEGMENT_L3_ONLY)
		return WEFT_DROP_L3_ONLY;
	if (!policy_is_asked(meta))
		return VERDICT_CONTINUE;
	if (!(meta->flags & PKT_FROM_TUNNEL))
		verdict = policy_frame_sent(pl, m, meta);
	if (verdict != VERDICT_CONTINUE || (meta->flags & PKT_GROUP))
		return verdict; /* copies are judged one by one */
	to = slow_receiver(pl, m, meta);
	return to ? policy_frame_received(pl, m, meta, to) : VERDICT_CONTINUE;
}

static bool slow_is_flow(const struct pkt_meta *meta)
{
	return (meta->flags & (PKT_IPV4 | PKT_IPV6)) && !(meta->flags & (PKT_GROUP | PKT_ND));
}

static int slow_antispoof(struct pipeline *pl, struct rte_mbuf *m, const struct pkt_meta *meta)
{
	int verdict = antispoof_check(pl->in, m, meta);

	if (verdict == VERDICT_CONTINUE)
		stage_trace(pl, meta, .step = WEFT_TRACE_ANTI_SPOOF, .port = pl->in->spec.id);
	return verdict;
}

/* From a port: may it send this, and is it for this host? */
static int slow_port(struct pipeline *pl, struct rte_mbuf *m, const struct pkt_meta *meta)
{
	int verdict = VERDICT_CONTINUE;

	if (pl->in->spec.flags & WEFT_PORT_ANTISPOOF)
		verdict = slow_antispoof(pl, m, meta);
	if (verdict == VERDICT_CONTINUE && service_may_want(meta))
		verdict = service_packet(pl, m);
	if (verdict == VERDICT_CONTINUE)
		verdict = metadata_packet(pl, m);
	if (verdict == VERDICT_CONTINUE && (meta->flags & (PKT_ARP | PKT_ND)))
		verdict = responder_segment(pl, m);
	return verdict;
}

/* Rules are asked about it: not ARP and ND, which only takes lookups. */
static bool slow_is_judged(const struct pkt_meta *meta)
{
	return (meta->flags & (PKT_IPV4 | PKT_IPV6)) && policy_is_asked(meta);
}

static int slow_packet(struct pipeline *pl, struct rte_mbuf *m, const struct slow_account *a)
{
	struct slow w; /* large: only what is needed gets a value */
	int verdict;

	slow_start(&w, m);
	verdict = slow_is_judged(w.meta) ? slow_take(pl, a) : VERDICT_CONTINUE;
	if (verdict == VERDICT_CONTINUE && !(w.meta->flags & PKT_FROM_TUNNEL))
		verdict = slow_port(pl, m, w.meta);
	if (verdict != VERDICT_CONTINUE)
		return verdict;
	return slow_is_flow(w.meta) ? slow_flow(pl, &w) : slow_frame(pl, m, w.meta);
}

uint16_t slow_burst(
	struct pipeline *pl, struct rte_mbuf **pkts, uint16_t n, bool stale, struct rte_mbuf **ret)
{
	uint16_t left = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct slow_account a = slow_account_of(pkt_meta(pkts[i]), stale);
		int verdict = slow_packet(pl, pkts[i], &a);

		slow_settle_account(pl, &a);
		if (verdict == VERDICT_CONTINUE) {
			ret[left++] = pkts[i];
		} else if (verdict > 0) {
			if (stale)
				stage_charge(pl, a.kind, a.slot, SLOW_RATE, 1);
			stage_drop(pl, pkts[i], verdict);
		}
	}
	return left;
}
