/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whole trials over net_ring ports that lead back to themselves, with faults put in between: what
 * is counted must be what was done.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_ethdev.h>

#include "gen.h"
#include "mark.h"
#include "measure.h"
#include "outcome.h"
#include "random.h"
#include "rfc2544.h"
#include "tcp.h"
#include "test_eal.h"

#define N_PORTS	  2
#define ASIDE_MAX 2000

static struct gen gen;
static struct profile profile;
static struct rte_mempool *copies;

/* What happens to received packets, and how often it did. */
static struct fault {
	uint32_t lose, duplicate, reorder, damage; /* each of so many; 0: none */
	double syn_rate;			   /* SYNs per second that get through; 0: all */
	uint64_t syn_since, syns;
	uint32_t corrupt; /* a bit of the payload, by the same */
	uint32_t trim;	  /* frames are cut to so many bytes; 0: not */
	uint64_t random;
	uint64_t lost, duplicated, reordered, damaged, corrupted;
	uint64_t delivered;
	uint32_t n_aside;
	struct aside {
		struct rte_mbuf *m;
		bool is_copy;
		uint64_t since; /* packets delivered before it */
	} aside[ASIDE_MAX];
} fault;

static bool hits(uint32_t each)
{
	return each && random_next(&fault.random) % each == 0;
}

/* Packets to be delivered when there is room: copies, and such as were held back. */
static void put_aside(struct rte_mbuf *m, bool is_copy)
{
	assert_non_null(m);
	assert_true(fault.n_aside < ASIDE_MAX);
	fault.aside[fault.n_aside++] = (struct aside){m, is_copy, fault.delivered};
}

/* Puts them behind kept others. One that was held back is reordered when any has passed it. */
static uint16_t deliver_aside(struct rte_mbuf **out, uint16_t kept, uint16_t max)
{
	while (fault.n_aside > 0 && kept < max) {
		struct aside *a = &fault.aside[--fault.n_aside];

		if (a->is_copy)
			fault.duplicated++;
		else if (fault.delivered > a->since)
			fault.reordered++;
		out[kept++] = a->m;
	}
	return kept;
}

static bool is_syn(const struct rte_mbuf *m)
{
	return (rte_pktmbuf_mtod(m, const uint8_t *)[14 + 20 + 13] & 0x12) == 0x02;
}

/* A device that takes up only so many connections per second, a tenth of a second's at once. */
static bool too_many_syns(void)
{
	uint64_t now = rte_rdtsc();
	double passed = (double)(now - fault.syn_since) / gen.hz * fault.syn_rate;

	if (passed > fault.syns + fault.syn_rate / 10) { /* what was not used is gone */
		fault.syn_since = now;
		fault.syns = 0;
	}
	if (fault.syns >= passed + fault.syn_rate / 10)
		return true;
	fault.syns++;
	return false;
}

/* A receive callback: the device under test. */
static uint16_t disturb(
	uint16_t port, uint16_t queue, struct rte_mbuf *pkts[], uint16_t n, uint16_t max, void *arg)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		if (fault.trim)
			rte_pktmbuf_trim(m, m->pkt_len - fault.trim);
		if (hits(fault.lose) || (fault.syn_rate && is_syn(m) && too_many_syns())) {
			rte_pktmbuf_free(m);
			fault.lost++;
			continue;
		}
		if (hits(fault.damage)) {
			rte_pktmbuf_mtod(m, uint8_t *)[m->data_len - 10] ^= 4;
			fault.damaged++;
		} else if (hits(fault.corrupt)) {
			rte_pktmbuf_mtod(m, uint8_t *)[m->data_len - MARK_SIZE - 1] ^= 0x10;
			fault.corrupted++;
		} else if (hits(fault.reorder)) {
			put_aside(m, false);
			continue;
		} else if (hits(fault.duplicate)) {
			put_aside(rte_pktmbuf_copy(m, copies, 0, UINT32_MAX), true);
		}
		pkts[kept++] = m;
		fault.delivered++;
	}
	return deliver_aside(pkts, kept, max);
}

