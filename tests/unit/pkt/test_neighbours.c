/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ARP and ND read strictly: what each rule of the RFCs refuses, at every length, and random bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include <pkt/arp.h>
#include <pkt/nd.h>
#include <pkt/parse.h>

#include "frame.h"
#include "test_eal.h"

static struct frame f;

static void make_arp(void)
{
	static const uint8_t bytes[] = {255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1,
		8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2};

	memcpy(f.b, bytes, sizeof(bytes));
	f.len = sizeof(bytes);
}

static bool read_arp(struct arp_info *ret)
{
	struct rte_mbuf *m = frame_exact(f.b, f.len);
	bool ok = pkt_parse(m) == 0 && (pkt_meta(m)->flags & PKT_ARP) && arp_parse(m, ret);

	rte_pktmbuf_free(m);
	return ok;
}

static void test_arp(void **state)
{
	static const uint8_t sender[4] = {10, 0, 0, 1}, target[4] = {10, 0, 0, 2};
	struct weft_addr a = weft_addr_from_v4(sender), b = weft_addr_from_v4(target);
	struct arp_info arp;

	make_arp();
	assert_true(read_arp(&arp));
	assert_int_equal(arp.op, ARP_REQUEST);
	assert_memory_equal(&arp.sender, &a, sizeof(a));
	assert_memory_equal(&arp.target, &b, sizeof(b));
	assert_memory_equal(&arp.sender_mac, f.b + 22, 6);
	assert_memory_equal(&arp.target_mac, f.b + 32, 6);
	assert_false(arp.probe || arp.announcement);
	f.b[21] = 2;
	assert_true(read_arp(&arp));
	assert_int_equal(arp.op, ARP_REPLY);
	f.b[41] = 1;
	assert_true(read_arp(&arp) && arp.announcement);
	memset(f.b + 28, 0, 4);
	assert_true(read_arp(&arp) && arp.probe && !arp.announcement);
}

static void test_arp_refusals(void **state)
{
	static const uint8_t changes[][2] = {{14, 1}, {15, 6}, {16, 0}, {17, 1}, {18, 8}, {19, 16},
		{20, 1}, {21, 0}, {21, 3}, {21, 8}, {22, 3}};
	struct arp_info arp;

	for (unsigned int i = 0; i < RTE_DIM(changes); i++) {
		make_arp();
		f.b[changes[i][0]] = changes[i][1];
		assert_false(read_arp(&arp));
	}
	make_arp();
	memset(f.b + 22, 0, 6);
	assert_false(read_arp(&arp));
	for (uint32_t len = 0; len < 42; len++) {
		make_arp();
		f.len = len;
		assert_false(read_arp(&arp));
	}
}

/* The ICMPv6 message at 54 with its right checksum and lengths. */
static void fix_nd(void)
{
	put16(f.b + 18, f.len - 54);
	put16(f.b + 56, frame_l4_cksum(f.b, 14, 54, f.len - 54, 58));
}

/* A message of that type with room bytes behind the first 8; link-local source. */
static void make_nd(uint8_t type, uint32_t room)
{
	frame_make(&f,
		&(struct frame_spec){.v6 = true, .proto = 58, .sport = type << 8, .payload = room});
	memset(f.b + 58, 0, room + 4);
	f.b[21] = 255;
	put16(f.b + 22, 0xfe80);
	if (type >= ND_NEIGHBOUR_SOLICIT) {
		f.b[62] = 0xfd;
		f.b[77] = 2;
	}
	fix_nd();
}

static void add_option(uint8_t type, uint8_t units)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};

	memset(f.b + f.len, 0, units * 8);
	f.b[f.len] = type;
	f.b[f.len + 1] = units;
	memcpy(f.b + f.len + 2, mac, 6);
	f.len += units * 8;
	fix_nd();
}

static bool read_nd(struct nd_info *ret)
{
	struct rte_mbuf *m = frame_exact(f.b, f.len);
	bool ok = pkt_parse(m) == 0 && (pkt_meta(m)->flags & PKT_ND) && nd_parse(m, ret);

	rte_pktmbuf_free(m);
	return ok;
}

