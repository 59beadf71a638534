/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the oracle expects frames to go: anti-spoofing, ARP, the gateway, switching, routing,
 * flooding.
 */
#include <string.h>

#include "oracle.h"

static bool owns(const struct weft_port *p, const struct weft_addr *a)
{
	struct weft_addr own = {.b = {0xfe, 0x80, [8] = p->mac.b[0] ^ 2, p->mac.b[1], p->mac.b[2],
					0xff, 0xfe, p->mac.b[3], p->mac.b[4], p->mac.b[5]}};

	for (unsigned int i = 0; i < p->n_addrs; i++) {
		if (has_prefix(&p->addrs[i], a))
			return true;
	}
	return weft_addr_equal(a, &own);
}

/* RFC 826 for Ethernet and IPv4. */
static bool is_arp(const uint8_t *arp)
{
	static const uint8_t head[6] = {0, 1, 8, 0, 6, 4};

	return memcmp(arp, head, 6) == 0 && arp[6] == 0 && (arp[7] == 1 || arp[7] == 2) &&
	       !(arp[8] & 1) && !weft_mac_is_zero((const struct weft_mac *)(arp + 8));
}

static bool is_dhcp_request(const struct view *v)
{
	static const uint8_t all[4] = {255, 255, 255, 255};

	return v->has_l4 && !v->fragment && v->proto == 17 && v->sport == 68 && v->dport == 67 &&
	       memcmp(v->dst.b + 12, all, 4) == 0;
}

static bool may_be_unspecified(const struct view *v)
{
	uint8_t type = v->sport >> 8;

	return v->has_l4 && !v->fragment && v->proto == 58 &&
	       (type == 133 || type == 135 || type == 131 || type == 132 || type == 143);
}

/* The head of antispoof.c says who may send what. ND is not generated. */
bool may_send(struct expect *x, const struct arrival *a)
{
	const struct view *v = &a->v;
	static const uint8_t nobody[4];
	enum weft_drop drop = 0;

	if (!weft_mac_equal(&v->smac, &a->port->mac)) {
		drop = WEFT_DROP_SPOOFED_MAC;
	} else if (v->arp) {
		const uint8_t *arp = v->b + v->l3;
		bool probe = memcmp(arp + 14, nobody, 4) == 0;
		struct weft_addr who = weft_addr_from_v4(arp + (probe ? 24 : 14));

		if (!is_arp(arp) || memcmp(arp + 8, &a->port->mac, 6) != 0 || !owns(a->port, &who))
			drop = WEFT_DROP_SPOOFED_ARP;
	} else if (v->family == 4) {
		bool none = memcmp(v->src.b + 12, nobody, 4) == 0;

		if (!owns(a->port, &v->src) && !(none && is_dhcp_request(v)))
			drop = WEFT_DROP_SPOOFED_ADDR;
	} else if (v->family == 6) {
		if (weft_addr_is_zero(&v->src) ? !may_be_unspecified(v) : !owns(a->port, &v->src))
			drop = WEFT_DROP_SPOOFED_ADDR;
	}
	if (drop)
		expect_drop(x, drop);
	return drop == 0;
}

static bool is_routed_target(const struct arrival *a, const struct weft_addr *sender,
	const struct weft_addr *target, bool known)
{
	struct next_hop hop;
	int tell;

	if (weft_addr_equal(sender, target) || memcmp(sender->b + 12, "\0\0\0\0", 4) == 0)
		return known;
	if (target->b[12] == 169 && target->b[13] == 254)
		return false;
	if (known)
		return true;
	return find_hop(a->seg->router, target, &hop, &tell) == 0 &&
	       !(hop.vni == a->seg->vni && weft_addr_equal(&hop.neighbour, target));
}

