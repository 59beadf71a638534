/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel as the peer of a port: tenants in namespaces, sockets in them, and a relay that joins
 * two ports as the pipeline would, offload metadata included. Everything is bounded in time.
 */
#ifndef KERNEL_PEER_H
#define KERNEL_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <port/port.h>

#define PEER_DEADLINE_MS 10000

/* What a relay saw. */
struct relay_stats {
	uint64_t frames;
	uint64_t partial; /* with RX_L4_CKSUM_NONE */
	uint64_t gso;	  /* with RX_LRO */
	uint64_t queues;  /* bit q: a frame came from queue q */
	uint64_t tx_refused;
	uint32_t longest;
};

/* A port of that kind on that device, open. Fails the test otherwise. */
struct port *peer_port_open(enum weft_port_kind kind, const char *device, uint16_t n_queues,
	uint16_t mtu, int fd, unsigned int n_workers);
/* Polls the state until it is that. */
void peer_wait_state(struct port *p, enum weft_port_state state);

/* Moves frames between the two ports once, both directions, all queues. */
void relay_once(struct port *a, struct port *b, struct relay_stats *stats);
/* Relays until all children have ended; fails the test when one failed or time is up. */
void relay_until(struct port *a, struct port *b, const pid_t *children, unsigned int n,
	struct relay_stats *stats);

/* Child processes in a namespace. Addresses are IPv4 or IPv6 text. TCP: source sends size bytes of
 * a pattern, sink expects exactly them. UDP: ping sends n datagrams of size bytes (each from
 * another port) and expects each back within the deadline; echo answers n. */
pid_t peer_tcp_sink(int ns, const char *addr, uint16_t port, uint64_t size);
pid_t peer_tcp_source(int ns, const char *addr, uint16_t port, uint64_t size);
pid_t peer_udp_echo(int ns, const char *addr, uint16_t port, unsigned int n);
pid_t peer_udp_ping(int ns, const char *addr, uint16_t port, unsigned int n, unsigned int size);

/* A raw socket on an interface of that namespace. */
int peer_raw_socket(int ns, const char *device);
/* The next frame of rx within the deadline, or fails the test. */
struct rte_mbuf *peer_receive(struct port *p);
/* Frames with ethertype 0x88b5 (local experimental) so that nothing else is mistaken for them. */
unsigned int peer_frame(uint8_t *buf, unsigned int len, uint32_t number);
bool peer_is_frame(const uint8_t *b, unsigned int len, uint32_t *ret_number);

uint64_t peer_now_ms(void);

#endif
