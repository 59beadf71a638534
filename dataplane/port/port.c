/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What all kinds of port have in common: the table of kinds, life cycle, and the state that workers
 * see, made of the device's link and the operator's will.
 *
 * Knows no kind beyond its line in the table. Main thread, but port_set_link: any.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include <rte_common.h>
#include <rte_malloc.h>

#include <port/port.h>

#include "kinds.h"

static const struct port_ops *kinds[WEFT_PORT_KIND_MAX] = {
#define PORT_KIND(id, ops) [WEFT_PORT_##id] = &ops,
	PORT_KINDS_BUILT_IN(PORT_KIND)
#undef PORT_KIND
};

/* Ports that are open. Main thread. */
static LIST_HEAD(, port) open_ports = LIST_HEAD_INITIALIZER(open_ports);

const struct port_ops *port_ops_find(enum weft_port_kind kind)
{
	return (unsigned int)kind < WEFT_PORT_KIND_MAX ? kinds[kind] : NULL;
}

void port_ops_register(const struct port_ops *ops)
{
	kinds[ops->kind] = ops;
}

struct port *port_new(const struct weft_port *spec, uint16_t slot)
{
	struct port *p = rte_zmalloc("port", sizeof(*p), RTE_CACHE_LINE_SIZE);

	if (!p)
		return NULL;
	p->spec = *spec;
	p->slot = slot;
	p->ops = port_ops_find(spec->kind);
	p->state = WEFT_PORT_STATE_MISSING;
	/* Until the device says what it takes: a frame is lost then, and not too big. */
	p->max_frame = (uint32_t)spec->mtu + PORT_FRAME_OVERHEAD;
	rte_spinlock_init(&p->state_lock);
	for (unsigned int i = 0; i < WEFT_PORT_QUEUES; i++)
		rte_spinlock_init(&p->tx_lock[i]);
	return p;
}

int port_fail(struct port *p, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(p->text, sizeof(p->text), format, args);
	va_end(args);
	return -error;
}

/* Under state_lock. */
static void state_refresh(struct port *p)
{
	bool up = p->link && !p->stopped && !(p->spec.flags & WEFT_PORT_ADMIN_DOWN);

	atomic_store_explicit(&p->state,
		!p->is_open ? WEFT_PORT_STATE_MISSING
		: up	    ? WEFT_PORT_STATE_UP
			    : WEFT_PORT_STATE_DOWN,
		memory_order_release);
}

void port_set_link(struct port *p, bool up)
{
	rte_spinlock_lock(&p->state_lock);
	p->link = up;
	state_refresh(p);
	rte_spinlock_unlock(&p->state_lock);
}

void port_stop(struct port *p)
{
	rte_spinlock_lock(&p->state_lock);
	p->stopped = true;
	state_refresh(p);
	rte_spinlock_unlock(&p->state_lock);
}

static void set_open(struct port *p, bool is_open)
{
	rte_spinlock_lock(&p->state_lock);
	p->is_open = is_open;
	state_refresh(p);
	rte_spinlock_unlock(&p->state_lock);
}

static void limit_frames(struct port *p)
{
	p->max_frame = RTE_MIN(p->device_max_frame, (uint32_t)p->spec.mtu + PORT_FRAME_OVERHEAD);
}

/* Whether only one of two ports may have its device open. Interfaces are named by three kinds; a
 * memif socket has many places, each with two ends. */
static bool is_same_place(const struct weft_port *a, const struct weft_port *b)
{
	const uint32_t interfaces =
		1u << WEFT_PORT_VETH | 1u << WEFT_PORT_AF_XDP | 1u << WEFT_PORT_TAP;

	if (a->kind != b->kind && (!(interfaces >> a->kind & 1) || !(interfaces >> b->kind & 1)))
		return false;
	if (a->kind == WEFT_PORT_MEMIF &&
		(a->instance != b->instance || ((a->flags ^ b->flags) & WEFT_PORT_SERVER)))
		return false;
	return strncmp(a->device, b->device, sizeof(a->device)) == 0;
}

