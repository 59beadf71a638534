/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a parsed packet to its session's decision, and whether that holds for it: the same questions
 * as the data plane's session path asks (dataplane/pipeline/session_path.c). Nothing is changed
 * before all of them are answered; hit_done books what was then carried out.
 */
#ifndef PROG_LIB_HIT_H
#define PROG_LIB_HIT_H

#include "maps.h"
#include "packet.h"

struct hit {
	struct weft_bpf_decision d;
	struct weft_bpf_dir *dir;
};

#define compiler_barrier() asm volatile("" ::: "memory")

static __always_inline const struct weft_bpf_control *control(void)
{
	const struct weft_bpf_control *c;
	__u32 zero = 0;

	c = bpf_map_lookup_elem(&weft_control, &zero);
	return c;
}

/* Has a data plane taken the tables over? */
static __always_inline int control_ready(const struct weft_bpf_control *c)
{
	return *(const volatile __u32 *)&c->layout == WEFT_BPF_LAYOUT;
}

static __always_inline __u32 find_index(
	const struct weft_bpf_control *c, const struct weft_bpf_key *key)
{
	__u64 hash = weft_bpf_hash(key, c->hash_seed);
	__u32 tag = weft_bpf_hash_tag(hash);
	__u32 at = weft_bpf_hash_bucket(hash, c->n_buckets_mask);
	const struct weft_bpf_bucket *b = bpf_map_lookup_elem(&weft_buckets, &at);
	__u32 index = 0;

	if (!b)
		return 0;
#pragma unroll
	for (int i = 0; i < WEFT_BPF_PLACES; i++) {
		__u64 place = *(const volatile __u64 *)&b->place[i];

		if ((__u32)place == tag)
			index = place >> 32;
	}
	return index;
}

static __always_inline int keys_equal(const struct weft_bpf_key *a, const struct weft_bpf_key *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4]) |
		       (x[5] ^ y[5])) == 0;
}

/* A copy of the decision that no writer had its hands on. */
static __always_inline int find_dir(
	const struct weft_bpf_control *c, const struct weft_bpf_key *key, struct hit *h)
{
	__u32 index = find_index(c, key), seq;
	struct weft_bpf_dir *dir;

	if (index == 0)
		return WEFT_BPF_MISS_NO_SESSION;
	dir = bpf_map_lookup_elem(&weft_dirs, &index);
	if (!dir)
		return WEFT_BPF_MISS_NO_SESSION;
	seq = *(volatile __u32 *)&dir->seq;
	compiler_barrier();
	if (!keys_equal(&dir->key, key))
		return WEFT_BPF_MISS_NO_SESSION;
	h->d = dir->d;
	compiler_barrier();
	if ((seq & 1) || seq != *(volatile __u32 *)&dir->seq)
		return WEFT_BPF_MISS_CHANGING;
	h->dir = dir;
	return 0;
}

static __always_inline int epoch_holds(const struct weft_bpf_decision *d)
{
	__u32 segment = d->segment;
	const struct weft_bpf_epoch *e = bpf_map_lookup_elem(&weft_epochs, &segment);

	return e && d->epoch != 0 && *(const volatile __u32 *)&e->epoch == d->epoch;
}

static __always_inline int macs_equal(const __u8 *a, const __u8 *b)
{
	const __u32 *x = (const __u32 *)a, *y = (const __u32 *)b;

	return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2])) == 0;
}

/* As track_tcp_packet where nothing changes the state. */
static __always_inline int judge_tcp(const struct hit *h, const struct packet *p)
{
	const struct session_tcp *own = &h->dir->state.tcp, *peer;
	struct weft_bpf_dir *other;
	__u32 index = h->d.peer;

	other = bpf_map_lookup_elem(&weft_dirs, &index);
	if (!other)
		return WEFT_BPF_MISS_NO_SESSION;
	peer = &other->state.tcp;
	if ((own->flags | peer->flags) & (SIDE_OPENING | SIDE_FIN))
		return WEFT_BPF_MISS_TCP_STATE;
	return segment_in_window(own, peer, &p->tcp) ? 0 : WEFT_BPF_MISS_TCP_WINDOW;
}

