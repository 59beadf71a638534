/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What of policy is programmed here, because something local uses it, perhaps through others: a
 * local port uses rule sets, those use sets of addresses; segments and routers that are relevant
 * use networks, those use tenants. Each use counts its users and remembers what it uses itself, so
 * that it lets go of that whatever became of the objects meanwhile.
 *
 * A security group has a rule set and a set of its members' addresses for each network that it is
 * used in. Of such a set the members are counted here, as several ports may have one prefix.
 */
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>

#include "uses.h"

struct use_key {
	uint32_t table;
	uint32_t id;
};

struct addresses {
	struct weft_prefix prefix;
	uint32_t n; /* ports that have it */
};

static uint64_t use_hash_of(uint32_t table, uint32_t id)
{
	const struct use_key k = {table, id};

	return hset_hash(&k, sizeof(k));
}

static uint64_t use_hash(const void *element)
{
	const struct use *u = *(struct use *const *)element;

	return use_hash_of(u->table, u->id);
}

static bool use_is(const void *element, const void *probe)
{
	const struct use *u = *(struct use *const *)element;
	const struct use_key *k = probe;

	return u->table == k->table && u->id == k->id;
}

static uint64_t prefix_hash(const struct weft_prefix *p)
{
	return hset_hash(p, sizeof(*p));
}

static uint64_t addresses_hash(const void *element)
{
	return prefix_hash(&((const struct addresses *)element)->prefix);
}

static bool addresses_are(const void *element, const void *probe)
{
	return memcmp(&((const struct addresses *)element)->prefix, probe,
		       sizeof(struct weft_prefix)) == 0;
}

void uses_init(struct compiler *c)
{
	hset_init(&c->uses, sizeof(struct use *), use_hash);
}

static void use_free(struct use *u)
{
	hset_clear(&u->members);
	free(u->name);
	free(u->network);
	free(u->deps);
	free(u);
}

void uses_clear(struct compiler *c)
{
	for (struct use **p = NULL; (p = hset_next(&c->uses, p));)
		use_free(*p);
	hset_clear(&c->uses);
	free(c->policies);
}

struct use *use_find(const struct compiler *c, enum weft_table table, uint32_t id)
{
	const struct use_key k = {table, id};
	struct use **p = hset_find(&c->uses, use_hash_of(table, id), use_is, &k);

	return p ? *p : NULL;
}

const struct object *use_object(
	const struct compiler *c, enum weft_table table, uint32_t id, enum model_kind kind)
{
	const struct use *u = use_find(c, table, id);

	return u ? model_find(c->m, kind, u->name) : NULL;
}

void use_walk(const struct compiler *c, enum weft_table table, key_fn fn, void *arg)
{
	for (struct use **p = NULL; (p = hset_next(&c->uses, p));) {
		union key k = key_id((*p)->id);

		if ((*p)->table == (uint32_t)table)
			fn(arg, &k);
	}
}

const struct rule *use_rules(const struct compiler *c, const struct use *u, size_t *ret_n)
{
	const struct security_group *g;
	const struct policy *p;

	if (u->network) {
		g = (const struct security_group *)model_find(c->m, MODEL_SECURITY_GROUP, u->name);
		*ret_n = g ? g->n_rules : 0;
		return g ? g->rules : NULL;
	}
	p = (const struct policy *)model_find(c->m, MODEL_POLICY, u->name);
	*ret_n = p ? p->n_rules : 0;
	return p ? p->rules : NULL;
}

static const struct address_set *address_set_of(const struct compiler *c, const struct use *u)
{
	return (const struct address_set *)model_find(c->m, MODEL_ADDRESS_SET, u->name);
}

bool use_set_has(const struct compiler *c, const struct use *u, const struct weft_prefix *p)
{
	const struct address_set *s;

	if (u->network)
		return hset_find(&u->members, prefix_hash(p), addresses_are, p);
	s = address_set_of(c, u);
	return s && address_set_has(s, p);
}

void use_walk_set(const struct compiler *c, const struct use *u,
	void (*fn)(void *arg, const struct weft_prefix *p), void *arg)
{
	const struct address_set *s;

	if (u->network) {
		for (struct addresses *a = NULL; (a = hset_next(&u->members, a));)
			fn(arg, &a->prefix);
		return;
	}
	s = address_set_of(c, u);
	for (size_t i = 0; s && i < s->n_prefixes; i++)
		fn(arg, &s->prefixes[i]);
}

struct set_mark {
	struct compiler *c;
	uint32_t set;
};

static void mark_set_member(void *arg, const struct weft_prefix *p)
{
	const struct set_mark *m = arg;

	mark(m->c, WEFT_TABLE_SET_MEMBER, key_prefix(m->set, p));
}

