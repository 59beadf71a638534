/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See shadow.h. What a program carried it tells as to somebody who watches (weft_bpf/trace.h).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_xdp.h>
#include <linux/pkt_cls.h>

#include <weft/limits.h>
#include <weft_bpf/uplink.h>

#include "shadow.h"
#include "tables.h"
#include "tc_port.skel.h"
#include "tc_port_gso.skel.h"
#include "tc_uplink.skel.h"
#include "xdp_uplink.skel.h"

#define N_DIRS	     256
#define TC_FRAME_MIN 54 /* the kernel wants to see an IP header */

static struct tc_port *port;
static struct tc_port_gso *port_gso;
static struct tc_uplink *tc;
static struct xdp_uplink *xdp;
static int xsk = -1;
static struct weft_bpf_state states[N_DIRS];

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	printf("shadow: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void load(struct bpf_object *obj)
{
	int error = tables_load(obj, N_DIRS);

	if (error < 0)
		exit(error == -EPERM ? 77 : 1);
}

/* A socket with a receive ring is enough for the map; it is bound nowhere. */
static void set_socket(void)
{
	const uint32_t zero = 0, ring_size = 64;

	xsk = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	need(xsk >= 0, "AF_XDP");
	need(setsockopt(xsk, SOL_XDP, XDP_RX_RING, &ring_size, sizeof(ring_size)) == 0, "its ring");
	need(bpf_map_update_elem(bpf_map__fd(xdp->maps.weft_xsks), &zero, &xsk, BPF_ANY) == 0,
		"map of sockets");
}

void shadow_init(void)
{
	port = tc_port__open();
	port_gso = tc_port_gso__open();
	tc = tc_uplink__open();
	xdp = xdp_uplink__open();
	need(port && port_gso && tc && xdp, "opening the programs");
	load(port->obj);
	load(port_gso->obj);
	load(tc->obj);
	load(xdp->obj);
	set_socket();
	tables.control->layout = 0;
	tables.control->watch = 1;
}

void shadow_fini(void)
{
	close(xsk);
	tc_port__destroy(port);
	tc_port_gso__destroy(port_gso);
	tc_uplink__destroy(tc);
	xdp_uplink__destroy(xdp);
	tables_free();
}

struct offload_tables shadow_tables(void)
{
	return (struct offload_tables){
		.control = tables.control,
		.epochs = tables.epochs,
		.buckets = tables.buckets,
		.dirs = tables.dirs,
		.tunnels = tables.tunnels,
		.n_buckets = N_DIRS / 4,
		.n_dirs = N_DIRS,
	};
}

void shadow_add_vtep(const struct weft_addr *addr)
{
	const uint32_t one = 1;

	need(bpf_map_update_elem(bpf_map__fd(tc->maps.weft_vteps), addr, &one, BPF_ANY) == 0,
		"map of VTEPs");
}

void shadow_add_device(uint32_t ifindex)
{
	need(bpf_map_update_elem(bpf_map__fd(xdp->maps.weft_devs), &ifindex, &ifindex, BPF_ANY) ==
			0,
		"map of devices");
}

static void keep_states(void)
{
	for (uint32_t i = 0; i < N_DIRS; i++)
		states[i] = tables.dirs[i].state;
}

static void expect_states(uint32_t but)
{
	for (uint32_t i = 0; i < N_DIRS; i++)
		need(i == but || memcmp(&states[i], &tables.dirs[i].state, sizeof(states[i])) == 0,
			"a state changed that is none of the frame's");
}

static uint32_t index_of(const struct weft_bpf_key *key)
{
	uint64_t hash = weft_bpf_hash(key, tables.control->hash_seed);
	uint32_t at = weft_bpf_hash_bucket(hash, tables.control->n_buckets_mask);

	for (unsigned int i = 0; i < WEFT_BPF_PLACES; i++) {
		uint64_t place = tables.buckets[at].place[i];

		if ((uint32_t)place == weft_bpf_hash_tag(hash))
			return place >> 32;
	}
	return 0;
}

static bool is_carried(void)
{
	return tables.trace[0].watch.head != 0;
}

static const struct weft_bpf_decision *carried_decision(void)
{
	return &tables.trace[1].carried.d;
}

/* Out of a port's device goes what is marked; what goes into the other end of it or into a tunnel
 * leaves this host's hands without one. */
static uint32_t expected_mark(void)
{
	const struct weft_bpf_decision *d = carried_decision();

	if (is_carried() && (d->out_ifindex == 0 || (d->flags & WEFT_BPF_DIR_PEER)))
		return 0;
	return tables.control->mark;
}

static int run_tc(int fd, const struct shadow_frame *f, struct shadow *ret)
{
	struct __sk_buff skb = {.ifindex = f->ifindex, .gso_size = f->gso_size}, after;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->b, .data_size_in = f->len,
		.data_out = ret->b, .data_size_out = sizeof(ret->b), .repeat = 1, .ctx_in = &skb,
		.ctx_size_in = sizeof(skb), .ctx_out = &after, .ctx_size_out = sizeof(after));

	if (f->gso_size)
		skb.gso_segs = 1 + f->len / f->gso_size;
	if (bpf_prog_test_run_opts(fd, &opts) < 0)
		return -errno;
	ret->len = opts.data_size_out;
	ret->gso_size = after.gso_size;
	ret->sent = opts.retval == TC_ACT_REDIRECT && after.mark == expected_mark();
	return 0;
}

