/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names of this host's ports by id: the data plane knows numbers, people know names. Follows the
 * model's changes, as a look at every port of the cluster for each request would be too slow. On
 * weftd's event loop.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

static bool is_local(const struct rpc *r, const struct object *o)
{
	const struct port *p = (const struct port *)o;

	return p != NULL && p->host != NULL && strcmp(p->host, engine_host(r->engine)) == 0;
}

static void forget(struct rpc *r, uint32_t id)
{
	struct local_port *lp;

	HASH_FIND(hh, r->local_ports, &id, sizeof(id), lp);
	if (lp == NULL)
		return;
	HASH_DEL(r->local_ports, lp);
	free(lp->name);
	free(lp);
}

static int add(struct rpc *r, const struct object *o)
{
	struct local_port *lp;

	forget(r, o->id);
	lp = calloc(1, sizeof(*lp));
	if (lp == NULL)
		return -ENOMEM;
	lp->id = o->id;
	lp->name = strdup(o->name);
	if (lp->name == NULL) {
		free(lp);
		return -ENOMEM;
	}
	HASH_ADD(hh, r->local_ports, id, sizeof(lp->id), lp);
	return 0;
}

static int add_port(const struct port *p, void *arg)
{
	return add(arg, &p->o);
}

int local_start(struct rpc *r)
{
	return model_host_ports(engine_model(r->engine), engine_host(r->engine), add_port, r);
}

void local_stop(struct rpc *r)
{
	struct local_port *lp, *tmp;

	HASH_ITER (hh, r->local_ports, lp, tmp) {
		HASH_DEL(r->local_ports, lp);
		free(lp->name);
		free(lp);
	}
}

/* A name that can't be kept for lack of memory is shown as unknown. */
void local_note(struct rpc *r, const struct model_change *changes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct model_change *c = &changes[i];

		if (c->kind != MODEL_PORT)
			continue;
		if (is_local(r, c->before))
			forget(r, c->before->id);
		if (is_local(r, c->after))
			add(r, c->after);
	}
}

const char *local_port_name(const struct rpc *r, uint32_t id)
{
	struct local_port *lp;

	/* No name of an object: those of ports have a slash. */
	if (id == COMPILE_UPLINK_ID)
		return "uplink";
	if (id == COMPILE_SERVICE_ID)
		return "metadata";
	HASH_FIND(hh, r->local_ports, &id, sizeof(id), lp);
	return lp == NULL ? NULL : lp->name;
}
