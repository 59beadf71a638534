/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is sent, judged by the data plane's parser and checksums: every kind of packet is well
 * formed, flows are as many and as often as they should be, and marks don't disturb checksums.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pkt/cksum.h>
#include <pkt/parse.h>

#include "flow.h"
#include "frame.h"
#include "gen.h"
#include "mark.h"
#include "random.h"
#include "test_eal.h"

#define N 5000

static struct stream_spec spec_of(const char *const *settings)
{
	static struct profile p;
	char err[PROFILE_ERROR_SIZE];

	profile_init(&p);
	profile_set_global(&p, "ports", "a", err);
	profile_stream_init(&p.streams[p.n_streams++]);
	for (; *settings; settings += 2)
		if (profile_set(&p.streams[0], settings[0], settings[1], err) < 0)
			fail_msg("%s", err);
	if (profile_check(&p, err) < 0)
		fail_msg("%s", err);
	return p.streams[0];
}

/* The packet of a flow, with a mark where the stream has marks. */
static struct rte_mbuf *make(const struct stream_spec *s, uint32_t size,
	const struct flow_fields *f, uint32_t seq, uint64_t time)
{
	static struct gen_stream stream;
	static struct headers h;
	struct rte_mbuf *m = rte_pktmbuf_alloc(mem_pools.packet);

	assert_non_null(m);
	memset(rte_pktmbuf_mtod(m, void *), 0, 2048);
	stream.spec = s;
	stream.vary_macs = s->src_macs || s->dst_macs;
	headers_layout(s, &stream.layout);
	headers_build(s, &stream.layout, size, &h);
	tx_fill(&stream, &h, m, f);
	if (s->mark)
		mark_write(rte_pktmbuf_mtod(m, uint8_t *) + m->data_len - MARK_SIZE, 0x070001b7,
			seq, mark_stamp(time));
	return m;
}

/* Takes the tunnel off, as the data plane does. */
static void decapsulate(struct rte_mbuf *m, const struct stream_spec *s, uint32_t vni)
{
	struct pkt_outer outer;
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

	if (p[12] == 8)
		assert_true(cksum_ipv4_ok(p + 14, 20));
	assert_int_equal(pkt_parse_outer(m, &outer), 0);
	assert_int_equal(outer.vni, vni);
	assert_true(weft_addr_equal(&outer.dst, &s->outer_dst_ip));
	assert_non_null(rte_pktmbuf_adj(m, outer.inner_off));
	pkt_meta(m)->flags |= PKT_FROM_TUNNEL;
}

static void check_inner(struct rte_mbuf *m, const struct stream_spec *s, uint32_t size)
{
	const struct pkt_meta *meta = pkt_meta(m);
	uint8_t *ip;

	assert_int_equal(pkt_parse(m), 0);
	ip = rte_pktmbuf_mtod_offset(m, uint8_t *, meta->l3_off);
	assert_true(meta->flags & PKT_L4);
	assert_true(meta->flags & (s->ip == 6 ? PKT_IPV6 : PKT_IPV4));
	if (s->ip == 4)
		assert_true(cksum_ipv4_ok(ip, 20));
	assert_true(pkt_l4_cksum_ok(m));
	assert_int_equal(meta->tos, s->tos);
	assert_int_equal(s->ip == 6 ? ip[7] : ip[8], s->ttl);
	if (s->kind == STREAM_PACKETS) {
		assert_int_equal(m->pkt_len, size);
		assert_int_equal(meta->l3_off + meta->l3_len, size);
	}
}

static const char *const kinds[][30] = {
	{"proto", "udp"},
	{"proto", "udp", "ip", "6", "size", "80"},
	{"proto", "tcp", "size", "72", "tos", "184"},
	{"proto", "tcp", "ip", "6", "size", "92", "syn", "yes"},
	{"proto", "icmp"},
	{"proto", "icmp", "ip", "6", "size", "80", "ttl", "3"},
	{"size", "60"},
	{"size", "64", "ip", "6", "mark", "no"},
	{"size", "67"},
	{"size", "1518", "src_macs", "yes", "dst_macs", "yes", "dst_ips", "10"},
	{"encap", "vxlan", "vni", "77", "vnis", "5"},
	{"encap", "vxlan", "ip", "6", "size", "333", "outer_src_ip", "fd00::9", "outer_src_ips",
		"7", "src_ips", "100", "proto", "tcp"},
	{"encap", "vxlan", "outer_src_ip", "fd00::9"},
	{"kind", "connections", "flows", "2"},
	{"kind", "connections", "flows", "2", "ip", "6", "encap", "vxlan"},
};

static void test_well_formed(void **state)
{
	uint64_t seed = 1;

	for (unsigned int k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		struct stream_spec s = spec_of(kinds[k]);
		struct flow_gen g;

		s.order = ORDER_NEW;
		s.flows = N;
		if (s.kind == STREAM_PACKETS && s.dst_ips == 1)
			s.src_ports = 60000;
		assert_int_equal(flow_init(&g, &s, 1), 0);
		for (uint32_t i = 0; i < N; i++) {
			struct flow_fields f;
			uint64_t random = random_next(&seed);
			uint64_t time = random >> (random % 64);
			struct rte_mbuf *m;
			struct mark mark = {0};

			flow_fields_of(&g, i, &f);
			m = make(&s, s.sizes[0].size, &f, random, time);
			if (s.encap == ENCAP_VXLAN)
				decapsulate(m, &s, rte_be_to_cpu_32(f.vni) >> 8);
			check_inner(m, &s, s.sizes[0].size);
			if (s.mark) {
				uint8_t *end =
					rte_pktmbuf_mtod(m, uint8_t *) + m->data_len - MARK_SIZE;

				assert_true(mark_read(end, &mark));
				assert_int_equal(mark.seq, (uint32_t)random);
				assert_int_equal(mark.time, time & MARK_CLOCK_MASK);
				assert_int_equal(mark_id_stream(mark.id), 0);
				assert_int_equal(mark_id_tenant(mark.id), 7);
				end[random % MARK_SIZE] ^= 1 << (random >> 8) % 8;
				assert_false(mark_read(end, &mark));
			}
			rte_pktmbuf_free(m);
		}
		flow_fini(&g);
	}
	assert_true(test_pools_full());
}

