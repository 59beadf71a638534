/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data plane's sessions: session.list, session.show, session.flush. A page is one question to
 * the data plane; what its numbers mean is looked up here. On weftd's event loop.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>
#include <weftrpc/codes.h>

#include "server.h"

/* A name found once for this page, or NULL: nothing has that id. */
struct known {
	UT_hash_handle hh;
	uint32_t id;
	char *name;
};

struct session_ask {
	struct asking a;
	struct weft_session_filter filter;
	struct json_object *sessions; /* of a list */
	bool one;		      /* show */
	struct known *networks, *rulesets;
};

static void known_free(struct known *k)
{
	struct known *one, *tmp;

	HASH_ITER (hh, k, one, tmp) {
		HASH_DEL(k, one);
		free(one->name);
		free(one);
	}
}

static void ask_free(struct session_ask *s)
{
	json_object_put(s->sessions);
	known_free(s->networks);
	known_free(s->rulesets);
	free(s);
}

static const struct object *find_network(const struct model *m, uint32_t id)
{
	const struct object *o = model_next(m, MODEL_NETWORK, NULL);

	while (o != NULL && o->id != id)
		o = model_next(m, MODEL_NETWORK, o->name);
	return o;
}

/* A security group, as seen in that network, or a policy. */
static const struct object *find_ruleset(const struct model *m, uint32_t id, const char *network)
{
	enum model_kind kind = id & MODEL_PAIR_ID ? MODEL_SECURITY_GROUP : MODEL_POLICY;
	const struct object *n = model_find(m, MODEL_NETWORK, network), *o = NULL;

	if (n == NULL && kind == MODEL_SECURITY_GROUP)
		return NULL;
	while ((o = model_next(m, kind, o == NULL ? NULL : o->name)) != NULL) {
		uint32_t its = kind == MODEL_POLICY
				       ? o->id
				       : group_network_id((const struct security_group *)o,
						 (const struct network *)n);

		if (its == id)
			return o;
	}
	return NULL;
}

static const char *known_add(struct known **all, uint32_t id, const struct object *o)
{
	struct known *k = mem_zalloc(sizeof(*k));

	k->id = id;
	k->name = o == NULL ? NULL : mem_strdup(o->name);
	HASH_ADD(hh, *all, id, sizeof(k->id), k);
	return k->name;
}

static const char *network_name(struct session_ask *s, uint32_t id)
{
	struct known *k;

	HASH_FIND(hh, s->networks, &id, sizeof(id), k);
	if (k != NULL)
		return k->name;
	return known_add(&s->networks, id, find_network(engine_model(s->a.rpc->engine), id));
}

static const char *ruleset_name(struct session_ask *s, uint32_t id, const char *network)
{
	struct known *k;

	HASH_FIND(hh, s->rulesets, &id, sizeof(id), k);
	if (k != NULL)
		return k->name;
	return known_add(&s->rulesets, id,
		find_ruleset(engine_model(s->a.rpc->engine), id, network == NULL ? "" : network));
}

static void add_count(struct json_object *o, const char *key, uint64_t n)
{
	json_object_object_add(o, key, json_object_new_uint64(n));
}

static void add_name(struct json_object *o, const char *key, const char *name, uint32_t id)
{
	char number[16];

	snprintf(number, sizeof(number), "#%u", id);
	json_object_object_add(o, key, json_object_new_string(name == NULL ? number : name));
}

static struct json_object *way_json(
	struct session_ask *s, const struct weft_session_way *w, const char *network)
{
	struct json_object *o = json_object_new_object();

