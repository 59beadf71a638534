/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session's way into the fast path's tables and out of them; its numbers while it is there.
 *
 * Entries and places are written under the session's lock. Numbers of TCP are written by programs
 * and by workers at the same time: each only grows, and what one side loses it gets back from the
 * other with the next packet that comes here.
 */
#include <netinet/in.h>

#include <core/clock.h>

#include "offload_priv.h"
#include "tcp_window.h"

#define IMPORT_UNIT 4096 /* bytes */

struct offload *_Atomic offload_current;

static struct weft_bpf_dir *entry_at(
	const struct offload *o, const struct session *s, unsigned int i)
{
	return offload_entry(o, s->offload, i);
}

static uint32_t epoch_now(const struct offload *o, uint16_t segment)
{
	return __atomic_load_n(&o->t.epochs[segment].epoch, __ATOMIC_ACQUIRE);
}

/* May programs carry it, as far as its state says? With the lock. */
static bool is_settled(const struct session *s)
{
	if (s->flags & (SESSION_DEAD | SESSION_GHOST | SESSION_HALF_OPEN))
		return false;
	if (!(s->dir[0].flags & s->dir[1].flags & SESSION_DIR_OFFLOAD))
		return false;
	return s->dir[0].key.proto != IPPROTO_TCP || s->state == WEFT_TIMEOUT_TCP_ESTABLISHED;
}

static bool is_decided(const struct session_dir *d, const struct config *cfg)
{
	uint32_t epoch = cfg->epoch[d->key.segment];

	return epoch && atomic_load_explicit(&d->epoch, memory_order_relaxed) == epoch;
}

/* One direction, as programs are to have it. */
struct told {
	struct weft_bpf_key key;
	uint32_t owner; /* for who comes after us: id of the port that sends it, 0: a remote one */
	struct weft_bpf_decision d;
};

/* What both directions are to be. Epochs of the tables are read before the configuration: a commit
 * writes them after it, so that what was decided by the one before never gets the new one. */
static bool describe(const struct offload *o, const struct session *s, struct told ret[2])
{
	uint32_t epochs[2] = {
		epoch_now(o, s->dir[0].key.segment), epoch_now(o, s->dir[1].key.segment)};
	const struct config *cfg = config_get();

	if (!cfg || !is_settled(s) || !is_decided(&s->dir[0], cfg) || !is_decided(&s->dir[1], cfg))
		return false;
	for (unsigned int i = 0; i < 2; i++) {
		if (epochs[i] == 0 || !offload_describe(s, i, cfg, &ret[i].key, &ret[i].d))
			return false;
		ret[i].d.epoch = epochs[i];
		ret[i].owner = s->port_id[i];
	}
	if (offload_asks_fdb(s) && !offload_is_placed(s, cfg))
		return false;
	return memcmp(&ret[0].key, &ret[1].key, sizeof(ret[0].key)) != 0;
}

static void raise32(uint32_t *to, uint32_t v, bool wraps)
{
	uint32_t old = __atomic_load_n(to, __ATOMIC_RELAXED);

	while (wraps ? seq_after(v, old) : v > old) {
		if (__atomic_compare_exchange_n(
			    to, &old, v, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return;
	}
}

static void raise_tcp(struct session_tcp *to, const struct session_tcp *from)
{
	raise32(&to->end, __atomic_load_n(&from->end, __ATOMIC_RELAXED), true);
	raise32(&to->max_end, __atomic_load_n(&from->max_end, __ATOMIC_RELAXED), true);
	raise32(&to->max_win, RTE_MIN(__atomic_load_n(&from->max_win, __ATOMIC_RELAXED), WIN_MAX),
		false);
}

static bool is_tcp(const struct session *s)
{
	return s->dir[0].key.proto == IPPROTO_TCP;
}

/* Whether programs have carried so much in that direction since this was asked last that its
 * numbers may have gone round: those don't tell any more which are later. */
static bool gone_round(struct session_dir *d, const struct weft_bpf_state *there)
{
	uint32_t now = __atomic_load_n(&there->bytes, __ATOMIC_RELAXED) / IMPORT_UNIT;
	uint32_t before = atomic_load_explicit(&d->imported, memory_order_relaxed);

	if (now != before)
		atomic_store_explicit(&d->imported, now, memory_order_relaxed);
	return now - before >= (1u << 30) / IMPORT_UNIT;
}

static void copy32(uint32_t *to, const uint32_t *from)
{
	store32(to, __atomic_load_n(from, __ATOMIC_RELAXED));
}

/* What a side has sent goes on with its own packets, what it lets its peer send with the peer's. */
void offload_import(struct session *s)
{
	struct offload *o = offload_get();
	bool round[2];

	if (!o || !s->offload || !is_tcp(s))
		return;
	for (unsigned int i = 0; i < 2; i++)
		round[i] = gone_round(&s->dir[i], &entry_at(o, s, i)->state);
	for (unsigned int i = 0; i < 2; i++) {
		const struct session_tcp *from = &entry_at(o, s, i)->state.tcp;

		if (round[i])
			copy32(&s->dir[i].tcp.end, &from->end);
		if (round[!i])
			copy32(&s->dir[i].tcp.max_end, &from->max_end);
		raise_tcp(&s->dir[i].tcp, from);
	}
}

/* No program has it: however far the data plane has gone with it meanwhile. */
static void export_anew(const struct offload *o, const struct session *s)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct session_tcp *to = &entry_at(o, s, i)->state.tcp;

		copy32(&to->end, &s->dir[i].tcp.end);
		copy32(&to->max_end, &s->dir[i].tcp.max_end);
	}
}

