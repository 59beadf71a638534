/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The answer of trace.run: what became of each packet, its steps, and the frames that would leave.
 * On weftd's event loop.
 */
#include <string.h>

#include <explain/tunnel.h>

#include "sentence.h"
#include "trace.h"

/* What became of one packet and its copies. */
struct fate {
	unsigned int n_ports, n_vteps, n_drops;
	bool answered, waits;
	uint32_t port;			       /* the first that it leaves by */
	const struct weft_trace_record *drop;  /* the first */
	const struct weft_trace_record *encap; /* the first */
};

static const struct weft_trace_record *steps_of(const struct weft_msg_trace_report *report)
{
	return (const void *)(report + 1);
}

static const struct weft_trace_frame *frames_of(const struct weft_msg_trace_report *report)
{
	return (const void *)(steps_of(report) + report->n_steps);
}

static const struct weft_trace_frame *next_frame(const struct weft_trace_frame *f)
{
	return (const void *)((const uint8_t *)f + weft_trace_frame_size(f));
}

const struct weft_trace_frame *trace_report_delivered(const struct weft_msg_trace_report *report)
{
	const struct weft_trace_frame *f = frames_of(report);

	for (uint32_t i = 0; i < report->n_frames; i++, f = next_frame(f))
		if (f->packet == 0 && f->stored != 0 && f->port < COMPILE_UPLINK_ID)
			return f;
	return NULL;
}

/* An answer made here leaves by the port that the packet came from, which the packet cannot. */
static void note_step(
	struct fate *f, const struct trace_frame *in, const struct weft_trace_record *d)
{
	bool back = f->answered && d->port == in->port;

	switch (d->step) {
	case WEFT_TRACE_ANSWER:
	case WEFT_TRACE_SERVICE:
	case WEFT_TRACE_GATEWAY:
		f->answered = true;
		break;
	case WEFT_TRACE_WAIT:
		f->waits = true;
		break;
	case WEFT_TRACE_OUTPUT:
		if (!back && d->port == COMPILE_UPLINK_ID)
			f->n_vteps++;
		else if (!back && f->n_ports++ == 0)
			f->port = d->port;
		break;
	case WEFT_TRACE_ENCAPSULATE:
		if (f->encap == NULL)
			f->encap = d;
		break;
	case WEFT_TRACE_DROP:
		if (f->n_drops++ == 0)
			f->drop = d;
		break;
	default:
		break;
	}
}

static struct fate fate_of(
	const struct weft_msg_trace_report *report, const struct trace_frame *in, uint32_t packet)
{
	const struct weft_trace_record *d = steps_of(report);
	struct fate f = {0};

	for (uint32_t i = 0; i < report->n_steps; i++)
		if (d[i].packet == packet)
			note_step(&f, in, &d[i]);
	return f;
}

static const char *verdict(const struct fate *f)
{
	if (f->n_ports > 0)
		return "delivered";
	if (f->n_vteps > 0)
		return "sent";
	if (f->n_drops > 0)
		return "dropped";
	if (f->answered)
		return "answered";
	return f->waits ? "waits" : "ended";
}

static void add_ports(struct sentence *s, const struct rpc *r, const struct fate *f)
{
	const char *name = local_port_name(r, f->port);

	if (f->n_ports == 1 && name != NULL)
		sentence_add(s, "delivered to port %s", name);
	else if (f->n_ports > 0)
		sentence_add(s, "delivered to %u ports", f->n_ports);
}

static void add_vteps(struct sentence *s, const struct rpc *r, const struct fate *f)
{
	char text[WEFT_ADDR_STR_SIZE];
	const struct host *h;

	if (f->n_vteps == 0)
		return;
	sentence_add(s, "%ssent", f->n_ports > 0 ? " and " : "");
	if (f->n_vteps > 1 || f->encap == NULL) {
		sentence_add(s, " through the tunnel, %u frames", f->n_vteps);
		return;
	}
	h = model_host_by_vtep(engine_model(r->engine), &f->encap->dst);
	sentence_add(s, " to VTEP %s", weft_addr_format(&f->encap->dst, text));
	if (h != NULL)
		sentence_add(s, " (host %s)", h->o.name);
}

static void add_drop(struct sentence *s, const struct rpc *r, const struct fate *f)
{
	const char *help = weft_drop_help(f->drop->reason);
	struct json_object *o;

	sentence_add(s, "dropped");
	if (f->drop->port != 0) {
		o = json_object_new_object();
		json_add_rule(r, o, "rule", f->drop->port, f->drop->ruleset, f->drop->rule);
		sentence_add(
			s, " by %s", json_object_get_string(json_object_object_get(o, "rule")));
		json_object_put(o);
	}
	sentence_add(s, ": %s", help == NULL ? "unknown" : help);
}

