/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parser against a slow one written from the RFCs, on valid frames, on frames cut and lying at
 * every place, on every segmentation, and on random mutations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include <pkt/gso.h>
#include <pkt/parse.h>

#include "frame.h"
#include "test_eal.h"

/* What the oracle thinks of a frame; len is what is left after padding is cut. */
struct view {
	enum weft_drop drop;
	uint32_t flags, len;
	uint16_t l3_off, l4_off, hdr_len, l3_len, ethertype, vlan_tci, sport, dport;
	uint8_t proto, tos;
};

static void oracle_l4(struct view *v, const uint8_t *b, uint32_t end)
{
	const uint8_t *l4 = b + v->l4_off;
	uint32_t room = end - v->l4_off, size = 0;
	bool icmp = v->proto == (v->flags & PKT_IPV6 ? 58 : 1);

	v->hdr_len = v->l4_off;
	if (v->flags & PKT_LATER_FRAGMENT)
		return;
	if (v->proto == 6) {
		size = room >= 20 ? l4[12] / 16 * 4 : 20;
		if (room < 20 || size < 20 || size > room)
			v->drop = WEFT_DROP_BAD_L4_HEADER;
	} else if (v->proto == 17) {
		size = 8;
		if (room < 8 || get16(l4 + 4) < 8)
			v->drop = WEFT_DROP_BAD_L4_HEADER;
		else if (!(v->flags & PKT_FRAGMENT) && get16(l4 + 4) > room)
			v->drop = WEFT_DROP_BAD_L4_HEADER;
	} else if (v->proto == 33 || v->proto == 132 || v->proto == 136) { /* ports, no more */
		size = v->proto == 136 ? 8 : 12;
		if (room < size)
			v->drop = WEFT_DROP_BAD_L4_HEADER;
	} else if (icmp) {
		size = 8;
		if (room < 8)
			v->drop = WEFT_DROP_BAD_L4_HEADER;
	} else {
		return;
	}
	if (v->drop)
		return;
	v->flags |= PKT_L4;
	v->hdr_len += size;
	v->sport = get16(l4);
	v->dport = get16(l4 + 2);
	if (icmp) {
		static const uint8_t queries[] = {0, 8, 13, 14, 15, 16, 17, 18};
		bool query = v->proto == 1 ? memchr(queries, l4[0], 8) != NULL : l4[0] / 2 == 64;

		v->dport = query ? get16(l4 + 4) : 0;
		if (v->proto == 58 && l4[0] >= 133 && l4[0] <= 137)
			v->flags |= PKT_ND;
	}
}

static void oracle_ipv4(struct view *v, const uint8_t *b)
{
	const uint8_t *ip = b + v->l3_off;
	uint32_t room = v->len - v->l3_off, ihl, total, frag;

	if (room < 20) {
		v->drop = WEFT_DROP_TRUNCATED;
		return;
	}
	ihl = ip[0] % 16 * 4;
	total = get16(ip + 2);
	if (ip[0] / 16 != 4 || ihl < 20) {
		v->drop = WEFT_DROP_BAD_IP_HEADER;
	} else if (ihl > room) {
		v->drop = WEFT_DROP_TRUNCATED;
	} else if (total < ihl) {
		v->drop = WEFT_DROP_BAD_IP_HEADER;
	} else if (total > room) {
		v->drop = WEFT_DROP_TRUNCATED;
	} else if (naive_cksum(ip, ihl, 0) != 0) {
		v->drop = WEFT_DROP_BAD_IP_CHECKSUM;
	}
	if (v->drop)
		return;
	frag = get16(ip + 6);
	v->flags |= PKT_IPV4;
	if (frag & 0x4000)
		v->flags |= PKT_DF;
	v->l3_len = total;
	v->l4_off = v->l3_off + ihl;
	v->proto = ip[9];
	v->tos = ip[1];
	v->len = v->l3_off + total;
	if (frag & 0x3fff)
		v->flags |= PKT_FRAGMENT;
	if (frag & 0x1fff) {
		v->flags |= PKT_LATER_FRAGMENT;
		if ((frag & 0x1fff) * 8 + total - ihl > 65535)
			v->drop = WEFT_DROP_BAD_IP_HEADER;
		else if ((frag & 0x1fff) <= 2 && v->proto == 6)
			v->drop = WEFT_DROP_BAD_L4_HEADER;
	}
	if (!v->drop)
		oracle_l4(v, b, v->len);
}

