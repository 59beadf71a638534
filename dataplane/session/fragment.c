/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fragment table: see session/fragment.h for its rules. Called by the slow path on any worker.
 *
 * A bucket is a line of tags under a lock, and as many datagrams. Counts of quotas are atomic and
 * taken before the place or the packet that they are for, so that they are never exceeded.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include <rte_common.h>
#include <rte_spinlock.h>

#include <core/clock.h>
#include <pkt/bytes.h>
#include <pkt/parse.h>
#include <session/fragment.h>

#define FRAGMENT_BUCKETS (FRAGMENT_TABLE / FRAGMENT_WAYS)
#define FRAGMENT_SWEEP	 4 /* buckets per call of fragment_expire */
#define FRAGMENT_QUOTAS	 (WEFT_MAX_PORTS + WEFT_MAX_SEGMENTS)
#define IPV4_MF		 0x2000
#define IPV4_OFFSET	 0x1fff
#define IPV6_OFFSET	 0xfff8

struct fragment_id {
	struct weft_addr src;
	struct weft_addr dst;
	uint32_t id;
	uint16_t in; /* port or VTEP slot: nobody else can spoil the datagram */
	uint16_t segment;
	uint8_t proto; /* 0: IPv6, whose fragments need not agree on it */
	uint8_t tunnel;
	uint8_t pad[2];
};
static_assert(sizeof(struct fragment_id) == 44, "compared without padding");

/* One fragment. */
struct fragment {
	struct fragment_id id;
	uint32_t tag; /* never 0 */
	uint32_t bucket;
	uint32_t start, end; /* of its data in the datagram */
	bool last;
};

enum fragment_state {
	FRAGMENT_WAITS = 1, /* for the first one */
	FRAGMENT_FOLLOWS,
	FRAGMENT_REFUSES, /* as the first one was */
	FRAGMENT_SPOILT,  /* all further ones are dropped: struct datagram.drop */
};

struct datagram {
	struct fragment_id id;
	uint8_t state;
	uint8_t drop;
	uint8_t n_parts;
	uint8_t n_waiting;
	uint64_t expires_ms;
	uint32_t covered; /* bytes; parts do not overlap */
	uint32_t total;	  /* 0: not known yet */
	uint32_t quota;
	struct session_key key;
	struct {
		uint16_t start, end;
	} parts[FRAGMENT_PARTS];
	struct rte_mbuf *waiting[FRAGMENT_WAITING];
};

struct bucket {
	rte_spinlock_t lock;
	uint32_t tags[FRAGMENT_WAYS]; /* 0: free */
	struct datagram datagrams[FRAGMENT_WAYS];
} __attribute__((aligned(64)));

static struct bucket *buckets;
static _Atomic uint32_t n_datagrams, n_kept, next_sweep;
static _Atomic uint16_t quota_datagrams[FRAGMENT_QUOTAS], quota_kept[FRAGMENT_QUOTAS];

int fragment_init(void)
{
	buckets = aligned_alloc(64, FRAGMENT_BUCKETS * sizeof(*buckets));
	if (!buckets)
		return -ENOMEM;
	memset(buckets, 0, FRAGMENT_BUCKETS * sizeof(*buckets));
	n_datagrams = n_kept = 0;
	memset(quota_datagrams, 0, sizeof(quota_datagrams));
	memset(quota_kept, 0, sizeof(quota_kept));
	return 0;
}

void fragment_fini(void)
{
	for (unsigned int i = 0; buckets && i < FRAGMENT_TABLE; i++) {
		struct bucket *b = &buckets[i / FRAGMENT_WAYS];
		struct datagram *d = &b->datagrams[i % FRAGMENT_WAYS];

		if (b->tags[i % FRAGMENT_WAYS])
			rte_pktmbuf_free_bulk(d->waiting, d->n_waiting);
	}
	free(buckets);
	buckets = NULL;
}