static void export_tcp(const struct offload *o, struct session *s)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct session_tcp *to = &entry_at(o, s, i)->state.tcp;
		uint8_t flags = __atomic_load_n(&s->dir[i].tcp.flags, __ATOMIC_RELAXED);

		raise_tcp(to, &s->dir[i].tcp);
		if (to->start != s->dir[i].tcp.start) /* of a later SYN; no program looks at it */
			store32(&to->start, s->dir[i].tcp.start);
		if (to->flags != flags)
			__atomic_store_n(&to->flags, flags, __ATOMIC_RELAXED);
	}
}

void offload_export(struct session_dir *d)
{
	struct session *s = session_of(d);
	struct offload *o = offload_get();
	const struct weft_bpf_dir *e;

	if (!o || !s->offload)
		return;
	e = entry_at(o, s, d - s->dir);
	if (is_tcp(s))
		export_tcp(o, s);
	if (e->d.epoch == epoch_now(o, d->key.segment))
		return;
	session_lock(s);
	offload_changed(s);
	session_unlock(s);
}

/* From here on with the session's lock. */

static void entry_write(struct weft_bpf_dir *e, const struct told *t)
{
	uint32_t seq = e->seq | 1;

	if (!(e->seq & 1) && e->owner == t->owner &&
		memcmp(&e->key, &t->key, sizeof(e->key)) == 0 &&
		memcmp(&e->d, &t->d, sizeof(e->d)) == 0)
		return;
	__atomic_store_n(&e->seq, seq, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	e->key = t->key;
	e->owner = t->owner;
	e->d = t->d;
	__atomic_store_n(&e->seq, seq + 1, __ATOMIC_RELEASE);
}

/* Before it is found for the first time. */
static void state_begin(
	const struct offload *o, const struct session_dir *d, struct weft_bpf_state *ret)
{
	uint32_t seen = atomic_load_explicit(&d->seen_s, memory_order_relaxed);

	*ret = (struct weft_bpf_state){.tcp = d->tcp, .seen_s = seen ? seen + o->ahead_s : 0};
}

static void set_in(struct session *s, bool in)
{
	for (unsigned int i = 0; i < 2; i++) {
		uint8_t flags = s->dir[i].flags & ~SESSION_DIR_OFFLOADED;

		__atomic_store_n(&s->dir[i].flags, flags | (in ? SESSION_DIR_OFFLOADED : 0),
			__ATOMIC_RELAXED);
	}
}

void offload_withdraw(struct session *s)
{
	struct offload *o = offload_get();

	if (!o || !offload_is_in(s))
		return;
	for (unsigned int i = 0; i < 2; i++)
		offload_place_take(o, &entry_at(o, s, i)->key, 2 * s->offload + i);
	set_in(s, false);
	atomic_fetch_sub_explicit(&o->n, 1, memory_order_relaxed);
	offload_import(s);
}

/* Neither direction is in. */
static void put_in(struct offload *o, struct session *s)
{
	uint32_t index = 2 * s->offload;

	if (!offload_place_put(o, &entry_at(o, s, 0)->key, index)) {
		atomic_fetch_add_explicit(&o->full, 1, memory_order_relaxed);
		return;
	}
	if (!offload_place_put(o, &entry_at(o, s, 1)->key, index + 1)) {
		offload_place_take(o, &entry_at(o, s, 0)->key, index);
		atomic_fetch_add_explicit(&o->full, 1, memory_order_relaxed);
		return;
	}
	set_in(s, true);
	atomic_fetch_add_explicit(&o->n, 1, memory_order_relaxed);
	if (is_tcp(s)) /* what passed here meanwhile */
		export_tcp(o, s);
}

/* Into its pair, as told; out first if it would be found by another key. */
static void put(struct offload *o, struct session *s, struct told t[2])
{
	for (unsigned int i = 0; i < 2; i++) {
		if (offload_is_in(s) &&
			memcmp(&entry_at(o, s, i)->key, &t[i].key, sizeof(t[i].key)) != 0)
			offload_withdraw(s);
		t[i].d.peer = 2 * s->offload + (i ^ 1);
	}
	if (is_tcp(s)) {
		if (offload_is_in(s))
			offload_import(s);
		else
			export_anew(o, s);
		export_tcp(o, s);
	}
	for (unsigned int i = 0; i < 2; i++)
		entry_write(entry_at(o, s, i), &t[i]);
	if (!offload_is_in(s))
		put_in(o, s);
}

void offload_changed(struct session *s)
{
	struct offload *o = offload_get();
	struct told t[2];

	if (likely(!o) || s->flags & (SESSION_DEAD | SESSION_GHOST))
		return;
	if (!describe(o, s, t))
		offload_withdraw(s);
	else if (s->offload)
		put(o, s, t);
	else
		wheel_tell(s);
}

/* End of what needs the lock. */

void offload_look(unsigned int worker, struct session *s)
{
	struct offload *o = offload_get();
	struct told t[2];

	if (!o || offload_is_in(s))
		return;
	session_lock(s);
	if (describe(o, s, t)) {
		if (!s->offload) {
			s->offload = offload_pair_get(worker);
			for (unsigned int i = 0; i < 2 && s->offload; i++)
				state_begin(o, &s->dir[i], &entry_at(o, s, i)->state);
		}
		if (s->offload)
			put(o, s, t);
		else
			atomic_fetch_add_explicit(&o->empty, 1, memory_order_relaxed);
	}
	session_unlock(s);
}

void session_traffic(const struct session_dir *d, struct session_traffic *ret)
{
	struct session *s = session_of((struct session_dir *)(uintptr_t)d);
	const struct offload *o = offload_get();
	const struct weft_bpf_state *there;
	uint32_t seen;

	ret->packets = atomic_load_explicit(&d->packets, memory_order_relaxed);
	ret->bytes = atomic_load_explicit(&d->bytes, memory_order_relaxed);
	ret->seen_s = atomic_load_explicit(&d->seen_s, memory_order_relaxed);
	if (likely(!o || !s->offload))
		return;
	there = &entry_at(o, s, d - s->dir)->state;
	ret->packets += __atomic_load_n(&there->packets, __ATOMIC_RELAXED);
	ret->bytes += __atomic_load_n(&there->bytes, __ATOMIC_RELAXED);
	seen = __atomic_load_n(&there->seen_s, __ATOMIC_RELAXED);
	if (!seen)
		return;
	seen -= o->ahead_s;
	if (!ret->seen_s || (int32_t)(seen - ret->seen_s) > 0)
		ret->seen_s = seen ? seen : 1;
}

bool offload_carries(const struct session *s)
{
	const struct offload *o = offload_get();

	if (!o || !offload_is_in(s))
		return false;
	for (unsigned int i = 0; i < 2; i++) {
		uint32_t epoch = epoch_now(o, s->dir[i].key.segment);

		if (!epoch ||
			__atomic_load_n(&entry_at(o, s, i)->d.epoch, __ATOMIC_RELAXED) != epoch)
			return false;
	}
	return true;
}

void offload_stats(struct offload_stats *ret)
{
	struct offload *o = offload_get();

	*ret = (struct offload_stats){0};
	if (!o)
		return;
	ret->n = atomic_load_explicit(&o->n, memory_order_relaxed);
	ret->full = atomic_load_explicit(&o->full, memory_order_relaxed);
	ret->empty = atomic_load_explicit(&o->empty, memory_order_relaxed);
	ret->adopted = atomic_load_explicit(&o->adopted, memory_order_relaxed);
}
