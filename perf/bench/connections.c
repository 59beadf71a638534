/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whole TCP connections, routed and with policy: SYN, SYN and ACK, ACK, FIN, FIN, ACK. The client
 * is on this host, the server behind a VTEP; connections go through each step in bursts, and end a
 * second or two later.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>
#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include <core/clock.h>
#include <observe/counters.h>
#include <pipeline/pipeline.h>
#include <pkt/cksum.h>
#include <session/session.h>

#include "bed.h"
#include "bench.h"
#include "cloud.h"

#define TENANT	    1
#define COUNT_HURRY 50 /* ms in place of one, when instructions are counted */

static const struct step {
	bool answer; /* the server's */
	uint8_t flags;
	uint32_t seq, ack;
} steps[] = {
	{false, RTE_TCP_SYN_FLAG, 1000, 0},
	{true, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG, 2000, 1001},
	{false, RTE_TCP_ACK_FLAG, 1001, 2001},
	{false, RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG, 1001, 2001},
	{true, RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG, 2001, 1002},
	{false, RTE_TCP_ACK_FLAG, 1002, 2002},
};

struct connections {
	struct pipeline *pl;
	const struct config *cfg;
	const struct config_port *in[2]; /* where the client's packets enter, and the server's */
	struct bench_traffic traffic[2];
	unsigned int l4[2]; /* where TCP is in their frames */
	const struct step *step;
	uint32_t number; /* of the next packet's connection */
};

/* Numbers become both ports. */
static void fill_in(struct connections *c, struct rte_mbuf *m)
{
	const struct step *s = c->step;
	struct rte_tcp_hdr *tcp = rte_pktmbuf_mtod_offset(m, void *, c->l4[s->answer]);
	uint32_t number = c->number++;
	rte_be16_t high = rte_cpu_to_be_16(number >> 16), low = rte_cpu_to_be_16(number);

	*tcp = (struct rte_tcp_hdr){
		.src_port = s->answer ? low : high,
		.dst_port = s->answer ? high : low,
		.sent_seq = rte_cpu_to_be_32(s->seq),
		.recv_ack = rte_cpu_to_be_32(s->ack),
		.data_off = 5 << 4,
		.tcp_flags = s->flags,
		.rx_win = 0xffff,
	};
}

static void change(void *arg, struct rte_mbuf *m)
{
	fill_in(arg, m);
}

static void run_step(struct connections *c, unsigned int step, uint32_t first)
{
	const struct config_port *in;
	struct rte_mbuf *pkts[BENCH_BURST];
	uint16_t got;

	c->step = &steps[step];
	c->number = first;
	in = c->in[c->step->answer];
	got = port_rx(in->dev, 0, pkts, BENCH_BURST);
	pipeline_run(c->pl, c->cfg, in, pkts, got);
}

static uint64_t run_connections(void *arg, uint64_t n)
{
	struct connections *c = arg;
	static uint32_t first = 1u << 16;

	for (uint64_t done = 0; done < n; done += BENCH_BURST) {
		for (unsigned int i = 0; i < RTE_DIM(steps); i++)
			run_step(c, i, first);
		first += BENCH_BURST;
		clock_warp(bench_settings.count ? COUNT_HURRY : 1);
		while (pipeline_tick(c->pl, c->cfg))
			;
	}
	return n;
}

/* Source and sink alone. */
static uint64_t run_devices(void *arg, uint64_t n)
{
	struct connections *c = arg;
	struct rte_mbuf *pkts[BENCH_BURST];

	for (uint64_t done = 0; done < n; done += BENCH_BURST) {
		for (unsigned int i = 0; i < RTE_DIM(steps); i++) {
			c->step = &steps[i];
			port_tx(c->in[!c->step->answer]->dev, 0, pkts,
				port_rx(c->in[c->step->answer]->dev, 0, pkts, BENCH_BURST));
		}
	}
	return n;
}

/* A frame of cloud.h with TCP in place of UDP. */
static void load(struct connections *c, bool answer, bool v6)
{
	uint8_t frame[BENCH_FRAME_MAX];
	struct cloud_packet p = {
		.tenant = TENANT, .answer = answer, .from_wire = answer, .v6 = v6, .tcp = true};
	unsigned int len = cloud_frame(frame, &p, &c->l4[answer]);

	c->traffic[answer] = (struct bench_traffic){.change = change, .arg = c};
	bench_port_load(c->in[answer]->dev, frame, len, BENCH_VARY_PORTS, c->l4[answer], 1);
	bench_port_traffic(c->in[answer]->dev, &c->traffic[answer]);
}

static void prepare(struct connections *c)
{
	struct weft_network net = cloud_network(TENANT);
	struct weft_port p = cloud_port(TENANT, CLOUD_CLIENT);

	bed_reset();
	bench_fix_seed();
	p.max_sessions = p.max_half_open = SESSION_MAX;
	for (unsigned int i = 0; i < WEFT_TIMEOUT_MAX; i++)
		net.timeout_s[i] = 1;
	cloud_put_network(TENANT);
	bed_put(WEFT_TABLE_NETWORK, &net);
	cloud_put_rules(TENANT, 1);
	cloud_put_uplink();
	cloud_put_flood(TENANT);
	cloud_put_end(TENANT, CLOUD_CLIENT, &p);
	cloud_put_end(TENANT, CLOUD_SERVER, NULL);
	c->cfg = bed_commit();
	c->in[0] = c->cfg->ports[bed_port(p.id)->slot];
	c->in[1] = c->cfg->ports[bed_port(CLOUD_UPLINK)->slot];
}

static void check_sent(const struct connections *c)
{
	for (unsigned int i = 0; i < 2; i++) {
		const struct weft_port_stats *s = counters_port(0, c->in[i]->slot);

		if (s->sent == s->rx_packets)
			continue;
		fprintf(stderr, "bench: %lu of %lu packets were sent\n", s->sent, s->rx_packets);
		exit(1);
	}
}

void bench_connections(void)
{
	struct connections c = {.pl = pipeline_new(0)};

	for (unsigned int v6 = 0; v6 < 2; v6++) {
		double own, io;

		prepare(&c);
		load(&c, false, v6);
		load(&c, true, v6);
		bench_cycles_pair(run_connections, run_devices, &c, &own, &io);
		check_sent(&c);
		bench_report_of(v6 ? "TCP connection, IPv6" : "TCP connection, IPv4",
			RTE_DIM(steps), "packets", "connection", own - io);
	}
	pipeline_free(c.pl);
}
