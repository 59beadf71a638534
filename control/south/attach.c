/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeps Weft's BPF programs on this host's kernel interfaces (south/attach.h), by ebpf/loader. An
 * interface that is made anew under its old name is another one: it gets its program again.
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uthash.h>

#include <ccore/log.h>
#include <loader/loader.h>
#include <south/attach.h>

/* Twice a second, so that a program that was taken off is back within one. */
#define CHECK_US 500000
/* Guards looked at in one round: each costs some system calls. */
#define ROUND_GUARDS 64

/* An interface that a port wants; it need not exist. */
struct wanted {
	UT_hash_handle hh;
	char name[IFNAMSIZ];
	struct weft_port port;
	int ifindex; /* 0: there is none */
	struct loader_uplink *uplink;
	int map_fd; /* -1: none */
	char problem[LOADER_TEXT_SIZE];
};

struct seen {
	UT_hash_handle hh;
	char name[IFNAMSIZ];
	int ifindex;
	bool is_veth;
};

struct attach {
	struct engine *engine;
	struct attach_config config;
	struct event *check;
	struct loader_guard *guard; /* NULL: could not be loaded */
	char guard_problem[LOADER_TEXT_SIZE];
	struct wanted *wanted; /* by name */
	struct seen *seen;     /* by name */
	unsigned int round;
};

/* Logs a problem once. */
static void set_problem(struct wanted *w, const char *text)
{
	if (strcmp(w->problem, text) == 0)
		return;
	snprintf(w->problem, sizeof(w->problem), "%s", text);
	if (text[0])
		log_warning("port %s: %s", w->port.name, text);
	else
		log_info("port %s: interface %s is as it should be again", w->port.name, w->name);
}

/* ---- uplinks ---- */

static void set_vteps(struct attach *a, struct wanted *w)
{
	const struct host *host = (const struct host *)model_find(
		engine_model(a->engine), MODEL_HOST, engine_host(a->engine));
	char text[LOADER_TEXT_SIZE];

	if (!w->uplink || !host)
		return;
	if (loader_uplink_set_vteps(w->uplink, host->vteps, host->n_vteps, text) < 0)
		set_problem(w, text);
}

static void attach_uplink(struct attach *a, struct wanted *w)
{
	struct loader_uplink_info info;
	char text[LOADER_TEXT_SIZE];

	if (loader_uplink_attach(w->ifindex, NULL, &w->uplink, text) < 0) {
		w->uplink = NULL;
		set_problem(w, text);
		return;
	}
	set_problem(w, "");
	set_vteps(a, w);
	loader_uplink_info(w->uplink, &info);
	log_info("uplink %s: steering program %u %s in %s mode%s%s", w->name, info.prog_id,
		info.adopted ? "kept" : "attached",
		info.mode == LOADER_MODE_NATIVE ? "native" : "generic", info.note[0] ? ": " : "",
		info.note);
	w->map_fd = loader_uplink_xsks_fd(w->uplink);
	if (info.new_maps && w->map_fd >= 0 && a->config.new_map)
		a->config.new_map(a->config.arg, &w->port);
}

static void release_uplink(struct wanted *w, bool detach)
{
	if (w->map_fd >= 0)
		close(w->map_fd);
	w->map_fd = -1;
	if (detach)
		loader_uplink_detach(w->uplink);
	else
		loader_uplink_release(w->uplink);
	w->uplink = NULL;
}

static void check_uplink(struct attach *a, struct wanted *w)
{
	char text[LOADER_TEXT_SIZE] = "";
	int rc;

	if (!w->uplink) {
		attach_uplink(a, w);
		return;
	}
	rc = loader_uplink_check(w->uplink);
	if (rc == 0 || rc == -ENODEV)
		return;
	log_warning("uplink %s: somebody took the steering program off", w->name);
	rc = loader_uplink_repair(w->uplink, text);
	set_problem(w, rc < 0 ? text : "");
	if (rc == 0)
		log_info("uplink %s: the steering program is back", w->name);
}

/* ---- guards ---- */

/* A guard takes every frame from the host. On its NIC, named by mistake, it would cut it off. */
static void ensure_guard(struct attach *a, struct wanted *w)
{
	char text[LOADER_TEXT_SIZE];
	const struct seen *s;

	HASH_FIND_STR(a->seen, w->name, s);
	if (!s || !s->is_veth) {
		snprintf(text, sizeof(text),
			"Interface %s of port %.64s is not a veth: name the host's end of a veth "
			"pair as device.",
			w->name, w->port.name);
		set_problem(w, text);
		return;
	}
	if (!a->guard && loader_guard_new(&a->guard, a->guard_problem) < 0) {
		a->guard = NULL;
		return;
	}
	set_problem(w, loader_guard_ensure(a->guard, w->ifindex, text) < 0 ? text : "");
}

/* ---- both ---- */

static void make_good(struct attach *a, struct wanted *w)
{
	if (w->port.kind == WEFT_PORT_AF_XDP)
		attach_uplink(a, w);
	else
		ensure_guard(a, w);
}

