/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The uplink program on single packets (BPF_PROG_TEST_RUN): what it takes, what it leaves alone,
 * what it drops, and what it counts.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_xdp.h>

#include <weft_bpf/uplink.h>

#include "xdp_uplink.skel.h"

/* What a case expects. */
enum outcome {
	PASS,
	TAKEN,	  /* to the socket; dropped as no-uplink while there is none */
	FRAGMENT, /* dropped as outer-fragment */
};

struct packet {
	uint8_t b[512];
	unsigned int len;
	unsigned int l4_end; /* bytes needed to recognize it */
};

static struct xdp_uplink *skel;
static int prog_fd;
static int xsk = -1;

static const uint8_t own_v4[4] = {192, 0, 2, 1}, other_v4[4] = {192, 0, 2, 9};
static const uint8_t own_v6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
static const uint8_t other_v6[16] = {0x20, 1, 0xd, 0xb8, [15] = 9};

static void put(struct packet *p, const void *bytes, unsigned int len)
{
	memcpy(p->b + p->len, bytes, len);
	p->len += len;
}

static void put_eth(struct packet *p, uint16_t type)
{
	const uint8_t eth[14] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, type >> 8, type & 0xff};

	put(p, eth, sizeof(eth));
}

/* UDP, then a VXLAN header and a few bytes of an inner frame. */
static void put_udp(struct packet *p, uint16_t port)
{
	const uint8_t udp[8] = {0xc0, 0x01, port >> 8, port & 0xff, 0, 80, 0, 0};
	const uint8_t vxlan[8] = {0x08, 0, 0, 0, 0, 0, 7, 0};
	const uint8_t inner[64] = {2, 0, 0, 0, 1, 1, 2, 0, 0, 0, 1, 2, 8, 0};

	put(p, udp, sizeof(udp));
	p->l4_end = p->len;
	put(p, vxlan, sizeof(vxlan));
	put(p, inner, sizeof(inner));
}

static struct packet ipv4(const uint8_t dst[4], uint16_t port, uint8_t proto, uint16_t frag_off,
	unsigned int options_size)
{
	uint8_t ip[60] = {0x40 | (5 + options_size / 4), 0, 0, 120, 0, 1, frag_off >> 8,
		frag_off & 0xff, 64, proto, 0, 0, 192, 0, 2, 77};
	struct packet p = {0};

	memcpy(ip + 16, dst, 4);
	memset(ip + 20, 1, options_size);
	put_eth(&p, 0x0800);
	put(&p, ip, 20 + options_size);
	put_udp(&p, port);
	return p;
}

/* n extension headers of that kind, each 8 * (1 + ext_len) bytes, in front of UDP. */
static struct packet ipv6(const uint8_t dst[16], uint16_t port, uint8_t ext, unsigned int n,
	uint8_t ext_len, uint16_t frag_off)
{
	uint8_t ip[40] = {0x60, 0, 0, 0, 0, 100, n ? ext : 17, 64, 0x20, 1, 0xd, 0xb8, [23] = 7};
	struct packet p = {0};

	memcpy(ip + 24, dst, 16);
	put_eth(&p, 0x86dd);
	put(&p, ip, sizeof(ip));
	for (unsigned int i = 0; i < n; i++) {
		uint8_t header[8 * 4] = {
			i + 1 < n ? ext : 17, ext_len, frag_off >> 8, frag_off & 0xff};

		put(&p, header, 8 * (1 + ext_len));
	}
	put_udp(&p, port);
	return p;
}

static struct weft_bpf_uplink_counters counters(void)
{
	struct weft_bpf_uplink_counters all[256], sum = {0};
	const uint32_t zero = 0;
	int n = libbpf_num_possible_cpus();

	assert_in_range(n, 1, 256);
	assert_int_equal(
		bpf_map_lookup_elem(bpf_map__fd(skel->maps.weft_uplink_cnt), &zero, all), 0);
	for (int i = 0; i < n; i++) {
		sum.redirected += all[i].redirected;
		sum.passed += all[i].passed;
		for (unsigned int d = 0; d < WEFT_DROP_MAX; d++)
			sum.dropped[d] += all[i].dropped[d];
	}
	return sum;
}

