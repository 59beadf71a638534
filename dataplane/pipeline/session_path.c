/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The session path: unicast IP of stateful segments. A packet whose session has a decision that
 * holds is tracked, counted, rewritten and sent at the price of one lookup; whatever has none goes
 * to the slow path (slow.c), which makes one.
 *
 * A decision holds in the epoch that it was made in, for packets that enter by the same port (or
 * from a tunnel) with the same two MACs. That implies anti-spoofing, the forwarding or routing
 * decision and the policy of both ends: none is asked again.
 *
 * Passes over the burst: keys and hashes; lookup in bulk; what is written, prefetched; apply.
 * Drops: what the tracker finds (TCP_FLAGS, TCP_WINDOW, TCP_STATE), what path_apply and
 * forward_decided find. Workers.
 */
#include <rte_ether.h>

#include <core/clock.h>
#include <session/offload.h>
#include <session/track.h>

#include "dry.h"
#include "path.h"
#include "service.h"
#include "stages.h"
#include "trace.h"
#include "translate.h"

/* The packets of a burst that are looked up. */
struct session_burst {
	struct rte_mbuf *pkts[PIPELINE_BURST];
	struct session_dir *dirs[PIPELINE_BURST];
	uint64_t hashes[PIPELINE_BURST];
	struct session_key keys[PIPELINE_BURST];
	uint16_t n;
	uint16_t n_slow;
	uint16_t n_stale;
	struct rte_mbuf *slow[PIPELINE_BURST];
	struct rte_mbuf *stale[PIPELINE_BURST]; /* nothing was decided in this epoch */
};

static inline bool session_macs_equal(const uint8_t *a, const uint8_t *b)
{
	uint64_t a8, b8;
	uint32_t a4, b4;

	memcpy(&a8, a, sizeof(a8));
	memcpy(&b8, b, sizeof(b8));
	memcpy(&a4, a + 8, sizeof(a4));
	memcpy(&b4, b + 8, sizeof(b4));
	return ((a8 ^ b8) | (a4 ^ b4)) == 0;
}

/* The seqlock of session_dir_read, without a copy of what only the slow path needs. */
static inline bool session_read(const struct session_dir *d, uint32_t epoch, uint16_t in,
	const uint8_t *macs, struct session_decision *ret)
{
	bool matches;

	if (unlikely(atomic_load_explicit(&d->epoch, memory_order_acquire) != epoch))
		return false;
	ret->dest = d->dest;
	ret->out_segment = d->out_segment;
	ret->mss = d->mss;
	ret->flags = d->flags;
	matches = d->in == in && session_macs_equal(d->match_macs, macs);
	if (unlikely(ret->flags & SESSION_DIR_FDB))
		memcpy(ret->match_macs, d->match_macs, sizeof(ret->match_macs));
	if (likely(ret->flags & SESSION_DIR_ROUTED))
		memcpy(ret->rewrite_macs, d->rewrite_macs, sizeof(ret->rewrite_macs));
	atomic_thread_fence(memory_order_acquire);
	return likely(matches && atomic_load_explicit(&d->epoch, memory_order_relaxed) == epoch);
}

/* The destination's MAC was learned, which changes without a new epoch. Where it is may be what
 * programs have waited for. */
static __rte_noinline bool session_is_there(const struct pipeline *pl, const struct pkt_meta *meta,
	const struct session_dir *d, const struct session_decision *dec)
{
	dest_t dest;

	if (path_dest(pl, meta, dec, &dest) != VERDICT_CONTINUE || dest != dec->dest)
		return false;
	if ((dec->flags & SESSION_DIR_OFFLOAD) && !pl->dry &&
		atomic_load_explicit(&d->seen_s, memory_order_relaxed) != clock_s())
		offload_retry(session_of((struct session_dir *)(uintptr_t)d));
	return true;
}

static inline uint16_t session_in(const struct pkt_meta *meta)
{
	return meta->flags & PKT_FROM_TUNNEL ? 0 : meta->in_port;
}

static __rte_always_inline bool session_decision_of(const struct pipeline *pl, struct rte_mbuf *m,
	const struct session_dir *d, struct session_decision *ret)
{
	const struct pkt_meta *meta = pkt_meta(m);

	if (unlikely(!session_read(d, pl->cfg->epoch[meta->segment], session_in(meta),
		    rte_pktmbuf_mtod(m, const uint8_t *), ret)))
		return false;
	/* Routers take no tagged frames, whatever the key says. */
	if (unlikely(meta->flags & PKT_VLAN) && (ret->flags & SESSION_DIR_ROUTED))
		return false;
	if (unlikely(ret->flags & SESSION_DIR_FDB)) {
		struct session_decision copy = *ret; /* which then stays in registers */

		return session_is_there(pl, meta, d, &copy);
	}
	return true;
}

