/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hostnet's clockwork: takes the kernel's events, waits a moment for more of them, then looks
 * again; once a second keeps neighbours fresh; after lost events reads everything anew. Event
 * loop's thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ccore/log.h>
#include <netlink/socket.h>

#include "state.h"

#define DEBOUNCE_MS 20
/* Buffers of events for each turn of the loop. */
#define TURN_BUFFERS 16
/* A neighbour that has not answered by then will not. */
#define READY_S 1
/* The kernel does not tell when a learned path MTU ends. */
#define REFRESH_S 60

static void look_soon(struct hostnet *h, bool routes)
{
	struct timeval tv = {.tv_usec = DEBOUNCE_MS * 1000};

	h->routes_dirty |= routes;
	if (!evtimer_pending(h->debounce, NULL))
		evtimer_add(h->debounce, &tv);
}

static void on_news(void *arg, const struct kernel_news *news)
{
	struct hostnet *h = arg;

	h->counters.events++;
	switch (news->kind) {
	case KERNEL_NEWS_LINK:
		if (links_note(h, news))
			look_soon(h, true);
		break;
	case KERNEL_NEWS_ADDR:
		if (links_note_addr(h, news))
			look_soon(h, true);
		break;
	case KERNEL_NEWS_NEIGH:
		if (hops_note(h, news))
			look_soon(h, false);
		break;
	case KERNEL_NEWS_ROUTES:
		look_soon(h, true);
		break;
	}
}

/* Everything the kernel knows, from nothing or after events were lost. */
static int read_all(struct hostnet *h)
{
	int rc = links_read_all(h);

	hops_read_all(h);
	h->routes_dirty = true;
	return rc;
}

static void on_events(evutil_socket_t fd, short what, void *arg)
{
	struct hostnet *h = arg;
	int rc = 1;

	for (unsigned int i = 0; i < TURN_BUFFERS && rc == 1; i++)
		rc = kernel_events_read(h->events, on_news, h);
	if (rc == -ENOBUFS) {
		h->counters.overruns++;
		h->overrun = true;
		look_soon(h, true);
	} else if (rc < 0) {
		log_error("reading the kernel's network events: %s", strerror(-rc));
	}
}

static void become_ready(struct hostnet *h)
{
	if (h->is_ready || (paths_are_pending(h) && h->age_s < READY_S))
		return;
	h->is_ready = true;
	if (h->config.ready)
		h->config.ready(h->config.arg);
}

static void on_debounce(evutil_socket_t fd, short what, void *arg)
{
	struct hostnet *h = arg;
	bool routes = h->routes_dirty;

	if (h->overrun) {
		h->overrun = false;
		log_warning("the kernel's network events came too fast; reading everything anew");
		if (read_all(h) < 0)
			h->overrun = true; /* the tick tries again */
		routes = true;
	}
	h->routes_dirty = false;
	paths_update(h, routes);
	become_ready(h);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct hostnet *h = arg;

	h->age_s++;
	hops_tick(h);
	if (h->overrun || h->age_s % REFRESH_S == 0)
		look_soon(h, true);
	become_ready(h);
}

int hostnet_start(struct hostnet *h)
{
	struct timeval second = {.tv_sec = 1};
	int rc = read_all(h);

	if (rc < 0)
		return rc;
	event_add(h->read_event, NULL);
	event_add(h->tick, &second);
	look_soon(h, true);
	return 0;
}

/* The groups are joined before anything is read: what changes in between comes as an event too. */
static int open_sockets(struct hostnet *h)
{
	int fd = kernel_events_open(h->config.receive_buffer, &h->events);

	if (fd < 0)
		return fd;
	h->read_event = event_new(h->base, fd, EV_READ | EV_PERSIST, on_events, h);
	h->debounce = evtimer_new(h->base, on_debounce, h);
	h->tick = event_new(h->base, -1, EV_PERSIST, on_tick, h);
	if (!h->read_event || !h->debounce || !h->tick)
		return -ENOMEM;
	return kernel_requests_open(&h->requests);
}

int hostnet_new(struct event_base *base, struct engine *e, const struct hostnet_config *config,
	struct hostnet **ret)
{
	struct hostnet *h = calloc(1, sizeof(*h));
	int rc;

	if (!h)
		return -ENOMEM;
	h->base = base;
	h->engine = e;
	h->config = *config;
	rc = open_sockets(h);
	if (rc < 0) {
		hostnet_free(h);
		return rc;
	}
	*ret = h;
	return 0;
}

void hostnet_free(struct hostnet *h)
{
	if (!h)
		return;
	if (h->read_event)
		event_free(h->read_event);
	if (h->debounce)
		event_free(h->debounce);
	if (h->tick)
		event_free(h->tick);
	paths_free(h);
	links_free(h);
	kernel_requests_close(&h->requests);
	if (h->events)
		nl_socket_free(h->events);
	free(h);
}

void hostnet_refresh(struct hostnet *h)
{
	look_soon(h, false);
}

void hostnet_counters(const struct hostnet *h, struct hostnet_counters *ret)
{
	*ret = h->counters;
}

static void vtep_problems(const struct hostnet *h, const struct host *host,
	void (*add)(void *add_arg, const char *sentence), void *add_arg)
{
	char text[160], addr[WEFT_ADDR_STR_SIZE];

	for (size_t i = 0; i < host->n_vteps; i++) {
		if (links_have_addr(h, &host->vteps[i]))
			continue;
		snprintf(text, sizeof(text),
			"VTEP address %s is not on any interface of this host; add it there.",
			weft_addr_format(&host->vteps[i], addr));
		add(add_arg, text);
	}
}

void hostnet_problems(
	const struct hostnet *h, void (*add)(void *add_arg, const char *sentence), void *add_arg)
{
	const struct host *host = paths_host(h);
	char text[200], remote[WEFT_ADDR_STR_SIZE], hop[WEFT_ADDR_STR_SIZE];

	if (host && h->uplink_problem[0])
		add(add_arg, h->uplink_problem);
	if (host && paths_uplink_is_kernel(host))
		vtep_problems(h, host, add, add_arg);
	for (struct path_entry *p = h->paths; p; p = p->hh.next) {
		if (p->problem[0])
			add(add_arg, p->problem);
		if (!p->hop || p->hop->known)
			continue;
		snprintf(text, sizeof(text), "VTEP %s: next hop %s does not answer",
			weft_addr_format(&p->path.remote, remote),
			weft_addr_format(&p->hop->key.addr, hop));
		add(add_arg, text);
	}
	for (struct port_entry *p = h->ports; p; p = p->hh.next)
		if (p->problem[0])
			add(add_arg, p->problem);
}