/* Its entry and those of what it consists of. */
static void mark_use(struct compiler *c, struct use *u)
{
	struct set_mark m = {c, u->id};
	size_t n;

	mark(c, u->table, key_id(u->id));
	if (u->table == WEFT_TABLE_SET && !c->all)
		use_walk_set(c, u, mark_set_member, &m);
	if (u->table != WEFT_TABLE_RULESET)
		return;
	use_rules(c, u, &n);
	for (uint32_t i = 1; i <= n || i <= u->n_rules; i++)
		mark(c, WEFT_TABLE_RULE, key_rule(u->id, i));
	u->n_rules = (uint32_t)n;
}

const char *port_network(const struct compiler *c, const struct port *p)
{
	const struct segment *s =
		(const struct segment *)model_find(c->m, MODEL_SEGMENT, p->segment);

	return s ? s->network : NULL;
}

/* The use of the pair, or 0 when one of both is gone. */
static uint32_t pair_id(const struct compiler *c, const char *group, const char *network)
{
	const struct object *g = model_find(c->m, MODEL_SECURITY_GROUP, group);
	const struct object *n = network ? model_find(c->m, MODEL_NETWORK, network) : NULL;

	return g && n ? group_network_id(
				(const struct security_group *)g, (const struct network *)n)
		      : 0;
}

static void count_address(
	struct compiler *c, struct use *set, const struct weft_prefix *prefix, bool is)
{
	struct addresses *a = hset_find(&set->members, prefix_hash(prefix), addresses_are, prefix);
	const struct addresses first = {.prefix = *prefix, .n = 1};

	if (a && is)
		a->n++;
	else if (a && --a->n == 0)
		hset_remove(&set->members, a);
	else if (!a && is)
		hset_insert(&set->members, &first);
	mark(c, WEFT_TABLE_SET_MEMBER, key_prefix(set->id, prefix));
}

struct building {
	struct compiler *c;
	struct use *set;
};

static int build_from_port(const struct object *o, void *arg)
{
	const struct building *b = arg;
	const struct port *p = (const struct port *)o;

	if (strcmp(port_network(b->c, p), b->set->network) == 0)
		for (size_t i = 0; i < p->n_addresses; i++)
			count_address(b->c, b->set, &p->addresses[i], true);
	return 0;
}

/* Counts the group's addresses as the model is now; what the same changes say of it is in there. */
static void build_set(struct compiler *c, struct use *set)
{
	struct building b = {c, set};

	set->is_built = true;
	c->has_built = true;
	model_users(c->m, MODEL_SECURITY_GROUP, set->name, MODEL_PORT, build_from_port, &b);
}

static void use_settle(struct compiler *c, struct use *u);

struct use *use_ref(struct compiler *c, enum weft_table table, uint32_t id, const char *name,
	const char *network)
{
	struct use *u = use_find(c, table, id);

	if (u) {
		u->n_users++;
		return u;
	}
	u = mem_zalloc(sizeof(*u));
	u->table = table;
	u->id = id;
	u->n_users = 1;
	u->name = mem_strdup(name);
	u->network = mem_strdup(network);
	hset_init(&u->members, sizeof(struct addresses), addresses_hash);
	hset_insert(&c->uses, &u);
	if (table == WEFT_TABLE_SET && network)
		build_set(c, u);
	use_settle(c, u);
	return u;
}

void use_unref(struct compiler *c, struct use *u)
{
	const struct use_key k = {u ? u->table : 0, u ? u->id : 0};

	if (!u || --u->n_users > 0)
		return;
	mark_use(c, u);
	for (size_t i = 0; i < u->n_deps; i++)
		use_unref(c, u->deps[i]);
	hset_remove(&c->uses, hset_find(&c->uses, use_hash_of(k.table, k.id), use_is, &k));
	use_free(u);
}

struct deps {
	struct compiler *c;
	struct use **list;
	size_t n;
};

static void add_dep(
	struct deps *d, enum weft_table table, uint32_t id, const char *name, const char *network)
{
	d->list = mem_realloc(d->list, d->n + 1, sizeof(*d->list));
	d->list[d->n++] = use_ref(d->c, table, id, name, network);
}

static void add_policies(struct deps *d, const struct port *p, enum weft_tier tier)
{
	const char *network = port_network(d->c, p);
	char tenant[MODEL_NAME_MAX + 1];

	model_name_tenant(p->o.name, tenant);
	for (size_t i = 0; i < d->c->n_policies; i++) {
		const struct policy *policy = d->c->policies[i];

		if (policy->tier == tier && policy_covers(policy, tenant, network))
			add_dep(d, WEFT_TABLE_RULESET, policy->o.id, policy->o.name, NULL);
	}
}

