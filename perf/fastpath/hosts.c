/* SPDX-License-Identifier: BSD-3-Clause */
/* See hosts.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../tests/lib/test_netns.h"
#include "fastpath.h"
#include "fastpath.skel.h"
#include "hosts.h"
#include "tc_deliver.skel.h"
#include "tc_port.skel.h"
#include "tc_uplink.skel.h"
#include "xdp_uplink.skel.h"

#define SEGMENT	    1
#define EPOCH	    1
#define PORT_SLOT   1
#define UPLINK_SLOT 2

const char *const mode_names[MODES] = {
	[MODE_KERNEL] = "kernel bridge+vxlan",
	[MODE_KERNEL_CT] = "the same, conntrack",
	[MODE_TC_PEER] = "tc, redirect_peer",
	[MODE_TC] = "tc, redirect",
	[MODE_XDP] = "xdp uplink, GRO",
	[MODE_XDP_DEVMAP] = "xdp uplink, devmap",
	[MODE_WIRE] = "bare XDP redirect",
	[MODE_DROP] = "dropped at entry",
};

struct hosts hosts;
static int home;
static int taps[2][2]; /* packet sockets on port and uplink */
static struct tc_port *port;
static struct tc_uplink *uplink;
static struct tc_deliver *deliver;
static struct xdp_uplink *xdp[2]; /* one per host: a devmap is of one namespace */
static struct fastpath *around;

static void check(int error, const char *what)
{
	if (error < 0) {
		printf("%s: %s\n", what, strerror(-error));
		exit(1);
	}
}

static void run_host(int h, const char *commands)
{
	test_netns_run(
		hosts.host[h], "set -e; me=%d you=%d vni=%d; %s", h + 1, 2 - h, VNI, commands);
}

static void make_host(int h)
{
	run_host(h,
		"ip link set wbu0 down; ip link set wbu0 address 02:ff:00:00:00:0$me mtu 1600 up;"
		"ip addr add 192.0.2.$me/24 dev wbu0;"
		"ip neigh add 192.0.2.$you lladdr 02:ff:00:00:00:0$you dev wbu0;"
		"ip link add br0 type bridge; ip link set br0 up;"
		"echo 0 > /proc/sys/net/bridge/bridge-nf-call-iptables || true;"
		"ip link add vx0 type vxlan id $vni local 192.0.2.$me remote 192.0.2.$you "
		"dstport 4789 dev wbu0; ip link set vx0 mtu 1500 master br0 up;"
		"ip link set wbp0 master br0; ip link set wbm0 master br0;"
		"bridge link set dev wbm0 learning off flood off;"
		"bridge fdb replace 02:00:00:00:00:0$me dev wbp0 master static;"
		"bridge fdb replace 02:00:00:00:00:0$you dev vx0 master static");
	test_netns_run(hosts.tenant[h],
		"set -e; me=%d you=%d; ip link set wbe0 down;"
		"ip link set wbe0 address 02:00:00:00:00:0$me up; ip addr add 10.0.0.$me/24 dev "
		"wbe0;"
		"ip neigh add 10.0.0.$you lladdr 02:00:00:00:00:0$you dev wbe0",
		h + 1, 2 - h);
}

static int index_in(int ns, const char *name)
{
	int index;

	test_netns_enter(ns);
	index = if_nametoindex(name);
	test_netns_enter(home);
	return index;
}

static void find_indices(void)
{
	static const char *const names[] = {"wbp0", "wbu0", "wbm0"};
	int *const to[] = {&hosts.port, &hosts.uplink, &hosts.miss};

	for (int i = 0; i < 3; i++) {
		*to[i] = index_in(hosts.host[0], names[i]);
		if (*to[i] != index_in(hosts.host[1], names[i]))
			check(-EINVAL, "interfaces are numbered differently");
	}
	for (int h = 0; h < 2; h++)
		hosts.eth0[h] = index_in(hosts.tenant[h], "wbe0");
}

static void load(void)
{
	port = tc_port__open();
	uplink = tc_uplink__open();
	deliver = tc_deliver__open();
	xdp[0] = xdp_uplink__open();
	xdp[1] = xdp_uplink__open();
	around = fastpath__open_and_load();
	if (!port || !uplink || !deliver || !xdp[0] || !xdp[1] || !around)
		check(-errno, "opening the programs");
	check(tables_load(port->obj, 8192), "tc_port");
	check(tables_load(uplink->obj, 8192), "tc_uplink");
	check(tables_load(deliver->obj, 8192), "tc_deliver");
	for (int h = 0; h < 2; h++)
		check(tables_load(xdp[h]->obj, 8192), "xdp_uplink");
	tables.epochs[SEGMENT].epoch = EPOCH;
	around->bss->miss_mark = TABLES_MARK;
	around->bss->miss_ifindex = hosts.miss;
	for (int h = 0; h < 2; h++) {
		struct weft_bpf_tunnel t = tunnel_make(false, hosts.uplink), back = t;

		t.flags |= WEFT_BPF_TUNNEL_DELIVER;
		if (h == 1) {
			t.local = back.remote;
			t.remote = back.local;
			memcpy(t.hdr, back.hdr + 6, 6);
			memcpy(t.hdr + 6, back.hdr, 6);
			memcpy(t.hdr + 26, back.hdr + 30, 4);
			memcpy(t.hdr + 30, back.hdr + 26, 4);
		}
		tables_tunnel(1 + h, &t);
	}
}

