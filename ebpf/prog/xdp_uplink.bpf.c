/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * XDP on a kernel uplink: VXLAN of sessions that the data plane has decided upon loses its outer
 * headers and goes to its port; other VXLAN for this host's VTEP addresses goes to the data plane's
 * AF_XDP socket of the receive queue; all else stays with the kernel, untouched.
 *
 * VXLAN for us never reaches the kernel's own stack: without a socket it is dropped (no-uplink), so
 * that a data plane that is away cannot turn tenant traffic into host traffic. A first fragment of
 * VXLAN is dropped (RFC 7348 section 4.3); later fragments carry no port and stay with the kernel,
 * where they wait for a first one that never comes.
 *
 * A session's frame goes by weft_devs only when its port is known to take XDP frames: a veth whose
 * other end has neither NAPI nor a program loses them, and a tenant may switch NAPI off. Otherwise
 * it goes up the kernel's receive path, where GRO joins TCP segments, to weft_deliver. Per small
 * frame the devmap takes 0.5 to 0.6 of the CPU time of that; for TCP the two are alike, since GRO
 * makes up for the longer way (perf/fastpath).
 */
#include <linux/bpf.h>
#include <stddef.h>

#include <bpf/bpf_helpers.h>

#include "lib/count.h"
#include "lib/encap.h"
#include "lib/steer.h"
#include "lib/trace.h"

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, WEFT_BPF_MAX_QUEUES);
	__type(key, __u32);
	__type(value, __u32);
} weft_xsks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, WEFT_BPF_MAX_DEVS);
	__type(key, __u32);
	__type(value, __u32);
} weft_devs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weft_bpf_uplink_counters);
} weft_uplink_cnt SEC(".maps");

static __always_inline struct cursor xdp_cursor(struct xdp_md *ctx)
{
	return (struct cursor){
		.pos = (void *)(unsigned long)ctx->data,
		.end = (void *)(unsigned long)ctx->data_end,
	};
}

static __always_inline int xdp_judge(struct xdp_md *ctx, const struct weft_bpf_control *ctl,
	__u32 len, struct outer *o, struct packet *p, struct hit *h)
{
	struct cursor c = xdp_cursor(ctx);
	__u8 flags;
	int miss = outer_parse(&c, len, o);

	if (miss)
		return miss;
	/* nobody says whether it is right, and this is not the place to sum up a whole packet */
	if (o->has_sum)
		return WEFT_BPF_MISS_OUTER;
	p->key.scope = weft_bpf_scope_vni(o->vni);
	miss = parse_frame(&c, o->inner_len, 0, p);
	if (!miss)
		miss = hit_find(ctl, p, 0, h);
	if (miss)
		return miss;
	/* nothing goes from a tunnel to a tunnel */
	if (h->d.out_ifindex == 0)
		return WEFT_BPF_MISS_VTEP;
	miss = outer_judge(o, p, &h->d, ctx->ingress_ifindex, &flags);
	if (!miss && !(h->d.flags & WEFT_BPF_DIR_XDP) && !(flags & WEFT_BPF_TUNNEL_DELIVER))
		return WEFT_BPF_MISS_KERNEL;
	return miss;
}

/* Writes for weft_deliver, in front of the frame, where there is room for it (xdp_make_room), what
 * it is to do. */
static __always_inline int xdp_put_meta(
	struct xdp_md *ctx, const struct weft_bpf_control *ctl, const struct hit *h)
{
	struct weft_bpf_meta *meta = (void *)(unsigned long)ctx->data_meta;

	if ((void *)(meta + 1) > (void *)(unsigned long)ctx->data)
		return -1;
	meta->mark = ctl->mark;
	meta->out = h->d.out_ifindex | (h->d.flags & WEFT_BPF_DIR_PEER ? WEFT_BPF_META_PEER : 0);
	return 0;
}

/* Not every driver has any, or has some left. */
static __always_inline int xdp_make_room(struct xdp_md *ctx)
{
	struct weft_bpf_meta *meta;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta)))
		return WEFT_BPF_MISS_KERNEL;
	meta = (void *)(unsigned long)ctx->data_meta;
	if ((void *)(meta + 1) > (void *)(unsigned long)ctx->data)
		return WEFT_BPF_MISS_KERNEL;
	*meta = (struct weft_bpf_meta){0};
	return 0;
}