bool session_holds(const struct pipeline *pl, struct rte_mbuf *m, const struct session_dir *d,
	struct session_decision *ret)
{
	return session_decision_of(pl, m, d, ret);
}

/* Takes m. d: of its session; NULL when it has none. */
static __rte_always_inline void session_apply(struct pipeline *pl, struct rte_mbuf *m,
	struct session_dir *d, const struct session_decision *dec)
{
	if (likely((dec->flags & (SESSION_DIR_ROUTED | SESSION_DIR_TRANSLATED)) || dec->mss)) {
		int verdict = path_apply(pl, m, dec);

		if (unlikely(verdict != VERDICT_CONTINUE)) {
			stage_drop(pl, m, verdict);
			return;
		}
		if (unlikely(dec->flags & SESSION_DIR_TRANSLATED))
			translate(m, &session_peer(d)->key);
		if (stage_traced(pkt_meta(m))) {
			struct session_decision copy = *dec;

			trace_rewritten(pl, m, &copy);
		}
	}
	forward_decided(pl, m, dec->dest);
}

void session_carry(struct pipeline *pl, struct rte_mbuf *m, struct session_dir *d,
	const struct session_decision *dec)
{
	if (d)
		session_count(d, m->pkt_len, clock_s());
	session_apply(pl, m, d, dec);
}

/* The tracker refuses m: dropped, unless it begins a new connection where one is over. False: it
 * does, m is for the slow path. */
static __rte_noinline bool session_refused(
	struct pipeline *pl, struct rte_mbuf *m, struct session_dir *d, enum weft_drop drop)
{
	if (track_reopens(d, m, pkt_meta(m)))
		return false;
	pl->blame.session = session_of(d);
	stage_drop(pl, m, drop);
	return true;
}

/* Takes m when its direction d has a decision that holds. */
static __rte_always_inline bool session_hit(
	struct pipeline *pl, struct rte_mbuf *m, struct session_dir *d, uint32_t now)
{
	struct session_decision dec;

	if (unlikely(!session_decision_of(pl, m, d, &dec)))
		return false;
	if (dec.flags & SESSION_DIR_ASK) {
		enum weft_drop drop = track_packet(d, m, pkt_meta(m));

		if (unlikely(drop))
			return session_refused(pl, m, d, drop);
	}
	session_count(d, m->pkt_len, now);
	session_apply(pl, m, d, &dec);
	return true;
}

/* Nearly all: nothing else has to look at it first, and its key is simple. */
static inline bool session_is_plain(const struct pkt_meta *meta)
{
	const uint32_t is = PKT_PLAIN | PKT_STATEFUL;

	return (meta->flags & (is | PKT_GROUP)) == is &&
	       ((meta->flags & PKT_FROM_TUNNEL) || likely(!service_is_dhcp(meta)));
}

/* The same for what is not plain. */
static inline bool session_is_candidate(const struct pkt_meta *meta)
{
	if (!(meta->flags & (PKT_IPV4 | PKT_IPV6)) ||
		(meta->flags & (PKT_GROUP | PKT_ND | PKT_FRAGMENT)))
		return false;
	return (meta->flags & PKT_FROM_TUNNEL) || !service_wants(meta);
}

/* m is the i-th that is looked up. */
static inline void session_ask(
	struct session_burst *b, uint16_t i, struct rte_mbuf *m, uint64_t hash)
{
	session_find_soon(hash);
	b->hashes[i] = hash;
	b->pkts[i] = m;
}

/* Returns 1 when m, which is not plain, is the i-th that is looked up, 0 when it is for the slow
 * path, -1 when it is of another segment. */
static __rte_noinline int session_sort_odd(
	struct pipeline *pl, struct session_burst *b, uint16_t i, struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta(m);
	const uint8_t *l3 = rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_off);

	if (!stage_segment(pl, meta)->stateful)
		return -1;
	if (!session_is_candidate(meta) || !track_key(meta, l3, &b->keys[i])) {
		b->slow[b->n_slow++] = m;
		return 0;
	}
	session_ask(b, i, m, session_hash(&b->keys[i]));
	return 1;
}

/* Where answers to m will be looked up when it is m's turn. Those of another segment that enter by
 * a port of this host are not foreseen. */
