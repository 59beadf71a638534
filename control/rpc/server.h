/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of control/rpc share: the server, its connections and the request that a handler
 * gets. Private to this folder.
 */
#ifndef RPC_SERVER_H
#define RPC_SERVER_H

#include <sys/queue.h>

#include <uthash.h>

#include <rpc/jsonrpc.h>
#include <rpc/method.h>
#include <rpc/rpc.h>

struct conn;

/* Counters that status shows: X(name). */
#define RPC_COUNTERS(X)                                                                            \
	X(connections_accepted)                                                                    \
	X(connections_refused)                                                                     \
	X(requests)                                                                                \
	X(errors)                                                                                  \
	X(denied)                                                                                  \
	X(parse_errors)                                                                            \
	X(throttled)                                                                               \
	X(slow_readers)                                                                            \
	X(stalled_requests)                                                                        \
	X(events_sent)

struct rpc_counters {
#define RPC_COUNTER_MEMBER(name) uint64_t name;
	RPC_COUNTERS(RPC_COUNTER_MEMBER)
#undef RPC_COUNTER_MEMBER
};

/* One uid that is connected: what its connections share. */
struct peer {
	UT_hash_handle hh;
	uid_t uid;
	unsigned int n_connections;
	double tokens; /* requests that it may make now */
	uint64_t refilled_ms;
};

/* A local port's name, by id: what the data plane's numbers mean. */
struct local_port {
	UT_hash_handle hh;
	uint32_t id;
	char *name;
};

struct rpc {
	struct event_base *base;
	struct rpc_config config;
	char *socket_path;
	char *dataplane_path;
	struct engine *engine;
	struct south *south; /* may be NULL */
	struct evconnlistener *listener;
	LIST_HEAD(, conn) conns;
	unsigned int n_conns;
	struct peer *peers;
	struct local_port *local_ports;
	struct jsonrpc_ops ops;
	struct rpc_counters counters;
	uint64_t started_ms;
	struct south_listener listener_of_south;
	unsigned int n_asking; /* the data plane, in progress */
	LIST_HEAD(, asking) asking;
	LIST_HEAD(, measurement) measurements; /* fastpath.c */
	struct trace_watch *watch;	       /* trace_watch.c; NULL: nobody watches */
};

/* One request that a handler answers, now or later, by exactly one of request_result, request_fail
 * and request_refuse. What is to outlive the handler it copies; call stays valid until it is
 * answered, also when the client is gone. */
struct request {
	struct rpc *rpc;
	struct jsonrpc_call *call;
	const struct rpc_method *method;
	enum model_kind kind;
	struct json_object *params; /* an object; checked against method->params */
	struct json_object *fields; /* of methods that take the kind's fields, else NULL */
};

typedef void (*request_handler)(struct request *rq);

#define REQUEST_HANDLER(id, name, handler, ...) void handle_##handler(struct request *rq);
RPC_KIND_METHODS(REQUEST_HANDLER)
RPC_METHODS(REQUEST_HANDLER)
#undef REQUEST_HANDLER

void request_result(struct request *rq, struct json_object *result);
__attribute__((format(printf, 3, 4))) void request_fail(
	struct request *rq, int code, const char *format, ...);
/* op: index of the op at fault, or SIZE_MAX. */
void request_refuse(struct request *rq, const struct model_error *err, size_t op);

/* dispatch.c: one request of a connection. */
void rpc_dispatch(struct rpc *r, struct jsonrpc_call *call, bool may_write, const char *method,
	struct json_object *params);

/* params.c. On error returns -EINVAL with a sentence in err. *ret is a new object. For methods that
 * take fields those are moved to *ret_fields. */
int params_check(const struct rpc_method *m, enum model_kind kind, struct json_object *params,
	struct json_object **ret, struct json_object **ret_fields, struct model_error *err);
const char *param_string(const struct request *rq, const char *name); /* NULL: absent */
uint64_t param_uint(const struct request *rq, const char *name);
bool param_bool(const struct request *rq, const char *name);
/* Checked values, those of a request or of an object among them, with their table. */
struct params {
	const struct rpc_param *table;
	struct json_object *values;
};
struct params params_of(const struct request *rq);
/* The object called name, or the i-th one of an array. False: it is not there. */
bool params_object(const struct params *p, const char *name, size_t i, struct params *ret);
bool params_has(const struct params *p, const char *name);
const char *params_string(const struct params *p, const char *name); /* NULL: absent */
uint64_t params_uint(const struct params *p, const char *name);
bool params_bool(const struct params *p, const char *name);
/* The full name that parameters or an object's "tenant" and "name" make; -EINVAL when they don't.
 */
int param_full_name(enum model_kind kind, struct json_object *o, char *ret, size_t size,
	struct model_error *err);

/* Unknown fields, with what was perhaps meant; the rest is for object_from_json. */
int object_check_names(
	enum model_kind kind, const char *name, struct json_object *o, struct model_error *err);
/* err->field = path.field */
void error_add_path(struct model_error *err, const char *path);
/* err->object = "port red/web1" */
void error_name_object(struct model_error *err, enum model_kind kind, const char *name);

