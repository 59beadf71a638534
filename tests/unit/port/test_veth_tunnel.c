/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A veth as an uplink, with the kernel's VXLAN as the peer, which leaves checksums and segmentation
 * of what is inside to whoever sends it on. Topology, all namespaces unnamed:
 *
 *     host a: vx0 - eth0 --- va [uplink: strip, parse; port] vb --- eth0 :tenant b
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include <core/mem.h>
#include <pkt/cksum.h>
#include <pkt/meta.h>
#include <pkt/parse.h>
#include <port/port.h>

#include "kernel_peer.h"
#include "test_eal.h"
#include "test_netns.h"

#define SIZE  (8 << 20)
#define BURST 32

static int own, ns_a, ns_b;
static struct port *uplink, *tenant;

/* What came out of the tunnel. */
static struct {
	unsigned int frames, partial, gso;
	uint32_t longest;
	uint8_t outer[70]; /* of the way back */
	uint32_t outer_size;
} seen;

static struct port *open_port(const char *device, uint8_t role)
{
	struct weft_port spec = {
		.id = 1, .kind = WEFT_PORT_VETH, .role = role, .n_queues = 1, .mtu = 1600};
	struct port *p;

	snprintf(spec.device, sizeof(spec.device), "%s", device);
	p = port_new(&spec, 1);
	if (port_open(p, -1, 1) < 0)
		fail_msg("%s", p->text);
	peer_wait_state(p, WEFT_PORT_STATE_UP);
	return p;
}

static int make_pairs(void **state)
{
	test_netns_veth(own, "va", ns_a, "eth0", 1);
	test_netns_veth(own, "vb", ns_b, "eth0", 1);
	test_netns_run(ns_b, "ip link set eth0 mtu 1400 && ip addr add 10.0.0.2/24 dev eth0 && "
			     "ethtool -K eth0 tx off tso off gso off >/dev/null");
	memset(&seen, 0, sizeof(seen));
	uplink = open_port("va", WEFT_ROLE_UPLINK);
	tenant = open_port("vb", WEFT_ROLE_TENANT);
	return 0;
}

static int drop_pairs(void **state)
{
	port_free(uplink);
	port_free(tenant);
	test_netns_try(ns_a, "ip link del vx0 2>/dev/null");
	test_netns_try(own, "ip link del va 2>/dev/null; ip link del vb 2>/dev/null");
	return 0;
}

static void swap(uint8_t *b, unsigned int first, unsigned int second, unsigned int n)
{
	uint8_t keep[16];

	memcpy(keep, b + first, n);
	memcpy(b + first, b + second, n);
	memcpy(b + second, keep, n);
}

/* The headers that came, turned round. */
static void note_outer(const uint8_t *frame, uint32_t size)
{
	bool v6 = size == sizeof(seen.outer);

	memcpy(seen.outer, frame, size);
	swap(seen.outer, 0, 6, 6);
	swap(seen.outer, v6 ? 22 : 26, v6 ? 38 : 30, v6 ? 16 : 4);
	seen.outer_size = size;
}

/* As the pipeline does with what an uplink received. NULL: not ours. */
static struct rte_mbuf *decapsulate(struct rte_mbuf *m)
{
	struct pkt_meta *meta = pkt_meta(m);
	uint8_t head[70];
	struct pkt_outer o;
	int drop;

	memcpy(head, rte_pktmbuf_mtod(m, void *), RTE_MIN(sizeof(head), (size_t)m->data_len));
	drop = pkt_parse_outer(m, &o);
	if (drop == WEFT_DROP_NOT_VXLAN) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	assert_int_equal(drop, 0);
	note_outer(head, o.inner_off);
	memset(meta, 0, sizeof(*meta));
	meta->flags = PKT_FROM_TUNNEL;
	rte_pktmbuf_adj(m, o.inner_off);
	assert_int_equal(pkt_parse(m), 0);
	seen.frames++;
	seen.partial += (meta->flags & PKT_CKSUM_PARTIAL) != 0;
	seen.gso += (meta->flags & PKT_GSO) != 0;
	seen.longest = RTE_MAX(seen.longest, m->pkt_len);
	m->ol_flags = 0;
	if (meta->flags & PKT_CKSUM_PARTIAL)
		pkt_tx_offload(m);
	return m;
}

static struct rte_mbuf *encapsulate(struct rte_mbuf *m)
{
	bool v6 = seen.outer_size == sizeof(seen.outer);
	uint32_t ip_size = v6 ? 40 : 20, len;
	struct rte_udp_hdr *udp;
	uint8_t *b;

