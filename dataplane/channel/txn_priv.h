/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a transaction holds, as commit.c sees it.
 */
#ifndef CHANNEL_TXN_PRIV_H
#define CHANNEL_TXN_PRIV_H

#include <stddef.h>
#include <sys/queue.h>

#include <channel/txn.h>

/* One TXN_OPS message as it came, and its descriptors in the order of the ops that take one. */
struct txn_chunk {
	STAILQ_ENTRY(txn_chunk) link;
	unsigned int n_fds;
	int fds[WEFT_MSG_FDS_MAX]; /* taken ones become -1 */
	_Alignas(8) uint8_t msg[];
};

struct txn {
	STAILQ_HEAD(, txn_chunk) chunks;
	uint32_t n_ops;
	struct weft_msg_txn_result failure; /* the first op that makes no sense; error 0: none */
};

/* Walks all ops. */
struct txn_walk {
	struct txn_chunk *chunk;
	struct weft_ops_reader reader;
	unsigned int next_fd;
	uint32_t n; /* ops seen so far */
	struct weft_op op;
	int *fd; /* of this op: to be taken by setting it to -1; NULL: none */
};
void txn_walk_start(struct txn_walk *w, struct txn *t);
bool txn_walk_next(struct txn_walk *w);

#endif
