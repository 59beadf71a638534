/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What must be unique, in one hash set: a claim names its entry and which of the object's values it
 * stands for; the value itself stays in the object. A million ports have two to three million
 * claims, so a claim has 16 bytes; the hash is among them so that growing does not visit objects.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model_impl.h"

struct claim {
	struct entry *e;
	uint32_t hash; /* of the value */
	uint16_t type; /* enum claim_type */
	uint16_t i;    /* which of the object's addresses */
};
static_assert(sizeof(struct claim) == 16, "no padding");

/* A claimed value: equal keys clash. */
struct key {
	uint16_t size; /* of bytes in use */
	uint16_t type;
	const struct entry *scope; /* a segment, host or router, or NULL: everywhere */
	uint8_t bytes[WEFT_DEVICE_SIZE + 2];
};

static void key_set(struct key *k, enum claim_type type, const struct entry *scope,
	const void *bytes, size_t size)
{
	k->type = type;
	k->scope = scope;
	k->size = (uint16_t)size;
	if (size)
		memcpy(k->bytes, bytes, size);
}

/* A memif socket carries several interfaces, told apart by number. */
static void key_set_device(
	struct key *k, const struct entry *host, const char *device, uint16_t instance)
{
	key_set(k, CLAIM_DEVICE, host, device, strlen(device));
	memcpy(k->bytes + k->size, &instance, sizeof(instance));
	k->size += sizeof(instance);
}

static void key_of_port(struct key *k, const struct entry *e, const struct claim *c)
{
	const struct entry *segment = link_to(e, MODEL_SEGMENT);
	const struct port *p = (const struct port *)e->o;

	if (c->type == CLAIM_MAC)
		key_set(k, CLAIM_MAC, segment, &p->mac, sizeof(p->mac));
	else if (c->type == CLAIM_ADDR)
		key_set(k, CLAIM_ADDR, segment, &p->addresses[c->i].addr, sizeof(struct weft_addr));
	else
		key_set_device(k, link_to(e, MODEL_HOST), p->device,
			p->kind == WEFT_PORT_MEMIF ? p->instance : 0);
}

static void key_of(struct key *k, const struct claim *c)
{
	const struct entry *e = c->e;
	const struct segment *s = (const struct segment *)e->o;
	const struct host *h = (const struct host *)e->o;
	const struct policy *p = (const struct policy *)e->o;
	uint32_t rank[2];

	switch (c->type) {
	case CLAIM_VNI:
		key_set(k, CLAIM_VNI, NULL, &s->vni, sizeof(s->vni));
		break;
	case CLAIM_PRIORITY:
		rank[0] = p->tier;
		rank[1] = p->priority;
		key_set(k, CLAIM_PRIORITY, NULL, rank, sizeof(rank));
		break;
	case CLAIM_VTEP:
		key_set(k, CLAIM_VTEP, NULL, &h->vteps[c->i], sizeof(struct weft_addr));
		break;
	case CLAIM_ROUTED:
		key_set(k, CLAIM_ROUTED, entry_segment(e, c->i), NULL, 0);
		break;
	case CLAIM_ROUTE:
		key_set(k, CLAIM_ROUTE, link_to(e, MODEL_ROUTER),
			&((const struct route *)e->o)->prefix, sizeof(struct weft_prefix));
		break;
	default:
		if (e->o->kind == MODEL_HOST)
			key_set_device(k, e, h->uplink.device,
				h->uplink.kind == UPLINK_MEMIF ? h->uplink.instance : 0);
		else
			key_of_port(k, e, c);
	}
}

static uint32_t key_hash(const struct key *k)
{
	uint64_t outer[3] = {k->type, (uintptr_t)k->scope, hset_hash(k->bytes, k->size)};

	return (uint32_t)hset_hash(outer, sizeof(outer));
}

/* The set wants 64 bits, of which it uses the upper half and seven of the lower. */
static uint64_t spread(uint32_t hash)
{
	return (uint64_t)hash << 32 | hash;
}

static uint64_t claim_hash(const void *element)
{
	return spread(((const struct claim *)element)->hash);
}

struct probe {
	struct key key;
	uint32_t hash;
};

static bool claim_has_key(const void *element, const void *probe)
{
	const struct key *k = &((const struct probe *)probe)->key;
	const struct claim *c = element;
	struct key other;

	if (c->hash != ((const struct probe *)probe)->hash || c->type != k->type)
		return false;
	key_of(&other, c);
	return other.scope == k->scope && other.size == k->size &&
	       memcmp(other.bytes, k->bytes, k->size) == 0;
}

/* p's key is filled in; fills in its hash. */
static struct claim *find(const struct model *m, struct probe *p)
{
	p->hash = key_hash(&p->key);
	return hset_find(&m->claims, spread(p->hash), claim_has_key, p);
}

void claims_init(struct model *m)
{
	hset_init(&m->claims, sizeof(struct claim), claim_hash);
}