static void read_ipv4(const uint8_t *ip, const struct pkt_meta *meta, struct fragment *f)
{
	uint32_t field = load16(ip + 6);

	f->id.src = weft_addr_from_v4(ip + 12);
	f->id.dst = weft_addr_from_v4(ip + 16);
	f->id.id = load16(ip + 4);
	f->id.proto = ip[9];
	f->last = !(field & IPV4_MF);
	f->start = (field & IPV4_OFFSET) * 8;
	f->end = f->start + meta->l3_len - (ip[0] & 0xf) * 4;
}

/* The parser has found a fragment header and checked the chain up to it. */
static void read_ipv6(const uint8_t *ip, const struct pkt_meta *meta, struct fragment *f)
{
	const uint8_t *p = ip + 40;

	for (uint8_t type = ip[6]; type != IPPROTO_FRAGMENT;) {
		uint8_t next = p[0];

		p += pkt_ext_size(type, p);
		type = next;
	}
	memcpy(&f->id.src, ip + 8, sizeof(f->id.src));
	memcpy(&f->id.dst, ip + 24, sizeof(f->id.dst));
	f->id.id = load16(p + 4) << 16 | load16(p + 6);
	f->last = !(p[3] & 1);
	f->start = load16(p + 2) & IPV6_OFFSET;
	f->end = f->start + meta->l3_len - (p + 8 - ip);
}

/* Returns 0 or BAD_IP_HEADER. */
static enum weft_drop fragment_read(
	const struct rte_mbuf *m, const struct pkt_meta *meta, struct fragment *ret)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_off);
	uint64_t w[6] = {0}, h;

	memset(&ret->id, 0, sizeof(ret->id));
	if (meta->flags & PKT_IPV4)
		read_ipv4(ip, meta, ret);
	else
		read_ipv6(ip, meta, ret);
	if (ret->end <= ret->start || ret->end > UINT16_MAX)
		return WEFT_DROP_BAD_IP_HEADER;
	if (!ret->last && ret->end % 8)
		return WEFT_DROP_BAD_IP_HEADER;
	ret->id.segment = meta->segment;
	ret->id.tunnel = meta->flags & PKT_FROM_TUNNEL ? 1 : 0;
	ret->id.in = ret->id.tunnel ? meta->in_vtep : meta->in_port;
	memcpy(w, &ret->id, sizeof(ret->id));
	h = session_mix(w[0] ^ session_seed[0], w[1] ^ session_seed[1]) ^
	    session_mix(w[2] ^ session_seed[1], w[3] ^ session_seed[0]);
	h = session_mix(h ^ w[4] ^ session_seed[0], w[5] ^ session_seed[1]);
	ret->tag = (uint32_t)h | 1;
	ret->bucket = (h >> 32) % FRAGMENT_BUCKETS;
	return 0;
}

/* Counts one more unless there are max. */
static bool take_u16(_Atomic uint16_t *n, uint16_t max)
{
	uint16_t have = atomic_load_explicit(n, memory_order_relaxed);

	do {
		if (have >= max)
			return false;
	} while (!atomic_compare_exchange_weak(n, &have, have + 1));
	return true;
}

static void datagram_free(struct bucket *b, unsigned int way)
{
	atomic_fetch_sub(&quota_datagrams[b->datagrams[way].quota], 1);
	atomic_fetch_sub(&n_datagrams, 1);
	b->tags[way] = 0;
}

static bool datagram_is_over(const struct datagram *d, uint64_t now)
{
	return now >= d->expires_ms;
}

/* The way of f's datagram, or -1. One that is over is none. */
static int bucket_find(const struct bucket *b, const struct fragment *f, uint64_t now)
{
	for (unsigned int way = 0; way < FRAGMENT_WAYS; way++) {
		const struct datagram *d = &b->datagrams[way];

		if (b->tags[way] == f->tag && !datagram_is_over(d, now) &&
			memcmp(&d->id, &f->id, sizeof(d->id)) == 0)
			return way;
	}
	return -1;
}

static uint32_t quota_of(const struct pkt_meta *meta, uint16_t port)
{
	return meta->flags & PKT_FROM_TUNNEL ? WEFT_MAX_PORTS + meta->segment : port;
}

