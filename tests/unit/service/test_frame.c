/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From frames to requests and from answers to frames, against naive checksums; and what services
 * read of the configuration.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <pkt/parse.h>

#include "frame.h"
#include "test_eal.h"
#include "world.h"

static struct frame f;

static bool read_frame(unsigned int n_cuts, const uint32_t *cuts, struct service_request *q)
{
	static uint8_t copy[SERVICE_REQUEST_MAX];
	struct rte_mbuf *m = frame_chain(f.b, f.len, cuts, n_cuts);
	bool ok;

	assert_int_equal(pkt_parse(m), 0);
	ok = service_read(m, copy, q);
	if (ok) {
		memmove(copy, q->data, q->size);
		q->data = copy;
	}
	rte_pktmbuf_free(m);
	return ok;
}

static void test_read(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		uint32_t off = v6 ? 62 : 42, cuts[] = {off + 3, off + 50};
		struct weft_addr src = world_addr(v6 ? "fd00::1" : "10.0.0.1");
		struct weft_addr dst = world_addr(v6 ? "fd00::2" : "10.0.0.2");
		struct service_request q;

		frame_make(&f, &(struct frame_spec){.v6 = v6, .payload = 300, .sport = 68});
		for (unsigned int n = 0; n <= 2; n++) {
			assert_true(read_frame(n, cuts, &q));
			assert_int_equal(q.size, 300);
			assert_memory_equal(q.data, f.b + off, 300);
			assert_memory_equal(&q.src, &src, sizeof(src));
			assert_memory_equal(&q.dst, &dst, sizeof(dst));
			assert_memory_equal(q.src_mac.b, f.b + 6, 6);
			assert_int_equal(q.sport, 68);
		}
		f.b[f.len - 1]++; /* checksum */
		assert_false(read_frame(0, NULL, &q));
		frame_make(&f, &(struct frame_spec){.v6 = v6, .payload = SERVICE_REQUEST_MAX});
		assert_true(read_frame(0, NULL, &q));
		frame_make(&f, &(struct frame_spec){.v6 = v6, .payload = SERVICE_REQUEST_MAX + 1});
		assert_false(read_frame(0, NULL, &q));
		frame_make(&f, &(struct frame_spec){.v6 = v6});
		assert_true(read_frame(0, NULL, &q));
		assert_int_equal(q.size, 0);
	}
}

static void test_read_fragment(void **state)
{
	struct service_request q;

	frame_make(&f, &(struct frame_spec){.payload = 300, .frag = 0x2000});
	assert_false(read_frame(0, NULL, &q));
}

static void answer_of(struct service_answer *a, bool v6, uint8_t proto, uint16_t size)
{
	*a = (struct service_answer){.dst_mac = {{2, 0, 0, 0, 0, 1}},
		.src = world_addr(v6 ? "fe80::1" : "10.0.0.1"),
		.dst = world_addr(v6 ? "fe80::2" : "10.0.0.5"),
		.proto = proto,
		.sport = 67,
		.dport = 68,
		.size = size};
	for (unsigned int i = 0; i < size; i++)
		a->data[i] = i * 5;
	if (proto == 58)
		memset(a->data + 2, 0, 2);
}

static void check_frame(const struct service_answer *a, bool v6)
{
	static const struct weft_mac mac = {{2, 0, 0, 0, 0, 0xfe}};
	struct rte_mbuf *m = service_frame(a, &mac, 7, 9);
	uint32_t l4 = v6 ? 54 : 34, udp = a->proto == 17 ? 8 : 0, len = a->size + udp;
	uint8_t *cksum = f.b + l4 + (udp ? 6 : 2);
	uint16_t stated;

	assert_non_null(m);
	assert_int_equal(pkt_meta(m)->in_port, 7);
	assert_int_equal(pkt_meta(m)->segment, 9);
	assert_int_equal(pkt_meta(m)->l4_proto, a->proto);
	assert_int_equal(pkt_parse(m), 0);
	frame_read(&f, m);
	rte_pktmbuf_free(m);
	assert_int_equal(f.len, l4 + len);
	assert_memory_equal(f.b, a->dst_mac.b, 6);
	assert_memory_equal(f.b + 6, mac.b, 6);
	assert_int_equal(get16(f.b + 12), v6 ? 0x86dd : 0x0800);
	assert_int_equal(f.b[v6 ? 21 : 22], a->proto == 58 ? 255 : 64);
	stated = get16(cksum);
	assert_int_not_equal(stated, 0);
	assert_int_equal(stated, frame_l4_cksum(f.b, 14, l4, len, a->proto));
	if (udp) {
		assert_int_equal(get16(f.b + l4), 67);
		assert_int_equal(get16(f.b + l4 + 2), 68);
		assert_int_equal(get16(f.b + l4 + 4), len);
	}
	put16(f.b + l4 + 2, udp ? 68 : get16(a->data + 2));
	assert_memory_equal(f.b + l4 + udp + 4, a->data + 4, a->size - 4);
}

