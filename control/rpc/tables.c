/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the data plane holds: fdb.list, neighbour.list, fdb.flush. South asks it, so answers come
 * later; the client may be gone by then. On weftd's event loop.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>
#include <weftrpc/codes.h>

#include "server.h"

#define DUMPS_MAX 4 /* at a time: each costs the data plane's main thread a walk over its table */

struct table_dump {
	LIST_ENTRY(table_dump) next;
	struct rpc *rpc; /* NULL: the server is gone */
	struct jsonrpc_call *call;
	struct json_object *entries; /* NULL: a flush */
	uint64_t limit, total;
	/* What is wanted. Zero and false: anything. */
	uint32_t vni, port;
	struct weft_mac mac;
	bool has_mac, learned;
};

static struct json_object *finish(struct table_dump *d)
{
	struct json_object *o = json_object_new_object();

	if (d->entries == NULL) {
		json_object_object_add(o, "flushed", json_object_new_boolean(true));
		return o;
	}
	json_object_object_add(o, "entries", d->entries);
	json_object_object_add(o, "total", json_object_new_uint64(d->total));
	json_object_object_add(o, "truncated", json_object_new_boolean(d->total > d->limit));
	d->entries = NULL;
	return o;
}

static void on_done(void *arg, int error)
{
	struct table_dump *d = arg;

	if (d->rpc != NULL) {
		d->rpc->n_dumps--;
		LIST_REMOVE(d, next);
	}
	if (error == -ENOTCONN)
		jsonrpc_fail(d->call, WEFTRPC_DATAPLANE,
			"weft-dataplane is not connected; see weft status", NULL);
	else if (error < 0)
		jsonrpc_fail(d->call, WEFTRPC_DATAPLANE,
			"the data plane did not answer to the end; see weft status", NULL);
	else
		jsonrpc_result(d->call, finish(d));
	json_object_put(d->entries);
	free(d);
}

static bool fdb_wanted(const struct table_dump *d, const struct weft_fdb *e)
{
	return (d->vni == 0 || d->vni == e->vni) && (d->port == 0 || d->port == e->port) &&
	       (!d->has_mac || weft_mac_equal(&d->mac, &e->mac)) &&
	       (!d->learned || (e->flags & WEFT_FDB_LEARNED));
}

static void on_fdb(void *arg, const union weft_entry *e)
{
	struct table_dump *d = arg;
	struct json_object *o;

	if (d->rpc == NULL || !fdb_wanted(d, &e->fdb) || d->total++ >= d->limit)
		return;
	o = json_object_new_object();
	json_add_fdb(d->rpc, o, &e->fdb);
	json_object_array_add(d->entries, o);
}

static void on_neigh(void *arg, const union weft_entry *e)
{
	struct table_dump *d = arg;
	struct json_object *o;

	if (d->rpc == NULL || (d->vni != 0 && d->vni != e->neigh.vni) || d->total++ >= d->limit)
		return;
	o = json_object_new_object();
	json_add_segment(d->rpc, o, e->neigh.vni);
	json_add_addr(o, "address", &e->neigh.addr);
	json_add_mac(o, "mac", &e->neigh.mac);
	json_object_array_add(d->entries, o);
}

/* Reads the filters that are names. Answers the request itself when it returns false. */
static bool read_filters(struct request *rq, uint32_t *ret_vni, uint32_t *ret_port)
{
	const struct model *m = engine_model(rq->rpc->engine);
	const char *segment = param_string(rq, "segment"), *port = NULL;
	const struct object *o;

	*ret_vni = *ret_port = 0;
	if (rq->method->id != RPC_NEIGHBOUR_LIST)
		port = param_string(rq, "port");
	if (segment != NULL) {
		o = model_find(m, MODEL_SEGMENT, segment);
		if (o == NULL) {
			request_fail(rq, WEFTRPC_NOT_FOUND, "segment %.64s: does not exist%s",
				segment,
				strchr(segment, '/') == NULL ? "; it is named TENANT/NAME" : "");
			return false;
		}
		*ret_vni = ((const struct segment *)o)->vni;
	}
	if (port != NULL) {
		o = model_find(m, MODEL_PORT, port);
		if (o == NULL || local_port_name(rq->rpc, o->id) == NULL) {
			request_fail(rq, WEFTRPC_NOT_FOUND,
				"port %.64s: is not a port of this host", port);
			return false;
		}
		*ret_port = o->id;
	}
	return true;
}

/* NULL after the request was answered with an error. */
static struct table_dump *dump_new(struct request *rq)
{
	struct table_dump *d;
	uint32_t vni, port;

	if (!read_filters(rq, &vni, &port))
		return NULL;
	if (rq->rpc->south == NULL) {
		request_fail(rq, WEFTRPC_DATAPLANE, "weftd runs without a data plane");
		return NULL;
	}
	if (rq->rpc->n_dumps >= DUMPS_MAX) {
		request_fail(rq, WEFTRPC_BUSY,
			"%d such requests are in progress; try again in a moment", DUMPS_MAX);
		return NULL;
	}
	d = mem_zalloc(sizeof(*d));
	d->rpc = rq->rpc;
	d->call = rq->call;
	d->vni = vni;
	d->port = port;
	d->rpc->n_dumps++;
	LIST_INSERT_HEAD(&d->rpc->dumps, d, next);
	return d;
}

static void start_dump(struct request *rq, struct table_dump *d, enum weft_table table,
	void (*fn)(void *arg, const union weft_entry *entry))
{
	int r;

	d->entries = json_object_new_array();
	d->limit = param_uint(rq, "limit");
	r = south_dump(rq->rpc->south, table, fn, on_done, d);
	if (r < 0)
		on_done(d, r);
}

void handle_fdb_list(struct request *rq)
{
	const char *mac = param_string(rq, "mac");
	struct table_dump *d;
	struct weft_mac m = {0};

	if (mac != NULL && weft_mac_parse(mac, &m) < 0) {
		request_fail(rq, WEFTRPC_PARAMS, "mac: must be a MAC such as 52:54:00:12:34:56");
		return;
	}
	d = dump_new(rq);
	if (d == NULL)
		return;
	d->mac = m;
	d->has_mac = mac != NULL;
	d->learned = param_bool(rq, "learned");
	start_dump(rq, d, WEFT_TABLE_FDB, on_fdb);
}

void handle_neighbour_list(struct request *rq)
{
	struct table_dump *d = dump_new(rq);

	if (d != NULL)
		start_dump(rq, d, WEFT_TABLE_NEIGH, on_neigh);
}

void handle_fdb_flush(struct request *rq)
{
	struct table_dump *d = dump_new(rq);
	int r;

	if (d == NULL)
		return;
	r = south_fdb_flush(rq->rpc->south, d->vni, d->port, on_done, d);
	if (r < 0)
		on_done(d, r);
}

void tables_stop(struct rpc *r)
{
	struct table_dump *d;

	while ((d = LIST_FIRST(&r->dumps)) != NULL) {
		LIST_REMOVE(d, next);
		d->rpc = NULL;
	}
}
