/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The channel between control and data plane: messages on a Unix SOCK_SEQPACKET socket.
 *
 * One message is one packet: a header, then the payload that its type names. Both ends run on one
 * machine, so host byte order. The client speaks first (HELLO) and nothing else is answered before
 * it. Only one client may hold transactions at a time (the first HELLO with WEFT_HELLO_WRITER);
 * any number may dump and listen. Every request is answered by exactly one message with its seq, or
 * for a dump by DUMP_ENTRIES messages and DUMP_END, for sessions by SESSION_ENTRIES and
 * SESSION_END. Free of DPDK.
 *
 * A transaction: TXN_BEGIN, any number of TXN_OPS, TXN_COMMIT. Ops are checked as they arrive and
 * gathered aside; the commit applies all of them as one generation or none of them, and answers
 * TXN_RESULT. BEGIN and ABORT are answered by PONG. Losing the connection before COMMIT forgets the
 * transaction. An entry that makes no sense is told by TXN_RESULT; a message that is malformed, by
 * ERROR, and the connection is closed.
 *
 * A client that asks for events is first told the state of every port. States of ports are never
 * lost (the last one is told); events of the FDB and of policy may be, which EVENTS_LOST says.
 * Steps of watched packets go to who watches, which needs no WEFT_HELLO_EVENTS.
 */
#ifndef WEFT_MSG_H
#define WEFT_MSG_H

#include <assert.h>
#include <stdint.h>

#include <weft/entry.h>
#include <weft/record.h>
#include <weft/session.h>
#include <weft/trace.h>

#define WEFT_CHANNEL_MAGIC   0x57454654u /* "WEFT" */
#define WEFT_CHANNEL_VERSION 6
#define WEFT_MSG_SIZE_MAX    65536 /* header included */
#define WEFT_MSG_FDS_MAX     8

/* X(number, IDENTIFIER, direction, payload) */
#define WEFT_MSGS(X)                                                                               \
	X(1, HELLO, "request", weft_msg_hello)                                                     \
	X(2, HELLO_ACK, "reply", weft_msg_hello_ack) /* + descriptor of the statistics memory */   \
	X(3, ERROR, "reply", weft_msg_error)	     /* to any request that failed */              \
	X(4, TXN_BEGIN, "request", weft_msg_none)                                                  \
	X(5, TXN_OPS, "request",                                                                   \
		weft_msg_ops) /* ops back to back; not answered when well-formed */                \
	X(6, TXN_COMMIT, "request", weft_msg_none)                                                 \
	X(7, TXN_ABORT, "request", weft_msg_none)                                                  \
	X(8, TXN_RESULT, "reply", weft_msg_txn_result)                                             \
	X(9, DUMP, "request", weft_msg_dump)                                                       \
	X(10, DUMP_ENTRIES, "reply", weft_msg_ops) /* verb PUT */                                  \
	X(11, DUMP_END, "reply", weft_msg_dump_end)                                                \
	X(12, PING, "request", weft_msg_none)                                                      \
	X(13, PONG, "reply", weft_msg_none)                                                        \
	X(14, FDB_FLUSH, "request", weft_msg_fdb_flush) /* learned entries; answered by PONG */    \
	X(15, EVENT_PORT, "event", weft_event_port)                                                \
	X(16, EVENT_FDB, "event", weft_event_fdb)                                                  \
	X(17, EVENTS_LOST, "event", weft_event_lost)                                               \
	X(18, INFO, "request", weft_msg_none)                                                      \
	X(19, INFO_REPLY, "reply", weft_msg_info)                                                  \
	X(20, SESSION_LIST, "request", weft_msg_session_list)                                      \
	X(21, SESSION_ENTRIES, "reply", weft_msg_sessions) /* sessions back to back */             \
	X(22, SESSION_FLUSH, "request", weft_msg_session_flush)                                    \
	X(23, SESSION_END, "reply", weft_msg_session_end)                                          \
	X(28, EVENT_POLICY, "event", weft_event_policy)                                            \
	X(30, DROP_LIST, "request", weft_msg_drop_list)                                            \
	X(31, DROP_RECORDS, "reply", weft_msg_drop_records) /* records back to back */             \
	X(32, TRACE, "request", weft_msg_trace)		    /* + frames */                         \
	X(33, TRACE_REPORT, "reply", weft_msg_trace_report) /* + steps, + frames */                \
	X(34, WATCH, "request", weft_msg_watch)		    /* answered by PONG */                 \
	X(35, UNWATCH, "request", weft_msg_none)	    /* answered by PONG */                 \
	X(36, EVENT_TRACE, "event", weft_event_trace)	    /* + steps back to back */             \
	X(37, PROBE, "request", weft_msg_trace)		    /* + the frame; answered by PONG */    \
	X(38, FASTPATH, "request", weft_msg_fastpath)	    /* + descriptors; answered by PONG */  \
	X(39, FASTPATH_PORT, "request", weft_msg_fastpath_port) /* answered by PONG */

