/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One connected client, as server.c (sockets) and request.c (meaning of requests) share it. Main
 * thread.
 *
 * While a client has a reply, a dump or a walk over sessions that its socket does not take, nothing
 * is read from it: so what it makes us keep is bounded by one message and its transaction.
 */
#ifndef CHANNEL_CLIENT_H
#define CHANNEL_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <channel/txn.h>

#include "dump.h"
#include "events.h"
#include "session_walk.h"

struct client {
	TAILQ_ENTRY(client) link;
	int fd;
	bool greeted; /* HELLO was accepted */
	bool writer;
	bool doomed;	/* close once what is queued is sent */
	bool dead;	/* close now; by server.c at a safe place */
	uint32_t armed; /* what epoll watches for */
	uint64_t since_ms;
	uint32_t pid;
	char name[32];
	struct txn *txn;
	struct dump dump;
	bool dumping;
	struct session_walk walk;
	bool walking;
	struct event_queue *events; /* NULL: wants none */
	size_t pending_size;	    /* a reply that waits for room, 0: none */
	int pending_fd;
	uint8_t *pending;
};

/* request.c. msg has been checked; fds that are taken become -1. */
void request_handle(struct client *c, const void *msg, int *fds, unsigned int n_fds);

/* server.c. Sends a reply now or when there is room; at most one per request, of WEFT_MSG_SIZE_MAX.
 * fd: to send along, not owned; -1: none. */
void client_reply(struct client *c, enum weft_msg_type type, uint32_t seq, const void *payload,
	size_t size, int fd);
void client_error(struct client *c, uint32_t seq, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The client that holds transactions, or NULL. One that has hung up does not count: it is dead. */
struct client *server_writer(void);
uint64_t server_boot_id(void);

#endif