/* A GSO frame of a tenant's own making may want to become tens of thousands. */
static __always_inline int too_many_segments(const struct packet *p, __u32 gso_size)
{
	return gso_size && p->l3_len - p->hdr_len > gso_size * WEFT_BPF_GSO_SEGS_MAX;
}

/* gso_size: payload per segment of a GSO frame, else 0. Returns 0 or enum weft_bpf_miss. */
static __always_inline int hit_find(
	const struct weft_bpf_control *c, const struct packet *p, __u32 gso_size, struct hit *h)
{
	__u32 longest = gso_size ? p->hdr_len + gso_size : p->l3_len;
	int miss = find_dir(c, &p->key, h);

	if (miss)
		return miss;
	if (!epoch_holds(&h->d))
		return WEFT_BPF_MISS_EPOCH;
	if (!macs_equal(h->d.match_macs, p->head))
		return WEFT_BPF_MISS_MACS;
	if ((h->d.flags & WEFT_BPF_DIR_ROUTED) && p->ttl <= 1)
		return WEFT_BPF_MISS_TTL;
	if (longest > h->d.max_l3)
		return WEFT_BPF_MISS_TOO_LONG;
	if (too_many_segments(p, gso_size))
		return WEFT_BPF_MISS_HEADERS;
	return p->key.proto == IPPROTO_TCP ? judge_tcp(h, p) : 0;
}

/* This CPU's, of a port slot. */
static __always_inline struct weft_bpf_port_counters *port_counters(
	const struct weft_bpf_control *c, __u32 slot, __u32 cpu)
{
	__u32 at = weft_bpf_port_cnt_at(slot, cpu, c->n_cpus);

	return bpf_map_lookup_elem(&weft_port_cnt, &at);
}

static __always_inline void count_ports(const struct weft_bpf_control *c,
	const struct weft_bpf_decision *d, __u32 rx_bytes, __u32 tx_bytes)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct weft_bpf_port_counters *n = port_counters(c, d->in_port, cpu);

	if (n) {
		n->rx_packets++;
		n->rx_bytes += rx_bytes;
	}
	n = port_counters(c, d->out_port, cpu);
	if (n) {
		n->tx_packets++;
		n->tx_bytes += tx_bytes;
	}
}

/* rx_bytes, tx_bytes: of the whole frames as they came and go. */
static __always_inline void hit_done(const struct weft_bpf_control *c, const struct packet *p,
	struct hit *h, __u32 rx_bytes, __u32 tx_bytes)
{
	struct weft_bpf_state *s = &h->dir->state;
	__u32 now = c->now_s;

	if (p->key.proto == IPPROTO_TCP)
		side_advance(&s->tcp, &p->tcp);
	s->packets++;
	s->bytes += ETH_HLEN + p->l3_len;
	if (s->seen_s != now)
		s->seen_s = now;
	count_ports(c, &h->d, rx_bytes, tx_bytes);
}

/* One hop: MACs, TTL, and what depends on it, in the copy of the headers. */
static __always_inline void hit_route(const struct hit *h, struct packet *p)
{
	__u8 *ip = p->head + ETH_HLEN;

	__builtin_memcpy(p->head, h->d.rewrite_macs, sizeof(h->d.rewrite_macs));
	if (p->key.family == 4) {
		struct iphdr *v4 = (struct iphdr *)ip;
		__u16 before = v4->ttl | v4->protocol << 8, after = before - 1, sum;

		/* RFC 1624 equation 3, in memory order (little endian) */
		sum = fold((__u64)(__u16)~v4->check + (__u16)~before + after);
		v4->check = ~sum;
		v4->ttl--;
	} else {
		((struct ipv6hdr *)ip)->hop_limit--;
	}
}

#endif
