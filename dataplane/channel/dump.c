/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Dumps. One function per table gives the next entry after a cursor. Knows no sockets. Main thread.
 */
#include <errno.h>
#include <string.h>

#include <table/policy.h>
#include <table/route.h>

#include "dump.h"
#include "state.h"

/* Places of a large table looked at for one message: a table of free places must not hold the main
 * thread up. */
#define PLACES_PER_MESSAGE 32768

bool fdb_export(const struct config *cfg, const struct fdb_key *key, dest_t dest, bool learned,
	struct weft_fdb *ret)
{
	const struct config_segment *s = cfg->segments[key->segment_slot];
	uint16_t slot = DEST_SLOT(dest);

	if (!s)
		return false;
	*ret = (struct weft_fdb){
		.vni = s->spec.vni, .mac = key->mac, .flags = learned ? WEFT_FDB_LEARNED : 0};
	if (dest & DEST_VTEP_BIT) {
		if (!cfg->vteps[slot])
			return false;
		ret->remote = cfg->vteps[slot]->spec.remote;
	} else {
		if (!cfg->ports[slot])
			return false;
		ret->port = cfg->ports[slot]->spec.id;
	}
	return true;
}

/* Next object of an array of pointers by slot; entry begins with what the contract has. */
#define NEXT_OF(array, member, limit)                                                              \
	while (d->cursor < (limit)) {                                                              \
		uint64_t slot = d->cursor++;                                                       \
                                                                                                   \
		if (cfg->array[slot]) {                                                            \
			ret->member = cfg->array[slot]->spec;                                      \
			return true;                                                               \
		}                                                                                  \
	}                                                                                          \
	return false

static bool next_segment(struct dump *d, const struct config *cfg, union weft_entry *ret)
{
	NEXT_OF(segments, segment, WEFT_MAX_SEGMENTS);
}

static bool next_port(struct dump *d, const struct config *cfg, union weft_entry *ret)
{
	NEXT_OF(ports, port, WEFT_MAX_PORTS);
}

static bool next_vtep(struct dump *d, const struct config *cfg, union weft_entry *ret)
{
	NEXT_OF(vteps, vtep, WEFT_MAX_VTEPS);
}

static bool next_local_vtep(struct dump *d, const struct config *cfg, union weft_entry *ret)
{
	if (d->cursor >= cfg->n_local_vteps)
		return false;
	ret->local_vtep = cfg->local_vteps[d->cursor++].spec;
	return true;
}

static bool slot_in(const uint16_t *slots, uint32_t n, uint16_t slot)
{
	for (uint32_t i = 0; i < n; i++)
		if (slots[i] == slot)
			return true;
	return false;
}

static bool next_flood(struct dump *d, const struct config *cfg, union weft_entry *ret)
{
	for (; d->cursor < WEFT_MAX_SEGMENTS; d->cursor++, d->inner = 0) {
		const struct config_segment *s = cfg->segments[d->cursor];

		if (s && d->inner < s->n_vteps) {
			const struct config_vtep *v = cfg->vteps[s->vteps[d->inner++]];

			uint16_t slot = v->slot;

			ret->flood.vni = s->spec.vni;
			ret->flood.flags = slot_in(s->flood_vteps, s->n_flood_vteps, slot)
						   ? 0
						   : WEFT_FLOOD_ACCEPT_ONLY;
			ret->flood.remote = v->spec.remote;
			return true;
		}
	}
	return false;
}

static bool next_fdb(
	struct dump *d, const struct config *cfg, union weft_entry *ret, uint32_t *budget)
{
	struct fdb_entry *e;

	while ((e = (struct fdb_entry *)vhash_next_within(
			cfg->fdb, &d->cursor, cfg->generation, budget))) {
		struct fdb_key key;

		memcpy(&key, e->v.key, sizeof(key));
		if (e->learned && !(d->flags & WEFT_DUMP_LEARNED))
			continue;
		if (fdb_export(cfg, &key, e->dest, e->learned, &ret->fdb))
			return true;
	}
	return false;
}

static bool next_neigh(
	struct dump *d, const struct config *cfg, union weft_entry *ret, uint32_t *budget)
{
	struct neigh_entry *e;
	struct neigh_key key;

	e = (struct neigh_entry *)vhash_next_within(
		cfg->neigh, &d->cursor, cfg->generation, budget);
	if (!e)
		return false;
	memcpy(&key, e->v.key, sizeof(key));
	ret->neigh = (struct weft_neigh){.vni = cfg->segments[key.segment_slot]->spec.vni,
		.addr = key.addr,
		.mac = e->mac,
		.flags = e->gateway ? WEFT_NEIGH_GATEWAY : 0};
	return true;
}

static bool next_tenant(struct dump *d, const struct config *cfg, union weft_entry *ret)
{
	NEXT_OF(tenants, tenant, WEFT_MAX_TENANTS);
}

