/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watching what the kernel carries (pipeline/watch.h): the filter as programs want it, and the
 * steps of a packet that they carried. Those are the ones of the session path for a packet whose
 * decision holds, told from the decision itself: a look at how things stand now could say something
 * else than what was done. Main thread.
 */
#include <netinet/in.h>
#include <string.h>
#include <time.h>

#include <rte_ether.h>

#include <core/clock.h>
#include <observe/carried.h>
#include <pipeline/watch.h>
#include <tunnel/vxlan.h>

#include "trace.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd

static struct {
	struct weft_watch_filter filter;
	struct weft_bpf_filter told; /* as programs have it */
	bool on;		     /* they have it */
	bool wanted;		     /* somebody watches what is not dropped */
	uint64_t generation;	     /* of the configuration that told is of */
	uint32_t second, n_second;   /* packets told in that second */
	uint32_t n;		     /* packets so far */
	uint64_t skipped;
} carried;

/* ---- the filter ---- */

/* 0: there is none. */
static uint16_t port_slot(const struct config *cfg, uint32_t id)
{
	for (uint16_t slot = 1; slot < WEFT_MAX_PORTS; slot++) {
		if (cfg->ports[slot] && cfg->ports[slot]->spec.id == id)
			return slot;
	}
	return 0;
}

static uint16_t segment_slot(const struct config *cfg, uint32_t vni)
{
	for (uint16_t slot = 1; slot < WEFT_MAX_SEGMENTS; slot++) {
		if (cfg->segments[slot] && cfg->segments[slot]->spec.vni == vni)
			return slot;
	}
	return 0;
}

static void put_prefix(const struct weft_prefix *p, uint8_t *addr, uint8_t *mask)
{
	for (unsigned int bit = 0; bit < p->len; bit++)
		mask[bit / 8] |= 0x80 >> bit % 8;
	for (unsigned int i = 0; i < 16; i++)
		addr[i] = p->addr.b[i] & mask[i];
}

/* False: no packet of a session passes. */
static bool describe(
	const struct weft_watch_filter *f, const struct config *cfg, struct weft_bpf_filter *ret)
{
	*ret = (struct weft_bpf_filter){
		.sport = f->sport,
		.dport = f->dport,
		.in_port = f->port ? port_slot(cfg, f->port) : 0,
		.segment = f->vni ? segment_slot(cfg, f->vni) : 0,
		.proto = f->proto,
		.family = f->ethertype == ETHERTYPE_IPV4   ? 4
			  : f->ethertype == ETHERTYPE_IPV6 ? 6
							   : 0,
		.either = f->flags & WEFT_WATCH_EITHER ? 1 : 0,
	};
	put_prefix(&f->src, ret->src, ret->src_mask);
	put_prefix(&f->dst, ret->dst, ret->dst_mask);
	return (!f->port || ret->in_port) && (!f->vni || ret->segment) &&
	       (!f->ethertype || ret->family);
}

/* Tells programs what has changed: ports and segments may come and go. */
static void refresh(const struct config *cfg)
{
	struct weft_bpf_filter now;
	bool on = describe(&carried.filter, cfg, &now);

	carried.generation = cfg->generation;
	if (on == carried.on && memcmp(&now, &carried.told, sizeof(now)) == 0)
		return;
	carried.on = on;
	carried.told = now;
	carried_watch(on ? &now : NULL);
}

void watch_carried(const struct weft_watch_filter *f)
{
	carried.wanted = f && !(f->flags & WEFT_WATCH_DROPPED);
	carried.on = false;
	carried.n_second = 0; /* what the last one used up is not this one's */
	carried_watch(NULL);
	if (!carried.wanted)
		return;
	carried.filter = *f;
	refresh(config_get());
}

void watch_attach(struct weft_bpf_control *control, union weft_bpf_trace *trace)
{
	carried_attach(control, trace);
	carried.on = false;
	if (carried.wanted)
		refresh(config_get());
}

uint64_t watch_carried_skipped(void)
{
	return carried.skipped;
}

/* ---- the steps ---- */

/* Who may write to BPF maps may have written anything: all that tables are asked for. */
static bool is_sound(const struct weft_bpf_decision *d)
{
	return d->segment < WEFT_MAX_SEGMENTS && d->in_port < WEFT_MAX_PORTS &&
	       d->out_port < WEFT_MAX_PORTS && d->in_vtep < WEFT_MAX_VTEPS &&
	       d->out_vtep < WEFT_MAX_VTEPS;
}

struct telling {
	const struct config *cfg;
	const struct weft_bpf_carried *c;
	uint32_t time_ms;
	struct weft_trace_record *ret;
	unsigned int n;
};

static void tell(struct telling *t, const struct weft_trace_record *step)
{
	struct weft_trace_record *r = &t->ret[t->n++];

	*r = *step;
	r->packet = (uint32_t)WEFT_TRACE_NO_WORKER << 24 | (carried.n & 0xffffff);
	r->time_ms = t->time_ms;
	r->worker = WEFT_TRACE_NO_WORKER;
}

static uint32_t port_id(const struct telling *t, uint16_t slot)
{
	return t->cfg->ports[slot] ? t->cfg->ports[slot]->spec.id : 0;
}

static uint32_t entered_vni(const struct telling *t)
{
	const struct config_segment *seg = t->cfg->segments[t->c->d.segment];

	return seg ? seg->spec.vni : 0;
}

