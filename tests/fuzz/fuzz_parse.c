/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libFuzzer target: a hostile frame through the parser and all that trusts it. Buffers are of
 * exactly the frame's size, so that the address sanitizer sees one byte too many.
 *
 * Input: control byte, gso size (2 bytes), two cut points (2 bytes each), the frame.
 */
#include <stddef.h>
#include <stdlib.h>

#include <core/mem.h>
#include <pkt/arp.h>
#include <pkt/cksum.h>
#include <pkt/craft.h>
#include <pkt/frag.h>
#include <pkt/gro.h>
#include <pkt/gso.h>
#include <pkt/mss.h>
#include <pkt/nd.h>
#include <pkt/parse.h>
#include <tunnel/vxlan.h>

#include "frame.h"
#include "fuzz.h"

#define CONTROL_SIZE 7

enum {
	FIX_CHECKSUM = 1 << 0, /* else hardly anything passes */
	OUTER = 1 << 1,
	GSO = 1 << 2,
	PARTIAL = 1 << 3,
	OPTION = 1 << 4, /* of what is tried */
	WHAT_SHIFT = 6,
};

static const struct weft_mac mac = {{2, 0, 0, 0, 0, 9}};

static void check_meta(const struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta_const(m);

	fuzz_check(meta->hdr_len <= m->data_len);
	fuzz_check(meta->l3_off <= meta->l4_off && meta->l4_off <= meta->hdr_len);
	fuzz_check(meta->hdr_len <= PKT_HDR_MAX && meta->hash != 0);
	if (meta->flags & (PKT_IPV4 | PKT_IPV6))
		fuzz_check((uint32_t)meta->l3_off + meta->l3_len == m->pkt_len);
	fuzz_check(!(meta->flags & PKT_GSO) || (meta->gso_size > 0 && (meta->flags & PKT_L4)));
}

/* What was made of a good frame is good itself. */
static void check_output(struct rte_mbuf *m)
{
	static struct frame copy;

	frame_read(&copy, m);
	fuzz_check(pkt_parse(m) == 0);
	check_meta(m);
	rte_pktmbuf_free(m);
}

static void try_answer(struct rte_mbuf *m)
{
	struct pkt_question q;
	struct arp_info arp;
	struct nd_info nd;

	if (pkt_meta(m)->flags & PKT_ARP)
		arp_parse(m, &arp);
	if (pkt_meta(m)->flags & PKT_ND)
		nd_parse(m, &nd);
	if (pkt_parse_question(m, &q) && pkt_craft_answer(m, &q, &mac) == 0)
		check_meta(m);
	else if (pkt_craft_echo_reply(m))
		check_meta(m);
	rte_pktmbuf_free(m);
}

/* Told to the sender, then let through after all, with a smaller MSS. */
static void try_told(struct rte_mbuf *m)
{
	struct rte_mbuf *answers[] = {
		pkt_craft_error(m, PKT_ERROR_TOO_BIG, 1400, NULL), pkt_craft_reset(m)};

	for (unsigned int i = 0; i < RTE_DIM(answers); i++) {
		if (answers[i])
			check_output(answers[i]);
	}
	if (pkt_is_syn(m, pkt_meta(m)))
		pkt_clamp_mss(m, 500);
	check_output(m);
}

/* m and the segment behind it, if there can be one, joined and cut again. */
static void try_join(struct rte_mbuf *m)
{
	static struct frame copy;
	const struct pkt_meta *meta = pkt_meta(m);
	uint32_t seq_off = meta->l4_off + 4, payload = m->pkt_len - meta->hdr_len;
	struct rte_mbuf *pkts[2] = {m}, *out[2];
	uint16_t left = 1;

	if ((meta->flags & (PKT_L4 | PKT_FRAGMENT)) == PKT_L4 && meta->l4_proto == 6) {
		frame_read(&copy, m);
		put32(copy.b + seq_off, payload + ((uint32_t)get16(copy.b + seq_off) << 16 |
							  get16(copy.b + seq_off + 2)));
		pkts[left] = frame_exact(copy.b, copy.len);
		pkt_meta(pkts[left])->flags = meta->flags & PKT_FROM_TUNNEL;
		fuzz_check(pkt_parse(pkts[left]) == 0);
		pkt_l4_complete(pkts[0]);
		pkt_l4_complete(pkts[left++]);
	}
	left = pkt_gro(pkts, left);
	for (uint16_t i = 0; i < left; i++) {
		if (!pkt_meta(pkts[i])->joined) {
			check_output(pkts[i]);
			continue;
		}
		fuzz_check(pkt_gso(pkts[i], out, 2, 0) == 2);
		check_output(out[0]);
		check_output(out[1]);
	}
}

static void try_split(struct rte_mbuf *m, bool option)
{
	struct rte_mbuf *out[PKT_GSO_SEGS_MAX];
	const struct pkt_meta *meta = pkt_meta(m);
	int n = 0;

	if (meta->flags & PKT_GSO)
		n = pkt_gso(m, out, PKT_GSO_SEGS_MAX, option ? PKT_GSO_LINEAR : 0);
	else if ((meta->flags & (PKT_IPV4 | PKT_DF)) == PKT_IPV4)
		n = pkt_fragment(m, option ? 576 : 100, out, PKT_FRAGS_MAX);
	else if (meta->flags & PKT_CKSUM_PARTIAL)
		pkt_l4_complete(m);
	else {
		try_join(m);
		return;
	}
	for (int i = 0; i < n; i++)
		check_output(out[i]);
	if (n <= 0)
		rte_pktmbuf_free(m);
}

