/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The methods as data: the one list behind dispatch, checking of parameters, rpc.describe, the
 * help, the reference page and completion. Free of sockets and of the engine, so that a build-time
 * program can print it.
 */
#ifndef RPC_METHOD_H
#define RPC_METHOD_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include <model/object.h>

enum rpc_type {
	RPC_BOOL = 1,
	RPC_UINT,
	RPC_STRING,
	RPC_STRINGS, /* array of strings */
	RPC_OBJECT,
	RPC_OBJECTS, /* array of objects */
};

struct rpc_param {
	const char *name; /* NULL ends a table */
	enum rpc_type type;
	bool required;
	uint64_t min, max; /* RPC_UINT; arrays: of the number of elements */
	uint64_t fallback; /* RPC_UINT and RPC_BOOL, when absent and not required */
	const char *help;
	const struct rpc_param
		*of; /* RPC_OBJECT, RPC_OBJECTS: its members; NULL: not stated here */
};

enum rpc_access {
	RPC_READ = 1,
	RPC_WRITE, /* operators only */
};

/* Methods of every kind, called "<kind>.<name>". X(IDENTIFIER, "name", handler, access, takes the
 * kind's fields, "what it does", "what it answers") */
#define RPC_KIND_METHODS(X)                                                                        \
	X(CREATE, "create", object_create, RPC_WRITE, true,                                        \
		"Adds an object; its name must not exist. Parameters: its fields.",                \
		"name, id, revision")                                                              \
	X(PUT, "put", object_put, RPC_WRITE, true,                                                 \
		"Adds an object or replaces it whole: fields not given get their defaults.",       \
		"name, id, revision, changed")                                                     \
	X(UPDATE, "update", object_update, RPC_WRITE, true,                                        \
		"Changes the given fields of an object that exists; of an uplink too, unless its " \
		"kind is given, which begins a new one.",                                          \
		"name, id, revision, changed")                                                     \
	X(DELETE, "delete", object_delete, RPC_WRITE, false,                                       \
		"Deletes an object. Refused while others refer to it.", "name, revision")          \
	X(GET, "get", object_get, RPC_READ, false, "One object with all its fields.",              \
		"object, id, revision")                                                            \
	X(LIST, "list", object_list, RPC_READ, false,                                              \
		"Objects in order of name, a page at a time.",                                     \
		"objects, next (pass it as \"after\" for the next page; null at the end), "        \
		"revision")

