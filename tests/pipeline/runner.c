/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pipeline under test as a filter: commands on stdin, what happened on stdout. Driven by
 * run_cases.py, which holds the packet cases; knows nothing of what is expected.
 *
 *   reset                               forget the configuration
 *   segment|port|rule|... KEY=VALUE...  add an entry of that table (entries.c)
 *   delete TABLE KEY=VALUE...           take one out
 *   commit                              publish it
 *   link PORT 0|1, accept PORT N, offloads PORT NAME,...             the fake port's switches
 *   in PORT HEX [split=N] [times=N [vary=OFF]] [lro=N] [partial]   a frame; split: its first mbuf
 *                                       holds N bytes; times: as many, whose 16 bits at OFF grow
 *   warp MS                             move the clock
 *   tick S                              S seconds go by without a packet
 *   burst                               a watcher (runner.h) leaves the case's frames alone
 *   spare N                             leave N ordinary mbufs free in the next "go"
 *   learn                               let the main thread's side take what was learned
 *   go                                  run; prints lines "out PORT FLAGS HEX",
 *                                       "stat PORT NAME=N...", "why PORT REASON WORD=VALUE..." of
 *                                       each new drop on record, "log PORT WORD=VALUE..." of
 *                                       what rules log, and at last "done"
 *   end                                 prints "leak POOL N" for what is not free, "done"
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include <core/clock.h>
#include <core/mem.h>
#include <observe/counters.h>
#include <observe/recorder.h>
#include <pipeline/pipeline.h>
#include <table/learn.h>
#include <table/policy_log.h>

#include <session/session.h>

#include "bed.h"
#include "runner.h"
#include "test_eal.h"
#include "words.h"

#define LINE_SIZE   (1 << 18)
#define MBUFS	    4096
#define PORTS_MAX   64
#define WATCHED_MAX 16 /* of the frames of one "in", which are alike */

static struct pipeline *pl;
static uint32_t port_ids[PORTS_MAX];
static unsigned int n_ports;
static unsigned int n_spare = MBUFS;
static unsigned int line_number;
static struct runner_watcher watcher;
static bool in_burst;

void words_bad(const char *what, const char *word)
{
	printf("bad line %u: %s %s\n", line_number, what, word ? word : "");
	exit(1);
}

static const struct flag_name offload_names[] = {{"cksum", PORT_OFFLOAD_CKSUM},
	{"tso", PORT_OFFLOAD_TSO}, {"uso", PORT_OFFLOAD_USO}, {"multiseg", PORT_OFFLOAD_MULTISEG},
	{"none", 0}, {0}};

static void note_port(uint32_t id)
{
	for (unsigned int i = 0; i < n_ports; i++) {
		if (port_ids[i] == id)
			return;
	}
	if (n_ports == PORTS_MAX)
		words_bad("too many ports", NULL);
	port_ids[n_ports++] = id;
}

static void forget_port(uint32_t id)
{
	for (unsigned int i = 0; i < n_ports; i++) {
		if (port_ids[i] == id)
			port_ids[i] = port_ids[--n_ports];
	}
}

static bool put_entry(const struct words *w)
{
	unsigned int table = entry_table(w->word[0]);
	union weft_entry e;

	if (!table)
		return false;
	entry_read(table, w, &e);
	bed_put(table, &e);
	if (table == WEFT_TABLE_PORT)
		note_port(e.port.id);
	return true;
}

static void cmd_delete(const struct words *w)
{
	struct words entry = {.n = w->n - 1};
	unsigned int table = w->n > 1 ? entry_table(w->word[1]) : 0;
	union weft_entry e;

	if (!table)
		words_bad("no such table", w->n > 1 ? w->word[1] : NULL);
	memcpy(entry.word, w->word + 1, entry.n * sizeof(entry.word[0]));
	entry_read(table, &entry, &e);
	bed_delete(table, &e);
	if (table == WEFT_TABLE_PORT)
		forget_port(e.port.id);
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct rte_mbuf *segment_alloc(void)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(mem_pools.packet);

	if (!m)
		words_bad("no mbuf left", NULL);
	return m;
}

