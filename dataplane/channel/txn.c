/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Gathering a transaction's ops: kept as the messages they came in, with the first entry that makes
 * no sense. Knows nothing of what is configured. Main thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "txn_priv.h"

/* Enough to replace everything twice; more is not sane and would only take memory. */
#define TXN_OPS_MAX (4u * (WEFT_MAX_FDB + WEFT_MAX_NEIGH) / 2)

struct txn *txn_new(void)
{
	struct txn *t = calloc(1, sizeof(*t));

	if (t)
		STAILQ_INIT(&t->chunks);
	return t;
}

void txn_free(struct txn *t)
{
	struct txn_chunk *c;

	if (!t)
		return;
	while ((c = STAILQ_FIRST(&t->chunks))) {
		STAILQ_REMOVE_HEAD(&t->chunks, link);
		for (unsigned int i = 0; i < c->n_fds; i++)
			if (c->fds[i] >= 0)
				close(c->fds[i]);
		free(c);
	}
	free(t);
}

/* Keeps the first op that makes no sense; returns how many of the message take a descriptor. */
static unsigned int check_entries(struct txn *t, const void *msg)
{
	struct weft_ops_reader reader;
	unsigned int n_fds = 0;
	struct weft_op op;

	weft_ops_read(&reader, msg);
	for (uint32_t i = 0; weft_ops_next(&reader, &op); i++) {
		char text[WEFT_TEXT_SIZE];
		int rc;

		n_fds += op.has_fd;
		if (t->failure.error)
			continue;
		rc = weft_entry_check(op.table, op.verb, op.entry, text);
		if (rc == 0 && op.has_fd && op.table != WEFT_TABLE_PORT) {
			snprintf(text, sizeof(text), "%s: takes no descriptor",
				weft_table_name(op.table));
			rc = -EINVAL;
		}
		if (rc) {
			t->failure.error = -rc;
			t->failure.op = t->n_ops + i;
			memcpy(t->failure.text, text, sizeof(t->failure.text));
		}
	}
	return n_fds;
}

int txn_add(struct txn *t, const void *msg, int *fds, unsigned int n_fds, char text[WEFT_TEXT_SIZE])
{
	const struct weft_msg_ops *ops = weft_msg_payload(msg);
	size_t size = sizeof(struct weft_msg_hdr) + weft_msg_hdr(msg)->size;
	struct txn_chunk *c;

	if (ops->n_ops > TXN_OPS_MAX - t->n_ops) {
		snprintf(text, WEFT_TEXT_SIZE, "a transaction of more than %u ops", TXN_OPS_MAX);
		return -E2BIG;
	}
	c = malloc(sizeof(*c) + size);
	if (!c) {
		snprintf(text, WEFT_TEXT_SIZE, "out of memory");
		return -ENOMEM;
	}
	if (check_entries(t, msg) != n_fds) {
		snprintf(text, WEFT_TEXT_SIZE,
			"%u descriptors came with ops that take another number", n_fds);
		free(c);
		return -EINVAL;
	}
	memcpy(c->msg, msg, size);
	c->n_fds = n_fds;
	for (unsigned int i = 0; i < n_fds; i++) {
		c->fds[i] = fds[i];
		fds[i] = -1;
	}
	t->n_ops += ops->n_ops;
	STAILQ_INSERT_TAIL(&t->chunks, c, link);
	return 0;
}

int txn_op(struct txn *t, enum weft_table table, enum weft_op_verb verb, const void *entry, int fd)
{
	_Alignas(8) uint8_t msg[sizeof(struct weft_msg_hdr) + sizeof(struct weft_msg_ops) +
				sizeof(struct weft_op_hdr) + sizeof(union weft_entry)];
	char text[WEFT_TEXT_SIZE];
	struct weft_ops_writer w;
	int rc;

	weft_ops_start(&w, msg, sizeof(msg));
	weft_ops_add(&w, table, verb, entry, fd >= 0);
	weft_ops_finish(&w, WEFT_MSG_TXN_OPS, 0);
	rc = txn_add(t, msg, &fd, fd >= 0, text);
	if (fd >= 0)
		close(fd);
	return rc;
}

void txn_walk_start(struct txn_walk *w, struct txn *t)
{
	*w = (struct txn_walk){.chunk = STAILQ_FIRST(&t->chunks)};
	if (w->chunk)
		weft_ops_read(&w->reader, w->chunk->msg);
}

bool txn_walk_next(struct txn_walk *w)
{
	while (w->chunk && !weft_ops_next(&w->reader, &w->op)) {
		w->chunk = STAILQ_NEXT(w->chunk, link);
		w->next_fd = 0;
		if (w->chunk)
			weft_ops_read(&w->reader, w->chunk->msg);
	}
	if (!w->chunk)
		return false;
	w->fd = w->op.has_fd ? &w->chunk->fds[w->next_fd++] : NULL;
	w->n++;
	return true;
}
