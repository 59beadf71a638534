/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libFuzzer target: two hostile frames through the parser to what sessions make of them: keys,
 * trackers, the quotes of ICMP errors, fragments. Buffers are of exactly the frame's size.
 *
 * Input: control byte, size of the first frame (2 bytes), both frames.
 */
#include <stddef.h>
#include <stdlib.h>

#include <core/clock.h>
#include <pkt/cksum.h>
#include <pkt/parse.h>
#include <session/fragment.h>
#include <session/track.h>

#include "frame.h"
#include "fuzz.h"
#include "world.h"

#define CONTROL_SIZE 3

enum {
	SECOND_ANSWERS = 1 << 0,
	STRICT = 1 << 1,
	REFUSE_FIRST = 1 << 2,
};

static struct rte_mbuf *make(const uint8_t *data, size_t size)
{
	static uint8_t copy[UINT16_MAX];
	uint32_t len = RTE_MIN(size, sizeof(copy));
	struct rte_mbuf *m;

	memcpy(copy, data, len);
	if (len >= 14 + 60 && (copy[14] & 0xf) >= 5)
		cksum_ipv4_set(copy + 14);
	m = frame_exact(copy, len);
	pkt_meta(m)->segment = 3;
	pkt_meta(m)->in_port = 1;
	if (pkt_parse(m) == 0 && (pkt_meta(m)->flags & (PKT_IPV4 | PKT_IPV6)))
		return m;
	rte_pktmbuf_free(m);
	return NULL;
}

/* Takes m. */
static void try_fragment(struct rte_mbuf *m, uint8_t control)
{
	const struct pkt_meta *meta = pkt_meta(m);
	struct rte_mbuf *out[FRAGMENT_WAITING];
	struct session_key key = {0};
	enum weft_drop drop = 0;
	unsigned int n = 0;

	if (meta->flags & PKT_LATER_FRAGMENT) {
		if (fragment_later(m, meta, 1, &key, &drop) == FRAGMENT_KEPT)
			return;
	} else if (meta->flags & PKT_FRAGMENT) {
		fragment_first(m, meta, 1, &key,
			control & REFUSE_FIRST ? WEFT_DROP_POLICY_EGRESS : 0, out, &n, &drop);
		rte_pktmbuf_free_bulk(out, n);
	}
	rte_pktmbuf_free(m);
}

static struct session *begin(const struct rte_mbuf *m)
{
	struct session_new new = world_new(0);
	enum weft_drop drop = 0;
	struct session *s;

	if (pkt_meta_const(m)->flags & PKT_LATER_FRAGMENT ||
		track_begin(m, pkt_meta_const(m), &world_network, new.key) != 0)
		return NULL;
	s = session_insert(0, &new, &drop);
	fuzz_check(s != NULL);
	track_first(s, m, pkt_meta_const(m));
	session_unlock(s);
	fuzz_check(track_state_name(s) != NULL);
	return s;
}

static void go_on(struct session *s, const struct rte_mbuf *m, uint8_t control)
{
	const struct pkt_meta *meta = pkt_meta_const(m);
	struct session_dir *d = &s->dir[control & SECOND_ANSWERS ? 1 : 0];

	/* As far as the table would let it: of its protocol. */
	if (meta->l4_proto != d->key.proto ||
		(meta->l4_proto == 6 && !(meta->flags & (PKT_L4 | PKT_LATER_FRAGMENT))))
		return;
	track_packet(d, m, meta);
	if (meta->l4_proto == 6)
		track_reopens(d, m, meta);
	fuzz_check(track_state_name(s) != NULL);
}

static void try_both(struct rte_mbuf *a, struct rte_mbuf *b, uint8_t control)
{
	struct session *s = NULL;
	struct session_key key;
	uint32_t seq;

	world_network.spec.flags = control & STRICT ? WEFT_NETWORK_TCP_STRICT : 0;
	if (a) {
		track_key(pkt_meta(a), rte_pktmbuf_mtod_offset(a, const uint8_t *, 14), &key);
		track_related(a, pkt_meta(a), &key, &seq);
		s = begin(a);
	}
	if (s && b)
		go_on(s, b, control);
	if (s)
		session_remove(s);
	if (a)
		try_fragment(a, control);
	if (b)
		try_fragment(b, control);
}

int fuzz_start(void)
{
	test_pools(512);
	fuzz_check(world_init(SESSION_MIN, 1) == 0);
	return fragment_init();
}

void fuzz_one(const uint8_t *data, size_t size)
{
	struct rte_mbuf *out[2 * FRAGMENT_WAITING];
	size_t first;

	if (size < CONTROL_SIZE)
		return;
	first = RTE_MIN(get16(data + 1), size - CONTROL_SIZE);
	try_both(make(data + CONTROL_SIZE, first),
		make(data + CONTROL_SIZE + first, size - CONTROL_SIZE - first), data[0]);
	world_rounds();
	clock_warp(FRAGMENT_MS);
	for (unsigned int i = 0; i < FRAGMENT_TABLE / FRAGMENT_WAYS; i++)
		rte_pktmbuf_free_bulk(out, fragment_expire(out, RTE_DIM(out)));
	fuzz_check(test_pools_full());
}

static void seed(uint8_t control, const struct frame_spec *a, const struct frame_spec *b)
{
	static struct frame f[2];
	static uint8_t input[CONTROL_SIZE + 2 * FRAME_MAX];

	frame_make(&f[0], a);
	frame_make(&f[1], b);
	input[0] = control;
	put16(input + 1, f[0].len);
	memcpy(input + CONTROL_SIZE, f[0].b, f[0].len);
	memcpy(input + CONTROL_SIZE + f[0].len, f[1].b, f[1].len);
	fuzz_seed(input, CONTROL_SIZE + f[0].len + f[1].len);
}

void fuzz_seeds(void)
{
	static const uint8_t head[16] = {44, 0, 1, 4, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 9};
	static const uint8_t tail[8] = {0, 0, 0, 64, 0, 0, 0, 9};
	static const struct frame_spec specs[] = {
		{.payload = 60},
		{.proto = 6, .tcp_flags = 2, .n_tcp_options = 3, .payload = 60},
		{.proto = 6, .tcp_flags = 0x12, .n_tcp_options = 3, .payload = 60},
		{.proto = 6, .tcp_flags = 0x11, .payload = 60},
		{.proto = 1, .payload = 60},
		{.proto = 1, .sport = 0x0301, .payload = 60},
		{.frag = 0x2000, .payload = 56},
		{.frag = 0x0008, .payload = 60},
		{.v6 = true, .proto = 6, .tcp_flags = 2, .n_tcp_options = 3, .payload = 60},
		{.v6 = true, .proto = 58, .sport = 0x0100, .payload = 60},
		{.v6 = true, .ext = head, .ext_len = 16, .ext_last = 8, .payload = 48},
		{.v6 = true, .ext = tail, .ext_len = 8, .ext_proto = 44, .payload = 60},
	};

	for (unsigned int i = 0; i < RTE_DIM(specs); i++) {
		for (unsigned int j = 0; j < RTE_DIM(specs); j++)
			seed(i + j, &specs[i], &specs[j]);
	}
}