/* By weft_devs as it is, else with what weft_deliver is to know. */
static bool sent_by_xdp(uint32_t action, const struct weft_bpf_meta *meta)
{
	const struct weft_bpf_decision *d = carried_decision();
	bool marked = meta->mark == tables.control->mark;
	uint32_t out = d->out_ifindex;

	if (!is_carried() || (d->flags & WEFT_BPF_DIR_XDP))
		return action == XDP_REDIRECT && !marked;
	if (d->flags & WEFT_BPF_DIR_PEER)
		out |= WEFT_BPF_META_PEER;
	return action == XDP_PASS && marked && meta->out == out;
}

/* The frame without what is in front for weft_deliver. */
static int run_xdp(int fd, const struct shadow_frame *f, struct shadow *ret)
{
	uint8_t out[SHADOW_BYTES + sizeof(struct weft_bpf_meta)];
	struct weft_bpf_meta meta;
	uint32_t skip = 0;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->b, .data_size_in = f->len,
		.data_out = out, .data_size_out = sizeof(out), .repeat = 1);

	if (bpf_prog_test_run_opts(fd, &opts) < 0)
		return -errno;
	memcpy(&meta, out, sizeof(meta));
	if (is_carried() && meta.mark == tables.control->mark)
		skip = sizeof(meta);
	ret->len = opts.data_size_out - skip;
	memcpy(ret->b, out + skip, ret->len);
	ret->gso_size = 0;
	ret->sent = sent_by_xdp(opts.retval, &meta);
	return 0;
}

static struct weft_bpf_port_counters delta(
	const struct weft_bpf_port_counters *a, const struct weft_bpf_port_counters *b)
{
	return (struct weft_bpf_port_counters){b->rx_packets - a->rx_packets,
		b->rx_bytes - a->rx_bytes, b->tx_packets - a->tx_packets,
		b->tx_bytes - a->tx_bytes};
}

/* Ports by slot, before: only what the frame's own ones count is read again. */
#define SLOTS 64
static struct weft_bpf_port_counters ports[SLOTS];

static void keep_ports(void)
{
	for (uint32_t i = 0; i < SLOTS; i++)
		ports[i] = tables_port(i);
}

static void take_ports(struct shadow *ret)
{
	struct weft_bpf_port_counters in = tables_port(ret->d.in_port),
				      out = tables_port(ret->d.out_port);

	ret->in = delta(&ports[ret->d.in_port], &in);
	ret->out = delta(&ports[ret->d.out_port], &out);
	ports[ret->d.in_port] = in;
	ports[ret->d.out_port] = out;
}

static void take_hit(struct shadow *ret)
{
	struct weft_bpf_carried *r = &tables.trace[1].carried;
	uint32_t index;

	need(r->state == WEFT_BPF_CARRIED_FULL, "a record is missing");
	ret->key = r->key;
	ret->d = r->d;
	index = index_of(&r->key);
	need(index && ret->d.in_port < SLOTS && ret->d.out_port < SLOTS, "a hit without a session");
	expect_states(index);
	ret->before = states[index];
	ret->after = tables.dirs[index].state;
	tables.dirs[index].state = ret->before;
	take_ports(ret);
}

bool shadow_run(enum weft_bpf_prog prog, const struct shadow_frame *f, struct shadow *ret)
{
	static bool begun;
	int r;

	if (f->len < TC_FRAME_MIN || f->len > SHADOW_BYTES - 100)
		return false;
	if (!begun)
		keep_ports();
	begun = true;
	keep_states();
	tables.trace[0].watch.head = 0;
	tables.trace[1].carried.state = WEFT_BPF_CARRIED_FREE;
	if (prog == WEFT_BPF_PROG_PORT)
		r = run_tc(bpf_program__fd(
				   f->gso_size ? port_gso->progs.weft_port : port->progs.weft_port),
			f, ret);
	else if (prog == WEFT_BPF_PROG_UPLINK_TC)
		r = run_tc(bpf_program__fd(tc->progs.weft_uplink_tc), f, ret);
	else
		r = run_xdp(bpf_program__fd(xdp->progs.weft_uplink), f, ret);
	need(r == 0, "running a program");
	ret->hit = is_carried();
	if (ret->hit)
		take_hit(ret);
	else
		expect_states(0);
	return true;
}

uint64_t shadow_hits(enum weft_bpf_prog prog)
{
	return tables_prog(prog).hits;
}

void shadow_print_misses(void)
{
	static const char *const names[] = {"",
#define NAME(name, text) text,
		WEFT_BPF_MISSES(NAME)
#undef NAME
	};
	static const enum weft_bpf_prog progs[] = {
		WEFT_BPF_PROG_PORT, WEFT_BPF_PROG_UPLINK_TC, WEFT_BPF_PROG_UPLINK_XDP};

	for (unsigned int i = 0; i < 3; i++) {
		struct weft_bpf_prog_counters c = tables_prog(progs[i]);

		printf("program %u: %llu hits, misses:", progs[i], c.hits);
		for (unsigned int k = 1; k < WEFT_BPF_MISS_N; k++)
			if (c.misses[k])
				printf(" %s %llu", names[k], c.misses[k]);
		putchar('\n');
	}
}
