/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data plane as a judge: one packet at a time through the real pipeline over fake ports, its
 * sessions used as they are, forgotten or made stale before each packet.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/clock.h>
#include <core/mem.h>
#include <observe/counters.h>
#include <pipeline/pipeline.h>
#include <session/session.h>

#include "bed.h"
#include "differential.h"

#define PORT_IDS 128
#define SEGMENTS 64 /* slots are given from below */

const char *const judging_names[JUDGINGS] = {"fast path", "slow path", "new epoch"};

static struct pipeline *pl;
static struct port *ports[PORT_IDS];
static bool known; /* ports and stale are of what is committed */
static struct config stale;
static uint32_t stale_epoch = 0x40000000;

void worlds_init(void)
{
	pl = pipeline_new(0);
	if (!pl)
		abort();
	known = false;
}

void worlds_fini(void)
{
	pipeline_free(pl);
}

static const struct config *config_now(void)
{
	const struct config *cfg = config_get();

	if (known)
		return cfg;
	known = true;
	memcpy(&stale, cfg, sizeof(stale));
	memset(ports, 0, sizeof(ports));
	for (unsigned int i = 1; i < WEFT_MAX_PORTS; i++) {
		if (cfg->ports[i])
			ports[cfg->ports[i]->spec.id] = cfg->ports[i]->dev;
	}
	return cfg;
}

void world_changed(void)
{
	known = false;
}

static void each_session(void (*fn)(struct session *s))
{
	uint32_t cursor = 0, budget = UINT32_MAX;
	struct session *s;

	while ((s = session_next(&cursor, &budget)))
		fn(s);
}

static void forget_decisions(struct session *s)
{
	for (unsigned int i = 0; i < 2; i++)
		atomic_store(&s->dir[i].epoch, 0);
}

void world_forget(void)
{
	const struct config *cfg = config_now();

	each_session(session_remove);
	clock_warp(100000);
	/* A tick looks at a few fragments only. */
	for (unsigned int i = 0; i < 70 || (i < 1000 && world_leaks()) || pipeline_tick(pl, cfg);
		i++)
		pipeline_tick(pl, cfg);
}

void world_step(void)
{
	static unsigned int n;

	clock_warp(WORLD_STEP_MS);
	/* Not pipeline_tick: which fragments it finds too old depends on how they are hashed. */
	if (n++ % 16 == 0)
		session_age(0, config_now());
}

static void note_frame(uint32_t id, struct rte_mbuf *m, struct verdict *ret)
{
	struct verdict_frame *f = &ret->out[ret->n_out];

	if (ret->n_out == VERDICT_FRAMES || m->pkt_len > VERDICT_BYTES)
		abort();
	ret->n_out++;
	f->port = id;
	f->len = m->pkt_len;
	for (uint32_t at = 0; m; at += m->data_len, m = m->next)
		memcpy(f->b + at, rte_pktmbuf_mtod(m, void *), m->data_len);
	if (id == UPLINK_ID && read16(f->b + 34) >= 0xc000)
		set16(f->b + 34, 0); /* RFC 7348: a dynamic port, whichever */
}

static struct rte_mbuf *mbuf_of(const struct event *e)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(mem_pools.packet);

	if (!m)
		abort();
	memcpy(rte_pktmbuf_append(m, e->len), e->b, e->len);
	return m;
}

void world_judge(enum judging how, const struct event *e, struct verdict *ret)
{
	static uint64_t before[WEFT_DROP_MAX];
	const struct config *cfg = config_now();
	uint16_t slot = ports[e->port]->slot;
	const struct weft_port_stats *stats = counters_port(0, slot);
	struct rte_mbuf *m = mbuf_of(e);

	if (how == JUDGING_FORGOTTEN)
		each_session(forget_decisions);
	if (how == JUDGING_STALE) {
		cfg = &stale;
		stale_epoch++;
		for (unsigned int i = 0; i < SEGMENTS; i++)
			stale.epoch[i] = stale_epoch;
	}
	memcpy(before, stats->dropped, sizeof(before));
	pipeline_run(pl, cfg, cfg->ports[slot], &m, 1);
	ret->n_out = ret->n_drop = 0;
	for (unsigned int r = 1; r < WEFT_DROP_MAX; r++) {
		for (uint64_t n = before[r]; n < stats->dropped[r] && ret->n_drop < VERDICT_FRAMES;
			n++)
			ret->drop[ret->n_drop++] = r;
	}
	for (uint32_t id = 1; id < PORT_IDS; id++) {
		while (ports[id] && (m = fake_capture_any(ports[id]))) {
			note_frame(id, m, ret);
			rte_pktmbuf_free(m);
		}
	}
}

unsigned int world_leaks(void)
{
	return rte_mempool_in_use_count(mem_pools.packet) +
	       rte_mempool_in_use_count(mem_pools.indirect);
}