enum weft_msg_type {
#define WEFT_MSG_ENUM(number, id, direction, payload) WEFT_MSG_##id = number,
	WEFT_MSGS(WEFT_MSG_ENUM)
#undef WEFT_MSG_ENUM
	WEFT_MSG_TYPE_MAX = 40
};

/* The IDENTIFIER of a type, for logs, or NULL. */
const char *weft_msg_name(unsigned int type);

struct weft_msg_hdr {
	uint16_t type;
	uint16_t pad;
	uint32_t seq;  /* chosen by the requester, repeated in the reply; 0 in events */
	uint32_t size; /* of the payload */
	uint32_t pad2; /* payloads are 8-byte aligned */
};
static_assert(sizeof(struct weft_msg_hdr) == 16, "wire layout");

struct weft_msg_none {
};

enum weft_hello_flag {
	WEFT_HELLO_WRITER = 1 << 0, /* wants to commit transactions */
	WEFT_HELLO_EVENTS = 1 << 1, /* wants events */
};
struct weft_msg_hello {
	uint32_t magic;
	uint16_t version;
	uint16_t flags;
	char client[32]; /* for logs */
};
static_assert(sizeof(struct weft_msg_hello) == 40, "wire layout");

struct weft_msg_hello_ack {
	uint32_t magic;
	uint16_t version;
	uint16_t n_workers;
	uint64_t boot_id;    /* random at start: tells a restarted data plane */
	uint64_t generation; /* 0: nothing was committed since start */
	uint32_t pid;
	uint32_t stats_size; /* bytes to map of the descriptor sent along */
	char release[32];    /* of the program */
};
static_assert(sizeof(struct weft_msg_hello_ack) == 64, "wire layout");

/* error is a positive errno; text says what is wrong and names the object. */
struct weft_msg_error {
	uint32_t error;
	char text[220];
};
static_assert(sizeof(struct weft_msg_error) == 224, "wire layout");

enum weft_op_verb {
	WEFT_OP_PUT = 1,    /* add, or replace the one with the same key */
	WEFT_OP_DELETE = 2, /* of the key in the entry; one that is absent is no error */
};

/* One op of TXN_OPS or DUMP_ENTRIES: this header, then the entry (its size follows from table). */
struct weft_op_hdr {
	uint8_t table;	/* enum weft_table */
	uint8_t verb;	/* enum weft_op_verb */
	uint8_t has_fd; /* takes the next descriptor sent with this message */
	uint8_t pad;
};
static_assert(sizeof(struct weft_op_hdr) == 4, "wire layout");

/* The payload of TXN_OPS: op headers and entries, 4-byte aligned, n_ops of them. */
struct weft_msg_ops {
	uint32_t n_ops;
};

struct weft_msg_txn_result {
	uint32_t error; /* positive errno, 0: committed */
	uint32_t op;	/* the failing op, counted from 0 over the whole transaction */
	uint64_t generation;
	char text[208]; /* names table, object and field */
};
static_assert(sizeof(struct weft_msg_txn_result) == 224, "wire layout");

enum weft_dump_flag {
	WEFT_DUMP_LEARNED = 1 << 0, /* FDB: learned entries too */
};
struct weft_msg_dump {
	uint32_t table; /* 0: all, in order of number */
	uint32_t flags;
};
struct weft_msg_dump_end {
	uint64_t generation;
	uint64_t n_entries;
};

struct weft_msg_fdb_flush {
	uint32_t vni;  /* 0: any */
	uint32_t port; /* 0: any */
};

enum weft_port_state {
	WEFT_PORT_STATE_DOWN = 1, /* device exists, no peer or no carrier */
	WEFT_PORT_STATE_UP = 2,
	WEFT_PORT_STATE_MISSING = 3, /* device can't be opened yet; tried again every second */
};
struct weft_event_port {
	uint32_t id;
	uint8_t state; /* enum weft_port_state */
	uint8_t pad[3];
	char text[120]; /* why it is not up */
};
static_assert(sizeof(struct weft_event_port) == 128, "wire layout");

