/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pipeline between DPDK's own virtual devices, as testpmd can have them: net_pcap with
 * infinite_rx is the tenant's port, net_null the uplink. What is measured includes the devices;
 * testpmd's io mode on the same devices says what they cost.
 */
#include <stdio.h>
#include <stdlib.h>

#include <core/clock.h>
#include <observe/counters.h>
#include <pipeline/pipeline.h>

#include "bed.h"
#include "bench.h"

#define TENANT 1
#define UPLINK 2

struct run {
	struct pipeline *pl;
	const struct config *cfg;
	const struct config_port *in;
};

static uint64_t run_pipeline(void *arg, uint64_t n)
{
	struct run *r = arg;
	struct rte_mbuf *pkts[BENCH_BURST];
	uint64_t done = 0;

	while (done < n) {
		uint16_t got = port_rx(r->in->dev, 0, pkts, BENCH_BURST);

		if (got)
			pipeline_run(r->pl, r->cfg, r->in, pkts, got);
		done += got;
	}
	return done;
}

static void put_port(uint32_t id, const char *device)
{
	struct weft_port p = {.id = id,
		.kind = WEFT_PORT_ETHDEV,
		.role = id == UPLINK ? WEFT_ROLE_UPLINK : WEFT_ROLE_TENANT,
		.vni = id == UPLINK ? 0 : 100,
		.flags = id == UPLINK ? 0 : WEFT_PORT_ANTISPOOF,
		.n_queues = 1,
		.mtu = 1500,
		.mac = bench_mac(1)};
	static const uint8_t addr[4] = {10, 0, 0, 1};

	p.n_addrs = 1;
	p.addrs[0] = (struct weft_prefix){.addr = weft_addr_from_v4(addr), .len = 128};
	snprintf(p.device, sizeof(p.device), "%s", device);
	bed_put(WEFT_TABLE_PORT, &p);
}

static void put_tables(void)
{
	static const uint8_t here[4] = {192, 0, 2, 1}, there[4] = {192, 0, 2, 2};
	struct weft_segment seg = {.vni = 100, .mtu = 1450};
	struct weft_local_vtep local = {.addr = weft_addr_from_v4(here),
		.uplink = UPLINK,
		.mac = {.b = {2, 0xaa, 0, 0, 0, 1}}};
	struct weft_vtep v = {.remote = weft_addr_from_v4(there),
		.local = weft_addr_from_v4(here),
		.uplink = UPLINK,
		.path_mtu = 1500,
		.flags = WEFT_VTEP_RESOLVED,
		.ttl = 64};
	struct weft_fdb fdb = {.vni = 100, .mac = bench_mac(2), .remote = v.remote};

	bed_put(WEFT_TABLE_SEGMENT, &seg);
	put_port(UPLINK, "net_null0,no-rx=1");
	bed_put(WEFT_TABLE_LOCAL_VTEP, &local);
	bed_put(WEFT_TABLE_VTEP, &v);
	bed_put(WEFT_TABLE_FDB, &fdb);
}

void bench_devices(const char *pcap)
{
	struct run r = {.pl = pipeline_new(0)};
	char device[128];
	const struct weft_port_stats *s;

	snprintf(device, sizeof(device), "net_pcap0,rx_pcap=%s,infinite_rx=1", pcap);
	bed_reset();
	put_tables();
	put_port(TENANT, device);
	r.cfg = bed_commit();
	port_poll_state(bed_port(TENANT));
	port_poll_state(bed_port(UPLINK));
	r.in = r.cfg->ports[bed_port(TENANT)->slot];
	s = counters_port(0, r.in->slot);
	bench_report("encapsulate, net_pcap", 1, bench_cycles(run_pipeline, &r));
	if (s->sent == 0 || s->sent != s->rx_packets) {
		fprintf(stderr, "bench: %lu of %lu packets were sent\n", s->sent, s->rx_packets);
		exit(1);
	}
	pipeline_free(r.pl);
}
