/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * status: what runs, what it holds and what is wrong, in words. Answers in bounded time also when
 * the data plane hangs. On weftd's event loop.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ccore/mem.h>

#include <metadata/metadata.h>

#include "server.h"

#define INFO_WAIT_MS 1000
#define WARNINGS_MAX 50 /* sentences of one sort; then their number */

/* A status that waits for the data plane's own word. */
struct inquiry {
	struct jsonrpc_call *call;
	struct json_object *answer; /* NULL: already sent without it */
	struct event *timer;
};

static void add_string(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

static void add_count(struct json_object *o, const char *key, uint64_t n)
{
	json_object_object_add(o, key, json_object_new_uint64(n));
}

__attribute__((format(printf, 2, 3))) static void warn(
	struct json_object *warnings, const char *format, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	json_object_array_add(warnings, json_object_new_string(text));
}

static struct json_object *weftd_json(const struct rpc *r)
{
	struct json_object *o = json_object_new_object();

	add_string(o, "release", WEFT_RELEASE);
	add_count(o, "pid", (uint64_t)getpid());
	add_count(o, "uptime_ms", rpc_now_ms() - r->started_ms);
	add_count(o, "revision", model_revision(engine_model(r->engine)));
	return o;
}

static void warn_dataplane(
	const struct rpc *r, const struct south_status *s, struct json_object *warnings)
{
	const char *path = r->dataplane_path != NULL ? r->dataplane_path : "its socket";

	if (r->south == NULL)
		warn(warnings, "weftd runs without a data plane: nothing is programmed.");
	else if (!s->connected)
		warn(warnings,
			"weft-dataplane is not connected (%s): start it, or see its log; what it "
			"was "
			"last told it goes on doing while it runs.",
			s->error[0] != 0 ? s->error : path);
	else if (!s->in_sync)
		warn(warnings,
			"The data plane does not have everything yet: revision %llu of %llu%s%s.",
			(unsigned long long)s->revision,
			(unsigned long long)model_revision(engine_model(r->engine)),
			s->error[0] != 0 ? ": " : "", s->error);
}

static struct json_object *dataplane_json(const struct rpc *r, struct json_object *warnings)
{
	struct json_object *o = json_object_new_object();
	struct south_status s = {0};

	if (r->south != NULL)
		south_status(r->south, &s);
	if (r->dataplane_path != NULL)
		add_string(o, "socket", r->dataplane_path);
	json_object_object_add(o, "connected", json_object_new_boolean(s.connected));
	json_object_object_add(o, "in_sync", json_object_new_boolean(s.in_sync));
	add_count(o, "generation", s.generation);
	add_count(o, "revision", s.revision);
	add_count(o, "pid", s.pid);
	add_count(o, "workers", s.n_workers);
	add_count(o, "boot_id", s.boot_id);
	add_count(o, "resyncs", s.n_resyncs);
	add_count(o, "last_resync_ops", s.last_resync_ops);
	json_add_text(o, "release", s.release, sizeof(s.release));
	json_add_text(o, "error", s.error, sizeof(s.error));
	warn_dataplane(r, &s, warnings);
	return o;
}

static struct json_object *objects_json(const struct model *m)
{
	struct json_object *o = json_object_new_object();

	for (int kind = 1; kind < MODEL_KIND_MAX; kind++)
		add_count(o, model_kind_plural(kind), model_count(m, kind));
	return o;
}

/* The ports of one status. */
struct ports {
	const struct rpc *rpc;
	struct json_object *array, *warnings;
	unsigned int n_bad;
	bool connected;
};

static void warn_port(struct ports *p, const char *name, const struct weft_event_port *state)
{
	if (state->state == WEFT_PORT_STATE_UP || ++p->n_bad > WARNINGS_MAX)
		return;
	warn(p->warnings, "Port %s is %s%s%.*s.", name,
		state->state == 0 ? "not in the data plane" : port_state_name(state->state),
		state->text[0] != 0 ? ": " : "", (int)sizeof(state->text), state->text);
}

/* segment NULL: the uplink. Without a data plane no port has a state, which was said already. */
static void add_port(struct ports *p, uint32_t id, const char *name, const char *segment,
	uint8_t kind, bool enabled)
{
	struct json_object *o = json_object_new_object();
	struct weft_event_port state = {0};

	if (p->connected) /* else what it last said is no longer known to be so */
		south_port_state(p->rpc->south, id, &state);
	add_string(o, "name", name);
	add_count(o, "id", id);
	json_object_object_add(
		o, "segment", segment == NULL ? NULL : json_object_new_string(segment));
	add_string(o, "kind", weft_port_kind_name(kind));
	add_string(o, "state", enabled ? port_state_name(state.state) : "disabled");
	json_add_text(o, "text", state.text, sizeof(state.text));
	json_object_array_add(p->array, o);
	if (p->connected && enabled)
		warn_port(p, name, &state);
}

static int by_name(const struct local_port *a, const struct local_port *b)
{
	return strcmp(a->name, b->name);
}

static struct json_object *ports_json(struct rpc *r, struct json_object *warnings)
{
	const struct model *m = engine_model(r->engine);
	const struct host *self =
		(const struct host *)model_find(m, MODEL_HOST, engine_host(r->engine));
	struct ports ports = {r, json_object_new_array(), warnings, 0, false};
	struct south_status s = {0};
	struct local_port *lp, *tmp;

	if (r->south != NULL)
		south_status(r->south, &s);
	ports.connected = s.connected;
	HASH_SORT(r->local_ports, by_name);
	HASH_ITER (hh, r->local_ports, lp, tmp) {
		const struct port *p = (const struct port *)model_find(m, MODEL_PORT, lp->name);

		if (p != NULL)
			add_port(&ports, lp->id, lp->name, p->segment, p->kind, p->enabled);
	}
	if (self != NULL && self->uplink.kind != 0)
		add_port(&ports, COMPILE_UPLINK_ID, local_port_name(r, COMPILE_UPLINK_ID), NULL,
			self->uplink.kind, true);
	if (self != NULL && self->metadata != NULL)
		add_port(&ports, COMPILE_SERVICE_ID, local_port_name(r, COMPILE_SERVICE_ID), NULL,
			WEFT_PORT_TAP, true);
	if (ports.n_bad > WARNINGS_MAX)
		warn(warnings, "%u more ports are not up.", ports.n_bad - WARNINGS_MAX);
	return ports.array;
}

struct vteps {
	struct json_object *array, *warnings;
	unsigned int n_bad;
};

/* Whoever follows the underlay may have said why already: "VTEP ADDRESS: ...". */
static bool is_explained(struct json_object *warnings, const char *vtep)
{
	char start[WEFT_ADDR_STR_SIZE + 8];

	snprintf(start, sizeof(start), "VTEP %s:", vtep);
	for (size_t i = 0; i < json_object_array_length(warnings); i++)
		if (strncmp(json_object_get_string(json_object_array_get_idx(warnings, i)), start,
			    strlen(start)) == 0)
			return true;
	return false;
}

static void add_vtep(void *arg, const struct weft_vtep *vtep)
{
	struct vteps *v = arg;
	struct json_object *o = json_object_new_object();
	bool resolved = vtep->flags & WEFT_VTEP_RESOLVED;
	char text[WEFT_ADDR_STR_SIZE];

	json_add_addr(o, "remote", &vtep->remote);
	json_add_addr(o, "local", &vtep->local);
	json_object_object_add(o, "resolved", json_object_new_boolean(resolved));
	if (resolved) {
		json_add_mac(o, "next_hop_mac", &vtep->dst_mac);
		add_count(o, "path_mtu", vtep->path_mtu);
	}
	json_object_array_add(v->array, o);
	weft_addr_format(&vtep->remote, text);
	if (!resolved && !is_explained(v->warnings, text) && ++v->n_bad <= WARNINGS_MAX)
		warn(v->warnings,
			"VTEP %s can't be reached: no route or no neighbour for it yet; frames to "
			"it are "
			"dropped (vtep-unresolved).",
			text);
}

static struct json_object *vteps_json(const struct rpc *r, struct json_object *warnings)
{
	struct vteps v = {json_object_new_array(), warnings, 0};

	compile_vteps(engine_compiler(r->engine), add_vtep, &v);
	if (v.n_bad > WARNINGS_MAX)
		warn(warnings, "%u more VTEPs can't be reached.", v.n_bad - WARNINGS_MAX);
	return v.array;
}

static void warn_host(const struct rpc *r, struct json_object *warnings)
{
	const struct model *m = engine_model(r->engine);
	const char *name = engine_host(r->engine);
	const struct host *h = (const struct host *)model_find(m, MODEL_HOST, name);

	if (h == NULL)
		warn(warnings,
			"This host, %s, is not among the hosts: no port is here. Add it (weft host "
			"create "
			"%s ...), or start weftd with --host and the name it has.",
			name, name);
	else if (h->n_vteps > 0 && h->uplink.kind == 0)
		warn(warnings,
			"Host %s has VTEPs but no uplink: nothing reaches other hosts. Set its "
			"uplink.",
			name);
	else if (h->n_vteps == 0 && model_count(m, MODEL_HOST) > 1)
		warn(warnings, "Host %s has no VTEP: nothing reaches other hosts. Set its vteps.",
			name);
}

static struct json_object *rpc_json(const struct rpc *r)
{
	struct json_object *o = json_object_new_object();

	add_count(o, "connections", r->n_conns);
#define COUNTER_JSON(name) add_count(o, #name, r->counters.name);
	RPC_COUNTERS(COUNTER_JSON)
#undef COUNTER_JSON
	return o;
}

static struct json_object *metadata_json(const struct rpc *r)
{
	static const char *const states[] = {"unknown", "answers", "fails"};
	struct json_object *o = json_object_new_object();
	struct metadata_status s;

	r->config.metadata(r->config.metadata_arg, &s);
	if (s.endpoint)
		add_string(o, "endpoint", s.endpoint);
	add_string(o, "state", states[s.state]);
	add_count(o, "connections", s.connections);
	add_count(o, "requests", s.requests);
	add_count(o, "failed", s.failed);
	add_count(o, "bad", s.bad);
	add_count(o, "refused", s.refused);
	return o;
}

static void add_warning(void *arg, const char *sentence)
{
	json_object_array_add(arg, json_object_new_string(sentence));
}

static struct json_object *status_json(struct rpc *r)
{
	struct json_object *o = json_object_new_object(), *warnings = json_object_new_array();

	add_string(o, "host", engine_host(r->engine));
	json_object_object_add(o, "weftd", weftd_json(r));
	json_object_object_add(o, "dataplane", dataplane_json(r, warnings));
	json_object_object_add(o, "objects", objects_json(engine_model(r->engine)));
	warn_host(r, warnings);
	json_object_object_add(o, "ports", ports_json(r, warnings));
	if (r->config.warnings != NULL)
		r->config.warnings(r->config.warnings_arg, add_warning, warnings);
	json_object_object_add(o, "vteps", vteps_json(r, warnings));
	if (r->config.metadata != NULL)
		json_object_object_add(o, "metadata", metadata_json(r));
	if (r->config.attach != NULL)
		json_object_object_add(o, "fastpath", fastpath_json(r));
	status_warn_routes(engine_model(r->engine), warnings);
	json_object_object_add(o, "rpc", rpc_json(r));
	json_object_object_add(o, "warnings", warnings);
	return o;
}

/* The data plane's own word: how full it is. */
static void add_info(struct json_object *answer, const struct weft_msg_info *info)
{
	struct json_object *o = json_object_object_get(answer, "dataplane");
	struct json_object *tables = json_object_new_object(), *t;

	for (unsigned int i = 1; i < WEFT_TABLE_MAX; i++) {
		if (weft_table_name(i) == NULL)
			continue;
		t = json_object_new_object();
		add_count(t, "entries", info->n_entries[i]);
		add_count(t, "bytes", info->table_bytes[i]);
		json_object_object_add(tables, weft_table_name(i), t);
	}
	add_count(o, "uptime_ms", info->uptime_ms);
	add_count(o, "learned", info->n_learned);
	add_count(o, "mbufs_total", info->mbufs_total);
	add_count(o, "mbufs_free", info->mbufs_free);
	add_count(o, "commit_last_ns", info->commit_last_ns);
	add_count(o, "hugepage_bytes", info->hugepages);
	json_object_object_add(o, "tables", tables);
	t = json_object_new_object();
	add_count(t, "now", info->sessions);
	add_count(t, "half_open", info->sessions_half_open);
	add_count(t, "max", info->sessions_max);
	add_count(t, "created", info->sessions_created);
	add_count(t, "ended", info->sessions_ended);
	add_count(t, "refused", info->sessions_refused);
	add_count(t, "bytes", info->session_bytes);
	json_object_object_add(o, "sessions", t);
	if (json_object_object_get_ex(answer, "fastpath", &t))
		fastpath_add_info(t, info);
}

static void send_answer(struct inquiry *q)
{
	event_free(q->timer);
	jsonrpc_result(q->call, q->answer);
	q->answer = NULL;
}

static void on_info(void *arg, const struct weft_msg_info *info)
{
	struct inquiry *q = arg;

	if (q->answer != NULL) {
		if (info != NULL)
			add_info(q->answer, info);
		send_answer(q);
	}
	free(q);
}

/* The data plane does not answer: the rest must not wait for it. on_info frees q when it comes. */
static void on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct inquiry *q = arg;

	warn(json_object_object_get(q->answer, "warnings"),
		"The data plane is connected but does not answer: it may hang; see its log.");
	send_answer(q);
}

void handle_status(struct request *rq)
{
	struct rpc *r = rq->rpc;
	struct timeval tv = {.tv_usec = INFO_WAIT_MS * 1000 - 1};
	struct south_status s = {0};
	struct inquiry *q;

	if (r->south != NULL)
		south_status(r->south, &s);
	if (!s.connected) {
		request_result(rq, status_json(r));
		return;
	}
	q = mem_zalloc(sizeof(*q));
	q->call = rq->call;
	q->answer = status_json(r);
	q->timer = evtimer_new(r->base, on_timeout, q);
	evtimer_add(q->timer, &tv);
	if (south_info(r->south, on_info, q) < 0)
		on_info(q, NULL);
}
