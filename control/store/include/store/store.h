/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The store: intent on disk, in SQLite (WAL, synchronous=FULL): what store_commit acknowledged
 * survives kill -9 and power loss. Objects are JSON under (kind, name), with id and revision; the
 * members of address sets are rows of their own, so that a commit writes those that changed.
 *
 * A store that is corrupt or was written by a newer version is refused (-EBADMSG, -EPROTO) with a
 * sentence in err and is left as it is.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <model/model.h>

struct store;

/* path ":memory:" for tests. host: the name this store belongs to; another one is refused. */
int store_open(const char *path, const char *host, struct store **ret, struct model_error *err);
void store_close(struct store *s);
/* Fills an empty model (its own transaction, checked). A store of an older version is upgraded when
 * all of it is good, in one transaction; nothing may be committed to it before. */
int store_load(struct store *s, struct model *m, struct model_error *err);
/* One durable SQLite transaction. 0 or -errno with err; the store is then unchanged. */
int store_commit(struct store *s, uint64_t revision, const struct model_change *changes, size_t n,
	struct model_error *err);

#endif
