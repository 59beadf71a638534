/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What of policy, networks and tenants is programmed here, and who uses it. Private to the
 * compiler.
 */
#ifndef COMPILE_USES_H
#define COMPILE_USES_H

#include "compile_impl.h"

/* An entry of TENANT, NETWORK, RULESET or SET with all that belongs to it, or a local port. */
struct use {
	uint32_t table; /* enum weft_table */
	uint32_t id;	/* its key there */
	char *name;	/* of the object */
	char *network;	/* of a security group's rule set or set: where it is used; else NULL */
	uint32_t n_users;
	uint32_t n_rules;  /* marked so far */
	bool is_built;	   /* its members were taken from the model as it is after the changes */
	bool is_spoilt;	   /* they are to be taken from there */
	struct use **deps; /* what it uses; of a port: its rule sets, in order */
	size_t n_deps;
	struct hset members; /* a security group's set: addresses of its ports, counted */
};

void uses_init(struct compiler *c);
void uses_clear(struct compiler *c);
/* NULL: nothing here uses it. */
struct use *use_find(const struct compiler *c, enum weft_table table, uint32_t id);
/* The object behind an entry that is used, or NULL. */
const struct object *use_object(
	const struct compiler *c, enum weft_table table, uint32_t id, enum model_kind kind);
/* Counts one user more; makes it when it was not there. */
struct use *use_ref(struct compiler *c, enum weft_table table, uint32_t id, const char *name,
	const char *network);
/* Accepts NULL. */
void use_unref(struct compiler *c, struct use *u);
struct use *use_network(struct compiler *c, const char *network);

/* Calls fn for the key of each entry of that table. */
void use_walk(const struct compiler *c, enum weft_table table, key_fn fn, void *arg);

/* The rules of a rule set. */
const struct rule *use_rules(const struct compiler *c, const struct use *u, size_t *ret_n);
/* The set that a rule of that rule set refers to; 0: none. */
uint32_t rule_set_id(const struct compiler *c, const struct use *ruleset, const struct rule *r);
bool use_set_has(const struct compiler *c, const struct use *u, const struct weft_prefix *p);
void use_walk_set(const struct compiler *c, const struct use *u,
	void (*fn)(void *arg, const struct weft_prefix *p), void *arg);
/* The full name of its segment's network; NULL when the segment is gone. */
const char *port_network(const struct compiler *c, const struct port *p);

/* Steps of compile_note, in this order; the model is as it is after the changes in all of them. */
void uses_note_before(struct compiler *c, const struct model_change *change);
void uses_note(struct compiler *c, const struct model_change *changes, size_t n);
void uses_note_after(struct compiler *c, const struct model_change *changes, size_t n);
/* Takes over the list of policies. */
void uses_note_policies(struct compiler *c);
/* A port came, went or changed; either may be NULL. */
void uses_note_port(struct compiler *c, const struct port *before, const struct port *after);

#endif
