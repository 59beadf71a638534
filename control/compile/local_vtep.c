/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table LOCAL_VTEP: this host's tunnel addresses, once the uplink and its MAC are known.
 */
#include "compile_impl.h"

static bool get(const struct compiler *c, const union key *k, union weft_entry *ret)
{
	const struct host *self = underlay_self(c);
	const struct weft_mac *mac = underlay_mac(c);

	for (size_t i = 0; mac && i < self->n_vteps; i++) {
		if (!weft_addr_equal(&self->vteps[i], &k->addr))
			continue;
		ret->local_vtep.addr = self->vteps[i];
		ret->local_vtep.uplink = COMPILE_UPLINK_ID;
		ret->local_vtep.mac = *mac;
		return true;
	}
	return false;
}

static void walk(const struct compiler *c, key_fn fn, void *arg)
{
	const struct host *self = underlay_self(c);

	for (size_t i = 0; self && i < self->n_vteps; i++) {
		union key k = key_addr(&self->vteps[i]);

		fn(arg, &k);
	}
}

const struct compile_table compile_local_vtep = {get, walk};