/* The head of responder.c. */
bool expect_answer(struct expect *x, const struct arrival *a)
{
	const struct weft_router *router = find_router(a->seg);
	const uint8_t *arp = a->v.b + a->v.l3;
	const struct weft_mac *mac = NULL;
	const struct weft_neigh *n;
	struct weft_addr target, sender;
	uint8_t b[60];
	uint32_t len = a->v.len < 60 ? a->v.len : 60;

	if (!a->v.arp || !is_arp(arp) || arp[7] != 1)
		return false;
	if (!(a->v.group ? router || (a->seg->flags & WEFT_SEGMENT_PROXY)
			 : router && weft_mac_equal(&router->mac, &a->v.dmac)))
		return false;
	target = weft_addr_from_v4(arp + 24);
	sender = weft_addr_from_v4(arp + 14);
	n = find_neigh(a->seg->vni, &target);
	if (n && weft_mac_equal(&n->mac, &a->v.smac))
		return false;
	if (n && (n->flags & WEFT_NEIGH_GATEWAY))
		mac = &n->mac;
	else if (a->seg->flags & WEFT_SEGMENT_L3_ONLY)
		mac = router && is_routed_target(a, &sender, &target, n != NULL) ? &router->mac
										 : NULL;
	else if (n && (a->seg->flags & WEFT_SEGMENT_PROXY) && a->v.group)
		mac = &n->mac;
	if (!mac)
		return false;
	memcpy(b, a->v.b, len);
	memcpy(b, &a->v.smac, 6);
	memcpy(b + 6, mac, 6);
	arp = b + a->v.l3;
	b[a->v.l3 + 7] = 2;
	memcpy(b + a->v.l3 + 18, a->v.b + a->v.l3 + 8, 10);
	memcpy(b + a->v.l3 + 8, mac, 6);
	memcpy(b + a->v.l3 + 14, target.b + 12, 4);
	expect_frame(x, a->port->id, NULL, 0, b, len);
	return true;
}

bool expect_gateway(struct expect *x, const struct arrival *a)
{
	const struct weft_router *router = find_router(a->seg);
	const struct weft_neigh *n;
	struct next_hop next;
	int tell;

	if (!a->port || !router)
		return false;
	if (!weft_mac_equal(&router->mac, &a->v.dmac) && !(a->seg->flags & WEFT_SEGMENT_L3_ONLY))
		return false;
	n = find_neigh(a->seg->vni, &a->v.dst);
	if (n ? !(n->flags & WEFT_NEIGH_GATEWAY)
	      : find_route(router->id, &a->v.dst, &next, &tell) != 0 || !next.gateway)
		return false;
	if (expect_echo(x, a))
		return true;
	if (a->v.has_l4 && (a->v.proto == 6 || a->v.proto == 17))
		expect_tell(x, a, TELL_PORT);
	expect_drop(x, WEFT_DROP_NOT_ROUTABLE);
	return true;
}

/* May it go to where the FDB says? */
static enum weft_drop check_place(
	const struct arrival *a, const struct weft_fdb *f, struct way *ret)
{
	const struct weft_port *p = find_port(f->port);

	ret->port = f->port;
	ret->vtep = f->remote;
	if (!f->port)
		return a->port ? 0 : WEFT_DROP_SAME_PORT;
	if (a->port && a->port->id == f->port)
		return WEFT_DROP_SAME_PORT;
	return p && p->vni == f->vni ? 0 : WEFT_DROP_UNKNOWN_UNICAST;
}

/* RFC 1812 section 5.3.7, RFC 4291. */
static bool is_routable_addr(const struct weft_addr *a)
{
	static const uint8_t zero[10];

	if (weft_addr_is_v4(a))
		return a->b[12] != 0 && a->b[12] != 127 && a->b[12] < 224 &&
		       !(a->b[12] == 169 && a->b[13] == 254);
	return a->b[0] != 0xff && !(a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80) &&
	       memcmp(a->b, zero, 10) != 0;
}

enum weft_drop find_way(struct expect *x, const struct arrival *a, struct way *ret)
{
	const struct weft_router *router = find_router(a->seg);
	bool to_router = router && weft_mac_equal(&router->mac, &a->v.dmac);
	const struct weft_fdb *f;
	struct next_hop next;
	enum weft_drop drop;
	int tell;

	*ret = (struct way){.vni = a->seg->vni, .dmac = a->v.dmac, .smac = a->v.smac};
	if (!a->port && to_router)
		return WEFT_DROP_NOT_ROUTABLE;
	if (!a->port || (!to_router && !(a->seg->flags & WEFT_SEGMENT_L3_ONLY))) {
		f = find_fdb(a->seg->vni, &a->v.dmac);
		return f ? check_place(a, f, ret) : WEFT_DROP_UNKNOWN_UNICAST;
	}
	if (a->v.vlan || !is_routable_addr(&a->v.src) || !is_routable_addr(&a->v.dst))
		return WEFT_DROP_NOT_ROUTABLE;
	drop = find_route(router->id, &a->v.dst, &next, &tell);
	if (drop) {
		expect_tell(x, a, tell);
		return drop;
	}
	if (next.gateway)
		return WEFT_DROP_NOT_ROUTABLE;
	*ret = (struct way){.vni = next.vni, .routed = true, .dmac = next.mac, .smac = next.router};
	return check_place(a, next.fdb, ret);
}