/* hex as a chain: the first mbuf takes first bytes, the others what they hold. */
static struct rte_mbuf *frame_of(const char *hex, size_t first)
{
	struct rte_mbuf *m = segment_alloc(), *last = m;
	size_t room = first < MEM_DATA_SIZE ? first : MEM_DATA_SIZE;

	for (; *hex; hex += 2) {
		int high = nibble(hex[0]), low = nibble(hex[1]);

		if (high < 0 || low < 0)
			words_bad("hex", hex);
		if (room == 0) {
			last->next = segment_alloc();
			last = last->next;
			m->nb_segs++;
			room = MEM_DATA_SIZE;
		}
		rte_pktmbuf_mtod(last, uint8_t *)[last->data_len++] = high << 4 | low;
		m->pkt_len++;
		room--;
	}
	return m;
}

static struct port *port_arg(const struct words *w)
{
	struct port *p = w->n > 1 ? bed_port(strtoul(w->word[1], NULL, 0)) : NULL;

	if (!p)
		words_bad("no such port", w->n > 1 ? w->word[1] : NULL);
	return p;
}

static const char *arg(const struct words *w, unsigned int i)
{
	if (i >= w->n)
		words_bad("missing argument", w->word[0]);
	return w->word[i];
}

/* The frame for the i-th time: with 'vary', the 16 bits at that offset have grown by i. */
static struct rte_mbuf *frame_again(const struct words *w, unsigned int i)
{
	struct rte_mbuf *m = frame_of(arg(w, 2), words_number(w, "split", UINT16_MAX));
	uint32_t at = words_number(w, "vary", 0);
	uint8_t *b = rte_pktmbuf_mtod_offset(m, uint8_t *, at);

	if (at) {
		i += b[0] << 8 | b[1];
		b[0] = i >> 8;
		b[1] = i;
	}
	if (words_value(w, "lro")) {
		m->ol_flags |= RTE_MBUF_F_RX_LRO | RTE_MBUF_F_RX_L4_CKSUM_NONE;
		m->tso_segsz = words_number(w, "lro", 0);
	}
	if (strcmp(w->word[w->n - 1], "partial") == 0)
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE;
	return m;
}

static void run_port(const struct config *cfg, struct port *dev)
{
	struct rte_mbuf *pkts[PIPELINE_BURST];
	uint16_t n;

	while ((n = port_rx(dev, 0, pkts, PIPELINE_BURST)) > 0)
		pipeline_run(pl, cfg, cfg->ports[dev->slot], pkts, n);
}

static bool watches(void)
{
	return watcher.frame && n_spare == MBUFS && !in_burst;
}

/* The watcher takes whole frames that the port's peer finished, while there is room for all. */
static bool is_watched(uint32_t id, const struct rte_mbuf *m)
{
	return watches() && m->nb_segs == 1 && m->ol_flags == 0 && watcher.frame(id, m);
}

/* Many are run at once as they come. */
static void cmd_in(const struct words *w)
{
	struct port *p = port_arg(w);
	uint32_t id = strtoul(w->word[1], NULL, 0), times = words_number(w, "times", 1);

	for (uint32_t i = 0; i < times; i++) {
		struct rte_mbuf *m = frame_again(w, i);

		if (i % PIPELINE_BURST == PIPELINE_BURST - 1)
			run_port(config_get(), p);
		if (i < WATCHED_MAX && is_watched(id, m))
			rte_pktmbuf_free(m);
		else if (!fake_inject(p, 0, m))
			words_bad("ring is full", NULL);
	}
	if (watches())
		run_port(config_get(), p);
}

static void print_tx_flags(const struct rte_mbuf *m)
{
	uint64_t l4 = m->ol_flags & RTE_MBUF_F_TX_L4_MASK;

	printf("segs=%u", m->nb_segs);
	if (l4)
		printf(",cksum");
	if (m->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG))
		printf(",gso=%u", m->tso_segsz);
}