	json_add_segment(s->a.rpc, o, w->vni);
	json_add_addr(o, "src", &w->src);
	add_count(o, "sport", w->sport);
	json_add_addr(o, "dst", &w->dst);
	add_count(o, "dport", w->dport);
	if (w->port != 0)
		json_add_port(s->a.rpc, o, "port", w->port);
	if (w->out_port != 0)
		json_add_port(s->a.rpc, o, "out_port", w->out_port);
	else if (!weft_addr_is_zero(&w->vtep))
		json_add_addr(o, "vtep", &w->vtep);
	if (w->ruleset != 0) {
		add_name(o, "ruleset", ruleset_name(s, w->ruleset, network), w->ruleset);
		add_count(o, "rule", w->rule);
	}
	add_count(o, "packets", w->packets);
	add_count(o, "bytes", w->bytes);
	return o;
}

static struct json_object *session_json(struct session_ask *s, const struct weft_session *e)
{
	struct json_object *o = json_object_new_object();
	const char *network = network_name(s, e->network);

	add_name(o, "network", network, e->network);
	json_add_proto(o, "proto", e->proto);
	json_add_text(o, "state", e->state, sizeof(e->state));
	json_object_object_add(
		o, "half_open", json_object_new_boolean(e->flags & WEFT_SESSION_HALF_OPEN));
	json_object_object_add(o, "valid", json_object_new_boolean(e->flags & WEFT_SESSION_VALID));
	json_object_object_add(
		o, "offloaded", json_object_new_boolean(e->flags & WEFT_SESSION_OFFLOADED));
	add_count(o, "age_s", e->age_s);
	add_count(o, "idle_s", e->idle_s);
	add_count(o, "ends_s", e->ends_s);
	if (e->charged != 0)
		json_add_port(s->a.rpc, o, "charged", e->charged);
	json_object_object_add(o, "forward", way_json(s, &e->ways[0], network));
	json_object_object_add(o, "reply", way_json(s, &e->ways[1], network));
	return o;
}

static void on_session(void *arg, const struct weft_session *e)
{
	struct session_ask *s = arg;

	if (s->a.rpc != NULL)
		json_object_array_add(s->sessions, session_json(s, e));
}

static struct json_object *list_result(struct session_ask *s, uint32_t cursor)
{
	struct json_object *o = json_object_new_object();
	char next[16];

	snprintf(next, sizeof(next), "%u", cursor);
	json_object_object_add(o, "sessions", s->sessions);
	json_object_object_add(o, "next", cursor == 0 ? NULL : json_object_new_string(next));
	s->sessions = NULL;
	return o;
}

static void show_result(struct session_ask *s)
{
	struct json_object *o;

	if (json_object_array_length(s->sessions) == 0) {
		jsonrpc_fail(s->a.call, WEFTRPC_NOT_FOUND, "there is no such session", NULL);
		return;
	}
	o = json_object_new_object();
	json_object_object_add(
		o, "session", json_object_get(json_object_array_get_idx(s->sessions, 0)));
	jsonrpc_result(s->a.call, o);
}

static void on_listed(void *arg, int error, const struct weft_msg_session_end *end)
{
	struct session_ask *s = arg;

	asking_end(&s->a, error);
	if (error == 0 && s->one)
		show_result(s);
	else if (error == 0)
		jsonrpc_result(s->a.call, list_result(s, end->cursor));
	ask_free(s);
}

static void on_flushed(void *arg, int error, const struct weft_msg_session_end *end)
{
	struct session_ask *s = arg;
	struct json_object *o;

	asking_end(&s->a, error);
	if (error == 0) {
		o = json_object_new_object();
		add_count(o, "flushed", end->n);
		jsonrpc_result(s->a.call, o);
	}
	ask_free(s);
}

static bool read_network(struct request *rq, uint32_t *ret)
{
	const char *name = param_string(rq, "network");
	const struct object *o;

	if (name == NULL)
		return true;
	o = model_find(engine_model(rq->rpc->engine), MODEL_NETWORK, name);
	if (o == NULL) {
		request_fail(rq, WEFTRPC_NOT_FOUND, "network %.64s: does not exist%s", name,
			strchr(name, '/') == NULL ? "; it is named TENANT/NAME" : "");
		return false;
	}
	*ret = o->id;
	return true;
}