static uint32_t left_vni(const struct telling *t)
{
	const struct weft_bpf_decision *d = &t->c->d;
	const struct config_port *out = t->cfg->ports[d->out_port];

	if (d->out_ifindex == 0)
		return d->out_vni;
	return out ? out->spec.vni : 0;
}

static uint32_t frame_size(const struct telling *t)
{
	return RTE_ETHER_HDR_LEN + t->c->l3_len;
}

static uint32_t outer_size(const struct config_vtep *v)
{
	return weft_addr_is_v4(&v->spec.remote) ? VXLAN_OVERHEAD_V4 : VXLAN_OVERHEAD_V6;
}

/* A packet with its addresses; macs: destination, source. */
static struct weft_trace_record packet_of(
	const struct telling *t, enum weft_trace_step step, const uint8_t *macs)
{
	const struct weft_bpf_key *k = &t->c->key;
	bool icmp = k->proto == IPPROTO_ICMP || k->proto == IPPROTO_ICMPV6;
	struct weft_trace_record r = {
		.step = step,
		.size = frame_size(t),
		.proto = k->proto,
		.sport = icmp ? k->icmp_type << 8 : k->sport,
		.dport = k->dport,
	};

	memcpy(&r.src, k->src, sizeof(r.src));
	memcpy(&r.dst, k->dst, sizeof(r.dst));
	memcpy(&r.dst_mac, macs, sizeof(r.dst_mac));
	memcpy(&r.src_mac, macs + sizeof(r.dst_mac), sizeof(r.src_mac));
	return r;
}

static void tell_entered(struct telling *t)
{
	const struct weft_bpf_decision *d = &t->c->d;
	const struct config_vtep *in = d->in_vtep ? t->cfg->vteps[d->in_vtep] : NULL;
	struct weft_trace_record parsed = packet_of(t, WEFT_TRACE_PARSED, d->match_macs);

	parsed.port = port_id(t, d->in_port);
	parsed.vni = entered_vni(t);
	tell(t, &(struct weft_trace_record){.step = WEFT_TRACE_RECEIVED,
			.port = parsed.port,
			.vni = d->in_vtep ? 0 : parsed.vni,
			.size = frame_size(t) + (in ? outer_size(in) : 0)});
	if (in)
		tell(t, &(struct weft_trace_record){.step = WEFT_TRACE_TUNNEL,
				.vni = parsed.vni,
				.src = in->spec.remote});
	tell(t, &parsed);
}

static void tell_session(struct telling *t)
{
	const struct weft_bpf_key *k = &t->c->key;
	struct weft_trace_record r = {.step = WEFT_TRACE_SESSION_HIT,
		.vni = entered_vni(t),
		.sport = k->sport,
		.dport = k->dport,
		.proto = k->proto};

	memcpy(&r.src, k->src, sizeof(r.src));
	memcpy(&r.dst, k->dst, sizeof(r.dst));
	tell(t, &r);
	tell(t, &(struct weft_trace_record){
			.step = WEFT_TRACE_KERNEL, .n = t->c->prog, .size = t->c->gso_size});
}

static void tell_left(struct telling *t)
{
	const struct weft_bpf_decision *d = &t->c->d;
	const struct config_vtep *out = d->out_ifindex == 0 ? t->cfg->vteps[d->out_vtep] : NULL;

	if (d->flags & WEFT_BPF_DIR_ROUTED) {
		struct weft_trace_record r = packet_of(t, WEFT_TRACE_REWRITE, d->rewrite_macs);

		r.vni = left_vni(t);
		tell(t, &r);
	}
	if (out)
		tell(t, &(struct weft_trace_record){.step = WEFT_TRACE_ENCAPSULATE,
				.src = out->spec.local,
				.dst = out->spec.remote,
				.vni = d->out_vni});
	tell(t, &(struct weft_trace_record){.step = WEFT_TRACE_OUTPUT,
			.port = port_id(t, d->out_port),
			.size = frame_size(t) + (out ? outer_size(out) : 0)});
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static bool may_tell(uint32_t second)
{
	if (carried.second != second) {
		carried.second = second;
		carried.n_second = 0;
	}
	if (carried.n_second < carried.filter.rate) {
		carried.n_second++;
		return true;
	}
	carried.skipped++;
	return false;
}

unsigned int watch_carried_drain(struct weft_trace_record *ret, unsigned int max)
{
	struct weft_bpf_carried c;
	struct telling t = {.cfg = config_get(), .c = &c, .ret = ret};
	uint64_t now = now_ns();

	if (!carried.wanted)
		return 0;
	if (t.cfg->generation != carried.generation)
		refresh(t.cfg);
	carried_turn();
	while (max - t.n >= WATCH_CARRIED_STEPS && carried_take(&c)) {
		uint64_t age_ms = now > c.time_ns ? (now - c.time_ns) / 1000000 : 0;

		t.time_ms = clock_ms() - RTE_MIN(age_ms, clock_ms());
		if (!is_sound(&c.d)) {
			carried.skipped++;
			continue;
		}
		if (!may_tell(t.time_ms / 1000))
			continue;
		carried.n++;
		tell_entered(&t);
		tell_session(&t);
		tell_left(&t);
	}
	return t.n;
}