/* new flows, one by one and computed, are the same; no two are alike. */
static void test_new(void **state)
{
	static const char *const settings[] = {"order", "new", "src_ports", "10", "dst_ports", "9",
		"src_ips", "8", "dst_ips", "7", "vnis", "2", "encap", "vxlan", NULL};
	struct stream_spec s = spec_of(settings);
	struct flow_fields space[64], f;
	const struct flow_fields *flows[64];
	static uint8_t seen[10][9][8][7][2];
	struct flow_gen g;

	assert_int_equal(flow_init(&g, &s, 1), 0);
	for (uint32_t i = 0; i < 10080; i += 63) {
		flow_next(&g, flows, space, 63);
		for (uint32_t k = 0; k < 63; k++) {
			uint8_t *at;

			flow_fields_of(&g, i + k, &f);
			assert_memory_equal(&f, flows[k], sizeof(f));
			at = &seen[rte_be_to_cpu_16(f.src_port) - s.src_port]
				  [rte_be_to_cpu_16(f.dst_port) - s.dst_port]
				  [rte_be_to_cpu_32(f.src_ip) - 0x0a010001]
				  [rte_be_to_cpu_32(f.dst_ip) - 0x0a020001]
				  [(rte_be_to_cpu_32(f.vni) >> 8) - s.vni];
			assert_int_equal(*at, 0);
			*at = 1;
		}
	}
	flow_fini(&g);
}

/* Counts how often each flow comes in n packets. */
static void count_flows(const char *order, uint32_t flows, uint32_t n, uint32_t *counts)
{
	char number[16];
	const char *settings[] = {"order", order, "flows", number, NULL};
	const struct flow_fields *f[64];
	struct flow_fields space[64];
	struct stream_spec s;
	struct flow_gen g;

	snprintf(number, sizeof(number), "%u", flows);
	s = spec_of(settings);
	assert_int_equal(flow_init(&g, &s, 5), 0);
	memset(counts, 0, flows * sizeof(counts[0]));
	for (uint32_t i = 0; i < n; i += 64) {
		flow_next(&g, f, space, 64);
		for (uint32_t k = 0; k < 64; k++)
			counts[f[k] - g.table]++;
	}
	flow_fini(&g);
}

/* Pearson's statistic lies within 5 standard deviations of its mean. */
static void check_distribution(const uint32_t *counts, const double *p, uint32_t flows, uint32_t n)
{
	double chi2 = 0;

	for (uint32_t i = 0; i < flows; i++)
		chi2 += (counts[i] - p[i] * n) * (counts[i] - p[i] * n) / (p[i] * n);
	assert_true(fabs(chi2 - (flows - 1)) < 5 * sqrt(2.0 * flows));
}

static void test_distributions(void **state)
{
	enum {
		FLOWS = 1000,
		PACKETS = 64 * 31250
	};
	static uint32_t counts[FLOWS], again[FLOWS];
	static double p[FLOWS];
	double total = 0;

	count_flows("sequence", FLOWS, PACKETS, counts);
	for (uint32_t i = 0; i < FLOWS; i++)
		assert_int_equal(counts[i], PACKETS / FLOWS);
	for (uint32_t i = 0; i < FLOWS; i++)
		p[i] = 1.0 / FLOWS;
	count_flows("uniform", FLOWS, PACKETS, counts);
	check_distribution(counts, p, FLOWS, PACKETS);
	for (uint32_t i = 0; i < FLOWS; i++)
		total += p[i] = 1.0 / (i + 1);
	for (uint32_t i = 0; i < FLOWS; i++)
		p[i] /= total;
	count_flows("zipf", FLOWS, PACKETS, counts);
	check_distribution(counts, p, FLOWS, PACKETS);
	/* The same seed, the same packets. */
	count_flows("zipf", FLOWS, PACKETS, again);
	assert_memory_equal(counts, again, sizeof(counts));
}

/* A flow's tunnel has one source port, many flows have many, all of RFC 7348's range. */
static void test_outer_ports(void **state)
{
	static const char *const settings[] = {"encap", "vxlan", "flows", "5000", NULL};
	struct stream_spec s = spec_of(settings);
	static uint8_t seen[65536];
	uint32_t different = 0;
	struct flow_gen g;

	assert_int_equal(flow_init(&g, &s, 1), 0);
	for (uint32_t i = 0; i < 2 * N; i++) {
		struct rte_mbuf *m = make(&s, 64, &g.table[i % N], i, i);
		uint16_t port = get16(rte_pktmbuf_mtod(m, uint8_t *) + 34);

		assert_in_range(port, 49152, 65535);
		different += !seen[port];
		seen[port] = 1;
		rte_pktmbuf_free(m);
		if (i == N - 1)
			assert_true(different > 4000);
		if (i == N)
			different = 0;
	}
	assert_int_equal(different, 0);
	flow_fini(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_well_formed),
		cmocka_unit_test(test_new),
		cmocka_unit_test(test_distributions),
		cmocka_unit_test(test_outer_ports),
	};

	test_eal_init(256);
	test_pools(64);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
