/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tells the service manager about start, state and health, as sd_notify(3) says: a datagram to the
 * socket in NOTIFY_SOCKET. Does nothing when there is none.
 */
#ifndef CCORE_NOTIFY_H
#define CCORE_NOTIFY_H

#include <stdint.h>

/* state: lines such as "READY=1", "STATUS=...", "STOPPING=1", "WATCHDOG=1". */
void notify_send(const char *state);
/* How often "WATCHDOG=1" is expected at least, in microseconds; 0: not at all. */
uint64_t notify_watchdog_us(void);

#endif
