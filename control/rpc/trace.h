/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of trace.* share: frames that run, and what becomes of them as JSON. Private to
 * this folder. On weftd's event loop.
 */
#ifndef RPC_TRACE_H
#define RPC_TRACE_H

#include "server.h"

/* A frame that is to run, or ran. */
struct trace_frame {
	uint32_t port;	  /* id of the port that it enters by */
	bool from_tunnel; /* wrapped for it; then: */
	struct weft_addr from_vtep;
	uint32_t vni;
	bool is_answer; /* to the first one, made here */
	size_t size;
	uint8_t *bytes; /* owned */
};

/* trace_frame.c: from parameters; path names them in errors, "" for those of the request itself.
 * False: the request was answered with an error. */
bool trace_frame_read(
	struct request *rq, const struct params *p, const char *path, struct trace_frame *ret);
void trace_frame_clear(struct trace_frame *f);

/* trace_step.c: number, name, a clause for people, and what the step is about, with names. */
struct json_object *trace_step_json(const struct rpc *r, const struct weft_trace_record *d);

/* trace.c: the message with those frames, as a new block; *ret_size: its size. */
struct weft_msg_trace *trace_message(const struct trace_frame *frames, size_t n, size_t *ret_size);

/* trace_report.c: the answer of trace.run. no_answer: why the first one has none, or NULL. */
struct json_object *trace_report_json(const struct rpc *r, const struct trace_frame *frames,
	size_t n, const struct weft_msg_trace_report *report, const char *no_answer);
/* The first frame that left for a port of this host, or NULL. */
const struct weft_trace_frame *trace_report_delivered(const struct weft_msg_trace_report *report);

#endif
