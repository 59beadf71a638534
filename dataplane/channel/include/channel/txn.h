/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A transaction: ops gathered aside, then applied as one generation or not at all. What the server
 * does for its clients; tests use it without a socket. Main thread.
 */
#ifndef CHANNEL_TXN_H
#define CHANNEL_TXN_H

#include <weft/codec.h>
#include <weft/msg.h>

struct txn;

/* NULL: out of memory. */
struct txn *txn_new(void);
void txn_free(struct txn *t);

/* Takes the ops of a TXN_OPS message that weft_msg_check accepted, and its descriptors (taken ones
 * become -1). What is wrong with an entry is kept and told by txn_commit; returns 0, or -errno with
 * text: no memory, too many ops, or descriptors that do not fit the ops. */
int txn_add(
	struct txn *t, const void *msg, int *fds, unsigned int n_fds, char text[WEFT_TEXT_SIZE]);
/* Takes one op. fd passes to the transaction; -1: none. Returns as txn_add. */
int txn_op(struct txn *t, enum weft_table table, enum weft_op_verb verb, const void *entry, int fd);

/* Applies the transaction. On error (ret->error is a positive errno) nothing has changed. */
void txn_commit(struct txn *t, struct weft_msg_txn_result *ret);

#endif