static const uint32_t nd_room[] = {0, 8, 16, 16, 32};

static void test_nd_types(void **state)
{
	for (uint8_t type = 133; type <= 137; type++) {
		uint8_t option = type >= ND_NEIGHBOUR_ADVERT ? 2 : 1;
		struct nd_info nd;

		make_nd(type, nd_room[type - 133]);
		assert_true(read_nd(&nd));
		assert_int_equal(nd.type, type);
		assert_false(nd.has_mac || nd.dad);
		assert_memory_equal(&nd.src, f.b + 22, 16);
		assert_memory_equal(&nd.dst, f.b + 38, 16);
		if (type >= ND_NEIGHBOUR_SOLICIT)
			assert_memory_equal(&nd.target, f.b + 62, 16);
		add_option(3 - option, 1); /* the other address: of no meaning here */
		add_option(14, 2);
		assert_true(read_nd(&nd) && !nd.has_mac);
		add_option(option, 1);
		assert_true(read_nd(&nd) && nd.has_mac);
		assert_memory_equal(&nd.mac, f.b + 6, 6);
		add_option(option, 1); /* two */
		assert_false(read_nd(&nd));
	}
}

static void test_nd_refusals(void **state)
{
	for (uint8_t type = 133; type <= 137; type++) {
		uint8_t option = type >= ND_NEIGHBOUR_ADVERT ? 2 : 1;
		struct nd_info nd;
		uint32_t whole;

		make_nd(type, nd_room[type - 133]);
		whole = f.len;
		f.b[21] = 254; /* hop limit */
		assert_false(read_nd(&nd));
		make_nd(type, nd_room[type - 133]);
		f.b[55] = 1; /* code */
		fix_nd();
		assert_false(read_nd(&nd));
		make_nd(type, nd_room[type - 133]);
		f.b[56] ^= 1; /* checksum */
		assert_false(read_nd(&nd));
		for (uint32_t len = 54; len < whole; len++) {
			make_nd(type, nd_room[type - 133]);
			f.len = len;
			if (len >= 58)
				fix_nd();
			assert_false(read_nd(&nd));
		}
		for (uint32_t extra = 1; extra < 8; extra++) { /* half an option */
			make_nd(type, nd_room[type - 133]);
			add_option(option, 1);
			f.len -= extra;
			fix_nd();
			assert_false(read_nd(&nd));
		}
		make_nd(type, nd_room[type - 133]);
		add_option(14, 1);
		f.b[f.len - 7] = 0; /* an option of no length */
		fix_nd();
		assert_false(read_nd(&nd));
		f.b[f.len - 7] = 2; /* beyond the end */
		fix_nd();
		assert_false(read_nd(&nd));
		make_nd(type, nd_room[type - 133]);
		add_option(option, 2); /* not of Ethernet */
		assert_false(read_nd(&nd));
		make_nd(type, nd_room[type - 133]);
		add_option(option, 1);
		f.b[f.len - 6] = 3; /* a group */
		fix_nd();
		assert_false(read_nd(&nd));
	}
}

static void set_dst(bool solicited_node)
{
	static const uint8_t group[16] = {0xff, 2, [11] = 1, 0xff, 0, 0, 2};
	static const uint8_t all[16] = {0xff, 2, [15] = 1};

	memcpy(f.b + 38, solicited_node ? group : all, 16);
	fix_nd();
}