/* What a case begins with: ports as they are, streams from text. */
static void begin(const char *streams)
{
	char text[2000], err[PROFILE_ERROR_SIZE];

	snprintf(text, sizeof(text), "ports: [a, b]\nstreams:\n%s", streams);
	profile_init(&profile);
	if (profile_read(&profile, text, strlen(text), err) < 0 || profile_check(&profile, err) < 0)
		fail_msg("%s", err);
	fault = (struct fault){.random = 1};
	for (int i = 0; i < N_PORTS; i++)
		gen.ports[i] = (struct gen_port){.id = i, .n_rxq = 1};
	gen.n_ports = N_PORTS;
	gen.stop = false;
	gen.profile = &profile;
	assert_int_equal(gen_init(&gen), 0);
}

static void end(void)
{
	struct rte_mempool *pools[PROFILE_SIZES_MAX * PROFILE_STREAMS_MAX];
	unsigned int n = 0;

	for (uint32_t i = 0; i < gen.n_streams; i++)
		for (uint32_t k = 0; gen.streams[i]->tx && k < gen.streams[i]->spec->n_sizes; k++)
			pools[n++] = gen.streams[i]->pools[k];
	gen_fini(&gen);
	/* Nothing leaked: every buffer is back. */
	while (n > 0) {
		assert_int_equal(rte_mempool_in_use_count(pools[--n]), 0);
		rte_mempool_free(pools[n]);
	}
	assert_int_equal(rte_mempool_in_use_count(copies), 0);
}

/* Sends n packets per stream; the loop itself empties the rings. */
static struct outcome *send_packets(uint64_t n)
{
	const struct gen_load load = {.packets = n, .duration = 20};
	static struct outcome o;

	assert_int_equal(gen_trial(&gen, &load), 0);
	outcome_take(&gen, &o);
	return &o;
}

static void test_clean(void **state)
{
	struct outcome *o;

	begin("- {tx: 0, rx: 0, flows: 100, tenant: 3}\n"
	      "- {tx: 1, rx: 1, size: '60:1,64:2,500:3,1514:1', order: uniform, flows: 50, encap: "
	      "vxlan}\n"
	      "- {tx: 1, rx: 1, ip: 6, size: 64, mark: no, background: yes, rate: 10k}\n");
	o = send_packets(20000);
	for (int i = 0; i < 3; i++) {
		const struct outcome_stream *s = &o->streams[i];

		assert_true(i == 2 || s->sent == 20000);
		assert_int_equal(s->received, s->sent);
		assert_int_equal(s->received_bytes, s->sent_bytes);
		assert_int_equal(s->lost + s->reordered + s->duplicates + s->late, 0);
	}
	assert_int_equal(o->streams[0].latency.count, o->streams[0].sent);
	assert_true(o->streams[0].latency.at[0] > 0);
	assert_int_equal(o->ports[0].packets, o->streams[0].sent);
	assert_int_equal(outcome_leaks(o), 0);
	assert_int_equal(o->totals.sent, o->streams[0].sent + o->streams[1].sent);
	assert_int_equal(o->ports[1].unmarked + o->ports[1].stale, 0);
	end();
}

static void test_faults(void **state)
{
	struct outcome *o;

	begin("- {tx: 0, rx: 0, flows: 10}\n");
	fault.lose = 50;
	fault.duplicate = 70;
	fault.reorder = 90;
	fault.damage = 110;
	for (int round = 0; round < 3; round++) {
		const struct outcome_stream *s;

		fault.lost = fault.duplicated = fault.reordered = fault.damaged = 0;
		o = send_packets(30000);
		s = &o->streams[0];
		assert_true(fault.lost > 20 && fault.duplicated > 20 && fault.reordered > 20);
		assert_true(fault.damaged > 20);
		/* A damaged packet is lost for its stream: nobody can tell whose it is. */
		assert_int_equal(s->lost, fault.lost + fault.damaged);
		assert_int_equal(o->ports[0].unmarked, fault.damaged);
		assert_int_equal(s->duplicates, fault.duplicated);
		assert_int_equal(s->reordered, fault.reordered);
		assert_int_equal(s->received, s->sent - s->lost + s->duplicates);
		assert_int_equal(o->ports[0].packets, s->received + fault.damaged);
		assert_int_equal(s->late, 0);
		assert_true(outcome_loss(o) > 0.01);
	}
	end();
}

