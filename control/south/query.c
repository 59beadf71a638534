/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the rest of weftd asks of the data plane: information, dumps, sessions, flushes. Each
 * question is answered exactly once, also when the connection is lost. Event loop's thread only.
 */
#include <errno.h>
#include <stdlib.h>

#include "state.h"

struct query {
	void (*info)(void *arg, const struct weft_msg_info *info);
	void (*entry)(void *arg, const union weft_entry *entry);
	void (*done)(void *arg, int error);
	void (*session)(void *arg, const struct weft_session *session);
	void (*ended)(void *arg, int error, const struct weft_msg_session_end *end);
	south_answer_fn answer;
	void *arg;
	enum weft_table table;
	enum weft_msg_type type; /* of the answer */
};

static int ask_fds(struct south *s, enum weft_msg_type type, const void *payload, size_t size,
	const int *fds, unsigned int n_fds, conn_reply_fn reply, const struct query *q)
{
	struct query *copy;
	int rc;

	if (s->state <= SOUTH_GREETING)
		return -ENOTCONN;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *q;
	rc = conn_request_fds(&s->conn, type, payload, size, fds, n_fds, reply, copy);
	if (rc < 0)
		free(copy);
	return rc;
}

static int ask(struct south *s, enum weft_msg_type type, const void *payload, size_t size,
	conn_reply_fn reply, const struct query *q)
{
	return ask_fds(s, type, payload, size, NULL, 0, reply, q);
}

/* What a message that is not the expected one means. */
static int reply_error(const struct weft_client_msg *m)
{
	if (!m)
		return -ECONNRESET;
	if (m->hdr->type == WEFT_MSG_ERROR)
		return -(int)((const struct weft_msg_error *)m->payload)->error;
	return -EBADMSG;
}

static bool on_info(void *arg, struct weft_client_msg *m)
{
	struct query *q = arg;

	q->info(q->arg, m && m->hdr->type == WEFT_MSG_INFO_REPLY ? m->payload : NULL);
	free(q);
	return true;
}

int south_info(struct south *s, void (*cb)(void *arg, const struct weft_msg_info *info), void *arg)
{
	return ask(s, WEFT_MSG_INFO, NULL, 0, on_info, &(struct query){.info = cb, .arg = arg});
}

static bool on_dump(void *arg, struct weft_client_msg *m)
{
	struct query *q = arg;
	struct weft_ops_reader reader;
	struct weft_op op;

	if (m && m->hdr->type == WEFT_MSG_DUMP_ENTRIES) {
		weft_ops_read(&reader, m->hdr);
		while (weft_ops_next(&reader, &op))
			if (op.table == q->table)
				q->entry(q->arg, op.entry);
		return false;
	}
	q->done(q->arg, m && m->hdr->type == WEFT_MSG_DUMP_END ? 0 : reply_error(m));
	free(q);
	return true;
}

int south_dump(struct south *s, enum weft_table table,
	void (*cb)(void *arg, const union weft_entry *entry), void (*done)(void *arg, int error),
	void *arg)
{
	struct weft_msg_dump dump = {.table = table, .flags = WEFT_DUMP_LEARNED};

	return ask(s, WEFT_MSG_DUMP, &dump, sizeof(dump), on_dump,
		&(struct query){.entry = cb, .done = done, .arg = arg, .table = table});
}

static bool on_flushed(void *arg, struct weft_client_msg *m)
{
	struct query *q = arg;

	q->done(q->arg, m && m->hdr->type == WEFT_MSG_PONG ? 0 : reply_error(m));
	free(q);
	return true;
}

int south_fdb_flush(
	struct south *s, uint32_t vni, uint32_t port, void (*done)(void *arg, int error), void *arg)
{
	struct weft_msg_fdb_flush flush = {.vni = vni, .port = port};

	return ask(s, WEFT_MSG_FDB_FLUSH, &flush, sizeof(flush), on_flushed,
		&(struct query){.done = done, .arg = arg});
}

static bool on_session(void *arg, struct weft_client_msg *m)
{
	struct query *q = arg;

	if (m && q->session && m->hdr->type == WEFT_MSG_SESSION_ENTRIES) {
		const struct weft_msg_sessions *head = m->payload;
		const struct weft_session *session = (const void *)(head + 1);

		for (uint32_t i = 0; i < head->n; i++)
			q->session(q->arg, &session[i]);
		return false;
	}
	if (m && m->hdr->type == WEFT_MSG_SESSION_END)
		q->ended(q->arg, 0, m->payload);
	else
		q->ended(q->arg, reply_error(m), NULL);
	free(q);
	return true;
}

int south_session_list(struct south *s, const struct weft_session_filter *filter, uint32_t cursor,
	uint32_t max, void (*cb)(void *arg, const struct weft_session *session),
	void (*done)(void *arg, int error, const struct weft_msg_session_end *end), void *arg)
{
	struct weft_msg_session_list list = {.cursor = cursor, .max = max, .filter = *filter};

	return ask(s, WEFT_MSG_SESSION_LIST, &list, sizeof(list), on_session,
		&(struct query){.session = cb, .ended = done, .arg = arg});
}

int south_session_flush(struct south *s, const struct weft_session_filter *filter,
	void (*done)(void *arg, int error, const struct weft_msg_session_end *end), void *arg)
{
	struct weft_msg_session_flush flush = {.filter = *filter};

	return ask(s, WEFT_MSG_SESSION_FLUSH, &flush, sizeof(flush), on_session,
		&(struct query){.ended = done, .arg = arg});
}

static bool on_answer(void *arg, struct weft_client_msg *m)
{
	struct query *q = arg;

	if (m && m->hdr->type == q->type)
		q->answer(q->arg, m->hdr, 0, "");
	else
		q->answer(q->arg, NULL, reply_error(m),
			m && m->hdr->type == WEFT_MSG_ERROR
				? ((const struct weft_msg_error *)m->payload)->text
				: "");
	free(q);
	return true;
}

int south_query_fds(struct south *s, enum weft_msg_type type, const void *payload, size_t size,
	const int *fds, unsigned int n_fds, enum weft_msg_type answer, south_answer_fn cb,
	void *arg)
{
	return ask_fds(s, type, payload, size, fds, n_fds, on_answer,
		&(struct query){.answer = cb, .arg = arg, .type = answer});
}

int south_query(struct south *s, enum weft_msg_type type, const void *payload, size_t size,
	enum weft_msg_type answer, south_answer_fn cb, void *arg)
{
	return south_query_fds(s, type, payload, size, NULL, 0, answer, cb, arg);
}
