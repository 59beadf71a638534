/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * South's own state, shared by its files: south.c (the engine's sink), query.c (what others ask),
 * peer.c (the connection), sync.c (the way to equality), ports.c (states of ports). Event loop's
 * thread only.
 */
#ifndef SOUTH_STATE_H
#define SOUTH_STATE_H

#include <sys/queue.h>

#include <uthash.h>

#include <south/south.h>

#include "compare.h"
#include "conn.h"
#include "idset.h"
#include "ops.h"

#define SOUTH_LISTENERS 4
#define SOUTH_SILENT_S	5 /* an answer that takes longer is reported */

enum south_state {
	SOUTH_IDLE = 1,	  /* not started */
	SOUTH_AWAY,	  /* not connected, the timer runs */
	SOUTH_GREETING,	  /* HELLO is not answered yet */
	SOUTH_DUMPING,	  /* gathering what the data plane has */
	SOUTH_COMMITTING, /* a transaction is on its way */
	SOUTH_STEADY,	  /* equal */
	SOUTH_REFUSED,	  /* a transaction was refused, the timer runs to compare again */
};

/* The ops of one generation. */
struct south_batch {
	TAILQ_ENTRY(south_batch) link;
	struct ops ops;
	uint64_t revision;
	struct idset with_fd; /* ports that were sent with a descriptor */
};

struct south_port_entry {
	UT_hash_handle hh;
	struct weft_event_port state;
};

struct south {
	struct event_base *base;
	struct engine *engine;
	char *path;
	int (*port_fd)(void *arg, const struct weft_port *port);
	void *fd_arg;
	void (*underlay_wanted)(void *arg);
	void *underlay_arg;
	struct south_listener listeners[SOUTH_LISTENERS];
	unsigned int n_listeners;

	enum south_state state;
	struct conn conn;
	struct event *timer; /* reconnect, or compare again */
	struct event *watch; /* once a second while connected: does it answer? */
	unsigned int retry_ms;
	unsigned int refused_ms;
	unsigned int silent_s; /* a request waits for its answer */
	unsigned int quiet_s;
	uint64_t watched_received;
	bool logged_away;

	/* Of ports with a descriptor: which the data plane has, and which it must get again
	 * although they are equal, because their descriptor is new. A descriptor is sent to those
	 * only: it makes the data plane open the device anew. */
	struct idset given;
	struct idset resend;

	struct compare *compare;
	unsigned int compare_ms;     /* what the last one took */
	struct south_batch *filling; /* between the sink's begin and end */
	TAILQ_HEAD(south_batch_list, south_batch) queue;
	size_t queue_size; /* bytes of ops in it */
	bool stale;	   /* the queue lacks something: compare again */
	struct south_batch *sending;
	size_t sent_offset; /* of sending->ops */
	bool sent_all;
	char refusal[256]; /* of an op of it, "" while there is none */

	struct weft_msg_hello_ack peer;
	uint64_t generation;
	uint64_t revision;
	uint64_t n_resyncs;
	uint64_t last_resync_ops;
	char error[256];
	struct weft_stats_shm *stats;
	size_t stats_size;
	struct south_port_entry *ports; /* by id */
};

/* peer.c */
int peer_init(struct south *s);
void peer_free(struct south *s);
/* Connects for the first time. */
void peer_start(struct south *s);
/* The one timer of the states AWAY and REFUSED. */
void peer_set_timer(struct south *s, unsigned int ms);

/* sync.c */
void sync_init(struct south *s);
/* Just connected, or a transaction was refused: dumps, compares, and so on. */
void sync_start_dump(struct south *s);
/* Something was queued: sends it when it is its turn. */
void sync_kick(struct south *s);
/* Intent changed while a refused transaction waits for its next try: tries sooner. */
void sync_hurry(struct south *s);
/* conn_user.stream: ops of the transaction on its way. */
int sync_stream(struct south *s, struct weft_client *client);
void sync_note_refusal(struct south *s, const struct weft_msg_error *e);
void sync_drop_queue(struct south *s);
/* All that was under way is forgotten; a comparison must follow. */
void sync_drop_work(struct south *s);
void batch_free(struct south_batch *b);

/* ports.c */
void ports_note(struct south *s, const struct weft_event_port *e);
void ports_forget(struct south *s, uint32_t id);
void ports_clear(struct south *s);

/* south.c */
void south_tell_greeted(struct south *s);
void south_tell_connected(struct south *s, bool connected);
void south_tell_event(struct south *s, const struct weft_client_msg *m);

#endif