/* Packets that come with a wrong checksum count as such, and as received. */
static void test_corruption(void **state)
{
	struct outcome *o;

	begin("- {tx: 0, rx: 0, flows: 10}\n- {tx: 1, rx: 1, ip: 6, size: 90, encap: vxlan}\n");
	gen.verify = VERIFY_ALL;
	fault.corrupt = 50;
	o = send_packets(20000);
	assert_true(fault.corrupted > 100);
	assert_true(o->streams[0].bad_checksums > 0 && o->streams[1].bad_checksums > 0);
	assert_int_equal(outcome_bad_checksums(o), fault.corrupted);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(o->streams[i].verified, o->streams[i].sent);
		assert_int_equal(o->streams[i].received, o->streams[i].sent);
		assert_int_equal(o->streams[i].lost, 0);
	}
	gen.verify = VERIFY_SAMPLE;
	fault.corrupt = 1;
	o = send_packets(20000);
	for (int i = 0; i < 2; i++) {
		const struct outcome_stream *s = &o->streams[i];

		assert_in_range(s->verified, s->sent / (VERIFY_SAMPLE_EACH + gen.burst), s->sent);
		assert_int_equal(s->bad_checksums, s->verified);
	}
	fault.corrupt = 0;
	assert_int_equal(outcome_bad_checksums(send_packets(20000)), 0);
	gen.verify = VERIFY_OFF;
	fault.corrupt = 1;
	o = send_packets(2000);
	assert_int_equal(o->streams[0].verified + o->streams[1].verified, 0);
	gen.verify = VERIFY_SAMPLE;
	end();
}

/* Loss alone, to the packet: in between and at the end. */
static void test_loss_is_exact(void **state)
{
	struct outcome *o;

	begin("- {tx: 0, rx: 0, full: wait}\n");
	fault.lose = 3;
	o = send_packets(10000);
	assert_int_equal(o->streams[0].lost, fault.lost);
	fault.lose = 1;
	o = send_packets(1000);
	assert_int_equal(o->streams[0].lost, o->streams[0].sent);
	assert_int_equal(o->streams[0].received, 0);
	end();
}

/* Packets at the wrong port: of a tenant that is there, and of one that isn't. */
static void test_leaks(void **state)
{
	struct outcome *o;

	begin("- {tx: 0, rx: 1, tenant: 1, name: lost}\n"
	      "- {tx: 1, rx: 1, tenant: 1}\n"
	      "- {tx: 0, rx: 0, tenant: 2}\n"
	      "- {tx: 1, rx: 0, tenant: 1, name: same}\n");
	o = send_packets(5000);
	assert_int_equal(o->streams[0].received, 0);
	assert_int_equal(o->streams[0].lost, o->streams[0].sent);
	assert_int_equal(o->streams[1].lost + o->streams[2].lost, 0);
	/* Tenant 1 has something on both ports. */
	assert_int_equal(o->ports[0].misdelivered, o->streams[0].sent);
	assert_int_equal(o->ports[1].misdelivered, o->streams[3].sent);
	assert_int_equal(outcome_leaks(o), 0);
	end();
	begin("- {tx: 0, rx: 1, tenant: 1}\n"
	      "- {tx: 0, rx: 0, tenant: 2}\n");
	o = send_packets(5000);
	assert_int_equal(outcome_leaks(o), o->streams[0].sent);
	end();
}

