/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A south without a data plane behind it: what it shows is set by a test (fake_south.h). Answers
 * come in a later turn of the loop, as the real ones do.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <ccore/mem.h>
#include <weft_bpf/port.h>

#include "fake_south.h"

struct south {
	struct event_base *base;
	struct engine *engine;
	struct south_listener listener;
	struct south_status status;
	struct weft_stats_shm *stats;
	struct weft_event_port states[WEFT_MAX_PORTS];
	size_t n_fdb;
	size_t n_sessions;
	uint32_t drops_port;
	unsigned int n_drops;
	bool watching;
	struct weft_watch_filter watched;
	char trace_fate[16];
	char trace_port[64];
	bool hung;
	LIST_HEAD(, later) later;
};

/* One answer that is still to come. */
struct later {
	LIST_ENTRY(later) next;
	struct south *s;
	struct event *timer;
	enum weft_table table;
	void (*info)(void *arg, const struct weft_msg_info *info);
	void (*entry)(void *arg, const union weft_entry *entry);
	void (*done)(void *arg, int error);
	struct weft_session_filter filter;
	uint32_t cursor, max;
	bool flush;
	void (*session)(void *arg, const struct weft_session *session);
	void (*ended)(void *arg, int error, const struct weft_msg_session_end *end);
	south_answer_fn answer;
	enum weft_msg_type type;
	void *request;
	void *arg;
};

struct south *fake_south_new(struct event_base *base, struct engine *e)
{
	struct south *s = mem_zalloc(sizeof(*s));

	s->base = base;
	s->engine = e;
	s->stats = mem_zalloc(weft_stats_size(1));
	s->stats->n_workers = 1;
	s->stats->tsc_hz = 2000000000;
	s->stats->workers[0].timed_packets = 200;
	for (unsigned int i = 0; i <= WEFT_STAGE_TX; i++)
		s->stats->workers[0].stage_cycles[i] = 1000 * (i + 1);
	s->stats->workers[0].longest_round_cycles = 700000;
	s->stats->workers[0].long_round_cycles = 900000;
	s->stats->workers[0].long_rounds[1] = 3;
	s->status.n_workers = 1;
	snprintf(s->status.error, sizeof(s->status.error), "nobody listens there");
	return s;
}

void fake_south_connect(struct south *s, bool connected)
{
	s->status.connected = s->status.in_sync = connected;
	s->status.pid = 4242;
	s->status.generation = 7;
	s->status.error[0] = 0;
	if (s->listener.connected != NULL)
		s->listener.connected(s->listener.arg, connected);
}

void fake_south_hang(struct south *s)
{
	s->hung = true;
}

static uint32_t id_of(struct south *s, const char *port)
{
	const struct object *o = model_find(engine_model(s->engine), MODEL_PORT, port);

	if (strcmp(port, "uplink") == 0)
		return COMPILE_UPLINK_ID;
	return o == NULL ? 0 : o->id;
}

void fake_south_port(struct south *s, const char *port, uint8_t state, const char *text)
{
	uint32_t id = id_of(s, port);
	struct weft_event_port *e = &s->states[id % WEFT_MAX_PORTS];

	e->id = id;
	e->state = state;
	snprintf(e->text, sizeof(e->text), "%s", text);
	s->stats->slots[id % WEFT_MAX_PORTS] = (struct weft_stats_slot){.id = id, .seq = 2};
	if (s->listener.port_state != NULL)
		s->listener.port_state(s->listener.arg, e);
}

void fake_south_count(struct south *s, const char *port, unsigned int rx, unsigned int spoofed)
{
	struct weft_port_stats *p = &s->stats->ports[0][id_of(s, port) % WEFT_MAX_PORTS];

	p->rx_packets += rx;
	p->sent += rx - spoofed;
	p->dropped[WEFT_DROP_SPOOFED_MAC] += spoofed;
}

void fake_south_carry(struct south *s, const char *port, unsigned int n)
{
	unsigned int row = weft_stats_rows(s->stats->n_workers) - 1;
	struct weft_port_stats *p = &s->stats->ports[row][id_of(s, port) % WEFT_MAX_PORTS];

	p->rx_packets += n;
	p->rx_bytes += 100 * n;
	p->sent += n;
}

static struct weft_fdb fdb_entry(size_t i)
{
	return (struct weft_fdb){.vni = 1001,
		.mac = {{2, 0, 0, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}},
		.flags = i % 2 == 1 ? WEFT_FDB_LEARNED : 0,
		.remote = weft_addr_from_v4("\xac\x10\x00\x02")};
}

