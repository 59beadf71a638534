/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Form of the messages of traces: frames, reports, filters. Pure; any thread.
 */
#include <errno.h>
#include <stdio.h>

#include <weft/codec.h>

#include "codec_trace.h"

/* n frames in room bytes. */
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

static const char *request_wrong(const struct weft_msg_trace *t, size_t room)
{
	const char *wrong = frames_wrong((const uint8_t *)(t + 1), room, t->n_frames);
	const struct weft_trace_frame *f = (const void *)(t + 1);

	if (t->n_frames == 0 || t->n_frames > WEFT_TRACE_FRAMES_MAX)
		return "has no frame, or too many";
	for (uint32_t i = 0; !wrong && i < t->n_frames; i++) {
		if (f->size == 0 || f->stored == 0)
			wrong = "has an empty frame";
		else if (f->size > WEFT_TRACE_FRAME_MAX)
			wrong = "has a frame that is too long";
		f = (const void *)((const uint8_t *)f + weft_trace_frame_size(f));
	}
	return wrong;
}

int codec_check_trace(const struct weft_msg_trace *t, size_t room, char *text)
{
	const char *wrong = request_wrong(t, room);

	if (!wrong)
		return 0;
	snprintf(text, WEFT_TEXT_SIZE, "the request %s", wrong);
	return -EBADMSG;
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
	if (f->flags & ~(WEFT_WATCH_EITHER | WEFT_WATCH_DROPPED))
		return "flags";
	if (f->pad)
		return "pad";
	if (f->rate == 0 || f->rate > WEFT_WATCH_RATE_MAX)
		return "rate";
	return NULL;
}