static void test_frames(void **state)
{
	static const uint16_t sizes[] = {8, 9, 300, SERVICE_ANSWER_MAX};
	struct service_answer a;

	for (unsigned int i = 0; i < RTE_DIM(sizes); i++) {
		answer_of(&a, false, 17, sizes[i]);
		check_frame(&a, false);
		answer_of(&a, true, 17, sizes[i]);
		check_frame(&a, true);
		answer_of(&a, true, 58, sizes[i]);
		check_frame(&a, true);
	}
}

/* A sum of zero is sent as 0xffff. */
static void test_zero_sum(void **state)
{
	struct service_answer a;

	answer_of(&a, false, 17, 4);
	for (unsigned int v = 0; v <= UINT16_MAX; v += 1) {
		put16(a.data, v);
		check_frame(&a, false);
	}
}

static void test_no_mbuf(void **state)
{
	struct rte_mbuf *held[64], *m;
	struct service_answer a;
	unsigned int n = 0;

	answer_of(&a, false, 17, 4);
	while ((m = service_frame(&a, &service_mac, 1, 1)))
		held[n++] = m;
	rte_pktmbuf_free_bulk(held, n);
	assert_true(test_pools_full());
}

static void test_domain(void **state)
{
	static const char wire[] = "\7example\3org";
	uint8_t name[256];
	char text[300];

	assert_int_equal(service_domain("example.org", name), sizeof(wire));
	assert_memory_equal(name, wire, sizeof(wire));
	assert_int_equal(service_domain("example.org.", name), sizeof(wire));
	assert_int_equal(service_domain("", name), 0);
	assert_int_equal(service_domain(".", name), 0);
	assert_int_equal(service_domain("a..b", name), 0);
	memset(text, 'a', sizeof(text));
	text[63] = 0;
	assert_int_equal(service_domain(text, name), 65);
	text[63] = 'a';
	text[64] = 0;
	assert_int_equal(service_domain(text, name), 0);
	for (unsigned int i = 0; i < sizeof(text); i++)
		text[i] = i % 2 ? '.' : 'a';
	text[253] = 0;
	assert_int_equal(service_domain(text, name), 255);
	text[253] = '.';
	text[255] = 0;
	assert_int_equal(service_domain(text, name), 0);
}

static void test_subnets(void **state)
{
	struct weft_addr in = world_addr("10.0.0.9"), out = world_addr("10.0.1.9");
	struct weft_addr gateway = world_addr("10.0.0.1");
	struct world w;

	world_make(&w);
	assert_int_equal(service_flags(&w.segment, true), WEFT_SUBNET_DHCP);
	assert_int_equal(service_flags(&w.segment, false), WEFT_SUBNET_DHCP | WEFT_SUBNET_RA);
	assert_ptr_equal(service_subnet_of(&w.segment, &in, WEFT_SUBNET_DHCP), &w.subnets[0].spec);
	assert_null(service_subnet_of(&w.segment, &in, WEFT_SUBNET_DNS));
	assert_null(service_subnet_of(&w.segment, &out, WEFT_SUBNET_DHCP));
	assert_ptr_equal(service_subnet_by_gateway(&w.segment, &gateway, 0), &w.subnets[0].spec);
	assert_null(service_subnet_by_gateway(&w.segment, &gateway, WEFT_SUBNET_DNS));
	assert_null(service_subnet_by_gateway(&w.segment, &in, 0));
	assert_true(w.who.routed);
	assert_memory_equal(&w.who.mac, &w.router.spec.mac, 6);
	w.segment.router_slot = 0;
	w.who = service_asker_of(w.who.cfg, &w.segment, &w.port);
	assert_false(w.who.routed);
	assert_memory_equal(&w.who.mac, &service_mac, 6);
}

static int setup(void **state)
{
	test_eal_init(64);
	test_pools(32);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_read),
		cmocka_unit_test(test_read_fragment), cmocka_unit_test(test_frames),
		cmocka_unit_test(test_zero_sum), cmocka_unit_test(test_no_mbuf),
		cmocka_unit_test(test_domain), cmocka_unit_test(test_subnets)};

	return cmocka_run_group_tests(tests, setup, NULL);
}
