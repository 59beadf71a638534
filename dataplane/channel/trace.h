/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames that clients give: what would happen to them (TRACE), and making it happen (PROBE). Main
 * thread.
 */
#ifndef CHANNEL_TRACE_H
#define CHANNEL_TRACE_H

#include <stddef.h>

#include <weft/codec.h>

#define TRACE_REPORT_MAX (WEFT_MSG_SIZE_MAX - sizeof(struct weft_msg_hdr))

/* Runs the frames of a request that weft_msg_check accepted and writes the payload of TRACE_REPORT
 * into buf, of TRACE_REPORT_MAX. Returns its size, or -errno with text: -ENOENT for a port that is
 * not there, -ENOMEM. */
int trace_run(const struct weft_msg_trace *request, void *buf, char text[WEFT_TEXT_SIZE]);
/* Hands the only frame to the worker that polls its port. Returns 0, or -errno with text: -ENOENT,
 * -ENOMEM, -EINVAL: it is not one frame, -ENETDOWN: the port is down, -EBUSY: try again. */
int trace_probe(const struct weft_msg_trace *request, char text[WEFT_TEXT_SIZE]);
/* Frees what trace_run keeps from one call to the next. */
void trace_fini(void);

#endif
