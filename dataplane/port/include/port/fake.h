/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The test double: a port whose peer is the test. Frames injected come out of rx, frames given to
 * tx are captured, and every failure that a device can show is had on demand.
 *
 * Part of test and benchmark programs only (portfake_dep): fake_register() adds the kind. A test
 * may run on another thread than the worker; each queue's rings take one thread at either end.
 */
#ifndef PORT_FAKE_H
#define PORT_FAKE_H

#include <port/port.h>

#define FAKE_RING_SIZE	4096 /* frames per queue and direction */
#define FAKE_ACCEPT_ALL UINT32_MAX

/* Adds WEFT_PORT_FAKE to the kinds. A port opens with its link up and every offload. */
void fake_register(void);
/* From now on open fails with -error and "no such device" for ports of this device name; 0: works
 * again. One name at a time; NULL: every name. */
void fake_fail_open(const char *device, int error);

/* Ownership of m passes when it returns true; false: the ring is full. */
bool fake_inject(struct port *p, uint16_t queue, struct rte_mbuf *m);
/* Next frame sent on that queue, or NULL; the caller's. */
struct rte_mbuf *fake_capture(struct port *p, uint16_t queue);
/* Next frame sent on any queue. */
struct rte_mbuf *fake_capture_any(struct port *p);
/* Frames waiting: injected and not yet received, sent and not yet captured. */
unsigned int fake_pending_rx(struct port *p, uint16_t queue);
unsigned int fake_pending_tx(struct port *p, uint16_t queue);

/* State follows at the next port_poll_state, as with a real device. */
void fake_set_link(struct port *p, bool up);
/* The device is gone for good: port_poll_state says so. */
void fake_set_gone(struct port *p);
/* tx takes n more frames over all queues, then refuses. */
void fake_set_tx_accept(struct port *p, uint32_t n);
/* The peer delivers n broken descriptors: counted in rx_errors at the next rx. */
void fake_add_rx_errors(struct port *p, uint32_t n);
void fake_set_offloads(struct port *p, uint32_t offloads);
/* Sent frames are freed at once instead of captured: a sink for benchmarks. */
void fake_set_sink(struct port *p, bool sink);

#endif
