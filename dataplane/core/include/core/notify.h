/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Telling the service manager how we are (sd_notify(3)'s protocol, without its library).
 */
#ifndef CORE_NOTIFY_H
#define CORE_NOTIFY_H

/* Sends a state such as "READY=1" to $NOTIFY_SOCKET; does nothing when there is none. */
void notify_service(const char *state);

#endif
