/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checksums of received frames: all that is sent is right, each bit that a checksum covers counts,
 * and what comes from the wire may be anything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flow.h"
#include "gen.h"
#include "mark.h"
#include "random.h"
#include "test_eal.h"

#define SIZE 98

static struct rte_mempool *pool;

struct frame {
	uint8_t bytes[512];
	uint32_t size;
	struct headers_layout l;
	bool v6, outer_v6;
};

/* The frame that a stream of these keys sends. */
static void make(const char *streams, struct frame *ret)
{
	static struct profile p;
	static struct gen_stream s;
	static struct headers h;
	char text[500], err[PROFILE_ERROR_SIZE];
	struct flow_gen flows;
	struct flow_fields f;
	struct rte_mbuf *m;

	profile_init(&p);
	snprintf(text, sizeof(text), "ports: [a]\nstreams:\n- {size: %d, %s}\n", SIZE, streams);
	if (profile_read(&p, text, strlen(text), err) < 0 || profile_check(&p, err) < 0)
		fail_msg("%s", err);
	s.spec = &p.streams[0];
	headers_layout(s.spec, &s.layout);
	headers_build(s.spec, &s.layout, SIZE, &h);
	assert_int_equal(flow_init(&flows, s.spec, 1), 0);
	flow_fields_of(&flows, 0, &f);
	flow_fini(&flows);
	m = rte_pktmbuf_alloc(pool);
	assert_non_null(m);
	memset(rte_pktmbuf_mtod(m, void *), 0, sizeof(ret->bytes));
	tx_fill(&s, &h, m, &f);
	mark_write(rte_pktmbuf_mtod(m, uint8_t *) + m->data_len - MARK_SIZE, mark_id(1, 0, 0), 77,
		mark_stamp(123456789));
	*ret = (struct frame){.size = m->data_len,
		.l = s.layout,
		.v6 = s.spec->ip == 6,
		.outer_v6 = s.layout.l2 && s.layout.outer_ip_sum == 0};
	memcpy(ret->bytes, rte_pktmbuf_mtod(m, void *), ret->size);
	rte_pktmbuf_free(m);
}