static void set_socket(bool there)
{
	int map = bpf_map__fd(skel->maps.weft_xsks);
	const uint32_t queue = 0;

	if (there)
		assert_int_equal(bpf_map_update_elem(map, &queue, &xsk, BPF_ANY), 0);
	else
		bpf_map_delete_elem(map, &queue);
}

/* Runs it and checks verdict, counters and that the bytes are untouched. */
static void expect_run(const struct packet *p, unsigned int len, enum outcome outcome, bool socket)
{
	struct weft_bpf_uplink_counters before = counters(), after;
	uint8_t out[sizeof(p->b)];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p->b, .data_size_in = len, .data_out = out,
		.data_size_out = sizeof(out), .repeat = 1);
	bool taken = outcome == TAKEN && socket;
	int verdict = outcome == PASS ? XDP_PASS : taken ? XDP_REDIRECT : XDP_DROP;

	assert_int_equal(bpf_prog_test_run_opts(prog_fd, &opts), 0);
	assert_int_equal(opts.retval, verdict);
	assert_int_equal(opts.data_size_out, len);
	assert_memory_equal(out, p->b, len);
	after = counters();
	assert_int_equal(after.passed - before.passed, outcome == PASS);
	assert_int_equal(after.redirected - before.redirected, taken);
	for (unsigned int d = 0; d < WEFT_DROP_MAX; d++) {
		bool counted = (d == WEFT_DROP_OUTER_FRAGMENT && outcome == FRAGMENT) ||
			       (d == WEFT_DROP_NO_UPLINK && outcome == TAKEN && !socket);

		assert_int_equal(after.dropped[d] - before.dropped[d], counted);
	}
}

static void expect(struct packet p, enum outcome outcome)
{
	for (int socket = 0; socket < 2; socket++) {
		set_socket(socket);
		expect_run(&p, p.len, outcome, socket);
	}
	/* cut anywhere before the destination port, it is somebody else's problem: the kernel's */
	for (unsigned int len = 14; len < p.l4_end; len++)
		expect_run(&p, len, PASS, true);
	for (unsigned int len = p.l4_end; len < p.len; len++)
		expect_run(&p, len, outcome, true);
}

static void test_ipv4(void **state)
{
	expect(ipv4(own_v4, 4789, 17, 0, 0), TAKEN);
	expect(ipv4(own_v4, 4789, 17, 0x4000, 0), TAKEN);
	expect(ipv4(own_v4, 4789, 17, 0, 40), TAKEN);
	expect(ipv4(other_v4, 4789, 17, 0, 0), PASS);
	expect(ipv4(own_v4, 4788, 17, 0, 0), PASS);
	expect(ipv4(own_v4, 4789, 6, 0, 0), PASS);
}

static void test_ipv4_fragments(void **state)
{
	expect(ipv4(own_v4, 4789, 17, 0x2000, 0), FRAGMENT);
	expect(ipv4(own_v4, 53, 17, 0x2000, 0), PASS);
	expect(ipv4(other_v4, 4789, 17, 0x2000, 0), PASS);
	expect(ipv4(own_v4, 4789, 17, 0x2001, 0), PASS);
	expect(ipv4(own_v4, 4789, 17, 0x1fff, 0), PASS);
}

static void test_ipv4_bad_headers(void **state)
{
	for (unsigned int first = 0; first < 256; first++) {
		struct packet p = ipv4(own_v4, 4789, 17, 0, 0);

		p.b[14] = first;
		if (first == 0x45)
			continue;
		/* longer headers put UDP elsewhere, where there is no VXLAN port */
		expect_run(&p, p.len, PASS, true);
	}
}

static void test_ipv6(void **state)
{
	expect(ipv6(own_v6, 4789, 0, 0, 0, 0), TAKEN);
	expect(ipv6(other_v6, 4789, 0, 0, 0, 0), PASS);
	expect(ipv6(own_v6, 4790, 0, 0, 0, 0), PASS);
}

static void test_ipv6_extension_headers(void **state)
{
	static const uint8_t kinds[] = {0, 43, 60};

	for (unsigned int k = 0; k < sizeof(kinds); k++)
		for (unsigned int n = 1; n <= 8; n++)
			expect(ipv6(own_v6, 4789, kinds[k], n, n % 4, 0), TAKEN);
	/* longer chains are not followed; the kernel's stack has no VXLAN to give them to */
	expect(ipv6(own_v6, 4789, 60, 9, 0, 0), PASS);
	expect(ipv6(own_v6, 4789, 59, 1, 0, 0), PASS);
}

