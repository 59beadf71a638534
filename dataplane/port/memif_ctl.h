/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control protocol of memif as a state machine without sockets: a message in, at most one
 * message out. Main thread; fed with anything by tests/fuzz.
 */
#ifndef PORT_MEMIF_CTL_H
#define PORT_MEMIF_CTL_H

#include <stddef.h>
#include <sys/queue.h>

#include <port/port.h>

#include "memif_shm.h"

enum memif_state {
	MEMIF_STATE_WAIT_HELLO = 1, /* client */
	MEMIF_STATE_WAIT_ACK,
	MEMIF_STATE_WAIT_CONNECTED,
	MEMIF_STATE_WAIT_INIT, /* server */
	MEMIF_STATE_WAIT_CONNECT,
	MEMIF_STATE_UP,
};

struct memif_conn;
/* Server: the port that interface id of this socket belongs to, or NULL with *wrong set. */
typedef struct port *memif_claim_fn(struct memif_conn *c, uint32_t id, const char **wrong);

struct memif_conn {
	enum memif_state state;
	struct port *port; /* server: NULL before INIT */
	struct memif_shm *shm;
	memif_claim_fn *claim;
	void *claim_arg;
	uint16_t n_sent;  /* client: messages after INIT that were sent */
	char reason[128]; /* why it must end */

	/* The socket's side (memif.c). */
	int fd;
	uint64_t born_us;
	LIST_ENTRY(memif_conn) link; /* on its listener, as long as port is NULL */
};

struct memif_reply {
	bool send;
	int fd; /* to send along, not to be closed; -1: none */
	struct memif_msg msg;
};

/* Server: fills the first message, HELLO. */
void memif_ctl_hello(struct memif_reply *reply);
/* What the peer sent: size bytes and a descriptor or -1, which is the caller's. Returns 0, or
 * -EPROTO with c->reason set: the connection must end; reply then says so to the peer. */
int memif_ctl_receive(
	struct memif_conn *c, const void *bytes, size_t size, int fd, struct memif_reply *reply);
/* Fills a DISCONNECT with c->reason. */
void memif_ctl_goodbye(const struct memif_conn *c, struct memif_reply *reply);

#endif
