/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Traces (trace.h): frames become mbufs as a port's would be, the pipeline runs them dry, and what
 * it tells becomes a message. Whether a frame makes sense is for the parser to say, as always. Main
 * thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <core/mem.h>
#include <core/rcu.h>
#include <pipeline/pipeline.h>
#include <pipeline/probe.h>
#include <port/port.h>

#include "state.h"
#include "trace.h"

static struct pipeline *trace_pipeline; /* made when first asked for */
static struct pipeline_report trace_report;

void trace_fini(void)
{
	pipeline_free(trace_pipeline);
	trace_pipeline = NULL;
}

static const struct config_port *trace_port(uint32_t id)
{
	uint16_t slot = slot_find(channel.port_ids, &id, channel.config->generation);

	return slot ? channel.config->ports[slot] : NULL;
}

/* NULL: no memory. */
static struct rte_mbuf *trace_mbuf(const struct weft_trace_frame *f)
{
	const uint8_t *bytes = (const uint8_t *)(f + 1);
	struct rte_mbuf *head = NULL;
	uint32_t done = 0, n;

	while (done < f->size) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(mem_pools.packet);

		if (!m || (head && rte_pktmbuf_chain(head, m))) {
			rte_pktmbuf_free(m);
			rte_pktmbuf_free(head);
			return NULL;
		}
		n = RTE_MIN(f->size - done, (uint32_t)rte_pktmbuf_tailroom(m));
		if (!head)
			head = m;
		memcpy(rte_pktmbuf_append(head, n), bytes + done, n);
		done += n;
	}
	return head;
}

static const struct weft_trace_frame *trace_next(const struct weft_trace_frame *f)
{
	return (const void *)((const uint8_t *)f + weft_trace_frame_size(f));
}

static int trace_frames(
	const struct weft_msg_trace *request, struct rte_mbuf **ret, char text[WEFT_TEXT_SIZE])
{
	const struct weft_trace_frame *f = (const void *)(request + 1);
	int rc = 0;

	for (uint32_t i = 0; i < request->n_frames; i++, f = trace_next(f)) {
		ret[i] = NULL;
		if (rc)
			continue;
		if (!trace_port(f->port)) {
			snprintf(text, WEFT_TEXT_SIZE, "there is no port %u", f->port);
			rc = -ENOENT;
			continue;
		}
		ret[i] = trace_mbuf(f);
		if (!ret[i]) {
			snprintf(text, WEFT_TEXT_SIZE, "out of packet buffers");
			rc = -ENOMEM;
		}
	}
	if (rc)
		rte_pktmbuf_free_bulk(ret, request->n_frames);
	return rc;
}

/* Appends a frame that would leave, without its bytes when there is no room for them. */
static size_t trace_put_frame(uint8_t *p, size_t room, unsigned int i)
{
	const struct rte_mbuf *m = trace_report.frames[i].m;
	const struct config_port *port = channel.config->ports[trace_report.frames[i].port];
	struct weft_trace_frame f = {.port = port->spec.id,
		.packet = trace_report.frames[i].packet,
		.size = m->pkt_len,
		.stored = m->pkt_len};
	size_t size = weft_trace_frame_size(&f);
	const void *bytes;

	if (size > room) {
		f.stored = 0;
		memcpy(p, &f, sizeof(f));
		return sizeof(f);
	}
	memset(p + size - 8, 0, 8);
	memcpy(p, &f, sizeof(f));
	bytes = rte_pktmbuf_read(m, 0, m->pkt_len, p + sizeof(f));
	if (bytes != p + sizeof(f))
		memcpy(p + sizeof(f), bytes, m->pkt_len);
	return size;
}

static size_t trace_write(void *buf)
{
	const struct pipeline_report *r = &trace_report;
	struct weft_msg_trace_report head = {.generation = channel.config->generation,
		.n_steps = r->n_steps,
		.n_more_steps = r->n_more_steps,
		.n_frames = r->n_frames,
		.n_more_frames = r->n_more_frames,
		.n_waiting = r->n_waiting};
	size_t steps = r->n_steps * sizeof(r->steps[0]), size = sizeof(head) + steps;

	static_assert(sizeof(head) + sizeof(r->steps) +
				      PIPELINE_REPORT_FRAMES * sizeof(struct weft_trace_frame) <
			      TRACE_REPORT_MAX,
		"the heads of all frames fit");
	memcpy(buf, &head, sizeof(head));
	memcpy((uint8_t *)buf + sizeof(head), r->steps, steps);
	for (unsigned int i = 0; i < r->n_frames; i++) {
		size_t heads = (r->n_frames - 1 - i) * sizeof(struct weft_trace_frame);

		size += trace_put_frame((uint8_t *)buf + size, TRACE_REPORT_MAX - size - heads, i);
	}
	return size;
}

int trace_run(const struct weft_msg_trace *request, void *buf, char text[WEFT_TEXT_SIZE])
{
	const struct weft_trace_frame *f = (const void *)(request + 1);
	struct rte_mbuf *frames[WEFT_TRACE_FRAMES_MAX];
	size_t size;
	int rc;

	if (!trace_pipeline)
		trace_pipeline = pipeline_new_dry();
	if (!trace_pipeline) {
		snprintf(text, WEFT_TEXT_SIZE, "out of memory");
		return -ENOMEM;
	}
	rc = trace_frames(request, frames, text);
	if (rc)
		return rc;
	rcu_main_enter();
	pipeline_dry_start(trace_pipeline, &trace_report);
	for (uint32_t i = 0; i < request->n_frames; i++, f = trace_next(f))
		pipeline_dry_run(trace_pipeline, channel.config, trace_port(f->port), frames[i]);
	rcu_main_leave();
	size = trace_write(buf);
	pipeline_report_clear(&trace_report);
	return size;
}

static int trace_refuse(char text[WEFT_TEXT_SIZE], int error, const char *why)
{
	snprintf(text, WEFT_TEXT_SIZE, "%s", why);
	return -error;
}

int trace_probe(const struct weft_msg_trace *request, char text[WEFT_TEXT_SIZE])
{
	const struct weft_trace_frame *f = (const void *)(request + 1);
	const struct config_port *port;
	struct rte_mbuf *m;
	uint8_t owner;
	int rc;

	if (request->n_frames != 1)
		return trace_refuse(text, EINVAL, "a probe is one frame");
	rc = trace_frames(request, &m, text);
	if (rc)
		return rc;
	port = trace_port(f->port);
	owner = channel.rxq_owner[port->slot][0];
	if (!port_is_up(port->dev) || owner == 0)
		rc = trace_refuse(text, ENETDOWN, "the port is down");
	else if (probe_post(owner - 1, f->port, port->slot, m))
		rc = trace_refuse(text, EBUSY, "a probe still waits; try again");
	if (rc)
		rte_pktmbuf_free(m);
	return rc;
}
