/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The runner of tests/pipeline with the fast path's tables attached: before a frame of a case comes
 * to the pipeline, the programs judge it, and what they say is compared with what comes of it
 * there. run_cases.py then compares that with what the case says. Ports are kernel ports, uplinks
 * kernel uplinks; between two frames sessions find the time to get into the tables.
 *
 * Prints at the end what it saw; fails when programs carried next to nothing.
 */
#include <stdio.h>
#include <string.h>

#include "judge.h"
#include "runner.h"
#include "shadow.h"

#define HITS_MIN 60

static uint64_t n_cases, n_hits, n_differ;
static bool begun;

static void begin_case(struct pipeline *pl)
{
	if (!begun)
		judge_init();
	begun = true;
	n_cases++;
	judge_lend(pl, runner_print_out);
}

static bool judge_frame(uint32_t id, const struct rte_mbuf *m)
{
	static struct judged j;

	if (m->data_len > sizeof(j.b))
		return false;
	judge_settle();
	j.port = id;
	j.len = m->data_len;
	memcpy(j.b, rte_pktmbuf_mtod(m, const void *), j.len);
	switch (judge(&j)) {
	case JUDGED_HIT:
		n_hits++;
		break;
	case JUDGED_DIFFERS:
		n_differ++;
		break;
	case JUDGED_MISS:
		break;
	}
	return true;
}

int main(void)
{
	static const struct runner_watcher watcher = {begin_case, judge_frame};
	int r;

	judge_begin();
	r = runner_run(&watcher);
	if (r == 0 && begun) {
		printf("%lu cases, %lu frames, the data plane let %lu pass, programs %lu\n",
			n_cases, judge_counts.frames, judge_counts.carried, n_hits);
		shadow_print_misses();
		shadow_fini();
	}
	return r ? r : n_differ > 0 || n_hits < HITS_MIN;
}