void fake_south_fdb(struct south *s, size_t n)
{
	s->n_fdb = n;
}

void fake_south_sessions(struct south *s, size_t n)
{
	s->n_sessions = n;
}

void fake_south_drops(struct south *s, const char *port, unsigned int n)
{
	s->drops_port = id_of(s, port);
	s->n_drops = n;
}

void fake_south_trace(struct south *s, const char *fate, const char *port)
{
	snprintf(s->trace_fate, sizeof(s->trace_fate), "%s", fate);
	snprintf(s->trace_port, sizeof(s->trace_port), "%s", port);
}

void fake_south_events(struct south *s, size_t n)
{
	for (size_t i = 0; i < n && s->listener.fdb != NULL; i++) {
		struct weft_event_fdb e = {fdb_entry(i), WEFT_FDB_EVENT_LEARNED};

		s->listener.fdb(s->listener.arg, &e);
	}
}

void fake_south_policy(
	struct south *s, const char *port, const char *group, uint16_t dport, uint32_t suppressed)
{
	const struct model *m = engine_model(s->engine);
	const struct object *g = model_find(m, MODEL_SECURITY_GROUP, group);
	const struct object *n = model_find(m, MODEL_NETWORK, "red/main");
	struct weft_event_policy e = {.src = weft_addr_from_v4("\x0a\x00\x00\x01"),
		.dst = weft_addr_from_v4("\x0a\x00\x00\x02"),
		.vni = 1001,
		.port = id_of(s, port),
		.ruleset = 77,
		.rule = 2,
		.suppressed = suppressed,
		.sport = 1000,
		.dport = dport != 0 ? dport : 8 << 8,
		.proto = dport != 0 ? 6 : 1,
		.has_l4 = 1,
		.direction = WEFT_RULE_INGRESS,
		.action = WEFT_RULE_DENY};

	if (g != NULL && n != NULL)
		e.ruleset = group_network_id(
			(const struct security_group *)g, (const struct network *)n);
	s->listener.policy(s->listener.arg, &e);
}

static void dump(struct later *l)
{
	union weft_entry e;

	for (size_t i = 0; l->table == WEFT_TABLE_FDB && i < l->s->n_fdb; i++) {
		e.fdb = fdb_entry(i);
		l->entry(l->arg, &e);
	}
	if (l->table == WEFT_TABLE_NEIGH) {
		e.neigh = (struct weft_neigh){.vni = 1001,
			.addr = weft_addr_from_v4("\x0a\x00\x00\x0c"),
			.mac = {{2, 0, 0, 0, 0, 1}}};
		l->entry(l->arg, &e);
	}
}

static struct weft_session session(struct south *s, uint32_t i)
{
	uint8_t src[4] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};
	const struct object *n = model_find(engine_model(s->engine), MODEL_NETWORK, "red/main");
	struct weft_session e = {.network = n == NULL ? 0 : n->id,
		.proto = 6,
		.age_s = 10,
		.idle_s = 2,
		.ends_s = 28,
		.charged = id_of(s, "red/c1"),
		.flags = i % 2 == 1 ? WEFT_SESSION_VALID : WEFT_SESSION_HALF_OPEN};

	if (i % 4 == 3)
		e.flags |= WEFT_SESSION_OFFLOADED;

	snprintf(e.state, sizeof(e.state), "%s", i % 2 == 1 ? "established" : "syn-sent");
	e.ways[0] = (struct weft_session_way){.src = weft_addr_from_v4(src),
		.dst = weft_addr_from_v4("\x0a\x00\x00\x0c"),
		.sport = 1000,
		.dport = 80,
		.vni = 1001,
		.port = id_of(s, "red/c1"),
		.vtep = weft_addr_from_v4("\xac\x10\x00\x02"),
		.packets = i,
		.bytes = 64 * (uint64_t)i};
	e.ways[1] = (struct weft_session_way){.src = e.ways[0].dst,
		.dst = e.ways[0].src,
		.sport = 80,
		.dport = 1000,
		.vni = 1001,
		.out_port = id_of(s, "red/c1"),
		.ruleset = 77,
		.rule = 3};
	return e;
}

