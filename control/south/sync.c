/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way to equality over an intact connection: dump, compare, commit the difference, then one
 * transaction for each generation. A refusal ends in a timer that compares again. Connecting is in
 * peer.c. Event loop's thread only.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ccore/log.h>

#include "state.h"

#define REFUSED_FIRST_MS 100
#define REFUSED_LAST_MS	 30000
/* Ops added in one step of the stream. */
#define STREAM_OPS 512

static void send_next(struct south *s);

void sync_init(struct south *s)
{
	s->refused_ms = REFUSED_FIRST_MS;
	TAILQ_INIT(&s->queue);
}

void batch_free(struct south_batch *b)
{
	if (!b)
		return;
	ops_clear(&b->ops);
	free(b);
}

void sync_drop_queue(struct south *s)
{
	struct south_batch *b;

	while ((b = TAILQ_FIRST(&s->queue))) {
		TAILQ_REMOVE(&s->queue, b, link);
		batch_free(b);
	}
	s->queue_size = 0;
	s->stale = false;
}

void sync_drop_work(struct south *s)
{
	batch_free(s->sending);
	s->sending = NULL;
	compare_free(s->compare);
	s->compare = NULL;
	sync_drop_queue(s);
}

/* The data plane refused: what it has stays, the comparison is tried again. */
static void go_refused(struct south *s, const char *why)
{
	sync_drop_work(s);
	s->state = SOUTH_REFUSED;
	snprintf(s->error, sizeof(s->error), "%s", why);
	log_error("%s; comparing again in %u ms", why, s->refused_ms);
	peer_set_timer(s, s->refused_ms);
	s->refused_ms = s->refused_ms * 2 < REFUSED_LAST_MS ? s->refused_ms * 2 : REFUSED_LAST_MS;
}

static void go_steady(struct south *s)
{
	s->state = SOUTH_STEADY;
	s->error[0] = '\0';
	s->refused_ms = REFUSED_FIRST_MS;
}

static bool on_commit(void *arg, struct weft_client_msg *m)
{
	const struct weft_msg_txn_result *result;
	struct south *s = arg;
	struct weft_op op;
	char what[100] = "a transaction", why[256];
	size_t offset = 0;

	if (!m)
		return true;
	if (m->hdr->type != WEFT_MSG_TXN_RESULT) {
		const struct weft_msg_error *e = m->payload;

		snprintf(why, sizeof(why), "the data plane refused a transaction: %.200s",
			m->hdr->type == WEFT_MSG_ERROR ? e->text : "it answered nonsense");
		/* An op was refused before, which says more. */
		go_refused(s, s->refusal[0] ? s->refusal : why);
		return true;
	}
	result = m->payload;
	if (result->error == 0) {
		s->generation = result->generation;
		s->revision = s->sending->revision;
		for (unsigned int i = 0; i < s->sending->with_fd.n; i++)
			idset_remove(&s->resend, s->sending->with_fd.ids[i]);
		batch_free(s->sending);
		s->sending = NULL;
		send_next(s);
		return true;
	}
	for (uint32_t i = 0; (offset = ops_read(&s->sending->ops, offset, &op)) != 0; i++)
		if (i == result->op) {
			weft_entry_describe(op.table, op.entry, what, sizeof(what));
			break;
		}
	snprintf(why, sizeof(why), "the data plane refused %s: %.140s (%s)", what, result->text,
		strerror(result->error));
	go_refused(s, why);
	return true;
}

static void send_batch(struct south *s, struct south_batch *b)
{
	s->state = SOUTH_COMMITTING;
	s->sending = b;
	s->sent_offset = 0;
	s->sent_all = false;
	s->refusal[0] = '\0';
	if (conn_request(&s->conn, WEFT_MSG_TXN_BEGIN, NULL, 0, NULL, NULL) < 0)
		conn_fail(&s->conn, "out of memory");
}

static void send_next(struct south *s)
{
	struct south_batch *b;

	if (s->stale) {
		sync_start_dump(s);
		return;
	}
	b = TAILQ_FIRST(&s->queue);
	if (!b) {
		go_steady(s);
		return;
	}
	TAILQ_REMOVE(&s->queue, b, link);
	s->queue_size -= b->ops.size;
	send_batch(s, b);
}

void sync_kick(struct south *s)
{
	if (s->state == SOUTH_STEADY)
		send_next(s);
}

void sync_hurry(struct south *s)
{
	unsigned int ms = REFUSED_FIRST_MS;

	if (s->state != SOUTH_REFUSED)
		return;
	/* A comparison of large tables takes long: no more than a fifth of the time for them. */
	if (ms < s->compare_ms * 4)
		ms = s->compare_ms * 4;
	if (ms < s->refused_ms) {
		s->refused_ms = ms;
		peer_set_timer(s, ms);
	}
}

static bool takes_descriptor(const struct weft_port *port)
{
	return port->kind == WEFT_PORT_AF_XDP || port->role == WEFT_ROLE_SERVICE;
}

