/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The attacks. A frame comes as cloud_frame made it, 18 bytes of UDP payload; a change is made
 * where the frame lies, as cheaply as a guest would. Frames are changed by the worker.
 */
#include <netinet/in.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <pkt/cksum.h>
#include <table/policy.h>

#include "attack.h"
#include "bed.h"
#include "cloud.h"

#define L2	   14
#define V4_MF	   0x2000
#define FLOOD_PPS  1000
#define SPLIT_SETS 10000 /* ids of sets that no rule refers to */

static uint64_t attack_random(void)
{
	static uint64_t state = 88172645463325252;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Frames from the wire have 50 bytes in front. */
static uint8_t *frame_of(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod(m, uint8_t *) + (m->data_len > 100 ? 50 : 0);
}

static struct rte_ipv4_hdr *ip_of(struct rte_mbuf *m)
{
	return (struct rte_ipv4_hdr *)(frame_of(m) + L2);
}

static struct rte_udp_hdr *udp_of(struct rte_mbuf *m)
{
	return (struct rte_udp_hdr *)(ip_of(m) + 1);
}

static void change_tuple(struct rte_mbuf *m)
{
	uint32_t ports = attack_random();

	memcpy(udp_of(m), &ports, sizeof(ports));
}

static void change_tuple_v6(struct rte_mbuf *m)
{
	uint32_t ports = attack_random();

	memcpy(frame_of(m) + L2 + sizeof(struct rte_ipv6_hdr), &ports, sizeof(ports));
}

/* A thousand sessions, as a busy neighbour has. */
static void change_little(struct rte_mbuf *m)
{
	uint32_t ports = rte_cpu_to_be_32(0x10000 + attack_random() % 1000);

	memcpy(udp_of(m), &ports, sizeof(ports));
}

static void change_syn(struct rte_mbuf *m)
{
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)udp_of(m);

	*tcp = (struct rte_tcp_hdr){.sent_seq = attack_random(),
		.data_off = 5 << 4,
		.tcp_flags = RTE_TCP_SYN_FLAG,
		.rx_win = 0xffff};
	change_tuple(m);
	ip_of(m)->next_proto_id = IPPROTO_TCP;
	cksum_ipv4_set(ip_of(m));
}

/* All fields that rules can ask for. */
static void change_headers(struct rte_mbuf *m)
{
	uint32_t src = attack_random();

	ip_of(m)->src_addr = (src & ~0xff) | 11;
	ip_of(m)->next_proto_id = src & 1 ? IPPROTO_UDP : 100 + src % 64;
	change_tuple(m);
	cksum_ipv4_set(ip_of(m));
}

static void change_source(struct rte_mbuf *m)
{
	ip_of(m)->src_addr = attack_random();
	cksum_ipv4_set(ip_of(m));
}

static void change_mac(struct rte_mbuf *m)
{
	uint64_t r = attack_random();

	memcpy(frame_of(m) + 7, &r, 5);
}

static void change_group(struct rte_mbuf *m)
{
	memset(frame_of(m), 0xff, 6);
	change_tuple(m);
}

static void change_ttl(struct rte_mbuf *m)
{
	ip_of(m)->time_to_live = 1;
	change_tuple(m);
	cksum_ipv4_set(ip_of(m));
}

static void change_size(struct rte_mbuf *m)
{
	unsigned int len = 1500;

	ip_of(m)->total_length = rte_cpu_to_be_16(len);
	ip_of(m)->fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
	udp_of(m)->dgram_len = rte_cpu_to_be_16(len - sizeof(struct rte_ipv4_hdr));
	change_tuple(m);
	cksum_ipv4_set(ip_of(m));
	m->data_len = m->pkt_len = L2 + len;
}

/* 24 bytes of a datagram, from eight times first on. */
static void change_fragment(struct rte_mbuf *m, uint16_t id, uint16_t first)
{
	struct rte_ipv4_hdr *ip = ip_of(m);

	ip->total_length = rte_cpu_to_be_16(sizeof(*ip) + 24);
	ip->packet_id = id;
	ip->fragment_offset = rte_cpu_to_be_16(V4_MF | first);
	cksum_ipv4_set(ip);
}

static void change_later_fragment(struct rte_mbuf *m)
{
	change_fragment(m, attack_random(), 3);
}

static void change_first_fragment(struct rte_mbuf *m)
{
	udp_of(m)->dgram_len = rte_cpu_to_be_16(1000);
	change_fragment(m, attack_random(), 0);
}

static void change_overlap(struct rte_mbuf *m)
{
	static uint32_t n;

	udp_of(m)->dgram_len = rte_cpu_to_be_16(1000);
	change_fragment(m, n / 2, n % 2);
	n++;
}

