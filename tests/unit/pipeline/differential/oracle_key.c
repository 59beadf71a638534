/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What packets of a session look like, as the oracle sees it: session/session.h, track_key.h.
 */
#include "oracle_session.h"

bool key_equal(const struct okey *a, const struct okey *b)
{
	return a->vni == b->vni && a->proto == b->proto && a->icmp_type == b->icmp_type &&
	       a->sport == b->sport && a->dport == b->dport && weft_addr_equal(&a->src, &b->src) &&
	       weft_addr_equal(&a->dst, &b->dst);
}

/* The type that answers an ICMP query, or that it answers. */
static uint8_t icmp_other(uint8_t type)
{
	if (type == 8 || type == 0)
		return 8 - type;
	if (type >= 128)
		return type == 128 ? 129 : 128;
	return type % 2 ? type + 1 : type - 1;
}

void key_reverse(const struct okey *k, struct okey *ret)
{
	bool icmp = k->proto == (weft_addr_is_v4(&k->src) ? 1 : 58);

	*ret = (struct okey){.src = k->dst,
		.dst = k->src,
		.vni = k->vni,
		.sport = k->dport,
		.dport = k->sport,
		.proto = k->proto,
		.icmp_type = icmp ? icmp_other(k->icmp_type) : 0};
}

/* session/track_key.h. */
static enum key_class icmp_class(unsigned int family, uint8_t type, uint8_t code)
{
	if (family == 4 ? type == 3 || type == 11 || type == 12 : type >= 1 && type <= 4)
		return KEY_ERROR;
	if (code)
		return KEY_OTHER;
	if (family == 6)
		return type == 128 ? KEY_SESSION : type == 129 ? KEY_REPLY : KEY_OTHER;
	if (type == 8 || type == 13 || type == 15 || type == 17)
		return KEY_SESSION;
	return type == 0 || type == 14 || type == 16 || type == 18 ? KEY_REPLY : KEY_OTHER;
}

enum key_class key_of(const struct view *v, uint32_t vni, struct okey *ret)
{
	*ret = (struct okey){.src = v->src, .dst = v->dst, .vni = vni, .proto = v->proto};
	if (v->proto != (v->family == 4 ? 1 : 58)) {
		ret->sport = v->sport;
		ret->dport = v->dport;
		return KEY_SESSION;
	}
	ret->sport = ret->dport = v->dport;
	ret->icmp_type = v->sport >> 8;
	return icmp_class(v->family, v->sport >> 8, v->sport);
}

/* As rules see the first packet of a session. */
void flow_of_key(const struct okey *k, struct flow_view *ret)
{
	bool icmp = k->proto == (weft_addr_is_v4(&k->src) ? 1 : 58);

	*ret = (struct flow_view){.src = k->src, .dst = k->dst, .proto = k->proto};
	ret->port = icmp ? k->icmp_type << 8 : k->dport;
	ret->has_port = icmp || k->proto == 6 || k->proto == 17 || k->proto == 132 ||
			k->proto == 33 || k->proto == 136;
}