void runner_print_out(uint32_t id, struct rte_mbuf *m)
{
	printf("out %u ", id);
	print_tx_flags(m);
	putchar(' ');
	for (const struct rte_mbuf *s = m; s; s = s->next) {
		const uint8_t *b = rte_pktmbuf_mtod(s, const uint8_t *);

		for (unsigned int i = 0; i < s->data_len; i++)
			printf("%02x", b[i]);
	}
	putchar('\n');
	rte_pktmbuf_free(m);
}

static void print_stats(uint32_t id)
{
	struct weft_port_stats *s = counters_port(0, bed_port(id)->slot);

	printf("stat %u rx=%lu tx=%lu added=%lu sent=%lu answered=%lu learn_refused=%lu "
	       "rx_bytes=%lu tx_bytes=%lu",
		id, s->rx_packets, s->tx_packets, s->added, s->sent, s->answered, s->learn_refused,
		s->rx_bytes, s->tx_bytes);
	for (unsigned int r = 1; r < WEFT_DROP_MAX; r++) {
		if (s->dropped[r])
			printf(" drop.%s=%lu", weft_drop_name(r), s->dropped[r]);
	}
	putchar('\n');
	memset(s, 0, sizeof(*s));
}

static void print_addr(const char *word, const struct weft_addr *a)
{
	char text[WEFT_ADDR_STR_SIZE];

	printf(" %s=%s", word, weft_addr_format(a, text));
}

static void print_record(uint32_t id, const struct weft_drop_record *r)
{
	printf("why %u %s vni=%u", id, weft_drop_name(r->reason), r->vni);
	if (r->flags & WEFT_RECORD_RULE)
		printf(" at=%u ruleset=%u rule=%u", r->policy_port, r->ruleset, r->rule);
	if (r->flags & WEFT_RECORD_SESSION)
		print_addr("session", &r->session_src);
	if (r->flags & WEFT_RECORD_TUNNEL)
		print_addr("from", &r->vtep);
	if (r->flags & WEFT_RECORD_TO_VTEP)
		print_addr("to", &r->vtep);
	if (r->out_port)
		printf(" out=%u", r->out_port);
	putchar('\n');
}

static void print_records(uint32_t id)
{
	uint16_t slot = bed_port(id)->slot;
	struct weft_drop_record records[RECORDER_SIZE];
	unsigned int n = recorder_read(slot, records, RECORDER_SIZE);

	while (n-- > 0)
		print_record(id, &records[n]);
	recorder_slot_assign(slot, true);
}

static void print_leak(const char *name, struct rte_mempool *pool)
{
	unsigned int n = rte_mempool_in_use_count(pool);

	if (n)
		printf("leak %s %u\n", name, n);
}

static void cmd_spare(const struct words *w)
{
	n_spare = strtoul(arg(w, 1), NULL, 0);
}

/* Takes all ordinary mbufs but n_spare into held; returns how many. */
static unsigned int hold_mbufs(struct rte_mbuf **held)
{
	unsigned int n = 0;

	while (n < MBUFS && (held[n] = rte_pktmbuf_alloc(mem_pools.packet)))
		n++;
	for (unsigned int i = 0; i < n_spare && n > 0; i++)
		rte_pktmbuf_free(held[--n]);
	n_spare = MBUFS;
	return n;
}

static void print_log(const struct weft_event_policy *e)
{
	printf("log %u ruleset=%u rule=%u direction=%u action=%u vni=%u proto=%u sport=%u dport=%u "
	       "suppressed=%u",
		e->port, e->ruleset, e->rule, e->direction, e->action, e->vni, e->proto, e->sport,
		e->dport, e->suppressed);
	print_addr("src", &e->src);
	print_addr("dst", &e->dst);
	putchar('\n');
}