/* conn.c: on the loop. Takes fd, also on error. */
void conn_ops(const struct rpc_limits *l, struct jsonrpc_ops *ret);
int conn_new(struct rpc *r, int fd);
void conn_free(struct conn *c);
/* What events.subscribe asked for, as bits of enum event_kind; of the connection of that call. */
void conn_subscribe(struct jsonrpc_call *call, unsigned int events);
bool conn_may_write(struct jsonrpc_call *call);
/* Sends text to all that subscribed to event; disconnects those that do not read. */
void conn_broadcast(struct rpc *r, unsigned int event, struct json_object *notification);
bool conn_anybody_wants(const struct rpc *r, unsigned int event);
/* The connection of that call; NULL: it is gone. */
struct conn *conn_of(struct jsonrpc_call *call);
/* Sends a notification. False: the client has so much to read already that it was not sent. */
bool conn_notify(struct conn *c, struct json_object *notification);

/* peer.c */
struct peer_rights {
	uid_t uid;
	bool may_write;
};
int peer_rights(const struct rpc *r, int fd, struct peer_rights *ret);
/* NULL: out of memory or too many connections. */
struct peer *peer_join(struct rpc *r, const struct peer_rights *rights);
void peer_leave(struct rpc *r, struct peer *p);
/* Takes n requests from its allowance; returns ms to wait first, 0 when they are granted. */
unsigned int peer_take(struct rpc *r, struct peer *p, unsigned int n);
uint64_t rpc_now_ms(void);

/* events.c */
enum event_kind {
	EVENT_PORT = 1 << 0,
	EVENT_FDB = 1 << 1,
	EVENT_COMMIT = 1 << 2,
	EVENT_DATAPLANE = 1 << 3,
	EVENT_POLICY = 1 << 4,
	EVENT_FASTPATH = 1 << 5,
};
void events_start(struct rpc *r);
/* The params of an event, with its type and the wall-clock time (RFC 3339, UTC). */
struct json_object *events_new(const char *type);
/* Takes params. */
void events_notify(struct rpc *r, enum event_kind kind, struct json_object *params);

/* fastpath.c */
struct json_object *fastpath_json(const struct rpc *r); /* for status; config.attach is not NULL */
/* What the data plane says of it. */
void fastpath_add_info(struct json_object *fastpath, const struct weft_msg_info *info);
/* Answers what is under way. */
void fastpath_stop(struct rpc *r);

/* trace_watch.c */
void trace_watch_event(struct rpc *r, const struct weft_event_trace *e);
/* There is a data plane, perhaps a new one. */
void trace_watch_connected(struct rpc *r);
/* The connection ends. */
void trace_watch_leave(struct rpc *r, const struct conn *c);

/* local.c: names of this host's ports by id. */
int local_start(struct rpc *r);
void local_stop(struct rpc *r);
void local_note(struct rpc *r, const struct model_change *changes, size_t n);
const char *local_port_name(const struct rpc *r, uint32_t id); /* NULL: not one of this host */

/* format.c */
const char *port_state_name(uint8_t state);
void json_add_text(struct json_object *o, const char *key, const char *text, size_t size);
void json_add_port(const struct rpc *r, struct json_object *o, const char *key, uint32_t id);
void json_add_addr(struct json_object *o, const char *key, const struct weft_addr *a);
void json_add_mac(struct json_object *o, const char *key, const struct weft_mac *m);
void json_add_segment(const struct rpc *r, struct json_object *o, uint32_t vni); /* and its vni */
void json_add_fdb(const struct rpc *r, struct json_object *o, const struct weft_fdb *e);
/* A name or a number. */
void json_add_proto(struct json_object *o, const char *key, uint8_t proto);
/* From a name or a number, as text. False: it is neither. */
bool proto_parse(const char *text, uint8_t *ret);
void json_add_hex(struct json_object *o, const char *key, const uint8_t *bytes, size_t n);
/* "security-group red/web rule 3", "default of port red/w1" when ruleset is 0. */
void json_add_rule(const struct rpc *r, struct json_object *o, const char *key, uint32_t port,
	uint32_t ruleset, uint32_t rule);

/* status_routes.c: adds a sentence for each route that carries nothing, as far as it looks. */
void status_warn_routes(const struct model *m, struct json_object *warnings);

/* asking.c: a request that the data plane answers: first member of what its handler keeps. */
struct asking {
	LIST_ENTRY(asking) next;
	struct rpc *rpc; /* NULL: the server is gone */
	struct jsonrpc_call *call;
};
/* False: the request was answered with an error, without a data plane or when too many ask. */
bool asking_start(struct request *rq, struct asking *a);
/* Once, when the answer is here. error: 0 or -errno, which answers the call with an error. */
void asking_end(struct asking *a, int error);
/* As asking_end with an error; text: what the data plane says of it, or "". */
void asking_refused(struct asking *a, int error, const char *text);
/* Forgets the server in answers that are still to come. */
void asking_stop(struct rpc *r);
/* The ids of a segment (its VNI) or of a port of this host ("uplink" too) that parameters name;
 * NULL gives 0.
 * False: the request was answered with an error. */
bool asking_segment(struct request *rq, const char *name, uint32_t *ret_vni);
bool asking_port(struct request *rq, const char *name, uint32_t *ret_id);
/* An address or a prefix, whose host bits stay. As above. */
bool asking_prefix(struct request *rq, const char *param, struct weft_prefix *ret);
/* Answers that this data plane has no port with that name, and where there is one. */
void asking_no_port(struct request *rq, const char *name);

/* diff.c */
struct diff;
struct diff *diff_new(bool wants_changes);
void diff_free(struct diff *d);
/* An engine_transact on_change. */
void diff_note(void *arg, const struct model_change *c);
/* revision, counts and (when wanted) changes, as a new object. */
struct json_object *diff_result(struct diff *d, const struct engine_result *res, bool dry_run);

#endif