static bool next_network(struct dump *d, const struct config *cfg, union weft_entry *ret)
{
	NEXT_OF(networks, network, WEFT_MAX_NETWORKS);
}

static bool next_router(struct dump *d, const struct config *cfg, union weft_entry *ret)
{
	NEXT_OF(routers, router, WEFT_MAX_ROUTERS);
}

static bool next_subnet(struct dump *d, const struct config *cfg, union weft_entry *ret)
{
	for (; d->cursor < WEFT_MAX_SEGMENTS; d->cursor++, d->inner = 0) {
		const struct config_segment *s = cfg->segments[d->cursor];

		if (s && d->inner < s->n_subnets) {
			ret->subnet = s->subnets[d->inner++].spec;
			return true;
		}
	}
	return false;
}

static void export_hop(const struct config *cfg, const struct route_hop *h, struct weft_hop *ret)
{
	*ret = (struct weft_hop){.type = h->type, .via = h->via};
	if (h->type == WEFT_HOP_ROUTER)
		ret->ref = cfg->routers[h->slot]->spec.id;
	else if (h->slot)
		ret->ref = cfg->segments[h->slot]->spec.vni;
}

static bool next_route(
	struct dump *d, const struct config *cfg, union weft_entry *ret, uint32_t *budget)
{
	struct route_entry *e = (struct route_entry *)vhash_next_within(
		cfg->routes, &d->cursor, cfg->generation, budget);
	struct route_key key;

	if (!e)
		return false;
	memcpy(&key, e->v.key, sizeof(key));
	ret->route = (struct weft_route){
		.router = cfg->routers[key.router_slot]->spec.id,
		.prefix = {.addr = key.prefix, .len = key.len},
		.n_hops = e->n_hops,
	};
	for (unsigned int i = 0; i < e->n_hops; i++)
		export_hop(cfg, &e->hops[i], &ret->route.hops[i]);
	return true;
}

static bool next_dns(
	struct dump *d, const struct config *cfg, union weft_entry *ret, uint32_t *budget)
{
	struct dns_entry *e = (struct dns_entry *)vhash_next_within(
		cfg->dns, &d->cursor, cfg->generation, budget);
	struct dns_key key;

	if (!e)
		return false;
	memcpy(&key, e->v.key, sizeof(key));
	ret->dns.network = cfg->networks[key.network_slot]->spec.id;
	memcpy(ret->dns.hash, key.hash, sizeof(key.hash));
	ret->dns.addr = e->addr;
	memcpy(ret->dns.name, e->name, sizeof(e->name));
	return true;
}

static bool next_ruleset(struct dump *d, const struct config *cfg, union weft_entry *ret)
{
	NEXT_OF(rulesets, ruleset, WEFT_MAX_RULESETS);
}

static bool next_rule(struct dump *d, const struct config *cfg, union weft_entry *ret)
{
	for (; d->cursor < WEFT_MAX_RULESETS; d->cursor++, d->inner = 0) {
		const struct policy_ruleset *rs = cfg->rulesets[d->cursor];

		if (rs && d->inner < rs->n_rules) {
			ret->rule = rs->rules[d->inner++].rule;
			return true;
		}
	}
	return false;
}

static bool next_set(
	struct dump *d, const struct config *cfg, union weft_entry *ret, uint32_t *budget)
{
	const struct set_entry *e = (const struct set_entry *)vhash_next_within(
		channel.sets.ids, &d->cursor, cfg->generation, budget);

	if (e)
		ret->set = e->spec;
	return e != NULL;
}

static bool next_set_member(
	struct dump *d, const struct config *cfg, union weft_entry *ret, uint32_t *budget)
{
	uint16_t set;

	if (!policy_member_next(cfg->set_members, &d->cursor, &d->inner, cfg->generation, budget,
		    &set, &ret->set_member.prefix))
		return false;
	ret->set_member.set = channel.set_ids[set];
	return true;
}

