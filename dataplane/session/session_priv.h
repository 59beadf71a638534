/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the session table share. A session is named by its index in one array; 0 is
 * none.
 *
 *   bucket.c  which key is where                 session.c  the public face
 *   pool.c    memory: who has which free index   limit.c    counts and quotas
 *   wheel.c   ageing: when a session is over
 */
#ifndef SESSION_PRIV_H
#define SESSION_PRIV_H

#include <session/session.h>

extern struct session *session_base; /* [0] is never used */
extern uint32_t session_max;
extern uint32_t session_places; /* indices there are: more than session_max, see pool.c */
extern unsigned int session_workers;

static inline struct session *session_at(uint32_t index)
{
	return &session_base[index];
}

static inline uint32_t session_index(const struct session *s)
{
	return s - session_base;
}

/* Direction dir of that session as buckets name it: how many lines behind session_base it is, so
 * that a lookup needs no multiplication. */
#define SESSION_LINE 64
static inline uint32_t session_ref(uint32_t index, unsigned int dir)
{
	return index * (uint32_t)(SESSION_SIZE / SESSION_LINE) +
	       dir * (uint32_t)(sizeof(struct session_dir) / SESSION_LINE);
}
static_assert((SESSION_MAX + 1ull) * (SESSION_SIZE / SESSION_LINE) <= UINT32_MAX, "fits");

/* bucket.c */
int bucket_init(void);
void bucket_fini(void);
/* Touches up to n bytes of the buckets; returns how many are touched in all. Main thread. */
uint64_t bucket_touch(uint64_t n);
/* Puts the direction in, whose key has that hash. Returns 0, -EEXIST when a direction with its key
 * is there, or -ENOSPC. */
int bucket_put(const struct session_key *key, uint64_t hash, uint32_t ref);
/* Takes it out, if it is in. */
void bucket_take(const struct session_key *key, uint32_t ref);

/* pool.c */
int pool_init(void);
void pool_fini(void);
/* A free index out of the worker's, 0: none left. That worker. */
uint32_t pool_get(unsigned int worker);
/* The index becomes free once no reader can hold it. That worker. */
void pool_retire(unsigned int worker, uint32_t index);
/* Frees what nobody can hold any more. n_told: messages about sessions that the worker has taken so
 * far; n_waiting: those that wait. That worker. */
void pool_reclaim(unsigned int worker, uint64_t n_told, uint32_t n_waiting);
/* Indices below it have been given out. Any thread. */
uint32_t pool_end(void);
/* Touches up to n bytes ahead of what was given out; returns how many are touched in all. Main
 * thread. */
uint64_t pool_touch(uint64_t n);
/* Memory that is taken when touched, in large pages if the system has them; NULL: none. */
void *pool_map(size_t size);
void pool_unmap(void *map, size_t size);
/* Touches a part of what pool_map gave. */
void pool_populate(void *at, size_t size);

/* limit.c */
void limit_reset(void);
/* Books a new session. Returns 0 or why not, with nothing booked. */
enum weft_drop limit_take(const struct session_new *n);
/* What limit_take would say when those sessions were gone. */
enum weft_drop limit_would(const struct session_new *n, const struct session_freed *freed);
/* What limit_take has booked, for what did not become a session after all. */
void limit_return(const struct session_new *n);
/* s ends; it was half open. */
void limit_give(const struct session *s, bool half_open);
void limit_answered(const struct session *s);
uint64_t limit_n(void);
uint64_t limit_half_open(void);

/* wheel.c */
int wheel_init(void);
void wheel_fini(void);
/* Puts a new session into its owner's wheel. The owner. */
void wheel_add(struct session *s, const struct config *cfg);
/* Asks the owner to look at it: dead, or over sooner. Any thread. */
void wheel_tell(const struct session *s);
/* Sessions that its wheel has looked at since start. Any thread. */
uint64_t wheel_n_looks(unsigned int worker);
uint32_t wheel_timeout_s(const struct session *s, const struct config *cfg, uint8_t state);

/* session.c: makes s a new one, locked. */
void session_fill(struct session *s, unsigned int worker, const struct session_new *n);
/* session.c: takes it out of the table. False: somebody else did. */
bool session_end(struct session *s);

#endif
