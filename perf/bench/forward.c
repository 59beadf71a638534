/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole pipeline: encapsulation (a tenant's port to VTEPs) and decapsulation (uplink to
 * tenants' ports) with n destination MACs. Anti-spoofing is on, as on every tenant's port.
 */
#include <stdio.h>
#include <stdlib.h>

#include <observe/counters.h>
#include <pipeline/pipeline.h>

#include "bed.h"
#include "bench.h"

#define N_VTEPS	 64
#define N_PORTS	 16 /* local ports beside the source */
#define UPLINK	 1000
#define SOURCE	 1
#define MAC_HERE 0xf0000000u /* the source port's, beyond the others */

struct run {
	struct pipeline *pl;
	const struct config *cfg;
	const struct config_port *in;
	struct port *sink;
};

static struct weft_addr addr_v4(uint32_t a)
{
	uint8_t b[4] = {a >> 24, a >> 16, a >> 8, a};

	return weft_addr_from_v4(b);
}

static void make_ports(void)
{
	struct weft_segment seg = {.vni = 100, .mtu = 1450};
	struct weft_port up = {.id = UPLINK,
		.kind = WEFT_PORT_FAKE,
		.role = WEFT_ROLE_UPLINK,
		.n_queues = 1,
		.mtu = 1600};
	struct weft_port p = {.id = SOURCE,
		.vni = 100,
		.kind = WEFT_PORT_FAKE,
		.role = WEFT_ROLE_TENANT,
		.flags = WEFT_PORT_ANTISPOOF,
		.n_queues = 1,
		.mtu = 1500,
		.mac = bench_mac(MAC_HERE),
		.n_addrs = 1};
	struct weft_local_vtep local = {
		.addr = addr_v4(0xc0000201), .uplink = UPLINK, .mac = {.b = {2, 0xaa, 0, 0, 0, 1}}};

	p.addrs[0] = (struct weft_prefix){.addr = addr_v4(0x0a000001), .len = 128};
	bed_put(WEFT_TABLE_SEGMENT, &seg);
	bed_put(WEFT_TABLE_PORT, &up);
	for (; p.id <= SOURCE + N_PORTS; p.id++)
		bed_put(WEFT_TABLE_PORT, &p);
	bed_put(WEFT_TABLE_LOCAL_VTEP, &local);
}

static void make_vteps(void)
{
	for (unsigned int i = 0; i < N_VTEPS; i++) {
		struct weft_vtep v = {
			.remote = addr_v4(0xc0000202 + i),
			.local = addr_v4(0xc0000201),
			.uplink = UPLINK,
			.dst_mac = {.b = {2, 0xaa, 0, 0, 0, 2}},
			.src_mac = {.b = {2, 0xaa, 0, 0, 0, 1}},
			.path_mtu = 1500,
			.flags = WEFT_VTEP_RESOLVED,
			.ttl = 64,
		};
		struct weft_flood f = {.vni = 100, .remote = v.remote};

		bed_put(WEFT_TABLE_VTEP, &v);
		bed_put(WEFT_TABLE_FLOOD, &f);
	}
}

static void make_fdb(unsigned int n_macs, bool remote)
{
	for (unsigned int i = 0; i < n_macs; i++) {
		struct weft_fdb e = {.vni = 100, .mac = bench_mac(i)};

		if (remote)
			e.remote = addr_v4(0xc0000202 + i % N_VTEPS);
		else
			e.port = SOURCE + 1 + i % N_PORTS;
		bed_put(WEFT_TABLE_FDB, &e);
	}
}

static uint64_t run_pipeline(void *arg, uint64_t n)
{
	struct run *r = arg;
	struct rte_mbuf *pkts[BENCH_BURST];
	uint64_t done = 0;

	while (done < n) {
		uint16_t got = port_rx(r->in->dev, 0, pkts, BENCH_BURST);

		pipeline_run(r->pl, r->cfg, r->in, pkts, got);
		done += got;
	}
	return done;
}

static uint64_t run_io(void *arg, uint64_t n)
{
	struct run *r = arg;
	struct rte_mbuf *pkts[BENCH_BURST];
	uint64_t done = 0;

	while (done < n) {
		uint16_t got = port_rx(r->in->dev, 0, pkts, BENCH_BURST);

		done += port_tx(r->sink, 0, pkts, got);
	}
	return done;
}

/* Everything must have gone where it was meant to: a benchmark of drops is worth nothing. */
static void check_sent(const struct run *r)
{
	const struct weft_port_stats *s = counters_port(0, r->in->slot);

	if (s->sent == s->rx_packets)
		return;
	fprintf(stderr, "bench: %lu of %lu packets were sent\n", s->sent, s->rx_packets);
	exit(1);
}

static void measure(const char *name, struct run *r, uint32_t in, uint32_t out, unsigned int n_macs)
{
	double own, io;

	r->in = r->cfg->ports[bed_port(in)->slot];
	r->sink = bed_port(out);
	bench_cycles_pair(run_pipeline, run_io, r, &own, &io);
	check_sent(r);
	bench_report(name, n_macs, own - io);
	bench_report("  source and sink", n_macs, io);
}

static void prepare(struct run *r, unsigned int n_macs, bool remote)
{
	bed_reset();
	make_ports();
	make_vteps();
	make_fdb(n_macs, remote);
	r->cfg = bed_commit();
}

void bench_forward(unsigned int n_macs)
{
	struct run r = {.pl = pipeline_new(0)};
	struct weft_mac here = bench_mac(MAC_HERE), any = bench_mac(0);
	uint8_t frame[128];

	prepare(&r, n_macs, true);
	bench_port_load(bed_port(SOURCE), frame, bench_frame(frame, &here, &any), BENCH_VARY_MAC, 2,
		n_macs);
	measure("encapsulate", &r, SOURCE, UPLINK, n_macs);
	prepare(&r, n_macs, false);
	bench_port_load(bed_port(UPLINK), frame, bench_vxlan_frame(frame, &here, &any),
		BENCH_VARY_MAC, 52, n_macs);
	measure("decapsulate", &r, UPLINK, SOURCE, n_macs);
	prepare(&r, n_macs, false);
	bench_port_load(bed_port(SOURCE), frame, bench_frame(frame, &here, &any), BENCH_VARY_MAC, 2,
		n_macs);
	measure("local", &r, SOURCE, SOURCE + 1, n_macs);
	pipeline_free(r.pl);
}
