/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeps Weft's BPF programs on this host's kernel interfaces (south/attach.h), by ebpf/loader: what
 * is wanted, what exists, and when to look. An interface that is made anew under its old name is
 * another one: it gets its programs again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ccore/log.h>

#include "attach_impl.h"

/* Twice a second, so that an uplink's program that was taken off is back within one. The kernel
 * tells of tc filters by itself; they are looked at in turn all the same. */
#define CHECK_US 500000
/* After such news, so that what changes together is looked at once. */
#define SOON_US 10000
/* Tenants' interfaces looked at in one round: each costs some system calls. */
#define ROUND_PORTS 64
/* Between two words about the same interface, when somebody takes a program off again and again. */
#define SILENCE_MS 1000

void attach_set_problem(struct wanted *w, const char *text)
{
	if (strcmp(w->problem, text) == 0)
		return;
	snprintf(w->problem, sizeof(w->problem), "%s", text);
	if (text[0])
		log_warning("port %s: %s", w->port.name, text);
	else
		log_info("port %s: interface %s is as it should be again", w->port.name, w->name);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

void attach_note_repair(struct attach *a, struct wanted *w, const char *what)
{
	uint64_t now = now_ms();

	w->n_repairs++;
	if (w->told_what == what && now - w->told_ms < SILENCE_MS)
		return;
	w->told_what = what;
	w->told_ms = now;
	log_warning("port %s: somebody took %s off interface %s; back again (%llu times now)",
		w->port.name, what, w->name, (unsigned long long)w->n_repairs);
	if (a->config.repaired)
		a->config.repaired(a->config.arg, &w->port, what);
}

static bool is_tenants(const struct wanted *w)
{
	return w->port.role == WEFT_ROLE_TENANT;
}

void attach_make_good(struct attach *a, struct wanted *w)
{
	if (is_tenants(w))
		port_make_good(a, w);
	else
		uplink_make_good(a, w);
}

/* ---- looking ---- */

static void on_check(evutil_socket_t fd, short what, void *arg)
{
	unsigned int n = HASH_COUNT(((struct attach *)arg)->wanted), i = 0, first;
	struct attach *a = arg;

	first = a->round < n ? a->round : 0;
	for (struct wanted *w = a->wanted; w; w = w->hh.next, i++)
		if (w->ifindex && (!is_tenants(w) || (i >= first && i < first + ROUND_PORTS)))
			attach_make_good(a, w);
	a->round = first + ROUND_PORTS;
}

static void on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct attach *a = arg;

	for (struct wanted *w = a->wanted; w; w = w->hh.next)
		if (w->ifindex && (w->is_suspect || a->all_suspect)) {
			w->is_suspect = false;
			attach_make_good(a, w);
		}
	a->all_suspect = false;
}

/* Own changes are told as well, and found good. */
static void on_tc_changed(void *arg, int ifindex)
{
	struct timeval soon = {.tv_usec = SOON_US};
	struct attach *a = arg;
	bool any = ifindex == 0;

	a->all_suspect |= ifindex == 0;
	for (struct wanted *w = a->wanted; w && !any; w = w->hh.next)
		if (w->ifindex == ifindex)
			any = w->is_suspect = true;
	if (any && !event_pending(a->soon, EV_TIMEOUT, NULL))
		event_add(a->soon, &soon);
}

/* ---- what is wanted ---- */

/* The interface is gone, or another one under its name. */
static void lose_interface(struct attach *a, struct wanted *w)
{
	uplink_release(a, w, false);
	w->ifindex = 0;
	w->is_on = w->delivers = w->takes_xdp = w->is_leaving = w->is_in_place = w->shares_tables =
		false;
	w->fast_problem[0] = '\0';
	fast_tell(a, w);
}

/* take_off: the programs go too. */
static void forget(struct attach *a, struct wanted *w, bool take_off)
{
	HASH_DEL(a->wanted, w);
	w->is_on = false;
	fast_tell(a, w);
	if (!is_tenants(w))
		uplink_release(a, w, take_off);
	else if (take_off && w->ifindex)
		port_take_off(w);
	free(w);
}