static void test_ipv6_fragments(void **state)
{
	expect(ipv6(own_v6, 4789, 44, 1, 0, 0x0001), FRAGMENT);
	expect(ipv6(own_v6, 4789, 44, 1, 0, 0x0000), FRAGMENT); /* atomic fragment */
	expect(ipv6(own_v6, 53, 44, 1, 0, 0x0001), PASS);
	expect(ipv6(own_v6, 4789, 44, 1, 0, 0x0008), PASS);
	expect(ipv6(own_v6, 4789, 44, 1, 0, 0xfff9), PASS);
}

static void test_other_ethertypes(void **state)
{
	static const uint16_t types[] = {0x0806, 0x8100, 0x88a8, 0x8847, 0x88cc, 0x0000, 0xffff};

	for (unsigned int i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct packet p = ipv4(own_v4, 4789, 17, 0, 0);

		p.b[12] = types[i] >> 8;
		p.b[13] = types[i] & 0xff;
		expect_run(&p, p.len, PASS, true);
	}
}

static void test_vlan_tagged_vxlan_is_not_ours(void **state)
{
	const uint8_t tag[4] = {0x81, 0x00, 0x00, 0x05};
	struct packet p = ipv4(own_v4, 4789, 17, 0, 0);

	memmove(p.b + 16, p.b + 12, p.len - 12);
	memcpy(p.b + 12, tag, sizeof(tag));
	p.len += 4;
	expect_run(&p, p.len, PASS, true);
}

/* The program must never fault or take what an oracle of one line would not: random bytes over a
 * valid packet, seeded, so that a failure repeats. */
static void test_random_bytes(void **state)
{
	set_socket(true);
	srandom(4789);
	for (int i = 0; i < 20000; i++) {
		struct packet p =
			i % 2 ? ipv4(own_v4, 4789, 17, 0, 0) : ipv6(own_v6, 4789, 60, 2, 1, 0);
		uint8_t out[sizeof(p.b)];
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p.b, .data_size_in = p.len,
			.data_out = out, .data_size_out = sizeof(out), .repeat = 1);

		for (int n = random() % 4; n >= 0; n--)
			p.b[random() % p.len] = random();
		assert_int_equal(bpf_prog_test_run_opts(prog_fd, &opts), 0);
		assert_true(opts.retval == XDP_PASS || opts.retval == XDP_DROP ||
			    opts.retval == XDP_REDIRECT);
		assert_memory_equal(out, p.b, p.len);
	}
}

static int set_up(void **state)
{
	const uint32_t one = 1, ring_size = 64;
	struct weft_bpf_addr vtep = {.b = {[10] = 0xff, [11] = 0xff}};
	int map;

	skel = xdp_uplink__open_and_load();
	if (!skel) {
		printf("skipped: the program can't be loaded: %s (run as root)\n", strerror(errno));
		exit(errno == EPERM ? 77 : 1);
	}
	prog_fd = bpf_program__fd(skel->progs.weft_uplink);
	map = bpf_map__fd(skel->maps.weft_vteps);
	memcpy(&vtep.b[12], own_v4, 4);
	assert_int_equal(bpf_map_update_elem(map, &vtep, &one, BPF_ANY), 0);
	memcpy(&vtep, own_v6, 16);
	assert_int_equal(bpf_map_update_elem(map, &vtep, &one, BPF_ANY), 0);
	/* a socket with a receive ring is enough for the map; it is bound nowhere */
	xsk = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	assert_true(xsk >= 0);
	assert_int_equal(setsockopt(xsk, SOL_XDP, XDP_RX_RING, &ring_size, sizeof(ring_size)), 0);
	return 0;
}

static int tear_down(void **state)
{
	close(xsk);
	xdp_uplink__destroy(skel);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4),
		cmocka_unit_test(test_ipv4_fragments),
		cmocka_unit_test(test_ipv4_bad_headers),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_ipv6_extension_headers),
		cmocka_unit_test(test_ipv6_fragments),
		cmocka_unit_test(test_other_ethertypes),
		cmocka_unit_test(test_vlan_tagged_vxlan_is_not_ours),
		cmocka_unit_test(test_random_bytes),
	};

	return cmocka_run_group_tests_name("xdp_uplink", tests, set_up, tear_down);
}