static void try_ecn(struct rte_mbuf *m, uint8_t tos)
{
	pkt_meta(m)->outer_tos = tos;
	if (vxlan_merge_ecn(m, pkt_meta(m)) == 0)
		check_output(m);
	else
		rte_pktmbuf_free(m);
}

static void try_inner(struct rte_mbuf *m, uint8_t control, uint8_t tos)
{
	if (pkt_parse(m) != 0) {
		rte_pktmbuf_free(m);
		return;
	}
	check_meta(m);
	switch (control >> WHAT_SHIFT) {
	case 0:
		try_answer(m);
		break;
	case 1:
		try_told(m);
		break;
	case 2:
		try_split(m, control & OPTION);
		break;
	default:
		try_ecn(m, tos);
	}
}

static void fix_checksum(uint8_t *frame, uint32_t len, uint32_t l3)
{
	if (len >= l3 + 60 && (frame[l3] & 0xf) >= 5)
		cksum_ipv4_set(frame + l3);
}

static struct rte_mbuf *make(const uint8_t *data, size_t size)
{
	static uint8_t copy[UINT16_MAX];
	uint32_t len = RTE_MIN(size - CONTROL_SIZE, sizeof(copy)), cuts[2];
	struct rte_mbuf *m;

	memcpy(copy, data + CONTROL_SIZE, len);
	if (data[0] & FIX_CHECKSUM) {
		fix_checksum(copy, len, 14);
		fix_checksum(copy, len, data[0] & OUTER ? 64 : 18);
	}
	cuts[0] = RTE_MIN(get16(data + 3), len);
	cuts[1] = RTE_MIN(cuts[0] + get16(data + 5), len);
	m = frame_chain(copy, len, cuts, data[5] & 0x80 ? 2 : data[3] & 0x80 ? 1 : 0);
	if (data[0] & GSO)
		m->ol_flags |= RTE_MBUF_F_RX_LRO;
	if (data[0] & PARTIAL)
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE;
	m->tso_segsz = get16(data + 1);
	return m;
}

int fuzz_start(void)
{
	test_pools(512);
	return 0;
}

void fuzz_one(const uint8_t *data, size_t size)
{
	struct pkt_outer outer = {0};
	struct rte_mbuf *m;

	if (size < CONTROL_SIZE)
		return;
	m = make(data, size);
	if (data[0] & OUTER) {
		if (pkt_parse_outer(m, &outer) != 0) {
			rte_pktmbuf_free(m);
			return;
		}
		fuzz_check(rte_pktmbuf_adj(m, outer.inner_off) != NULL);
		pkt_meta(m)->flags = PKT_FROM_TUNNEL;
	}
	try_inner(m, data[0], outer.tos);
	fuzz_check(test_pools_full());
}

/* Seeds: the usual frames, each with some of the controls. */
static void seed(const struct frame_spec *spec, uint8_t control)
{
	static struct frame f, outer;
	static uint8_t input[CONTROL_SIZE + FRAME_MAX];

	frame_make(&f, spec);
	memcpy(input, (uint8_t[CONTROL_SIZE]){control, 0, 100}, CONTROL_SIZE);
	memcpy(input + CONTROL_SIZE, f.b, f.len);
	fuzz_seed(input, CONTROL_SIZE + f.len);
	frame_vxlan(&outer, control & 0x40, 100, 3, &f);
	input[0] |= OUTER;
	memcpy(input + CONTROL_SIZE, outer.b, outer.len);
	fuzz_seed(input, CONTROL_SIZE + outer.len);
}

void fuzz_seeds(void)
{
	static const uint8_t ext[24] = {
		43, 0, 1, 4, 0, 0, 0, 0, 44, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
	static const struct frame_spec specs[] = {
		{.payload = 300},
		{.proto = 6, .payload = 300, .n_tcp_options = 3, .n_ip_options = 2},
		{.proto = 6, .payload = 300, .n_tcp_options = 3, .df = true},
		{.proto = 6, .tcp_flags = 2, .n_tcp_options = 5},
		{.proto = 1, .payload = 20},
		{.frag = 0x2001, .payload = 300, .n_vlans = 1},
		{.v6 = true, .payload = 300},
		{.v6 = true, .proto = 6, .payload = 300, .n_vlans = 2},
		{.v6 = true, .proto = 58, .sport = 0x8700, .payload = 24},
		{.v6 = true, .proto = 58, .sport = 0x8600, .payload = 40},
		{.v6 = true, .ext = ext, .ext_len = 24, .ext_last = 16, .payload = 40},
	};

	for (unsigned int i = 0; i < RTE_DIM(specs); i++) {
		for (unsigned int control = 1; control < 256; control += 32 + 12)
			seed(&specs[i], control);
	}
}
