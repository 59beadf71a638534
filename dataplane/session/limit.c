/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many sessions there are, in all and of each port and tenant, and who may have another one.
 *
 * Counters shared by all workers, touched when a session comes, is answered or goes. A session is
 * booked before it exists, so that no limit is passed even for a moment.
 *
 * Sessions of plain segments only make their packets cheaper: they are booked by themselves, of
 * their tenants too, have a quarter of the table at most, and half of what the kernel takes.
 */
#include <rte_common.h>

#include <core/quota.h>
#include <weft/limits.h>

#include "offload_priv.h"

/* How many in the low 32 bits, how many of these half open in the high ones: one locked addition
 * for both. */
struct limit_count {
	_Atomic uint64_t both;
};
#define LIMIT_HALF_OPEN (1ull << 32)

static struct limit_count limit_all __attribute__((aligned(64)));
static struct limit_count limit_ports[WEFT_MAX_PORTS];
static struct limit_count limit_tenants[WEFT_MAX_TENANTS]; /* [0]: of those without a tenant */
static struct limit_count limit_plain __attribute__((aligned(64)));
static struct limit_count limit_plain_tenants[WEFT_MAX_TENANTS];

void limit_reset(void)
{
	memset(&limit_all, 0, sizeof(limit_all));
	memset(limit_ports, 0, sizeof(limit_ports));
	memset(limit_tenants, 0, sizeof(limit_tenants));
	memset(&limit_plain, 0, sizeof(limit_plain));
	memset(limit_plain_tenants, 0, sizeof(limit_plain_tenants));
}

struct limit_pair {
	uint32_t n;
	uint32_t half_open;
};

static struct limit_pair limit_of(uint64_t both)
{
	return (struct limit_pair){both, both >> 32};
}

static struct limit_pair limit_now(const struct limit_count *c)
{
	return limit_of(atomic_load_explicit(&c->both, memory_order_relaxed));
}

static uint64_t limit_one(bool half_open)
{
	return half_open ? 1 + LIMIT_HALF_OPEN : 1;
}

static void limit_unbook(struct limit_count *c, bool half_open)
{
	atomic_fetch_sub_explicit(&c->both, limit_one(half_open), memory_order_relaxed);
}

/* drop: for too many in all. */
static enum weft_drop limit_book(
	struct limit_count *c, const struct limit_pair *max, bool half_open, enum weft_drop drop)
{
	struct limit_pair before = limit_of(
		atomic_fetch_add_explicit(&c->both, limit_one(half_open), memory_order_relaxed));

	if (likely(before.n < max->n && (!half_open || before.half_open < max->half_open)))
		return 0;
	limit_unbook(c, half_open);
	return before.n < max->n ? WEFT_DROP_HALF_OPEN_LIMIT : drop;
}

static struct limit_pair limit_max_port(const struct config_port *port)
{
	uint32_t max = port->spec.max_sessions, half_open = port->spec.max_half_open;

	return (struct limit_pair){
		max ? max : session_max / 2, half_open ? half_open : session_max / 4};
}

/* Of a tenant without a limit of its own: so many times what is free. One may have four fifths of
 * the table, two four ninths each, and there is always room for those who have less (after A.
 * Choudhury, E. Hahne, "Dynamic queue length thresholds", 1998). */
#define LIMIT_TIMES_FREE 4

/* freed: sessions that would be gone. */
static uint32_t limit_of_free(uint32_t freed)
{
	uint32_t n = limit_now(&limit_all).n - freed;

	return n < session_max ? LIMIT_TIMES_FREE * (session_max - n) : 0;
}

static struct limit_pair limit_max_tenant(const struct config_tenant *t, uint32_t freed)
{
	uint32_t max = t ? t->spec.max_sessions : UINT32_MAX;
	uint32_t half_open = t ? t->spec.max_half_open : 0;

	return (struct limit_pair){
		max ? max : limit_of_free(freed), half_open ? half_open : UINT32_MAX};
}

static enum weft_drop limit_book_port(const struct config_port *port, bool half_open)
{
	struct limit_pair m = limit_max_port(port);

	return limit_book(&limit_ports[port->slot], &m, half_open, WEFT_DROP_SESSION_PORT_LIMIT);
}

static enum weft_drop limit_book_tenant(const struct config_tenant *t, bool half_open)
{
	struct limit_pair m = limit_max_tenant(t, 0);

