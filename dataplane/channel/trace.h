/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What would happen to frames: TRACE's answer. Main thread.
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
/* Frees what trace_run keeps from one call to the next. */
void trace_fini(void);

#endif
