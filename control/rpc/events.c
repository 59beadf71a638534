/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * events.subscribe, and the notifications that follow. On weftd's event loop, called from the
 * engine after a commit and from south.
 */
#include <limits.h>
#include <netinet/in.h>
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
	{"policy", EVENT_POLICY},
	{"commit", EVENT_COMMIT},
	{"dataplane", EVENT_DATAPLANE},
	{"fastpath", EVENT_FASTPATH},
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
		answer(rq, UINT_MAX);
		return;
	}
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		one = event_by_name(json_object_get_string(json_object_array_get_idx(list, i)));
		if (one == 0) {
			request_fail(rq, WEFTRPC_PARAMS,
				"events[%zu]: must be port, fdb, policy, commit, dataplane or "
				"fastpath",
				i);
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

struct json_object *events_new(const char *type)
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

void events_notify(struct rpc *r, enum event_kind kind, struct json_object *params)
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
	p = events_new("port");
	json_add_port(r, p, "port", e->id);
	json_object_object_add(p, "state", json_object_new_string(port_state_name(e->state)));
	json_add_text(p, "text", e->text, sizeof(e->text));
	events_notify(r, EVENT_PORT, p);
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
	p = events_new("fdb");
	json_object_object_add(p, "event", json_object_new_string(fdb_event_name(e->event)));
	json_add_fdb(r, p, &e->entry);
	events_notify(r, EVENT_FDB, p);
}

static const char *action_name(uint8_t action)
{
	switch (action) {
	case WEFT_RULE_ALLOW:
		return "allow";
	case WEFT_RULE_DENY:
		return "deny";
	case WEFT_RULE_REJECT:
		return "reject";
	default:
		return "unknown";
	}
}

/* What the intent says of the rule. */
static void add_rule_description(
	const struct rpc *r, struct json_object *o, const struct weft_event_policy *e)
{
	const struct model *m = engine_model(r->engine);
	const struct security_group *g;
	const struct rule *rules = NULL;
	const struct policy *p;
	enum model_kind kind;
	const char *name = compile_ruleset_name(engine_compiler(r->engine), e->ruleset, &kind);
	size_t n = 0;

	if (name == NULL)
		return;
	if (kind == MODEL_POLICY && (p = (const struct policy *)model_find(m, kind, name))) {
		rules = p->rules;
		n = p->n_rules;
	} else if (kind == MODEL_SECURITY_GROUP &&
		   (g = (const struct security_group *)model_find(m, kind, name))) {
		rules = g->rules;
		n = g->n_rules;
	}
	if (e->rule >= 1 && e->rule <= n && rules[e->rule - 1].description != NULL)
		json_object_object_add(
			o, "description", json_object_new_string(rules[e->rule - 1].description));
}

static void add_number(struct json_object *o, const char *key, unsigned int n)
{
	json_object_object_add(o, key, json_object_new_int64(n));
}

static void add_flow(struct json_object *o, const struct weft_event_policy *e)
{
	bool is_icmp = e->proto == IPPROTO_ICMP || e->proto == IPPROTO_ICMPV6;
	bool has_ports = e->has_l4 && !is_icmp;

	json_add_proto(o, "proto", e->proto);
	json_add_addr(o, "src", &e->src);
	if (has_ports)
		add_number(o, "sport", e->sport);
	json_add_addr(o, "dst", &e->dst);
	if (has_ports)
		add_number(o, "dport", e->dport);
	if (!e->has_l4 || has_ports)
		return;
	add_number(o, "icmp_type", e->dport >> 8);
	add_number(o, "icmp_code", e->dport & 0xff);
}

static void on_policy(void *arg, const struct weft_event_policy *e)
{
	const char *direction = e->direction == WEFT_RULE_INGRESS ? "ingress" : "egress";
	struct rpc *r = arg;
	struct json_object *p;

	if (!conn_anybody_wants(r, EVENT_POLICY))
		return;
	p = events_new("policy");
	json_object_object_add(p, "action", json_object_new_string(action_name(e->action)));
	json_object_object_add(p, "direction", json_object_new_string(direction));
	json_add_port(r, p, "port", e->port);
	json_add_segment(r, p, e->vni);
	add_flow(p, e);
	json_add_rule(r, p, "rule", e->port, e->ruleset, e->rule);
	add_rule_description(r, p, e);
	add_number(p, "suppressed", e->suppressed);
	events_notify(r, EVENT_POLICY, p);
}

static void on_trace(void *arg, const struct weft_event_trace *e)
{
	trace_watch_event(arg, e);
}

static void on_connected(void *arg, bool connected)
{
	struct rpc *r = arg;
	struct json_object *p;

	if (connected)
		trace_watch_connected(r);
	if (!conn_anybody_wants(r, EVENT_DATAPLANE))
		return;
	p = events_new("dataplane");
	json_object_object_add(p, "connected", json_object_new_boolean(connected));
	events_notify(r, EVENT_DATAPLANE, p);
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
	p = events_new("commit");
	json_object_object_add(p, "revision", json_object_new_uint64(revision));
	json_object_object_add(p, "total", json_object_new_uint64(n));
	a = json_object_new_array();
	for (size_t i = 0; i < n && i < CHANGES_MAX; i++)
		json_object_array_add(a, change_json(&changes[i]));
	json_object_object_add(p, "changes", a);
	events_notify(r, EVENT_COMMIT, p);
}

void events_start(struct rpc *r)
{
	r->listener_of_south = (struct south_listener){.arg = r,
		.port_state = on_port_state,
		.fdb = on_fdb,
		.policy = on_policy,
		.trace = on_trace,
		.connected = on_connected};
	engine_on_commit(r->engine, on_commit, r);
	if (r->south != NULL)
		south_listen(r->south, &r->listener_of_south);
}
