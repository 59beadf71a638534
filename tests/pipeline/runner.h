/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The runner as a part of other test programs, which look at each frame on its way in.
 */
#ifndef RUNNER_H
#define RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include <pipeline/pipeline.h>

/* Either may be NULL. */
struct runner_watcher {
	/* All was forgotten: a case begins. */
	void (*reset)(struct pipeline *pl);
	/* m is about to come in by the port with that id. True: the watcher has run it, and keeps
	 * nothing of it; m is the runner's in any case. */
	bool (*frame)(uint32_t id, const struct rte_mbuf *m);
};

/* Starts EAL and the bed, and runs what stdin says. w may be NULL. Returns an exit status; exits
 * with 77 (skipped) when memory is missing. */
int runner_run(const struct runner_watcher *w);
/* Prints a frame that left by the port with that id, as "go" does, and frees it. */
void runner_print_out(uint32_t id, struct rte_mbuf *m);

#endif
