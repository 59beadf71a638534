/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * drops.list: the last dropped packets of the data plane's flight recorder, with names for what it
 * knows by number. Asked for page by page; of all ports' records the newest are kept. On weftd's
 * event loop.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>
#include <weft/codec.h>
#include <weftrpc/codes.h>

#include "server.h"

struct drop_query {
	struct asking a;
	struct weft_msg_drop_list request;
	unsigned int reason; /* enum weft_drop; 0: any */
	uint64_t limit, now_ms;
	size_t n; /* kept, newest first */
	struct weft_drop_record *kept;
};

static void add_uint(struct json_object *o, const char *key, uint64_t n)
{
	json_object_object_add(o, key, json_object_new_uint64(n));
}

static struct json_object *session_json(const struct weft_drop_record *d)
{
	struct json_object *o = json_object_new_object();

	add_uint(o, "protocol", d->session_proto);
	json_add_addr(o, "source", &d->session_src);
	add_uint(o, "source_port", d->session_sport);
	json_add_addr(o, "destination", &d->session_dst);
	add_uint(o, "destination_port", d->session_dport);
	return o;
}

/* What explains the drop beside its reason. */
static void add_blame(const struct rpc *r, struct json_object *o, const struct weft_drop_record *d)
{
	if (d->flags & WEFT_RECORD_TUNNEL)
		json_add_addr(o, "from_vtep", &d->vtep);
	if (d->flags & WEFT_RECORD_TO_VTEP)
		json_add_addr(o, "to_vtep", &d->vtep);
	if (d->out_port != 0)
		json_add_port(r, o, "to_port", d->out_port);
	if (d->flags & WEFT_RECORD_RULE) {
		json_add_rule(r, o, "rule", d->policy_port, d->ruleset, d->rule);
		json_add_port(r, o, "rule_port", d->policy_port);
	}
	if (d->flags & WEFT_RECORD_SESSION)
		json_object_object_add(o, "session", session_json(d));
}

static struct json_object *record_json(const struct drop_query *q, const struct weft_drop_record *d)
{
	struct json_object *o = json_object_new_object();
	const char *reason = weft_drop_name(d->reason), *help = weft_drop_help(d->reason);

	json_add_port(q->a.rpc, o, "port", d->port);
	add_uint(o, "number", d->number);
	add_uint(o, "age_ms", q->now_ms > d->time_ms ? q->now_ms - d->time_ms : 0);
	json_object_object_add(
		o, "reason", json_object_new_string(reason == NULL ? "unknown" : reason));
	json_object_object_add(o, "help", json_object_new_string(help == NULL ? "" : help));
	add_uint(o, "size", d->size);
	if (d->vni != 0)
		json_add_segment(q->a.rpc, o, d->vni);
	add_blame(q->a.rpc, o, d);
	json_add_hex(o, "frame", d->frame, d->frame_size);
	return o;
}

static void answer(struct drop_query *q)
{
	struct json_object *o = json_object_new_object(), *a = json_object_new_array();

	for (size_t i = 0; i < q->n; i++)
		json_object_array_add(a, record_json(q, &q->kept[i]));
	json_object_object_add(o, "drops", a);
	jsonrpc_result(q->a.call, o);
	asking_end(&q->a, 0);
}

static void keep(struct drop_query *q, const struct weft_drop_record *d)
{
	size_t at = q->n;

	if (q->reason != 0 && d->reason != q->reason)
		return;
	while (at > 0 && q->kept[at - 1].time_ms < d->time_ms)
		at--;
	if (at == q->limit)
		return;
	if (q->n < q->limit)
		q->n++;
	memmove(&q->kept[at + 1], &q->kept[at], (q->n - 1 - at) * sizeof(*d));
	q->kept[at] = *d;
}

static void on_records(void *arg, const struct weft_msg_hdr *hdr, int error, const char *text)
{
	const struct weft_msg_drop_records *head;
	struct drop_query *q = arg;

	if (hdr != NULL && q->a.rpc != NULL) {
		head = weft_msg_payload(hdr);
		q->now_ms = head->now_ms;
		q->request.cursor = head->cursor;
		for (uint32_t i = 0; i < head->n; i++)
			keep(q, (const struct weft_drop_record *)(head + 1) + i);
		error = head->cursor == 0
				? 0
				: south_query(q->a.rpc->south, WEFT_MSG_DROP_LIST, &q->request,
					  sizeof(q->request), WEFT_MSG_DROP_RECORDS, on_records, q);
		if (error == 0 && head->cursor != 0)
			return;
	}
	if (error == 0 && q->a.rpc != NULL)
		answer(q);
	else
		asking_refused(&q->a, error == 0 ? -ECONNRESET : error, text);
	free(q->kept);
	free(q);
}

static unsigned int reason_by_name(const char *name)
{
	for (unsigned int i = 1; i < WEFT_DROP_MAX; i++)
		if (weft_drop_name(i) != NULL && strcmp(weft_drop_name(i), name) == 0)
			return i;
	return 0;
}

void handle_drops_list(struct request *rq)
{
	const char *port = param_string(rq, "port"), *reason = param_string(rq, "reason");
	struct drop_query *q;
	unsigned int why = 0;
	uint32_t id = 0;
	int r;

	if (!asking_port(rq, port, &id))
		return;
	if (reason != NULL && (why = reason_by_name(reason)) == 0) {
		request_fail(
			rq, WEFTRPC_PARAMS, "reason: there is no drop reason \"%.64s\"", reason);
		return;
	}
	q = mem_zalloc(sizeof(*q));
	if (!asking_start(rq, &q->a)) {
		free(q);
		return;
	}
	q->request = (struct weft_msg_drop_list){.port = id, .max = UINT32_MAX};
	q->reason = why;
	q->limit = param_uint(rq, "limit");
	q->kept = mem_zalloc((q->limit + 1) * sizeof(*q->kept));
	r = south_query(rq->rpc->south, WEFT_MSG_DROP_LIST, &q->request, sizeof(q->request),
		WEFT_MSG_DROP_RECORDS, on_records, q);
	if (r < 0)
		on_records(q, NULL, r, "");
}