static void on_check(evutil_socket_t fd, short what, void *arg)
{
	unsigned int n = HASH_COUNT(((struct attach *)arg)->wanted), i = 0, first;
	struct attach *a = arg;

	first = a->round < n ? a->round : 0;
	for (struct wanted *w = a->wanted; w; w = w->hh.next, i++) {
		if (w->ifindex == 0)
			continue;
		if (w->port.kind == WEFT_PORT_AF_XDP)
			check_uplink(a, w);
		else if (i >= first && i < first + ROUND_GUARDS)
			ensure_guard(a, w);
	}
	a->round = first + ROUND_GUARDS;
}

/* take_off: the program goes too. */
static void forget(struct attach *a, struct wanted *w, bool take_off)
{
	HASH_DEL(a->wanted, w);
	if (w->uplink)
		release_uplink(w, take_off);
	else if (take_off && w->ifindex && w->port.kind == WEFT_PORT_VETH)
		loader_guard_remove(w->ifindex);
	free(w);
}

/* A DPDK uplink may be named like an interface, a veth port's guard would be in an uplink's way. */
static bool needs_program(const struct weft_port *port)
{
	return port->kind == WEFT_PORT_AF_XDP ||
	       (port->kind == WEFT_PORT_VETH && port->role == WEFT_ROLE_TENANT);
}

static struct wanted *find_port(struct attach *a, uint32_t id)
{
	for (struct wanted *w = a->wanted; w; w = w->hh.next)
		if (w->port.id == id)
			return w;
	return NULL;
}

void attach_port(struct attach *a, const struct weft_port *port, bool present)
{
	struct wanted *w = find_port(a, port->id), *other;
	struct seen *s;

	if (w && (!present || w->port.kind != port->kind || strcmp(w->name, port->device) != 0)) {
		forget(a, w, true);
		w = NULL;
	}
	if (!present || !needs_program(port) || strlen(port->device) >= IFNAMSIZ)
		return;
	if (w) {
		w->port = *port;
		return;
	}
	w = calloc(1, sizeof(*w));
	if (!w)
		return;
	w->port = *port;
	w->map_fd = -1;
	memcpy(w->name, port->device, strlen(port->device) + 1);
	/* The port that had the interface before has not been told to end yet. */
	HASH_FIND_STR(a->wanted, w->name, other);
	if (other)
		forget(a, other, other->port.kind != port->kind);
	HASH_ADD_STR(a->wanted, name, w);
	HASH_FIND_STR(a->seen, w->name, s);
	w->ifindex = s ? s->ifindex : 0;
	if (w->ifindex)
		make_good(a, w);
}

/* An interface that was an uplink before weftd was started must not steer any more. */
static void clean_stale(int ifindex)
{
	char text[LOADER_TEXT_SIZE];

	if (loader_uplink_detach_stale(ifindex, text) < 0)
		log_warning("%s", text);
}

void attach_link(struct attach *a, int ifindex, const char *name, bool is_veth, bool present)
{
	struct wanted *w;
	struct seen *s;

	HASH_FIND_STR(a->seen, name, s);
	HASH_FIND_STR(a->wanted, name, w);
	if (!present) {
		if (w && w->ifindex == ifindex) {
			w->ifindex = 0;
			if (w->uplink)
				release_uplink(w, false);
		}
		if (s && s->ifindex == ifindex) {
			HASH_DEL(a->seen, s);
			free(s);
		}
		return;
	}
	if (s && s->ifindex == ifindex)
		return;
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s || strlen(name) >= IFNAMSIZ) {
			free(s);
			return;
		}
		memcpy(s->name, name, strlen(name) + 1);
		HASH_ADD_STR(a->seen, name, s);
	}
	s->ifindex = ifindex;
	s->is_veth = is_veth;
	if (!w) {
		clean_stale(ifindex);
		return;
	}
	if (w->uplink)
		release_uplink(w, false);
	w->ifindex = ifindex;
	make_good(a, w);
}

void attach_refresh(struct attach *a)
{
	for (struct wanted *w = a->wanted; w; w = w->hh.next)
		set_vteps(a, w);
}

int attach_map_fd(const struct attach *a, const struct weft_port *port)
{
	struct wanted *w;

	HASH_FIND_STR(a->wanted, port->device, w);
	return w ? w->map_fd : -1;
}

void attach_problems(
	const struct attach *a, void (*add)(void *add_arg, const char *sentence), void *add_arg)
{
	if (a->guard_problem[0] && !a->guard)
		add(add_arg, a->guard_problem);
	for (struct wanted *w = a->wanted; w; w = w->hh.next)
		if (w->problem[0])
			add(add_arg, w->problem);
}

int attach_new(struct event_base *base, struct engine *e, const struct attach_config *config,
	struct attach **ret)
{
	struct timeval period = {.tv_usec = CHECK_US};
	struct attach *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->engine = e;
	a->config = *config;
	a->check = event_new(base, -1, EV_PERSIST, on_check, a);
	if (!a->check || event_add(a->check, &period) < 0) {
		attach_free(a);
		return -ENOMEM;
	}
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
		release_uplink(w, false);
		free(w);
	}
	HASH_ITER (hh, a->seen, s, next_seen) {
		HASH_DEL(a->seen, s);
		free(s);
	}
	loader_guard_free(a->guard);
	if (a->check)
		event_free(a->check);
	free(a);
}