/* In the order in which they judge. */
static void add_rulesets(struct deps *d, const struct port *p)
{
	const char *network = port_network(d->c, p);

	add_policies(d, p, WEFT_TIER_OVERRIDE);
	for (size_t i = 0; i < p->n_security_groups; i++)
		add_dep(d, WEFT_TABLE_RULESET, pair_id(d->c, p->security_groups[i], network),
			p->security_groups[i], network);
	if (p->n_security_groups == 0)
		add_policies(d, p, WEFT_TIER_BASELINE);
}

static void add_sets(struct deps *d, const struct use *u)
{
	size_t n;
	const struct rule *rules = use_rules(d->c, u, &n);

	for (size_t i = 0; i < n; i++) {
		const struct rule *r = &rules[i];
		uint32_t id = rule_set_id(d->c, u, r);

		if (r->remote_group)
			add_dep(d, WEFT_TABLE_SET, id, r->remote_group, u->network);
		else if (r->address_set)
			add_dep(d, WEFT_TABLE_SET, id, r->address_set, NULL);
	}
}

static void add_tenant(struct deps *d, const struct use *network)
{
	char tenant[MODEL_NAME_MAX + 1];

	model_name_tenant(network->name, tenant);
	add_dep(d, WEFT_TABLE_TENANT, model_find(d->c->m, MODEL_TENANT, tenant)->id, tenant, NULL);
}

/* Takes over what it uses now, and marks it. */
static void use_settle(struct compiler *c, struct use *u)
{
	struct deps d = {.c = c}, old = {c, u->deps, u->n_deps};

	if (u->table == WEFT_TABLE_PORT)
		add_rulesets(&d, (const struct port *)model_find(c->m, MODEL_PORT, u->name));
	else if (u->table == WEFT_TABLE_RULESET)
		add_sets(&d, u);
	else if (u->table == WEFT_TABLE_NETWORK)
		add_tenant(&d, u);
	u->deps = d.list;
	u->n_deps = d.n;
	for (size_t i = 0; i < old.n; i++)
		use_unref(c, old.list[i]);
	free(old.list);
	mark_use(c, u);
}

uint32_t rule_set_id(const struct compiler *c, const struct use *ruleset, const struct rule *r)
{
	if (r->remote_group)
		return pair_id(c, r->remote_group, ruleset->network);
	return r->address_set ? model_find(c->m, MODEL_ADDRESS_SET, r->address_set)->id : 0;
}

struct use *use_network(struct compiler *c, const char *network)
{
	return use_ref(
		c, WEFT_TABLE_NETWORK, model_find(c->m, MODEL_NETWORK, network)->id, network, NULL);
}

/* What a port was, or is, to the sets of its groups' members, unless these were built from what is
 * now. */
static void count_port(struct compiler *c, const struct port *p, bool is)
{
	const char *network = p->n_security_groups ? port_network(c, p) : NULL;

	for (size_t i = 0; i < p->n_security_groups; i++) {
		struct use *set =
			use_find(c, WEFT_TABLE_SET, pair_id(c, p->security_groups[i], network));

		for (size_t k = 0; set && !set->is_built && k < p->n_addresses; k++)
			count_address(c, set, &p->addresses[k], is);
	}
}

static bool network_differs(const struct model_change *change)
{
	const struct segment *a = (const struct segment *)change->before;
	const struct segment *b = (const struct segment *)change->after;

	return a && (!b || strcmp(a->network, b->network) != 0);
}

/* Ports came and went with a segment: the sets of both networks are to be built again. */
static void spoil_sets(struct compiler *c, const struct segment *s)
{
	struct set_mark m = {.c = c};

	for (struct use **p = NULL; s && (p = hset_next(&c->uses, p));) {
		struct use *u = *p;

		if (u->table != WEFT_TABLE_SET || !u->network || u->is_built ||
			strcmp(u->network, s->network) != 0)
			continue;
		m.set = u->id;
		use_walk_set(c, u, mark_set_member, &m);
		hset_clear(&u->members);
		u->is_built = u->is_spoilt = c->has_built = true;
	}
}

static void mark_difference(void *arg, const struct weft_prefix *p, bool added)
{
	mark_set_member(arg, p);
}

/* Marks what is in only one of both. */
static void mark_set_changes(
	struct compiler *c, const struct address_set *a, const struct address_set *b)
{
	struct set_mark m = {c, a->o.id};