static void session_expect_answers(const struct session_key *key)
{
	struct session_key back;

	track_key_reverse(key, &back);
	session_find_soon(session_hash(&back));
}

static void session_miss(struct pipeline *pl, struct session_burst *b, uint16_t i)
{
	const struct session_dir *d = b->dirs[i];
	uint32_t epoch = pl->cfg->epoch[pkt_meta(b->pkts[i])->segment];

	if (d && atomic_load_explicit(&d->epoch, memory_order_relaxed) != epoch)
		b->stale[b->n_stale++] = b->pkts[i];
	else
		b->slow[b->n_slow++] = b->pkts[i];
	if (!d)
		session_expect_answers(&b->keys[i]);
}

/* The bulk lookup passes over what stage_session_find looks at. */
static void session_dry(struct pipeline *pl, struct session_burst *b)
{
	for (uint16_t i = 0; i < b->n; i++)
		b->dirs[i] = stage_session_find(pl, &b->keys[i]);
}

static enum weft_trace_step session_step(
	const struct pipeline *pl, struct rte_mbuf *m, const struct session_dir *d)
{
	struct session_decision dec;

	if (!d)
		return WEFT_TRACE_SESSION_MISS;
	return session_decision_of(pl, m, d, &dec) ? WEFT_TRACE_SESSION_HIT
						   : WEFT_TRACE_SESSION_STALE;
}

/* For all of a burst at once: the other packets then pay nothing for it. */
static __rte_cold void session_trace(struct pipeline *pl, struct session_burst *b)
{
	for (uint16_t i = 0; i < b->n; i++) {
		enum weft_trace_step step;

		if (!stage_traced(pkt_meta(b->pkts[i])))
			continue;
		step = session_step(pl, b->pkts[i], b->dirs[i]);
		trace_session(pl, pkt_meta(b->pkts[i]), step, &b->keys[i]);
		if (step == WEFT_TRACE_SESSION_HIT)
			trace_kernel(pl, b->pkts[i], b->dirs[i]);
	}
}

/* The line that a packet of d writes, once more: the lookup asks for two lines of each, and not all
 * of these have come. With 65,536 sessions applying takes twice as long without this, and half as
 * long again when the lookup asks for one. */
static inline void session_soon(const struct session_dir *d)
{
	if (likely(d))
		rte_prefetch0(d->match_macs);
}

static void session_lookup(struct pipeline *pl, struct session_burst *b)
{
	uint32_t now = clock_s();
	uint16_t n = b->n;

	session_find_bulk(b->keys, b->hashes, n, b->dirs);
	if (unlikely(pl->dry))
		session_dry(pl, b);
	if (unlikely(pl->watch))
		session_trace(pl, b);
	for (uint16_t i = 0; i < n; i++)
		session_soon(b->dirs[i]);
	stage_mark(pl, WEFT_STAGE_LOOKUP);
	for (uint16_t i = 0; i < n; i++) {
		if (unlikely(!b->dirs[i] || !session_hit(pl, b->pkts[i], b->dirs[i], now)))
			session_miss(pl, b, i);
	}
	stage_mark(pl, WEFT_STAGE_APPLY);
}

/* Returns how many are left, of other segments. */
static inline uint16_t session_sort(
	struct pipeline *pl, struct session_burst *b, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t left = 0, asked = 0;

	b->n_slow = b->n_stale = 0;
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const struct pkt_meta *meta = pkt_meta(m);
		int odd;

		if (likely(session_is_plain(meta))) {
			const uint8_t *l3 =
				rte_pktmbuf_mtod_offset(m, const uint8_t *, RTE_ETHER_HDR_LEN);

			session_ask(b, asked, m, track_key_ports(meta, l3, &b->keys[asked]));
			asked++;
			continue;
		}
		odd = session_sort_odd(pl, b, asked, m);
		if (odd < 0)
			pkts[left++] = m;
		else
			asked += odd;
	}
	b->n = asked;
	return left;
}

uint16_t session_burst(struct pipeline *pl, struct rte_mbuf **pkts, uint16_t n)
{
	struct session_burst b;
	uint16_t left = session_sort(pl, &b, pkts, n);

	if (likely(b.n))
		session_lookup(pl, &b);
	if (likely(b.n_stale + b.n_slow == 0))
		return left;
	left += slow_burst(pl, b.stale, b.n_stale, true, pkts + left);
	left += slow_burst(pl, b.slow, b.n_slow, false, pkts + left);
	stage_mark(pl, WEFT_STAGE_SLOW);
	return left;
}
