/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Uplinks (attach_impl.h): of kind af_xdp with the XDP program that steers VXLAN to the data plane,
 * which carries the fast path too when it shares its tables, with weft_deliver behind it; of kind
 * veth with the fast path's tc program, or without any. Event loop's thread.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <ccore/log.h>

#include "attach_impl.h"

void uplink_set_vteps(struct attach *a, struct wanted *w)
{
	const struct host *host = (const struct host *)model_find(
		engine_model(a->engine), MODEL_HOST, engine_host(a->engine));
	char text[LOADER_TEXT_SIZE];
	int rc = 0;

	if (!host || w->port.role != WEFT_ROLE_UPLINK)
		return;
	if (w->uplink)
		rc = loader_uplink_set_vteps(w->uplink, host->vteps, host->n_vteps, text);
	if (rc >= 0 && a->tables)
		rc = loader_fast_set_vteps(a->tables, host->vteps, host->n_vteps, text);
	if (rc < 0)
		attach_set_problem(w, text);
}

/* What is on it of the fast path, or from when it was a tenant's. */
static int clear_interface(const struct wanted *w)
{
	port_take_off(w);
	return loader_fast_remove(w->ifindex, LOADER_SPOT_UPLINK);
}

/* ---- af_xdp ---- */

static void release_steering(struct wanted *w, bool take_off)
{
	if (w->map_fd >= 0)
		close(w->map_fd);
	w->map_fd = -1;
	if (take_off)
		loader_uplink_detach(w->uplink);
	else
		loader_uplink_release(w->uplink);
	w->uplink = NULL;
}

/* With the tables, and when that is refused without. 0 or -errno with text. */
static int attach_steering(struct attach *a, struct wanted *w, char *text)
{
	int rc = -ENOTSUP;

	w->shares_tables = wants_fast_path(a, w);
	if (w->shares_tables)
		rc = loader_uplink_attach(w->ifindex, a->tables, &w->uplink, w->fast_problem);
	if (rc < 0) {
		w->shares_tables = false;
		rc = loader_uplink_attach(w->ifindex, NULL, &w->uplink, text);
	}
	if (rc < 0)
		w->uplink = NULL;
	return rc;
}

static void begin_steering(struct attach *a, struct wanted *w)
{
	struct loader_uplink_info info;
	char text[LOADER_TEXT_SIZE];

	if (attach_steering(a, w, text) < 0) {
		attach_set_problem(w, text);
		return;
	}
	uplink_set_vteps(a, w);
	loader_uplink_info(w->uplink, &info);
	log_info("uplink %s: steering program %u %s in %s mode%s%s%s", w->name, info.prog_id,
		info.adopted ? "kept" : "attached",
		info.mode == LOADER_MODE_NATIVE ? "native" : "generic",
		w->shares_tables ? ", with the fast path" : "", info.note[0] ? ": " : "",
		info.note);
	w->map_fd = loader_uplink_xsks_fd(w->uplink);
	if (info.new_maps && w->map_fd >= 0 && a->config.new_map)
		a->config.new_map(a->config.arg, &w->port);
}

static void check_steering(struct attach *a, struct wanted *w)
{
	char text[LOADER_TEXT_SIZE] = "";
	int rc = loader_uplink_check(w->uplink);

	if (rc == -ENOENT || rc == -EEXIST) {
		rc = loader_uplink_repair(w->uplink, text);
		if (rc == 0)
			attach_note_repair(a, w, "the steering program");
	}
	attach_set_problem(w, rc < 0 && rc != -ENODEV ? text : w->fast_problem);
}

static void ensure_deliver(struct attach *a, struct wanted *w)
{
	char text[LOADER_TEXT_SIZE] = "";
	int rc = loader_fast_ensure(a->tables, w->ifindex, LOADER_SPOT_DELIVER, text);

	if (rc > 0 && w->delivers)
		attach_note_repair(a, w, "the program that delivers");
	w->delivers = rc >= 0;
	memcpy(w->fast_problem, text, sizeof(text));
}

static void make_steering_good(struct attach *a, struct wanted *w)
{
	bool shares = wants_fast_path(a, w) && !w->is_leaving;

	if (!shares && !fast_may_leave(a, w))
		return;
	if (!wants_fast_path(a, w) && !w->is_refused)
		w->fast_problem[0] = '\0';
	/* Another program, in one step: the one with the tables, or the one without. */
	if (w->uplink && shares != w->shares_tables && (!shares || !w->fast_problem[0]))
		release_steering(w, false);
	if (!w->uplink)
		begin_steering(a, w);
	if (!w->uplink)
		return;
	w->is_on = w->shares_tables;
	if (w->is_on) {
		ensure_deliver(a, w);
	} else if (!w->is_in_place) {
		w->delivers = false;
		clear_interface(w);
	}
	w->is_in_place = true;
	check_steering(a, w);
	fast_tell(a, w);
}

/* ---- veth ---- */

static void make_tc_good(struct attach *a, struct wanted *w)
{
	char text[LOADER_TEXT_SIZE] = "";
	int rc = 0;

	if (wants_fast_path(a, w) && !w->is_leaving) {
		bool was_on = w->is_on;

		if (!was_on)
			uplink_set_vteps(a, w);
		rc = loader_fast_ensure(a->tables, w->ifindex, LOADER_SPOT_UPLINK, text);
		if (rc > 0 && was_on)
			attach_note_repair(a, w, "the fast path's program");
		w->is_on = rc >= 0;
		fast_tell(a, w);
	} else if (fast_may_leave(a, w) && !w->is_in_place) {
		rc = clear_interface(w);
	}
	w->is_in_place = rc >= 0;
	attach_set_problem(w, text);
}

/* ---- both ---- */

void uplink_make_good(struct attach *a, struct wanted *w)
{
	if (w->port.kind == WEFT_PORT_AF_XDP)
		make_steering_good(a, w);
	else
		make_tc_good(a, w);
}

void uplink_release(struct attach *a, struct wanted *w, bool take_off)
{
	if (w->uplink)
		release_steering(w, take_off);
	if (take_off && w->ifindex)
		loader_fast_remove(w->ifindex, LOADER_SPOT_UPLINK);
}

void uplink_clean_stale(const struct attach *a, int ifindex)
{
	char text[LOADER_TEXT_SIZE];

	if (a->config.bpf_folder && loader_fast_is_others(ifindex, a->config.bpf_folder))
		return;
	if (loader_uplink_detach_stale(ifindex, text) < 0)
		log_warning("%s", text);
	loader_fast_remove(ifindex, LOADER_SPOT_UPLINK);
}