/* Enough of the filters to see that they arrive. */
static bool wanted(const struct weft_session_filter *f, const struct weft_session *e)
{
	return weft_prefix_contains(&f->src, &e->ways[0].src) &&
	       (f->state[0] == 0 || strcmp(f->state, e->state) == 0) &&
	       (f->proto == 0 || f->proto == e->proto) &&
	       (!(f->flags & WEFT_SESSION_ONLY_OFFLOADED) || (e->flags & WEFT_SESSION_OFFLOADED)) &&
	       (f->network == 0 || f->network == e->network) &&
	       (f->port == 0 || f->port == e->ways[0].port) &&
	       (f->dport == 0 || f->dport == e->ways[0].dport);
}

static void walk_sessions(struct later *l)
{
	struct weft_msg_session_end end = {0};
	uint32_t i = l->cursor;

	for (; i < l->s->n_sessions && (l->flush || end.n < l->max); i++) {
		struct weft_session e = session(l->s, i);

		if (!wanted(&l->filter, &e))
			continue;
		end.n++;
		if (!l->flush)
			l->session(l->arg, &e);
	}
	if (l->flush)
		l->s->n_sessions -= end.n;
	else
		end.cursor = i < l->s->n_sessions ? i : 0;
	l->ended(l->arg, 0, &end);
}

/* UDP from 10.0.0.1 port 1000 to 10.0.0.2 port 53. */
static const uint8_t dropped_frame[42] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 28,
	0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 3, 0xe8, 0, 53, 0, 8, 0, 0};

static struct weft_drop_record drop_record(const struct south *s, uint32_t number)
{
	struct weft_drop_record r = {.time_ms = number * 1000,
		.number = number,
		.port = s->drops_port,
		.vni = 1001,
		.size = 41 + number,
		.reason = number % 2 ? WEFT_DROP_POLICY_EGRESS : WEFT_DROP_NO_ROUTE,
		.policy_port = s->drops_port,
		.flags = number % 2 ? WEFT_RECORD_RULE : 0,
		.frame_size = sizeof(dropped_frame)};

	memcpy(r.frame, dropped_frame, sizeof(dropped_frame));
	return r;
}

/* One record in each message. */
static void answer_drops(struct later *l)
{
	const struct weft_msg_drop_list *rq = l->request;
	uint32_t number = l->s->n_drops - rq->cursor;
	bool any = number > 0 && (rq->port == 0 || rq->port == l->s->drops_port);
	struct {
		struct weft_msg_hdr hdr;
		struct weft_msg_drop_records head;
		struct weft_drop_record record;
	} msg = {.head = {.n = any,
			 .cursor = any && number > 1 ? rq->cursor + 1 : 0,
			 .now_ms = (uint64_t)l->s->n_drops * 1000}};

	if (any)
		msg.record = drop_record(l->s, number);
	l->answer(l->arg, &msg.hdr, 0, "");
}

/* Steps of a packet as the test wants it: "delivered" to or "dropped" at a port, "sent" or
 * "answered". */
struct trace_msg {
	_Alignas(8) uint8_t bytes[WEFT_MSG_SIZE_MAX];
	size_t used;
};

static void put_step(struct trace_msg *msg, struct weft_trace_record step)
{
	memcpy(msg->bytes + msg->used, &step, sizeof(step));
	msg->used += sizeof(step);
}

static uint32_t put_steps(struct trace_msg *msg, struct south *s, uint32_t in, uint32_t packet)
{
	const struct weft_trace_record steps[] = {
		{.step = WEFT_TRACE_RECEIVED, .port = in, .vni = 1001, .size = 98},
		{.step = WEFT_TRACE_PARSED,
			.proto = 6,
			.sport = 1000,
			.dport = 80,
			.vni = 1001,
			.src = weft_addr_from_v4("\x0a\0\0\1"),
			.dst = weft_addr_from_v4("\x0a\0\0\2")},
		{.step = WEFT_TRACE_POLICY,
			.port = in,
			.direction = WEFT_RULE_EGRESS,
			.action = WEFT_RULE_ALLOW},
	};
	uint32_t out = id_of(s, s->trace_port), n = 0;
	struct weft_trace_record last = {.step = WEFT_TRACE_OUTPUT, .port = out, .packet = packet};

	if (strcmp(s->trace_fate, "dropped") == 0)
		last = (struct weft_trace_record){.step = WEFT_TRACE_DROP,
			.packet = packet,
			.port = out,
			.reason = WEFT_DROP_POLICY_INGRESS};
	for (; n < 3; n++) {
		struct weft_trace_record step = steps[n];

		step.packet = packet;
		put_step(msg, step);
	}
	if (strcmp(s->trace_fate, "sent") == 0)
		put_step(msg, (struct weft_trace_record){.step = WEFT_TRACE_ENCAPSULATE,
				      .packet = packet,
				      .vni = 1001,
				      .src = weft_addr_from_v4("\xac\x10\0\1"),
				      .dst = weft_addr_from_v4("\xac\x10\0\2")});
	if (strcmp(s->trace_fate, "answered") == 0)
		put_step(msg, (struct weft_trace_record){
				      .step = WEFT_TRACE_ANSWER, .packet = packet, .port = in});
	put_step(msg, last);
	return n + 1 + (s->trace_fate[0] == 's' || s->trace_fate[0] == 'a');
}