/* The descriptor to send with that op, or -1. */
static int descriptor_of(struct south *s, const struct weft_op *op)
{
	const struct weft_port *port = &op->entry->port;

	if (op->table != WEFT_TABLE_PORT || op->verb != WEFT_OP_PUT || !takes_descriptor(port) ||
		!s->port_fd)
		return -1;
	if (idset_has(&s->given, port->id) && !idset_has(&s->resend, port->id))
		return -1;
	return s->port_fd(s->fd_arg, port);
}

static void note_sent(struct south *s, const struct weft_op *op, int fd)
{
	uint32_t id = op->entry->port.id;

	if (op->table != WEFT_TABLE_PORT)
		return;
	if (op->verb == WEFT_OP_DELETE)
		idset_remove(&s->given, id);
	else if (takes_descriptor(&op->entry->port))
		idset_add(&s->given, id);
	if (fd >= 0)
		idset_add(&s->sending->with_fd, id);
}

int sync_stream(struct south *s, struct weft_client *client)
{
	struct weft_op op;
	int rc;

	if (!s->sending || s->sent_all)
		return 0;
	for (unsigned int i = 0; i < STREAM_OPS; i++) {
		size_t next = ops_read(&s->sending->ops, s->sent_offset, &op);
		int fd;

		if (next == 0) {
			s->sent_all = true;
			return conn_request(&s->conn, WEFT_MSG_TXN_COMMIT, NULL, 0, on_commit, s);
		}
		fd = descriptor_of(s, &op);
		rc = weft_client_op(client, op.table, op.verb, op.entry, fd);
		if (rc < 0)
			return rc;
		note_sent(s, &op, fd);
		s->sent_offset = next;
	}
	return 1;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

struct want {
	struct south *south;
	struct ops *out;
};

static void want_entry(
	void *arg, enum weft_table table, enum weft_op_verb verb, const union weft_entry *entry)
{
	struct want *w = arg;

	uint32_t n = w->out->n;

	compare_want(w->south->compare, table, entry, w->out);
	if (table == WEFT_TABLE_PORT && w->out->n == n &&
		idset_has(&w->south->resend, entry->port.id))
		ops_add(w->out, table, WEFT_OP_PUT, entry);
}

static void compare_and_send(struct south *s)
{
	struct south_batch *b = calloc(1, sizeof(*b));
	uint64_t start = now_ms();
	struct want w;

	if (!b) {
		go_refused(s, "out of memory while comparing with the data plane");
		return;
	}
	w = (struct want){s, &b->ops};
	compile_full(engine_compiler(s->engine), want_entry, &w);
	compare_finish(s->compare, &b->ops);
	compare_free(s->compare);
	s->compare = NULL;
	s->compare_ms = now_ms() - start;
	b->revision = model_revision(engine_model(s->engine));
	s->last_resync_ops = b->ops.n;
	log_info("compared with the data plane in %u ms: %u ops to send", s->compare_ms, b->ops.n);
	if (b->ops.broken) {
		batch_free(b);
		go_refused(s, "out of memory while comparing with the data plane");
	} else if (b->ops.n == 0) {
		s->revision = b->revision;
		batch_free(b);
		send_next(s);
	} else {
		send_batch(s, b);
	}
}

static int take_dumped(struct south *s, const struct weft_op *op)
{
	if (op->table == WEFT_TABLE_PORT && takes_descriptor(&op->entry->port))
		idset_add(&s->given, op->entry->port.id);
	return compare_add(s->compare, op->table, op->entry);
}

static bool on_dump(void *arg, struct weft_client_msg *m)
{
	struct south *s = arg;
	struct weft_ops_reader reader;
	struct weft_op op;

	if (!m)
		return true;
	if (m->hdr->type == WEFT_MSG_DUMP_ENTRIES) {
		weft_ops_read(&reader, m->hdr);
		while (weft_ops_next(&reader, &op))
			if (take_dumped(s, &op) < 0) {
				conn_fail(&s->conn, "out of memory while reading its tables");
				return true;
			}
		return false;
	}
	if (m->hdr->type == WEFT_MSG_DUMP_END) {
		s->generation = ((const struct weft_msg_dump_end *)m->payload)->generation;
		compare_and_send(s);
		return true;
	}
	conn_fail(&s->conn, "it refused to show its tables");
	return true;
}

void sync_start_dump(struct south *s)
{
	struct weft_msg_dump dump = {.table = 0};

	sync_drop_work(s);
	s->state = SOUTH_DUMPING;
	s->n_resyncs++;
	s->given.n = 0;
	s->compare = compare_new();
	if (!s->compare ||
		conn_request(&s->conn, WEFT_MSG_DUMP, &dump, sizeof(dump), on_dump, s) < 0)
		conn_fail(&s->conn, "out of memory");
}

/* A begin or an op was refused. Once the commit is on its way, its answer is waited for. */
void sync_note_refusal(struct south *s, const struct weft_msg_error *e)
{
	if (s->state != SOUTH_COMMITTING)
		return;
	snprintf(s->refusal, sizeof(s->refusal), "the data plane refused a transaction: %.200s",
		e->text);
	if (s->sent_all)
		return;
	go_refused(s, s->refusal);
	conn_request(&s->conn, WEFT_MSG_TXN_ABORT, NULL, 0, NULL, NULL);
}
