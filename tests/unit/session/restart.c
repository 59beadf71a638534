/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See restart.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "restart.h"

static struct config old;

void restart_bed(uint32_t n_pairs)
{
	bed_init(RESTART_MAX, 1, 1024, 2 * n_pairs + 2);
}

/* A packet of session k; dir 0 is what port 1 sends. */
static int hit(uint32_t k, unsigned int dir)
{
	struct session_new n = world_new(k);
	struct bpf_packet p = bed_packet(&n.key[dir], dir, true, 1);
	struct weft_bpf_decision d;

	return bpf_reader_packet(&p, &d);
}

void restart_expect(uint32_t k, int miss)
{
	assert_int_equal(hit(k, 0), miss);
	assert_int_equal(hit(k, 1), miss);
}

struct offload_stats restart_stats(void)
{
	struct offload_stats st;

	offload_stats(&st);
	return st;
}

/* The first configuration of the one that comes after. */
void restart_commit(void)
{
	old = *world_cfg;
	offload_commit(&old, world_cfg);
}

void restart_pass_quarantine(void)
{
	bed_pass_ms(150);
}

void restart(void)
{
	bed_restart(RESTART_MAX, 1);
	restart_commit();
	world_rounds();
	offload_settled();
}

void restart_redecide(uint32_t k)
{
	struct session *s = world_find(k, 0);

	assert_non_null(s);
	session_lock(s);
	bed_decide(s, true, 1);
	session_unlock(s);
}

unsigned int restart_n_places(void)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < bed.n_buckets * WEFT_BPF_PLACES; i++)
		n += bed.buckets[i / WEFT_BPF_PLACES].place[i % WEFT_BPF_PLACES] != 0;
	return n;
}

void restart_bed_with_one(void)
{
	restart_bed(64);
	bed_insert(0, 1, true);
	world_rounds();
}