void hosts_make(void)
{
	home = test_netns_own();
	libbpf_set_print(NULL);
	for (int h = 0; h < 2; h++) {
		hosts.host[h] = test_netns_new();
		hosts.tenant[h] = test_netns_new();
		test_netns_veth(hosts.host[h], "wbp0", hosts.tenant[h], "wbe0", 1);
		test_netns_veth(hosts.host[h], "wbm0", hosts.host[h], "wbm1", 1);
	}
	test_netns_veth(hosts.host[0], "wbu0", hosts.host[1], "wbu0", 1);
	for (int h = 0; h < 2; h++)
		make_host(h);
	find_indices();
	load();
}

void hosts_free(void)
{
	fastpath__destroy(around);
	xdp_uplink__destroy(xdp[1]);
	xdp_uplink__destroy(xdp[0]);
	tc_deliver__destroy(deliver);
	tc_uplink__destroy(uplink);
	tc_port__destroy(port);
	tables_free();
}

static void tc_put_at(int ns, int ifindex, const struct bpf_program *prog, uint32_t priority)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = priority, .flags = BPF_TC_F_REPLACE,
		.prog_fd = bpf_program__fd(prog));
	int error;

	test_netns_enter(ns);
	error = bpf_tc_hook_create(&hook);
	if (error == 0 || error == -EEXIST)
		error = bpf_tc_attach(&hook, &opts);
	test_netns_enter(home);
	check(error, "attaching to tc");
}

static void tc_put(int ns, int ifindex, const struct bpf_program *prog)
{
	tc_put_at(ns, ifindex, prog, 1);
}

static void xdp_put(int ns, int ifindex, const struct bpf_program *prog)
{
	int error;

	test_netns_enter(ns);
	error = bpf_xdp_attach(
		ifindex, prog ? bpf_program__fd(prog) : -1, XDP_FLAGS_DRV_MODE, NULL);
	test_netns_enter(home);
	check(error, "attaching to XDP");
}

/* A stateful filter on the bridge by br_netfilter; the bridge's own tables can't track here. */
static void set_filter(int ns, bool on)
{
	test_netns_run(ns,
		"nft delete table inet weft_bench 2>/dev/null; "
		"echo %d > /proc/sys/net/bridge/bridge-nf-call-iptables",
		on);
	if (on)
		test_netns_run(ns, "nft 'table inet weft_bench { chain forward { "
				   "type filter hook forward priority 0; policy drop; "
				   "ct state established,related accept; "
				   "ip saddr 10.0.0.0/24 ct state new accept; }; }'");
}

