/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Instance metadata (metadata.h). A connection to a metadata address is a session whose first
 * direction leads from the guest's port to the service port, translated: the source becomes the
 * address that stands for the guest's port, the destination the proxy's. Packets of the guest take
 * the session path from then on. Answers enter by no segment; they find their session here and go
 * back to the port that it began at, from the MAC that was asked.
 *
 * Policy is not asked, as guests can't do without metadata. The quotas of the port and its tenant
 * hold, and connections count as requests to a service. Fragments and ICMP never pass: SYNs have
 * their MSS clamped to the segment, both ways.
 *
 * Drops: SERVICE_ABSENT, SERVICE_LIMIT, SERVICE_REQUEST (what the proxy's kernel sends that is no
 * TCP), TCP_STATE (an answer to nobody), what the parser, the tracker and session_insert find.
 * Workers.
 */
#include <netinet/in.h>

#include <rte_ip.h>
#include <rte_tcp.h>

#include <core/quota.h>
#include <pkt/parse.h>
#include <service/service.h>
#include <session/track.h>

#include "dry.h"
#include "decide.h"
#include "metadata.h"
#include "service.h"
#include "slow.h"
#include "stages.h"
#include "trace.h"

#define METADATA_TRIES 4 /* to find a free source port, or what another worker made meanwhile */

static bool metadata_is_plain_tcp(const struct pkt_meta *meta)
{
	return (meta->flags & (PKT_L4 | PKT_FRAGMENT | PKT_GROUP | PKT_VLAN)) == PKT_L4 &&
	       meta->l4_proto == IPPROTO_TCP;
}

/* What both ends may send, as TCP counts it. */
static uint16_t metadata_mss(
	const struct pipeline *pl, const struct pkt_meta *meta, const struct config_port *guest)
{
	uint32_t mtu = RTE_MIN((uint32_t)pl->cfg->segments[guest->segment_slot]->spec.mtu,
		decide_mtu(pl, guest->slot));

	return mtu - sizeof(struct rte_tcp_hdr) -
	       (meta->flags & PKT_IPV6 ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr));
}

/* The guest's packets. */
static void metadata_decide(const struct pipeline *pl, struct slow *w)
{
	const struct config_port *service = pl->cfg->service;
	struct session_decision *d = &w->dec;

	*d = (struct session_decision){.dest = service->slot,
		.in = pl->in->slot,
		.out_segment = w->meta->segment,
		.mss = metadata_mss(pl, w->meta, pl->in),
		.flags = SESSION_DIR_ROUTED | SESSION_DIR_TRANSLATED};
	memcpy(d->match_macs, rte_pktmbuf_mtod(w->m, const uint8_t *), sizeof(d->match_macs));
	memcpy(d->rewrite_macs, service->spec.mac.b, sizeof(service->spec.mac.b));
	memcpy(d->rewrite_macs + 6, service_mac.b, sizeof(service_mac.b));
}

/* Answers to the guest's packets with that key, as they come from the proxy. Its addresses are the
 * ones asked. The guest's own port is kept when it is free: a port has several addresses, which all
 * become one. */
static struct session_key metadata_answers(
	const struct session_key *key, uint32_t port_id, uint32_t hash, unsigned int try)
{
	const uint32_t lowest = 1024, n = 0x10000 - lowest;
	bool v4 = weft_addr_is_v4(&key->src);

	return (struct session_key){.src = key->dst,
		.dst = weft_metadata_asker(port_id, v4),
		.sport = WEFT_METADATA_PROXY_PORT,
		.dport = try == 0 ? key->sport : lowest + (hash + try * 7919) % n,
		.proto = IPPROTO_TCP};
}

static int metadata_new(struct pipeline *pl, struct slow *w, unsigned int try)
{
	const struct config_network *net =
		pl->cfg->networks[stage_segment(pl, w->meta)->network_slot];
	struct session_new n = {.network = net,
		.tenant = pl->cfg->tenants[net->tenant_slot],
		.charged = pl->in,
		.port = {pl->in->slot, pl->cfg->service->slot},
		.port_id = {pl->in->spec.id, pl->cfg->service->spec.id},
		.policy_epoch = pl->cfg->epoch[w->meta->segment]};
	enum weft_drop drop = track_begin(w->m, w->meta, net, n.key);
	struct session *s;

	if (drop)
		return drop;
	if (try == 0 && !stage_quota(pl, QUOTA_SERVICE, pl->in->slot, SERVICE_PPS, 1))
		return WEFT_DROP_SERVICE_LIMIT;
	n.key[1] = metadata_answers(&n.key[0], pl->in->spec.id, w->meta->hash, try);
	s = stage_session_insert(pl, &n, &drop);
	if (!s)
		return drop ? (int)drop : SLOW_AGAIN;
	track_first(s, w->m, w->meta);
	if (stage_traced(w->meta))
		trace_session(pl, w->meta, WEFT_TRACE_SESSION_NEW, &n.key[0]);
	slow_decided(pl, w, &s->dir[0]);
	session_unlock(s);
	w->track = false;
	return VERDICT_CONTINUE;
}

static int metadata_existing(struct pipeline *pl, struct slow *w, struct session *s)
{
	session_lock(s);
	if (s->flags & SESSION_DEAD) {
		session_unlock(s);
		return SLOW_AGAIN;
	}
	slow_decided(pl, w, &s->dir[0]);
	session_unlock(s);
	return VERDICT_CONTINUE;
}