/* Each frame leaves as it came, unless it is dropped. */
static void answer_trace(struct later *l)
{
	static struct trace_msg msg;
	const struct weft_msg_trace *rq = l->request;
	const struct weft_trace_frame *f = (const void *)(rq + 1);
	struct weft_msg_trace_report *head = (void *)(msg.bytes + sizeof(struct weft_msg_hdr));

	*head = (struct weft_msg_trace_report){.generation = 7};
	msg.used = sizeof(struct weft_msg_hdr) + sizeof(*head);
	for (uint32_t i = 0; i < rq->n_frames; i++) {
		head->n_steps += put_steps(&msg, l->s, f->port, i);
		f = (const void *)((const uint8_t *)f + weft_trace_frame_size(f));
	}
	f = (const void *)(rq + 1);
	for (uint32_t i = 0; strcmp(l->s->trace_fate, "dropped") != 0 && i < rq->n_frames; i++) {
		struct weft_trace_frame out = *f;

		out.port = id_of(l->s, l->s->trace_port);
		out.packet = i;
		memcpy(msg.bytes + msg.used, &out, sizeof(out));
		memcpy(msg.bytes + msg.used + sizeof(out), f + 1, out.stored);
		msg.used += weft_trace_frame_size(&out);
		head->n_frames++;
		f = (const void *)((const uint8_t *)f + weft_trace_frame_size(f));
	}
	l->answer(l->arg, (const struct weft_msg_hdr *)msg.bytes, 0, "");
}

/* What is watched is noted; probes come by themselves. */
static void answer_pong(struct later *l)
{
	const struct weft_msg_watch *watch = l->request;
	struct weft_msg_hdr pong = {.type = WEFT_MSG_PONG};

	l->s->watching = l->type == WEFT_MSG_WATCH || (l->s->watching && l->type == WEFT_MSG_PROBE);
	if (l->type == WEFT_MSG_WATCH && watch->filter.vni == 1002) {
		l->s->watching = false;
		l->answer(l->arg, NULL, -ENOENT, "this host has no such segment");
		return;
	}
	if (l->type == WEFT_MSG_WATCH)
		l->s->watched = watch->filter;
	l->answer(l->arg, &pong, 0, "");
}

/* From source port 7 comes what the kernel carries. */
void fake_south_watched(struct south *s, unsigned int n, unsigned int lost)
{
	bool carried = s->watched.sport == 7;
	const uint16_t steps[] = {WEFT_TRACE_RECEIVED, WEFT_TRACE_PARSED,
		carried ? WEFT_TRACE_KERNEL : WEFT_TRACE_SESSION_MISS, WEFT_TRACE_OUTPUT};
	static struct {
		struct weft_event_trace head;
		struct weft_trace_record records[600];
	} e;

	e.head = (struct weft_event_trace){.now_ms = (1ull << 32) + 5, .lost = lost, .skipped = 3};
	for (unsigned int i = 0; s->watching && i < 4 && n <= 600; i++) {
		for (e.head.n = 0; e.head.n < n; e.head.n++)
			e.records[e.head.n] = (struct weft_trace_record){.step = steps[i],
				.packet = 1000 + e.head.n,
				.time_ms = UINT32_MAX - 4,
				.worker = carried ? WEFT_TRACE_NO_WORKER : 1,
				.n = WEFT_BPF_PROG_UPLINK_TC,
				.size = 1448,
				.port = id_of(s, "red/c1"),
				.vni = 1001,
				.proto = 6,
				.dport = s->watched.dport};
		s->listener.trace(s->listener.arg, &e.head);
	}
}

