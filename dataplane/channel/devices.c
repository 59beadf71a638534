/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Life of the devices behind ports. Knows no transactions: commit says what came and went.
 * Main thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <core/log.h>
#include <core/rcu.h>
#include <observe/counters.h>

#include "devices.h"
#include "events.h"
#include "fastpath.h"

#define RETRY_MS       1000
#define POLL_MS	       100
#define OPENS_PER_TICK 16 /* opening may take the kernel some milliseconds */

struct device {
	struct port *dev;   /* NULL: no port in this slot */
	int fd;		    /* sent with the port; kept for opening again */
	uint8_t told;	    /* state that events and logs know */
	uint32_t told_text; /* hash of the reason that events know */
	bool closing;	    /* gone for good: waits for the workers */
	uint64_t wait_for;  /* closes that must have happened before this may be opened */
	uint64_t try_ms;
};

static struct device devices[WEFT_MAX_PORTS];
static uint16_t used[WEFT_MAX_PORTS]; /* slots with a device, in no order */
static uint32_t n_used;
static uint32_t poll_next;	       /* index into used */
static uint16_t fresh[WEFT_MAX_PORTS]; /* ring of slots to open as soon as possible */
static uint32_t fresh_head, fresh_tail;
static bool fresh_has[WEFT_MAX_PORTS];
static uint64_t polled_ms;
static uint64_t n_closes; /* asked for */
static uint64_t n_closed;

static const char *state_name(uint8_t state)
{
	switch (state) {
	case WEFT_PORT_STATE_UP:
		return "up";
	case WEFT_PORT_STATE_DOWN:
		return "down";
	default:
		return "missing";
	}
}

static uint32_t text_hash(const char *text)
{
	uint32_t hash = 0;

	for (; *text; text++)
		hash = hash * 31 + (unsigned char)*text;
	return hash;
}

static void tell_if_changed(struct device *d)
{
	uint8_t now = atomic_load_explicit(&d->dev->state, memory_order_relaxed);
	uint32_t text = text_hash(d->dev->text);

	if (now == d->told && text == d->told_text)
		return;
	d->told_text = text;
	events_port(d->dev->slot);
	if (now == d->told)
		return;
	d->told = now;
	log_info("port %u (%s) is %s%s%s", d->dev->spec.id, d->dev->spec.name, state_name(now),
		d->dev->text[0] ? ": " : "", d->dev->text);
}

static void open_soon(uint16_t slot)
{
	devices[slot].try_ms = 0;
	if (fresh_has[slot])
		return;
	fresh_has[slot] = true;
	fresh[fresh_tail++ % WEFT_MAX_PORTS] = slot;
}

void device_add(struct port *dev, int fd)
{
	struct device *d = &devices[dev->slot];

	*d = (struct device){.dev = dev, .fd = fd, .wait_for = n_closes};
	used[n_used++] = dev->slot;
	open_soon(dev->slot);
}

static void free_device(void *arg)
{
	port_free(arg);
	n_closed++;
}

void device_remove(uint16_t slot)
{
	struct device *d = &devices[slot];

	for (uint32_t i = 0; i < n_used; i++)
		if (used[i] == slot)
			used[i--] = used[--n_used];
	if (d->fd >= 0)
		close(d->fd);
	rcu_retire(free_device, d->dev);
	n_closes++;
	d->dev = NULL;
}

/* The workers have seen that the port is not up: close, and open again at the next tick. */
static void close_gone(void *arg)
{
	struct port *dev = arg;
	struct device *d = &devices[dev->slot];

	port_close(dev);
	n_closed++;
	if (d->dev == dev) {
		d->closing = false;
		open_soon(dev->slot);
	}
}

static void begin_close(struct device *d)
{
	port_stop(d->dev);
	d->closing = true;
	rcu_retire(close_gone, d->dev);
	n_closes++;
}

static void try_open(struct device *d, uint64_t now_ms, unsigned int n_workers)
{
	d->try_ms = now_ms + RETRY_MS;
	if (port_open(d->dev, d->fd, n_workers) < 0 && d->told == 0)
		log_warning("port %u (%s) can't be opened, trying again: %s", d->dev->spec.id,
			d->dev->spec.name, d->dev->text);
}

/* Frames that the peer or the device lost on the way in, in the main thread's row. */
static void book_rx_errors(struct port *dev, unsigned int n_workers)
{
	uint64_t n = atomic_exchange_explicit(&dev->rx_errors, 0, memory_order_relaxed);
	struct weft_port_stats *stats = counters_port(n_workers, dev->slot);

	if (n == 0)
		return;
	stats->rx_packets += n;
	stats->dropped[WEFT_DROP_RX_ERROR] += n;
}

static void device_tick(struct device *d, uint64_t now_ms, unsigned int n_workers)
{
	if (!d->closing) {
		if (!d->dev->is_open && d->try_ms && now_ms >= d->try_ms)
			try_open(d, now_ms, n_workers);
		else if (port_poll_state(d->dev))
			begin_close(d);
	}
	book_rx_errors(d->dev, n_workers);
	fastpath_port(d->dev->slot);
	/* Before the first attempt to open there is nothing to tell. */
	if (d->try_ms || d->told)
		tell_if_changed(d);
}

/* In the order in which they came; each waits for the closes that were asked for before it. */
static void open_fresh(uint64_t now_ms, unsigned int n_workers)
{
	for (int n = 0; n < OPENS_PER_TICK && fresh_head != fresh_tail; n++) {
		uint16_t slot = fresh[fresh_head % WEFT_MAX_PORTS];
		struct device *d = &devices[slot];

		if (d->dev && d->wait_for > n_closed)
			return;
		fresh_head++;
		fresh_has[slot] = false;
		if (!d->dev || d->closing || d->dev->is_open)
			continue;
		try_open(d, now_ms, n_workers);
		fastpath_port(slot);
		tell_if_changed(d);
	}
}

void devices_tick(uint64_t now_ms, unsigned int n_workers)
{
	uint64_t elapsed = now_ms - polled_ms;
	uint32_t n = elapsed >= POLL_MS ? n_used : (n_used * elapsed + POLL_MS - 1) / POLL_MS;

	polled_ms = now_ms;
	open_fresh(now_ms, n_workers);
	for (; n > 0; n--) {
		if (poll_next >= n_used)
			poll_next = 0;
		device_tick(&devices[used[poll_next++]], now_ms, n_workers);
	}
}

bool devices_settled(void)
{
	return fresh_head == fresh_tail;
}

bool device_state(uint16_t slot, struct weft_event_port *ret)
{
	const struct device *d = &devices[slot];

	if (!d->dev)
		return false;
	*ret = (struct weft_event_port){.id = d->dev->spec.id,
		.state = atomic_load_explicit(&d->dev->state, memory_order_relaxed)};
	snprintf(ret->text, sizeof(ret->text), "%s", d->dev->text);
	return true;
}

void devices_fini(void)
{
	port_keep_devices(); /* the guests live on */
	while (n_used > 0)
		device_remove(used[0]);
	while (rcu_reclaim() > 0)
		;
	memset(devices, 0, sizeof(devices));
	memset(fresh_has, 0, sizeof(fresh_has));
	fresh_head = fresh_tail = 0;
	n_closes = n_closed = 0;
}