static void add_summary(struct json_object *o, const struct rpc *r, const struct fate *f)
{
	struct sentence s = {.n = 0};

	add_ports(&s, r, f);
	add_vteps(&s, r, f);
	if (s.n > 0 && f->n_drops > 0)
		sentence_add(
			&s, "; %u %s dropped", f->n_drops, f->n_drops == 1 ? "copy" : "copies");
	else if (f->n_drops > 0)
		add_drop(&s, r, f);
	else if (s.n == 0 && f->answered)
		sentence_add(&s, "answered by this host");
	else if (s.n == 0 && f->waits)
		sentence_add(&s, "waits for the first fragment of its packet");
	else if (s.n == 0)
		sentence_add(&s, "ends here, and nothing leaves");
	json_object_object_add(o, "summary", json_object_new_string(s.text));
}

static void add_verdict(struct json_object *o, const struct rpc *r, const struct fate *f)
{
	const char *reason, *help;

	json_object_object_add(o, "verdict", json_object_new_string(verdict(f)));
	if (f->drop != NULL && f->n_ports + f->n_vteps == 0) {
		reason = weft_drop_name(f->drop->reason);
		help = weft_drop_help(f->drop->reason);
		json_object_object_add(
			o, "reason", json_object_new_string(reason == NULL ? "unknown" : reason));
		json_object_object_add(o, "help", json_object_new_string(help == NULL ? "" : help));
	}
	add_summary(o, r, f);
}

static struct json_object *packet_json(
	const struct rpc *r, const struct trace_frame *in, const struct fate *f, uint32_t number)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "packet", json_object_new_int64(number));
	json_object_object_add(o, "answer", json_object_new_boolean(in->is_answer));
	json_add_port(r, o, "port", in->port);
	if (in->from_tunnel) {
		json_add_addr(o, "from_vtep", &in->from_vtep);
		json_object_object_add(o, "vni", json_object_new_int64(in->vni));
	}
	json_add_hex(o, "frame", in->bytes, in->size);
	add_verdict(o, r, f);
	return o;
}

static struct json_object *frame_json(const struct rpc *r, const struct weft_trace_frame *f)
{
	struct json_object *o = json_object_new_object();
	const uint8_t *bytes = (const uint8_t *)(f + 1);
	struct tunnel t;
	size_t inner;

	json_object_object_add(o, "packet", json_object_new_int64(f->packet));
	json_add_port(r, o, "port", f->port);
	json_object_object_add(o, "size", json_object_new_int64(f->size));
	if (f->stored == 0)
		return o;
	json_add_hex(o, "frame", bytes, f->stored);
	inner = f->port == COMPILE_UPLINK_ID ? tunnel_unwrap(bytes, f->stored, &t) : 0;
	if (inner == 0)
		return o;
	json_add_addr(o, "to_vtep", &t.destination);
	json_object_object_add(o, "vni", json_object_new_int64(t.vni));
	json_add_hex(o, "inner", bytes + inner, f->stored - inner);
	return o;
}

static void add_count(struct json_object *o, const char *key, uint32_t n)
{
	if (n != 0)
		json_object_object_add(o, key, json_object_new_int64(n));
}

static void add_steps(
	struct json_object *o, const struct rpc *r, const struct weft_msg_trace_report *report)
{
	struct json_object *steps = json_object_new_array(), *frames = json_object_new_array();
	const struct weft_trace_frame *f = frames_of(report);

	for (uint32_t i = 0; i < report->n_steps; i++)
		json_object_array_add(steps, trace_step_json(r, &steps_of(report)[i]));
	for (uint32_t i = 0; i < report->n_frames; i++, f = next_frame(f))
		json_object_array_add(frames, frame_json(r, f));
	json_object_object_add(o, "steps", steps);
	json_object_object_add(o, "frames", frames);
	add_count(o, "more_steps", report->n_more_steps);
	add_count(o, "more_frames", report->n_more_frames);
	add_count(o, "waiting", report->n_waiting);
}

struct json_object *trace_report_json(const struct rpc *r, const struct trace_frame *frames,
	size_t n, const struct weft_msg_trace_report *report, const char *no_answer)
{
	struct json_object *o = json_object_new_object(), *packets = json_object_new_array();

	for (uint32_t i = 0; i < n; i++) {
		struct fate f = fate_of(report, &frames[i], i);

		if (i == 0)
			add_verdict(o, r, &f);
		json_object_array_add(packets, packet_json(r, &frames[i], &f, i));
	}
	json_object_object_add(o, "generation", json_object_new_uint64(report->generation));
	json_add_hex(o, "frame", frames[0].bytes, frames[0].size);
	json_object_object_add(o, "packets", packets);
	add_steps(o, r, report);
	if (no_answer != NULL)
		json_object_object_add(o, "no_answer", json_object_new_string(no_answer));
	return o;
}
