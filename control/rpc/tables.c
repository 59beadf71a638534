/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the data plane holds: fdb.list, neighbour.list, fdb.flush. South asks it, so answers come
 * later; the client may be gone by then. On weftd's event loop.
 */
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>
#include <weftrpc/codes.h>

#include "server.h"

struct table_dump {
	struct asking a;
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

	asking_end(&d->a, error);
	if (error == 0)
		jsonrpc_result(d->a.call, finish(d));
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

	if (d->a.rpc == NULL || !fdb_wanted(d, &e->fdb) || d->total++ >= d->limit)
		return;
	o = json_object_new_object();
	json_add_fdb(d->a.rpc, o, &e->fdb);
	json_object_array_add(d->entries, o);
}

static void on_neigh(void *arg, const union weft_entry *e)
{
	struct table_dump *d = arg;
	struct json_object *o;

	if (d->a.rpc == NULL || (d->vni != 0 && d->vni != e->neigh.vni) || d->total++ >= d->limit)
		return;
	o = json_object_new_object();
	json_add_segment(d->a.rpc, o, e->neigh.vni);
	json_add_addr(o, "address", &e->neigh.addr);
	json_add_mac(o, "mac", &e->neigh.mac);
	json_object_array_add(d->entries, o);
}

/* NULL after the request was answered with an error. */
static struct table_dump *dump_new(struct request *rq)
{
	struct table_dump *d = mem_zalloc(sizeof(*d));
	const char *port = rq->method->id != RPC_NEIGHBOUR_LIST ? param_string(rq, "port") : NULL;

	if (asking_segment(rq, param_string(rq, "segment"), &d->vni) &&
		asking_port(rq, port, &d->port) && asking_start(rq, &d->a))
		return d;
	free(d);
	return NULL;
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