static bool is_ext(uint8_t proto)
{
	static const uint8_t list[] = {0, 43, 44, 51, 60, 135, 139, 140};

	return memchr(list, proto, sizeof(list)) != NULL;
}

static void oracle_ipv6(struct view *v, const uint8_t *b)
{
	const uint8_t *ip = b + v->l3_off;
	uint32_t room = v->len - v->l3_off, total, off;
	int n = 0, n_frag = 0;
	uint8_t proto;

	if (room < 40) {
		v->drop = WEFT_DROP_TRUNCATED;
		return;
	}
	total = 40 + get16(ip + 4);
	if (ip[0] / 16 != 6)
		v->drop = WEFT_DROP_BAD_IP_HEADER;
	else if (total > room)
		v->drop = WEFT_DROP_TRUNCATED;
	else if (total > 65535)
		v->drop = WEFT_DROP_BAD_IP_HEADER;
	if (v->drop)
		return;
	v->flags |= PKT_IPV6 | PKT_DF;
	v->l3_len = total;
	v->tos = ip[0] % 16 * 16 + ip[1] / 16;
	v->len = v->l3_off + total;
	off = v->l3_off + 40;
	proto = ip[6];
	for (; is_ext(proto) && !(v->flags & PKT_LATER_FRAGMENT); n++) {
		uint32_t left = v->len - off, size;

		v->drop = WEFT_DROP_HEADER_CHAIN;
		if (n >= 9 || left < 8 || off + 8 > PKT_HDR_MAX - 60)
			return;
		size = proto == 44 ? 8 : proto == 51 ? b[off + 1] * 4 + 8 : b[off + 1] * 8 + 8;
		if (size > left || off + size > PKT_HDR_MAX - 60 || (proto == 0 && n > 0))
			return;
		if (proto == 44) {
			if (++n_frag > 1)
				return;
			if (get16(b + off + 2) & 0xfff9)
				v->flags |= PKT_FRAGMENT;
			if (get16(b + off + 2) & 0xfff8)
				v->flags |= PKT_LATER_FRAGMENT;
		}
		v->drop = 0;
		proto = b[off];
		off += size;
	}
	if (n > 8) {
		v->drop = WEFT_DROP_HEADER_CHAIN;
		return;
	}
	v->proto = proto;
	v->l4_off = off;
	oracle_l4(v, b, v->len);
}

static struct view oracle(const uint8_t *b, uint32_t len)
{
	static const uint8_t zero[6], ones[6] = {255, 255, 255, 255, 255, 255};
	struct view v = {.len = len, .l3_off = 14};
	int tags = 0;

	if (len < 14) {
		v.drop = WEFT_DROP_FRAME_TOO_SHORT;
		return v;
	}
	if (b[6] % 2 || memcmp(b + 6, zero, 6) == 0) {
		v.drop = WEFT_DROP_BAD_SOURCE_MAC;
		return v;
	}
	if (b[0] % 2)
		v.flags |= PKT_GROUP;
	if (memcmp(b, ones, 6) == 0)
		v.flags |= PKT_BROADCAST;
	v.ethertype = get16(b + 12);
	while (v.ethertype == 0x8100 || v.ethertype == 0x88a8) {
		if (tags++ == 2)
			v.drop = WEFT_DROP_VLAN;
		else if (len < v.l3_off + 4u)
			v.drop = WEFT_DROP_TRUNCATED;
		if (v.drop)
			return v;
		v.flags |= PKT_VLAN;
		if (tags == 1)
			v.vlan_tci = get16(b + 14);
		v.ethertype = get16(b + v.l3_off + 2);
		v.l3_off += 4;
	}
	v.l4_off = v.hdr_len = v.l3_off;
	if (v.ethertype == 0x0800)
		oracle_ipv4(&v, b);
	else if (v.ethertype == 0x86dd)
		oracle_ipv6(&v, b);
	if (v.ethertype == 0x0806) {
		v.flags |= PKT_ARP;
		v.l4_off = v.hdr_len = v.l3_off + 28;
		if (len < v.l3_off + 28u)
			v.drop = WEFT_DROP_TRUNCATED;
	}
	return v;
}

