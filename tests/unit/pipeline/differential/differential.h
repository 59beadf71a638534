/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The worlds in which packets are judged, and how their verdicts are compared.
 */
#ifndef DIFFERENTIAL_H
#define DIFFERENTIAL_H

#include "oracle.h"

/* How the data plane judges in a world. */
enum judging {
	JUDGING_FAST,	   /* as it does */
	JUDGING_FORGOTTEN, /* no decision of a session holds: the slow path decides each packet */
	JUDGING_STALE,	   /* each packet comes in a new epoch: policy judges it again */
	JUDGINGS,
};
extern const char *const judging_names[JUDGINGS];

bool tracker_drops(unsigned int drop);
bool verdict_equal(const struct verdict *a, const struct verdict *b);
/* Does what came fit what was expected? */
bool verdict_fits(const struct verdict *seen, const struct expect *x);
void verdict_print(const char *who, const struct verdict *v);
void expect_print(const struct expect *x);

/* worlds.c */
void worlds_init(void);
void worlds_fini(void);
/* Something was committed. */
void world_changed(void);
/* No sessions, no fragments, full quotas. */
void world_forget(void);
void world_judge(enum judging how, const struct event *e, struct verdict *ret);
/* Time between two packets: every quota of answers has room again. */
#define WORLD_STEP_MS 11
void world_step(void);
/* Buffers that are not back. */
unsigned int world_leaks(void);

#endif
