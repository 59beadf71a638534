/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast path in words and numbers: its part of status, stats.fastpath, and the event of a
 * program that was taken off. On weftd's event loop.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ccore/mem.h>

#include <weftrpc/codes.h>

#include "server.h"

#define PROGRAMS_MAX	 16
#define MEASUREMENTS_MAX 8

static void add_string(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

static void add_count(struct json_object *o, const char *key, uint64_t n)
{
	json_object_object_add(o, key, json_object_new_uint64(n));
}

/* ---- status ---- */

static const char *const state_names[] = {
	[ATTACH_FAST_OFF] = "off",
	[ATTACH_FAST_FAILED] = "failed",
	[ATTACH_FAST_WAITING] = "waiting",
	[ATTACH_FAST_REFUSED] = "refused",
	[ATTACH_FAST_ON] = "on",
};

static const char *const mode_names[] = {
	[ATTACH_MODE_TC] = "tc",
	[ATTACH_MODE_NATIVE] = "native",
	[ATTACH_MODE_GENERIC] = "generic",
};

struct interfaces {
	const struct rpc *rpc;
	struct json_object *array;
};

static void add_interface(void *arg, const struct attach_interface *i)
{
	struct json_object *o = json_object_new_object(), *programs = json_object_new_array(), *p;
	struct interfaces *all = arg;

	add_string(o, "interface", i->name);
	json_add_port(all->rpc, o, "port", i->port->id);
	json_object_object_add(o, "fast", json_object_new_boolean(i->fast));
	add_string(o, "text", i->why_not);
	for (unsigned int k = 0; k < i->n_programs; k++) {
		p = json_object_new_object();
		add_string(p, "name", i->programs[k]);
		add_string(p, "mode", mode_names[i->mode[k]]);
		json_object_array_add(programs, p);
	}
	json_object_object_add(o, "programs", programs);
	add_count(o, "repaired", i->n_repairs);
	json_object_array_add(all->array, o);
}

struct json_object *fastpath_json(const struct rpc *r)
{
	struct interfaces all = {r, json_object_new_array()};
	struct json_object *o = json_object_new_object();
	struct attach_fast_status s;

	attach_fast_status(r->config.attach, &s);
	add_string(o, "state", state_names[s.state]);
	add_string(o, "text", s.problem);
	if (s.folder)
		add_string(o, "folder", s.folder);
	json_object_object_add(o, "kept", json_object_new_boolean(s.adopted));
	attach_each_interface(r->config.attach, add_interface, &all);
	json_object_object_add(o, "interfaces", all.array);
	return o;
}

void fastpath_add_info(struct json_object *fastpath, const struct weft_msg_info *info)
{
	struct json_object *o = json_object_new_object();

	add_count(o, "now", info->offloaded);
	add_count(o, "max", info->offload_max);
	add_count(o, "no_place", info->offload_full);
	add_count(o, "no_room", info->offload_empty);
	add_count(o, "adopted", info->offload_adopted);
	json_object_object_add(fastpath, "sessions", o);
}

/* ---- stats.fastpath ---- */

static const char *const miss_names[WEFT_BPF_MISS_N] = {
#define MISS_NAME(name, text) [WEFT_BPF_MISS_##name] = text,
	WEFT_BPF_MISSES(MISS_NAME)
#undef MISS_NAME
};

/* A request that measures run times. */
struct measurement {
	LIST_ENTRY(measurement) next;
	struct rpc *rpc;
	struct jsonrpc_call *call;
	struct event *timer;
	int run_time; /* descriptor */
	uint64_t interval_ms, started_ms;
	struct loader_prog before[PROGRAMS_MAX];
	unsigned int n_before;
};

static uint64_t n_packets(const struct weft_bpf_prog_counters *n)
{
	uint64_t sum = n->hits + n->passed + n->dropped;

	for (unsigned int i = 1; i < WEFT_BPF_MISS_N; i++)
		sum += n->misses[i];
	return sum;
}

static struct json_object *program_json(const struct loader_prog *p)
{
	struct json_object *o = json_object_new_object(), *misses = json_object_new_object();

	add_string(o, "name", p->name);
	add_count(o, "id", p->id);
	add_count(o, "instructions", p->n_insns);
	add_count(o, "verified", p->n_verified);
	add_count(o, "hits", p->n.hits);
	add_count(o, "passed", p->n.passed);
	add_count(o, "dropped", p->n.dropped);
	for (unsigned int i = 1; i < WEFT_BPF_MISS_N; i++)
		if (p->n.misses[i])
			add_count(misses, miss_names[i], p->n.misses[i]);
	json_object_object_add(o, "misses", misses);
	return o;
}

/* What it did within the interval. A program that was replaced meanwhile has another id. */
static void add_measured(
	const struct measurement *m, const struct loader_prog *now, struct json_object *o)
{
	for (unsigned int i = 0; i < m->n_before; i++) {
		const struct loader_prog *before = &m->before[i];

		if (before->id != now->id)
			continue;
		add_count(o, "packets", n_packets(&now->n) - n_packets(&before->n));
		add_count(o, "runs", now->run_count - before->run_count);
		add_count(o, "run_ns", now->run_ns - before->run_ns);
	}
}

/* m NULL: nothing was measured. */
static struct json_object *programs_json(const struct rpc *r, const struct measurement *m)
{
	struct json_object *o = json_object_new_object(), *array = json_object_new_array(), *p;
	struct loader_prog programs[PROGRAMS_MAX];
	struct attach_fast_status s;
	int n = attach_programs(r->config.attach, programs, PROGRAMS_MAX);

	attach_fast_status(r->config.attach, &s);
	add_string(o, "state", state_names[s.state]);
	add_string(o, "text", s.problem);
	add_count(o, "interval_ms", m ? rpc_now_ms() - m->started_ms : 0);
	for (int i = 0; i < n; i++) {
		p = program_json(&programs[i]);
		if (m)
			add_measured(m, &programs[i], p);
		json_object_array_add(array, p);
	}
	json_object_object_add(o, "programs", array);
	return o;
}

static void measurement_free(struct measurement *m)
{
	LIST_REMOVE(m, next);
	event_free(m->timer);
	close(m->run_time);
	free(m);
}

static void on_measured(evutil_socket_t fd, short what, void *arg)
{
	struct measurement *m = arg;

	jsonrpc_result(m->call, programs_json(m->rpc, m));
	measurement_free(m);
}

static unsigned int n_measurements(const struct rpc *r)
{
	const struct measurement *m;
	unsigned int n = 0;

	LIST_FOREACH (m, &r->measurements, next)
		n++;
	return n;
}

static void measure(struct request *rq, uint64_t interval_ms)
{
	struct timeval tv = {
		.tv_sec = interval_ms / 1000, .tv_usec = (suseconds_t)(interval_ms % 1000) * 1000};
	struct measurement *m = mem_zalloc(sizeof(*m));
	int n;

	m->run_time = attach_run_time();
	if (m->run_time < 0) {
		request_fail(rq, WEFTRPC_INTERNAL, "the kernel does not count run times: %s",
			strerror(-m->run_time));
		free(m);
		return;
	}
	n = attach_programs(rq->rpc->config.attach, m->before, PROGRAMS_MAX);
	m->n_before = n < 0 ? 0 : (unsigned int)n;
	m->rpc = rq->rpc;
	m->call = rq->call;
	m->started_ms = rpc_now_ms();
	m->timer = evtimer_new(rq->rpc->base, on_measured, m);
	evtimer_add(m->timer, &tv);
	LIST_INSERT_HEAD(&rq->rpc->measurements, m, next);
}

void handle_stats_fastpath(struct request *rq)
{
	uint64_t interval_ms = param_uint(rq, "interval_ms");

	if (!rq->rpc->config.attach)
		request_fail(rq, WEFTRPC_DATAPLANE, "this weftd has no fast path");
	else if (interval_ms == 0)
		request_result(rq, programs_json(rq->rpc, NULL));
	else if (n_measurements(rq->rpc) >= MEASUREMENTS_MAX)
		request_fail(rq, WEFTRPC_BUSY, "%d such requests are in progress; try again later",
			MEASUREMENTS_MAX);
	else
		measure(rq, interval_ms);
}

void fastpath_stop(struct rpc *r)
{
	struct measurement *m;

	while ((m = LIST_FIRST(&r->measurements)) != NULL) {
		jsonrpc_fail(m->call, WEFTRPC_INTERNAL, "weftd ends", NULL);
		measurement_free(m);
	}
}

/* ---- event ---- */

void rpc_tell_repaired(struct rpc *r, const struct weft_port *port, const char *what)
{
	struct json_object *p;

	if (!conn_anybody_wants(r, EVENT_FASTPATH))
		return;
	p = events_new("fastpath");
	add_string(p, "event", "repaired");
	json_add_port(r, p, "port", port->id);
	json_add_text(p, "interface", port->device, sizeof(port->device));
	add_string(p, "what", what);
	events_notify(r, EVENT_FASTPATH, p);
}
