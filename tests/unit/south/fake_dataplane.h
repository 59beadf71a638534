/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A data plane for tests of south: speaks the channel on a Unix socket from the test's own event
 * loop, keeps what was committed as plain ops, and can be told to misbehave at any message.
 */
#ifndef FAKE_DATAPLANE_H
#define FAKE_DATAPLANE_H

#include <event2/event.h>

#include <weft/client.h>
#include <weft/stats.h>

#define FAKE_ENTRIES  4096
#define FAKE_RECEIVED 64

struct fake_entry {
	enum weft_table table;
	union weft_entry entry;
};

struct fake_dataplane {
	struct event_base *base;
	char path[108];
	int listener;
	struct event *accept_event;
	int peer; /* -1: nobody is connected */
	struct event *peer_event;
	int stats_fd;
	uint64_t boot_id;
	uint64_t generation;

	struct fake_entry table[FAKE_ENTRIES];
	size_t n_entries;
	struct weft_op_hdr txn_hdr[FAKE_ENTRIES];
	struct fake_entry txn[FAKE_ENTRIES];
	size_t n_txn;
	size_t n_fds; /* that came with ops */

	uint64_t tables_id; /* of the fast path; 0: none yet */

	/* orders */
	enum weft_msg_type hang_up_at; /* closes on receiving that, once */
	enum weft_msg_type mute_at;    /* does not answer that */
	uint32_t refuse_op; /* refuses the commit with this op's number, n_refusals times */
	unsigned int n_refusals;

	/* what happened */
	unsigned int n_hellos, n_dumps, n_commits;
	size_t last_txn_ops;
	uint16_t received[FAKE_RECEIVED]; /* types of the first messages */
	unsigned int n_received;
};

void fake_start(struct fake_dataplane *f, struct event_base *base);
/* Also removes the socket. */
void fake_stop(struct fake_dataplane *f);
/* As kill -9 and a start: tables are gone, the boot id is new. */
void fake_restart(struct fake_dataplane *f);
void fake_hang_up(struct fake_dataplane *f);
void fake_put(struct fake_dataplane *f, enum weft_table table, const union weft_entry *entry);
void fake_send(struct fake_dataplane *f, enum weft_msg_type type, uint32_t seq, const void *payload,
	size_t size);

#endif