/* A ring that nobody empties: what it refuses is counted, waited for, or given up. */
static void test_full(void **state)
{
	const struct gen_load wait = {.duration = 0.05};
	struct outcome *o;
	struct rte_mbuf *pkts[64];
	uint16_t n;

	begin("- {tx: 0, rx: none}\n");
	o = send_packets(5000);
	assert_in_range(o->streams[0].sent, 1000, 1024);
	assert_int_equal(o->streams[0].refused, 5000 - o->streams[0].sent);
	assert_true(outcome_loss(o) > 0.5);
	while ((n = rte_eth_rx_burst(0, 0, pkts, 64)) > 0)
		rte_pktmbuf_free_bulk(pkts, n);
	end();
	begin("- {tx: 0, rx: none, full: wait}\n");
	assert_int_equal(gen_trial(&gen, &wait), 0);
	outcome_take(&gen, o);
	assert_in_range(o->streams[0].sent, 1, 1024);
	assert_int_equal(o->streams[0].refused, 0);
	while ((n = rte_eth_rx_burst(0, 0, pkts, 64)) > 0)
		rte_pktmbuf_free_bulk(pkts, n);
	end();
}

static void test_limit(void **state)
{
	struct outcome *o;

	begin("- {tx: 0, rx: 0}\n- {tx: 1, rx: 1, rate: 1M}\n");
	o = send_packets(777);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(o->streams[i].sent, 777);
		assert_int_equal(o->streams[i].received, 777);
	}
	end();
}

static void check_connections(const char *streams, uint32_t trim)
{
	const struct outcome_stream *s;
	struct outcome *o;

	begin(streams);
	fault.trim = trim;
	o = send_packets(2000);
	s = &o->streams[0];
	assert_int_equal(s->sent, 2000);
	assert_int_equal(s->received, s->sent);
	assert_int_equal(s->established, s->sent);
	assert_int_equal(s->accepted, s->sent);
	assert_int_equal(s->finished, s->sent);
	assert_int_equal(s->bad + s->timed_out + s->dropped, 0);
	assert_int_equal(s->tcp_sent, 6 * s->sent);
	assert_int_equal(s->tcp_received, 6 * s->sent);
	assert_int_equal(s->latency.count, s->sent);
	end();
}

/* 6 packets each, nothing left open, even when addresses are used again at once. */
static void test_connections(void **state)
{
	check_connections("- {kind: connections, full: wait, tx: 0, rx: 0, flows: 5000}\n", 0);
	check_connections("- {kind: connections, full: wait, tx: 0, rx: 0, ip: 6, flows: 300,\n"
			  "   dst_ports: 3, dst_ips: 2, src_ports: 50}\n",
		0);
	check_connections("- {kind: connections, full: wait, tx: 0, rx: 0, encap: vxlan}\n", 0);
	check_connections("- {kind: connections, full: wait, tx: 0, rx: 0, ip: 6, encap: vxlan,\n"
			  "   outer_src_ip: 'fd00::1'}\n",
		0);
	/* A switch that cuts the padding off. */
	check_connections("- {kind: connections, full: wait, tx: 0, rx: 0}\n", 54);
}

/* A connection that loses a packet fails, and no other one. */
static void test_connections_lose(void **state)
{
	const struct outcome_stream *s;
	struct outcome *o;

	begin("- {kind: connections, full: wait, tx: 0, rx: 0, flows: 100000}\n");
	fault.lose = 100;
	o = send_packets(4000);
	s = &o->streams[0];
	assert_true(fault.lost > 50);
	assert_int_equal(s->received + s->lost, s->sent);
	/* Each loss ends at most one; that of an ACK alone ends none on the client's side. */
	assert_in_range(s->lost, 1, fault.lost);
	assert_true(s->finished <= s->received && s->received <= s->established);
	assert_int_equal(s->bad, 0);
	end();
}

/* Two clients before one server: each stream has its own connections, and none waits for others'.
 */
static void test_connections_of_two(void **state)
{
	struct outcome *o;

	begin("- {kind: connections, full: wait, tx: 0, rx: 0, flows: 5000}\n"
	      "- {kind: connections, full: wait, tx: 0, rx: 0, flows: 5000, src_ip: 10.1.9.1}\n");
	o = send_packets(2000);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(o->streams[i].received, 2000);
		assert_int_equal(o->streams[i].accepted, 2000);
		assert_int_equal(o->streams[i].finished, 2000);
		assert_int_equal(o->streams[i].tcp_received, 6 * 2000);
	}
	end();
}

