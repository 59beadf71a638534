/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See judge.h. Ports are TAP interfaces, since programs' tests need interfaces that exist; frames
 * of the data plane go by fake ports. The uplink is the loopback interface, the only one that XDP
 * programs can be tested on without a driver.
 */
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/clock.h>
#include <core/mem.h>
#include <observe/counters.h>
#include <pipeline/pipeline.h>
#include <session/session.h>
#include <table/learn.h>

#include "bed.h"
#include "judge.h"
#include "shadow.h"
#include "test_netns.h"

#define PORT_IDS   128
#define STEP_MS	   11 /* every quota of answers has room again */
#define UPLINK_DEV 1

struct judge_counts judge_counts;

static struct pipeline *pl;
static struct port *ports[PORT_IDS];
static uint32_t taps[PORT_IDS];
static uint32_t ifindex[PORT_IDS]; /* also of a port that is gone */
static judge_sent_fn *sent;

/* What came of a frame here. */
struct outcome {
	unsigned int n_out, n_drop;
	unsigned int reason; /* of the last drop */
	uint16_t slot;	     /* of the port that the last one left by */
	uint16_t gso_size;
	uint32_t payload; /* of a frame whose checksum is to be completed */
	uint32_t len;
	uint8_t b[SHADOW_BYTES];
};

void judge_begin(void)
{
	int ns = test_netns_own();

	for (unsigned int i = 1; i <= HOSTS_MAX + 1; i++) {
		char name[IF_NAMESIZE];

		test_netns_run(ns, "ip tuntap add port%u mode tap", i);
		snprintf(name, sizeof(name), "port%u", i);
		taps[i] = if_nametoindex(name);
	}
}

void judge_init(void)
{
	shadow_init();
	for (unsigned int i = 1; i <= HOSTS_MAX + 1; i++)
		shadow_add_device(taps[i]);
}

void judge_fini(void)
{
	pipeline_free(pl);
	shadow_fini();
}

static void attach(bool restart)
{
	struct offload_tables t = shadow_tables();

	learn_set_revoker(offload_moved);
	if (!restart)
		t.control->layout = 0;
	if (!pl || offload_attach(&t, 1 + restart) < 0)
		abort();
}

void judge_reset(bool restart)
{
	if (pl)
		pipeline_free(pl);
	bed_reset();
	pl = pipeline_new(0);
	attach(restart);
}

void judge_lend(struct pipeline *theirs, judge_sent_fn *fn)
{
	pl = theirs;
	sent = fn;
	attach(false);
}

/* All ways of delivery. */
static uint16_t port_flags(const struct config_port *p)
{
	uint32_t id = p->spec.id;

	if (p->spec.role == WEFT_ROLE_UPLINK)
		return OFFLOAD_PORT_DELIVER;
	return (id & 1 ? WEFT_BPF_DIR_PEER : 0) | (id & 2 ? WEFT_BPF_DIR_XDP : 0);
}

static void tell_ports(const struct config *cfg)
{
	memset(ports, 0, sizeof(ports));
	for (unsigned int slot = 1; slot < WEFT_MAX_PORTS; slot++) {
		const struct config_port *p = cfg->ports[slot];

		if (!p)
			continue;
		if (p->spec.id >= PORT_IDS)
			abort();
		ports[p->spec.id] = p->dev;
		ifindex[p->spec.id] =
			p->spec.role == WEFT_ROLE_UPLINK ? UPLINK_DEV : taps[p->spec.id];
		offload_set_port(
			slot, &(struct offload_port){port_is_up(p->dev) ? ifindex[p->spec.id] : 0,
				      p->dev->max_frame - PORT_FRAME_OVERHEAD, port_flags(p)});
	}
}

static void settle_commit(void)
{
	const struct config *cfg = config_get();

	while (offload_is_adopting())
		pipeline_tick(pl, cfg);
	tell_ports(cfg);
	for (unsigned int i = 0; i < cfg->n_local_vteps; i++)
		shadow_add_vtep(&cfg->local_vteps[i].spec.addr);
}

void judge_commit(const struct setup *c, const struct setup *next)
{
	struct offload_stats st;

	setup_commit(c, next);
	settle_commit();
	offload_stats(&st);
	judge_counts.adopted += c ? 0 : st.adopted;
}

static void let_sessions_in(void)
{
	offload_tick();
	while (session_age(0, config_get()))
		;
}

void judge_step(void)
{
	clock_warp(STEP_MS);
	learn_process(UINT32_MAX, clock_s());
	let_sessions_in();
}

void judge_settle(void)
{
	settle_commit();
	let_sessions_in();
}

static struct rte_mbuf *segment_of(const uint8_t *b, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(mem_pools.packet);

	if (!m)
		abort();
	memcpy(rte_pktmbuf_append(m, len), b, len);
	return m;
}

/* As a kernel port brings it (port/vnet_hdr.c). */
static struct rte_mbuf *mbuf_of(const struct judged *j)
{
	struct rte_mbuf *m = segment_of(j->b, RTE_MIN(j->len, (uint32_t)MEM_DATA_SIZE));