/* False with *budget 0: look on in the next message. */
static bool next_entry(struct dump *d, union weft_entry *ret, uint32_t *budget)
{
	const struct config *cfg = channel.config;

	switch (d->table) {
	case WEFT_TABLE_SEGMENT:
		return next_segment(d, cfg, ret);
	case WEFT_TABLE_PORT:
		return next_port(d, cfg, ret);
	case WEFT_TABLE_LOCAL_VTEP:
		return next_local_vtep(d, cfg, ret);
	case WEFT_TABLE_VTEP:
		return next_vtep(d, cfg, ret);
	case WEFT_TABLE_FLOOD:
		return next_flood(d, cfg, ret);
	case WEFT_TABLE_FDB:
		return next_fdb(d, cfg, ret, budget);
	case WEFT_TABLE_NEIGH:
		return next_neigh(d, cfg, ret, budget);
	case WEFT_TABLE_TENANT:
		return next_tenant(d, cfg, ret);
	case WEFT_TABLE_NETWORK:
		return next_network(d, cfg, ret);
	case WEFT_TABLE_ROUTER:
		return next_router(d, cfg, ret);
	case WEFT_TABLE_SUBNET:
		return next_subnet(d, cfg, ret);
	case WEFT_TABLE_ROUTE:
		return next_route(d, cfg, ret, budget);
	case WEFT_TABLE_SET:
		return next_set(d, cfg, ret, budget);
	case WEFT_TABLE_SET_MEMBER:
		return next_set_member(d, cfg, ret, budget);
	case WEFT_TABLE_RULESET:
		return next_ruleset(d, cfg, ret);
	case WEFT_TABLE_RULE:
		return next_rule(d, cfg, ret);
	case WEFT_TABLE_DNS:
		return next_dns(d, cfg, ret, budget);
	}
	return false;
}

int dump_start(struct dump *d, const struct weft_msg_dump *request, uint32_t seq)
{
	if (request->table && !weft_table_name(request->table))
		return -EINVAL;
	*d = (struct dump){.seq = seq,
		.flags = request->flags,
		.table = request->table ? request->table : 1,
		.last_table = request->table ? request->table : WEFT_TABLE_MAX - 1};
	return 0;
}

static size_t dump_finish(struct dump *d, void *buf)
{
	struct weft_msg_dump_end end = {
		.generation = channel.config->generation, .n_entries = d->n_entries};

	return weft_msg_build(buf, WEFT_MSG_DUMP_END, d->seq, &end, sizeof(end));
}

size_t dump_next(struct dump *d, void *buf)
{
	uint32_t budget = PLACES_PER_MESSAGE;
	struct weft_ops_writer w;
	union weft_entry e;

	weft_ops_start(&w, buf, WEFT_MSG_SIZE_MAX);
	while (d->table <= d->last_table) {
		/* The largest entry may come next. */
		if (w.used + sizeof(struct weft_op_hdr) + sizeof(e) > w.capacity)
			break;
		memset(&e, 0, sizeof(e));
		if (next_entry(d, &e, &budget)) {
			weft_ops_add(&w, d->table, WEFT_OP_PUT, &e, false);
			d->n_entries++;
		} else if (budget == 0) {
			break;
		} else {
			d->table++;
			d->cursor = d->inner = 0;
		}
	}
	if (w.n_ops == 0 && d->table > d->last_table)
		return dump_finish(d, buf);
	return weft_ops_finish(&w, WEFT_MSG_DUMP_ENTRIES, d->seq);
}

uint64_t dump_count(const struct config *cfg, enum weft_table table)
{
	uint64_t n = 0;

	switch (table) {
	case WEFT_TABLE_SEGMENT:
		return vhash_count(cfg->vni);
	case WEFT_TABLE_PORT:
		return vhash_count(channel.port_ids);
	case WEFT_TABLE_LOCAL_VTEP:
		return cfg->n_local_vteps;
	case WEFT_TABLE_VTEP:
		return vhash_count(cfg->vtep);
	case WEFT_TABLE_FLOOD:
		for (uint32_t i = 0; i < WEFT_MAX_SEGMENTS; i++)
			n += cfg->segments[i] ? cfg->segments[i]->n_vteps : 0;
		return n;
	case WEFT_TABLE_FDB:
		return vhash_count(cfg->fdb);
	case WEFT_TABLE_NEIGH:
		return vhash_count(cfg->neigh);
	case WEFT_TABLE_TENANT:
		return vhash_count(channel.tenants.ids);
	case WEFT_TABLE_NETWORK:
		return vhash_count(channel.networks.ids);
	case WEFT_TABLE_ROUTER:
		return vhash_count(channel.routers.ids);
	case WEFT_TABLE_SUBNET:
		for (uint32_t i = 0; i < WEFT_MAX_SEGMENTS; i++)
			n += cfg->segments[i] ? cfg->segments[i]->n_subnets : 0;
		return n;
	case WEFT_TABLE_ROUTE:
		return vhash_count(cfg->routes);
	case WEFT_TABLE_SET:
		return vhash_count(channel.sets.ids);
	case WEFT_TABLE_SET_MEMBER:
		return channel.refs->n_set_members;
	case WEFT_TABLE_RULESET:
		return vhash_count(channel.rulesets.ids);
	case WEFT_TABLE_RULE:
		for (uint32_t i = 0; i < WEFT_MAX_RULESETS; i++)
			n += cfg->rulesets[i] ? cfg->rulesets[i]->n_rules : 0;
		return n;
	case WEFT_TABLE_DNS:
		return vhash_count(cfg->dns);
	default:
		return 0;
	}
}
