/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast path's tables, and what the data plane is told of them and of each port
 * (attach_impl.h). Programs come first and the data plane is told then: what they leave to it comes
 * in marked, which it does not take yet, and what it takes yet comes in unmarked. They leave in the
 * other order. Event loop's thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ccore/log.h>

#include "attach_impl.h"

static void set_fast_problem(struct attach *a, const char *text)
{
	if (strcmp(a->fast_problem, text) == 0)
		return;
	snprintf(a->fast_problem, sizeof(a->fast_problem), "%s", text);
	if (text[0])
		log_warning("%s", text);
	else
		log_info("the fast path is on");
}

/* In sessions; the first pair of directions is never used. */
static uint32_t room(const struct attach *a)
{
	return a->tables_info.n_dirs / 2 - 1;
}

static int open_tables(struct attach *a, char *text)
{
	struct loader_fast_config config = {.folder = a->config.bpf_folder,
		.n_sessions = a->config.n_sessions,
		.only_kept = !a->config.fast_path};
	int rc = loader_fast_open(&config, &a->tables, text);

	if (rc < 0) {
		a->tables = NULL;
		return rc;
	}
	loader_fast_info(a->tables, &a->tables_info);
	/* Programs that are there already belong to a data plane that has these tables, unless it
	 * says otherwise. */
	a->may_run = a->tables_info.adopted;
	log_info("fast path%s: tables in %s %s, room for %u sessions",
		a->config.fast_path ? "" : " off", a->config.bpf_folder,
		a->tables_info.adopted ? "kept" : "made", room(a));
	return 0;
}

/* The data plane that runs can't change over to tables of another size, nor can programs. */
static void check_room(struct attach *a)
{
	if (room(a) == a->config.n_sessions)
		return;
	snprintf(a->room_problem, sizeof(a->room_problem),
		"The fast path's tables have room for %u sessions, not for %u: those that exist "
		"keep their size. To change it, stop weftd, remove %s, start weftd, and restart "
		"weft-dataplane.",
		room(a), a->config.n_sessions, a->config.bpf_folder);
	log_warning("%s", a->room_problem);
}

/* Switched off: the data plane that runs goes on with the tables, with no session in them, and so
 * will the next weftd that has it on. One that is new adopts what its predecessor left. */
static void open_kept(struct attach *a)
{
	char text[LOADER_TEXT_SIZE] = "";
	int rc = a->config.bpf_folder ? open_tables(a, text) : -ENOENT;

	if (rc < 0 && rc != -ENOENT)
		log_warning("fast path: %s", text);
}

void fast_open(struct attach *a)
{
	char text[LOADER_TEXT_SIZE] = "", whole[ATTACH_TEXT_SIZE];

	if (!a->config.fast_path) {
		open_kept(a);
		return;
	}
	if (open_tables(a, text) == 0) {
		check_room(a);
		return;
	}
	snprintf(whole, sizeof(whole),
		"The fast path is off, all packets take the data plane's way: %s", text);
	set_fast_problem(a, whole);
}

static uint32_t flags_now(const struct wanted *w)
{
	uint32_t flags = WEFT_FASTPATH_ON;

	if (!w->is_on || w->is_leaving)
		return 0;
	if (w->delivers)
		flags |= WEFT_FASTPATH_DELIVER;
	if (w->flags & ATTACH_LINK_AWAY)
		flags |= WEFT_FASTPATH_PEER;
	if (w->takes_xdp)
		flags |= WEFT_FASTPATH_XDP;
	return flags;
}

/* Nobody is there who takes them out of the tables. Programs would go on with them, and into
 * another interface too that gets the number of one that is gone. */
static void drop_interface(const struct attach *a, int ifindex)
{
	int rc = a->tables ? loader_fast_drop_interface(a->tables, ifindex) : 0;

	if (rc < 0)
		log_warning(
			"fast path: interface #%d stays in the tables: %s", ifindex, strerror(-rc));
}

static void note_farewell(struct attach *a, int ifindex)
{
	struct farewell *all = realloc(a->farewells, (a->n_farewells + 1) * sizeof(*all));

	if (!all) {
		drop_interface(a, ifindex);
		return;
	}
	a->farewells = all;
	all[a->n_farewells++] = (struct farewell){ifindex, a->n_told};
}

/* Answers come in the order in which things were told. */
static void end_farewells(struct attach *a, bool lost)
{
	unsigned int n = 0;

	a->n_answered++;
	for (; n < a->n_farewells && a->farewells[n].number <= a->n_answered; n++)
		if (lost)
			drop_interface(a, a->farewells[n].ifindex);
	if (n == 0)
		return;
	a->n_farewells -= n;
	memmove(a->farewells, a->farewells + n, a->n_farewells * sizeof(*a->farewells));
}