/* A DPDK uplink may be named like an interface. */
static bool needs_program(const struct weft_port *port)
{
	return port->kind == WEFT_PORT_AF_XDP || port->kind == WEFT_PORT_VETH;
}

struct wanted *attach_find_port(const struct attach *a, uint32_t id)
{
	for (struct wanted *w = a->wanted; w; w = w->hh.next)
		if (w->port.id == id)
			return w;
	return NULL;
}

static void take_interface(struct attach *a, struct wanted *w, const struct seen *s)
{
	w->ifindex = s->ifindex;
	w->flags = s->flags;
	attach_make_good(a, w);
}

static void add_port(struct attach *a, const struct weft_port *port)
{
	struct wanted *w = calloc(1, sizeof(*w)), *other;
	struct seen *s;

	if (!w)
		return;
	w->port = *port;
	w->map_fd = -1;
	memcpy(w->name, port->device, strlen(port->device) + 1);
	/* The port that had the interface before has not been told to end yet. */
	HASH_FIND_STR(a->wanted, w->name, other);
	if (other)
		forget(a, other,
			other->port.kind != port->kind || is_tenants(other) != is_tenants(w));
	HASH_ADD_STR(a->wanted, name, w);
	HASH_FIND_STR(a->seen, w->name, s);
	if (s)
		take_interface(a, w, s);
}

void attach_port(struct attach *a, const struct weft_port *port, bool present)
{
	struct wanted *w = attach_find_port(a, port->id);
	bool other_flags = w && w->port.flags != port->flags;

	if (w && (!present || w->port.kind != port->kind || strcmp(w->name, port->device) != 0)) {
		forget(a, w, true);
		w = NULL;
	}
	if (!present || !needs_program(port) || strlen(port->device) >= IFNAMSIZ)
		return;
	if (!w) {
		add_port(a, port);
		return;
	}
	w->port = *port;
	if (!w->ifindex || !other_flags)
		return;
	w->is_refused = false;
	attach_make_good(a, w);
	fast_tell(a, w);
}

/* ---- what exists ---- */

static struct seen *note_seen(struct attach *a, const char *name)
{
	struct seen *s;

	HASH_FIND_STR(a->seen, name, s);
	if (s || strlen(name) >= IFNAMSIZ)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	memcpy(s->name, name, strlen(name) + 1);
	HASH_ADD_STR(a->seen, name, s);
	return s;
}

static void forget_link(struct attach *a, int ifindex, const char *name)
{
	struct wanted *w;
	struct seen *s;

	HASH_FIND_STR(a->wanted, name, w);
	if (w && w->ifindex == ifindex)
		lose_interface(a, w);
	HASH_FIND_STR(a->seen, name, s);
	if (s && s->ifindex == ifindex) {
		HASH_DEL(a->seen, s);
		free(s);
	}
}

void attach_link(struct attach *a, int ifindex, const char *name, unsigned int flags, bool present)
{
	struct wanted *w;
	struct seen *s;
	bool is_new;

	if (!present) {
		forget_link(a, ifindex, name);
		return;
	}
	s = note_seen(a, name);
	if (!s || (s->ifindex == ifindex && s->flags == flags))
		return;
	is_new = s->ifindex != ifindex;
	s->ifindex = ifindex;
	s->flags = flags;
	HASH_FIND_STR(a->wanted, name, w);
	if (!w && is_new)
		uplink_clean_stale(a, ifindex);
	if (!w)
		return;
	if (is_new)
		lose_interface(a, w);
	take_interface(a, w, s);
	fast_tell(a, w);
}

void attach_refresh(struct attach *a)
{
	for (struct wanted *w = a->wanted; w; w = w->hh.next)
		uplink_set_vteps(a, w);
}

int attach_map_fd(const struct attach *a, const struct weft_port *port)
{
	struct wanted *w;

	HASH_FIND_STR(a->wanted, port->device, w);
	return w ? w->map_fd : -1;
}

