/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Form of the channel's messages: sizes, op headers, terminated strings. What entries mean is
 * entry_check.c's. Called on both ends of the channel; pure; any thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <weft/codec.h>

#include "codec_trace.h"

#define OPS_OFFSET (sizeof(struct weft_msg_hdr) + sizeof(struct weft_msg_ops))

static const struct {
	const char *direction;
	uint32_t payload_size;
} msg_types[WEFT_MSG_TYPE_MAX] = {
#define TYPE(number, id, dir, payload) [number] = {dir, sizeof(struct payload)},
	WEFT_MSGS(TYPE)
#undef TYPE
};

enum weft_direction weft_msg_direction(unsigned int type)
{
	if (type >= WEFT_MSG_TYPE_MAX || !msg_types[type].direction)
		return 0;
	switch (msg_types[type].direction[2]) { /* the first letter that differs in all three */
	case 'q':
		return WEFT_DIRECTION_REQUEST;
	case 'p':
		return WEFT_DIRECTION_REPLY;
	default:
		return WEFT_DIRECTION_EVENT;
	}
}

static bool has_ops(unsigned int type)
{
	return type == WEFT_MSG_TXN_OPS || type == WEFT_MSG_DUMP_ENTRIES;
}

/* More follows the payload that its type names. */
static bool has_tail(unsigned int type)
{
	switch (type) {
	case WEFT_MSG_SESSION_ENTRIES:
	case WEFT_MSG_DROP_RECORDS:
	case WEFT_MSG_TRACE:
	case WEFT_MSG_PROBE:
	case WEFT_MSG_TRACE_REPORT:
	case WEFT_MSG_EVENT_TRACE:
		return true;
	}
	return has_ops(type);
}

static bool terminated(const char *s, size_t size)
{
	return memchr(s, '\0', size) != NULL;
}

static bool entry_strings_end(const struct weft_op_hdr *op, const union weft_entry *e)
{
	switch (op->table) {
	case WEFT_TABLE_SEGMENT:
		return terminated(e->segment.name, sizeof(e->segment.name));
	case WEFT_TABLE_PORT:
		return terminated(e->port.name, sizeof(e->port.name)) &&
		       terminated(e->port.device, sizeof(e->port.device)) &&
		       terminated(e->port.hostname, sizeof(e->port.hostname));
	case WEFT_TABLE_TENANT:
		return terminated(e->tenant.name, sizeof(e->tenant.name));
	case WEFT_TABLE_NETWORK:
		return terminated(e->network.name, sizeof(e->network.name));
	case WEFT_TABLE_ROUTER:
		return terminated(e->router.name, sizeof(e->router.name));
	case WEFT_TABLE_SUBNET:
		return terminated(e->subnet.domain, sizeof(e->subnet.domain));
	case WEFT_TABLE_SET:
		return terminated(e->set.name, sizeof(e->set.name));
	case WEFT_TABLE_RULESET:
		return terminated(e->ruleset.name, sizeof(e->ruleset.name));
	case WEFT_TABLE_DNS:
		return terminated(e->dns.name, sizeof(e->dns.name));
	}
	return true;
}

static int check_ops(const void *msg, size_t size, char *text)
{
	const struct weft_msg_ops *ops = weft_msg_payload(msg);
	const uint8_t *p = (const uint8_t *)msg + OPS_OFFSET, *end = (const uint8_t *)msg + size;
	uint32_t n_fds = 0;

	for (uint32_t i = 0; i < ops->n_ops; i++) {
		const struct weft_op_hdr *op = (const void *)p;
		const char *wrong = NULL;
		uint32_t entry_size;

		if ((size_t)(end - p) < sizeof(*op))
			wrong = "is missing";
		else if (!(entry_size = weft_entry_size(op->table)))
			wrong = "has an unknown table";
		else if (op->verb != WEFT_OP_PUT && op->verb != WEFT_OP_DELETE)
			wrong = "has an unknown verb";
		else if (op->has_fd > 1 || op->pad)
			wrong = "has a broken header";
		else if ((size_t)(end - p) < sizeof(*op) + entry_size)
			wrong = "is cut short";
		else if (!entry_strings_end(op, (const void *)(op + 1)))
			wrong = "has a string without an end";
		else if ((n_fds += op->has_fd) > WEFT_MSG_FDS_MAX)
			wrong = "has one descriptor too many";
		if (wrong) {
			snprintf(text, WEFT_TEXT_SIZE, "op %u of %u in the message %s", i,
				ops->n_ops, wrong);
			return -EBADMSG;
		}
		p += sizeof(*op) + entry_size;
	}
	if (p != end) {
		snprintf(text, WEFT_TEXT_SIZE, "%zu bytes behind the last op", (size_t)(end - p));
		return -EBADMSG;
	}
	return 0;
}

