/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The compiler from intent to the data plane's tables, as seen from one host. Pure: no I/O, no
 * clock.
 *
 * Only segments with a port on this host are programmed. Two hosts reach each other by IPv4 when
 * both have an IPv4 VTEP, else by IPv6. Nothing remote is programmed before compile_note_link told
 * of a kernel uplink's MAC: who has a running data plane to take over waits for that first.
 *
 * Incremental: a change of objects or of the underlay marks output keys dirty, and only those are
 * computed again and compared with what was emitted before. compile_full computes everything; a
 * test proves that both agree. One file per output table.
 */
#ifndef COMPILE_COMPILE_H
#define COMPILE_COMPILE_H

#include <model/model.h>
#include <weft/msg.h>

/* What the kernel (or configuration) says of the way to one remote VTEP; from host/. */
struct underlay_path {
	struct weft_addr remote;
	struct weft_mac dst_mac;
	struct weft_mac src_mac;
	uint16_t mtu; /* of the way, outer IP packet */
	bool resolved;
};

/* What is known of this host's own uplink interface. */
struct underlay_link {
	struct weft_mac mac;
	uint16_t mtu;
	bool up;
};

/* Receives one op. For AF_XDP ports the sender adds the descriptor. */
typedef void (*compile_emit_fn)(
	void *arg, enum weft_table table, enum weft_op_verb verb, const union weft_entry *entry);

struct compiler;

/* The port ids of this host's uplink, and of the port toward the metadata proxy, which is there
 * when the host has an endpoint; ids of objects are smaller. */
#define COMPILE_UPLINK_ID  0x80000000u
#define COMPILE_SERVICE_ID 0x80000001u
/* Its MAC, and what its interface is called. */
#define COMPILE_SERVICE_MAC                                                                        \
	{                                                                                          \
		.b = { 0x02, 0x57, 0x45, 0x46, 0x54, 0x02 }                                        \
	}
#define COMPILE_SERVICE_DEVICE "weft-metadata"

/* host: this host's name. The model must outlive the compiler. */
struct compiler *compile_new(const struct model *m, const char *host);
void compile_free(struct compiler *c);

/* Every change of the model (after its check, before its commit or rollback frees what was before)
 * and of the underlay is told here, then compile_run (after the commit) emits the ops that lead
 * from what was emitted before to what should be, in an order that never lacks a reference: PUTs,
 * those of what others refer to first, then DELETEs in reverse. The first run emits all. */
void compile_note(struct compiler *c, const struct model_change *changes, size_t n);
void compile_note_path(struct compiler *c, const struct underlay_path *path);
void compile_note_link(struct compiler *c, const struct underlay_link *link);
void compile_run(struct compiler *c, compile_emit_fn emit, void *arg);

/* Emits all entries that should be (PUT), what others refer to first; changes nothing. */
void compile_full(const struct compiler *c, compile_emit_fn emit, void *arg);
/* The remote VTEPs whose way host/ should follow. Calls fn for each. */
void compile_remotes(const struct compiler *c,
	void (*fn)(void *arg, const struct weft_addr *local, const struct weft_addr *remote),
	void *arg);

/* The object behind a rule set that is programmed on this host: a security group's or policy's full
 * name, valid until the next change; a rule's id is its place in the object's list, from 1. NULL:
 * there is none with that id. */
const char *compile_ruleset_name(const struct compiler *c, uint32_t id, enum model_kind *ret_kind);
/* The full name of a router that this host has to do with; NULL: there is none with that id. */
const char *compile_router_name(const struct compiler *c, uint32_t id);
/* The full name of this host's port with that id; NULL: there is none. */
const char *compile_local_port(const struct compiler *c, uint32_t id);

/* For weft status: the remote VTEPs that this host has to do with, whatever its uplink. Those that
 * can't be programmed or reached yet lack WEFT_VTEP_RESOLVED. */
void compile_vteps(
	const struct compiler *c, void (*fn)(void *arg, const struct weft_vtep *vtep), void *arg);

#endif