/* ---- for those who look ---- */

void attach_problems(
	const struct attach *a, void (*add)(void *add_arg, const char *sentence), void *add_arg)
{
	if (a->guard_problem[0] && !a->guard)
		add(add_arg, a->guard_problem);
	if (a->fast_problem[0])
		add(add_arg, a->fast_problem);
	if (a->room_problem[0])
		add(add_arg, a->room_problem);
	for (struct wanted *w = a->wanted; w; w = w->hh.next)
		if (w->problem[0])
			add(add_arg, w->problem);
}

static void add_program(struct attach_interface *i, const char *name, enum attach_mode mode)
{
	i->programs[i->n_programs] = name;
	i->mode[i->n_programs++] = mode;
}

static void describe(const struct wanted *w, struct attach_interface *i)
{
	struct loader_uplink_info info;

	*i = (struct attach_interface){.name = w->name,
		.port = &w->port,
		.ifindex = w->ifindex,
		.fast = w->is_on && !w->is_leaving,
		.why_not = w->fast_problem,
		.n_repairs = w->n_repairs};
	if (w->uplink) {
		loader_uplink_info(w->uplink, &info);
		add_program(i, WEFT_BPF_UPLINK_PROG,
			info.mode == LOADER_MODE_NATIVE ? ATTACH_MODE_NATIVE : ATTACH_MODE_GENERIC);
	}
	if (w->uplink && w->delivers)
		add_program(i, WEFT_BPF_DELIVER_PROG, ATTACH_MODE_TC);
	else if (!w->uplink && w->is_on && !is_tenants(w))
		add_program(i, WEFT_BPF_UPLINK_TC_PROG, ATTACH_MODE_TC);
	if (!is_tenants(w) || !w->is_in_place)
		return;
	add_program(i, w->is_on ? WEFT_BPF_PORT_PROG : WEFT_BPF_GUARD_PROG, ATTACH_MODE_TC);
	if (w->is_on)
		add_program(i, WEFT_BPF_PORT_OUT_PROG, ATTACH_MODE_TC);
}

void attach_each_interface(
	const struct attach *a, void (*fn)(void *arg, const struct attach_interface *i), void *arg)
{
	struct attach_interface i;

	for (struct wanted *w = a->wanted; w; w = w->hh.next)
		if (w->ifindex) {
			describe(w, &i);
			fn(arg, &i);
		}
}

/* ---- up and down ---- */

static int add_events(struct attach *a, struct event_base *base)
{
	struct timeval period = {.tv_usec = CHECK_US};

	a->check = event_new(base, -1, EV_PERSIST, on_check, a);
	a->soon = evtimer_new(base, on_soon, a);
	if (!a->check || !a->soon || event_add(a->check, &period) < 0)
		return -ENOMEM;
	return tc_watch_new(base, on_tc_changed, a, &a->tc);
}

int attach_new(struct event_base *base, struct engine *e, const struct attach_config *config,
	struct attach **ret)
{
	struct attach *a = calloc(1, sizeof(*a));
	int rc;

	if (!a)
		return -ENOMEM;
	a->engine = e;
	a->config = *config;
	rc = add_events(a, base);
	if (rc < 0) {
		attach_free(a);
		return rc;
	}
	fast_open(a);
	*ret = a;
	return 0;
}

void attach_free(struct attach *a)
{
	struct wanted *w, *next_wanted;
	struct seen *s, *next_seen;

	if (!a)
		return;
	HASH_ITER (hh, a->wanted, w, next_wanted) {
		HASH_DEL(a->wanted, w);
		uplink_release(a, w, false);
		free(w);
	}
	HASH_ITER (hh, a->seen, s, next_seen) {
		HASH_DEL(a->seen, s);
		free(s);
	}
	free(a->farewells);
	loader_guard_free(a->guard);
	loader_fast_close(a->tables);
	tc_watch_free(a->tc);
	if (a->check)
		event_free(a->check);
	if (a->soon)
		event_free(a->soon);
	free(a);
}