/* Of a frame in one piece, without offload metadata. */
static uint32_t plain_flag(const struct view *v)
{
	int ip_len = v->flags & PKT_IPV6 ? 40 : 20;

	if (!(v->flags & PKT_L4) || (v->flags & (PKT_VLAN | PKT_FRAGMENT)))
		return 0;
	return (v->proto == 6 || v->proto == 17) && v->l4_off - v->l3_off == ip_len ? PKT_PLAIN : 0;
}

static void compare(const struct view *v, enum weft_drop drop, struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta(m);

	assert_int_equal(drop, v->drop);
	if (drop)
		return;
	assert_int_equal(meta->flags, v->flags);
	assert_int_equal(m->pkt_len, v->len);
	assert_int_equal(meta->l3_off, v->l3_off);
	assert_int_equal(meta->l4_off, v->l4_off);
	assert_int_equal(meta->hdr_len, v->hdr_len);
	assert_int_equal(meta->l3_len, v->l3_len);
	assert_int_equal(meta->ethertype, v->ethertype);
	assert_int_equal(meta->vlan_tci, v->vlan_tci);
	assert_int_equal(meta->l4_proto, v->proto);
	assert_int_equal(meta->tos, v->tos);
	assert_int_equal(meta->sport, v->sport);
	assert_int_equal(meta->dport, v->dport);
	assert_int_equal(meta->zero, 0);
	assert_int_equal(meta->joined, 0);
	assert_int_equal(meta->drop, 0);
	assert_int_equal(meta->gso_size, 0);
	assert_int_not_equal(meta->hash, 0);
	assert_true(meta->hdr_len <= m->data_len);
}

/* Parses bytes in an mbuf made by frame_exact or frame_chain and compares; frees the mbuf. */
static uint32_t check_mbuf(struct rte_mbuf *m, const uint8_t *b, uint32_t len)
{
	static struct frame after;
	struct view v = oracle(b, len);
	enum weft_drop drop;
	uint32_t hash;

	if (m->nb_segs == 1)
		v.flags |= plain_flag(&v);
	memset(pkt_meta(m), 0xa5, sizeof(struct pkt_meta)); /* nobody may rely on what was there */
	pkt_meta(m)->flags = 0;
	drop = pkt_parse(m);
	compare(&v, drop, m);
	frame_read(&after, m);
	assert_int_equal(after.len, drop ? len : v.len);
	assert_memory_equal(after.b, b, after.len);
	hash = pkt_meta(m)->hash;
	rte_pktmbuf_free(m);
	return drop ? 0 : hash;
}

static uint32_t check(const uint8_t *b, uint32_t len)
{
	return check_mbuf(frame_exact(b, len), b, len);
}

