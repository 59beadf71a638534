/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The oracle's order of things for one frame: the tunnel's header, the frame itself, who may send
 * it, what is answered, and then the path of its segment.
 */
#include <string.h>

#include "oracle_session.h"

bool oracle_forging;
uint64_t oracle_ms, oracle_n_vague, oracle_n_may_track;

void oracle_reset(const struct setup *c, bool forging)
{
	oracle_now = c;
	oracle_forging = forging;
	session_reset();
}

void oracle_setup(const struct setup *c)
{
	oracle_now = c;
}

/* RFC 7348 over IPv4 without options. */
static enum weft_drop read_outer(const struct event *e, struct arrival *a, struct expect *x)
{
	struct weft_addr src = weft_addr_from_v4(e->b + 26), dst = weft_addr_from_v4(e->b + 30);
	uint32_t vni = read32(e->b + 46) >> 8;
	bool member = false;

	if (read16(e->b + 36) != 4789 || !weft_addr_equal(&dst, &oracle_now->local_vtep[0].addr))
		return WEFT_DROP_NOT_VXLAN;
	if (!(e->b[42] & 8))
		return WEFT_DROP_BAD_VXLAN;
	a->seg = find_segment(vni);
	a->vtep = find_vtep(&src);
	if (!a->seg && !a->vtep)
		x->or [x->n_or++] = WEFT_DROP_UNKNOWN_VTEP;
	if (!a->seg)
		return WEFT_DROP_UNKNOWN_VNI;
	for (unsigned int i = 0; i < oracle_now->n_flood; i++) {
		const struct weft_flood *f = &oracle_now->flood[i];

		member |= f->vni == vni && weft_addr_equal(&f->remote, &src);
	}
	return a->vtep && member ? 0 : WEFT_DROP_UNKNOWN_VTEP;
}

/* IEEE 802.1Q table 8-1. */
static bool is_reserved(const struct weft_mac *m)
{
	static const uint8_t reserved[5] = {0x01, 0x80, 0xc2};

	return memcmp(m->b, reserved, 5) == 0 && m->b[5] < 16;
}

int expect_place(struct expect *x, const struct arrival *a, struct way *ret)
{
	enum weft_drop drop = find_way(x, a, ret);
	struct flow_view f;

	if (drop != WEFT_DROP_UNKNOWN_UNICAST || !(a->seg->flags & WEFT_SEGMENT_FLOOD_UNKNOWN)) {
		if (drop)
			expect_drop(x, drop);
		return drop;
	}
	flow_of(&a->v, &f);
	if (a->port && judge_port(a->port, WEFT_RULE_EGRESS, &f) != WEFT_RULE_ALLOW) {
		expect_drop(x, WEFT_DROP_POLICY_EGRESS);
		return WEFT_DROP_POLICY_EGRESS;
	}
	expect_flood(x, a);
	return -1;
}

static void expect_flow(struct expect *x, const struct arrival *a)
{
	struct way w;

	if (expect_gateway(x, a))
		return;
	if (a->v.fragment)
		expect_fragment(x, a);
	else if (expect_place(x, a, &w) == 0)
		expect_session(x, a, &w);
}

static void expect_frame_of(struct expect *x, const struct arrival *a)
{
	if (a->v.vlan && !(a->seg->flags & WEFT_SEGMENT_INNER_VLAN)) {
		expect_drop(x, WEFT_DROP_VLAN);
		return;
	}
	if (is_reserved(&a->v.dmac)) {
		expect_drop(x, WEFT_DROP_RESERVED_MAC);
		return;
	}
	if (a->v.nd) {
		x->unknown = true;
		return;
	}
	if (a->port && (a->port->flags & WEFT_PORT_ANTISPOOF) && !may_send(x, a))
		return;
	if (a->port && expect_answer(x, a))
		return;
	if (is_stateful(a->seg) && a->v.family && !a->v.group)
		expect_flow(x, a);
	else
		expect_switched(x, a);
}

void oracle_judge(const struct event *e, struct expect *ret)
{
	struct arrival a = {0};
	uint32_t outer = e->port == UPLINK_ID ? OUTER : 0;
	enum weft_drop drop = 0;

	ret->v.n_out = ret->v.n_drop = ret->n_or = 0;
	ret->may_track = ret->vague = ret->unknown = ret->away = ret->has_other = false;
	if (outer) {
		drop = read_outer(e, &a, ret);
	} else {
		a.port = find_port(e->port);
		a.seg = find_segment(a.port->vni);
	}
	if (drop)
		expect_drop(ret, drop);
	else if (!view_parse(&a.v, e->b + outer, e->len - outer))
		expect_drop(ret, EXPECT_MALFORMED);
	else
		expect_frame_of(ret, &a);
}

void oracle_learn(const struct verdict *seen)
{
	session_learn(seen);
	fragments_learn(seen);
}
