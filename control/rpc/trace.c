/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace.run: what would happen to packets, and trace.probe: sends one. The data plane is asked
 * once, and once more when what a recipient would answer is to run behind them. On weftd's event
 * loop.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>
#include <explain/answer.h>
#include <explain/packet.h>
#include <weft/codec.h>
#include <weftrpc/codes.h>

#include "trace.h"

struct trace_query {
	struct asking a;
	bool wants_answer; /* not made yet */
	const char *no_answer;
	size_t n;
	struct trace_frame frames[WEFT_TRACE_FRAMES_MAX];
};

static void query_free(struct trace_query *q)
{
	for (size_t i = 0; i < q->n; i++)
		trace_frame_clear(&q->frames[i]);
	free(q);
}

/* Adds what the recipient of the first one would answer. */
static bool add_answer(struct trace_query *q, const struct weft_msg_trace_report *report)
{
	const struct weft_trace_frame *f = trace_report_delivered(report);
	static uint8_t buf[PACKET_FRAME_MAX];
	struct trace_frame *answer = &q->frames[q->n];
	size_t size;

	q->wants_answer = false;
	if (f == NULL) {
		q->no_answer = "nobody on this host gets it";
		return false;
	}
	q->no_answer = answer_make((const uint8_t *)(f + 1), f->stored, buf, &size);
	if (q->no_answer != NULL)
		return false;
	*answer = (struct trace_frame){
		.port = f->port, .is_answer = true, .size = size, .bytes = mem_dup(buf, size)};
	q->n++;
	return true;
}

static int ask(struct trace_query *q);

static void on_report(void *arg, const struct weft_msg_hdr *hdr, int error, const char *text)
{
	struct trace_query *q = arg;
	const struct weft_msg_trace_report *report;

	if (hdr != NULL && q->a.rpc != NULL) {
		report = weft_msg_payload(hdr);
		if (q->wants_answer && add_answer(q, report)) {
			error = ask(q);
			if (error == 0)
				return;
		} else {
			jsonrpc_result(q->a.call,
				trace_report_json(q->a.rpc, q->frames, q->n, report, q->no_answer));
			asking_end(&q->a, 0);
			query_free(q);
			return;
		}
	}
	asking_refused(&q->a, error == 0 ? -ECONNRESET : error, text);
	query_free(q);
}

struct weft_msg_trace *trace_message(const struct trace_frame *frames, size_t n, size_t *ret_size)
{
	size_t size = sizeof(struct weft_msg_trace), at = size;
	struct weft_msg_trace *head;

	for (size_t i = 0; i < n; i++)
		size += sizeof(struct weft_trace_frame) + frames[i].size + 7;
	head = mem_zalloc(size);
	head->n_frames = (uint32_t)n;
	for (size_t i = 0; i < n; i++) {
		struct weft_trace_frame f = {.port = frames[i].port,
			.size = (uint32_t)frames[i].size,
			.stored = (uint32_t)frames[i].size};

		memcpy((uint8_t *)head + at, &f, sizeof(f));
		memcpy((uint8_t *)head + at + sizeof(f), frames[i].bytes, f.size);
		at += weft_trace_frame_size(&f);
	}
	*ret_size = at;
	return head;
}

static int ask(struct trace_query *q)
{
	size_t size;
	struct weft_msg_trace *msg = trace_message(q->frames, q->n, &size);
	int r = south_query(
		q->a.rpc->south, WEFT_MSG_TRACE, msg, size, WEFT_MSG_TRACE_REPORT, on_report, q);

	free(msg);
	return r;
}

/* False: the request was answered with an error. */
static bool read_frames(struct request *rq, struct trace_query *q)
{
	struct params p = params_of(rq), then;
	char path[16];

	if (!trace_frame_read(rq, &p, "", &q->frames[0]))
		return false;
	q->n = 1;
	while (params_object(&p, "then", q->n - 1, &then)) {
		if (q->n + q->wants_answer == WEFT_TRACE_FRAMES_MAX) {
			request_fail(rq, WEFTRPC_PARAMS, "then: at most %d with answers",
				WEFT_TRACE_FRAMES_MAX - 2);
			return false;
		}
		snprintf(path, sizeof(path), "then[%zu]", q->n - 1);
		if (!trace_frame_read(rq, &then, path, &q->frames[q->n]))
			return false;
		q->n++;
	}
	return true;
}

void handle_trace_run(struct request *rq)
{
	struct trace_query *q = mem_zalloc(sizeof(*q));
	int r;

	q->wants_answer = param_bool(rq, "answers");
	if (!read_frames(rq, q) || !asking_start(rq, &q->a)) {
		query_free(q);
		return;
	}
	r = ask(q);
	if (r < 0)
		on_report(q, NULL, r, "");
}

struct probe_query {
	struct asking a;
	struct trace_frame frame;
};

static void on_probed(void *arg, const struct weft_msg_hdr *hdr, int error, const char *text)
{
	struct probe_query *q = arg;
	struct json_object *o;

	if (hdr != NULL) {
		o = json_object_new_object();
		json_add_hex(o, "frame", q->frame.bytes, q->frame.size);
		jsonrpc_result(q->a.call, o);
		asking_end(&q->a, 0);
	} else {
		asking_refused(&q->a, error, text);
	}
	trace_frame_clear(&q->frame);
	free(q);
}

void handle_trace_probe(struct request *rq)
{
	struct probe_query *q = mem_zalloc(sizeof(*q));
	struct params p = params_of(rq);
	struct weft_msg_trace *msg;
	size_t size;
	int r;

	if (!trace_frame_read(rq, &p, "", &q->frame) || !asking_start(rq, &q->a)) {
		trace_frame_clear(&q->frame);
		free(q);
		return;
	}
	msg = trace_message(&q->frame, 1, &size);
	r = south_query(rq->rpc->south, WEFT_MSG_PROBE, msg, size, WEFT_MSG_PONG, on_probed, q);
	free(msg);
	if (r < 0)
		on_probed(q, NULL, r, "");
}
