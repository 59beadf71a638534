/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The offload's tables as a whole: taking them over, epochs of segments, tunnels, ports. Main
 * thread.
 *
 * Another data plane may have left them full: its sessions go on until this one has published a
 * configuration, which revokes them all by new epochs. Then its places are cleared, and once no
 * program runs any more that found one of them the entries are this one's.
 */
#include <errno.h>
#include <stdlib.h>

#include <rte_common.h>

#include <core/clock.h>

#include "offload_priv.h"

static_assert(sizeof(((struct weft_bpf_tunnel *)0)->hdr) == TUNNEL_HDR_MAX, "one template");

static struct offload *attached;       /* has no configuration yet */
static uint64_t ports[WEFT_MAX_PORTS]; /* a struct offload_port each, written as one word */
static_assert(sizeof(struct offload_port) == sizeof(uint64_t), "one word");

struct offload_port offload_port_at(uint16_t slot)
{
	uint64_t word = __atomic_load_n(&ports[slot], __ATOMIC_RELAXED);
	struct offload_port p;

	memcpy(&p, &word, sizeof(p));
	return p;
}

static bool is_valid(const struct offload_tables *t)
{
	return t->n_buckets && (t->n_buckets & (t->n_buckets - 1)) == 0 && t->n_dirs >= 4;
}

int offload_attach(const struct offload_tables *t, uint64_t boot_id)
{
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
	if (r < 0) {
		free(o);
		return r;
	}
	attached = o;
	return 0;
}

void offload_detach(void)
{
	free(attached);
	free(offload_get());
	attached = NULL;
	atomic_store(&offload_current, NULL);
	offload_pair_fini();
	memset(ports, 0, sizeof(ports));
}

static void set_epoch(struct offload *o, uint16_t segment, uint32_t epoch)
{
	__atomic_store_n(&o->t.epochs[segment].epoch, epoch, __ATOMIC_RELEASE);
}

static uint32_t next_epoch(struct offload *o)
{
	o->epoch = o->epoch == UINT32_MAX ? 1 : o->epoch + 1;
	return o->epoch;
}

/* Everything is stale. */
static void revoke_all(struct offload *o, const struct config *cfg)
{
	uint32_t epoch = next_epoch(o);

	for (uint32_t i = 0; i < WEFT_MAX_SEGMENTS; i++) {
		if (cfg->epoch[i] || o->t.epochs[i].epoch)
			set_epoch(o, i, cfg->epoch[i] ? epoch : 0);
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
	uint32_t epoch = 0;

	for (uint32_t i = 0; i < WEFT_MAX_SEGMENTS; i++) {
		if (old->epoch[i] == next->epoch[i] &&
			!(next->epoch[i] && lost_vtep(old->segments[i], next->segments[i])))
			continue;
		if (!epoch)
			epoch = next_epoch(o);
		set_epoch(o, i, next->epoch[i] ? epoch : 0);
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

/* Not taken over yet: nothing is found in them before layout is there. */
static void clear_places(struct offload *o)
{
	for (uint32_t i = 0; i < o->t.n_buckets; i++) {
		for (unsigned int j = 0; j < WEFT_BPF_PLACES; j++) {
			if (o->t.buckets[i].place[j])
				__atomic_store_n(&o->t.buckets[i].place[j], 0, __ATOMIC_RELEASE);
		}
	}
}

static void take_over(struct offload *o, const struct config *cfg)
{
	struct weft_bpf_control *c = o->t.control;

	o->epoch = last_epoch(&o->t);
	revoke_all(o, cfg);
	clear_places(o);
	write_tunnels(o, cfg, cfg, true);
	__atomic_store_n(&c->n_buckets_mask, o->t.n_buckets - 1, __ATOMIC_RELAXED);
	__atomic_store_n(&c->now_s, clock_s(), __ATOMIC_RELAXED);
	__atomic_store_n(&c->boot_id, o->boot_id, __ATOMIC_RELAXED);
	__atomic_store_n(&c->layout, WEFT_BPF_LAYOUT, __ATOMIC_RELEASE);
	o->from_ms = clock_ms() + OFFLOAD_QUARANTINE_MS;
	attached = NULL;
	atomic_store_explicit(&offload_current, o, memory_order_release);
}

void offload_commit(const struct config *old, const struct config *next)
{
	struct offload *o = offload_get();

	if (attached) {
		take_over(attached, next);
	} else if (o) {
		if (!write_tunnels(o, old, next, false))
			revoke_all(o, next);
		else
			revoke(o, old, next);
	}
}

void offload_set_port(uint16_t slot, const struct offload_port *port)
{
	struct offload *o = offload_get();
	const struct config *cfg = config_get();
	uint64_t word, old = ports[slot];

	memcpy(&word, port, sizeof(word));
	if (word == old)
		return;
	__atomic_store_n(&ports[slot], word, __ATOMIC_RELEASE);
	if (!o || !cfg)
		return;
	for (uint32_t i = 0; i < WEFT_MAX_VTEPS; i++) {
		if (cfg->vteps[i] && cfg->vteps[i]->uplink_slot == slot)
			write_tunnel(o, i, cfg->vteps[i]);
	}
	if (old)
		revoke_all(o, cfg);
	else
		session_sweep();
}

void offload_tick(void)
{
	struct offload *o = offload_get();
	uint32_t now = clock_s();

	if (!o)
		return;
	if (__atomic_load_n(&o->t.control->now_s, __ATOMIC_RELAXED) != now)
		__atomic_store_n(&o->t.control->now_s, now, __ATOMIC_RELAXED);
	if (o->swept || clock_ms() < o->from_ms)
		return;
	o->swept = true;
	session_sweep();
}