/* Of a packet that nobody has sent. */
static void change_icmp_error(struct rte_mbuf *m)
{
	struct rte_ipv4_hdr *ip = ip_of(m), quote = *ip;
	struct rte_icmp_hdr *icmp = (struct rte_icmp_hdr *)(ip + 1);
	uint64_t l4 = attack_random();

	quote.src_addr = ip->dst_addr;
	quote.dst_addr = ip->src_addr;
	cksum_ipv4_set(&quote);
	*icmp = (struct rte_icmp_hdr){.icmp_type = 3, .icmp_code = 1};
	memcpy(icmp + 1, &quote, sizeof(quote));
	memcpy((uint8_t *)(icmp + 1) + sizeof(quote), &l4, sizeof(l4));
	m->data_len = m->pkt_len = L2 + 2 * sizeof(*ip) + sizeof(*icmp) + sizeof(l4);
	ip->total_length = rte_cpu_to_be_16(m->data_len - L2);
	ip->next_proto_id = IPPROTO_ICMP;
	cksum_ipv4_set(ip);
}

static void change_dns(struct rte_mbuf *m)
{
	static const uint8_t query[18] = {1, 2, 1, 0, 0, 1, [12] = 0, 0, 1, 0, 1};

	ip_of(m)->dst_addr = rte_cpu_to_be_32(0x0a0100fe);
	udp_of(m)->src_port = attack_random();
	udp_of(m)->dst_port = rte_cpu_to_be_16(53);
	memcpy(udp_of(m) + 1, query, sizeof(query));
	cksum_ipv4_set(ip_of(m));
}

static void change_dhcp(struct rte_mbuf *m)
{
	uint8_t *dhcp = (uint8_t *)(udp_of(m) + 1);
	uint32_t xid = attack_random();
	static const uint8_t head[4] = {1, 1, 6, 0}, options[8] = {99, 130, 83, 99, 53, 1, 1, 255};
	const unsigned int len = 300;

	memset(frame_of(m), 0xff, 6);
	memset(dhcp, 0, len);
	memcpy(dhcp, head, sizeof(head));
	memcpy(dhcp + 4, &xid, sizeof(xid));
	memcpy(dhcp + 28, frame_of(m) + 6, 6);
	memcpy(dhcp + 236, options, sizeof(options));
	ip_of(m)->src_addr = 0;
	ip_of(m)->dst_addr = UINT32_MAX;
	udp_of(m)->src_port = rte_cpu_to_be_16(68);
	udp_of(m)->dst_port = rte_cpu_to_be_16(67);
	udp_of(m)->dgram_len = rte_cpu_to_be_16(sizeof(struct rte_udp_hdr) + len);
	ip_of(m)->total_length = rte_cpu_to_be_16(28 + len);
	cksum_ipv4_set(ip_of(m));
	m->data_len = m->pkt_len = L2 + 28 + len;
}

static void change_arp(struct rte_mbuf *m)
{
	static const uint8_t head[8] = {0, 1, 8, 0, 6, 4, 0, 1}, from[4] = {10, 1, 0, 1};
	uint8_t *at = frame_of(m), *arp = at + L2;
	uint8_t target[4] = {10, 1, 0, 2 + attack_random() % 250};

	memset(at, 0xff, 6);
	at[12] = 8;
	at[13] = 6;
	memcpy(arp, head, sizeof(head));
	memcpy(arp + 8, at + 6, 6);
	memcpy(arp + 14, from, sizeof(from));
	memset(arp + 18, 0, 6);
	memcpy(arp + 24, target, sizeof(target));
}

static void change_nothing(struct rte_mbuf *m)
{
	frame_of(m)[L2] = 0; /* no version of IP */
}

/* A rule beside those that the server's rule set has, in front of them. */
static void put_rule(uint32_t id, struct weft_rule r)
{
	r.ruleset = ATTACKER;
	r.id = 100000 + id;
	r.direction = WEFT_RULE_INGRESS;
	bed_put(WEFT_TABLE_RULE, &r);
}

/* No rule for the server but those that follow. */
static void put_no_rules(void)
{
	for (uint32_t i = 1; i <= 10; i++)
		bed_delete(WEFT_TABLE_RULE, &(struct weft_rule){.ruleset = ATTACKER, .id = i});
}

static void put_reject(void)
{
	put_no_rules();
	put_rule(1, (struct weft_rule){.action = WEFT_RULE_REJECT,
			    .proto = WEFT_RULE_ANY_PROTO,
			    .port_max = UINT16_MAX});
}

static void put_free_port(uint16_t flags)
{
	struct weft_port p = cloud_port(ATTACKER, CLOUD_CLIENT);

	p.flags = flags;
	p.max_learned = UINT16_MAX;
	bed_put(WEFT_TABLE_PORT, &p);
}

/* Allow few, drop the rest, on four fields. */
static void put_few(void)
{
	put_no_rules();
	put_free_port(WEFT_PORT_DEFAULT_DENY);
	for (uint32_t i = 0; i < 4; i++)
		put_rule(i, (struct weft_rule){.action = WEFT_RULE_ALLOW,
				    .proto = i % 2 ? IPPROTO_TCP : IPPROTO_UDP,
				    .port_min = 80 + i,
				    .port_max = 80 + 100 * i,
				    .remote = {.addr = weft_addr_from_v4((uint8_t[]){11, 0, i, 0}),
					    .len = 120}});
}

