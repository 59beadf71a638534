/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host's end of a tenant's device: either the fast path's programs or the guard are on it,
 * never neither (attach_impl.h). Event loop's thread.
 */
#include <stdio.h>
#include <string.h>

#include "attach_impl.h"

/* A guard takes every frame from the host. On its NIC, named by mistake, it would cut it off. */
static bool is_tenants(struct wanted *w)
{
	char text[LOADER_TEXT_SIZE];

	if (w->flags & ATTACH_LINK_TENANTS)
		return true;
	snprintf(text, sizeof(text),
		"Interface %s of port %.64s is not a veth: name the host's end of a veth pair, or "
		"a TAP interface, as device.",
		w->name, w->port.name);
	attach_set_problem(w, text);
	return false;
}

/* Whether its other end takes XDP frames: before the data plane knows of it, or after. */
static void set_xdp(struct attach *a, struct wanted *w)
{
	bool wants = w->port.flags & WEFT_PORT_XDP;
	int rc;

	if (wants == w->takes_xdp)
		return;
	w->takes_xdp = false;
	if (!wants)
		fast_tell(a, w);
	rc = loader_fast_set_dev(a->tables, w->ifindex, wants);
	w->takes_xdp = wants && rc == 0;
	if (rc < 0)
		snprintf(w->fast_problem, sizeof(w->fast_problem),
			"Interface %s of port %.64s can't be handed XDP frames: %s.", w->name,
			w->port.name, strerror(-rc));
}

/* True: the programs are on it. */
static bool ensure_fast(struct attach *a, struct wanted *w)
{
	int rc = loader_fast_ensure(a->tables, w->ifindex, LOADER_SPOT_PORT, w->fast_problem);

	if (rc < 0) {
		w->is_on = w->is_in_place = false;
		fast_tell(a, w);
		return false;
	}
	w->fast_problem[0] = '\0';
	if (rc > 0 && w->is_on)
		attach_note_repair(a, w, "the fast path's programs");
	w->is_on = w->is_in_place = true;
	set_xdp(a, w);
	fast_tell(a, w);
	return true;
}

static void ensure_guard(struct attach *a, struct wanted *w)
{
	char text[LOADER_TEXT_SIZE];
	int rc;

	if (!a->guard && loader_guard_new(&a->guard, a->guard_problem) < 0) {
		a->guard = NULL;
		return;
	}
	rc = loader_guard_ensure(a->guard, w->ifindex, text);
	if (rc > 0 && w->is_in_place)
		attach_note_repair(a, w, "the guard");
	w->is_in_place = rc >= 0;
	attach_set_problem(w, rc < 0 ? text : w->fast_problem);
}

void port_make_good(struct attach *a, struct wanted *w)
{
	if (!is_tenants(w))
		return;
	if (wants_fast_path(a, w) && !w->is_leaving) {
		if (ensure_fast(a, w)) {
			attach_set_problem(w, w->fast_problem);
			return;
		}
	} else if (!fast_may_leave(a, w)) {
		return;
	} else if (!w->is_refused) {
		w->fast_problem[0] = '\0';
	}
	ensure_guard(a, w);
}

void port_take_off(const struct wanted *w)
{
	loader_fast_remove(w->ifindex, LOADER_SPOT_PORT);
	loader_guard_remove(w->ifindex);
}