/* n items of that size follow the payload of the message's type. */
static int check_items(const void *msg, size_t size, uint32_t n, size_t item, char *text)
{
	unsigned int type = weft_msg_hdr(msg)->type;
	size_t room = size - sizeof(struct weft_msg_hdr) - msg_types[type].payload_size;

	if (room / item == n && room % item == 0)
		return 0;
	snprintf(text, WEFT_TEXT_SIZE, "%s: %u in %zu bytes", weft_msg_name(type), n, room);
	return -EBADMSG;
}

static int check_sessions(const void *msg, size_t size, char *text)
{
	const struct weft_msg_sessions *head = weft_msg_payload(msg);
	const struct weft_session *s = (const void *)(head + 1);
	int r = check_items(msg, size, head->n, sizeof(*s), text);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < head->n; i++) {
		if (!terminated(s[i].state, sizeof(s[i].state))) {
			snprintf(text, WEFT_TEXT_SIZE, "session %u has a state without an end", i);
			return -EBADMSG;
		}
	}
	return 0;
}

static int check_drops(const void *msg, size_t size, char *text)
{
	const struct weft_msg_drop_records *head = weft_msg_payload(msg);
	const struct weft_drop_record *r = (const void *)(head + 1);
	int rc = check_items(msg, size, head->n, sizeof(*r), text);

	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < head->n; i++) {
		if (r[i].frame_size > sizeof(r[i].frame)) {
			snprintf(text, WEFT_TEXT_SIZE, "record %u is too long", i);
			return -EBADMSG;
		}
	}
	return 0;
}

static int check_event_trace(const void *msg, size_t size, char *text)
{
	const struct weft_event_trace *e = weft_msg_payload(msg);

	return check_items(msg, size, e->n, sizeof(struct weft_trace_record), text);
}

/* What follows the payload of a type that has a tail. */
static int check_tail(const void *msg, size_t size, char *text)
{
	const struct weft_msg_hdr *hdr = weft_msg_hdr(msg);
	size_t room = hdr->size - msg_types[hdr->type].payload_size;

	switch (hdr->type) {
	case WEFT_MSG_SESSION_ENTRIES:
		return check_sessions(msg, size, text);
	case WEFT_MSG_DROP_RECORDS:
		return check_drops(msg, size, text);
	case WEFT_MSG_TRACE:
	case WEFT_MSG_PROBE:
		return codec_check_trace(weft_msg_payload(msg), room, text);
	case WEFT_MSG_TRACE_REPORT:
		return codec_check_report(weft_msg_payload(msg), room, text);
	case WEFT_MSG_EVENT_TRACE:
		return check_event_trace(msg, size, text);
	}
	return check_ops(msg, size, text);
}

static bool filter_ends(const struct weft_session_filter *f)
{
	return terminated(f->state, sizeof(f->state));
}

/* Strings in payloads of fixed size. */
static bool payload_strings_end(unsigned int type, const void *payload)
{
	switch (type) {
	case WEFT_MSG_HELLO:
		return terminated(((const struct weft_msg_hello *)payload)->client,
			sizeof(((struct weft_msg_hello *)0)->client));
	case WEFT_MSG_HELLO_ACK:
		return terminated(((const struct weft_msg_hello_ack *)payload)->release,
			sizeof(((struct weft_msg_hello_ack *)0)->release));
	case WEFT_MSG_ERROR:
		return terminated(((const struct weft_msg_error *)payload)->text,
			sizeof(((struct weft_msg_error *)0)->text));
	case WEFT_MSG_TXN_RESULT:
		return terminated(((const struct weft_msg_txn_result *)payload)->text,
			sizeof(((struct weft_msg_txn_result *)0)->text));
	case WEFT_MSG_EVENT_PORT:
		return terminated(((const struct weft_event_port *)payload)->text,
			sizeof(((struct weft_event_port *)0)->text));
	case WEFT_MSG_SESSION_LIST:
		return filter_ends(&((const struct weft_msg_session_list *)payload)->filter);
	case WEFT_MSG_SESSION_FLUSH:
		return filter_ends(&((const struct weft_msg_session_flush *)payload)->filter);
	}
	return true;
}

