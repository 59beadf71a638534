/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * South: keeps the data plane equal to what the engine says. Owns the channel's client
 * (weft/client.h) on weftd's event loop.
 *
 * Connects and reconnects; after each connection: dump, compare with compile_full, send the
 * difference as one transaction. While connected: each generation's ops as one transaction, in
 * order. A refused transaction is reported in south_status and tried again as a full comparison.
 */
#ifndef SOUTH_SOUTH_H
#define SOUTH_SOUTH_H

#include <event2/event.h>

#include <engine/engine.h>
#include <weft/msg.h>
#include <weft/stats.h>

struct south;

/* Called when something observable happened. */
struct south_listener {
	void *arg;
	void (*port_state)(void *arg, const struct weft_event_port *e);
	void (*fdb)(void *arg, const struct weft_event_fdb *e);
	void (*policy)(void *arg, const struct weft_event_policy *e);
	/* Steps of watched packets: e->n of struct weft_trace_record follow. */
	void (*trace)(void *arg, const struct weft_event_trace *e);
	void (*connected)(void *arg, bool connected);
	/* Just connected: what is sent from here comes before all that south sends itself. */
	void (*greeted)(void *arg);
	/* The intent of a local port or uplink changed (present) or ended. */
	void (*port)(void *arg, const struct weft_port *port, bool present);
};

/* Becomes the engine's sink. port_fd (may be NULL) gives the descriptor for AF_XDP ports and for
 * the service port, or -1. */
int south_new(struct event_base *base, struct engine *e, const char *socket_path,
	int (*port_fd)(void *arg, const struct weft_port *port), void *fd_arg,
	void (*underlay_wanted)(void *arg), void *underlay_arg, struct south **ret);
/* Connects. Later than south_new, when the underlay is known: a comparison made before would take
 * the way to every remote host from a running data plane. */
void south_start(struct south *s);
void south_free(struct south *s);
/* Up to four listeners; any member but arg may be NULL. */
void south_listen(struct south *s, const struct south_listener *l);

struct south_status {
	bool connected;
	bool in_sync; /* everything committed is programmed */
	uint64_t boot_id;
	uint64_t generation; /* the data plane's */
	uint64_t revision;   /* the model revision that it has */
	uint32_t pid;
	uint16_t n_workers;
	uint64_t n_resyncs;
	uint64_t last_resync_ops;
	char error[256]; /* why not in sync, "" when it is */
	char release[32];
};
void south_status(const struct south *s, struct south_status *ret);
/* Sends this port again although it did not change, for the sake of its new descriptor. */
void south_resend_port(struct south *s, const struct weft_port *port);
/* Statistics memory of the connected data plane (stale but readable while away), or NULL. */
const struct weft_stats_shm *south_stats(const struct south *s);
/* Last known state of a local port; state 0 when unknown. */
void south_port_state(const struct south *s, uint32_t port_id, struct weft_event_port *ret);
/* Asks the data plane; cb is called once with info, or NULL on failure. */
int south_info(struct south *s, void (*cb)(void *arg, const struct weft_msg_info *info), void *arg);
/* Dumps a table (learned FDB included): cb per entry, then done once (error: 0 or -errno). */
int south_dump(struct south *s, enum weft_table table,
	void (*cb)(void *arg, const union weft_entry *entry), void (*done)(void *arg, int error),
	void *arg);
/* Asks the data plane what is answered by one message: cb is called once, with that message of type
 * answer, which is valid during the call; or with NULL and error: -errno, and text, "" or what the
 * data plane says of it. Returns 0, -ENOTCONN, -ENOMEM. */
typedef void (*south_answer_fn)(
	void *arg, const struct weft_msg_hdr *answer, int error, const char *text);
int south_query(struct south *s, enum weft_msg_type type, const void *payload, size_t size,
	enum weft_msg_type answer, south_answer_fn cb, void *arg);
/* The same with descriptors, which stay the caller's. */
int south_query_fds(struct south *s, enum weft_msg_type type, const void *payload, size_t size,
	const int *fds, unsigned int n_fds, enum weft_msg_type answer, south_answer_fn cb,
	void *arg);
int south_fdb_flush(struct south *s, uint32_t vni, uint32_t port,
	void (*done)(void *arg, int error), void *arg);
/* Up to max sessions that match, from cursor on (0: the first): cb per session, then done once,
 * with end or an error (-errno). */
int south_session_list(struct south *s, const struct weft_session_filter *filter, uint32_t cursor,
	uint32_t max, void (*cb)(void *arg, const struct weft_session *session),
	void (*done)(void *arg, int error, const struct weft_msg_session_end *end), void *arg);
/* Ends sessions that match. */
int south_session_flush(struct south *s, const struct weft_session_filter *filter,
	void (*done)(void *arg, int error, const struct weft_msg_session_end *end), void *arg);

#endif