/* X(IDENTIFIER, "name", handler, access, "what it does", "what it answers") */
#define RPC_METHODS(X)                                                                             \
	X(TRANSACT, "transact", transact, RPC_WRITE,                                               \
		"Carries out all of the ops, in order, as one transaction, or none of them. An "   \
		"op "                                                                              \
		"is {verb, kind, object} or {verb, kind, name}, verb one of create, put, update, " \
		"delete.",                                                                         \
		"revision, created, updated, deleted (counts), changes")                           \
	X(APPLY, "apply", apply, RPC_WRITE,                                                        \
		"Makes everything as the document says, as one transaction. The document has an "  \
		"array of objects per kind, under the kind's plural name.",                        \
		"revision, created, updated, deleted (counts), changes: kind, name, action, "      \
		"fields (of updates, with from and to)")                                           \
	X(EXPORT, "export", export, RPC_READ,                                                      \
		"Everything as a document that apply takes, a page at a time.",                    \
		"document, next (pass it as \"after\"; null at the end), revision")                \
	X(ADDRESS_SET_ADD, "address-set.add", address_set_add, RPC_WRITE,                          \
		"Adds prefixes to an address set, those that it has already apart.",               \
		"name, revision, changed, prefixes (how many it has now)")                         \
	X(ADDRESS_SET_REMOVE, "address-set.remove", address_set_remove, RPC_WRITE,                 \
		"Removes prefixes from an address set, as far as it has them.",                    \
		"name, revision, changed, prefixes (how many it has now)")                         \
	X(STATUS, "status", status, RPC_READ,                                                      \
		"Processes, ports, VTEPs, revision and generation, and what is wrong in words.",   \
		"host, weftd, dataplane, objects, ports, vteps, fastpath: state (on, off, "        \
		"failed: "                                                                         \
		"the kernel refused, waiting or refused: by the data plane), text (why), folder, " \
		"kept (from before weftd's start), sessions: now, max, no_place and no_room "      \
		"(that "                                                                           \
		"stayed with the data plane since its start, as their place in the hash, or all "  \
		"of "                                                                              \
		"the table, was taken), adopted (from the data plane before); interfaces: "        \
		"interface, port, fast, text (why not), programs: name, mode (tc, native, "        \
		"generic), repaired (how often somebody had taken them off); rpc, warnings")       \
	X(STATS_PORTS, "stats.ports", stats_ports, RPC_READ,                                       \
		"Counters of this host's ports, since each was added.",                            \
		"ports: port, id, rx_packets, rx_bytes, tx_packets, tx_bytes, added, sent, "       \
		"answered, learn_refused, dropped")                                                \
	X(STATS_WORKERS, "stats.workers", stats_workers, RPC_READ,                                 \
		"Where the workers' time went, since the data plane's start. Stages are timed in " \
		"one burst of 61: the cycles of a stage, by timed_packets, are what it takes "     \
		"for a packet. apply is tracking, rewriting and encapsulation. A round over the "  \
		"queues is long from 64 us on; long_rounds counts those from 64 us, 256 us, 1 "    \
		"ms, "                                                                             \
		"4 ms, 16 ms and 65 ms up, which others that took the processor are in.",          \
		"workers: worker, busy_cycles, idle_cycles, asleep_cycles, sleeps, bursts, "       \
		"packets, burst_sizes, timed_bursts, timed_packets, stage_cycles (rx, parse, "     \
		"lookup, apply, slow_path, tx), longest_round_cycles, long_round_cycles, "         \
		"long_rounds; kernel: packets, bytes; tsc_hz")                                     \
	X(STATS_FASTPATH, "stats.fastpath", stats_fastpath, RPC_READ,                              \
		"What the kernel's programs of the fast path did since their tables were made. "   \
		"With an interval also what they cost: the answer comes after it, and meanwhile "  \
		"the whole kernel counts run times of BPF programs, some 20 ns for each run.",     \
		"state, text (as in status), interval_ms, programs: name, id, instructions, "      \
		"verified (instructions that the verifier looked at), hits (carried by it), "      \
		"passed (the host's own), dropped, misses (left to the data plane, by cause), "    \
		"and within the interval packets, runs, run_ns")                                   \
	X(DROPS, "drops", drops, RPC_READ, "Dropped packets by port and reason.",                  \
		"drops: port, reason, packets, help")                                              \
	X(DROPS_LIST, "drops.list", drops_list, RPC_READ,                                          \
		"The last dropped packets, newest first: what the data plane keeps of each port.", \
		"drops: port, number, age_ms, reason, help, size, frame (its beginning, in hex), " \
		"segment, vni, from_vtep, to_vtep, to_port, rule, rule_port, session")             \
	X(FDB_LIST, "fdb.list", fdb_list, RPC_READ,                                                \
		"The data plane's MAC table, learned entries included.",                           \
		"entries: segment, vni, mac, port or remote, learned; total (that match), "        \
		"truncated")                                                                       \
	X(FDB_FLUSH, "fdb.flush", fdb_flush, RPC_WRITE,                                            \
		"Forgets learned MACs: all, or those of a segment or a port.", "flushed")          \
	X(NEIGHBOUR_LIST, "neighbour.list", neighbour_list, RPC_READ,                              \
		"Addresses that the data plane answers ARP and ND for.",                           \
		"entries: segment, vni, address, mac; total (that match), truncated")              \
	X(SESSION_LIST, "session.list", session_list, RPC_READ,                                    \
		"Tracked connections of this host, a page at a time, in no order; those that "     \
		"begin or end meanwhile perhaps.",                                                 \
		"sessions: network, proto, state, half_open (not answered yet), valid (else its "  \
		"next packets are judged again), offloaded (the kernel carries its packets), "     \
		"age_s, idle_s, ends_s (if no packet comes), "                                     \
		"charged (the port whose quota it uses), forward and reply: segment, vni, src, "   \
		"sport, dst, dport, port (that sends it), out_port or vtep (where it goes), "      \
		"ruleset and rule (that let it pass at the sender, or at the receiver for "        \
		"reply), packets, bytes; next (pass it as \"after\"; null at the end)")            \
	X(SESSION_SHOW, "session.show", session_show, RPC_READ,                                    \
		"One session, by what packets of either of its directions look like.",             \
		"session (as in session.list)")                                                    \
	X(SESSION_FLUSH, "session.flush", session_flush, RPC_WRITE,                                \
		"Ends sessions: the next packet of each is judged as a new connection's.",         \
		"flushed (their number)")                                                          \
	X(TRACE_RUN, "trace.run", trace_run, RPC_READ,                                             \
		"What would happen to a packet, by the data plane's own code: nothing changes "    \
		"and nothing is sent. Give frame or packet, and where it enters: port, or "        \
		"from_vtep and vni.",                                                              \
		"verdict (delivered, sent, dropped, answered, waits, ended), reason and help (of " \
		"a drop), summary (a sentence) and frame (hex) of the first packet; packets "      \
		"(each "                                                                           \
		"that ran: packet (its number), answer, port, from_vtep, vni, frame, verdict, "    \
		"reason, help, summary); steps: packet, step, text and what it is about; frames "  \
		"(that would leave): packet, port, size, frame (absent: no room), of the uplink "  \
		"to_vtep, vni, inner; more_steps and more_frames (that found no room), waiting "   \
		"(fragments that would follow it), no_answer (why), generation")                   \
	X(TRACE_PROBE, "trace.probe", trace_probe, RPC_WRITE,                                      \
		"Sends a packet for real, as if a port of this host had just received it. Who "    \
		"watches is told its steps, whatever the filter. Parameters as in trace.run.",     \
		"frame (hex, as sent)")                                                            \
	X(TRACE_WATCH, "trace.watch", trace_watch, RPC_READ,                                       \
		"From now on sends notifications named \"trace.packet\" on this connection for "   \
		"real packets that enter by a port of this host and pass all of the filter: "      \
		"packet (a number), worker (unless the kernel carried it), age_ms, steps (as in "  \
		"trace.run), lost (steps so far for which there was no room, as the reader was "   \
		"too slow; a packet that the kernel carried counts as one), skipped (packets so "  \
		"far beyond the rate). One connection at a time; it may change its filter. No "    \
		"worker ever waits for it.",                                                       \
		"watching")                                                                        \
	X(TRACE_UNWATCH, "trace.unwatch", trace_unwatch, RPC_READ, "Ends trace.watch.",            \
		"watching")                                                                        \
	X(EVENTS_SUBSCRIBE, "events.subscribe", events_subscribe, RPC_READ,                        \
		"From now on sends notifications named \"event\" on this connection: port "        \
		"(state changes), fdb (learned, moved, aged, limit), policy (what a rule with "    \
		"log "                                                                             \
		"decided of a new session, or of a packet without one; per port rate limited, "    \
		"suppressed: how many were not told before), commit (of a transaction), "          \
		"dataplane (connected or not), fastpath (a program was taken off and is back). A " \
		"reader too slow for them is disconnected.",                                       \
		"subscribed")                                                                      \
	X(EVENTS_UNSUBSCRIBE, "events.unsubscribe", events_unsubscribe, RPC_READ,                  \
		"Ends events.subscribe.", "subscribed")                                            \
	X(VERSION, "version", version, RPC_READ, "What runs here.",                                \
		"release, host, jsonrpc, access (read or write: what the caller may do)")          \
	X(DESCRIBE, "rpc.describe", describe, RPC_READ,                                            \
		"This list: methods, parameters, kinds with their fields, error codes, limits.",   \
		"methods, kinds, errors, limits")

enum rpc_id {
	RPC_ID_NONE,
#define RPC_ID_ENUM(id, ...) RPC_##id,
	RPC_KIND_METHODS(RPC_ID_ENUM)
	RPC_METHODS(RPC_ID_ENUM)
#undef RPC_ID_ENUM
		RPC_ID_MAX
};

struct rpc_method {
	enum rpc_id id;
	const char *name; /* without the kind */
	enum rpc_access access;
	bool of_kind;	   /* called as "<kind>.<name>" */
	bool takes_fields; /* of the kind, besides params */
	const struct rpc_param *params;
	const char *help;
	const char *result;
};

/* The method of that full name, with its kind (0: of none). NULL: there is none; suggestion (may be
 * NULL) then gets a near name or "". */
const struct rpc_method *rpc_method_find(
	const char *name, enum model_kind *ret_kind, char *suggestion, size_t suggestion_size);

/* By enum rpc_id. */
extern const struct rpc_method rpc_methods[RPC_ID_MAX];

/* Whether a kind is listed by a filter of that name ("tenant", "segment", "host"). */
bool rpc_param_fits_kind(const struct rpc_param *p, enum model_kind kind);

/* The answer to rpc.describe. */
struct json_object *rpc_describe(void);

#endif
