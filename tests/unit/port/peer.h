/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other end of a port under test: dpdk-testpmd in a process of its own, sending back on each
 * port what it receives there, and a worker thread of the test that keeps frames going round.
 */
#ifndef TEST_PORT_PEER_H
#define TEST_PORT_PEER_H

#include <pthread.h>

#include <port/port.h>

/* Exits the test program with 77 and the reason when dpdk-testpmd is not installed. */
void peer_require(void);
/* A directory for sockets, made once per process and removed by peer_cleanup (atexit). */
const char *peer_dir(void);

struct peer;
/* vdev: the device argument. options: further arguments of testpmd itself, separated by blanks. The
 * process dies with the test. */
struct peer *peer_start(const char *vdev, const char *options);
/* SIGKILL and wait. Accepts NULL. */
void peer_kill(struct peer *peer);
/* After a test that failed: kills the peer it left, if any. */
void peer_kill_left(void);
/* Takes the memory that the peer shares away from both. */
void peer_truncate_memory(struct peer *peer);
bool peer_is_alive(struct peer *peer);

/* True as soon as the port is up (or down); false after ten seconds. Polls the port's state. */
bool wait_for_link(struct port *p, bool up);
/* The same for a link with exactly these offloads: a driver may start twice. */
bool wait_for_offloads(struct port *p, uint32_t offloads);

/* A worker: sends numbered frames, checks those that come back. */
struct traffic {
	struct port *port;
	uint32_t size;	      /* of frames; above 1500 they are chains */
	uint32_t n_in_flight; /* sent before waiting for the first to come back; default 64 */
	uint16_t gso_size;    /* frames are TCP with this segment size; 0: plain */
	_Atomic uint64_t sent, received;
	_Atomic uint64_t bad; /* came back changed */
	_Atomic uint64_t gso_received;
	_Atomic bool stop;
	pthread_t thread;
};
void traffic_start(struct traffic *t);
/* True when n frames more than now have come back; false after ten seconds. Polls the state. */
bool traffic_wait(struct traffic *t, uint64_t n);
void traffic_stop(struct traffic *t);

#endif