/* What the data plane's packet socket costs every frame that is no miss: its filter. */
static void tap(int h, const char *device, int *fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_MARK)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TABLES_MARK, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog filter = {.len = 4, .filter = code};
	struct sockaddr_ll addr = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};

	test_netns_enter(hosts.host[h]);
	addr.sll_ifindex = if_nametoindex(device);
	*fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (*fd < 0 || setsockopt(*fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0 ||
		bind(*fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		check(-errno, "packet socket");
	test_netns_enter(home);
}

static void untap(int h)
{
	for (int i = 0; i < 2; i++) {
		if (taps[h][i] > 0)
			close(taps[h][i]);
		taps[h][i] = -1;
	}
}

/* Misses pass the bridge, or, when there are to be none, a socket that never reads. */
static void set_port(int h, bool misses)
{
	if (misses) {
		tc_put_at(hosts.host[h], hosts.port, around->progs.misses, 1);
		tc_put_at(hosts.host[h], hosts.port, port->progs.weft_port, 2);
	} else {
		tc_put(hosts.host[h], hosts.port, port->progs.weft_port);
		tap(h, "wbp0", &taps[h][0]);
	}
}

static void set_host(int h, enum mode mode, bool misses)
{
	int ns = hosts.host[h];
	uint32_t index = hosts.port;

	untap(h);
	xdp_put(ns, hosts.uplink, NULL);
	xdp_put(ns, hosts.port, NULL);
	test_netns_run(ns, "for d in wbp0 wbu0; do tc qdisc del dev $d clsact 2>/dev/null; done; "
			   "true");
	test_netns_run(hosts.tenant[h], "ethtool -K wbe0 gro on >/dev/null");
	/* XDP sees what a wire would carry: whole checksums, no GSO frames */
	test_netns_run(ns,
		"ethtool -K wbp0 gro on >/dev/null; ethtool -K wbu0 gro on tx %s >/dev/null",
		mode == MODE_XDP || mode == MODE_XDP_DEVMAP ? "off" : "on");
	set_filter(ns, mode == MODE_KERNEL_CT);
	if (mode == MODE_KERNEL || mode == MODE_KERNEL_CT || mode == MODE_DROP)
		return;
	if (mode == MODE_WIRE) {
		around->bss->wire_ifindex[0] = hosts.uplink;
		around->bss->wire_ifindex[1] = hosts.port;
		xdp_put(ns, hosts.port, around->progs.wire);
		xdp_put(ns, hosts.uplink, around->progs.wire);
		return;
	}
	set_port(h, misses);
	if (mode == MODE_TC || mode == MODE_TC_PEER) {
		tc_put(ns, hosts.uplink, uplink->progs.weft_uplink_tc);
		if (!misses)
			tap(h, "wbu0", &taps[h][1]);
		return;
	}
	test_netns_enter(ns);
	bpf_map_update_elem(bpf_map__fd(xdp[h]->maps.weft_devs), &index, &index, BPF_ANY);
	test_netns_enter(home);
	xdp_put(ns, hosts.uplink, xdp[h]->progs.weft_uplink);
	tc_put(ns, hosts.uplink, deliver->progs.weft_deliver);
}

void hosts_set(enum mode mode, bool misses)
{
	tables_clear();
	for (int h = 0; h < 2; h++)
		set_host(h, mode, misses);
}

struct flow hosts_flow(uint8_t proto)
{
	struct flow f = flow_make(false, proto);

	memcpy(f.dst + 12, "\x0a\x00\x00\x02", 4);
	return f;
}

static uint16_t out_flags(enum mode mode)
{
	return mode == MODE_XDP_DEVMAP ? WEFT_BPF_DIR_XDP : mode == MODE_TC ? 0 : WEFT_BPF_DIR_PEER;
}

/* On host h: what its tenant sends into the tunnel (out), and what comes back. */
static void put_pair(int h, const struct flow *f, const struct flow *back, enum mode mode,
	const struct session_tcp *own, const struct session_tcp *peer)
{
	struct weft_bpf_key key[2] = {flow_key(f, weft_bpf_scope_port(hosts.port)),
		flow_key(back, weft_bpf_scope_vni(VNI))};
	struct weft_bpf_decision out = {
		.epoch = EPOCH,
		.segment = SEGMENT,
		.in_port = PORT_SLOT,
		.out_port = UPLINK_SLOT,
		.out_vtep = 1 + h,
		.out_vni = VNI,
		.flow_hash = f->sport * 2654435761u,
		.max_l3 = 1500,
	};
	struct weft_bpf_decision in = {
		.epoch = EPOCH,
		.segment = SEGMENT,
		.flags = out_flags(mode),
		.out_ifindex = hosts.port,
		.in_port = UPLINK_SLOT,
		.in_vtep = 1 + h,
		.out_port = PORT_SLOT,
		.max_l3 = 1500,
	};
	uint32_t a, b;

	memcpy(out.match_macs, f->dst_mac, 6);
	memcpy(out.match_macs + 6, f->src_mac, 6);
	memcpy(in.match_macs, back->dst_mac, 6);
	memcpy(in.match_macs + 6, back->src_mac, 6);
	a = tables_put(&key[0], &out, own);
	in.peer = a;
	b = tables_put(&key[1], &in, peer);
	tables.dirs[a].d.peer = b;
}

void hosts_put_session(const struct flow *f, enum mode mode, const struct session_tcp tcp[2])
{
	struct flow back = *f;

	memcpy(back.src, f->dst, 16);
	memcpy(back.dst, f->src, 16);
	memcpy(back.src_mac, f->dst_mac, 6);
	memcpy(back.dst_mac, f->src_mac, 6);
	back.sport = f->dport;
	back.dport = f->sport;
	put_pair(0, f, &back, mode, &tcp[0], &tcp[1]);
	put_pair(1, &back, f, mode, &tcp[1], &tcp[0]);
}

int hosts_source_fd(int ifindex, uint32_t n_flows, const struct frame *f, uint32_t port_at)
{
	struct fastpath_source *s = &around->bss->sources[0];

	memcpy(s->headers, f->b, sizeof(s->headers));
	s->ifindex = ifindex;
	s->len = f->len;
	s->port_at = port_at;
	around->bss->source_flows = n_flows;
	return bpf_program__fd(around->progs.source);
}

void hosts_sink(int ns, const char *device, int ifindex, enum hosts_sink sink)
{
	xdp_put(ns, ifindex, sink == SINK_XDP ? around->progs.sink : NULL);
	test_netns_run(ns, "tc qdisc del dev %s clsact 2>/dev/null; true", device);
	if (sink == SINK_TC)
		tc_put(ns, ifindex, around->progs.sink_tc);
}

uint64_t hosts_sunk(void)
{
	uint64_t all[256], n = 0;
	const uint32_t zero = 0;

	check(bpf_map_lookup_elem(bpf_map__fd(around->maps.sunk), &zero, all), "sink");
	for (int i = 0; i < libbpf_num_possible_cpus(); i++)
		n += all[i];
	return n;
}
