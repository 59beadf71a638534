/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table SUBNET: the subnets of segments that have a router.
 */
#include "compile_impl.h"

const struct subnet *subnet_find(const struct segment *s, const struct weft_prefix *prefix)
{
	const struct subnet *net = segment_subnet(s, &prefix->addr);

	return net && net->prefix.len == prefix->len ? net : NULL;
}

static bool get(const struct compiler *c, const union key *k, union weft_entry *ret)
{
	const struct seg *seg = seg_by_vni(c, k->in.id);
	const struct weft_prefix prefix = prefix_of_key(k);
	const struct subnet *net;

	if (!seg || !seg->rtr)
		return false;
	net = subnet_find(
		(const struct segment *)model_find(c->m, MODEL_SEGMENT, seg->name), &prefix);
	if (!net)
		return false;
	ret->subnet.vni = seg->vni;
	ret->subnet.prefix = net->prefix;
	ret->subnet.gateway = net->gateway;
	return true;
}

static void walk(const struct compiler *c, key_fn fn, void *arg)
{
	for (struct seg **p = NULL; (p = hset_next(&c->segs, p));) {
		const struct segment *s =
			(const struct segment *)model_find(c->m, MODEL_SEGMENT, (*p)->name);

		for (size_t i = 0; (*p)->relevant && i < s->n_subnets; i++) {
			union key k = key_prefix((*p)->vni, &s->subnets[i].prefix);

			fn(arg, &k);
		}
	}
}

const struct compile_table compile_subnet = {get, walk};
