/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is told of each step (trace.h). Slots become ids here. Workers; the main thread in dry runs.
 */
#include <netinet/in.h>

#include <core/clock.h>
#include <session/offload.h>
#include <tunnel/vxlan.h>
#include <weft_bpf/port.h>

#include "dry.h"
#include "path.h"
#include "trace.h"

/* A packet that has waited may have passed another filter. */
static void trace_tell(
	struct pipeline *pl, const struct pkt_meta *meta, const struct weft_trace_record *step)
{
	struct weft_trace_record r = *step;

	r.packet = meta->trace;
	r.time_ms = clock_ms();
	r.worker = pl->worker;
	if (pl->dry)
		dry_tell(pl->dry, &r);
	else if (pl->watch && pl->watch->number == meta->watch)
		watch_tell(pl, &r);
}

static bool trace_only_drops(const struct pipeline *pl)
{
	return pl->watch && !pl->probing && (pl->watch->filter.flags & WEFT_WATCH_DROPPED);
}

void trace_put(
	struct pipeline *pl, const struct pkt_meta *meta, const struct weft_trace_record *step)
{
	if (!trace_only_drops(pl))
		trace_tell(pl, meta, step);
}

static uint32_t trace_vni(const struct pipeline *pl, uint16_t segment)
{
	const struct config_segment *seg = pl->cfg->segments[segment];

	return seg ? seg->spec.vni : 0;
}

void trace_received(struct pipeline *pl, const struct config_port *port, const struct rte_mbuf *m)
{
	trace_put(pl, pkt_meta_const(m),
		&(struct weft_trace_record){.step = WEFT_TRACE_RECEIVED,
			.port = port->spec.id,
			.vni = port->spec.vni,
			.size = m->pkt_len});
}

static void trace_headers(
	const struct rte_mbuf *m, const struct pkt_meta *meta, struct weft_trace_record *r)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

	memcpy(r->dst_mac.b, frame, sizeof(r->dst_mac.b));
	memcpy(r->src_mac.b, frame + 6, sizeof(r->src_mac.b));
	r->size = m->pkt_len;
	if (!(meta->flags & (PKT_IPV4 | PKT_IPV6)))
		return;
	r->src = stage_addr(m, meta, false);
	r->dst = stage_addr(m, meta, true);
	r->proto = meta->l4_proto;
	if (meta->flags & PKT_L4) {
		r->sport = meta->sport;
		r->dport = meta->dport;
	}
}

/* What it is after PARSED: what came before is told too. */
static void trace_came(
	struct pipeline *pl, const struct pkt_meta *meta, const struct weft_trace_record *parsed)
{
	const struct config_vtep *vtep = pl->cfg->vteps[meta->in_vtep];
	uint32_t outer = 0; /* bytes that are gone */

	if ((meta->flags & PKT_FROM_TUNNEL) && vtep)
		outer = weft_addr_is_v4(&vtep->spec.remote) ? VXLAN_OVERHEAD_V4 : VXLAN_OVERHEAD_V6;
	if (!pl->dry) /* trace_received has told it */
		trace_tell(pl, meta,
			&(struct weft_trace_record){.step = WEFT_TRACE_RECEIVED,
				.port = parsed->port,
				.vni = meta->flags & PKT_FROM_TUNNEL ? 0 : parsed->vni,
				.size = parsed->size + outer});
	if ((meta->flags & PKT_FROM_TUNNEL) && vtep)
		trace_tell(pl, meta,
			&(struct weft_trace_record){.step = WEFT_TRACE_TUNNEL,
				.vni = parsed->vni,
				.src = vtep->spec.remote});
	trace_tell(pl, meta, parsed);
}

static struct weft_trace_record *trace_kept(struct pipeline *pl, const struct pkt_meta *meta)
{
	return &pl->watcher.came[meta->trace % WATCHER_KEPT];
}

