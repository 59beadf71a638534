/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flight recorder's answers (drops.h). A cursor is the slot to go on with.
 */
#include <core/clock.h>
#include <observe/recorder.h>

#include "drops.h"
#include "state.h"

size_t drops_read(const struct weft_msg_drop_list *request, void *buf, size_t size)
{
	struct weft_msg_drop_records *head = buf;
	struct weft_drop_record *records = (struct weft_drop_record *)(head + 1);
	size_t room = (size - sizeof(*head)) / sizeof(*records);
	uint32_t slot = request->cursor, end = WEFT_MAX_PORTS;

	if (request->port) {
		slot = slot_find(channel.port_ids, &request->port, channel.config->generation);
		if (!slot)
			return 0;
		end = slot + 1;
	}
	*head = (struct weft_msg_drop_records){.now_ms = clock_ms()};
	while (slot < end && room - head->n >= RECORDER_SIZE)
		head->n += recorder_read(slot++, &records[head->n], request->max);
	head->cursor = slot < end ? slot : 0;
	return sizeof(*head) + head->n * sizeof(*records);
}
