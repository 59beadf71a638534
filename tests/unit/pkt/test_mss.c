/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MSS clamping: the option wherever it is among others, odd option lists, whole and partial
 * checksums.
 */
#include "craft_bed.h"

#include <pkt/cksum.h>
#include <pkt/mss.h>

#define TCP_OFF(v6) ((v6) ? 54u : 34u)

/* A SYN with n words of options, filled from opts and no-operations behind. */
static struct rte_mbuf *syn(bool v6, bool partial, const uint8_t *opts, uint32_t n)
{
	uint32_t tcp = TCP_OFF(v6);
	struct rte_mbuf *m;

	frame_make(&f, &(struct frame_spec){.v6 = v6,
			       .proto = 6,
			       .tcp_flags = 2,
			       .n_tcp_options = 10,
			       .payload = 33,
			       .partial = partial});
	memcpy(f.b + tcp + 20, opts, n);
	if (!partial)
		put16(f.b + tcp + 16, frame_l4_cksum(f.b, 14, tcp, f.len - tcp, 6));
	m = frame_exact(f.b, f.len);
	if (partial)
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE;
	assert_int_equal(pkt_parse(m), 0);
	assert_true(pkt_is_syn(m, pkt_meta(m)));
	return m;
}

/* want: offset of the value that changes to 1300, 0: nothing changes. */
static void check(const uint8_t *opts, uint32_t n, uint32_t want)
{
	for (int i = 0; i < 4; i++) {
		bool v6 = i & 1, partial = i & 2;
		struct rte_mbuf *m = syn(v6, partial, opts, n);
		uint32_t tcp = TCP_OFF(v6);

		pkt_clamp_mss(m, 1300);
		frame_read(&got, m);
		if (want) {
			put16(f.b + tcp + 20 + want, 1300);
			if (!partial)
				put16(f.b + tcp + 16, frame_l4_cksum(f.b, 14, tcp, f.len - tcp, 6));
		}
		assert_int_equal(got.len, f.len);
		assert_memory_equal(got.b, f.b, f.len);
		rte_pktmbuf_free(m);
	}
}

#define CHECK(want, ...)                                                                           \
	do {                                                                                       \
		static const uint8_t opts_[] = {__VA_ARGS__};                                      \
		check(opts_, sizeof(opts_), want);                                                 \
	} while (0)

static void test_places(void **state)
{
	CHECK(2, 2, 4, 0x05, 0xb4);
	CHECK(2, 2, 4, 0xff, 0xff, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7);
	CHECK(3, 1, 2, 4, 0x05, 0xb4); /* at an odd place */
	CHECK(4, 1, 1, 2, 4, 0x05, 0xb4);
	CHECK(6, 4, 2, 1, 1, 2, 4, 0x05, 0x15, 3, 3, 7);
	CHECK(5, 3, 3, 7, 2, 4, 0x23, 0xf0);
}

static void test_left_alone(void **state)
{
	CHECK(0, 2, 4, 0x05, 0x14);    /* 1300 already */
	CHECK(0, 2, 4, 0x02, 0x18);    /* less */
	CHECK(0, 0, 2, 4, 0x05, 0xb4); /* behind the end of the list */
	CHECK(0, 2, 3, 0x05, 0xb4);    /* of a wrong length */
	CHECK(0, 2, 5, 0x05, 0xb4, 0xff);
	CHECK(0, 3, 0, 2, 4, 0x05, 0xb4); /* behind an option of no length */
	CHECK(0, 3, 1, 2, 4, 0x05, 0xb4);
	CHECK(0, 3, 200, 2, 4, 0x05, 0xb4);
	CHECK(0, 1);
	{
		uint8_t opts[40];

		memset(opts, 1, sizeof(opts));
		opts[39] = 2; /* the header ends within it */
		check(opts, 40, 0);
		memcpy(opts + 37, "\2\4\5", 3);
		check(opts, 40, 0);
		memcpy(opts + 36, "\2\4\5\xb4", 4);
		check(opts, 40, 38);
	}
}

static void test_is_syn(void **state)
{
	static const struct frame_spec specs[] = {{.proto = 6, .tcp_flags = 2},
		{.proto = 6, .tcp_flags = 0x12}, {.v6 = true, .proto = 6, .tcp_flags = 2},
		{.proto = 6, .tcp_flags = 0x10}, {.proto = 17, .payload = 20}, {.proto = 1},
		{.proto = 6, .frag = 9, .payload = 40}};

	for (unsigned int i = 0; i < RTE_DIM(specs); i++) {
		struct rte_mbuf *m;

		frame_make(&f, &specs[i]);
		m = parsed();
		assert_int_equal(pkt_is_syn(m, pkt_meta(m)), i < 3);
		rte_pktmbuf_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_places, all_returned),
		cmocka_unit_test_teardown(test_left_alone, all_returned),
		cmocka_unit_test_teardown(test_is_syn, all_returned),
	};

	test_eal_init(64);
	test_pools(512);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
