/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK devices as ports: a ring that gives back what it got, capture files, a source without end,
 * and devices that are not there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>

#include <core/mem.h>
#include <core/rcu.h>
#include <port/port.h>

#include "peer.h"
#include "test_eal.h"

static struct weft_port spec_of(const char *device, uint16_t n_queues)
{
	struct weft_port spec = {.id = 1,
		.kind = WEFT_PORT_ETHDEV,
		.role = WEFT_ROLE_UPLINK,
		.n_queues = n_queues,
		.mtu = 1500};

	snprintf(spec.device, sizeof(spec.device), "%s", device);
	return spec;
}

static struct port *open_device(const char *device, unsigned int n_workers)
{
	struct weft_port spec = spec_of(device, 1);
	struct port *p = port_new(&spec, 1);

	if (port_open(p, -1, n_workers) < 0)
		fail_msg("%s", p->text);
	assert_true(wait_for_link(p, true));
	return p;
}

static void ring_carries_traffic(void **state)
{
	struct traffic t = {.size = 64};
	struct rte_mbuf *pkts[32];
	uint16_t n;

	t.port = open_device("net_ring0", 1);
	traffic_start(&t);
	assert_true(traffic_wait(&t, 5000));
	traffic_stop(&t);
	assert_int_equal(t.bad, 0);
	while ((n = port_rx(t.port, 0, pkts, RTE_DIM(pkts))) > 0)
		rte_pktmbuf_free_bulk(pkts, n);
	port_free(t.port);
}

static void devices_come_and_go(void **state)
{
	struct port *p, *second;
	struct weft_port spec;

	for (int i = 0; i < 5; i++) {
		p = open_device("net_null0,size=60", 1);
		assert_int_equal(rte_eth_dev_count_avail(), 1);
		spec = p->spec;
		second = port_new(&spec, 2);
		assert_int_equal(port_open(second, -1, 1), -EADDRINUSE);
		port_free(second);
		port_free(p);
		assert_int_equal(rte_eth_dev_count_avail(), 0);
	}
}

static void null_delivers_frames(void **state)
{
	struct port *p = open_device("net_null1,size=128", 4);
	struct rte_mbuf *pkts[32];
	uint16_t n = port_rx(p, 0, pkts, 32);

	assert_int_equal(n, 32);
	for (uint16_t i = 0; i < n; i++) {
		assert_int_equal(pkts[i]->pkt_len, 128);
		assert_true(rte_pktmbuf_headroom(pkts[i]) >= PORT_HEADROOM);
		assert_int_equal(pkts[i]->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK, 0);
	}
	assert_int_equal(port_tx(p, 3, pkts, n), n);
	port_free(p);
}

static void write_pcap(const char *path, const uint8_t *bytes, uint32_t size)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 65535);
	pcap_dumper_t *dump = pcap_dump_open(pcap, path);
	struct pcap_pkthdr hdr = {.caplen = size, .len = size};

	assert_non_null(dump);
	for (int i = 0; i < 3; i++)
		pcap_dump((u_char *)dump, &hdr, bytes);
	pcap_dump_close(dump);
	pcap_close(pcap);
}

static unsigned int count_pcap(const char *path, const uint8_t *bytes, uint32_t size)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(path, error);
	struct pcap_pkthdr *hdr;
	const u_char *data;
	unsigned int n = 0;

	assert_non_null(pcap);
	for (; pcap_next_ex(pcap, &hdr, &data) == 1; n++) {
		assert_int_equal(hdr->caplen, size);
		assert_memory_equal(data, bytes, size);
	}
	pcap_close(pcap);
	return n;
}

static void capture_files_in_and_out(void **state)
{
	char in[64], out[64], device[192];
	uint8_t bytes[98];
	struct rte_mbuf *pkts[8];
	struct port *p;

	for (unsigned int i = 0; i < sizeof(bytes); i++)
		bytes[i] = i * 7;
	snprintf(in, sizeof(in), "%s/in.pcap", peer_dir());
	snprintf(out, sizeof(out), "%s/out.pcap", peer_dir());
	write_pcap(in, bytes, sizeof(bytes));
	snprintf(device, sizeof(device), "net_pcap0,rx_pcap=%s,tx_pcap=%s", in, out);
	p = open_device(device, 1);
	assert_int_equal(port_rx(p, 0, pkts, 8), 3);
	assert_int_equal(port_tx(p, 0, pkts, 3), 3);
	port_free(p);
	assert_int_equal(count_pcap(out, bytes, sizeof(bytes)), 3);
}

static void queues_are_what_the_device_has(void **state)
{
	struct weft_port spec = spec_of("net_null2", 4);
	struct port *p = port_new(&spec, 1);

	assert_int_equal(port_open(p, -1, 2), 0);
	assert_int_equal(p->n_rxq, 4);
	assert_int_equal(p->n_txq, 2);
	assert_false(p->shared_txq);
	port_free(p);
}

static void mtu_is_what_fits(void **state)
{
	struct weft_port spec = spec_of("net_null3", 1);
	struct port *p = port_new(&spec, 1);
	struct weft_port other;

	p->spec.mtu = 9000;
	assert_int_equal(port_open(p, -1, 1), 0);
	assert_int_equal(p->max_frame, MEM_DATA_SIZE);
	wait_for_link(p, true);
	port_poll_state(p);
	assert_non_null(strstr(p->text, "MTU 9000"));
	other = p->spec;
	other.mtu = 1500;
	assert_false(port_same_device(&p->spec, &other));
	port_free(p);
}

static void missing_devices_are_explained(void **state)
{
	static const char *const bad[] = {"net_nonsense0", "0000:ff:1f.7", "", ",",
		"net_pcap0,rx_pcap=/nonexistent", "net_memif0", "net_vhost0,iface=/tmp/x"};

	for (unsigned int i = 0; i < RTE_DIM(bad); i++) {
		struct weft_port spec = spec_of(bad[i], 1);
		struct port *p = port_new(&spec, 1);

		assert_true(port_open(p, -1, 1) < 0);
		assert_true(strlen(p->text) > 10);
		assert_int_equal(p->state, WEFT_PORT_STATE_MISSING);
		port_free(p);
		assert_int_equal(rte_eth_dev_count_avail(), 0);
	}
}

static int no_frame_leaks(void **state)
{
	return rte_mempool_in_use_count(mem_pools.packet) == 0 ? 0 : -1;
}

#define PORT_TEST(f) cmocka_unit_test_teardown(f, no_frame_leaks)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PORT_TEST(ring_carries_traffic),
		PORT_TEST(devices_come_and_go),
		PORT_TEST(null_delivers_frames),
		PORT_TEST(capture_files_in_and_out),
		PORT_TEST(queues_are_what_the_device_has),
		PORT_TEST(mtu_is_what_fits),
		PORT_TEST(missing_devices_are_explained),
	};

	test_eal_init(256);
	if (rcu_init(1) < 0 || mem_init(8192) < 0) {
		printf("no packet memory\n");
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
