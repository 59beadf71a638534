/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The offload's tables as a whole: taking them over, epochs of segments, tunnels, ports. Main
 * thread.
 *
 * Another data plane may have left them full: its sessions go on until this one has committed a
 * configuration and opened its ports, and are adopted meanwhile (offload_adopt.c). Then all epochs
 * are 0 until no program runs any more that has found one of its entries, whose slots of tunnels
 * were others. The same happens, without anybody before, when the numbers of epochs are used up.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <rte_common.h>

#include <core/clock.h>
#include <core/log.h>
#include <core/rcu.h>
#include <observe/kernel_counters.h>

#include "offload_priv.h"

#define SETTLE_MS 1000
#define AGAIN_MS  10000 /* looking through all sessions takes workers a hundred milliseconds */

static_assert(sizeof(((struct weft_bpf_tunnel *)0)->hdr) == TUNNEL_HDR_MAX, "one template");

static struct offload *attached; /* has no configuration yet */
uint64_t offload_ports[WEFT_MAX_PORTS];

static bool is_valid(const struct offload_tables *t)
{
	return t->n_buckets && (t->n_buckets & (t->n_buckets - 1)) == 0 && t->n_dirs >= 4;
}

/* Another data plane had them. */
static bool is_left(const struct offload_tables *t)
{
	return t->control->layout == WEFT_BPF_LAYOUT && offload_buckets_fit(t);
}

int offload_attach(const struct offload_tables *t, uint64_t boot_id)
{
	const struct config *cfg = config_get();
	struct offload *o;
	int r;

	if (!is_valid(t))
		return -EINVAL;
	if (attached || offload_get())
		return -EBUSY;
	o = aligned_alloc(64, RTE_ALIGN_CEIL(sizeof(*o), (size_t)64));
	if (!o)
		return -ENOMEM;
	memset(o, 0, sizeof(*o));
	o->t = *t;
	o->boot_id = boot_id;
	r = offload_pair_init(t->n_dirs / 2);
	if (r == 0)
		r = offload_adopt_init(t->n_dirs);
	if (r < 0) {
		offload_pair_fini();
		free(o);
		return r;
	}
	attached = o;
	/* Before a worker can see a configuration with ports. */
	if (is_left(t) && (!cfg || cfg->generation == 0))
		atomic_store(&offload_adopting, true);
	return 0;
}

void offload_detach(void)
{
	free(attached);
	free(offload_get());
	attached = NULL;
	atomic_store(&offload_current, NULL);
	offload_pair_fini();
	offload_adopt_fini();
	memset(offload_ports, 0, sizeof(offload_ports));
}

static void set_epoch(struct offload *o, uint16_t segment, uint32_t epoch)
{
	__atomic_store_n(&o->t.epochs[segment].epoch, epoch, __ATOMIC_RELEASE);
}

/* 0: the segment has no sessions. One that is gone, or has left its network, keeps its number. */
static uint32_t epoch_in(const struct config *cfg, uint32_t segment)
{
	const struct config_segment *s = cfg->segments[segment];

	return s && s->network_slot ? cfg->epoch[segment] : 0;
}

/* Nothing is carried until run. */
static void stop(struct offload *o)
{
	for (uint32_t i = 0; i < WEFT_MAX_SEGMENTS; i++) {
		if (o->t.epochs[i].epoch)
			set_epoch(o, i, 0);
	}
	o->phase = OFFLOAD_REVOKED;
	o->from_ms = clock_ms() + OFFLOAD_QUARANTINE_MS;
	o->token = rte_rcu_qsbr_start(rcu_qsbr);
}

/* False: the numbers are used up; then all is revoked. */
static bool next_epoch(struct offload *o)
{
	if (o->epoch == UINT32_MAX) {
		stop(o);
		return false;
	}
	o->epoch++;
	return true;
}

/* Everything is stale. */
static void revoke_all(struct offload *o, const struct config *cfg)
{
	if (!next_epoch(o))
		return;
	for (uint32_t i = 0; i < WEFT_MAX_SEGMENTS; i++) {
		uint32_t epoch = epoch_in(cfg, i) ? o->epoch : 0;

		if (epoch || o->t.epochs[i].epoch)
			set_epoch(o, i, epoch);
	}
}

/* A VTEP that its packets may come from is no member any more. */
static bool lost_vtep(const struct config_segment *old, const struct config_segment *next)
{
	if (!old || old == next)
		return false;
	for (unsigned int i = 0; i < old->n_vteps; i++) {
		if (!next || !config_segment_has_vtep(next, old->vteps[i]))
			return true;
	}
	return false;
}

static void revoke(struct offload *o, const struct config *old, const struct config *next)
{
	bool any = false;

	for (uint32_t i = 0; i < WEFT_MAX_SEGMENTS; i++) {
		uint32_t epoch = epoch_in(next, i);

		if (epoch_in(old, i) == epoch &&
			!(epoch && lost_vtep(old->segments[i], next->segments[i])))
			continue;
		if (!any && !next_epoch(o))
			return;
		any = true;
		set_epoch(o, i, epoch ? o->epoch : 0);
	}
}