void expect_send(struct expect *x, const struct arrival *a, const struct way *w)
{
	uint8_t b[VERDICT_BYTES], *ip = b + a->v.l3;

	memcpy(b, a->v.b, a->v.len);
	if (w->routed) {
		if (a->v.ttl <= 1) {
			expect_tell(x, a, TELL_TTL);
			expect_drop(x, WEFT_DROP_TTL_EXPIRED);
			return;
		}
		memcpy(b, &w->dmac, 6);
		memcpy(b + 6, &w->smac, 6);
		ip[a->v.family == 4 ? 8 : 7]--;
		if (a->v.family == 4) {
			set16(ip + 10, 0);
			set16(ip + 10, naive_sum(ip, (ip[0] & 15) * 4, 0));
		}
	}
	expect_frame(x, w->port, &w->vtep, w->vni, b, a->v.len);
}

void expect_flood(struct expect *x, const struct arrival *a)
{
	bool judged = is_stateful(a->seg) && !a->v.arp && !a->v.nd;
	unsigned int n_out = x->v.n_out, n_drop = x->v.n_drop;
	struct flow_view f;

	flow_of(&a->v, &f);
	for (unsigned int i = 0; i < oracle_now->n_port; i++) {
		const struct weft_port *p = &oracle_now->port[i];
		bool allowed = a->v.family ? judge_port(p, WEFT_RULE_INGRESS, &f) == WEFT_RULE_ALLOW
					   : !(p->flags & WEFT_PORT_DEFAULT_DENY);

		if (p->vni != a->seg->vni || p == a->port)
			continue;
		if (judged && !allowed)
			expect_drop(x, WEFT_DROP_POLICY_INGRESS);
		else
			expect_frame(x, p->id, NULL, 0, a->v.b, a->v.len);
	}
	for (unsigned int i = 0; i < oracle_now->n_flood && a->port; i++) {
		const struct weft_flood *e = &oracle_now->flood[i];

		if (e->vni == a->seg->vni && !(e->flags & WEFT_FLOOD_ACCEPT_ONLY))
			expect_frame(x, 0, &e->remote, e->vni, a->v.b, a->v.len);
	}
	if (x->v.n_out == n_out && x->v.n_drop == n_drop)
		expect_drop(x, WEFT_DROP_NO_MEMBERS);
}

/* Is it refused by that port's policy, as a frame by itself? */
static bool is_refused(const struct arrival *a, const struct weft_port *p, unsigned int direction)
{
	struct flow_view f;

	if (a->v.arp || a->v.nd || !is_stateful(a->seg))
		return false;
	flow_of(&a->v, &f);
	return a->v.family ? judge_port(p, direction, &f) != WEFT_RULE_ALLOW
			   : p->flags & WEFT_PORT_DEFAULT_DENY;
}

void expect_switched(struct expect *x, const struct arrival *a)
{
	const struct weft_router *router = find_router(a->seg);
	const struct weft_fdb *f = find_fdb(a->seg->vni, &a->v.dmac);
	struct way w = {.vni = a->seg->vni};
	enum weft_drop drop;

	if (is_stateful(a->seg) && (a->seg->flags & WEFT_SEGMENT_L3_ONLY)) {
		expect_drop(x, WEFT_DROP_L3_ONLY);
		return;
	}
	if (a->port && is_refused(a, a->port, WEFT_RULE_EGRESS)) {
		expect_drop(x, WEFT_DROP_POLICY_EGRESS);
		return;
	}
	if (a->v.group) {
		expect_flood(x, a);
		return;
	}
	if (!f) {
		if (router && weft_mac_equal(&router->mac, &a->v.dmac))
			expect_drop(x, WEFT_DROP_NOT_ROUTABLE);
		else if (a->seg->flags & WEFT_SEGMENT_FLOOD_UNKNOWN)
			expect_flood(x, a);
		else
			expect_drop(x, WEFT_DROP_UNKNOWN_UNICAST);
		return;
	}
	drop = check_place(a, f, &w);
	if (w.port && is_refused(a, find_port(w.port), WEFT_RULE_INGRESS)) {
		expect_drop(x, WEFT_DROP_POLICY_INGRESS);
		if (drop) /* both are true */
			x->or [x->n_or++] = drop;
		return;
	}
	if (drop)
		expect_drop(x, drop);
	else
		expect_send(x, a, &w);
}