int weft_msg_check(const void *msg, size_t size, char text[WEFT_TEXT_SIZE])
{
	const struct weft_msg_hdr *hdr = msg;
	const char *name;
	uint32_t want;

	if (size < sizeof(*hdr) || size > WEFT_MSG_SIZE_MAX) {
		snprintf(text, WEFT_TEXT_SIZE, "message of %zu bytes", size);
		return -EBADMSG;
	}
	if (hdr->size != size - sizeof(*hdr)) {
		snprintf(text, WEFT_TEXT_SIZE, "header says %u bytes of payload, %zu came",
			hdr->size, size - sizeof(*hdr));
		return -EBADMSG;
	}
	name = weft_msg_name(hdr->type);
	if (!name || hdr->pad || hdr->pad2) {
		snprintf(text, WEFT_TEXT_SIZE, "unknown message type %u", hdr->type);
		return -EBADMSG;
	}
	want = msg_types[hdr->type].payload_size;
	if (has_tail(hdr->type) ? hdr->size < want : hdr->size != want) {
		snprintf(text, WEFT_TEXT_SIZE, "%s with %u bytes of payload instead of %u", name,
			hdr->size, want);
		return -EBADMSG;
	}
	if (has_tail(hdr->type))
		return check_tail(msg, size, text);
	if (!payload_strings_end(hdr->type, weft_msg_payload(msg))) {
		snprintf(text, WEFT_TEXT_SIZE, "%s has a string without an end", name);
		return -EBADMSG;
	}
	return 0;
}

size_t weft_msg_build(
	void *buf, enum weft_msg_type type, uint32_t seq, const void *payload, size_t payload_size)
{
	struct weft_msg_hdr hdr = {.type = type, .seq = seq, .size = payload_size};

	memcpy(buf, &hdr, sizeof(hdr));
	if (payload_size > 0)
		memcpy((uint8_t *)buf + sizeof(hdr), payload, payload_size);
	return sizeof(hdr) + payload_size;
}

void weft_ops_read(struct weft_ops_reader *r, const void *msg)
{
	const struct weft_msg_ops *ops = weft_msg_payload(msg);

	r->next = (const uint8_t *)msg + OPS_OFFSET;
	r->left = ops->n_ops;
}

bool weft_ops_next(struct weft_ops_reader *r, struct weft_op *ret)
{
	const struct weft_op_hdr *op = (const void *)r->next;

	if (r->left == 0)
		return false;
	r->left--;
	ret->table = op->table;
	ret->verb = op->verb;
	ret->has_fd = op->has_fd;
	ret->entry = (const void *)(op + 1);
	r->next += sizeof(*op) + weft_entry_size(op->table);
	return true;
}

void weft_ops_start(struct weft_ops_writer *w, void *buf, size_t capacity)
{
	*w = (struct weft_ops_writer){.buf = buf, .capacity = capacity, .used = OPS_OFFSET};
}

bool weft_ops_add(struct weft_ops_writer *w, enum weft_table table, enum weft_op_verb verb,
	const void *entry, bool has_fd)
{
	struct weft_op_hdr op = {.table = table, .verb = verb, .has_fd = has_fd};
	uint32_t size = weft_entry_size(table);

	if (w->used + sizeof(op) + size > w->capacity || w->n_fds + has_fd > WEFT_MSG_FDS_MAX)
		return false;
	memcpy(w->buf + w->used, &op, sizeof(op));
	memcpy(w->buf + w->used + sizeof(op), entry, size);
	w->used += sizeof(op) + size;
	w->n_fds += has_fd;
	w->n_ops++;
	return true;
}

size_t weft_ops_finish(struct weft_ops_writer *w, enum weft_msg_type type, uint32_t seq)
{
	struct weft_msg_hdr hdr = {
		.type = type, .seq = seq, .size = w->used - sizeof(struct weft_msg_hdr)};
	struct weft_msg_ops ops = {.n_ops = w->n_ops};

	memcpy(w->buf, &hdr, sizeof(hdr));
	memcpy(w->buf + sizeof(hdr), &ops, sizeof(ops));
	return w->used;
}