	if (j->len > MEM_DATA_SIZE &&
		rte_pktmbuf_chain(m, segment_of(j->b + MEM_DATA_SIZE, j->len - MEM_DATA_SIZE)) < 0)
		abort();
	if (j->gso_size) {
		m->ol_flags |= RTE_MBUF_F_RX_LRO | RTE_MBUF_F_RX_L4_CKSUM_NONE;
		m->tso_segsz = j->gso_size;
	}
	return m;
}

static void note_frame(uint16_t slot, struct rte_mbuf *m, struct outcome *ret)
{
	bool gso = m->ol_flags & (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG);

	ret->n_out++;
	ret->slot = slot;
	ret->gso_size = gso ? m->tso_segsz : 0;
	ret->payload = m->pkt_len - m->l2_len - m->l3_len - m->l4_len;
	ret->len = 0;
	for (const struct rte_mbuf *s = m; s; s = s->next) {
		if (ret->len + s->data_len > sizeof(ret->b))
			abort();
		memcpy(ret->b + ret->len, rte_pktmbuf_mtod(s, void *), s->data_len);
		ret->len += s->data_len;
	}
}

/* Whoever lent the pipeline gets the frames too. */
static void take_frame(uint32_t id, struct rte_mbuf *m, struct outcome *ret)
{
	note_frame(ports[id]->slot, m, ret);
	if (sent)
		sent(id, m);
	else
		rte_pktmbuf_free(m);
}

static void run_here(const struct judged *j, struct outcome *ret)
{
	const struct config *cfg = config_get();
	uint16_t slot = ports[j->port]->slot;
	const struct weft_port_stats *stats = counters_port(0, slot);
	struct rte_mbuf *m = mbuf_of(j);
	uint64_t before[WEFT_DROP_MAX];

	memcpy(before, stats->dropped, sizeof(before));
	ret->n_out = ret->n_drop = ret->reason = 0;
	pipeline_run(pl, cfg, cfg->ports[slot], &m, 1);
	for (unsigned int r = 1; r < WEFT_DROP_MAX; r++) {
		ret->n_drop += stats->dropped[r] - before[r];
		if (stats->dropped[r] != before[r])
			ret->reason = r;
	}
	for (uint32_t id = 1; id < PORT_IDS; id++) {
		while (ports[id] && (m = fake_capture_any(ports[id])))
			take_frame(id, m, ret);
	}
}

static struct session_dir *direction_of(const struct shadow *s)
{
	struct session_key key = {
		.sport = s->key.sport,
		.dport = s->key.dport,
		.segment = s->d.segment,
		.proto = s->key.proto,
		.icmp_type = s->key.icmp_type,
	};

	memcpy(&key.src, s->key.src, sizeof(key.src));
	memcpy(&key.dst, s->key.dst, sizeof(key.dst));
	return session_find(&key);
}

static void print_bytes(const char *who, const uint8_t *b, uint32_t len)
{
	printf("  %s (%u):", who, len);
	for (uint32_t i = 0; i < len; i++)
		printf("%s%02x", i == 14 || i == 34 || i == 50 || i == 64 ? " " : "", b[i]);
	putchar('\n');
}

static void print_tcp(const char *who, const struct session_tcp *t)
{
	printf("  %s: start %u end %u max_end %u max_win %u wscale %u flags 0x%x\n", who, t->start,
		t->end, t->max_end, t->max_win, t->wscale, t->flags);
}

static void print_difference(
	const char *what, const struct judged *j, const struct shadow *s, const struct outcome *o)
{
	const struct session_dir *d = s->hit ? direction_of(s) : NULL;

	printf("DIFFERENCE: %s; in by port %u, GSO size %u\n", what, j->port, j->gso_size);
	print_bytes("frame", j->b, j->len);
	print_bytes("program's", s->b, s->len);
	printf("  hit %u: in slot %u, out slot %u; here %u frames, %u drops (%s), slot %u\n",
		s->hit, s->d.in_port, s->d.out_port, o->n_out, o->n_drop,
		o->n_drop ? weft_drop_name(o->reason) : "", o->slot);
	if (o->n_out)
		print_bytes("data plane's", o->b, o->len);
	if (!d || s->key.proto != 6)
		return;
	print_tcp("program's before", &s->before.tcp);
	print_tcp("program's after", &s->after.tcp);
	print_tcp("data plane's", &d->tcp);
}

/* Numbers of one port, before and after a frame here. */
struct numbers {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
};

static struct numbers numbers_of(uint16_t slot)
{
	const struct weft_port_stats *st = counters_port(0, slot);

	return (struct numbers){st->rx_packets, st->rx_bytes, st->tx_packets, st->tx_bytes};
}

static bool same_numbers(const struct numbers *before, const struct numbers *after,
	const struct weft_bpf_port_counters *c)
{
	return after->rx_packets - before->rx_packets == c->rx_packets &&
	       after->rx_bytes - before->rx_bytes == c->rx_bytes &&
	       after->tx_packets - before->tx_packets == c->tx_packets &&
	       after->tx_bytes - before->tx_bytes == c->tx_bytes;
}