	return limit_book(
		&limit_tenants[t ? t->slot : 0], &m, half_open, WEFT_DROP_SESSION_TENANT_LIMIT);
}

static enum weft_drop limit_book_all(bool half_open)
{
	struct limit_pair m = {session_max, UINT32_MAX};

	return limit_book(&limit_all, &m, half_open, WEFT_DROP_SESSION_TABLE_FULL);
}

static bool limit_rates(const struct session_new *n)
{
	uint32_t of_port = n->charged->spec.session_rate;
	uint32_t of_tenant = n->tenant ? n->tenant->spec.session_rate : 0;

	return (!of_port || quota_take(QUOTA_SESSION, n->charged->slot, of_port, 1)) &&
	       (!of_tenant || quota_take(QUOTA_TENANT_SESSION, n->tenant->slot, of_tenant, 1));
}

static struct limit_pair limit_max_plain(void)
{
	const struct offload *o = offload_get();
	uint32_t max = session_max / 4, room = o ? o->t.n_dirs / 4 : 0;

	max = RTE_MIN(max, room);
	return (struct limit_pair){max, max / 2};
}

/* freed: as in limit_of_free. */
static struct limit_pair limit_max_plain_tenant(uint32_t freed)
{
	uint32_t max = limit_max_plain().n;
	uint32_t n = limit_now(&limit_plain).n - freed;
	uint32_t of_free = n < max ? LIMIT_TIMES_FREE * (max - n) : 0;

	return (struct limit_pair){of_free, of_free / 2};
}

static enum weft_drop limit_take_plain(const struct session_new *n)
{
	struct limit_pair m = limit_max_plain(), mt = limit_max_plain_tenant(0);
	struct limit_count *tenant = &limit_plain_tenants[n->tenant ? n->tenant->slot : 0];
	bool half_open = !n->past;
	enum weft_drop drop = limit_book(tenant, &mt, half_open, WEFT_DROP_SESSION_TENANT_LIMIT);

	if (drop)
		return drop;
	drop = limit_book(&limit_plain, &m, half_open, WEFT_DROP_SESSION_TABLE_FULL);
	if (drop)
		goto tenant;
	drop = limit_book_all(half_open);
	if (!drop)
		return 0;
	limit_unbook(&limit_plain, half_open);
tenant:
	limit_unbook(tenant, half_open);
	return drop;
}

enum weft_drop limit_take(const struct session_new *n)
{
	bool half_open = !n->past;
	enum weft_drop drop;

	if (n->plain)
		return limit_take_plain(n);
	drop = limit_book_port(n->charged, half_open);
	if (drop)
		return drop;
	drop = limit_book_tenant(n->tenant, half_open);
	if (drop)
		goto port;
	drop = limit_book_all(half_open);
	if (drop)
		goto tenant;
	if (n->past || limit_rates(n))
		return 0;
	drop = WEFT_DROP_SESSION_RATE;
	limit_unbook(&limit_all, half_open);
tenant:
	limit_unbook(&limit_tenants[n->tenant ? n->tenant->slot : 0], half_open);
port:
	limit_unbook(&limit_ports[n->charged->slot], half_open);
	return drop;
}

/* How much of a count would be left of sessions of that port or tenant. */
struct limit_left {
	const struct limit_count *count;
	uint32_t n, half_open; /* freed of it */
};

static enum weft_drop limit_judge(
	const struct limit_left *l, uint32_t max, uint32_t max_half_open, enum weft_drop drop)
{
	struct limit_pair now = limit_now(l->count);

	if (now.n - l->n >= max)
		return drop;
	return now.half_open - l->half_open >= max_half_open ? WEFT_DROP_HALF_OPEN_LIMIT : 0;
}

static bool limit_has_rates(const struct session_new *n)
{
	uint32_t of_port = n->charged->spec.session_rate;
	uint32_t of_tenant = n->tenant ? n->tenant->spec.session_rate : 0;

	return (!of_port || quota_has(QUOTA_SESSION, n->charged->slot, of_port)) &&
	       (!of_tenant || quota_has(QUOTA_TENANT_SESSION, n->tenant->slot, of_tenant));
}