/* The open port that has the device, or NULL. The kernel would let two packet sockets read one
 * interface: a tenant's frames would then enter by another tenant's port too. */
static const struct port *device_owner(const struct weft_port *spec)
{
	const struct port *p;

	LIST_FOREACH (p, &open_ports, link_open)
		if (is_same_place(&p->spec, spec))
			return p;
	return NULL;
}

int port_open(struct port *p, int fd, unsigned int n_workers)
{
	const struct port *owner;
	int error;

	if (!p->ops)
		return port_fail(
			p, ENOTSUP, "port kind %u is not built into this data plane", p->spec.kind);
	if (p->spec.n_queues == 0 || p->spec.n_queues > WEFT_PORT_QUEUES)
		return port_fail(p, EINVAL, "%u queues: must be 1 to %u", p->spec.n_queues,
			WEFT_PORT_QUEUES);
	if (!memchr(p->spec.device, '\0', sizeof(p->spec.device)))
		return port_fail(p, EINVAL, "device name is not terminated");
	owner = device_owner(&p->spec);
	if (owner)
		return port_fail(p, EADDRINUSE, "another port has the device: %u (%.64s)",
			owner->spec.id, owner->spec.name);
	p->n_workers = RTE_MAX(n_workers, 1u);
	p->text[0] = '\0';
	p->link = false;
	p->stopped = false;
	error = p->ops->open(p, fd);
	if (error < 0)
		return error;
	p->device_max_frame = p->max_frame;
	limit_frames(p);
	p->shared_txq = p->n_workers > p->n_txq;
	LIST_INSERT_HEAD(&open_ports, p, link_open);
	set_open(p, true);
	return 0;
}

bool port_poll_state(struct port *p)
{
	return p->is_open && p->ops->poll_state && p->ops->poll_state(p);
}

void port_update(struct port *p, const struct weft_port *spec)
{
	rte_spinlock_lock(&p->state_lock);
	p->spec = *spec;
	state_refresh(p);
	rte_spinlock_unlock(&p->state_lock);
	if (p->is_open)
		limit_frames(p);
}

int port_set_fastpath(struct port *p, const struct port_fastpath *f)
{
	int error = 0;

	if (p->fastpath.mark == f->mark && p->fastpath.ifindex == f->ifindex)
		return 0;
	p->fastpath = *f;
	if (p->is_open && p->ops->set_fastpath)
		error = p->ops->set_fastpath(p);
	if (error < 0)
		port_stop(p);
	return error;
}

static bool keep_devices;

void port_keep_devices(void)
{
	keep_devices = true;
}

bool port_keeps_devices(void)
{
	return keep_devices;
}

void port_close(struct port *p)
{
	if (!p->is_open)
		return;
	set_open(p, false);
	LIST_REMOVE(p, link_open);
	p->ops->close(p);
	p->priv = NULL;
	p->ifindex = 0;
	p->link = false;
}

void port_free(struct port *p)
{
	if (!p)
		return;
	port_close(p);
	rte_free(p);
}

bool port_same_device(const struct weft_port *a, const struct weft_port *b)
{
	const uint16_t device_flags = WEFT_PORT_SERVER | WEFT_PORT_NO_OFFLOAD;

	/* A DPDK device takes its MTU before it starts. */
	if (a->kind == WEFT_PORT_ETHDEV && a->mtu != b->mtu)
		return false;
	return a->kind == b->kind && a->role == b->role && a->n_queues == b->n_queues &&
	       a->instance == b->instance &&
	       (a->flags & device_flags) == (b->flags & device_flags) &&
	       strncmp(a->device, b->device, sizeof(a->device)) == 0;
}

void port_rx_error(struct port *p, struct rte_mbuf *m)
{
	rte_pktmbuf_free(m);
	atomic_fetch_add_explicit(&p->rx_errors, 1, memory_order_relaxed);
}