static void cmd_go(const struct words *w)
{
	static struct rte_mbuf *held[MBUFS];
	const struct config *cfg = config_get();
	unsigned int n_held = n_spare < MBUFS ? hold_mbufs(held) : 0;
	struct rte_mbuf *m;

	for (unsigned int i = 0; i < n_ports; i++)
		run_port(cfg, bed_port(port_ids[i]));
	rte_pktmbuf_free_bulk(held, n_held);
	for (unsigned int i = 0; i < n_ports; i++) {
		while ((m = fake_capture_any(bed_port(port_ids[i]))))
			runner_print_out(port_ids[i], m);
	}
	for (unsigned int i = 0; i < n_ports; i++)
		print_stats(port_ids[i]);
	for (unsigned int i = 0; i < n_ports; i++)
		print_records(port_ids[i]);
	policy_log_set_listener(print_log);
	policy_log_process(UINT32_MAX);
	printf("done\n");
	fflush(stdout);
}

static void cmd_end(const struct words *w)
{
	print_leak("packet", mem_pools.packet);
	print_leak("huge", mem_pools.huge);
	print_leak("indirect", mem_pools.indirect);
	printf("done\n");
	fflush(stdout);
}

static void cmd_reset(const struct words *w)
{
	pipeline_free(pl); /* it remembers generations, whose numbers begin anew */
	bed_reset();
	pl = pipeline_new(0);
	if (!pl)
		words_bad("no memory for the pipeline", NULL);
	n_ports = 0;
	in_burst = false;
	clock_warp(100000); /* full buckets */
	if (watcher.reset)
		watcher.reset(pl);
}

static void cmd_burst(const struct words *w)
{
	in_burst = true;
}

static void cmd_commit(const struct words *w)
{
	bed_commit();
}

static void cmd_link(const struct words *w)
{
	struct port *p = port_arg(w);

	fake_set_link(p, atoi(arg(w, 2)));
	port_poll_state(p);
}

static void cmd_accept(const struct words *w)
{
	fake_set_tx_accept(port_arg(w), strtoul(arg(w, 2), NULL, 0));
}

static void cmd_offloads(const struct words *w)
{
	fake_set_offloads(port_arg(w), words_flags(arg(w, 2), offload_names));
}

static void cmd_warp(const struct words *w)
{
	clock_warp(strtoul(arg(w, 1), NULL, 0));
}

static void cmd_tick(const struct words *w)
{
	for (unsigned long s = strtoul(arg(w, 1), NULL, 0); s > 0; s--) {
		clock_warp(1000);
		pipeline_tick(pl, config_get());
	}
}

static void cmd_learn(const struct words *w)
{
	while (learn_process(UINT32_MAX, clock_s()) > 0)
		;
}

static const struct command {
	const char *name;
	void (*run)(const struct words *w);
} commands[] = {
	{"reset", cmd_reset},
	{"delete", cmd_delete},
	{"burst", cmd_burst},
	{"commit", cmd_commit},
	{"link", cmd_link},
	{"accept", cmd_accept},
	{"offloads", cmd_offloads},
	{"in", cmd_in},
	{"warp", cmd_warp},
	{"spare", cmd_spare},
	{"learn", cmd_learn},
	{"tick", cmd_tick},
	{"go", cmd_go},
	{"end", cmd_end},
};

static void run_line(char *line)
{
	struct words w = {0};
	char *save = NULL;

	for (char *word = strtok_r(line, " \n", &save); word && w.n < WORDS_MAX;
		word = strtok_r(NULL, " \n", &save))
		w.word[w.n++] = word;
	if (w.n == 0)
		return;
	for (unsigned int i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, w.word[0]) == 0) {
			commands[i].run(&w);
			return;
		}
	}
	if (!put_entry(&w))
		words_bad("command", w.word[0]);
}

int runner_run(const struct runner_watcher *w)
{
	static char line[LINE_SIZE];

	if (w)
		watcher = *w;
	test_eal_init(96);
	bed_init(MBUFS, 1, SESSION_MIN);
	pl = pipeline_new(0);
	if (!pl) {
		printf("skipped: no memory for the pipeline\n");
		return 77;
	}
	while (fgets(line, sizeof(line), stdin)) {
		line_number++;
		run_line(line);
	}
	pipeline_free(pl);
	bed_fini();
	return 0;
}