/* The greatest rate of connections of which none fails. */
static void test_search_connections(void **state)
{
	static struct options opt = {.command = COMMAND_MLR,
		.trial = 0.2,
		.min_rate = 500,
		.loss = 0.005,
		.width = 0.1,
		.quiet = true};
	static struct measure m;

	begin("- {kind: connections, tx: 0, rx: 0, flows: 100000}\n"
	      "- {background: yes, tx: 1, rx: 1, rate: 1k}\n");
	fault.syn_rate = 4000;
	m = (struct measure){.opt = &opt, .gen = &gen};
	assert_int_equal(measure_run(&m), 0);
	assert_true(rfc2544_of_connections(&m));
	/* Doubled from 500 until too many failed: above what gets through, but not by far, unless
	 * this thread did not run. */
	assert_true(m.max_rate >= 500 && m.max_rate <= 16000);
	for (uint32_t i = 0; i < m.n_goals; i++)
		assert_true(m.bounds[i].upper > 0 && m.bounds[i].lower < 6000);
	if (m.n_limited == 0)
		assert_true(m.max_rate > 4000 && m.bounds[0].lower > 1000);
	end();
}

/* One scenario and one size at a time. */
static void test_select(void **state)
{
	struct outcome *o;

	begin("- {scenario: a, tx: 0, rx: 0, size: '60,200,1514'}\n"
	      "- {scenario: b, tx: 1, rx: 1, size: '60,200,1514'}\n"
	      "- {background: yes, tx: 1, rx: 1, rate: 100k, size: '100,300'}\n");
	for (int size = 0; size < 3; size++) {
		const uint32_t bytes[] = {60, 200, 1514};

		gen_select(&gen, size % 2 ? "a" : "b", size);
		o = send_packets(3000);
		for (int i = 0; i < 2; i++) {
			const struct outcome_stream *s = &o->streams[i];
			bool on = i != size % 2;

			assert_int_equal(s->sent, on ? 3000 : 0);
			assert_int_equal(s->received, s->sent);
			assert_int_equal(s->sent_bytes, s->sent * bytes[size]);
			assert_int_equal(s->received_bytes, s->sent_bytes);
		}
		assert_int_equal(o->totals.sent, 3000);
		assert_in_range(o->streams[2].sent_bytes, o->streams[2].sent * 100,
			o->streams[2].sent * 300);
	}
	end();
}

/* Puts frames of all kinds, damaged, on the ring that leads back to port 0. */
static void inject(uint64_t *random, const uint8_t (*frames)[128], uint32_t n_frames)
{
	struct rte_mbuf *pkts[16];
	uint16_t n = 0, sent;

	while (n < 16 && (pkts[n] = rte_pktmbuf_alloc(copies))) {
		uint64_t r = random_next(random);
		uint32_t size = 1 + r % 128;
		uint8_t *p = (uint8_t *)rte_pktmbuf_append(pkts[n++], size);

		memcpy(p, frames[(r >> 8) % n_frames], size);
		for (uint32_t i = r >> 16 & 3; i > 0; i--, r = random_next(random))
			p[(r >> 20) % size] = r >> 40;
		if (size > 40 && r >> 60 < 4) { /* a mark that looks like one */
			uint32_t id = r >> 50 & 1 ? gen.streams[r >> 52 & 3]->id : r;

			mark_write(p + size - MARK_SIZE, id, r >> 20, mark_stamp(r));
		}
	}
	sent = rte_eth_tx_burst(0, 0, pkts, n);
	rte_pktmbuf_free_bulk(pkts + sent, n - sent);
}

static void keep_frames(uint8_t (*ret)[128])
{
	for (uint32_t i = 0; i < gen.n_streams; i++) {
		const struct gen_stream *s = gen.streams[i];
		struct rte_mbuf *m = rte_pktmbuf_alloc(s->pools[0]);
		struct flow_fields f;

		assert_non_null(m);
		flow_fields_of(&s->flows, 0, &f);
		tx_fill(s, &s->headers[0], m, &f);
		memset(ret[i], 0, 128);
		memcpy(ret[i], rte_pktmbuf_mtod(m, void *), RTE_MIN(128, m->data_len));
		rte_pktmbuf_free(m);
	}
}