static void test_nd_addresses(void **state)
{
	struct nd_info nd;

	make_nd(ND_NEIGHBOUR_SOLICIT, 16);
	memset(f.b + 22, 0, 16);
	set_dst(false);
	assert_false(read_nd(&nd)); /* a probe goes to the solicited-node address */
	set_dst(true);
	assert_true(read_nd(&nd) && nd.dad);
	add_option(1, 1);
	assert_false(read_nd(&nd)); /* and has no MAC option */
	make_nd(ND_NEIGHBOUR_SOLICIT, 16);
	f.b[62] = 0xff;
	fix_nd();
	assert_false(read_nd(&nd));
	make_nd(ND_NEIGHBOUR_ADVERT, 16);
	f.b[58] = 0xe0;
	fix_nd();
	assert_true(read_nd(&nd) && nd.router && nd.solicited && nd.override);
	set_dst(false);
	assert_false(read_nd(&nd)); /* solicited, to a group */
	f.b[58] = 0x20;
	fix_nd();
	assert_true(read_nd(&nd) && !nd.router && !nd.solicited && nd.override);
	make_nd(ND_ROUTER_ADVERT, 8);
	put16(f.b + 22, 0xfd00); /* not link-local */
	fix_nd();
	assert_false(read_nd(&nd));
	make_nd(ND_REDIRECT, 32);
	put16(f.b + 22, 0xfd00);
	fix_nd();
	assert_false(read_nd(&nd));
	make_nd(ND_ROUTER_SOLICIT, 0);
	memset(f.b + 22, 0, 16);
	fix_nd();
	assert_true(read_nd(&nd));
	add_option(1, 1);
	assert_false(read_nd(&nd));
	make_nd(ND_NEIGHBOUR_SOLICIT, 16);
	f.b[22] = 0xff;
	fix_nd();
	assert_false(read_nd(&nd));
}

/* RFC 6980: none of it behind extension headers. */
static void test_nd_extension(void **state)
{
	static const uint8_t hop[8] = {0, 0, 1, 4}, frag[8];
	struct nd_info nd;

	for (int i = 0; i < 2; i++) {
		frame_make(&f, &(struct frame_spec){.v6 = true,
				       .proto = 58,
				       .sport = 0x8700,
				       .payload = 16,
				       .ext = i ? frag : hop,
				       .ext_len = 8,
				       .ext_proto = i ? 44 : 0});
		f.b[21] = 255;
		assert_false(read_nd(&nd));
	}
}

/* Options longer than what is made contiguous, and split anywhere. */
static void test_nd_long(void **state)
{
	struct nd_info nd;

	make_nd(ND_ROUTER_ADVERT, 8);
	for (int i = 0; i < 40; i++)
		add_option(3, 4);
	add_option(1, 1);
	for (uint32_t cut = 1; cut < f.len; cut += 3) {
		struct rte_mbuf *m = frame_chain(f.b, f.len, &cut, 1);

		assert_int_equal(pkt_parse(m), 0);
		assert_true(nd_parse(m, &nd) && nd.has_mac);
		rte_pktmbuf_free(m);
	}
}

static void test_random_bytes(void **state)
{
	uint64_t seed = 8;

	for (int i = 0; i < 100000; i++) {
		struct arp_info arp;
		struct nd_info nd;

		make_nd(133 + test_random(&seed) % 5, 32);
		add_option(test_random(&seed) % 4, 1 + test_random(&seed) % 2);
		for (uint64_t n = test_random(&seed) % 5; n > 0; n--)
			f.b[18 + test_random(&seed) % (f.len - 18)] = test_random(&seed);
		f.len -= test_random(&seed) % 12;
		fix_nd();
		read_nd(&nd);
		make_arp();
		f.b[12 + test_random(&seed) % 30] = test_random(&seed);
		read_arp(&arp);
	}
}

static int all_returned(void **state)
{
	return test_pools_full() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_arp, all_returned),
		cmocka_unit_test_teardown(test_arp_refusals, all_returned),
		cmocka_unit_test_teardown(test_nd_types, all_returned),
		cmocka_unit_test_teardown(test_nd_refusals, all_returned),
		cmocka_unit_test_teardown(test_nd_addresses, all_returned),
		cmocka_unit_test_teardown(test_nd_extension, all_returned),
		cmocka_unit_test_teardown(test_nd_long, all_returned),
		cmocka_unit_test_teardown(test_random_bytes, all_returned),
	};

	test_eal_init(64);
	test_pools(1024);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