/* A place for a new datagram, or -1. */
static int bucket_new(struct bucket *b, const struct fragment *f, uint32_t quota, uint64_t now)
{
	int way = -1;

	for (unsigned int i = 0; i < FRAGMENT_WAYS; i++) {
		struct datagram *d = &b->datagrams[i];

		if (b->tags[i] && d->n_waiting == 0 && datagram_is_over(d, now))
			datagram_free(b, i);
		if (!b->tags[i])
			way = i;
	}
	if (way < 0 || !take_u16(&quota_datagrams[quota], FRAGMENT_PORT))
		return -1;
	atomic_fetch_add(&n_datagrams, 1);
	b->tags[way] = f->tag;
	memset(&b->datagrams[way], 0, offsetof(struct datagram, parts));
	b->datagrams[way].id = f->id;
	b->datagrams[way].quota = quota;
	b->datagrams[way].state = FRAGMENT_WAITS;
	b->datagrams[way].expires_ms = now + FRAGMENT_MS;
	return way;
}

static enum weft_drop datagram_spoil(struct datagram *d, enum weft_drop drop)
{
	d->state = FRAGMENT_SPOILT;
	d->drop = drop;
	return drop;
}

/* Books f's place in its datagram: 0, or why it has none. */
static enum weft_drop datagram_add(struct datagram *d, const struct fragment *f)
{
	if (d->state == FRAGMENT_SPOILT)
		return d->drop;
	for (unsigned int i = 0; i < d->n_parts; i++) {
		if (f->start == d->parts[i].start && f->end == d->parts[i].end &&
			(f->last ? d->total == f->end : d->total != f->end))
			return WEFT_DROP_FRAGMENT_OVERLAP;
		if (f->start < d->parts[i].end && d->parts[i].start < f->end)
			return datagram_spoil(d, WEFT_DROP_FRAGMENT_OVERLAP);
		if (f->last && d->parts[i].end > f->end)
			return datagram_spoil(d, WEFT_DROP_FRAGMENT_OVERLAP);
	}
	if (d->total && (f->last || f->end > d->total))
		return datagram_spoil(d, WEFT_DROP_FRAGMENT_OVERLAP);
	if (d->n_parts == FRAGMENT_PARTS)
		return datagram_spoil(d, WEFT_DROP_FRAGMENT_LIMIT);
	d->parts[d->n_parts].start = f->start;
	d->parts[d->n_parts++].end = f->end;
	d->covered += f->end - f->start;
	if (f->last)
		d->total = f->end;
	return 0;
}

/* Nothing more of it can come. One that is spoilt stays, so that it can't begin anew. */
static void datagram_end_if_complete(struct bucket *b, unsigned int way)
{
	const struct datagram *d = &b->datagrams[way];

	if ((d->state == FRAGMENT_FOLLOWS || d->state == FRAGMENT_REFUSES) &&
		d->covered == d->total)
		datagram_free(b, way);
}

static bool datagram_keep(struct datagram *d, struct rte_mbuf *m)
{
	if (d->n_waiting == FRAGMENT_WAITING ||
		!take_u16(&quota_kept[d->quota], FRAGMENT_KEPT_PORT))
		return false;
	if (atomic_fetch_add(&n_kept, 1) >= FRAGMENT_KEPT_MAX) {
		atomic_fetch_sub(&n_kept, 1);
		atomic_fetch_sub(&quota_kept[d->quota], 1);
		return false;
	}
	d->waiting[d->n_waiting++] = m;
	return true;
}

/* Takes up to max of those that wait, the first ones first. */
static unsigned int datagram_give(struct datagram *d, struct rte_mbuf **ret, unsigned int max)
{
	unsigned int n = RTE_MIN(max, d->n_waiting);

	memcpy(ret, d->waiting, n * sizeof(*ret));
	d->n_waiting -= n;
	memmove(d->waiting, d->waiting + n, d->n_waiting * sizeof(*ret));
	atomic_fetch_sub(&n_kept, n);
	atomic_fetch_sub(&quota_kept[d->quota], n);
	return n;
}

