/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a direction's decision to the one that programs read. What they can't carry out exactly as
 * the session path does is refused here: its packets stay with the data plane. Limits are never
 * wider than the data plane's; what is longer comes as a miss and gets its answer. Workers.
 */
#include <netinet/in.h>

#include <rte_common.h>
#include <rte_ether.h>

#include <pkt/gso.h>

#include "offload_priv.h"

static_assert(WEFT_BPF_GSO_SEGS_MAX == PKT_GSO_SEGS_MAX, "one verdict");

static void describe_key(const struct session_key *k, struct weft_bpf_key *ret)
{
	*ret = (struct weft_bpf_key){
		.sport = k->sport,
		.dport = k->dport,
		.proto = k->proto,
		.icmp_type = k->icmp_type,
		.family = weft_addr_is_v4(&k->src) ? 4 : 6,
	};
	memcpy(ret->src, &k->src, sizeof(ret->src));
	memcpy(ret->dst, &k->dst, sizeof(ret->dst));
}

/* A tunnel that exists, on an uplink with programs. NULL: not so. */
static const struct config_vtep *tunnel_at(const struct config *cfg, uint16_t slot)
{
	const struct config_vtep *v = cfg->vteps[slot];

	return v && v->uplink_slot && offload_port_at(v->uplink_slot).ifindex ? v : NULL;
}

static bool describe_from_port(
	const struct session_dir *d, struct weft_bpf_key *key, struct weft_bpf_decision *ret)
{
	struct offload_port p = offload_port_at(d->in);

	if (p.ifindex == 0)
		return false;
	key->scope = weft_bpf_scope_port(p.ifindex);
	ret->in_port = d->in;
	return true;
}

/* Answers to what goes to a VTEP come from there; what another one sends is left to the data plane.
 */
static bool describe_from_tunnel(const struct session_dir *d, dest_t back, const struct config *cfg,
	struct weft_bpf_key *key, struct weft_bpf_decision *ret)
{
	const struct config_segment *seg = cfg->segments[d->key.segment];
	const struct config_vtep *v = back & DEST_VTEP_BIT ? tunnel_at(cfg, DEST_SLOT(back)) : NULL;

	if (!seg || !v || !config_segment_has_vtep(seg, v->slot))
		return false;
	key->scope = weft_bpf_scope_vni(seg->spec.vni);
	ret->in_port = v->uplink_slot;
	ret->in_vtep = v->slot;
	return true;
}

static bool describe_to_tunnel(const struct session_dir *d, const struct config_segment *out,
	const struct config *cfg, struct weft_bpf_decision *ret)
{
	const struct config_vtep *v = tunnel_at(cfg, DEST_SLOT(d->dest));
	uint32_t room;

	if (!v || d->in == 0)
		return false;
	room = offload_port_at(v->uplink_slot).max_l3;
	room = room > v->hdr.size ? room - v->hdr.size : 0;
	ret->out_port = v->uplink_slot;
	ret->out_vtep = v->slot;
	ret->out_vni = out->spec.vni;
	ret->flow_hash = d->flow_hash;
	room = RTE_MIN(room, v->inner_mtu);
	ret->max_l3 = RTE_MIN(room, out->spec.mtu);
	return true;
}

static bool describe_to_port(const struct session_dir *d, const struct config_segment *out,
	const struct config *cfg, struct weft_bpf_decision *ret)
{
	const struct config_port *port = cfg->ports[DEST_SLOT(d->dest)];
	struct offload_port p = offload_port_at(DEST_SLOT(d->dest));

	if (!port || port->segment_slot != out->slot || port->slot == d->in || p.ifindex == 0)
		return false;
	ret->out_port = port->slot;
	ret->out_ifindex = p.ifindex;
	ret->flags |= p.flags & (WEFT_BPF_DIR_PEER | WEFT_BPF_DIR_XDP);
	ret->max_l3 = d->in ? RTE_MIN(p.max_l3, out->spec.mtu) : p.max_l3;
	return true;
}

bool offload_describe(const struct session *s, unsigned int i, const struct config *cfg,
	struct weft_bpf_key *ret_key, struct weft_bpf_decision *ret)
{
	const struct session_dir *d = &s->dir[i];
	const struct config_segment *out = cfg->segments[d->out_segment];
	bool ok;

	describe_key(&d->key, ret_key);
	memset(ret, 0, sizeof(*ret));
	ret->segment = d->key.segment;
	memcpy(ret->match_macs, d->match_macs, sizeof(ret->match_macs));
	if (s->flags & SESSION_PLAIN)
		ret->flags = WEFT_BPF_DIR_PLAIN;
	if (d->flags & SESSION_DIR_ROUTED) {
		ret->flags |= WEFT_BPF_DIR_ROUTED;
		memcpy(ret->rewrite_macs, d->rewrite_macs, sizeof(ret->rewrite_macs));
	}
	if (!out)
		return false;
	if (d->in)
		ok = describe_from_port(d, ret_key, ret);
	else
		ok = describe_from_tunnel(d, s->dir[!i].dest, cfg, ret_key, ret);
	if (!ok)
		return false;
	return d->dest & DEST_VTEP_BIT ? describe_to_tunnel(d, out, cfg, ret)
				       : describe_to_port(d, out, cfg, ret);
}