enum weft_fdb_event {
	WEFT_FDB_EVENT_LEARNED = 1,
	WEFT_FDB_EVENT_MOVED = 2,
	WEFT_FDB_EVENT_AGED = 3,
	WEFT_FDB_EVENT_LIMIT = 4, /* not learned: a quota is used up (rate limited) */
};
struct weft_event_fdb {
	struct weft_fdb entry;
	uint32_t event; /* enum weft_fdb_event */
};
static_assert(sizeof(struct weft_event_fdb) == 36, "wire layout");

/* A rule with WEFT_RULE_LOG decided about a new session, a packet without one, or, when it refuses,
 * about a session judged again; at one end, rate limited per port. */
struct weft_event_policy {
	struct weft_addr src; /* of the session's first packet, or of the packet */
	struct weft_addr dst;
	uint32_t vni;	     /* of the port */
	uint32_t port;	     /* whose policy it is */
	uint32_t ruleset;    /* id */
	uint32_t rule;	     /* id */
	uint32_t suppressed; /* of this port that were not told since its last one */
	uint16_t sport;	     /* 0: the protocol has none */
	uint16_t dport;	     /* ICMP: type << 8 | code */
	uint8_t proto;
	uint8_t has_l4;	   /* 0: sport and dport are not known */
	uint8_t direction; /* enum weft_rule_direction */
	uint8_t action;	   /* enum weft_rule_action */
};
static_assert(sizeof(struct weft_event_policy) == 60, "wire layout");

struct weft_event_lost {
	uint64_t n; /* events that this slow client missed: dump to catch up */
};

/* What the process is and how full its tables are. */
struct weft_msg_info {
	uint64_t generation;
	uint64_t uptime_ms;
	uint64_t n_entries[WEFT_TABLE_MAX]; /* by enum weft_table; FDB with learned */
	uint64_t n_learned;
	uint64_t table_bytes[WEFT_TABLE_MAX];
	uint64_t mbufs_total;
	uint64_t mbufs_free;
	uint64_t commit_last_ns; /* time the last commit took on the main thread */
	uint64_t hugepages;	 /* bytes in use; 0: running without */
	uint64_t sessions;	 /* now */
	uint64_t sessions_half_open;
	uint64_t sessions_max;
	uint64_t sessions_created; /* since start */
	uint64_t sessions_ended;
	uint64_t sessions_refused; /* for lack of room, or a limit */
	uint64_t session_bytes;	   /* memory in use */
	uint64_t offload_max;	   /* room in the fast path's tables; 0: there are none */
	uint64_t offloaded;	   /* sessions that the kernel carries, now */
	uint64_t offload_full;	   /* since start: stayed here, for want of a place in the hash */
	uint64_t offload_empty;	   /* ... since all tables were in use */
	uint64_t offload_adopted;  /* of a data plane before this one */
};

/* Up to max sessions from cursor on, which is 0 at first. */
struct weft_msg_session_list {
	uint32_t cursor;
	uint32_t max;
	struct weft_session_filter filter;
};
static_assert(sizeof(struct weft_msg_session_list) == 76, "wire layout");

/* The payload of SESSION_ENTRIES: n of struct weft_session follow. */
struct weft_msg_sessions {
	uint32_t n;
	uint32_t pad;
};

/* All that match end; those that come meanwhile perhaps. */
struct weft_msg_session_flush {
	struct weft_session_filter filter;
};

struct weft_msg_session_end {
	uint64_t n;	 /* that were told, or ended */
	uint32_t cursor; /* where to go on; 0: these were all */
	uint32_t pad;
};

/* The last dropped packets, at most max of each port, from cursor on, which is 0 at first. */
struct weft_msg_drop_list {
	uint32_t port; /* id; 0: all */
	uint32_t max;
	uint32_t cursor;
	uint32_t pad;
};

/* The payload of DROP_RECORDS: n of struct weft_drop_record follow; a port's newest first. */
struct weft_msg_drop_records {
	uint32_t n;
	uint32_t cursor; /* where to go on; 0: these were all */
	uint64_t now_ms; /* on the clock of the records */
};

/* n_frames times a struct weft_trace_frame follow, as if received one after another by these ports
 * now, at most WEFT_TRACE_FRAMES_MAX. TRACE asks what would happen to them and changes nothing: the
 * later ones meet the sessions that the earlier ones would have made. PROBE, for writers only and
 * of one frame, lets it really happen, with its steps told to whoever watches, whatever the filter.
 * From the Ethernet header on, an uplink's from the outer one; without offloads. */