static bool read_proto(struct request *rq, uint8_t *ret)
{
	const char *text = param_string(rq, "proto");

	if (text == NULL || proto_parse(text, ret))
		return true;
	request_fail(rq, WEFTRPC_PARAMS, "proto: must be tcp, udp, icmp, icmpv6, sctp or a number");
	return false;
}

static bool read_state(struct request *rq, char ret[WEFT_SESSION_STATE_SIZE])
{
	const char *text = param_string(rq, "state");

	if (text == NULL)
		return true;
	if (text[0] != 0 &&
		snprintf(ret, WEFT_SESSION_STATE_SIZE, "%s", text) < WEFT_SESSION_STATE_SIZE)
		return true;
	request_fail(rq, WEFTRPC_PARAMS,
		"state: must be a state's name, such as established; session.list shows them");
	return false;
}

/* NULL after the request was answered with an error. show has fewer filters. */
static struct session_ask *ask_new(struct request *rq)
{
	struct session_ask *s = mem_zalloc(sizeof(*s));
	struct weft_session_filter *f = &s->filter;

	s->one = rq->method->id == RPC_SESSION_SHOW;
	f->sport = (uint16_t)param_uint(rq, "sport");
	f->dport = (uint16_t)param_uint(rq, "dport");
	if (s->one || param_bool(rq, "either"))
		f->flags |= WEFT_SESSION_EITHER;
	if (!s->one && param_bool(rq, "offloaded"))
		f->flags |= WEFT_SESSION_ONLY_OFFLOADED;
	if (read_network(rq, &f->network) && asking_prefix(rq, "src", &f->src) &&
		asking_prefix(rq, "dst", &f->dst) && read_proto(rq, &f->proto) &&
		(s->one || (asking_port(rq, param_string(rq, "port"), &f->port) &&
				   read_state(rq, f->state))) &&
		asking_start(rq, &s->a))
		return s;
	free(s);
	return NULL;
}

static void start_list(struct request *rq, struct session_ask *s, uint32_t cursor, uint32_t max)
{
	int r;

	s->sessions = json_object_new_array();
	r = south_session_list(rq->rpc->south, &s->filter, cursor, max, on_session, on_listed, s);
	if (r < 0)
		on_listed(s, r, NULL);
}

void handle_session_list(struct request *rq)
{
	const char *after = param_string(rq, "after");
	unsigned long cursor = 0;
	struct session_ask *s;
	char *end;

	if (after != NULL) {
		cursor = strtoul(after, &end, 10);
		if (after[0] < '0' || after[0] > '9' || *end != 0 || cursor > UINT32_MAX) {
			request_fail(
				rq, WEFTRPC_PARAMS, "after: must be \"next\" of the page before");
			return;
		}
	}
	s = ask_new(rq);
	if (s != NULL)
		start_list(rq, s, (uint32_t)cursor, (uint32_t)param_uint(rq, "limit"));
}

void handle_session_show(struct request *rq)
{
	struct session_ask *s = ask_new(rq);

	if (s != NULL)
		start_list(rq, s, 0, 1);
}

/* Ending everything must be meant. */
static bool is_everything(const struct weft_session_filter *f)
{
	struct weft_session_filter none = {.flags = f->flags & WEFT_SESSION_EITHER};

	return memcmp(f, &none, sizeof(none)) == 0;
}

void handle_session_flush(struct request *rq)
{
	struct session_ask *s = ask_new(rq);
	int r;

	if (s == NULL)
		return;
	if (is_everything(&s->filter) && !param_bool(rq, "all")) {
		asking_end(&s->a, 0);
		ask_free(s);
		request_fail(rq, WEFTRPC_PARAMS,
			"this would end every session of this host; say all=true if that is meant");
		return;
	}
	r = south_session_flush(rq->rpc->south, &s->filter, on_flushed, s);
	if (r < 0)
		on_flushed(s, r, NULL);
}
