/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many sessions there are, in all and of each port and tenant, and who may have another one.
 *
 * Counters shared by all workers, touched when a session comes, is answered or goes. A session is
 * booked before it exists, so that no limit is passed even for a moment.
 */
#include <core/quota.h>
#include <weft/limits.h>

#include "session_priv.h"

struct limit_count {
	_Atomic uint32_t n;
	_Atomic uint32_t half_open;
};

static struct limit_count limit_all __attribute__((aligned(64)));
static struct limit_count limit_ports[WEFT_MAX_PORTS];
static struct limit_count limit_tenants[WEFT_MAX_TENANTS]; /* [0]: of those without a tenant */

void limit_reset(void)
{
	memset(&limit_all, 0, sizeof(limit_all));
	memset(limit_ports, 0, sizeof(limit_ports));
	memset(limit_tenants, 0, sizeof(limit_tenants));
}

static bool limit_add(_Atomic uint32_t *count, uint32_t max)
{
	if (atomic_fetch_add_explicit(count, 1, memory_order_relaxed) < max)
		return true;
	atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
	return false;
}

static void limit_sub(_Atomic uint32_t *count)
{
	atomic_fetch_sub_explicit(count, 1, memory_order_relaxed);
}

/* drop: for too many in all. */
static enum weft_drop limit_book(
	struct limit_count *c, uint32_t max, uint32_t max_half_open, enum weft_drop drop)
{
	if (!limit_add(&c->n, max))
		return drop;
	if (limit_add(&c->half_open, max_half_open))
		return 0;
	limit_sub(&c->n);
	return WEFT_DROP_HALF_OPEN_LIMIT;
}

static void limit_unbook(struct limit_count *c, bool half_open)
{
	limit_sub(&c->n);
	if (half_open)
		limit_sub(&c->half_open);
}

static enum weft_drop limit_book_port(const struct config_port *port)
{
	uint32_t max = port->spec.max_sessions, half_open = port->spec.max_half_open;

	return limit_book(&limit_ports[port->slot], max ? max : session_max / 2,
		half_open ? half_open : session_max / 4, WEFT_DROP_SESSION_PORT_LIMIT);
}

/* Of a tenant without a limit of its own: so many times what is free. One may have four fifths of
 * the table, two four ninths each, and there is always room for those who have less (after A.
 * Choudhury, E. Hahne, "Dynamic queue length thresholds", 1998). */
#define LIMIT_TIMES_FREE 4

static uint32_t limit_of_free(void)
{
	uint32_t n = atomic_load_explicit(&limit_all.n, memory_order_relaxed);

	return n < session_max ? LIMIT_TIMES_FREE * (session_max - n) : 0;
}

static enum weft_drop limit_book_tenant(const struct config_tenant *t)
{
	uint32_t max = t ? t->spec.max_sessions : 0, half_open = t ? t->spec.max_half_open : 0;

	if (t && !max)
		max = limit_of_free();
	else if (!t)
		max = UINT32_MAX;
	return limit_book(&limit_tenants[t ? t->slot : 0], max, half_open ? half_open : UINT32_MAX,
		WEFT_DROP_SESSION_TENANT_LIMIT);
}

static bool limit_rates(const struct session_new *n)
{
	uint32_t of_port = n->charged->spec.session_rate;
	uint32_t of_tenant = n->tenant ? n->tenant->spec.session_rate : 0;

	return (!of_port || quota_take(QUOTA_SESSION, n->charged->slot, of_port, 1)) &&
	       (!of_tenant || quota_take(QUOTA_TENANT_SESSION, n->tenant->slot, of_tenant, 1));
}

enum weft_drop limit_take(const struct session_new *n)
{
	enum weft_drop drop = limit_book_port(n->charged);

	if (drop)
		return drop;
	drop = limit_book_tenant(n->tenant);
	if (drop)
		goto port;
	drop = limit_book(&limit_all, session_max, UINT32_MAX, WEFT_DROP_SESSION_TABLE_FULL);
	if (drop)
		goto tenant;
	if (limit_rates(n))
		return 0;
	drop = WEFT_DROP_SESSION_RATE;
	limit_unbook(&limit_all, true);
tenant:
	limit_unbook(&limit_tenants[n->tenant ? n->tenant->slot : 0], true);
port:
	limit_unbook(&limit_ports[n->charged->slot], true);
	return drop;
}

void limit_give(uint16_t port, uint16_t tenant, bool half_open)
{
	limit_unbook(&limit_ports[port], half_open);
	limit_unbook(&limit_tenants[tenant], half_open);
	limit_unbook(&limit_all, half_open);
}

void limit_answered(uint16_t port, uint16_t tenant)
{
	limit_sub(&limit_ports[port].half_open);
	limit_sub(&limit_tenants[tenant].half_open);
	limit_sub(&limit_all.half_open);
}

uint64_t limit_n(void)
{
	return atomic_load_explicit(&limit_all.n, memory_order_relaxed);
}

uint64_t limit_half_open(void)
{
	return atomic_load_explicit(&limit_all.half_open, memory_order_relaxed);
}

uint32_t session_count_port(uint16_t slot)
{
	return atomic_load_explicit(&limit_ports[slot].n, memory_order_relaxed);
}

uint32_t session_count_tenant(uint16_t slot)
{
	return atomic_load_explicit(&limit_tenants[slot].n, memory_order_relaxed);
}