/* Rates are not asked: see limit_take_plain. */
static enum weft_drop limit_would_plain(
	const struct session_new *n, const struct session_freed *freed)
{
	uint16_t slot = n->tenant ? n->tenant->slot : 0;
	struct limit_left tenant = {.count = &limit_plain_tenants[slot]};
	struct limit_left plain = {.count = &limit_plain}, all = {.count = &limit_all};
	struct limit_pair m = limit_max_plain(), mt;
	enum weft_drop drop;

	for (unsigned int i = 0; i < freed->n; i++) {
		const struct session *s = freed->sessions[i];
		bool is_plain = s->flags & SESSION_PLAIN, is_ours = is_plain && s->tenant == slot;
		bool half_open = s->flags & SESSION_HALF_OPEN;

		tenant.n += is_ours;
		tenant.half_open += is_ours && half_open;
		plain.n += is_plain;
		plain.half_open += is_plain && half_open;
		all.n++;
	}
	mt = limit_max_plain_tenant(plain.n);
	drop = limit_judge(&tenant, mt.n, mt.half_open, WEFT_DROP_SESSION_TENANT_LIMIT);
	if (!drop)
		drop = limit_judge(&plain, m.n, m.half_open, WEFT_DROP_SESSION_TABLE_FULL);
	if (!drop)
		drop = limit_judge(&all, session_max, UINT32_MAX, WEFT_DROP_SESSION_TABLE_FULL);
	return drop;
}

enum weft_drop limit_would(const struct session_new *n, const struct session_freed *freed)
{
	const struct config_tenant *t = n->tenant;
	struct limit_left port = {.count = &limit_ports[n->charged->slot]};
	struct limit_left tenant = {.count = &limit_tenants[t ? t->slot : 0]};
	struct limit_left all = {.count = &limit_all};
	struct limit_pair m = limit_max_port(n->charged), mt = limit_max_tenant(t, freed->n);
	enum weft_drop drop;

	if (n->plain)
		return limit_would_plain(n, freed);
	for (unsigned int i = 0; i < freed->n; i++) {
		const struct session *s = freed->sessions[i];
		bool half_open = s->flags & SESSION_HALF_OPEN;
		bool is_plain = s->flags & SESSION_PLAIN;
		bool of_port = !is_plain && s->charged == n->charged->slot;
		bool of_tenant = !is_plain && s->tenant == (t ? t->slot : 0);

		port.n += of_port;
		port.half_open += of_port && half_open;
		tenant.n += of_tenant;
		tenant.half_open += of_tenant && half_open;
		all.n++;
	}
	drop = limit_judge(&port, m.n, m.half_open, WEFT_DROP_SESSION_PORT_LIMIT);
	if (!drop)
		drop = limit_judge(&tenant, mt.n, mt.half_open, WEFT_DROP_SESSION_TENANT_LIMIT);
	if (!drop)
		drop = limit_judge(&all, session_max, UINT32_MAX, WEFT_DROP_SESSION_TABLE_FULL);
	if (!drop && !limit_has_rates(n))
		drop = WEFT_DROP_SESSION_RATE;
	return drop;
}

static void limit_unbook_each(uint16_t port, uint16_t tenant, bool plain, bool half_open)
{
	limit_unbook(plain ? &limit_plain : &limit_ports[port], half_open);
	limit_unbook(plain ? &limit_plain_tenants[tenant] : &limit_tenants[tenant], half_open);
	limit_unbook(&limit_all, half_open);
}

void limit_return(const struct session_new *n)
{
	limit_unbook_each(n->charged->slot, n->tenant ? n->tenant->slot : 0, n->plain, !n->past);
}

void limit_give(const struct session *s, bool half_open)
{
	limit_unbook_each(s->charged, s->tenant, s->flags & SESSION_PLAIN, half_open);
}

static void limit_answer(struct limit_count *c)
{
	atomic_fetch_sub_explicit(&c->both, LIMIT_HALF_OPEN, memory_order_relaxed);
}

void limit_answered(const struct session *s)
{
	bool plain = s->flags & SESSION_PLAIN;

	limit_answer(plain ? &limit_plain : &limit_ports[s->charged]);
	limit_answer(plain ? &limit_plain_tenants[s->tenant] : &limit_tenants[s->tenant]);
	limit_answer(&limit_all);
}

uint64_t limit_n(void)
{
	return limit_now(&limit_all).n;
}

uint64_t limit_half_open(void)
{
	return limit_now(&limit_all).half_open;
}

uint32_t session_count_port(uint16_t slot)
{
	return limit_now(&limit_ports[slot]).n;
}

uint32_t session_count_tenant(uint16_t slot)
{
	return limit_now(&limit_tenants[slot]).n;
}