static enum fragment_verdict judge_later(
	struct datagram *d, const struct fragment *f, struct rte_mbuf *m, enum weft_drop *ret_drop)
{
	*ret_drop = datagram_add(d, f);
	if (*ret_drop)
		return FRAGMENT_DROP;
	if (d->state == FRAGMENT_FOLLOWS)
		return FRAGMENT_FOLLOW;
	if (d->state == FRAGMENT_REFUSES) {
		*ret_drop = WEFT_DROP_FRAGMENT_REFUSED;
		return FRAGMENT_DROP;
	}
	if (datagram_keep(d, m))
		return FRAGMENT_KEPT;
	*ret_drop = datagram_spoil(d, WEFT_DROP_FRAGMENT_LIMIT);
	return FRAGMENT_DROP;
}

enum fragment_verdict fragment_later(struct rte_mbuf *m, const struct pkt_meta *meta, uint16_t port,
	struct session_key *ret_key, enum weft_drop *ret_drop)
{
	enum fragment_verdict verdict = FRAGMENT_DROP;
	uint64_t now = clock_ms();
	struct fragment f;
	struct bucket *b;
	int way;

	*ret_drop = fragment_read(m, meta, &f);
	if (*ret_drop)
		return FRAGMENT_DROP;
	b = &buckets[f.bucket];
	rte_spinlock_lock(&b->lock);
	way = bucket_find(b, &f, now);
	if (way < 0)
		way = bucket_new(b, &f, quota_of(meta, port), now);
	if (way < 0) {
		*ret_drop = WEFT_DROP_FRAGMENT_LIMIT;
	} else {
		verdict = judge_later(&b->datagrams[way], &f, m, ret_drop);
		*ret_key = b->datagrams[way].key;
		datagram_end_if_complete(b, way);
	}
	rte_spinlock_unlock(&b->lock);
	return verdict;
}

/* Returns 0, or why the first one is dropped. */
static enum weft_drop judge_first(struct datagram *d, const struct fragment *f,
	const struct session_key *key, enum weft_drop drop)
{
	enum weft_drop bad = datagram_add(d, f);

	if (bad)
		return bad;
	d->key = *key;
	d->state = drop ? FRAGMENT_REFUSES : FRAGMENT_FOLLOWS;
	return 0;
}

int fragment_first(const struct rte_mbuf *m, const struct pkt_meta *meta, uint16_t port,
	const struct session_key *key, enum weft_drop drop, struct rte_mbuf *ret[FRAGMENT_WAITING],
	unsigned int *ret_n, enum weft_drop *ret_drop)
{
	uint64_t now = clock_ms();
	struct fragment f;
	struct bucket *b;
	int way;

	*ret_n = 0;
	*ret_drop = fragment_read(m, meta, &f);
	if (*ret_drop)
		return -1;
	b = &buckets[f.bucket];
	rte_spinlock_lock(&b->lock);
	way = bucket_find(b, &f, now);
	if (way < 0)
		way = bucket_new(b, &f, quota_of(meta, port), now);
	if (way < 0) {
		*ret_drop = WEFT_DROP_FRAGMENT_LIMIT;
	} else {
		*ret_drop = judge_first(&b->datagrams[way], &f, key, drop);
		*ret_n = datagram_give(&b->datagrams[way], ret, FRAGMENT_WAITING);
		datagram_end_if_complete(b, way);
	}
	rte_spinlock_unlock(&b->lock);
	return *ret_drop ? -1 : 0;
}

static unsigned int bucket_expire(
	struct bucket *b, uint64_t now, struct rte_mbuf **ret, unsigned int max)
{
	unsigned int n = 0;

	for (unsigned int way = 0; way < FRAGMENT_WAYS && n < max; way++) {
		struct datagram *d = &b->datagrams[way];
		bool over = b->tags[way] && datagram_is_over(d, now);
		unsigned int got = 0;

		if (b->tags[way] && (over || d->state == FRAGMENT_SPOILT))
			got = datagram_give(d, ret + n, max - n);
		for (unsigned int i = 0; i < got; i++)
			pkt_meta(ret[n + i])->drop =
				d->state == FRAGMENT_SPOILT ? d->drop : WEFT_DROP_FRAGMENT_TIMEOUT;
		n += got;
		if (over && d->n_waiting == 0)
			datagram_free(b, way);
	}
	return n;
}

