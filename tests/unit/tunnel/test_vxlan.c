/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VXLAN headers against naively made ones, and every combination of the ECN tables of RFC 6040.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include <pkt/cksum.h>
#include <pkt/parse.h>
#include <tunnel/encap.h>

#include "frame.h"
#include "test_eal.h"

static struct frame f, got, want;

/* The addresses of frame_vxlan. */
static void make_vtep(struct config_vtep *vtep, bool v6)
{
	static const uint8_t local[4] = {192, 0, 2, 1}, remote[4] = {192, 0, 2, 2};

	*vtep = (struct config_vtep){.spec = {.path_mtu = 1500,
					     .dst_mac = {{2, 0xaa, 0, 0, 0, 2}},
					     .src_mac = {{2, 0xaa, 0, 0, 0, 1}}}};
	vtep->spec.local = weft_addr_from_v4(local);
	vtep->spec.remote = weft_addr_from_v4(remote);
	if (v6) {
		vtep->spec.local = (struct weft_addr){.b = {0x20, 1, 0xd, 0xb8, [15] = 1}};
		vtep->spec.remote = (struct weft_addr){.b = {0x20, 1, 0xd, 0xb8, [15] = 2}};
	}
	vxlan_prepare(vtep);
}

static struct rte_mbuf *parsed(const struct frame_spec *s)
{
	struct rte_mbuf *m;

	frame_make(&f, s);
	m = frame_mbuf(f.b, f.len);
	assert_int_equal(pkt_parse(m), 0);
	return m;
}

static void test_prepare(void **state)
{
	struct config_vtep vtep;

	for (int v6 = 0; v6 < 2; v6++) {
		make_vtep(&vtep, v6);
		assert_int_equal(vtep.hdr.size, v6 ? VXLAN_OVERHEAD_V6 : VXLAN_OVERHEAD_V4);
		assert_int_equal(vtep.hdr.is_v6, v6);
		assert_int_equal(vtep.inner_mtu, 1500 - vtep.hdr.size);
		vtep.spec.path_mtu = 40;
		vxlan_prepare(&vtep);
		assert_int_equal(vtep.inner_mtu, 0);
	}
}

/* The largest inner packet makes an outer packet of exactly the path's MTU. */
static void test_inner_mtu(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct config_vtep vtep;
		struct rte_mbuf *m;

		make_vtep(&vtep, v6);
		m = parsed(&(struct frame_spec){.payload = vtep.inner_mtu - 28});
		assert_int_equal(pkt_meta(m)->l3_len, vtep.inner_mtu);
		assert_true(vxlan_encap(m, pkt_meta(m), &vtep, 1));
		assert_int_equal(m->pkt_len - 14, 1500);
		rte_pktmbuf_free(m);
	}
}

/* What may differ from frame_vxlan: source port and flow label. */
static void copy_entropy(bool v6)
{
	uint32_t udp = v6 ? 54 : 34;

	memcpy(want.b + udp, got.b + udp, 2);
	if (v6) {
		want.b[15] |= got.b[15] & 0x0f;
		memcpy(want.b + 16, got.b + 16, 2);
	}
}

static void test_encap(void **state)
{
	static const struct frame_spec specs[] = {
		{.payload = 18, .tos = 0xb8},
		{.proto = 6, .payload = 1000, .tos = 0x03},
		{.v6 = true, .payload = 700, .tos = 0x2d},
		{.v6 = true, .proto = 6, .payload = 1, .n_vlans = 1},
	};

	for (unsigned int i = 0; i < 2 * RTE_DIM(specs); i++) {
		const struct frame_spec *s = &specs[i / 2];
		struct rte_mbuf *m = parsed(s);
		struct config_vtep vtep;
		struct pkt_outer o;
		bool v6 = i & 1;

		make_vtep(&vtep, v6);
		assert_true(vxlan_encap(m, pkt_meta(m), &vtep, 0x123456));
		frame_read(&got, m);
		frame_vxlan(&want, v6, 0x123456, s->tos & 3, &f);
		copy_entropy(v6);
		assert_int_equal(got.len, want.len);
		assert_memory_equal(got.b, want.b, want.len);
		assert_in_range(get16(got.b + (v6 ? 54 : 34)), 49152, 65535);
		assert_int_equal(pkt_parse_outer(m, &o), 0);
		assert_int_equal(o.vni, 0x123456);
		assert_int_equal(o.inner_off, vtep.hdr.size);
		rte_pktmbuf_free(m);
	}
}

/* Every TOS and many lengths: the IPv4 checksum is patched right. */
static void test_every_tos(void **state)
{
	for (unsigned int tos = 0; tos < 256; tos++) {
		for (int how = 0; how < 4; how++) {
			struct rte_mbuf *m =
				parsed(&(struct frame_spec){.tos = tos, .payload = tos * 7});
			bool v6 = how & 1, copy = how & 2;
			struct config_vtep vtep;
			struct pkt_outer o;

			make_vtep(&vtep, v6);
			vtep.spec.dscp = 46;
			vtep.spec.ttl = 3;
			vtep.spec.flags = copy ? WEFT_VTEP_DSCP_COPY : 0;
			vxlan_prepare(&vtep);
			assert_true(vxlan_encap(m, pkt_meta(m), &vtep, 5));
			assert_int_equal(pkt_parse_outer(m, &o), 0);
			assert_int_equal(o.tos, copy ? tos : (46 << 2 | (tos & 3)));
			frame_read(&got, m);
			assert_int_equal(got.b[v6 ? 21 : 22], 3);
			rte_pktmbuf_free(m);
		}
	}
}