	if (!use_find(c, WEFT_TABLE_SET, a->o.id))
		return;
	mark(c, WEFT_TABLE_SET, key_id(a->o.id));
	address_set_diff(a, b, mark_difference, &m);
}

void uses_note_before(struct compiler *c, const struct model_change *change)
{
	switch (change->kind) {
	case MODEL_SEGMENT:
		if (!network_differs(change))
			break;
		spoil_sets(c, (const struct segment *)change->before);
		spoil_sets(c, (const struct segment *)change->after);
		break;
	case MODEL_PORT:
		if (change->before)
			count_port(c, (const struct port *)change->before, false);
		break;
	case MODEL_ADDRESS_SET:
		if (change->before)
			mark_set_changes(c, (const struct address_set *)change->before,
				(const struct address_set *)change->after);
		break;
	case MODEL_TENANT:
		if (change->before)
			mark(c, WEFT_TABLE_TENANT, key_id(change->before->id));
		break;
	case MODEL_NETWORK:
		if (change->before)
			mark(c, WEFT_TABLE_NETWORK, key_id(change->before->id));
		break;
	default:
		break;
	}
}

static int by_rank(const void *a, const void *b)
{
	const struct policy *x = *(const struct policy *const *)a,
			    *y = *(const struct policy *const *)b;

	return x->tier != y->tier ? x->tier - y->tier : (int)x->priority - (int)y->priority;
}

void uses_note_policies(struct compiler *c)
{
	const struct object *o = NULL;

	c->n_policies = 0;
	while ((o = model_next(c->m, MODEL_POLICY, o ? o->name : NULL))) {
		c->policies = mem_realloc(c->policies, c->n_policies + 1, sizeof(*c->policies));
		c->policies[c->n_policies++] = (const struct policy *)o;
	}
	if (c->n_policies)
		qsort(c->policies, c->n_policies, sizeof(*c->policies), by_rank);
}

void uses_note_port(struct compiler *c, const struct port *before, const struct port *after)
{
	bool local = after && is_local(c, after);
	struct use *was =
		before && is_local(c, before) ? use_find(c, WEFT_TABLE_PORT, before->o.id) : NULL;

	if (local && was)
		use_settle(c, was);
	else if (local)
		use_ref(c, WEFT_TABLE_PORT, after->o.id, after->o.name, NULL);
	else
		use_unref(c, was);
}

static int settle_port(const struct port *p, void *arg)
{
	struct compiler *c = arg;
	struct use *u = use_find(c, WEFT_TABLE_PORT, p->o.id);

	if (u) /* else it is among the changes and comes yet */
		use_settle(c, u);
	return 0;
}

/* Rule sets that come of the object: a policy's, or a security group's in each network. */
static void settle_rulesets(struct compiler *c, const struct object *o)
{
	struct deps found = {0};

	for (struct use **p = NULL; (p = hset_next(&c->uses, p));)
		if ((*p)->table == WEFT_TABLE_RULESET &&
			!(*p)->network == (o->kind == MODEL_POLICY) &&
			strcmp((*p)->name, o->name) == 0) {
			found.list = mem_realloc(found.list, found.n + 1, sizeof(*found.list));
			found.list[found.n++] = *p;
		}
	/* Each is used by ports alone, so none goes with another. */
	for (size_t i = 0; i < found.n; i++)
		use_settle(c, found.list[i]);
	free(found.list);
}

void uses_note(struct compiler *c, const struct model_change *changes, size_t n)
{
	bool all_ports = false;

	for (size_t i = 0; i < n; i++)
		all_ports |= changes[i].kind == MODEL_POLICY;
	if (all_ports)
		uses_note_policies(c);
	for (size_t i = 0; i < n; i++) {
		const struct model_change *change = &changes[i];

		if (change->kind == MODEL_PORT)
			uses_note_port(c, (const struct port *)change->before,
				(const struct port *)change->after);
		else if (change->kind == MODEL_SEGMENT && change->after && network_differs(change))
			all_ports = true;
		else if (change->after &&
			 (change->kind == MODEL_SECURITY_GROUP || change->kind == MODEL_POLICY))
			settle_rulesets(c, change->after);
	}
	if (all_ports)
		model_host_ports(c->m, c->host, settle_port, c);
}

void uses_note_after(struct compiler *c, const struct model_change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (changes[i].kind == MODEL_PORT && changes[i].after)
			count_port(c, (const struct port *)changes[i].after, true);
	if (!c->has_built)
		return;
	for (struct use **p = NULL; (p = hset_next(&c->uses, p));) {
		if ((*p)->is_spoilt)
			build_set(c, *p);
		(*p)->is_built = (*p)->is_spoilt = false;
	}
	c->has_built = false;
}
