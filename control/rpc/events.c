/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * events.subscribe, and the notifications that follow. On weftd's event loop, called from the
 * engine after a commit and from south.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <weftrpc/codes.h>

#include "server.h"

#define CHANGES_MAX 100 /* named in one commit event; all are counted */

static const struct {
	const char *name;
	enum event_kind kind;
} names[] = {
	{"port", EVENT_PORT},
	{"fdb", EVENT_FDB},
	{"commit", EVENT_COMMIT},
	{"dataplane", EVENT_DATAPLANE},
};
#define N_NAMES (sizeof(names) / sizeof(names[0]))

static void answer(struct request *rq, unsigned int events)
{
	struct json_object *o = json_object_new_object(), *a = json_object_new_array();

	for (size_t i = 0; i < N_NAMES; i++)
		if (events & names[i].kind)
			json_object_array_add(a, json_object_new_string(names[i].name));
	json_object_object_add(o, "subscribed", a);
	conn_subscribe(rq->call, events);
	request_result(rq, o);
}

static unsigned int event_by_name(const char *name)
{
	for (size_t i = 0; i < N_NAMES; i++)
		if (strcmp(names[i].name, name) == 0)
			return names[i].kind;
	return 0;
}

void handle_events_subscribe(struct request *rq)
{
	struct json_object *list;
	unsigned int events = 0, one;

	if (!json_object_object_get_ex(rq->params, "events", &list)) {
		answer(rq, EVENT_PORT | EVENT_FDB | EVENT_COMMIT | EVENT_DATAPLANE);
		return;
	}
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		one = event_by_name(json_object_get_string(json_object_array_get_idx(list, i)));
		if (one == 0) {
			request_fail(rq, WEFTRPC_PARAMS,
				"events[%zu]: must be port, fdb, commit or dataplane", i);
			return;
		}
		events |= one;
	}
	answer(rq, events);
}

void handle_events_unsubscribe(struct request *rq)
{
	answer(rq, 0);
}

/* The params of an event, with its type and the wall-clock time (RFC 3339, UTC). */
static struct json_object *new_event(const char *type)
{
	struct json_object *params = json_object_new_object();
	struct timespec now;
	struct tm tm;
	char text[64];
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, sizeof(text) - n, ".%03ldZ", now.tv_nsec / 1000000);
	json_object_object_add(params, "type", json_object_new_string(type));
	json_object_object_add(params, "time", json_object_new_string(text));
	return params;
}

/* Takes params. */
static void notify(struct rpc *r, enum event_kind kind, struct json_object *params)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "jsonrpc", json_object_new_string("2.0"));
	json_object_object_add(o, "method", json_object_new_string("event"));
	json_object_object_add(o, "params", params);
	conn_broadcast(r, kind, o);
	json_object_put(o);
}

static void on_port_state(void *arg, const struct weft_event_port *e)
{
	struct rpc *r = arg;
	struct json_object *p;

	if (!conn_anybody_wants(r, EVENT_PORT))
		return;
	p = new_event("port");
	json_add_port(r, p, "port", e->id);
	json_object_object_add(p, "state", json_object_new_string(port_state_name(e->state)));
	json_add_text(p, "text", e->text, sizeof(e->text));
	notify(r, EVENT_PORT, p);
}

static const char *fdb_event_name(uint32_t event)
{
	switch (event) {
	case WEFT_FDB_EVENT_LEARNED:
		return "learned";
	case WEFT_FDB_EVENT_MOVED:
		return "moved";
	case WEFT_FDB_EVENT_AGED:
		return "aged";
	case WEFT_FDB_EVENT_LIMIT:
		return "limit";
	default:
		return "unknown";
	}
}

static void on_fdb(void *arg, const struct weft_event_fdb *e)
{
	struct rpc *r = arg;
	struct json_object *p;

	if (!conn_anybody_wants(r, EVENT_FDB))
		return;
	p = new_event("fdb");
	json_object_object_add(p, "event", json_object_new_string(fdb_event_name(e->event)));
	json_add_fdb(r, p, &e->entry);
	notify(r, EVENT_FDB, p);
}

static void on_connected(void *arg, bool connected)
{
	struct rpc *r = arg;
	struct json_object *p;

	if (!conn_anybody_wants(r, EVENT_DATAPLANE))
		return;
	p = new_event("dataplane");
	json_object_object_add(p, "connected", json_object_new_boolean(connected));
	notify(r, EVENT_DATAPLANE, p);
}

static struct json_object *change_json(const struct model_change *c)
{
	const char *action = c->before == NULL ? "create" : c->after == NULL ? "delete" : "update";
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "kind", json_object_new_string(model_kind_name(c->kind)));
	json_object_object_add(o, "name", json_object_new_string(c->name));
	json_object_object_add(o, "action", json_object_new_string(action));
	return o;
}

static void on_commit(void *arg, const struct model_change *changes, size_t n, uint64_t revision)
{
	struct rpc *r = arg;
	struct json_object *p, *a;

	local_note(r, changes, n);
	if (!conn_anybody_wants(r, EVENT_COMMIT))
		return;
	p = new_event("commit");
	json_object_object_add(p, "revision", json_object_new_uint64(revision));
	json_object_object_add(p, "total", json_object_new_uint64(n));
	a = json_object_new_array();
	for (size_t i = 0; i < n && i < CHANGES_MAX; i++)
		json_object_array_add(a, change_json(&changes[i]));
	json_object_object_add(p, "changes", a);
	notify(r, EVENT_COMMIT, p);
}

void events_start(struct rpc *r)
{
	r->listener_of_south = (struct south_listener){r, on_port_state, on_fdb, on_connected};
	engine_on_commit(r->engine, on_commit, r);
	if (r->south != NULL)
		south_listen(r->south, &r->listener_of_south);
}
