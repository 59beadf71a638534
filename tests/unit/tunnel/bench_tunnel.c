/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles per packet of the functions that every packet passes, on frames in the cache: bursts of
 * 32, the best of many rounds, so that a busy machine disturbs little.
 */
#include <stdio.h>

#include <rte_cycles.h>

#include <pkt/gso.h>
#include <pkt/parse.h>
#include <tunnel/encap.h>

#include "frame.h"
#include "test_eal.h"

#define BURST  32
#define ROUNDS 20000

static struct frame f, outer;
static struct rte_mbuf *burst[BURST];
static struct config_vtep vtep;

static void fill(const struct frame *from)
{
	for (unsigned int i = 0; i < BURST; i++)
		burst[i] = frame_mbuf(from->b, from->len);
}

static void empty(void)
{
	rte_pktmbuf_free_bulk(burst, BURST);
}

static void run_parse(struct rte_mbuf *m)
{
	pkt_parse(m);
}

static void run_outer(struct rte_mbuf *m)
{
	struct pkt_outer o;

	pkt_parse_outer(m, &o);
}

static void run_decap(struct rte_mbuf *m)
{
	struct pkt_outer o;

	pkt_parse_outer(m, &o);
	rte_pktmbuf_adj(m, o.inner_off);
	pkt_meta(m)->flags = PKT_FROM_TUNNEL;
	pkt_meta(m)->outer_tos = o.tos;
	pkt_parse(m);
	vxlan_merge_ecn(m, pkt_meta(m));
	rte_pktmbuf_prepend(m, o.inner_off);
}

static void run_encap(struct rte_mbuf *m)
{
	vxlan_encap(m, pkt_meta(m), &vtep, 7);
	rte_pktmbuf_adj(m, vtep.hdr.size);
}

static void run_nothing(struct rte_mbuf *m)
{
	rte_compiler_barrier();
}

static void measure(const char *name, void (*volatile run)(struct rte_mbuf *m))
{
	uint64_t best = UINT64_MAX;

	for (unsigned int r = 0; r < ROUNDS; r++) {
		uint64_t start = rte_rdtsc_precise(), took;

		for (unsigned int i = 0; i < BURST; i++)
			run(burst[i]);
		took = rte_rdtsc_precise() - start;
		best = RTE_MIN(best, took);
	}
	printf("%-32s %5.1f cycles\n", name, (double)best / BURST);
}

static void measure_family(bool v6)
{
	char name[64];

	frame_make(&f, &(struct frame_spec){.v6 = v6, .proto = 6, .payload = 100, .df = true});
	fill(&f);
	snprintf(name, sizeof(name), "parse, IPv%d TCP", v6 ? 6 : 4);
	measure(name, run_parse);
	for (int o6 = 0; o6 < 2; o6++) {
		vtep.spec.remote = vtep.spec.local =
			o6 ? (struct weft_addr){.b = {0x20}} : weft_addr_from_v4("\12\0\0\1");
		vtep.spec.path_mtu = 1500;
		vxlan_prepare(&vtep);
		snprintf(name, sizeof(name), "encap, IPv%d in IPv%d", v6 ? 6 : 4, o6 ? 6 : 4);
		measure(name, run_encap);
	}
	empty();
	for (int o6 = 0; o6 < 2; o6++) {
		frame_vxlan(&outer, o6, 7, 0, &f);
		fill(&outer);
		snprintf(name, sizeof(name), "parse_outer, IPv%d", o6 ? 6 : 4);
		if (!v6)
			measure(name, run_outer);
		snprintf(name, sizeof(name), "decap whole, IPv%d in IPv%d", v6 ? 6 : 4, o6 ? 6 : 4);
		measure(name, run_decap);
		empty();
	}
}

/* A 64 KB frame as a kernel port delivers it, cut for the tunnel. */
static void measure_gso(unsigned int flags, const char *name)
{
	uint64_t best = UINT64_MAX;
	int n = 0;

	frame_make(&f, &(struct frame_spec){.proto = 6, .payload = 60000, .n_tcp_options = 3});
	for (unsigned int r = 0; r < 200; r++) {
		struct rte_mbuf *m = frame_exact(f.b, f.len), *out[PKT_GSO_SEGS_MAX];
		uint64_t start;

		m->ol_flags |= RTE_MBUF_F_RX_LRO;
		m->tso_segsz = 1398;
		pkt_parse(m);
		start = rte_rdtsc_precise();
		n = pkt_gso(m, out, PKT_GSO_SEGS_MAX, flags);
		best = RTE_MIN(best, rte_rdtsc_precise() - start);
		rte_pktmbuf_free_bulk(out, n);
	}
	printf("%-32s %5.1f cycles per segment\n", name, (double)best / n);
}

int main(void)
{
	test_eal_init(64);
	test_pools(1024);
	fill(&f);
	measure("calling and timing", run_nothing);
	empty();
	measure_family(false);
	measure_family(true);
	measure_gso(0, "gso 60 KB, references");
	measure_gso(PKT_GSO_LINEAR, "gso 60 KB, copies");
	measure_gso(PKT_GSO_CKSUM_PARTIAL, "gso 60 KB, references, partial");
	return 0;
}