/* Cuts what stands behind the inner packet. */
static __always_inline int xdp_trim(
	struct xdp_md *ctx, __u32 len, const struct outer *o, const struct packet *p)
{
	__u32 want = o->size + ETH_HLEN + p->l3_len;

	return len > want && bpf_xdp_adjust_tail(ctx, -(int)(len - want)) ? WEFT_BPF_MISS_KERNEL
									  : 0;
}

/* Takes the outer headers off; the inner frame gets p's head. Returns 0, or -1 when it is lost. */
static __always_inline int xdp_decap(
	struct xdp_md *ctx, const struct outer *o, const struct packet *p)
{
	void *data;

	if (bpf_xdp_adjust_head(ctx, o->size))
		return -1;
	data = (void *)(unsigned long)ctx->data;
	if (data + HEAD_SIZE > (void *)(unsigned long)ctx->data_end)
		return -1;
	__builtin_memcpy(data, p->head, HEAD_SIZE);
	return 0;
}

static __always_inline int xdp_hit(struct xdp_md *ctx, int *ret_action)
{
	const struct weft_bpf_control *ctl = control();
	__u32 len = bpf_xdp_get_buff_len(ctx);
	struct packet p = {};
	struct outer o;
	struct hit h;
	int miss, by_xdp;

	if (!ctl || !control_ready(ctl))
		return WEFT_BPF_MISS_NOT_READY;
	miss = xdp_judge(ctx, ctl, len, &o, &p, &h);
	if (miss)
		return miss;
	by_xdp = h.d.flags & WEFT_BPF_DIR_XDP;
	if (h.d.flags & WEFT_BPF_DIR_ROUTED)
		hit_route(&h, &p);
	/* What may fail comes first, and cutting after it: what stands behind the inner packet may
	 * be within the outer one, which would be cut short for the data plane. No frame that keeps
	 * its outer headers carries the mark. */
	miss = by_xdp ? 0 : xdp_make_room(ctx);
	if (!miss)
		miss = xdp_trim(ctx, len, &o, &p);
	if (!miss)
		miss = xdp_decap(ctx, &o, &p);
	if (!miss && !by_xdp)
		miss = xdp_put_meta(ctx, ctl, &h);
	if (miss)
		return miss;
	hit_done(ctl, &p, &h, len, ETH_HLEN + p.l3_len);
	trace_hit(ctl, WEFT_BPF_PROG_UPLINK_XDP, &p, &h, 0);
	*ret_action = by_xdp ? bpf_redirect_map(&weft_devs, h.d.out_ifindex, XDP_DROP) : XDP_PASS;
	return 0;
}

/* What is no session's. */
static __always_inline int xdp_other(struct xdp_md *ctx, int miss)
{
	struct weft_bpf_uplink_counters *counters;
	struct cursor c = xdp_cursor(ctx);
	__u32 zero = 0;

	counters = bpf_map_lookup_elem(&weft_uplink_cnt, &zero);
	if (!counters)
		return XDP_ABORTED;
	switch (steer(&c)) {
	case STEER_NOT_OURS:
		counters->passed++;
		return XDP_PASS;
	case STEER_FRAGMENT:
		counters->dropped[WEFT_DROP_OUTER_FRAGMENT]++;
		return XDP_DROP;
	case STEER_VXLAN:
		break;
	}
	if (bpf_redirect_map(&weft_xsks, ctx->rx_queue_index, XDP_DROP) != XDP_REDIRECT) {
		counters->dropped[WEFT_DROP_NO_UPLINK]++;
		return XDP_DROP;
	}
	count_miss(WEFT_BPF_PROG_UPLINK_XDP, miss);
	counters->redirected++;
	return XDP_REDIRECT;
}

SEC("xdp.frags")
int weft_uplink(struct xdp_md *ctx)
{
	int miss, action = XDP_DROP;

	miss = xdp_hit(ctx, &action);
	if (miss > 0)
		return xdp_other(ctx, miss);
	if (miss < 0 || action == XDP_DROP) {
		count_dropped(WEFT_BPF_PROG_UPLINK_XDP);
		return XDP_DROP;
	}
	count_hit(WEFT_BPF_PROG_UPLINK_XDP);
	return action;
}

char weft_license[] SEC("license") = "Dual BSD/GPL";