static void answer_query(struct later *l, int error)
{
	if (error == 0 && l->type == WEFT_MSG_DROP_LIST)
		answer_drops(l);
	else if (error == 0 && l->type == WEFT_MSG_TRACE)
		answer_trace(l);
	else if (error == 0)
		answer_pong(l);
	else
		l->answer(l->arg, NULL, error, "");
	free(l->request);
}

/* error: 0 or -errno, as when the connection is lost. */
static void answer(struct later *l, int error)
{
	struct weft_msg_info info = {.generation = 7, .uptime_ms = 1000, .mbufs_total = 100};

	info.sessions = l->s->n_sessions;
	info.sessions_max = 1048576;
	info.offload_max = 65536;
	info.offloaded = 5;
	info.offload_full = 2;
	info.offload_empty = 1;
	if (l->ended != NULL && error == 0)
		walk_sessions(l);
	else if (l->ended != NULL)
		l->ended(l->arg, error, NULL);
	if (l->info != NULL)
		l->info(l->arg, error == 0 ? &info : NULL);
	if (l->entry != NULL && error == 0)
		dump(l);
	if (l->done != NULL)
		l->done(l->arg, error);
	if (l->answer != NULL)
		answer_query(l, error);
	LIST_REMOVE(l, next);
	event_free(l->timer);
	free(l);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	answer(arg, 0);
}

static int answer_later(struct south *s, struct later l)
{
	struct timeval tv = {.tv_usec = 2000};
	struct later *copy;

	if (!s->status.connected)
		return -ENOTCONN;
	copy = mem_dup(&l, sizeof(l));
	copy->s = s;
	LIST_INSERT_HEAD(&s->later, copy, next);
	copy->timer = evtimer_new(s->base, on_timer, copy);
	if (s->hung)
		tv.tv_sec = 3;
	evtimer_add(copy->timer, &tv);
	return 0;
}

void south_free(struct south *s)
{
	struct later *l;

	if (s == NULL)
		return;
	while ((l = LIST_FIRST(&s->later)) != NULL)
		answer(l, -ECONNRESET);
	free(s->stats);
	free(s);
}

void south_listen(struct south *s, const struct south_listener *l)
{
	s->listener = *l;
}

void south_status(const struct south *s, struct south_status *ret)
{
	*ret = s->status;
	ret->revision = model_revision(engine_model(s->engine));
}

const struct weft_stats_shm *south_stats(const struct south *s)
{
	return s->status.generation == 0 ? NULL : s->stats;
}

void south_port_state(const struct south *s, uint32_t port_id, struct weft_event_port *ret)
{
	*ret = s->states[port_id % WEFT_MAX_PORTS];
}

int south_info(struct south *s, void (*cb)(void *arg, const struct weft_msg_info *info), void *arg)
{
	return answer_later(s, (struct later){.info = cb, .arg = arg});
}

int south_dump(struct south *s, enum weft_table table,
	void (*cb)(void *arg, const union weft_entry *entry), void (*done)(void *arg, int error),
	void *arg)
{
	return answer_later(
		s, (struct later){.table = table, .entry = cb, .done = done, .arg = arg});
}

int south_fdb_flush(
	struct south *s, uint32_t vni, uint32_t port, void (*done)(void *arg, int error), void *arg)
{
	s->n_fdb = 0;
	return answer_later(s, (struct later){.done = done, .arg = arg});
}

int south_session_list(struct south *s, const struct weft_session_filter *filter, uint32_t cursor,
	uint32_t max, void (*cb)(void *arg, const struct weft_session *session),
	void (*done)(void *arg, int error, const struct weft_msg_session_end *end), void *arg)
{
	return answer_later(s, (struct later){.filter = *filter,
				       .cursor = cursor,
				       .max = max,
				       .session = cb,
				       .ended = done,
				       .arg = arg});
}

int south_session_flush(struct south *s, const struct weft_session_filter *filter,
	void (*done)(void *arg, int error, const struct weft_msg_session_end *end), void *arg)
{
	return answer_later(
		s, (struct later){.filter = *filter, .flush = true, .ended = done, .arg = arg});
}

int south_query(struct south *s, enum weft_msg_type type, const void *payload, size_t size,
	enum weft_msg_type answer_type, south_answer_fn cb, void *arg)
{
	struct later l = {
		.answer = cb, .type = type, .request = mem_dup(payload, size), .arg = arg};
	int r = answer_later(s, l);

	if (r < 0)
		free(l.request);
	return r;
}