/* Header chains: each of one kind and all kinds after another. */
static const uint8_t ext_hop[8] = {0, 0, 1, 4};
static const uint8_t ext_dst16[16] = {0, 1, 1, 12};
static const uint8_t ext_ah[24] = {0, 4};
static const uint8_t ext_first[8] = {0, 0, 0, 1, 1, 2, 3, 4};
static const uint8_t ext_atomic[8] = {0, 0, 0, 0, 1, 2, 3, 4};
static const uint8_t ext_later[8] = {0, 0, 0, 9, 1, 2, 3, 4};
static const uint8_t ext_many[] = {43, 0, 1, 4, 0, 0, 0, 0, 44, 0, 0, 0, 0, 0, 0, 0, 60, 0, 0, 1, 1,
	2, 3, 4, 0, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

static const struct frame_spec specs[] = {
	{.payload = 18},
	{.proto = 6, .payload = 100, .df = true, .tos = 0xb9},
	{.proto = 6, .n_tcp_options = 3},
	{.proto = 6, .n_tcp_options = 10, .n_ip_options = 10, .n_vlans = 2, .payload = 5},
	{.proto = 1, .payload = 56},
	{.proto = 1, .sport = 0x0301, .payload = 28},
	{.proto = 1, .sport = 0x0e00, .payload = 12},
	{.proto = 58, .payload = 56},
	{.proto = 50, .payload = 40},
	{.proto = 132, .payload = 40, .n_ip_options = 1},
	{.proto = 33, .payload = 20},
	{.proto = 136, .payload = 8},
	{.v6 = true, .proto = 132, .payload = 30},
	{.n_vlans = 1, .payload = 30},
	{.n_vlans = 3, .payload = 30},
	{.frag = 0x2000, .payload = 64},
	{.frag = 0x2008, .payload = 64},
	{.frag = 0x0001, .payload = 64},
	{.frag = 0x1fff, .payload = 64},
	{.frag = 0x2000, .proto = 6, .payload = 64},
	{.frag = 0x0002, .proto = 6, .payload = 64},
	{.frag = 0x0003, .proto = 6, .payload = 64},
	{.frag = 0x8000, .proto = 6, .payload = 64},
	{.v6 = true, .payload = 18},
	{.v6 = true, .proto = 6, .payload = 100, .tos = 0xb9, .n_tcp_options = 3},
	{.v6 = true, .proto = 58, .payload = 56},
	{.v6 = true, .proto = 58, .sport = 0x8700, .payload = 24},
	{.v6 = true, .proto = 58, .sport = 0x8900, .payload = 24},
	{.v6 = true, .proto = 1, .payload = 24},
	{.v6 = true, .proto = 59},
	{.v6 = true, .proto = 50, .payload = 24},
	{.v6 = true, .n_vlans = 2, .proto = 6, .payload = 24},
	{.v6 = true, .ext = ext_hop, .ext_len = 8, .ext_proto = 0, .payload = 24},
	{.v6 = true, .ext = ext_hop, .ext_len = 8, .ext_proto = 43, .payload = 24},
	{.v6 = true, .ext = ext_hop, .ext_len = 8, .ext_proto = 135, .proto = 59},
	{.v6 = true, .ext = ext_hop, .ext_len = 8, .ext_proto = 139, .proto = 6},
	{.v6 = true, .ext = ext_hop, .ext_len = 8, .ext_proto = 140, .proto = 6},
	{.v6 = true, .ext = ext_dst16, .ext_len = 16, .ext_proto = 60, .proto = 6, .payload = 1},
	{.v6 = true, .ext = ext_ah, .ext_len = 24, .ext_proto = 51, .proto = 6, .payload = 1},
	{.v6 = true, .ext = ext_first, .ext_len = 8, .ext_proto = 44, .payload = 64},
	{.v6 = true, .ext = ext_atomic, .ext_len = 8, .ext_proto = 44, .payload = 64},
	{.v6 = true, .ext = ext_later, .ext_len = 8, .ext_proto = 44, .payload = 64},
	{.v6 = true, .ext = ext_later, .ext_len = 8, .ext_proto = 44, .proto = 60, .payload = 64},
	{.v6 = true, .ext = ext_many, .ext_len = 40, .ext_proto = 0, .ext_last = 24, .payload = 64},
	{.v6 = true, .ext = ext_many, .ext_len = 40, .ext_proto = 60, .ext_last = 24, .proto = 6},
};
#define N_SPECS (sizeof(specs) / sizeof(specs[0]))

static void test_valid(void **state)
{
	static struct frame f;
	int n_passed = 0;

	for (unsigned int i = 0; i < N_SPECS; i++) {
		frame_make(&f, &specs[i]);
		if (check(f.b, f.len) != 0)
			n_passed++;
	}
	/* All but three tags, the overlapping TCP fragments, and the fragment beyond 64 KiB. */
	assert_int_equal(n_passed, N_SPECS - 3);
}

static void test_truncated_at_every_length(void **state)
{
	static struct frame f;

	for (unsigned int i = 0; i < N_SPECS; i++) {
		frame_make(&f, &specs[i]);
		for (uint32_t len = 0; len < f.len; len++)
			check(f.b, len);
	}
}

/* The same bytes in any pieces give the same answer. */
static void test_split_at_every_byte(void **state)
{
	static struct frame f;

	for (unsigned int i = 0; i < N_SPECS; i++) {
		uint32_t whole;

		frame_make(&f, &specs[i]);
		whole = check(f.b, f.len);
		for (uint32_t cut = 0; cut <= f.len; cut++) {
			uint32_t cuts[] = {cut, RTE_MIN(cut + 1, f.len), RTE_MIN(cut + 9, f.len)};

			assert_int_equal(
				check_mbuf(frame_chain(f.b, f.len, cuts, 1), f.b, f.len), whole);
			assert_int_equal(
				check_mbuf(frame_chain(f.b, f.len, cuts, 3), f.b, f.len), whole);
		}
	}
}

static void test_one_byte_segments(void **state)
{
	static struct frame f;
	uint32_t cuts[200];

	frame_make(&f, &(struct frame_spec){.proto = 6, .payload = 130, .n_vlans = 1});
	for (unsigned int i = 0; i < 150; i++)
		cuts[i] = i + 1;
	check_mbuf(frame_chain(f.b, f.len, cuts, 150), f.b, f.len);
}

static void test_padding(void **state)
{
	static struct frame f;

	for (unsigned int i = 0; i < N_SPECS; i++) {
		frame_make(&f, &specs[i]);
		for (uint32_t pad = 1; pad < 40; pad += 13) {
			uint32_t cuts[] = {20, f.len - 2, f.len + 1};

			memset(f.b + f.len, 0xaa, pad);
			check(f.b, f.len + pad);
			check_mbuf(frame_chain(f.b, f.len + pad, cuts, 3), f.b, f.len + pad);
		}
	}
}

/* Each byte of the headers with each value. */
static void test_every_header_byte(void **state)
{
	static struct frame f;

	for (unsigned int i = 0; i < N_SPECS; i++) {
		frame_make(&f, &specs[i]);
		for (uint32_t at = 0; at < RTE_MIN(f.len, 110u); at++) {
			uint8_t was = f.b[at];

			for (unsigned int v = 0; v < 256; v++) {
				f.b[at] = v;
				check(f.b, f.len);
			}
			f.b[at] = was;
		}
	}
}

/* As above with the IPv4 checksum made right, so that what is behind it is reached. */
static void test_every_length(void **state)
{
	static struct frame f;

	for (unsigned int i = 0; i < N_SPECS; i++) {
		const struct frame_spec *s = &specs[i];
		uint32_t l3 = 14 + s->n_vlans * 4, at = s->v6 ? l3 + 4 : l3 + 2;

		for (uint32_t v = 0; v < f.len + 40; v++) {
			frame_make(&f, s);
			put16(f.b + at, v);
			if (!s->v6)
				frame_fix_ipv4(&f, l3);
			check(f.b, f.len);
		}
	}
}

static void test_random_mutations(void **state)
{
	static struct frame f;
	uint64_t seed = 1;

	for (int i = 0; i < 200000; i++) {
		const struct frame_spec *s = &specs[test_random(&seed) % N_SPECS];
		uint32_t l3 = 14 + s->n_vlans * 4, len, cut;

		frame_make(&f, s);
		for (uint64_t n = test_random(&seed) % 4 + 1; n > 0; n--)
			f.b[12 + test_random(&seed) % 90] = test_random(&seed);
		if (!s->v6 && get16(f.b + l3 - 2) == 0x0800 && f.b[l3] >= 0x45)
			frame_fix_ipv4(&f, l3);
		len = f.len - (test_random(&seed) % 4 == 0 ? test_random(&seed) % 20 : 0);
		cut = test_random(&seed) % (len + 1);
		if (test_random(&seed) % 4 == 0)
			check_mbuf(frame_chain(f.b, len, &cut, 1), f.b, len);
		else
			check(f.b, len);
	}
}

static void test_chain_limits(void **state)
{
	static struct frame f;
	static uint8_t ext[200];

	for (unsigned int n = 1; n <= 20; n++) {
		for (unsigned int i = 0; i < n; i++)
			ext[i * 8] = 60;
		frame_make(&f, &(struct frame_spec){.v6 = true,
				       .proto = 6,
				       .ext = ext,
				       .ext_len = n * 8,
				       .ext_proto = 60,
				       .ext_last = (n - 1) * 8});
		assert_int_equal(check(f.b, f.len) != 0, n <= 8);
	}
	for (unsigned int words = 1; words < 24; words++) {
		ext[0] = 0;
		ext[1] = words - 1;
		frame_make(&f, &(struct frame_spec){.v6 = true,
				       .proto = 6,
				       .ext = ext,
				       .ext_len = words * 8,
				       .ext_proto = 60});
		assert_int_equal(check(f.b, f.len) != 0, 54 + words * 8 <= PKT_HDR_MAX - 60);
	}
}

static void test_arp_and_others(void **state)
{
	static struct frame f;

	frame_make(&f, &(struct frame_spec){.payload = 60});
	put16(f.b + 12, 0x0806);
	for (uint32_t len = 0; len < 80; len++)
		check(f.b, len);
	put16(f.b + 12, 0x0026); /* 802.3 */
	check(f.b, f.len);
	put16(f.b + 12, 0x8847);
	check(f.b, f.len);
	memset(f.b, 0xff, 6);
	check(f.b, f.len);
	f.b[0] = 0x33;
	check(f.b, f.len);
}

static enum weft_drop parse_offload(
	const struct frame *f, uint64_t ol_flags, uint16_t segsz, struct pkt_meta *ret)
{
	struct rte_mbuf *m = frame_exact(f->b, f->len);
	enum weft_drop drop;

	m->ol_flags |= ol_flags;
	m->tso_segsz = segsz;
	pkt_meta(m)->flags = ret->flags;
	drop = pkt_parse(m);
	*ret = *pkt_meta(m);
	rte_pktmbuf_free(m);
	return drop;
}

static void test_offload_metadata(void **state)
{
	static struct frame f;
	uint64_t none = RTE_MBUF_F_RX_L4_CKSUM_NONE, lro = RTE_MBUF_F_RX_LRO;

	for (unsigned int i = 0; i < N_SPECS; i++) {
		struct pkt_meta plain = {0}, partial = {0}, tunnel = {.flags = PKT_FROM_TUNNEL};
		bool fits;

		frame_make(&f, &specs[i]);
		if (parse_offload(&f, RTE_MBUF_F_RX_L4_CKSUM_GOOD, 0, &plain) != 0)
			continue;
		fits = (plain.l4_proto == 6 || plain.l4_proto == 17) &&
		       !(plain.flags & PKT_FRAGMENT);
		assert_false(plain.flags & (PKT_GSO | PKT_CKSUM_PARTIAL));
		assert_int_equal(
			parse_offload(&f, none, 0, &partial), fits ? 0 : WEFT_DROP_BAD_OFFLOAD);
		assert_int_equal(parse_offload(&f, none, 0, &tunnel), 0);
		assert_int_equal(!!(tunnel.flags & PKT_CKSUM_PARTIAL), fits);
		partial.flags = 0;
		assert_int_equal(parse_offload(&f, lro | none, 1, &partial),
			fits ? 0 : WEFT_DROP_BAD_OFFLOAD);
		if (fits && specs[i].payload > 1) {
			assert_int_equal(partial.gso_size, 1);
			assert_int_equal(partial.flags,
				(plain.flags & ~PKT_PLAIN) | PKT_GSO | PKT_CKSUM_PARTIAL);
		}
	}
}

static void test_gso_limits(void **state)
{
	static struct frame f;
	struct pkt_meta meta = {0};
	uint64_t lro = RTE_MBUF_F_RX_LRO;

	frame_make(&f, &(struct frame_spec){.proto = 6, .payload = 10000, .n_tcp_options = 3});
	assert_int_equal(parse_offload(&f, lro, 0, &meta), WEFT_DROP_BAD_OFFLOAD);
	assert_int_equal(parse_offload(&f, lro, 10000, &meta), 0);
	assert_int_equal(meta.flags & (PKT_GSO | PKT_CKSUM_PARTIAL), PKT_CKSUM_PARTIAL);
	assert_int_equal(parse_offload(&f, lro, 9999, &meta), 0);
	assert_true(meta.flags & PKT_GSO);
	for (unsigned int size = 1; size < 200; size++)
		assert_int_equal(parse_offload(&f, lro, size, &meta),
			(10000 + size - 1) / size > PKT_GSO_SEGS_MAX ? WEFT_DROP_BAD_OFFLOAD : 0);
	frame_make(&f, &(struct frame_spec){.payload = 3000});
	assert_int_equal(parse_offload(&f, lro, 1000, &meta), 0);
	put16(f.b + 38, 2000); /* the UDP length is not the packet's */
	assert_int_equal(parse_offload(&f, 0, 0, &meta), 0);
	assert_int_equal(parse_offload(&f, lro, 1000, &meta), WEFT_DROP_BAD_OFFLOAD);
}

/* Fields of the caller stay. */
static void test_keeps_callers_fields(void **state)
{
	static struct frame f;
	struct rte_mbuf *m;
	struct pkt_meta *meta;

	frame_make(&f, &specs[1]);
	m = frame_exact(f.b, f.len);
	meta = pkt_meta(m);
	memset(meta, 0xff, sizeof(*meta));
	meta->in_port = 7;
	meta->segment = 8;
	meta->in_vtep = 9;
	meta->outer_tos = 10;
	meta->trace = 11;
	meta->watch = 12;
	assert_int_equal(pkt_parse(m), 0);
	assert_int_equal(meta->in_port, 7);
	assert_int_equal(meta->segment, 8);
	assert_int_equal(meta->in_vtep, 9);
	assert_int_equal(meta->outer_tos, 10);
	assert_int_equal(meta->trace, 11);
	assert_int_equal(meta->watch, 12);
	assert_int_equal(meta->flags, PKT_OF_CALLER | PKT_IPV4 | PKT_DF | PKT_L4 | PKT_PLAIN);
	assert_int_equal(meta->dest, 0);
	rte_pktmbuf_free(m);
}

static uint32_t hash_of(const struct frame_spec *s)
{
	static struct frame f;
	struct rte_mbuf *m;
	uint32_t hash;

	frame_make(&f, s);
	m = frame_exact(f.b, f.len);
	assert_int_equal(pkt_parse(m), 0);
	hash = pkt_meta(m)->hash;
	rte_pktmbuf_free(m);
	return hash;
}

/* Flows that differ in one port spread over 64 bins about evenly; fragments go together. */
static void test_hash(void **state)
{
	for (int v6 = 0; v6 < 2; v6++) {
		unsigned int bins[64] = {0};

		for (unsigned int i = 0; i < 6400; i++)
			bins[hash_of(&(struct frame_spec){.v6 = v6, .sport = 1024 + i}) % 64]++;
		for (unsigned int i = 0; i < 64; i++)
			assert_in_range(bins[i], 50, 160);
	}
	assert_int_equal(hash_of(&(struct frame_spec){.frag = 0x2000, .payload = 64}),
		hash_of(&(struct frame_spec){.frag = 0x0008, .payload = 64}));
	assert_int_equal(hash_of(&(struct frame_spec){.v6 = true,
				 .ext = ext_first,
				 .ext_len = 8,
				 .ext_proto = 44,
				 .payload = 64}),
		hash_of(&(struct frame_spec){.v6 = true,
			.ext = ext_later,
			.ext_len = 8,
			.ext_proto = 44,
			.payload = 64}));
}

static void test_no_buffer_for_pullup(void **state)
{
	static struct frame f;
	static struct rte_mbuf *all[4096];
	struct rte_mbuf *m;
	uint32_t cut = 20;
	unsigned int n = 0;

	frame_make(&f, &specs[1]);
	m = frame_chain(f.b, f.len, &cut, 1);
	while (n < 4096 && (all[n] = rte_pktmbuf_alloc(mem_pools.packet)))
		n++;
	assert_int_equal(pkt_parse(m), WEFT_DROP_NO_MBUF);
	rte_pktmbuf_free_bulk(all, n);
	check_mbuf(m, f.b, f.len);
}

static int all_returned(void **state)
{
	return test_pools_full() ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_valid, all_returned),
		cmocka_unit_test_teardown(test_truncated_at_every_length, all_returned),
		cmocka_unit_test_teardown(test_split_at_every_byte, all_returned),
		cmocka_unit_test_teardown(test_one_byte_segments, all_returned),
		cmocka_unit_test_teardown(test_padding, all_returned),
		cmocka_unit_test_teardown(test_every_header_byte, all_returned),
		cmocka_unit_test_teardown(test_every_length, all_returned),
		cmocka_unit_test_teardown(test_random_mutations, all_returned),
		cmocka_unit_test_teardown(test_chain_limits, all_returned),
		cmocka_unit_test_teardown(test_arp_and_others, all_returned),
		cmocka_unit_test_teardown(test_offload_metadata, all_returned),
		cmocka_unit_test_teardown(test_gso_limits, all_returned),
		cmocka_unit_test_teardown(test_keeps_callers_fields, all_returned),
		cmocka_unit_test_teardown(test_hash, all_returned),
		cmocka_unit_test_teardown(test_no_buffer_for_pullup, all_returned),
	};

	test_eal_init(64);
	test_pools(1024);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