void trace_parsed(struct pipeline *pl, struct rte_mbuf *m)
{
	struct pkt_meta *meta = pkt_meta(m);
	struct weft_trace_record r = {.step = WEFT_TRACE_PARSED, .port = pl->in->spec.id};

	if (!watch_packet(pl, m))
		return;
	r.packet = meta->trace;
	r.vni = trace_vni(pl, meta->segment);
	trace_headers(m, meta, &r);
	if (trace_only_drops(pl))
		*trace_kept(pl, meta) = r;
	else
		trace_came(pl, meta, &r);
}

void trace_rewritten(
	struct pipeline *pl, const struct rte_mbuf *m, const struct session_decision *dec)
{
	const struct pkt_meta *meta = pkt_meta_const(m);
	struct weft_trace_record r = {.vni = trace_vni(pl, meta->segment)};

	trace_headers(m, meta, &r);
	r.step = dec->flags & SESSION_DIR_TRANSLATED ? WEFT_TRACE_TRANSLATE : WEFT_TRACE_REWRITE;
	if (dec->flags & (SESSION_DIR_TRANSLATED | SESSION_DIR_ROUTED))
		trace_put(pl, meta, &r);
}

void trace_session(struct pipeline *pl, const struct pkt_meta *meta, enum weft_trace_step step,
	const struct session_key *key)
{
	trace_put(pl, meta,
		&(struct weft_trace_record){.step = step,
			.vni = trace_vni(pl, key->segment),
			.src = key->src,
			.dst = key->dst,
			.sport = key->sport,
			.dport = key->dport,
			.proto = key->proto});
}

static enum weft_bpf_prog trace_prog(const struct pipeline *pl, const struct pkt_meta *meta)
{
	if (!(meta->flags & PKT_FROM_TUNNEL))
		return WEFT_BPF_PROG_PORT;
	return pl->in->spec.kind == WEFT_PORT_AF_XDP ? WEFT_BPF_PROG_UPLINK_XDP
						     : WEFT_BPF_PROG_UPLINK_TC;
}

void trace_kernel(struct pipeline *pl, const struct rte_mbuf *m, const struct session_dir *d)
{
	const struct pkt_meta *meta = pkt_meta_const(m);
	const struct session_dir *real = pl->dry ? dry_real(pl->dry, d) : NULL;

	if (real && offload_takes(real, m))
		trace_put(pl, meta,
			&(struct weft_trace_record){
				.step = WEFT_TRACE_KERNEL, .n = trace_prog(pl, meta)});
}

void trace_dest(struct pipeline *pl, const struct pkt_meta *meta, const uint8_t *mac, dest_t dest)
{
	struct weft_trace_record r = {.step = WEFT_TRACE_FDB};
	uint16_t slot = DEST_SLOT(dest);

	memcpy(r.dst_mac.b, mac, sizeof(r.dst_mac.b));
	if (dest & DEST_VTEP_BIT)
		r.dst = pl->cfg->vteps[slot] ? pl->cfg->vteps[slot]->spec.remote : r.dst;
	else
		r.port = pl->cfg->ports[slot] ? pl->cfg->ports[slot]->spec.id : 0;
	trace_put(pl, meta, &r);
}

void trace_next(struct pipeline *pl, const struct pkt_meta *meta, const struct path_next *next,
	enum weft_drop drop)
{
	const struct config_router *router = pl->cfg->routers[next->by_router];
	bool found = !drop || drop == WEFT_DROP_NO_NEIGHBOUR;

	trace_put(pl, meta,
		&(struct weft_trace_record){.step = WEFT_TRACE_ROUTE,
			.router = router ? router->spec.id : 0,
			.vni = found ? trace_vni(pl, next->segment) : 0,
			.dst = next->hop,
			.n = next->prefix_len,
			.reason = found ? 0 : drop});
	if (drop || next->gateway)
		return;
	trace_put(pl, meta,
		&(struct weft_trace_record){.step = WEFT_TRACE_NEIGHBOUR,
			.dst = next->hop,
			.dst_mac = next->mac,
			.src_mac = next->router});
	trace_dest(pl, meta, next->mac.b, next->dest);
}