static int send_port(struct attach *a, struct wanted *w)
{
	struct weft_msg_fastpath_port msg = {.port = w->port.id, .flags = flags_now(w)};
	int before = w->told_ifindex, rc;

	w->told_flags = msg.flags;
	w->told_ifindex = msg.ifindex = msg.flags ? w->ifindex : 0;
	rc = a->config.send_port ? a->config.send_port(a->config.arg, &msg) : -ENOTCONN;
	w->n_unanswered += rc == 0;
	a->n_told += rc == 0;
	if (before && before != w->told_ifindex) {
		if (rc == 0)
			note_farewell(a, before);
		else
			drop_interface(a, before);
	}
	return rc;
}

void fast_tell(struct attach *a, struct wanted *w)
{
	uint32_t flags = flags_now(w);

	if (flags != w->told_flags || (flags && w->ifindex != w->told_ifindex))
		send_port(a, w);
}

static void end_leaving(struct wanted *w)
{
	w->is_leaving = w->is_on = w->is_in_place = w->takes_xdp = false;
}

bool fast_may_leave(struct attach *a, struct wanted *w)
{
	if (w->is_leaving)
		return false;
	if (!w->is_on)
		return true;
	w->is_leaving = true;
	if (send_port(a, w) == 0)
		return false;
	end_leaving(w);
	return true;
}

/* All ports: those that the data plane remembers from another weftd may have none any more. */
static void tell_all(struct attach *a)
{
	for (struct wanted *w = a->wanted; w; w = w->hh.next)
		send_port(a, w);
}

void attach_greet(struct attach *a)
{
	struct weft_msg_fastpath msg = {
		.id = a->tables_info.id,
		.n_buckets = a->tables_info.n_buckets,
		.n_dirs = a->tables_info.n_dirs,
		.n_cpus = a->tables_info.n_cpus,
	};
	int fds[WEFT_FASTPATH_MAPS];

	for (struct wanted *w = a->wanted; w; w = w->hh.next)
		w->is_refused = false;
	if (a->tables && a->config.send_tables) {
		loader_fast_fds(a->tables, fds);
		a->config.send_tables(a->config.arg, &msg, fds);
	}
	tell_all(a);
}

static void make_all_good(struct attach *a)
{
	for (struct wanted *w = a->wanted; w; w = w->hh.next)
		if (w->ifindex)
			attach_make_good(a, w);
}

static void explain_refusal(struct attach *a, int error, const char *text)
{
	char whole[ATTACH_TEXT_SIZE];

	if (error == -EBUSY)
		snprintf(whole, sizeof(whole),
			"The fast path is off, all packets take the data plane's way: the data "
			"plane goes on with other tables than those in %s. Restart weft-dataplane "
			"when connections may break.",
			a->config.bpf_folder);
	else
		snprintf(whole, sizeof(whole),
			"The fast path is off, all packets take the data plane's way: it does not "
			"take the tables: %s.",
			text[0] ? text : strerror(-error));
	set_fast_problem(a, whole);
}

void attach_tables_answered(struct attach *a, int error, const char *text)
{
	/* Gone: whatever comes next is asked again. */
	if (error == -ECONNRESET || !a->tables || !a->config.fast_path)
		return;
	a->is_accepted = a->may_run = error == 0;
	if (error == 0)
		set_fast_problem(a, "");
	else
		explain_refusal(a, error, text);
	make_all_good(a);
}

void attach_port_answered(struct attach *a, uint32_t port, int error, const char *text)
{
	struct wanted *w = attach_find_port(a, port);

	end_farewells(a, error == -ECONNRESET);
	if (!w)
		return;
	w->n_unanswered -= w->n_unanswered > 0;
	if (w->is_leaving && w->n_unanswered == 0) {
		end_leaving(w);
		attach_make_good(a, w);
	} else if (!w->is_leaving && error < 0 && error != -ECONNRESET && w->told_flags &&
		   a->may_run) {
		w->is_refused = true;
		snprintf(w->fast_problem, sizeof(w->fast_problem),
			"The data plane does not take port %.64s into the fast path: %.100s.",
			w->port.name, text[0] ? text : strerror(-error));
		log_warning("%s", w->fast_problem);
		attach_make_good(a, w);
	}
}

void attach_fast_status(const struct attach *a, struct attach_fast_status *ret)
{
	*ret = (struct attach_fast_status){
		.problem = a->fast_problem,
		.folder = a->config.bpf_folder,
		.adopted = a->tables && a->tables_info.adopted,
	};
	if (!a->config.fast_path)
		ret->state = ATTACH_FAST_OFF;
	else if (!a->tables)
		ret->state = ATTACH_FAST_FAILED;
	else if (a->is_accepted)
		ret->state = ATTACH_FAST_ON;
	else
		ret->state = a->fast_problem[0] ? ATTACH_FAST_REFUSED : ATTACH_FAST_WAITING;
}

int attach_programs(const struct attach *a, struct loader_prog *ret, unsigned int max)
{
	return a->tables ? loader_fast_programs(a->tables, ret, max) : -ENODEV;
}

int attach_run_time(void)
{
	return loader_run_time();
}
