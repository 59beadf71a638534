/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pipeline under test as a filter: commands on stdin, what happened on stdout. Driven by
 * run_cases.py, which holds the packet cases; knows nothing of what is expected.
 *
 *   reset                               forget the configuration
 *   segment|port|local-vtep|vtep|flood|fdb|neighbour KEY=VALUE...   add an entry
 *   commit                              publish it
 *   link PORT 0|1, accept PORT N, offloads PORT NAME,...             the fake port's switches
 *   in PORT HEX [split=N] [lro=N] [partial]   a frame; split: its first mbuf holds N bytes
 *   warp MS                             move the clock
 *   spare N                             leave N ordinary mbufs free in the next "go"
 *   learn                               let the main thread's side take what was learned
 *   go                                  run; prints lines "out PORT FLAGS HEX",
 *                                       "stat PORT NAME=N...", "leak POOL N" and at last "done"
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include <core/clock.h>
#include <core/mem.h>
#include <observe/counters.h>
#include <pipeline/pipeline.h>
#include <table/learn.h>

#include "bed.h"
#include "test_eal.h"

#define LINE_SIZE (1 << 18)
#define WORDS_MAX 64
#define MBUFS	  4096
#define PORTS_MAX 64

struct words {
	unsigned int n;
	char *word[WORDS_MAX];
};

static struct pipeline *pl;
static uint32_t port_ids[PORTS_MAX];
static unsigned int n_ports;
static unsigned int n_spare = MBUFS;
static unsigned int line_number;

static void __attribute__((noreturn)) bad(const char *what, const char *word)
{
	printf("bad line %u: %s %s\n", line_number, what, word ? word : "");
	exit(1);
}

/* The value of KEY=VALUE, or NULL. */
static const char *value_of(const struct words *w, const char *key)
{
	size_t len = strlen(key);

	for (unsigned int i = 1; i < w->n; i++) {
		if (strncmp(w->word[i], key, len) == 0 && w->word[i][len] == '=')
			return w->word[i] + len + 1;
	}
	return NULL;
}

static uint32_t number_of(const struct words *w, const char *key, uint32_t otherwise)
{
	const char *v = value_of(w, key);

	return v ? strtoul(v, NULL, 0) : otherwise;
}

static struct weft_mac mac_of(const struct words *w, const char *key)
{
	struct weft_mac mac = {0};
	const char *v = value_of(w, key);

	if (v && weft_mac_parse(v, &mac) < 0)
		bad("MAC", v);
	return mac;
}

static struct weft_addr addr_of(const struct words *w, const char *key)
{
	struct weft_addr addr = {0};
	const char *v = value_of(w, key);

	if (v && weft_addr_parse(v, &addr) < 0)
		bad("address", v);
	return addr;
}

struct flag_name {
	const char *name;
	uint32_t flag;
};

static const struct flag_name segment_flags[] = {{"flood_unknown", WEFT_SEGMENT_FLOOD_UNKNOWN},
	{"learn_wire", WEFT_SEGMENT_LEARN_WIRE}, {"proxy", WEFT_SEGMENT_PROXY},
	{"inner_vlan", WEFT_SEGMENT_INNER_VLAN}, {0}};
static const struct flag_name port_flags[] = {{"antispoof", WEFT_PORT_ANTISPOOF},
	{"learn", WEFT_PORT_LEARN}, {"admin_down", WEFT_PORT_ADMIN_DOWN}, {0}};
static const struct flag_name vtep_flags[] = {
	{"unresolved", WEFT_VTEP_RESOLVED}, {"dscp_copy", WEFT_VTEP_DSCP_COPY}, {0}};
static const struct flag_name offload_names[] = {{"cksum", PORT_OFFLOAD_CKSUM},
	{"tso", PORT_OFFLOAD_TSO}, {"uso", PORT_OFFLOAD_USO}, {"multiseg", PORT_OFFLOAD_MULTISEG},
	{"none", 0}, {0}};

static uint32_t flags_of(const char *list, const struct flag_name *names)
{
	char text[256], *save = NULL;
	uint32_t flags = 0;

	snprintf(text, sizeof(text), "%s", list ? list : "");
	for (char *f = strtok_r(text, ",", &save); f; f = strtok_r(NULL, ",", &save)) {
		const struct flag_name *n = names;

		while (n->name && strcmp(n->name, f) != 0)
			n++;
		if (!n->name)
			bad("flag", f);
		flags |= n->flag;
	}
	return flags;
}

static void put_segment(const struct words *w)
{
	struct weft_segment e = {
		.vni = number_of(w, "vni", 0),
		.flags = flags_of(value_of(w, "flags"), segment_flags),
		.mtu = number_of(w, "mtu", 1450),
		.ageing_s = number_of(w, "ageing", 300),
		.max_learned = number_of(w, "max_learned", 0),
	};

	bed_put(WEFT_TABLE_SEGMENT, &e);
}

static void port_addrs(struct weft_port *e, const char *list)
{
	char text[1024], *save = NULL;

	snprintf(text, sizeof(text), "%s", list ? list : "");
	for (char *a = strtok_r(text, ",", &save); a; a = strtok_r(NULL, ",", &save)) {
		if (e->n_addrs == WEFT_PORT_ADDRS ||
			weft_prefix_parse(a, false, &e->addrs[e->n_addrs++]) < 0)
			bad("prefix", a);
	}
}