	if (!seen.outer_size) { /* nobody is there yet */
		rte_pktmbuf_free(m);
		return NULL;
	}
	b = (uint8_t *)rte_pktmbuf_prepend(m, seen.outer_size);
	assert_non_null(b);
	memcpy(b, seen.outer, seen.outer_size);
	len = m->pkt_len - 14 - ip_size;
	udp = (struct rte_udp_hdr *)(b + 14 + ip_size);
	udp->dgram_len = rte_cpu_to_be_16(len);
	udp->dgram_cksum = 0;
	if (v6) {
		((struct rte_ipv6_hdr *)(b + 14))->payload_len = rte_cpu_to_be_16(len);
	} else {
		struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(b + 14);

		ip->total_length = rte_cpu_to_be_16(len + ip_size);
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	}
	return m;
}

static void move(struct port *from, struct port *to, struct rte_mbuf *(*change)(struct rte_mbuf *m))
{
	struct rte_mbuf *pkts[BURST], *out[BURST];
	uint16_t n = port_rx(from, 0, pkts, BURST), n_out = 0, sent;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = change(pkts[i]);

		if (m)
			out[n_out++] = m;
	}
	sent = n_out ? port_tx(to, 0, out, n_out) : 0;
	rte_pktmbuf_free_bulk(out + sent, n_out - sent);
}

static void run(pid_t *children)
{
	uint64_t deadline = peer_now_ms() + PEER_DEADLINE_MS;

	for (unsigned int ended = 0; ended < 2;) {
		int status;

		for (int i = 0; i < 64; i++) {
			move(uplink, tenant, decapsulate);
			move(tenant, uplink, encapsulate);
		}
		if (waitpid(-1, &status, WNOHANG) > 0) {
			assert_int_equal(status, 0);
			ended++;
		}
		if (peer_now_ms() > deadline) {
			kill(children[0], SIGKILL);
			kill(children[1], SIGKILL);
			fail_msg("no end in time: %u frames, %u partial, %u GSO, longest %u, "
				 "errors %lu",
				seen.frames, seen.partial, seen.gso, seen.longest,
				uplink->rx_errors);
		}
	}
}

/* TCP out of the kernel's tunnel: frames come whole, and the data are right. */
static void expect_tcp(const char *vxlan)
{
	pid_t children[2];

	test_netns_run(ns_a,
		"ip link add vx0 mtu 1400 type vxlan id 100 dstport 4789 dev eth0 %s && "
		"sysctl -qw net.ipv6.conf.vx0.disable_ipv6=1 && "
		"ip addr add 10.0.0.1/24 dev vx0 && ip link set vx0 up",
		vxlan);
	children[0] = peer_tcp_sink(ns_b, "10.0.0.2", 5001, SIZE);
	children[1] = peer_tcp_source(ns_a, "10.0.0.2", 5001, SIZE);
	run(children);
	assert_true(seen.gso > 0);
	assert_true(seen.partial >= seen.gso);
	assert_in_range(seen.longest, 4 * 1348, 65549);
	assert_true(seen.frames < SIZE / 1348);
	assert_int_equal(uplink->rx_errors, 0);
}

static void underlay_v4(void)
{
	test_netns_run(ns_a, "ip link set eth0 mtu 1500 && ip addr add 198.51.100.2/24 dev eth0 && "
			     "ip neigh add 198.51.100.1 lladdr 02:00:00:00:00:01 dev eth0");
}

static void underlay_v6(void)
{
	test_netns_run(ns_a, "sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0 && "
			     "ip addr add 2001:db8::2/64 dev eth0 nodad && "
			     "ip neigh add 2001:db8::1 lladdr 02:00:00:00:00:01 dev eth0");
}

static void over_ipv4(void **state)
{
	underlay_v4();
	expect_tcp("local 198.51.100.2 remote 198.51.100.1");
}

static void over_ipv4_with_outer_checksums(void **state)
{
	underlay_v4();
	expect_tcp("local 198.51.100.2 remote 198.51.100.1 udpcsum");
}

static void over_ipv6(void **state)
{
	underlay_v6();
	expect_tcp("local 2001:db8::2 remote 2001:db8::1 udp6zerocsumrx");
}

static void over_ipv6_without_outer_checksums(void **state)
{
	underlay_v6();
	expect_tcp("local 2001:db8::2 remote 2001:db8::1 udp6zerocsumrx udp6zerocsumtx");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, make_pairs, drop_pairs)
	const struct CMUnitTest tests[] = {
		CASE(over_ipv4),
		CASE(over_ipv4_with_outer_checksums),
		CASE(over_ipv6),
		CASE(over_ipv6_without_outer_checksums),
	};

	own = test_netns_own();
	ns_a = test_netns_new();
	ns_b = test_netns_new();
	test_eal_init(256);
	if (mem_init(4096) < 0)
		return 1;
	return cmocka_run_group_tests_name("veth_tunnel", tests, NULL, NULL);
}