static void test_ports_spread(void **state)
{
	static uint8_t seen[65536];
	struct config_vtep vtep;
	unsigned int n = 0;

	make_vtep(&vtep, false);
	for (unsigned int i = 0; i < 4096; i++) {
		struct rte_mbuf *m = parsed(&(struct frame_spec){.sport = 1024 + i});
		uint16_t port;

		vxlan_encap(m, pkt_meta(m), &vtep, 1);
		port = get16(rte_pktmbuf_mtod_offset(m, uint8_t *, 34));
		n += !seen[port];
		seen[port] = 1;
		rte_pktmbuf_free(m);
	}
	assert_true(n > 3500); /* 4096 into 16384: about 3623 differ */
}

static void test_no_headroom(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		struct config_vtep vtep;
		struct rte_mbuf *m;

		make_vtep(&vtep, v6);
		frame_make(&f, &(struct frame_spec){.payload = 100});
		m = frame_exact(f.b, f.len);
		assert_int_equal(pkt_parse(m), 0);
		assert_false(vxlan_encap(m, pkt_meta(m), &vtep, 1));
		frame_read(&got, m);
		assert_int_equal(got.len, f.len);
		assert_memory_equal(got.b, f.b, f.len);
		rte_pktmbuf_free(m);
	}
}

/* RFC 6040 figure 4, written as the RFC has it: columns Not-ECT, ECT(0), ECT(1), CE. */
enum {
	N = 0,
	E1 = 1,
	E0 = 2,
	CE = 3,
	DROP = 9
};
static const uint8_t columns[4] = {N, E0, E1, CE};
static const struct {
	uint8_t inner;
	uint8_t out[4];
} figure4[4] = {
	{N, {N, N, N, DROP}},
	{E0, {E0, E0, E1, CE}},
	{E1, {E1, E1, E1, CE}},
	{CE, {CE, CE, CE, CE}},
};

static void check_ecn(bool v6, uint8_t dscp, uint8_t inner, uint8_t outer, uint8_t out)
{
	struct rte_mbuf *m = parsed(&(struct frame_spec){
		.v6 = v6, .tos = dscp << 2 | inner, .payload = 40, .n_vlans = 1});
	struct frame_spec after = {.v6 = v6, .tos = dscp << 2 | out, .payload = 40, .n_vlans = 1};
	struct pkt_meta *meta = pkt_meta(m);
	enum weft_drop drop;

	meta->outer_tos = 0xa8 | outer; /* the outer DSCP has no influence */
	drop = vxlan_merge_ecn(m, meta);
	assert_int_equal(drop, out == DROP ? WEFT_DROP_ECN_DECAP : 0);
	if (drop == 0) {
		frame_make(&want, &after);
		frame_read(&got, m);
		assert_memory_equal(got.b, want.b, want.len);
		assert_int_equal(meta->tos, after.tos);
		assert_int_equal(pkt_parse(m), 0); /* with the checksum right */
	}
	rte_pktmbuf_free(m);
}

static void test_ecn_decapsulation(void **state)
{
	for (int i = 0; i < 4; i++) {
		for (int k = 0; k < 4; k++) {
			for (uint8_t dscp = 0; dscp < 64; dscp += 9) {
				check_ecn(false, dscp, figure4[i].inner, columns[k],
					figure4[i].out[k]);
				check_ecn(true, dscp, figure4[i].inner, columns[k],
					figure4[i].out[k]);
			}
		}
	}
}

/* What is not IP has no ECN field: passed whatever the outer one says. */
static void test_ecn_without_ip(void **state)
{
	struct rte_mbuf *m;

	frame_make(&f, &(struct frame_spec){.payload = 40});
	put16(f.b + 12, 0x88cc);
	m = frame_mbuf(f.b, f.len);
	assert_int_equal(pkt_parse(m), 0);
	pkt_meta(m)->outer_tos = 3;
	assert_int_equal(vxlan_merge_ecn(m, pkt_meta(m)), 0);
	frame_read(&got, m);
	assert_memory_equal(got.b, f.b, f.len);
	rte_pktmbuf_free(m);
}

static int all_returned(void **state)
{
	return test_pools_full() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_prepare, all_returned),
		cmocka_unit_test_teardown(test_inner_mtu, all_returned),
		cmocka_unit_test_teardown(test_encap, all_returned),
		cmocka_unit_test_teardown(test_every_tos, all_returned),
		cmocka_unit_test_teardown(test_ports_spread, all_returned),
		cmocka_unit_test_teardown(test_no_headroom, all_returned),
		cmocka_unit_test_teardown(test_ecn_decapsulation, all_returned),
		cmocka_unit_test_teardown(test_ecn_without_ip, all_returned),
	};

	test_eal_init(64);
	test_pools(1024);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
