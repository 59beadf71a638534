/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace.watch: steps of real packets for one connection, those of a packet together. The data plane
 * tells them as they happen, a burst's packets mixed; a packet is taken to be over when nothing
 * more came for a while. On weftd's event loop.
 *
 * Bounded: what waits here by STEPS_MAX, what the client has not read by conn_notify. The rest is
 * lost, and counted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>
#include <weft/codec.h>
#include <weftrpc/codes.h>

#include "trace.h"

#define TURN_MS	  10   /* a packet without a step for one to two turns is over */
#define STEPS_MAX 8192 /* that wait; then all packets are over */

struct traced {
	UT_hash_handle hh;
	uint32_t packet; /* number */
	bool touched;	 /* in this turn */
	size_t n, room;
	struct weft_trace_record *steps;
};

struct trace_watch {
	struct rpc *rpc;
	struct conn *conn;
	struct weft_watch_filter filter;
	struct event *turn;
	struct traced *packets; /* in the order in which they came */
	size_t n_steps;
	uint64_t now_ms;      /* of the data plane, at the last event */
	uint64_t received_ms; /* on this program's clock */
	uint64_t lost;	      /* as the data plane says */
	uint64_t lost_before; /* by data planes that are gone, and here */
	uint32_t skipped;
};

static void traced_free(struct trace_watch *w, struct traced *t)
{
	w->n_steps -= t->n;
	HASH_DEL(w->packets, t);
	free(t->steps);
	free(t);
}

static struct json_object *packet_json(const struct trace_watch *w, const struct traced *t)
{
	struct json_object *params = json_object_new_object(), *steps = json_object_new_array();
	struct json_object *o = json_object_new_object();
	uint64_t age = (uint32_t)((uint32_t)w->now_ms - t->steps[0].time_ms);

	age += rpc_now_ms() - w->received_ms;
	for (size_t i = 0; i < t->n; i++)
		json_object_array_add(steps, trace_step_json(w->rpc, &t->steps[i]));
	json_object_object_add(params, "packet", json_object_new_int64(t->packet));
	if (t->steps[0].worker != WEFT_TRACE_NO_WORKER)
		json_object_object_add(params, "worker", json_object_new_int(t->steps[0].worker));
	json_object_object_add(params, "age_ms", json_object_new_uint64(age));
	json_object_object_add(params, "steps", steps);
	json_object_object_add(params, "lost", json_object_new_uint64(w->lost + w->lost_before));
	json_object_object_add(params, "skipped", json_object_new_int64(w->skipped));
	json_object_object_add(o, "jsonrpc", json_object_new_string("2.0"));
	json_object_object_add(o, "method", json_object_new_string("trace.packet"));
	json_object_object_add(o, "params", params);
	return o;
}

static void tell(struct trace_watch *w, struct traced *t)
{
	struct json_object *o = packet_json(w, t);

	if (!conn_notify(w->conn, o))
		w->lost_before += t->n;
	json_object_put(o);
	traced_free(w, t);
}

/* Those that are over. */
static void tell_some(struct trace_watch *w, bool all)
{
	struct traced *t, *tmp;

	HASH_ITER (hh, w->packets, t, tmp) {
		if (all || !t->touched)
			tell(w, t);
		else
			t->touched = false;
	}
}

static void next_turn(struct trace_watch *w)
{
	struct timeval tv = {.tv_usec = TURN_MS * 1000};

	if (w->packets != NULL && !evtimer_pending(w->turn, NULL))
		evtimer_add(w->turn, &tv);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct trace_watch *w = arg;

	tell_some(w, false);
	next_turn(w);
}

static void add_step(struct trace_watch *w, const struct weft_trace_record *d)
{
	struct traced *t;

	HASH_FIND(hh, w->packets, &d->packet, sizeof(d->packet), t);
	if (t == NULL) {
		t = mem_zalloc(sizeof(*t));
		t->packet = d->packet;
		HASH_ADD(hh, w->packets, packet, sizeof(t->packet), t);
	}
	if (t->n == t->room) {
		t->room = t->room == 0 ? 16 : 2 * t->room;
		t->steps = mem_realloc(t->steps, t->room, sizeof(*t->steps));
	}
	t->steps[t->n++] = *d;
	t->touched = true;
	w->n_steps++;
}

void trace_watch_event(struct rpc *r, const struct weft_event_trace *e)
{
	const struct weft_trace_record *steps = (const struct weft_trace_record *)(e + 1);
	struct trace_watch *w = r->watch;

	if (w == NULL)
		return;
	w->now_ms = e->now_ms;
	w->received_ms = rpc_now_ms();
	w->lost = e->lost;
	w->skipped = e->skipped;
	for (uint32_t i = 0; i < e->n; i++)
		add_step(w, &steps[i]);
	if (w->n_steps > STEPS_MAX)
		tell_some(w, true);
	next_turn(w);
}

static void watch_free(struct trace_watch *w)
{
	struct traced *t, *tmp;

	HASH_ITER (hh, w->packets, t, tmp)
		traced_free(w, t);
	event_free(w->turn);
	free(w);
}

