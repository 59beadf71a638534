/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a session of a plain segment stands on, or one that goes to a learned MAC: the FDB. Where
 * its frames go, and what is learned from them, the data plane sees one by one; programs do
 * neither, so they may have them only while that would change nothing. Workers.
 */
#include <rte_common.h>

#include <core/clock.h>
#include <table/learn.h>

#include "offload_priv.h"

#define MAC_SIZE 6

/* Where packets of direction i come from; out of tunnels, where answers go to. */
static dest_t place_of(const struct session *s, unsigned int i)
{
	return s->dir[i].in ? s->dir[i].in : s->dir[!i].dest;
}

/* What is routed goes to a programmed MAC: a commit tells when that moves. */
static bool goes_there(const struct session_dir *d, const struct config *cfg)
{
	const struct fdb_entry *f;

	if (d->flags & SESSION_DIR_ROUTED)
		return !(d->flags & SESSION_DIR_FDB);
	f = learn_carried(cfg, d->key.segment, d->match_macs);
	return f && __atomic_load_n(&f->dest, __ATOMIC_RELAXED) == d->dest;
}

/* What another host has routed comes from there, and is never learned. */
static bool is_router(const struct config *cfg, uint16_t segment, const uint8_t *mac)
{
	const struct config_segment *seg = cfg->segments[segment];
	const struct config_router *r = seg ? cfg->routers[seg->router_slot] : NULL;

	return r && memcmp(mac, r->spec.mac.b, MAC_SIZE) == 0;
}

/* Nothing would be learned from its packets. */
static bool is_known(const struct session *s, unsigned int i, const struct config *cfg)
{
	const struct session_dir *d = &s->dir[i];
	dest_t from = place_of(s, i);
	const struct fdb_entry *f;

	if (!learn_teaches(cfg, d->key.segment, from) ||
		is_router(cfg, d->key.segment, d->match_macs + MAC_SIZE))
		return true;
	f = learn_carried(cfg, d->key.segment, d->match_macs + MAC_SIZE);
	return f && (!f->learned || __atomic_load_n(&f->dest, __ATOMIC_RELAXED) == from);
}

bool offload_is_placed(const struct session *s, const struct config *cfg)
{
	for (unsigned int i = 0; i < 2; i++) {
		if (!goes_there(&s->dir[i], cfg) || !is_known(s, i, cfg))
			return false;
	}
	return true;
}

void offload_retry(const struct session *s)
{
	if (offload_get() && !offload_is_in(s) &&
		!(s->flags & (SESSION_DEAD | SESSION_GHOST | SESSION_HALF_OPEN)))
		wheel_tell(s);
}

uint32_t offload_keep(struct session *s, const struct config *cfg)
{
	uint32_t again_s = UINT32_MAX;

	session_lock(s);
	for (unsigned int i = 0; i < 2 && cfg; i++) {
		const struct session_dir *d = &s->dir[i];
		struct session_traffic t;
		uint32_t look_s;

		if (!learn_teaches(cfg, d->key.segment, place_of(s, i)))
			continue;
		session_traffic(d, &t);
		look_s = learn_seen(
			cfg, d->key.segment, d->match_macs + MAC_SIZE, place_of(s, i), t.seen_s);
		if (look_s)
			again_s = RTE_MIN(again_s, clock_s() + look_s);
	}
	session_unlock(s);
	return again_s;
}
