/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP connections (RFC 9293), opened and closed at once: SYN, SYN-ACK, ACK, FIN-ACK, FIN-ACK, ACK.
 * The client's end is on the stream's sending port, the server's on its receiving one; each
 * checks the other's numbers and checksums. Answers are made of what they answer to, so
 * that address translation and tunnels between the ends do not matter. Nothing is sent again: a
 * connection that loses a packet fails.
 */
#ifndef PKTGEN_TCP_H
#define PKTGEN_TCP_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "gen.h"

#define TCP_QUEUE_SIZE 1024
#define TCP_TIMEOUT_S  1.0

struct tcp_connection {
	uint64_t began; /* cycles */
	uint32_t isn;
	uint32_t state; /* enum tcp_state */
};

enum tcp_state {
	TCP_CLOSED,
	TCP_SYN_SENT,
	TCP_FIN_SENT
};

/* Packets to be sent on a port. */
struct tcp_queue {
	struct gen_port *port;
	uint32_t n;
	struct rte_mbuf *pkts[TCP_QUEUE_SIZE];
};

struct tcp {
	struct gen_stream *s;
	struct tcp_connection *connections;
	uint32_t n, next, oldest;
	uint32_t n_open;
	uint64_t random, server_secret;
	uint64_t timeout; /* cycles */
	struct tcp_queue client, server;
	/* Of this trial. Connections begun and completed are the stream's sent and received. */
	uint64_t established;
	uint64_t accepted, finished; /* as the server saw it */
	uint64_t timed_out;
	uint64_t bad;	  /* packets with wrong numbers or checksums, or for no connection */
	uint64_t dropped; /* answers for which a port had no room */
	uint64_t packets_sent, packets_received;
};

/* Returns NULL when there is no memory. */
struct tcp *tcp_new(struct gen_stream *s, uint64_t hz, uint64_t seed);
void tcp_free(struct tcp *t);
/* Forgets all connections and counters. */
void tcp_clear(struct tcp *t);

/* Begins the connections that are due (none with opening false), gives up old ones, sends what is
 * queued. */
void tcp_poll(struct gen *g, struct tcp *t, uint64_t now, bool opening);
/* True when m is a TCP packet of the connections that begin or end at p: it is taken then. */
bool tcp_input(const struct gen_port *p, struct rte_mbuf *m, uint64_t now);

#endif
