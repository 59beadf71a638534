/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Dumps: the published entries as messages, one at a time, as fast as the client takes them. An
 * entry that a transaction changes meanwhile is told as it was or as it is. Main thread.
 */
#ifndef CHANNEL_DUMP_H
#define CHANNEL_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <table/config.h>
#include <weft/codec.h>

struct dump {
	uint32_t seq;
	uint32_t table; /* the one being dumped */
	uint32_t last_table;
	uint32_t flags;
	uint64_t cursor; /* within the table */
	uint64_t inner;	 /* index within what the cursor is at */
	uint64_t n_entries;
};

/* Returns 0 or -EINVAL when there is no such table. */
int dump_start(struct dump *d, const struct weft_msg_dump *request, uint32_t seq);
/* Writes the next message into buf (WEFT_MSG_SIZE_MAX); returns its size. Its type is DUMP_END when
 * it is the last. */
size_t dump_next(struct dump *d, void *buf);

/* The entry as the contract has it. False: its segment, port or VTEP is just gone. */
bool fdb_export(const struct config *cfg, const struct fdb_key *key, dest_t dest, bool learned,
	struct weft_fdb *ret);

/* How many entries of the table there are. */
uint64_t dump_count(const struct config *cfg, enum weft_table table);

#endif
