/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See bpf_reader.h. The helpers are replaced, all else is the programs' code.
 */
#include <stddef.h>

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

static void *reader_lookup(const void *map, const void *key);
#define bpf_map_lookup_elem(map, key) reader_lookup(map, key)
#define bpf_get_smp_processor_id()    0

static __u64 reader_time(void);
#define bpf_ktime_get_ns() reader_time()

#include <encap.h>
#include <trace.h>

#include <time.h>

#include "bpf_reader.h"

static struct offload_tables tables;
static union weft_bpf_trace *trace;

static __u64 reader_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (__u64)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void *reader_lookup(const void *map, const void *key)
{
	uint32_t i = *(const uint32_t *)key;

	if (map == &weft_control)
		return tables.control;
	if (map == &weft_epochs)
		return i < WEFT_MAX_SEGMENTS ? &tables.epochs[i] : NULL;
	if (map == &weft_buckets)
		return i < tables.n_buckets ? &tables.buckets[i] : NULL;
	if (map == &weft_dirs)
		return i < tables.n_dirs ? &tables.dirs[i] : NULL;
	if (map == &weft_tunnels)
		return i < WEFT_MAX_VTEPS ? &tables.tunnels[i] : NULL;
	if (map == &weft_trace && trace)
		return i <= WEFT_BPF_TRACE_PLACES ? &trace[i] : NULL;
	return NULL; /* counters of ports */
}

void bpf_reader_use(const struct offload_tables *t)
{
	tables = *t;
}

int bpf_reader_find(const struct weft_bpf_key *key, struct weft_bpf_decision *ret)
{
	const struct weft_bpf_control *c = control();
	struct hit h;
	int miss;

	if (!control_ready(c))
		return WEFT_BPF_MISS_NOT_READY;
	miss = find_dir(c, key, &h);
	if (!miss)
		*ret = h.d;
	return miss;
}

int bpf_reader_packet(const struct bpf_packet *what, struct weft_bpf_decision *ret)
{
	const struct weft_bpf_control *c = control();
	struct packet p = {.key = what->key, .l3_len = what->l3_len, .ttl = 64, .tcp = what->tcp};
	struct hit h;
	int miss;

	if (!control_ready(c))
		return WEFT_BPF_MISS_NOT_READY;
	memcpy(p.head, what->macs, sizeof(what->macs));
	miss = hit_find(c, &p, 0, &h);
	if (miss)
		return miss;
	hit_done(c, &p, &h, what->l3_len + ETH_HLEN, what->l3_len + ETH_HLEN);
	*ret = h.d;
	return 0;
}

void bpf_reader_trace(union weft_bpf_trace *t)
{
	trace = t;
}

static int carry(uint32_t prog, const struct packet *p, uint32_t len, struct hit *h)
{
	hit_done(control(), p, h, len, len);
	trace_hit(control(), prog, p, h, 0);
	return 0;
}

int bpf_reader_port_frame(const void *frame, uint32_t len, uint32_t ifindex)
{
	struct cursor c = {(void *)(uintptr_t)frame, (char *)(uintptr_t)frame + len};
	struct packet p = {.key.scope = weft_bpf_scope_port(ifindex)};
	struct hit h;
	int miss = parse_frame(&c, len, 0, &p);

	if (!miss)
		miss = hit_find(control(), &p, 0, &h);
	return miss ? miss : carry(WEFT_BPF_PROG_PORT, &p, len, &h);
}

int bpf_reader_uplink_frame(const void *frame, uint32_t len, uint32_t ifindex)
{
	struct cursor c = {(void *)(uintptr_t)frame, (char *)(uintptr_t)frame + len};
	struct packet p = {0};
	struct outer o;
	struct hit h;
	__u8 flags;
	int miss = outer_parse(&c, len, &o);

	if (miss)
		return miss;
	if (o.has_sum)
		return WEFT_BPF_MISS_OUTER;
	p.key.scope = weft_bpf_scope_vni(o.vni);
	miss = parse_frame(&c, o.inner_len, 0, &p);
	if (!miss)
		miss = hit_find(control(), &p, 0, &h);
	if (!miss)
		miss = outer_judge(&o, &p, &h.d, ifindex, &flags);
	return miss ? miss : carry(WEFT_BPF_PROG_UPLINK_TC, &p, len, &h);
}

bool bpf_reader_tunnel(uint16_t slot, struct weft_bpf_tunnel *ret)
{
	uint32_t seq;
	const struct weft_bpf_tunnel *t = tunnel_begin(slot, &seq);

	if (!t)
		return false;
	*ret = *t;
	return tunnel_unchanged(t, seq);
}
