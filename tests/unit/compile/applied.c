/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <weft/codec.h>

#include "applied.h"

void applied_clear(struct applied *a)
{
	for (int t = 1; t < WEFT_TABLE_MAX; t++)
		free(a->entries[t]);
	memset(a, 0, sizeof(*a));
}

static size_t find(const struct applied *a, enum weft_table table, const union weft_entry *key)
{
	for (size_t i = 0; i < a->n[table]; i++)
		if (weft_entry_key_equal(table, &a->entries[table][i], key))
			return i;
	return SIZE_MAX;
}

const union weft_entry *applied_find(
	const struct applied *a, enum weft_table table, const union weft_entry *key)
{
	size_t i = find(a, table, key);

	return i == SIZE_MAX ? NULL : &a->entries[table][i];
}

static bool has_segment(const struct applied *a, uint32_t vni)
{
	return applied_find(a, WEFT_TABLE_SEGMENT, &(union weft_entry){.segment.vni = vni});
}

static bool has_port(const struct applied *a, uint32_t id)
{
	return applied_find(a, WEFT_TABLE_PORT, &(union weft_entry){.port.id = id});
}

static bool has_router(const struct applied *a, uint32_t id)
{
	return applied_find(a, WEFT_TABLE_ROUTER, &(union weft_entry){.router.id = id});
}

static bool has_vtep(const struct applied *a, const struct weft_addr *remote)
{
	return applied_find(a, WEFT_TABLE_VTEP, &(union weft_entry){.vtep.remote = *remote});
}

static bool has_tenant(const struct applied *a, uint32_t id)
{
	return applied_find(a, WEFT_TABLE_TENANT, &(union weft_entry){.tenant.id = id});
}

static bool has_network(const struct applied *a, uint32_t id)
{
	return applied_find(a, WEFT_TABLE_NETWORK, &(union weft_entry){.network.id = id});
}

static bool has_set(const struct applied *a, uint32_t id)
{
	return applied_find(a, WEFT_TABLE_SET, &(union weft_entry){.set.id = id});
}

static bool has_ruleset(const struct applied *a, uint32_t id)
{
	return applied_find(a, WEFT_TABLE_RULESET, &(union weft_entry){.ruleset.id = id});
}

static bool has_rulesets(const struct applied *a, const struct weft_port *p)
{
	for (unsigned int i = 0; i < p->n_rulesets; i++)
		if (!has_ruleset(a, p->rulesets[i]))
			return false;
	return true;
}

static bool hops_refer_well(const struct applied *a, const struct weft_route *r)
{
	bool well = has_router(a, r->router);

	for (unsigned int i = 0; i < r->n_hops; i++) {
		const struct weft_hop *h = &r->hops[i];

		if (h->type == WEFT_HOP_ROUTER)
			well &= has_router(a, h->ref);
		else if (h->type == WEFT_HOP_CONNECTED || h->type == WEFT_HOP_VIA)
			well &= has_segment(a, h->ref);
	}
	return well;
}

/* Everything that the entry refers to is there. */
static bool refers_well(const struct applied *a, enum weft_table table, const union weft_entry *e)
{
	switch (table) {
	case WEFT_TABLE_SEGMENT:
		return has_network(a, e->segment.network) &&
		       (!e->segment.router || has_router(a, e->segment.router));
	case WEFT_TABLE_PORT:
		return e->port.role != WEFT_ROLE_TENANT ||
		       (has_segment(a, e->port.vni) && has_rulesets(a, &e->port));
	case WEFT_TABLE_NETWORK:
		return has_tenant(a, e->network.tenant);
	case WEFT_TABLE_ROUTER:
		return has_network(a, e->router.network);
	case WEFT_TABLE_SET_MEMBER:
		return has_set(a, e->set_member.set);
	case WEFT_TABLE_RULE:
		return has_ruleset(a, e->rule.ruleset) && (!e->rule.set || has_set(a, e->rule.set));
	case WEFT_TABLE_LOCAL_VTEP:
		return has_port(a, e->local_vtep.uplink);
	case WEFT_TABLE_VTEP:
		return has_port(a, e->vtep.uplink) &&
		       applied_find(a, WEFT_TABLE_LOCAL_VTEP,
			       &(union weft_entry){.local_vtep.addr = e->vtep.local});
	case WEFT_TABLE_FLOOD:
		return has_segment(a, e->flood.vni) && has_vtep(a, &e->flood.remote);
	case WEFT_TABLE_FDB:
		return has_segment(a, e->fdb.vni) &&
		       (e->fdb.port ? has_port(a, e->fdb.port) : has_vtep(a, &e->fdb.remote));
	case WEFT_TABLE_NEIGH:
		return has_segment(a, e->neigh.vni);
	case WEFT_TABLE_SUBNET:
		return has_segment(a, e->subnet.vni);
	case WEFT_TABLE_ROUTE:
		return hops_refer_well(a, &e->route);
	default:
		return true;
	}
}

static void check_references(const struct applied *a)
{
	for (int t = 1; t < WEFT_TABLE_MAX; t++)
		for (size_t i = 0; i < a->n[t]; i++)
			if (!refers_well(a, t, &a->entries[t][i])) {
				char what[128];

				weft_entry_describe(t, &a->entries[t][i], what, sizeof(what));
				fail_msg("%s refers to what is not there", what);
			}
}

static void put(struct applied *a, enum weft_table table, const union weft_entry *entry)
{
	size_t size = weft_entry_size(table), i = find(a, table, entry);
	char text[WEFT_TEXT_SIZE];

	if (weft_entry_check(table, WEFT_OP_PUT, entry, text))
		fail_msg("%s", text);
	if (i == SIZE_MAX) {
		i = a->n[table]++;
		a->entries[table] =
			realloc(a->entries[table], a->n[table] * sizeof(union weft_entry));
	} else {
		assert_memory_not_equal(&a->entries[table][i], entry, size);
	}
	memset(&a->entries[table][i], 0, sizeof(union weft_entry));
	memcpy(&a->entries[table][i], entry, size);
}

void applied_op(
	void *arg, enum weft_table table, enum weft_op_verb verb, const union weft_entry *entry)
{
	struct applied *a = arg;
	size_t i;

	a->n_ops++;
	if (verb == WEFT_OP_PUT) {
		put(a, table, entry);
	} else {
		i = find(a, table, entry);
		assert_true(i != SIZE_MAX);
		a->entries[table][i] = a->entries[table][--a->n[table]];
	}
	if (a->check_order)
		check_references(a);
}

static void compare_half(
	const struct applied *a, const char *name_a, const struct applied *b, const char *name_b)
{
	char what[128];

	for (int t = 1; t < WEFT_TABLE_MAX; t++)
		for (size_t i = 0; i < a->n[t]; i++) {
			const union weft_entry *e = &a->entries[t][i],
					       *other = applied_find(b, t, e);

			weft_entry_describe(t, e, what, sizeof(what));
			if (!other)
				fail_msg("%s is in %s, not in %s", what, name_a, name_b);
			if (memcmp(e, other, sizeof(*e)) != 0)
				fail_msg("%s differs in %s and %s", what, name_a, name_b);
		}
}

void applied_compare(
	const struct applied *a, const char *name_a, const struct applied *b, const char *name_b)
{
	compare_half(a, name_a, b, name_b);
	compare_half(b, name_b, a, name_a);
}
