/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ids of networks. Those of one tenant's networks differ in their low bits, so that a security
 * group and a network of its tenant have an id together (group_network_id) that follows from the
 * two ids alone: the same in every run of the compiler, before and after a restart.
 */
#include <string.h>

#include "model_impl.h"

#define LOW_BITS (MODEL_TENANT_NETWORKS - 1)

struct low_bits {
	uint64_t words[MODEL_TENANT_NETWORKS / 64];
	uint32_t n;
};

/* Those of the tenant's networks, but for this one. Entries are in order of full name, so a
 * tenant's are together. */
static void find_taken(const struct model *m, const struct object *network, struct low_bits *ret)
{
	size_t len = strcspn(network->name, "/") + 1;
	char start[MODEL_NAME_MAX + 2] = "";
	const struct object *o;

	memset(ret, 0, sizeof(*ret));
	memcpy(start, network->name, len);
	o = model_next(m, MODEL_NETWORK, start);
	for (; o && strncmp(o->name, start, len) == 0; o = model_next(m, MODEL_NETWORK, o->name)) {
		uint32_t low = o->id & LOW_BITS;

		if (o == network || strcmp(o->name, network->name) == 0)
			continue;
		ret->words[low / 64] |= UINT64_C(1) << low % 64;
		ret->n++;
	}
}

static bool is_taken(const struct low_bits *taken, uint32_t id)
{
	uint32_t low = id & LOW_BITS;

	return taken->words[low / 64] >> low % 64 & 1;
}

uint32_t network_id_take(struct model *m, const struct object *network)
{
	struct id_set *ids = &m->ids[MODEL_NETWORK];
	struct low_bits taken;
	uint32_t id;

	find_taken(m, network, &taken);
	if (taken.n >= MODEL_TENANT_NETWORKS)
		return 0;
	/* Ids are given out in a row, so soon one has low bits that are free. */
	while ((id = id_take(ids)) && is_taken(&taken, id))
		id_release(ids, id);
	return id;
}

bool network_id_is_good(const struct model *m, const struct object *network)
{
	struct low_bits taken;

	find_taken(m, network, &taken);
	return !is_taken(&taken, network->id);
}
