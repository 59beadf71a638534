/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The JSON-RPC server of weftd: a Unix stream socket, JSON values one after another.
 *
 * Single-threaded, on weftd's event loop. The caller ignores SIGPIPE. Everything a client sends is
 * hostile until checked here; the limits below bound what one client can cost the others.
 */
#ifndef RPC_RPC_H
#define RPC_RPC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <event2/event.h>
#include <json-c/json.h>

#include <engine/engine.h>
#include <south/attach.h>
#include <south/south.h>

struct metadata_status; /* metadata/metadata.h */
struct rpc;

/* X(type, name, default, "what it bounds"). Zero in a configuration means the default. */
#define RPC_LIMITS(X)                                                                              \
	X(size_t, request_size, 64 << 20, "bytes of one JSON value from an operator")              \
	X(size_t, reader_request_size, 256 << 10, "bytes of one JSON value from anybody else")     \
	X(size_t, batch, 1000, "requests in a batch")                                              \
	X(unsigned int, depth, 32, "nesting of JSON")                                              \
	X(unsigned int, connections, 256, "connections; the last 16 are for operators")            \
	X(unsigned int, connections_per_uid, 64, "connections of one uid, operators excepted")     \
	X(unsigned int, in_flight, 32, "requests of one connection in hand; the next ones wait")   \
	X(size_t, output_size, 8 << 20,                                                            \
		"bytes that a client has not read: its requests wait; with events it is closed")   \
	X(unsigned int, requests_per_s, 5000, "of one uid, twice that in a burst; more wait")      \
	X(unsigned int, stalled_s, 30, "seconds with half a request, or unread output: closed")

struct rpc_limits {
#define RPC_LIMIT_MEMBER(type, name, fallback, help) type name;
	RPC_LIMITS(RPC_LIMIT_MEMBER)
#undef RPC_LIMIT_MEMBER
};

/* Replaces zeros by the defaults. */
void rpc_limits_fill(struct rpc_limits *l);
/* [{"name","value","help"}], for rpc.describe. */
struct json_object *rpc_limits_describe(const struct rpc_limits *l);

struct rpc_config {
	const char *socket_path;
	gid_t socket_group;   /* group of the socket, mode 0660: may connect; -1: as created */
	gid_t operator_group; /* its members may write, as may root and weftd's own uid; -1: none */
	const char *dataplane_path; /* the channel's socket, for messages; may be NULL */
	struct rpc_limits limits;
	/* Sentences about what is wrong elsewhere (the underlay), for status. May be NULL. */
	void (*warnings)(
		void *arg, void (*add)(void *add_arg, const char *sentence), void *add_arg);
	void *warnings_arg;
	/* For status. May be NULL. */
	void (*metadata)(void *arg, struct metadata_status *ret);
	void *metadata_arg;
	const struct attach *attach; /* the fast path; may be NULL */
};

/* Listens. A stale socket of the path is replaced; one that answers is refused with -EADDRINUSE.
 * s may be NULL (no data plane: status says so). Returns 0 or -errno with err. rpc_new registers as
 * engine_on_commit and as south_listen. */
int rpc_new(struct event_base *base, const struct rpc_config *config, struct engine *e,
	struct south *s, struct rpc **ret, struct model_error *err);
/* Closes all connections and removes the socket. Answers that south still owes are forgotten when
 * they come, so south may be freed before or after; but nothing may be committed any more, and
 * the loop may not run. Accepts NULL. */
void rpc_free(struct rpc *r);
/* Somebody took Weft's program off a port's interface, and it is back: an event. */
void rpc_tell_repaired(struct rpc *r, const struct weft_port *port, const char *what);

#endif