static void put_port(const struct words *w)
{
	struct weft_port e = {
		.id = number_of(w, "id", 0),
		.vni = number_of(w, "vni", 0),
		.kind = WEFT_PORT_FAKE,
		.flags = flags_of(value_of(w, "flags"), port_flags),
		.n_queues = 1,
		.mtu = number_of(w, "mtu", WEFT_MTU_MAX),
		.mac = mac_of(w, "mac"),
		.max_learned = number_of(w, "max_learned", 0),
		.flood_pps = number_of(w, "flood_pps", 0),
	};

	e.role = e.vni		       ? WEFT_ROLE_TENANT
		 : value_of(w, "role") ? WEFT_ROLE_SERVICE
				       : WEFT_ROLE_UPLINK;
	port_addrs(&e, value_of(w, "addrs"));
	bed_put(WEFT_TABLE_PORT, &e);
	for (unsigned int i = 0; i < n_ports; i++) {
		if (port_ids[i] == e.id)
			return;
	}
	if (n_ports == PORTS_MAX)
		bad("too many ports", NULL);
	port_ids[n_ports++] = e.id;
}

static void put_local_vtep(const struct words *w)
{
	struct weft_local_vtep e = {.addr = addr_of(w, "addr"),
		.uplink = number_of(w, "uplink", 0),
		.mac = mac_of(w, "mac")};

	bed_put(WEFT_TABLE_LOCAL_VTEP, &e);
}

static void put_vtep(const struct words *w)
{
	struct weft_vtep e = {
		.remote = addr_of(w, "remote"),
		.local = addr_of(w, "local"),
		.uplink = number_of(w, "uplink", 0),
		.dst_mac = mac_of(w, "dst"),
		.src_mac = mac_of(w, "src"),
		.path_mtu = number_of(w, "mtu", 1500),
		.flags = flags_of(value_of(w, "flags"), vtep_flags) ^ WEFT_VTEP_RESOLVED,
		.ttl = number_of(w, "ttl", 64),
		.dscp = number_of(w, "dscp", 0),
	};

	bed_put(WEFT_TABLE_VTEP, &e);
}

static void put_flood(const struct words *w)
{
	struct weft_flood e = {.vni = number_of(w, "vni", 0), .remote = addr_of(w, "remote")};

	bed_put(WEFT_TABLE_FLOOD, &e);
}

static void put_fdb(const struct words *w)
{
	struct weft_fdb e = {.vni = number_of(w, "vni", 0),
		.port = number_of(w, "port", 0),
		.mac = mac_of(w, "mac"),
		.remote = addr_of(w, "remote")};

	bed_put(WEFT_TABLE_FDB, &e);
}

static void put_neigh(const struct words *w)
{
	struct weft_neigh e = {
		.vni = number_of(w, "vni", 0), .addr = addr_of(w, "addr"), .mac = mac_of(w, "mac")};

	bed_put(WEFT_TABLE_NEIGH, &e);
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
		bad("no mbuf left", NULL);
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
			bad("hex", hex);
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
		bad("no such port", w->n > 1 ? w->word[1] : NULL);
	return p;
}

static const char *arg(const struct words *w, unsigned int i)
{
	if (i >= w->n)
		bad("missing argument", w->word[0]);
	return w->word[i];
}

static void cmd_in(const struct words *w)
{
	struct port *p = port_arg(w);
	struct rte_mbuf *m = frame_of(arg(w, 2), number_of(w, "split", UINT16_MAX));

	if (value_of(w, "lro")) {
		m->ol_flags |= RTE_MBUF_F_RX_LRO | RTE_MBUF_F_RX_L4_CKSUM_NONE;
		m->tso_segsz = number_of(w, "lro", 0);
	}
	if (strcmp(w->word[w->n - 1], "partial") == 0)
		m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_NONE;
	if (!fake_inject(p, 0, m))
		bad("ring is full", NULL);
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

static void print_out(uint32_t id, struct rte_mbuf *m)
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

static void print_leak(const char *name, struct rte_mempool *pool)
{
	unsigned int n = rte_mempool_in_use_count(pool);

	if (n)
		printf("leak %s %u\n", name, n);
}

static void run_port(const struct config *cfg, struct port *dev)
{
	struct rte_mbuf *pkts[PIPELINE_BURST];
	uint16_t n;

	while ((n = port_rx(dev, 0, pkts, PIPELINE_BURST)) > 0)
		pipeline_run(pl, cfg, cfg->ports[dev->slot], pkts, n);
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
			print_out(port_ids[i], m);
	}
	for (unsigned int i = 0; i < n_ports; i++)
		print_stats(port_ids[i]);
	print_leak("packet", mem_pools.packet);
	print_leak("huge", mem_pools.huge);
	print_leak("indirect", mem_pools.indirect);
	printf("done\n");
	fflush(stdout);
}

static void cmd_reset(const struct words *w)
{
	bed_reset();
	n_ports = 0;
	clock_warp(100000); /* full buckets */
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
	fake_set_offloads(port_arg(w), flags_of(arg(w, 2), offload_names));
}

static void cmd_warp(const struct words *w)
{
	clock_warp(strtoul(arg(w, 1), NULL, 0));
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
	{"segment", put_segment},
	{"port", put_port},
	{"local-vtep", put_local_vtep},
	{"vtep", put_vtep},
	{"flood", put_flood},
	{"fdb", put_fdb},
	{"neighbour", put_neigh},
	{"commit", cmd_commit},
	{"link", cmd_link},
	{"accept", cmd_accept},
	{"offloads", cmd_offloads},
	{"in", cmd_in},
	{"warp", cmd_warp},
	{"spare", cmd_spare},
	{"learn", cmd_learn},
	{"go", cmd_go},
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
	bad("command", w.word[0]);
}

int main(void)
{
	static char line[LINE_SIZE];

	test_eal_init(96);
	bed_init(MBUFS, 1);
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
