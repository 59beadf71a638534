/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests that the data plane answers, later: how many there may be, what becomes of them when the
 * server or the data plane goes, and names in them. On weftd's event loop.
 */
#include <errno.h>
#include <string.h>

#include <weftrpc/codes.h>

#include "server.h"

#define ASKING_MAX 4 /* at a time: each costs the data plane's main thread a walk over a table */

bool asking_start(struct request *rq, struct asking *a)
{
	if (rq->rpc->south == NULL) {
		request_fail(rq, WEFTRPC_DATAPLANE, "weftd runs without a data plane");
		return false;
	}
	if (rq->rpc->n_asking >= ASKING_MAX) {
		request_fail(rq, WEFTRPC_BUSY,
			"%d such requests are in progress; try again in a moment", ASKING_MAX);
		return false;
	}
	a->rpc = rq->rpc;
	a->call = rq->call;
	a->rpc->n_asking++;
	LIST_INSERT_HEAD(&a->rpc->asking, a, next);
	return true;
}

void asking_end(struct asking *a, int error)
{
	if (a->rpc != NULL) {
		a->rpc->n_asking--;
		LIST_REMOVE(a, next);
	}
	if (error == -ENOTCONN)
		jsonrpc_fail(a->call, WEFTRPC_DATAPLANE,
			"weft-dataplane is not connected; see weft status", NULL);
	else if (error < 0)
		jsonrpc_fail(a->call, WEFTRPC_DATAPLANE,
			"the data plane did not answer to the end; see weft status", NULL);
}

void asking_refused(struct asking *a, int error, const char *text)
{
	if (text[0] == 0) {
		asking_end(a, error);
		return;
	}
	jsonrpc_fail(a->call, WEFTRPC_DATAPLANE, text, NULL);
	asking_end(a, 0);
}

void asking_stop(struct rpc *r)
{
	struct asking *a;

	while ((a = LIST_FIRST(&r->asking)) != NULL) {
		LIST_REMOVE(a, next);
		a->rpc = NULL;
	}
}

void asking_no_port(struct request *rq, const char *name)
{
	const struct port *p =
		(const struct port *)model_find(engine_model(rq->rpc->engine), MODEL_PORT, name);

	if (p != NULL && p->host != NULL && strcmp(p->host, engine_host(rq->rpc->engine)) != 0)
		request_fail(rq, WEFTRPC_NOT_FOUND,
			"port %.64s: is on host %.64s; ask the weftd there", name, p->host);
	else if (p != NULL)
		request_fail(rq, WEFTRPC_NOT_FOUND,
			"port %.64s: the data plane of this host has no such port; see weft status",
			name);
	else
		request_fail(rq, WEFTRPC_NOT_FOUND,
			"port %.64s: does not exist; ports are named TENANT/NAME", name);
}

bool asking_segment(struct request *rq, const char *name, uint32_t *ret_vni)
{
	const struct object *o;

	*ret_vni = 0;
	if (name == NULL)
		return true;
	o = model_find(engine_model(rq->rpc->engine), MODEL_SEGMENT, name);
	if (o == NULL) {
		request_fail(rq, WEFTRPC_NOT_FOUND, "segment %.64s: does not exist%s", name,
			strchr(name, '/') == NULL ? "; it is named TENANT/NAME" : "");
		return false;
	}
	*ret_vni = ((const struct segment *)o)->vni;
	return true;
}

bool asking_port(struct request *rq, const char *name, uint32_t *ret_id)
{
	const struct object *o;

	*ret_id = 0;
	if (name == NULL)
		return true;
	if (strcmp(name, "uplink") == 0) {
		*ret_id = COMPILE_UPLINK_ID;
		return true;
	}
	o = model_find(engine_model(rq->rpc->engine), MODEL_PORT, name);
	if (o == NULL || local_port_name(rq->rpc, o->id) == NULL) {
		asking_no_port(rq, name);
		return false;
	}
	*ret_id = o->id;
	return true;
}

bool asking_prefix(struct request *rq, const char *param, struct weft_prefix *ret)
{
	const char *text = param_string(rq, param);

	if (text == NULL || weft_prefix_parse(text, true, ret) == 0)
		return true;
	if (weft_addr_parse(text, &ret->addr) == 0) {
		ret->len = 128;
		return true;
	}
	request_fail(rq, WEFTRPC_PARAMS, "%s: must be an address or a prefix", param);
	return false;
}
