/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What codec.c asks of codec_trace.c. Private to this folder. Pure; any thread.
 */
#ifndef API_CODEC_TRACE_H
#define API_CODEC_TRACE_H

#include <stddef.h>

#include <weft/msg.h>

/* With room bytes behind the payload. 0, or -EBADMSG and what is wrong in text (WEFT_TEXT_SIZE). */
int codec_check_trace(const struct weft_msg_trace *t, size_t room, char *text);
int codec_check_report(const struct weft_msg_trace_report *head, size_t room, char *text);

#endif
