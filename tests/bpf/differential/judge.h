/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A frame judged by the fast path's programs and by the data plane, and the two compared.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include <pipeline/pipeline.h>

#include "scenario.h"

#define JUDGED_BYTES 3500 /* what the kernel takes for a test is in one page */

struct judged {
	uint32_t port; /* id */
	uint32_t len;
	uint16_t gso_size; /* of a tenant's GSO frame; its checksum is to be completed */
	uint8_t b[JUDGED_BYTES];
};

/* Before EAL, then after. */
void judge_begin(void);
void judge_init(void);
void judge_fini(void);
/* A data plane without anything. restart: its tables are as the one before has left them, else
 * empty. */
void judge_reset(bool restart);
/* c, NULL: nothing, becomes next; fast path programs are on all ports. */
void judge_commit(const struct setup *c, const struct setup *next);
void judge_step(void);

/* For who has a bed and a pipeline of his own, in place of judge_reset, judge_commit and
 * judge_fini: after each bed_reset; and before each frame, when something may have been committed
 * and sessions get into the tables, in no time. sent gets all frames that leave, and owns them. */
typedef void judge_sent_fn(uint32_t port, struct rte_mbuf *m);
void judge_lend(struct pipeline *theirs, judge_sent_fn *sent);
void judge_settle(void);

enum judgement {
	JUDGED_MISS,
	JUDGED_HIT,
	JUDGED_DIFFERS, /* told on stdout */
};
enum judgement judge(const struct judged *j);

struct judge_counts {
	uint64_t frames;
	uint64_t carried; /* that the data plane let pass by another port */
	uint64_t adopted; /* sessions, after a restart */
	uint64_t plain;	  /* that programs carried in segments that need no sessions */
};
extern struct judge_counts judge_counts;

#endif