#define WEFT_TRACE_FRAME_MAX  9728
#define WEFT_TRACE_FRAMES_MAX 4
struct weft_msg_trace {
	uint32_t n_frames;
	uint32_t pad;
};
static_assert(sizeof(struct weft_msg_trace) == 8, "wire layout");

/* What would happen: n_steps of struct weft_trace_record follow, then n_frames times a struct
 * weft_trace_frame. */
struct weft_msg_trace_report {
	uint64_t generation;
	uint32_t n_steps;
	uint32_t n_more_steps; /* that found no room */
	uint32_t n_frames;
	uint32_t n_more_frames; /* that found no room */
	uint32_t n_waiting;	/* fragments that wait for this one and would follow it */
	uint32_t pad;
};
static_assert(sizeof(struct weft_msg_trace_report) == 32, "wire layout");

/* A frame that comes in, or would leave, by that port; stored bytes follow, padded to 8. */
struct weft_trace_frame {
	uint32_t port;	 /* id; of an uplink too */
	uint32_t packet; /* the number of the one that it was, from 0; 0 in requests */
	uint32_t size;
	uint32_t stored; /* size, or in a report 0: no room for it */
};
static_assert(sizeof(struct weft_trace_frame) == 16, "wire layout");

/* Bytes to the next one. */
static inline uint32_t weft_trace_frame_size(const struct weft_trace_frame *f)
{
	return sizeof(*f) + ((f->stored + 7) & ~7u);
}

/* From now on steps of such packets come as events to this client, until UNWATCH or its end. One
 * client at a time: EBUSY; the same one may change its filter. */
struct weft_msg_watch {
	struct weft_watch_filter filter;
};

/* n of struct weft_trace_record follow, those of a packet in order. */
struct weft_event_trace {
	uint32_t n;
	uint32_t skipped; /* packets, or drops, that were more than the rate since WATCH */
	uint64_t now_ms;  /* on the clock of the records */
	uint64_t lost;	  /* records that found no room since WATCH */
};
static_assert(sizeof(struct weft_event_trace) == 24, "wire layout");

/* The tables that the data plane shares with the kernel's fast path (ebpf/include/weft_bpf), for
 * writers only, with a descriptor of each map in the order of enum weft_fastpath_map; it maps them
 * into its memory. Before the first transaction, so that what another data plane left there goes on
 * until this one has a configuration. The same tables again change nothing; others than before are
 * refused (EBUSY): the data plane has to be started anew for them. */
struct weft_msg_fastpath {
	uint64_t id; /* of these tables, random */
	uint32_t n_buckets;
	uint32_t n_dirs;
	uint32_t n_cpus; /* rows of the port counters and of traces */
	uint32_t pad;
};
static_assert(sizeof(struct weft_msg_fastpath) == 24, "wire layout");

/* Returns the name of the member that makes no sense, or NULL. */
const char *weft_fastpath_wrong(const struct weft_msg_fastpath *m);

enum weft_fastpath_map {
	WEFT_FASTPATH_CONTROL,
	WEFT_FASTPATH_EPOCHS,
	WEFT_FASTPATH_BUCKETS,
	WEFT_FASTPATH_DIRS,
	WEFT_FASTPATH_TUNNELS,
	WEFT_FASTPATH_PORT_CNT,
	WEFT_FASTPATH_TRACE,
	WEFT_FASTPATH_MAPS,
};
static_assert(WEFT_FASTPATH_MAPS <= WEFT_MSG_FDS_MAX, "sent along with one message");

enum weft_fastpath_port_flag {
	WEFT_FASTPATH_ON = 1 << 0,	/* a program is on the interface: what it leaves to the data
					 * plane comes in marked, and what comes unmarked it has seen */
	WEFT_FASTPATH_PEER = 1 << 1,	/* a veth whose other end is in another namespace */
	WEFT_FASTPATH_XDP = 1 << 2,	/* whose other end takes XDP frames */
	WEFT_FASTPATH_DELIVER = 1 << 3, /* uplink: the program that takes over from XDP is there */
};

/* What the fast path's programs are to a port that sits on a kernel interface, for writers only.
 * The port need not exist yet: it is remembered until flags are 0, or the connection's successor
 * says otherwise. */
struct weft_msg_fastpath_port {
	uint32_t port;	  /* id */
	uint32_t ifindex; /* 0 with no flags */
	uint32_t flags;	  /* enum weft_fastpath_port_flag */
	uint32_t pad;
};
static_assert(sizeof(struct weft_msg_fastpath_port) == 16, "wire layout");

/* As weft_fastpath_wrong. */
const char *weft_fastpath_port_wrong(const struct weft_msg_fastpath_port *m);

#endif