/* Whatever comes from the wire: nothing is read beyond a frame, which sanitizers watch, no buffer
 * is lost, and what is sent meanwhile is counted as ever. */
static void test_hostile(void **state)
{
	const struct gen_load load = {.packets = 20, .duration = 5};
	uint8_t frames[6][128];
	struct outcome o;
	uint64_t random = 7;

	begin("- {tx: 0, rx: 0, encap: vxlan}\n- {tx: 0, rx: 0, ip: 6, proto: icmp, size: 90}\n"
	      "- {kind: connections, full: wait, tx: 0, rx: 0, flows: 1000}\n"
	      "- {kind: connections, full: wait, tx: 0, rx: 0, ip: 6, flows: 50}\n"
	      "- {kind: connections, full: wait, tx: 0, rx: 0, flows: 1000, encap: vxlan}\n"
	      "- {kind: connections, full: wait, tx: 0, rx: 0, encap: vxlan, outer_src_ip: "
	      "'fd00::1'}\n");
	gen.verify = VERIFY_ALL;
	keep_frames(frames);
	for (int i = 0; i < 40; i++) {
		for (int k = 0; k < 30; k++)
			inject(&random, frames, 6);
		assert_int_equal(gen_trial(&gen, &load), 0);
		outcome_take(&gen, &o);
		for (int k = 0; k < 6; k++) {
			assert_int_equal(o.streams[k].sent + o.streams[k].refused, 20);
			/* Duplicates of its numbers aside, which were forged. */
			assert_true(k > 1 || o.streams[k].received >= o.streams[k].sent);
		}
	}
	gen.verify = VERIFY_SAMPLE;
	end();
}

static void test_overload_then_less(void **state)
{
	const struct gen_load load = {
		.rate = 200e3, .duration = 0.1, .then_rate = 50e3, .then_duration = 0.1};
	struct outcome o;

	begin("- {tx: 0, rx: 0}\n");
	assert_int_equal(gen_trial(&gen, &load), 0);
	outcome_take(&gen, &o);
	/* 20,000 and 5,000, or less when this thread did not run for a while. */
	assert_in_range(o.streams[0].sent, 2, 25001);
	assert_in_range(gen.streams[0]->pace.done, 1, 5001);
	assert_true(gen.changed > gen.began && gen.ended > gen.changed);
	end();
}

static void start_port(int i)
{
	const struct rte_eth_conf conf = {0};
	char name[32];
	uint16_t port;

	snprintf(name, sizeof(name), "net_ring%d", i);
	assert_int_equal(rte_eal_hotplug_add("vdev", name, ""), 0);
	assert_int_equal(rte_eth_dev_get_port_by_name(name, &port), 0);
	assert_int_equal(port, i);
	assert_int_equal(rte_eth_dev_configure(port, 1, 1, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(port, 0, 256, SOCKET_ID_ANY, NULL, copies), 0);
	assert_int_equal(rte_eth_tx_queue_setup(port, 0, 256, SOCKET_ID_ANY, NULL), 0);
	assert_non_null(rte_eth_add_rx_callback(port, 0, disturb, NULL));
	assert_int_equal(rte_eth_dev_start(port), 0);
}

static int start(void **state)
{
	test_eal_init(512);
	gen.hz = rte_get_tsc_hz();
	gen.burst = 32;
	gen.n_mbufs = 4096;
	copies = rte_pktmbuf_pool_create("copies", 4095, 0, 0, 2176, SOCKET_ID_ANY);
	assert_non_null(copies);
	for (int i = 0; i < N_PORTS; i++)
		start_port(i);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_corruption),
		cmocka_unit_test(test_loss_is_exact),
		cmocka_unit_test(test_leaks),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_connections_lose),
		cmocka_unit_test(test_connections_of_two),
		cmocka_unit_test(test_search_connections),
		cmocka_unit_test(test_select),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_overload_then_less),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