static const char *const kinds[] = {
	"proto: udp",
	"proto: tcp",
	"proto: icmp",
	"ip: 6, proto: udp",
	"ip: 6, proto: tcp",
	"ip: 6, proto: icmp",
	"encap: vxlan, proto: udp",
	"encap: vxlan, proto: icmp",
	"encap: vxlan, ip: 6, proto: tcp",
	"encap: vxlan, outer_src_ip: 'fd00::1', proto: tcp",
	"encap: vxlan, outer_src_ip: 'fd00::1', ip: 6, proto: udp",
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* In a buffer that ends where the frame does, for sanitizers. */
static bool verify(const struct frame *f, uint32_t size)
{
	uint8_t *p = malloc(size ? size : 1);
	bool good;

	assert_non_null(p);
	memcpy(p, f->bytes, size);
	good = verify_frame(p, size);
	free(p);
	return good;
}

/* True when a checksum covers the byte, or it is a length. IPv6's next header is, but what another
 * protocol has is not judged. */
static bool is_covered(const struct frame *f, uint32_t at)
{
	if (f->l.l2 && !f->outer_v6 && at >= 14 && at < 34)
		return true;
	if (!f->v6)
		return at >= f->l.l3;
	return at >= f->l.l3 + 8u || at == f->l.l3 + 4u;
}

static void test_each_bit(void **state)
{
	struct frame f;

	for (unsigned int i = 0; i < N_KINDS; i++) {
		make(kinds[i], &f);
		assert_true(verify(&f, f.size));
		for (uint32_t bit = 0; bit < f.size * 8; bit++) {
			f.bytes[bit / 8] ^= 1 << bit % 8;
			if (is_covered(&f, bit / 8) && verify(&f, f.size))
				fail_msg("%s: byte %u", kinds[i], bit / 8);
			f.bytes[bit / 8] ^= 1 << bit % 8;
		}
	}
}

/* A frame that was cut off is not right; padding behind it does not matter. */
static void test_lengths(void **state)
{
	struct frame f;

	for (unsigned int i = 0; i < N_KINDS; i++) {
		make(kinds[i], &f);
		for (uint32_t size = 0; size < f.size; size++)
			assert_false(verify(&f, size));
		assert_true(verify(&f, f.size + 20));
	}
}

/* UDP without a checksum: a tunnel may be so, what is in it may not. */
static void test_no_checksum(void **state)
{
	struct frame f;

	make("proto: udp", &f);
	memset(f.bytes + f.l.l4_sum, 0, 2);
	assert_false(verify(&f, f.size));
	make("encap: vxlan", &f);
	memset(f.bytes + f.l.l4_sum, 0, 2);
	assert_false(verify(&f, f.size));
	/* A tunnel that has one must have the right one. */
	make("encap: vxlan", &f);
	assert_int_equal(f.bytes[f.l.outer_src_port + 6] | f.bytes[f.l.outer_src_port + 7], 0);
	f.bytes[f.l.outer_src_port + 7] = 1;
	assert_false(verify(&f, f.size));
}

static void tag(struct frame *f)
{
	memmove(f->bytes + 16, f->bytes + 12, f->size - 12);
	memcpy(f->bytes + 12, "\x81\x00\x00\x05", 4);
	f->size += 4;
}

static void test_tags(void **state)
{
	struct frame f;

	make("proto: tcp", &f);
	tag(&f);
	tag(&f);
	assert_true(verify(&f, f.size));
	f.bytes[f.size - 1] ^= 1;
	assert_false(verify(&f, f.size));
	/* More than two are not understood. */
	tag(&f);
	assert_true(verify(&f, f.size));
}

/* Fragments and other protocols are not judged. */
static void test_not_judged(void **state)
{
	struct frame f;
	uint16_t sum;

	make("proto: udp", &f);
	f.bytes[f.l.l3 + 6] = 0x20; /* more fragments */
	memset(f.bytes + f.l.ip_sum, 0, 2);
	sum = ~headers_sum(f.bytes + f.l.l3, 20);
	memcpy(f.bytes + f.l.ip_sum, &sum, 2);
	f.bytes[f.size - 1] ^= 1;
	assert_true(verify(&f, f.size));
	make("proto: udp", &f);
	f.bytes[13] = 6; /* ARP */
	f.bytes[f.size - 1] ^= 1;
	assert_true(verify(&f, f.size));
}

/* In pieces; and one that the device vouches for. */
static void test_packet(void **state)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool), *tail = rte_pktmbuf_alloc(pool);
	struct frame f;

	assert_true(m && tail);
	make("encap: vxlan", &f);
	memcpy(rte_pktmbuf_append(m, 45), f.bytes, 45);
	memcpy(rte_pktmbuf_append(tail, f.size - 45), f.bytes + 45, f.size - 45);
	assert_int_equal(rte_pktmbuf_chain(m, tail), 0);
	assert_true(verify_packet(m));
	*rte_pktmbuf_mtod(tail, uint8_t *) ^= 0x08;
	rte_pktmbuf_mtod(tail, uint8_t *)[tail->data_len - 1] ^= 1;
	assert_false(verify_packet(m));
	m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE;
	assert_true(verify_packet(m));
	rte_pktmbuf_free(m);
}

/* Anything, cut off anywhere: reads nothing beyond the end, which sanitizers watch. */
static void test_hostile(void **state)
{
	uint64_t random = 42;
	struct frame f;

	for (int i = 0; i < 200000; i++) {
		uint64_t r = random_next(&random);

		if (i % 1000 == 0)
			make(kinds[r % N_KINDS], &f);
		for (int k = 0; k < 3; k++, r = random_next(&random))
			f.bytes[r >> 16 & 0x7f] = r >> 32;
		verify(&f, random_next(&random) % (f.size + 1));
	}
}

static int start(void **state)
{
	test_eal_init(128);
	pool = rte_pktmbuf_pool_create("frames", 63, 0, 0, 2176, SOCKET_ID_ANY);
	return pool ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_bit),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_no_checksum),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_not_judged),
		cmocka_unit_test(test_packet),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
