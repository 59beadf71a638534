/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The last known state of each port, as the data plane's events tell it. Bounded: never more than
 * the data plane can have. Event loop's thread.
 */
#include <stdlib.h>
#include <string.h>

#include "state.h"

void ports_note(struct south *s, const struct weft_event_port *e)
{
	struct south_port_entry *p;

	HASH_FIND(hh, s->ports, &e->id, sizeof(e->id), p);
	if (!p) {
		if (HASH_COUNT(s->ports) >= WEFT_MAX_PORTS)
			return;
		p = calloc(1, sizeof(*p));
		if (!p)
			return;
		p->state.id = e->id;
		HASH_ADD(hh, s->ports, state.id, sizeof(p->state.id), p);
	}
	p->state = *e;
}

void ports_forget(struct south *s, uint32_t id)
{
	struct south_port_entry *p;

	HASH_FIND(hh, s->ports, &id, sizeof(id), p);
	if (!p)
		return;
	HASH_DEL(s->ports, p);
	free(p);
}

void ports_clear(struct south *s)
{
	struct south_port_entry *p, *next;

	HASH_ITER (hh, s->ports, p, next) {
		HASH_DEL(s->ports, p);
		free(p);
	}
}

void south_port_state(const struct south *s, uint32_t port_id, struct weft_event_port *ret)
{
	struct south_port_entry *p;

	HASH_FIND(hh, s->ports, &port_id, sizeof(port_id), p);
	if (p)
		*ret = p->state;
	else
		*ret = (struct weft_event_port){.id = port_id};
}
