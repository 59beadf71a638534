/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Single steps on one burst that stays in the cache: what each costs at best.
 */
#include <stdlib.h>

#include <rte_ether.h>
#include <rte_prefetch.h>

#include <core/mem.h>
#include <pkt/cksum.h>
#include <pkt/parse.h>
#include <table/vhash.h>
#include <tunnel/encap.h>

#include "bench.h"

#define LOOKUP_SPREAD 65536

struct burst {
	struct rte_mbuf *pkts[BENCH_BURST];
	struct config_vtep vtep;
	uint64_t sink; /* what keeps results alive */
};

static uint64_t run_parse(void *arg, uint64_t n)
{
	struct burst *b = arg;

	for (uint64_t done = 0; done < n; done += BENCH_BURST) {
		for (unsigned int i = 0; i < BENCH_BURST; i++)
			b->sink += pkt_parse(b->pkts[i]);
	}
	return n;
}

static uint64_t run_outer(void *arg, uint64_t n)
{
	struct burst *b = arg;
	struct pkt_outer outer;

	for (uint64_t done = 0; done < n; done += BENCH_BURST) {
		for (unsigned int i = 0; i < BENCH_BURST; i++) {
			b->sink += pkt_parse_outer(b->pkts[i], &outer);
			b->sink += outer.vni;
		}
	}
	return n;
}

static uint64_t run_encap(void *arg, uint64_t n)
{
	struct burst *b = arg;

	for (uint64_t done = 0; done < n; done += BENCH_BURST) {
		for (unsigned int i = 0; i < BENCH_BURST; i++) {
			b->sink += vxlan_encap(b->pkts[i], pkt_meta(b->pkts[i]), &b->vtep, 100);
			rte_pktmbuf_adj(b->pkts[i], VXLAN_OVERHEAD_V4);
		}
	}
	return n;
}

static uint64_t run_ip_checksum(void *arg, uint64_t n)
{
	struct burst *b = arg;

	for (uint64_t done = 0; done < n; done++)
		cksum_ipv4_set(rte_pktmbuf_mtod_offset(
			b->pkts[done % BENCH_BURST], void *, sizeof(struct rte_ether_hdr)));
	return n;
}

/* Of as much as the frame has. */
static uint64_t run_checksum(void *arg, uint64_t n)
{
	struct burst *b = arg;

	for (uint64_t done = 0; done < n; done++) {
		const struct rte_mbuf *m = b->pkts[done % BENCH_BURST];

		b->sink += cksum_bytes(rte_pktmbuf_mtod(m, const void *), m->data_len);
	}
	return n;
}

static void bench_checksums(struct burst *b)
{
	static const uint16_t sizes[] = {64, 512, 1500};

	bench_report("IPv4 header checksum", 1, bench_cycles(run_ip_checksum, b));
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (unsigned int k = 0; k < BENCH_BURST; k++)
			b->pkts[k]->data_len = b->pkts[k]->pkt_len = sizes[i];
		bench_report_of(
			"checksum", sizes[i], "bytes", "packet", bench_cycles(run_checksum, b));
	}
}

static void fill(struct burst *b, bool vxlan)
{
	struct weft_mac src = bench_mac(1), dst = bench_mac(2);

	for (unsigned int i = 0; i < BENCH_BURST; i++) {
		struct rte_mbuf *m = b->pkts[i];
		uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

		m->data_len =
			vxlan ? bench_vxlan_frame(data, &src, &dst) : bench_frame(data, &src, &dst);
		m->pkt_len = m->data_len;
	}
}

static void bench_packets(void)
{
	struct burst *b = calloc(1, sizeof(*b));

	if (!b || rte_pktmbuf_alloc_bulk(mem_pools.packet, b->pkts, BENCH_BURST) != 0)
		abort();
	b->vtep.spec = (struct weft_vtep){.path_mtu = 1500, .ttl = 64};
	b->vtep.spec.remote.b[10] = b->vtep.spec.remote.b[11] = 0xff;
	vxlan_prepare(&b->vtep);
	fill(b, false);
	bench_report("parse", 1, bench_cycles(run_parse, b));
	bench_report("encapsulation header", 1, bench_cycles(run_encap, b));
	fill(b, true);
	bench_report("parse outer", 1, bench_cycles(run_outer, b));
	bench_checksums(b);
	rte_pktmbuf_free_bulk(b->pkts, BENCH_BURST);
	free(b);
}

struct lookup {
	struct vhash *h;
	struct fdb_key *keys;
	uint32_t n_keys;
	uint64_t sink;
};

static uint64_t run_lookup(void *arg, uint64_t n)
{
	struct lookup *l = arg;
	const void *keys[BENCH_BURST];
	struct vhash_entry *found[BENCH_BURST];
	static uint32_t at;

	for (uint64_t done = 0; done < n; done += BENCH_BURST) {
		for (unsigned int i = 0; i < BENCH_BURST; i++)
			keys[i] = &l->keys[at++ % l->n_keys];
		l->sink += vhash_find_bulk(l->h, keys, BENCH_BURST, 1, found);
		for (unsigned int i = 0; i < BENCH_BURST; i++)
			l->sink += ((struct fdb_entry *)found[i])->dest;
	}
	return n;
}

static struct fdb_key key_of(uint32_t n)
{
	return (struct fdb_key){.segment_slot = 1, .mac = bench_mac(n)};
}

static void bench_lookup(uint32_t n)
{
	struct lookup l = {.n_keys = n < LOOKUP_SPREAD ? n : LOOKUP_SPREAD};
	uint32_t at = 0;

	l.h = vhash_new("bench", sizeof(struct fdb_key), sizeof(struct fdb_entry), n);
	l.keys = calloc(l.n_keys, sizeof(*l.keys));
	if (!l.h || !l.keys)
		abort();
	for (uint32_t i = 0; i < n; i++) {
		struct fdb_key k = key_of(i);

		if (!vhash_put(l.h, &k, 1))
			abort();
	}
	vhash_commit(l.h, 1);
	for (uint32_t i = 0; i < l.n_keys; i++) {
		at += 0x9e3779b1u;
		l.keys[i] = key_of(((uint64_t)at * n) >> 32);
	}
	bench_report("FDB lookup in bulk", n, bench_cycles(run_lookup, &l));
	vhash_free(l.h);
	free(l.keys);
}

void bench_stages(void)
{
	bench_packets();
	for (uint32_t n = 1000; n <= 1000000; n *= 10)
		bench_lookup(n);
}
