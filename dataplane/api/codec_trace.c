/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Form of the messages of traces: frames, reports, filters. Pure; any thread.
 */
#include <errno.h>
#include <stdio.h>

#include <weft/codec.h>

#include "codec_trace.h"

int codec_check_frame(const struct weft_msg_trace *t, size_t room, char *text)
{
	const char *wrong = NULL;

	if (t->size == 0)
		wrong = "is empty";
	else if (t->size > WEFT_TRACE_FRAME_MAX)
		wrong = "is too long";
	else if (t->size != room)
		wrong = "has another size than stated";
	if (!wrong)
		return 0;
	snprintf(text, WEFT_TEXT_SIZE, "the frame %s (%u bytes, at most %u)", wrong, t->size,
		WEFT_TRACE_FRAME_MAX);
	return -EBADMSG;
}

/* The frames of a report, in room bytes. */
static const char *frames_wrong(const uint8_t *p, size_t room, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct weft_trace_frame *f = (const void *)p;

		if (room < sizeof(*f))
			return "has fewer frames than stated";
		if (f->stored > room - sizeof(*f) || weft_trace_frame_size(f) > room)
			return "has a frame that is cut short";
		if (f->stored != 0 && f->stored != f->size)
			return "has a part of a frame";
		p += weft_trace_frame_size(f);
		room -= weft_trace_frame_size(f);
	}
	return room == 0 ? NULL : "has bytes left over";
}

int codec_check_report(const struct weft_msg_trace_report *head, size_t room, char *text)
{
	size_t steps = (size_t)head->n_steps * sizeof(struct weft_trace_record);
	const char *wrong;

	if (steps > room)
		wrong = "has fewer steps than stated";
	else
		wrong = frames_wrong(
			(const uint8_t *)(head + 1) + steps, room - steps, head->n_frames);
	if (!wrong)
		return 0;
	snprintf(text, WEFT_TEXT_SIZE, "the report %s", wrong);
	return -EBADMSG;
}

const char *weft_watch_wrong(const struct weft_watch_filter *f)
{
	if (f->vni > 0xffffff)
		return "vni";
	if (f->src.len > 128 || !weft_prefix_host_bits_zero(&f->src))
		return "src";
	if (f->dst.len > 128 || !weft_prefix_host_bits_zero(&f->dst))
		return "dst";
	if (f->flags & ~WEFT_WATCH_EITHER)
		return "flags";
	if (f->pad)
		return "pad";
	if (f->rate == 0 || f->rate > WEFT_WATCH_RATE_MAX)
		return "rate";
	return NULL;
}