unsigned int fragment_expire(struct rte_mbuf **ret, unsigned int n)
{
	uint64_t now = clock_ms();
	unsigned int got = 0;

	if (atomic_load_explicit(&n_datagrams, memory_order_relaxed) == 0)
		return 0;
	for (unsigned int i = 0; i < FRAGMENT_SWEEP && got < n; i++) {
		struct bucket *b = &buckets[atomic_fetch_add(&next_sweep, 1) % FRAGMENT_BUCKETS];

		if (!rte_spinlock_trylock(&b->lock))
			continue;
		got += bucket_expire(b, now, ret + got, n - got);
		rte_spinlock_unlock(&b->lock);
	}
	return got;
}

/* ---- trying ---- */

/* A copy of f's datagram as it is, or would begin. False: there is no place for it. */
static bool bucket_try(const struct fragment *f, uint32_t quota, struct datagram *ret)
{
	uint64_t now = clock_ms();
	struct bucket *b = &buckets[f->bucket];
	bool place = false;
	int way;

	rte_spinlock_lock(&b->lock);
	way = bucket_find(b, f, now);
	if (way >= 0)
		memcpy(ret, &b->datagrams[way], sizeof(*ret));
	for (unsigned int i = 0; i < FRAGMENT_WAYS; i++) {
		const struct datagram *d = &b->datagrams[i];

		place |= !b->tags[i] || (d->n_waiting == 0 && datagram_is_over(d, now));
	}
	rte_spinlock_unlock(&b->lock);
	if (way >= 0)
		return true;
	*ret = (struct datagram){.state = FRAGMENT_WAITS, .quota = quota};
	return place && quota_datagrams[quota] < FRAGMENT_PORT;
}

static bool datagram_may_keep(const struct datagram *d)
{
	return d->n_waiting < FRAGMENT_WAITING && quota_kept[d->quota] < FRAGMENT_KEPT_PORT &&
	       n_kept < FRAGMENT_KEPT_MAX;
}

enum fragment_verdict fragment_try_later(const struct rte_mbuf *m, const struct pkt_meta *meta,
	uint16_t port, struct session_key *ret_key, enum weft_drop *ret_drop)
{
	struct datagram d;
	struct fragment f;

	*ret_drop = fragment_read(m, meta, &f);
	if (*ret_drop)
		return FRAGMENT_DROP;
	*ret_drop = WEFT_DROP_FRAGMENT_LIMIT;
	if (!bucket_try(&f, quota_of(meta, port), &d))
		return FRAGMENT_DROP;
	*ret_drop = datagram_add(&d, &f);
	if (*ret_drop)
		return FRAGMENT_DROP;
	*ret_key = d.key;
	if (d.state == FRAGMENT_FOLLOWS)
		return FRAGMENT_FOLLOW;
	if (d.state == FRAGMENT_WAITS && datagram_may_keep(&d))
		return FRAGMENT_KEPT;
	*ret_drop =
		d.state == FRAGMENT_WAITS ? WEFT_DROP_FRAGMENT_LIMIT : WEFT_DROP_FRAGMENT_REFUSED;
	return FRAGMENT_DROP;
}

int fragment_try_first(const struct rte_mbuf *m, const struct pkt_meta *meta, uint16_t port,
	unsigned int *ret_n, enum weft_drop *ret_drop)
{
	struct datagram d;
	struct fragment f;

	*ret_n = 0;
	*ret_drop = fragment_read(m, meta, &f);
	if (*ret_drop)
		return -1;
	*ret_drop = WEFT_DROP_FRAGMENT_LIMIT;
	if (!bucket_try(&f, quota_of(meta, port), &d))
		return -1;
	*ret_drop = datagram_add(&d, &f);
	*ret_n = d.n_waiting;
	return *ret_drop ? -1 : 0;
}