static bool same_tcp(const struct session_tcp *a, const struct session_tcp *b)
{
	return a->start == b->start && a->end == b->end && a->max_end == b->max_end &&
	       a->max_win == b->max_win && a->wscale == b->wscale && a->flags == b->flags;
}

/* All that both knew of the frame's session and ports before it. */
struct known {
	struct session_dir *d;
	uint64_t packets, bytes;
	struct numbers in, out;
};

static void know(const struct shadow *s, struct known *ret)
{
	ret->d = direction_of(s);
	if (ret->d) {
		ret->packets = ret->d->packets;
		ret->bytes = ret->d->bytes;
	}
	ret->in = numbers_of(s->d.in_port);
	ret->out = numbers_of(s->d.out_port);
}

/* A frame that fits into one segment may lose the wish to be cut. */
static bool same_gso(const struct shadow *s, const struct outcome *o)
{
	return o->gso_size == s->gso_size || (o->gso_size == 0 && o->payload <= s->gso_size);
}

/* The decision's interface; a tunnel has none. */
static bool same_interface(const struct shadow *s, const struct outcome *o)
{
	for (uint32_t id = 1; id < PORT_IDS; id++) {
		if (ports[id] && ports[id]->slot == o->slot)
			return s->d.out_ifindex == (ifindex[id] == UPLINK_DEV ? 0 : ifindex[id]);
	}
	return false;
}

/* What is not as a hit said; NULL: nothing. */
static const char *compare(const struct shadow *s, const struct known *k, const struct outcome *o)
{
	struct numbers in = numbers_of(s->d.in_port), out = numbers_of(s->d.out_port);

	if (o->n_drop || o->n_out != 1)
		return "the data plane does not let it pass";
	if (o->slot != s->d.out_port || !same_interface(s, o) || !s->sent)
		return "it goes elsewhere";
	if (!same_gso(s, o))
		return "it is cut otherwise";
	if (o->len != s->len || memcmp(o->b, s->b, s->len) != 0)
		return "other bytes";
	if (!k->d || k->d != direction_of(s))
		return "another session";
	if (k->d->packets - k->packets != s->after.packets - s->before.packets ||
		k->d->bytes - k->bytes != s->after.bytes - s->before.bytes)
		return "the session counts otherwise";
	if (s->key.proto == 6 && !same_tcp(&k->d->tcp, &s->after.tcp))
		return "other TCP numbers";
	if (!same_numbers(&k->in, &in, &s->in) || !same_numbers(&k->out, &out, &s->out))
		return "ports count otherwise";
	return NULL;
}

/* The same of a miss. What is not of a tunnel may be left to an uplink's host. */
static const char *compare_miss(
	const struct judged *j, const struct shadow *s, const struct outcome *o)
{
	bool uplink = ifindex[j->port] == UPLINK_DEV;

	if (s->len != j->len || memcmp(s->b, j->b, j->len) != 0 || s->gso_size != j->gso_size)
		return "a miss was changed";
	if (!s->sent && (!uplink || (o->n_out > 0 && o->slot != ports[j->port]->slot)))
		return "the data plane does not get it";
	return NULL;
}

enum judgement judge(const struct judged *j)
{
	static struct shadow s[2];
	static struct outcome o;
	const struct shadow_frame f = {ifindex[j->port], j->gso_size, j->len, j->b};
	struct known k[2];
	uint16_t slot = ports[j->port] ? ports[j->port]->slot : 0;
	bool uplink = ifindex[j->port] == UPLINK_DEV, hit = false;
	unsigned int n = 0;

	for (unsigned int i = 0; i < (uplink ? 2 : 1); i++) {
		enum weft_bpf_prog prog = !uplink ? WEFT_BPF_PROG_PORT
					  : i	  ? WEFT_BPF_PROG_UPLINK_XDP
						  : WEFT_BPF_PROG_UPLINK_TC;

		if (!shadow_run(prog, &f, &s[n]))
			continue;
		if (s[n].hit)
			know(&s[n], &k[n]);
		judge_counts.plain += s[n].hit && (s[n].d.flags & WEFT_BPF_DIR_PLAIN);
		n++;
	}
	memset(&o, 0, sizeof(o));
	if (ports[j->port]) /* else the port is gone, its interface is not */
		run_here(j, &o);
	judge_counts.frames++;
	judge_counts.carried += o.n_out == 1 && o.n_drop == 0 && o.slot != slot;
	for (unsigned int i = 0; i < n; i++) {
		const char *what =
			s[i].hit ? compare(&s[i], &k[i], &o) : compare_miss(j, &s[i], &o);

		if (what) {
			printf("%s\n", i ? "XDP" : "tc");
			print_difference(what, j, &s[i], &o);
			return JUDGED_DIFFERS;
		}
		hit |= s[i].hit;
	}
	return hit ? JUDGED_HIT : JUDGED_MISS;
}