static void put_members(uint32_t set)
{
	struct weft_addr a = cloud_addr(true, CLOUD_CLIENT);

	for (unsigned int len = 0; len <= 128; len++) {
		struct weft_set_member m = {.set = set, .prefix = {.addr = a, .len = len}};

		for (unsigned int bit = len; bit < 128; bit++)
			m.prefix.addr.b[bit / 8] &= ~(0x80 >> bit % 8);
		bed_put(WEFT_TABLE_SET_MEMBER, &m);
	}
}

/* A thousand rules that match in all but their set. Prefixes of all lengths around the client's
 * address are in so many sets of each scope that every one of them has a bit map. */
static void put_split(void)
{
	put_no_rules();
	for (uint32_t i = 0; i < (POLICY_LIST_MAX + 1) * WEFT_PORT_SCOPES; i++) {
		bed_put(WEFT_TABLE_SET,
			&(struct weft_set){.id = SPLIT_SETS + i, .scope = i % WEFT_PORT_SCOPES});
		put_members(SPLIT_SETS + i);
	}
	for (uint32_t i = 1; i <= 1000; i++) {
		bed_put(WEFT_TABLE_SET, &(struct weft_set){.id = i, .scope = i % WEFT_PORT_SCOPES});
		put_rule(i, (struct weft_rule){.action = WEFT_RULE_ALLOW,
				    .proto = WEFT_RULE_ANY_PROTO,
				    .port_max = UINT16_MAX,
				    .set = i});
	}
}

static void put_learning(void)
{
	struct weft_segment seg = cloud_segment(ATTACKER, CLOUD_CLIENT);

	seg.max_learned = 100000;
	seg.ageing_s = 300;
	bed_put(WEFT_TABLE_SEGMENT, &seg);
	put_free_port(WEFT_PORT_LEARN | WEFT_PORT_DEFAULT_DENY);
}

static void put_flood_limit(void)
{
	struct weft_port p = cloud_port(ATTACKER, CLOUD_CLIENT);

	p.flood_pps = FLOOD_PPS;
	bed_put(WEFT_TABLE_PORT, &p);
}

static void put_small(void)
{
	struct weft_port p = cloud_port(ATTACKER, CLOUD_SERVER);

	p.mtu = 1400;
	bed_put(WEFT_TABLE_PORT, &p);
}

static void put_services(void)
{
	struct weft_subnet s = {.vni = cloud_vni(ATTACKER, CLOUD_CLIENT),
		.flags = WEFT_SUBNET_DHCP | WEFT_SUBNET_DNS,
		.prefix = {.addr = weft_addr_from_v4((uint8_t[]){10, 1, 0, 0}), .len = 112},
		.gateway = weft_addr_from_v4((uint8_t[]){10, 1, 0, 254})};
	struct weft_neigh n = {.vni = s.vni, .addr = s.gateway, .mac = cloud_router_mac};

	put_flood_limit();
	bed_put(WEFT_TABLE_SUBNET, &s);
	bed_put(WEFT_TABLE_NEIGH, &n);
}

const struct attack attacks[] = {
	{"busy neighbour, 1000 sessions", NULL, change_little, false, false},
	{"SYN flood", NULL, change_syn, false, false},
	{"UDP, random ports, allowed", NULL, change_tuple, false, false},
	{"UDP, random ports, denied", put_no_rules, change_tuple, false, false},
	{"UDP over IPv6, random ports", NULL, change_tuple_v6, false, true},
	{"SYN flood, rejected", put_reject, change_syn, false, false},
	{"random headers, few allowed", put_few, change_headers, false, false},
	{"1000 rules made to be slow", put_split, change_tuple_v6, false, true},
	{"spoofed sources", NULL, change_source, false, false},
	{"fragments, first missing", NULL, change_later_fragment, false, false},
	{"fragments, random ids", NULL, change_first_fragment, false, false},
	{"fragments, overlapping", NULL, change_overlap, false, false},
	{"MAC storm, learning port", put_learning, change_mac, false, false},
	{"broadcast storm", put_flood_limit, change_group, false, false},
	{"ICMP errors, unrelated", NULL, change_icmp_error, false, false},
	{"packets that expire", NULL, change_ttl, false, false},
	{"packets too big", put_small, change_size, false, false},
	{"ARP requests", put_services, change_arp, false, false},
	{"DHCP requests", put_services, change_dhcp, false, false},
	{"DNS queries", put_services, change_dns, false, false},
	{"malformed packets", NULL, change_nothing, false, false},
	{"SYN flood, from the wire", NULL, change_syn, true, false},
	{"UDP, random ports, from the wire", NULL, change_tuple, true, false},
	{"1000 slow rules, from the wire", put_split, change_tuple_v6, true, true},
	{"fragments, from the wire", NULL, change_later_fragment, true, false},
};
const unsigned int n_attacks = sizeof(attacks) / sizeof(attacks[0]);