static void describe_tunnel(const struct config_vtep *v, struct weft_bpf_tunnel *ret)
{
	struct offload_port uplink = offload_port_at(v->uplink_slot);

	memset(ret, 0, sizeof(*ret));
	if (v->uplink_slot && (v->spec.flags & WEFT_VTEP_RESOLVED))
		ret->uplink_ifindex = uplink.ifindex;
	memcpy(&ret->local, &v->spec.local, sizeof(ret->local));
	memcpy(&ret->remote, &v->spec.remote, sizeof(ret->remote));
	ret->flags = (v->hdr.is_v6 ? WEFT_BPF_TUNNEL_V6 : 0) |
		     (v->spec.flags & WEFT_VTEP_DSCP_COPY ? WEFT_BPF_TUNNEL_DSCP_COPY : 0) |
		     (uplink.flags & OFFLOAD_PORT_DELIVER ? WEFT_BPF_TUNNEL_DELIVER : 0);
	ret->dscp = v->spec.dscp << 2;
	ret->ip_cksum = v->hdr.ip_cksum;
	memcpy(ret->hdr, v->hdr.bytes, sizeof(ret->hdr));
}

static void write_tunnel(struct offload *o, uint16_t slot, const struct config_vtep *v)
{
	struct weft_bpf_tunnel *to = &o->t.tunnels[slot], t = {0};
	uint32_t seq = to->seq | 1;

	if (v)
		describe_tunnel(v, &t);
	t.seq = to->seq;
	if (!(to->seq & 1) && memcmp(to, &t, sizeof(t)) == 0)
		return;
	t.seq = seq;
	__atomic_store_n(&to->seq, seq, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	*to = t;
	__atomic_store_n(&to->seq, seq + 1, __ATOMIC_RELEASE);
}

/* What sessions' decisions say of a tunnel beside its slot. */
static bool same_tunnel(const struct config_vtep *a, const struct config_vtep *b)
{
	return !a || (b && a->since == b->since && a->uplink_slot == b->uplink_slot &&
			     a->inner_mtu == b->inner_mtu);
}

/* Returns false when sessions are stale by it. */
static bool write_tunnels(
	struct offload *o, const struct config *old, const struct config *next, bool all)
{
	bool same = true;

	for (uint32_t i = 0; i < WEFT_MAX_VTEPS; i++) {
		if (!all && old->vteps[i] == next->vteps[i])
			continue;
		same &= all || same_tunnel(old->vteps[i], next->vteps[i]);
		write_tunnel(o, i, next->vteps[i]);
	}
	return same;
}

static uint32_t last_epoch(const struct offload_tables *t)
{
	uint32_t last = 0;

	for (uint32_t i = 0; i < WEFT_MAX_SEGMENTS; i++)
		last = RTE_MAX(last, t->epochs[i].epoch);
	return last;
}

static void clear_places(struct offload *o)
{
	for (uint32_t i = 0; i < o->t.n_buckets; i++) {
		for (unsigned int j = 0; j < WEFT_BPF_PLACES; j++) {
			if (o->t.buckets[i].place[j])
				__atomic_store_n(&o->t.buckets[i].place[j], 0, __ATOMIC_RELEASE);
		}
	}
}

static void set_clock(struct offload *o)
{
	uint32_t now = clock_s() + o->ahead_s;

	if (__atomic_load_n(&o->t.control->now_s, __ATOMIC_RELAXED) != now)
		__atomic_store_n(&o->t.control->now_s, now, __ATOMIC_RELAXED);
}

/* No entry has an epoch any more: numbers begin anew. Nobody puts sessions in meanwhile. */
static void forget_epochs(struct offload *o)
{
	for (uint32_t i = 0; i < o->t.n_dirs; i++) {
		struct weft_bpf_dir *e = &o->t.dirs[i];

		if (e->seq & 1)
			continue;
		__atomic_store_n(&e->seq, e->seq | 1, __ATOMIC_RELAXED);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		e->d.epoch = 0;
		__atomic_store_n(&e->seq, e->seq + 1, __ATOMIC_RELEASE);
	}
	o->epoch = 0;
}

/* Nothing is carried at this moment: what programs count from here on is of this one's ports.
 * Sessions that are there already come in, if they may. */
static void run(struct offload *o, const struct config *cfg)
{
	kernel_counters_begin();
	if (o->epoch == UINT32_MAX)
		forget_epochs(o);
	write_tunnels(o, cfg, cfg, true);
	revoke_all(o, cfg);
	o->phase = OFFLOAD_RUNS;
	session_sweep();
}

/* Tables that nobody had: nothing is found in them before layout is there. */
static void begin(struct offload *o, const struct config *cfg)
{
	struct weft_bpf_control *c = o->t.control;

	clear_places(o);
	offload_buckets_begin(o);
	set_clock(o);
	run(o, cfg);
	__atomic_store_n(&c->layout, WEFT_BPF_LAYOUT, __ATOMIC_RELEASE);
}

/* Its clock has stood still, and goes on. */
static void take_over(struct offload *o, const struct config *cfg)
{
	o->phase = OFFLOAD_LEFT;
	o->from_ms = clock_ms() + SETTLE_MS;
	o->left_s = o->t.control->now_s;
	o->ahead_s = o->left_s - clock_s();
	offload_buckets_adopt(o);
	offload_adopt_begin(o, cfg);
}

static void start(struct offload *o, const struct config *cfg)
{
	o->epoch = last_epoch(&o->t);
	if (is_left(&o->t))
		take_over(o, cfg);
	else
		begin(o, cfg);
	__atomic_store_n(&o->t.control->boot_id, o->boot_id, __ATOMIC_RELAXED);
	attached = NULL;
	atomic_store_explicit(&offload_current, o, memory_order_release);
}

void offload_commit(const struct config *old, const struct config *next)
{
	struct offload *o = offload_get();

	if (attached) {
		start(attached, next);
	} else if (o && o->phase == OFFLOAD_RUNS) {
		if (!write_tunnels(o, old, next, false))
			revoke_all(o, next);
		else
			revoke(o, old, next);
	}
}

/* After the first configuration of all there are none that stand on what was learned. */
void offload_moved(uint16_t segment)
{
	struct offload *o = offload_get();
	const struct config *cfg = config_get();

	if (o && cfg && o->phase == OFFLOAD_RUNS && epoch_in(cfg, segment) && next_epoch(o))
		set_epoch(o, segment, o->epoch);
}

void offload_settled(void)
{
	struct offload *o = offload_get();

	if (o && o->phase == OFFLOAD_LEFT)
		stop(o);
}

static bool may_talk(const struct config *cfg, uint16_t network_a, uint16_t network_b)
{
	const struct config_network *a = cfg->networks[network_a], *b = cfg->networks[network_b];

	return network_a == network_b || (a && a->peers && b && b->peers);
}

/* Of sessions that may go by a port that was there: all of its network and of those with routes to
 * it. What a commit takes away it has revoked already. */
static void revoke_port(struct offload *o, const struct config *cfg, uint16_t slot)
{
	const struct config_port *port = cfg->ports[slot];
	const struct config_segment *of = port ? cfg->segments[port->segment_slot] : NULL;

	if (port && !of)
		revoke_all(o, cfg);
	if (!of || !next_epoch(o))
		return;
	for (uint32_t i = 0; i < WEFT_MAX_SEGMENTS; i++) {
		if (epoch_in(cfg, i) &&
			may_talk(cfg, of->network_slot, cfg->segments[i]->network_slot))
			set_epoch(o, i, o->epoch);
	}
}

void offload_set_port(uint16_t slot, const struct offload_port *port)
{
	struct offload *o = offload_get();
	const struct config *cfg = config_get();
	uint64_t word, old = offload_ports[slot];

	memcpy(&word, port, sizeof(word));
	if (word == old)
		return;
	__atomic_store_n(&offload_ports[slot], word, __ATOMIC_RELEASE);
	if (!o || !cfg || o->phase != OFFLOAD_RUNS)
		return;
	for (uint32_t i = 0; i < WEFT_MAX_VTEPS; i++) {
		if (cfg->vteps[i] && cfg->vteps[i]->uplink_slot == slot)
			write_tunnel(o, i, cfg->vteps[i]);
	}
	if (old)
		revoke_port(o, cfg, slot);
	else
		session_sweep();
}

/* Nothing of what was there before is used any more, by programs or workers. */
static bool is_quiet(const struct offload *o)
{
	return o->phase == OFFLOAD_REVOKED && clock_ms() >= o->from_ms && !offload_is_adopting() &&
	       rte_rcu_qsbr_check(rcu_qsbr, o->token, false) == 1;
}

/* For sessions that found no room: there may be some now. */
static void try_again(struct offload *o)
{
	uint64_t refused = atomic_load_explicit(&o->full, memory_order_relaxed) +
			   atomic_load_explicit(&o->empty, memory_order_relaxed);

	if (refused == o->n_refused || clock_ms() < o->again_ms)
		return;
	o->n_refused = refused;
	o->again_ms = clock_ms() + AGAIN_MS;
	session_sweep();
}

void offload_tick(void)
{
	struct offload *o = offload_get();

	if (!o)
		return;
	set_clock(o);
	if (o->phase == OFFLOAD_LEFT && clock_ms() >= o->from_ms)
		stop(o);
	if (is_quiet(o)) {
		log_info("fast path: %" PRIu64 " sessions taken over", atomic_load(&o->adopted));
		run(o, config_get());
	}
	while (o->phase == OFFLOAD_RUNS && offload_buckets_grow(o))
		o->again_ms = 0;
	try_again(o);
}
