/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The devices behind the ports: opened when nothing stands in the way, watched, closed and opened
 * anew. Main thread.
 *
 * A device goes only after a grace period, and what comes later waits for it: a new device may be
 * the same socket path or interface.
 */
#ifndef CHANNEL_DEVICES_H
#define CHANNEL_DEVICES_H

#include <stdbool.h>
#include <stdint.h>

#include <port/port.h>

/* The configuration published now has dev as the device of its slot. fd: the descriptor that
 * came with the port, owned from now on, or -1. */
void device_add(struct port *dev, int fd);
/* The device of the slot goes: the configuration published now does not have it any more. */
void device_remove(uint16_t slot);

/* Opens what waits, retries what is missing, polls states in turn. */
void devices_tick(uint64_t now_ms, unsigned int n_workers);
/* Whether all that came was tried to open, at least once. */
bool devices_settled(void);
/* Fills what an event would say now. False: no such port. */
bool device_state(uint16_t slot, struct weft_event_port *ret);
/* Closes everything; no worker runs any more, rcu_reclaim has run since the last removal. */
void devices_fini(void);

#endif