/* As its outer headers say: vxlan_encap makes UDP over IPv4 or IPv6 without options. What else an
 * uplink gets is for the underlay itself. */
static void trace_encap(struct pipeline *pl, const struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *), *ip = frame + 14;
	bool v4 = frame[12] == 0x08 && frame[13] == 0x00,
	     v6 = frame[12] == 0x86 && frame[13] == 0xdd;
	struct weft_trace_record r = {.step = WEFT_TRACE_ENCAPSULATE};
	const uint8_t *vxlan = ip + (v4 ? 20 : 40) + 8;

	if (!(v4 && ip[9] == IPPROTO_UDP) && !(v6 && ip[6] == IPPROTO_UDP))
		return;
	r.src = v4 ? weft_addr_from_v4(ip + 12) : *(const struct weft_addr *)(ip + 8);
	r.dst = v4 ? weft_addr_from_v4(ip + 16) : *(const struct weft_addr *)(ip + 24);
	r.vni = vxlan[4] << 16 | vxlan[5] << 8 | vxlan[6];
	trace_put(pl, pkt_meta_const(m), &r);
}

void trace_output(struct pipeline *pl, const struct rte_mbuf *m, const struct config_port *port)
{
	if (port->spec.role == WEFT_ROLE_UPLINK)
		trace_encap(pl, m);
	trace_put(pl, pkt_meta_const(m),
		&(struct weft_trace_record){
			.step = WEFT_TRACE_OUTPUT, .port = port->spec.id, .size = m->pkt_len});
}

void trace_antispoof(struct pipeline *pl, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		stage_trace(pl, pkt_meta(pkts[i]), .step = WEFT_TRACE_ANTI_SPOOF,
			.port = pl->in->spec.id);
}

static uint32_t trace_ruleset(const struct pipeline *pl, uint16_t slot)
{
	const struct policy_ruleset *r = pl->cfg->rulesets[slot];

	return slot && r ? r->spec.id : 0;
}

void trace_ends(struct pipeline *pl, const struct pkt_meta *meta, const struct policy_ends *ends,
	int verdict)
{
	for (unsigned int i = 0; i < 2; i++) {
		bool refused = verdict != VERDICT_CONTINUE && ends->port[i] &&
			       pl->blame.port == ends->port[i]->slot;

		if (!ends->port[i])
			continue;
		trace_put(pl, meta,
			&(struct weft_trace_record){.step = WEFT_TRACE_POLICY,
				.port = ends->port[i]->spec.id,
				.direction = i ? WEFT_RULE_INGRESS : WEFT_RULE_EGRESS,
				.ruleset = trace_ruleset(pl, ends->ruleset[i]),
				.rule = ends->rule[i],
				.action = !refused			       ? WEFT_RULE_ALLOW
					  : verdict == WEFT_DROP_POLICY_REJECT ? WEFT_RULE_REJECT
									       : WEFT_RULE_DENY});
		if (refused)
			return;
	}
}

/* Only drops are told: is this one? */
static bool trace_may_drop(struct pipeline *pl, const struct pkt_meta *meta)
{
	struct weft_trace_record *came = trace_kept(pl, meta);

	if (!watch_may(pl))
		return false;
	if (came->packet == meta->trace && came->step)
		trace_came(pl, meta, came);
	came->step = 0;
	return true;
}

void trace_drop(struct pipeline *pl, const struct rte_mbuf *m, enum weft_drop reason)
{
	const struct stage_blame *b = &pl->blame;
	struct weft_trace_record r = {.step = WEFT_TRACE_DROP, .reason = reason};

	if (!stage_traced(pkt_meta_const(m)) && !pl->dry) /* there, the parser refused it */
		return;
	if (b->port && pl->cfg->ports[b->port]) {
		r.port = pl->cfg->ports[b->port]->spec.id;
		r.ruleset = trace_ruleset(pl, b->ruleset);
		r.rule = b->rule;
	}
	if (!trace_only_drops(pl) || trace_may_drop(pl, pkt_meta_const(m)))
		trace_tell(pl, pkt_meta_const(m), &r);
}
