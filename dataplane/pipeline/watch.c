/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watching (pipeline/watch.h): the filter, and which packets pass it. What is told of them is told
 * by trace.c.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include <core/clock.h>
#include <core/rcu.h>
#include <observe/carried.h>
#include <observe/trace_ring.h>
#include <pipeline/watch.h>
#include <weft/limits.h>

#include "trace.h"

const struct watch *_Atomic watch_current;
const struct watch watch_dry;

/* By worker, which alone writes. */
static _Atomic uint64_t watch_skipped[WEFT_MAX_WORKERS];

/* Main thread. */
static uint16_t watch_number;	 /* of the last filter */
static unsigned int watch_first; /* whose turn it is: a worker, or the kernel after them */
static struct watch_missed watch_missed_before;

/* ---- workers ---- */

/* The packet's, or, for WEFT_WATCH_EITHER, those of the answers. */
struct watch_ends {
	struct weft_addr src, dst;
	uint16_t sport, dport;
};

static bool watch_prefix(const struct weft_prefix *p, const struct weft_addr *a)
{
	return p->len == 0 || weft_prefix_contains(p, a);
}

static bool watch_ends_pass(const struct weft_watch_filter *f, const struct watch_ends *e)
{
	return watch_prefix(&f->src, &e->src) && watch_prefix(&f->dst, &e->dst) &&
	       (!f->sport || f->sport == e->sport) && (!f->dport || f->dport == e->dport);
}

static bool watch_is_icmp(const struct pkt_meta *meta)
{
	return meta->l4_proto == IPPROTO_ICMP || meta->l4_proto == IPPROTO_ICMPV6;
}

/* Answers of ICMP have the identifier in the same place and a type of their own. */
static struct watch_ends watch_answers(
	const struct weft_watch_filter *f, const struct pkt_meta *meta, const struct watch_ends *e)
{
	struct watch_ends a = {.src = e->dst, .dst = e->src, .sport = e->dport, .dport = e->sport};

	if (watch_is_icmp(meta)) {
		a.sport = f->sport;
		a.dport = e->dport;
	}
	return a;
}

static bool watch_ip_passes(
	const struct weft_watch_filter *f, const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	struct watch_ends e = {.src = stage_addr(m, meta, false), .dst = stage_addr(m, meta, true)};

	if (f->proto && f->proto != meta->l4_proto)
		return false;
	if (meta->flags & PKT_L4) {
		e.sport = meta->sport;
		e.dport = meta->dport;
	}
	if (watch_ends_pass(f, &e))
		return true;
	e = watch_answers(f, meta, &e);
	return (f->flags & WEFT_WATCH_EITHER) && watch_ends_pass(f, &e);
}

static bool watch_passes(const struct pipeline *pl, const struct weft_watch_filter *f,
	const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	const struct config_segment *seg = stage_segment(pl, meta);

	if ((f->port && f->port != pl->in->spec.id) ||
		(f->vni && (!seg || f->vni != seg->spec.vni)))
		return false;
	if (f->ethertype && f->ethertype != meta->ethertype)
		return false;
	if (meta->flags & (PKT_IPV4 | PKT_IPV6))
		return watch_ip_passes(f, m, meta);
	return !f->proto && !f->src.len && !f->dst.len && !f->sport && !f->dport;
}

bool watch_may(struct pipeline *pl)
{
	struct watcher *w = &pl->watcher;
	_Atomic uint64_t *skipped = &watch_skipped[pl->worker];
	uint32_t now = clock_s();

	if (w->second_s != now) {
		w->second_s = now;
		w->n_second = 0;
	}
	if (w->n_second < pl->watch->filter.rate) {
		w->n_second++;
		return true;
	}
	atomic_store_explicit(skipped, atomic_load_explicit(skipped, memory_order_relaxed) + 1,
		memory_order_relaxed);
	return false;
}

bool watch_packet(struct pipeline *pl, struct rte_mbuf *m)
{
	const struct weft_watch_filter *f = &pl->watch->filter;
	struct pkt_meta *meta = pkt_meta(m);

	bool any = pl->dry || pl->probing;

	if (!any && !watch_passes(pl, f, m, meta))
		return false;
	if (!any && !(f->flags & WEFT_WATCH_DROPPED) && !watch_may(pl))
		return false;
	meta->flags |= PKT_TRACED;
	meta->watch = pl->watch->number;
	meta->trace = pl->worker << 24 | (++pl->watcher.n & 0xffffff);
	return true;
}

/* pad is free on this way: it says of which filter the record is. */
void watch_tell(struct pipeline *pl, struct weft_trace_record *r)
{
	r->pad = pl->watch->number;
	trace_ring_put(pl->worker, r);
}

/* ---- main thread ---- */

int watch_init(unsigned int n_workers)
{
	return trace_ring_init(n_workers);
}

void watch_fini(void)
{
	free((void *)(uintptr_t)watch_current);
	watch_current = NULL;
	trace_ring_fini();
}

static struct watch_missed watch_missed_ever(void)
{
	struct watch_missed missed = {
		.lost = trace_ring_lost() + carried_lost(), .skipped = watch_carried_skipped()};

	for (unsigned int i = 0; i < WEFT_MAX_WORKERS; i++)
		missed.skipped += atomic_load_explicit(&watch_skipped[i], memory_order_relaxed);
	return missed;
}

static void watch_publish(struct watch *w)
{
	const struct watch *old = atomic_exchange_explicit(&watch_current, w, memory_order_release);

	if (old)
		rcu_retire(free, (void *)(uintptr_t)old);
}

int watch_set(const struct weft_watch_filter *f)
{
	struct watch *w = malloc(sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->filter = *f;
	w->number = ++watch_number;
	watch_missed_before = watch_missed_ever();
	watch_publish(w);
	watch_carried(f);
	return 0;
}

void watch_clear(void)
{
	watch_number++;
	watch_publish(NULL);
	watch_carried(NULL);
}

/* Of n records, those of the present filter move to the front. Returns their number. */
static unsigned int watch_sort(struct weft_trace_record *r, unsigned int n)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < n; i++) {
		if (r[i].pad != watch_number)
			continue;
		r[kept] = r[i];
		r[kept++].pad = 0;
	}
	return kept;
}

static unsigned int watch_drain_worker(
	unsigned int worker, struct weft_trace_record *ret, unsigned int max)
{
	unsigned int n = 0, taken = 0, got;

	do {
		got = trace_ring_take(worker, ret + n, max - n);
		taken += got;
		n += watch_sort(ret + n, got);
	} while (got && n < max && taken < TRACE_RING_SIZE);
	return n;
}

unsigned int watch_drain(struct weft_trace_record *ret, unsigned int max)
{
	unsigned int workers = trace_ring_n_workers(), n = 0;

	watch_first = (watch_first + 1) % (workers + 1);
	for (unsigned int i = 0; i <= workers && n < max; i++) {
		unsigned int turn = (watch_first + i) % (workers + 1);

		n += turn < workers ? watch_drain_worker(turn, ret + n, max - n)
				    : watch_carried_drain(ret + n, max - n);
	}
	return n;
}

void watch_missed(struct watch_missed *ret)
{
	struct watch_missed now = watch_missed_ever();

	ret->lost = now.lost - watch_missed_before.lost;
	ret->skipped = now.skipped - watch_missed_before.skipped;
}