/* Is d the guest's way of a connection of this very port to the proxy, not over yet? Ports without
 * anti-spoofing may have the same address. */
static bool metadata_goes_on(const struct pipeline *pl, const struct slow *w, struct session_dir *d)
{
	const struct session *s = session_of(d);

	return metadata_is_session(s) && s->port_id[0] == pl->in->spec.id &&
	       s->port[1] == pl->cfg->service->slot && !track_reopens(d, w->m, w->meta);
}

static int metadata_session(struct pipeline *pl, struct slow *w)
{
	int verdict = SLOW_AGAIN;
	struct session_key key;

	metadata_decide(pl, w);
	track_key(w->meta, rte_pktmbuf_mtod_offset(w->m, const uint8_t *, w->meta->l3_off), &key);
	for (unsigned int i = 0; i < METADATA_TRIES && verdict == SLOW_AGAIN; i++) {
		struct session_dir *d = stage_session_find(pl, &key);

		if (d && !metadata_goes_on(pl, w, d)) {
			stage_session_remove(pl, session_of(d));
			d = NULL;
		}
		verdict = d ? metadata_existing(pl, w, session_of(d)) : metadata_new(pl, w, i);
	}
	return verdict == SLOW_AGAIN ? WEFT_DROP_SESSION_TABLE_FULL : verdict;
}

/* m is for the metadata address. */
static __rte_noinline int metadata_request(struct pipeline *pl, struct rte_mbuf *m)
{
	struct slow w;
	int verdict;

	slow_start(&w, m);
	if (!pl->cfg->service || pl->in->spec.id > WEFT_METADATA_MAX_ID ||
		!metadata_is_plain_tcp(w.meta) || w.meta->dport != WEFT_METADATA_PORT)
		return WEFT_DROP_SERVICE_ABSENT;
	verdict = metadata_session(pl, &w);
	if (verdict != VERDICT_CONTINUE)
		return verdict;
	slow_send(pl, &w);
	return VERDICT_CONSUMED;
}

int metadata_packet(struct pipeline *pl, struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta(m);
	struct weft_addr dst;

	if (!(meta->flags & (PKT_IPV4 | PKT_IPV6)) ||
		!metadata_is_served(pl, stage_segment(pl, meta)))
		return VERDICT_CONTINUE;
	dst = stage_addr(m, meta, true);
	return weft_metadata_is(&dst) ? metadata_request(pl, m) : VERDICT_CONTINUE;
}

/* ---- answers ---- */

/* The guest's port, NULL: it is gone, or has no metadata any more. */
static const struct config_port *metadata_guest(const struct pipeline *pl, const struct session *s)
{
	const struct config_port *guest = pl->cfg->ports[s->port[0]];

	if (!guest || guest->spec.id != s->port_id[0] ||
		guest->segment_slot != s->dir[0].key.segment ||
		!metadata_is_served(pl, pl->cfg->segments[guest->segment_slot]))
		return NULL;
	return guest;
}

/* False: the session is over. */
static bool metadata_decide_answer(const struct pipeline *pl, const struct pkt_meta *meta,
	struct session *s, struct session_decision *ret)
{
	const struct config_port *guest = metadata_guest(pl, s);
	uint8_t asked[12]; /* destination and source MAC */
	bool dead;

	if (!guest)
		return false;
	session_lock(s);
	dead = s->flags & SESSION_DEAD;
	memcpy(asked, s->dir[0].match_macs, sizeof(asked));
	session_unlock(s);
	*ret = (struct session_decision){.dest = guest->slot,
		.out_segment = guest->segment_slot,
		.mss = metadata_mss(pl, meta, guest),
		.flags = SESSION_DIR_ROUTED | SESSION_DIR_TRANSLATED};
	memcpy(ret->rewrite_macs, asked + 6, 6);
	memcpy(ret->rewrite_macs + 6, asked, 6);
	return !dead;
}

static int metadata_answer(struct pipeline *pl, struct rte_mbuf *m)
{
	struct pkt_meta *meta = pkt_meta(m);
	struct session_decision dec;
	struct session_dir *d;
	struct session_key key;
	enum weft_drop drop;
	int verdict;

	meta->flags = 0;
	meta->in_port = pl->in->slot;
	meta->segment = 0;
	meta->in_vtep = 0;
	meta->outer_tos = 0;
	verdict = pkt_parse(m);
	if (verdict != VERDICT_CONTINUE)
		return verdict;
	stage_watch(pl, m);
	if (!metadata_is_plain_tcp(meta))
		return WEFT_DROP_SERVICE_REQUEST;
	track_key(meta, rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_off), &key);
	d = stage_session_find(pl, &key);
	if (!d || !metadata_decide_answer(pl, meta, session_of(d), &dec))
		return WEFT_DROP_TCP_STATE;
	drop = track_packet(d, m, meta);
	if (drop)
		return drop;
	session_carry(pl, m, d, &dec);
	return VERDICT_CONSUMED;
}

void metadata_burst(struct pipeline *pl, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		int verdict = metadata_answer(pl, pkts[i]);

		if (verdict > 0)
			stage_drop(pl, pkts[i], verdict);
	}
}