static void on_ignored(void *arg, const struct weft_msg_hdr *hdr, int error, const char *text)
{
}

static void watch_end(struct rpc *r)
{
	if (r->south != NULL)
		south_query(r->south, WEFT_MSG_UNWATCH, NULL, 0, WEFT_MSG_PONG, on_ignored, NULL);
	watch_free(r->watch);
	r->watch = NULL;
}

void trace_watch_leave(struct rpc *r, const struct conn *c)
{
	if (r->watch != NULL && r->watch->conn == c)
		watch_end(r);
}

void trace_watch_connected(struct rpc *r)
{
	struct weft_msg_watch msg;

	if (r->watch == NULL)
		return;
	msg.filter = r->watch->filter;
	r->watch->lost_before += r->watch->lost;
	r->watch->lost = 0;
	south_query(r->south, WEFT_MSG_WATCH, &msg, sizeof(msg), WEFT_MSG_PONG, on_ignored, NULL);
}

static struct json_object *watching_json(bool watching)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "watching", json_object_new_boolean(watching));
	return o;
}

static void on_watching(void *arg, const struct weft_msg_hdr *hdr, int error, const char *text)
{
	struct asking *a = arg;
	struct conn *c = conn_of(a->call);

	if (hdr != NULL) {
		jsonrpc_result(a->call, watching_json(true));
		asking_end(a, 0);
	} else {
		if (a->rpc != NULL && c != NULL)
			trace_watch_leave(a->rpc, c);
		asking_refused(a, error, text);
	}
	free(a);
}

static void clear_host_bits(struct weft_prefix *p)
{
	for (unsigned int bit = p->len; bit < 128; bit++)
		p->addr.b[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
}

static bool read_protocol(struct request *rq, struct weft_watch_filter *f)
{
	static const struct {
		const char *name;
		uint16_t ethertype;
	} types[] = {{"arp", 0x0806}, {"ipv4", 0x0800}, {"ipv6", 0x86dd}};
	const char *text = param_string(rq, "protocol");

	if (text == NULL || proto_parse(text, &f->proto))
		return true;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].name, text) == 0)
			f->ethertype = types[i].ethertype;
	if (f->ethertype != 0)
		return true;
	request_fail(rq, WEFTRPC_PARAMS,
		"protocol: must be tcp, udp, icmp, icmpv6, sctp, arp, ipv4, ipv6 or a number");
	return false;
}

/* False: the request was answered with an error. */
static bool read_filter(struct request *rq, struct weft_watch_filter *ret)
{
	*ret = (struct weft_watch_filter){
		.sport = (uint16_t)param_uint(rq, "source_port"),
		.dport = (uint16_t)param_uint(rq, "destination_port"),
		.flags = (param_bool(rq, "either") ? WEFT_WATCH_EITHER : 0) |
			 (param_bool(rq, "dropped") ? WEFT_WATCH_DROPPED : 0),
		.rate = (uint32_t)param_uint(rq, "rate"),
	};
	if (!asking_port(rq, param_string(rq, "port"), &ret->port) ||
		!asking_segment(rq, param_string(rq, "segment"), &ret->vni) ||
		!asking_prefix(rq, "source", &ret->src) ||
		!asking_prefix(rq, "destination", &ret->dst) || !read_protocol(rq, ret))
		return false;
	clear_host_bits(&ret->src);
	clear_host_bits(&ret->dst);
	return true;
}

/* Makes the connection the one that watches, with nothing told yet. */
static bool watch_begin(struct rpc *r, struct conn *c, const struct weft_watch_filter *f)
{
	struct trace_watch *w = mem_zalloc(sizeof(*w));

	*w = (struct trace_watch){.rpc = r, .conn = c, .filter = *f};
	w->turn = evtimer_new(r->base, on_turn, w);
	if (w->turn == NULL) {
		free(w);
		return false;
	}
	if (r->watch != NULL)
		watch_free(r->watch);
	r->watch = w;
	return true;
}

void handle_trace_watch(struct request *rq)
{
	struct conn *c = conn_of(rq->call);
	struct weft_msg_watch msg = {0};
	struct asking *a;
	int r;

	if (!read_filter(rq, &msg.filter))
		return;
	if (rq->rpc->watch != NULL && rq->rpc->watch->conn != c) {
		request_fail(
			rq, WEFTRPC_BUSY, "another connection watches already; one may at a time");
		return;
	}
	a = mem_zalloc(sizeof(*a));
	if (!asking_start(rq, a)) {
		free(a);
		return;
	}
	r = -ENOMEM;
	if (watch_begin(rq->rpc, c, &msg.filter))
		r = south_query(rq->rpc->south, WEFT_MSG_WATCH, &msg, sizeof(msg), WEFT_MSG_PONG,
			on_watching, a);
	if (r < 0)
		on_watching(a, NULL, r, "");
}

void handle_trace_unwatch(struct request *rq)
{
	trace_watch_leave(rq->rpc, conn_of(rq->call));
	request_result(rq, watching_json(false));
}
