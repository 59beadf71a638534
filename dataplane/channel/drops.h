/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flight recorder's answer to a client, a bounded part at a time. Main thread.
 */
#ifndef CHANNEL_DROPS_H
#define CHANNEL_DROPS_H

#include <stddef.h>

#include <weft/msg.h>

/* Writes the payload of DROP_RECORDS into buf; returns its size, 0 when there is no such port. size
 * must have room for one port's records. */
size_t drops_read(const struct weft_msg_drop_list *request, void *buf, size_t size);

#endif
