/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The published configuration. channel/ builds and publishes it; everybody else reads.
 */
#include <stddef.h>

#include <table/config.h>

const struct config *_Atomic config_current;

bool config_segment_has_vtep(const struct config_segment *s, uint16_t vtep_slot)
{
	uint32_t low = 0, high = s->n_vteps;

	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (s->vteps[middle] < vtep_slot)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->n_vteps && s->vteps[low] == vtep_slot;
}