static int clash(const struct claim *c, const struct claim *with, struct model_error *err)
{
	static const struct {
		const char *field, *text;
		bool is_array;
	} types[N_CLAIM_TYPES] = {
		[CLAIM_VNI] = {"vni", "this VNI is used by", false},
		[CLAIM_VTEP] = {"vteps", "this address is a VTEP of", true},
		[CLAIM_DEVICE] = {"device", "this device of the host is used by", false},
		[CLAIM_MAC] = {"mac", "this MAC is used in the segment by", false},
		[CLAIM_ADDR] = {"addresses", "this address is used in the segment by", true},
		[CLAIM_ROUTED] = {"segments", "this segment is in", true},
		[CLAIM_ROUTE] = {"prefix", "this prefix of the router is the one of", false},
		[CLAIM_PRIORITY] = {"priority", "this priority is used in the tier by", false},
	};
	char field[32];

	snprintf(field, sizeof(field), types[c->type].is_array ? "%s[%u]" : "%s",
		types[c->type].field, c->i);
	return model_fail(err, MODEL_ERR_CONFLICT, c->e->o, field, "%s %s %s", types[c->type].text,
		model_kind_name(with->e->o->kind),
		with->e == c->e ? "itself; it is listed twice" : with->e->name);
}

typedef int (*claim_fn)(struct model *m, const struct claim *c, struct model_error *err);

static int for_each_segment(
	struct model *m, struct entry *router, claim_fn fn, struct model_error *err)
{
	const struct router *r = (const struct router *)router->o;
	struct claim c = {.e = router, .type = CLAIM_ROUTED};
	int error = 0;

	for (size_t i = 0; i < r->n_segments && !error; i++) {
		c.i = (uint16_t)i;
		error = fn(m, &c, err);
	}
	return error;
}

/* Calls fn for each claim that e's object has; stops when it returns non-zero. */
static int for_each(struct model *m, struct entry *e, claim_fn fn, struct model_error *err)
{
	struct claim list[WEFT_PORT_ADDRS + 2];
	const struct port *p = (const struct port *)e->o;
	const struct host *h = (const struct host *)e->o;
	size_t n = 0;
	int error = 0;

	if (e->o->kind == MODEL_ROUTER)
		return for_each_segment(m, e, fn, err);
	if (e->o->kind == MODEL_ROUTE)
		list[n++] = (struct claim){.e = e, .type = CLAIM_ROUTE, .i = 0};
	if (e->o->kind == MODEL_POLICY)
		list[n++] = (struct claim){.e = e, .type = CLAIM_PRIORITY, .i = 0};
	if (e->o->kind == MODEL_SEGMENT)
		list[n++] = (struct claim){.e = e, .type = CLAIM_VNI, .i = 0};
	if (e->o->kind == MODEL_HOST) {
		for (uint16_t i = 0; i < h->n_vteps; i++)
			list[n++] = (struct claim){.e = e, .type = CLAIM_VTEP, .i = i};
		if (h->uplink.kind)
			list[n++] = (struct claim){.e = e, .type = CLAIM_DEVICE, .i = 0};
	}
	if (e->o->kind == MODEL_PORT) {
		list[n++] = (struct claim){.e = e, .type = CLAIM_MAC, .i = 0};
		for (uint16_t i = 0; i < p->n_addresses; i++)
			if (p->addresses[i].len == 128)
				list[n++] = (struct claim){.e = e, .type = CLAIM_ADDR, .i = i};
		if (p->host && p->device) /* a default one follows from the name */
			list[n++] = (struct claim){.e = e, .type = CLAIM_DEVICE, .i = 0};
	}
	for (size_t i = 0; i < n && !error; i++)
		error = fn(m, &list[i], err);
	return error;
}

static int make(struct model *m, const struct claim *c, struct model_error *err)
{
	struct claim added = *c, *other;
	struct probe p;

	key_of(&p.key, c);
	other = find(m, &p);
	if (other)
		return clash(c, other, err);
	added.hash = p.hash;
	hset_insert(&m->claims, &added);
	m->n_claims[c->type]++;
	return 0;
}

static int drop(struct model *m, const struct claim *c, struct model_error *err)
{
	struct claim *present;
	struct probe p;

	key_of(&p.key, c);
	present = find(m, &p);
	if (present && present->e == c->e) {
		hset_remove(&m->claims, present);
		m->n_claims[c->type]--;
	}
	return 0;
}

int claims_make(struct model *m, struct entry *e, struct model_error *err)
{
	return for_each(m, e, make, err);
}

void claims_drop(struct model *m, struct entry *e)
{
	for_each(m, e, drop, NULL);
}

static struct entry *find_entry(const struct model *m, enum claim_type type,
	const struct entry *scope, const void *bytes, size_t size)
{
	struct claim *c;
	struct probe p;

	key_set(&p.key, type, scope, bytes, size);
	c = find(m, &p);
	return c ? c->e : NULL;
}

struct entry *claims_find_vni(const struct model *m, uint32_t vni)
{
	return find_entry(m, CLAIM_VNI, NULL, &vni, sizeof(vni));
}

struct entry *claims_find_vtep(const struct model *m, const struct weft_addr *addr)
{
	return find_entry(m, CLAIM_VTEP, NULL, addr, sizeof(*addr));
}

struct entry *claims_find_mac(
	const struct model *m, const struct entry *segment, const struct weft_mac *mac)
{
	return find_entry(m, CLAIM_MAC, segment, mac, sizeof(*mac));
}

struct entry *claims_find_addr(
	const struct model *m, const struct entry *segment, const struct weft_addr *addr)
{
	return find_entry(m, CLAIM_ADDR, segment, addr, sizeof(*addr));
}

struct entry *claims_find_routed(const struct model *m, const struct entry *segment)
{
	return find_entry(m, CLAIM_ROUTED, segment, NULL, 0);
}

struct entry *claims_find_route(
	const struct model *m, const struct entry *router, const struct weft_prefix *prefix)
{
	return find_entry(m, CLAIM_ROUTE, router, prefix, sizeof(*prefix));
}
