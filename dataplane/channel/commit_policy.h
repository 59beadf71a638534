/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files that commit policy share: commit_set.c (address sets) and commit_policy.c (rule
 * sets, ports), which alone is called by the rest. Main thread, within a commit.
 */
#ifndef CHANNEL_COMMIT_POLICY_H
#define CHANNEL_COMMIT_POLICY_H

#include <table/policy.h>

#include "commit.h"

int commit_set_object(struct commit *c, const struct txn_walk *w);
int commit_set_member(struct commit *c, const struct txn_walk *w);
/* The set with that id as the transaction leaves it; NULL: none. */
const struct set_entry *commit_set(const struct commit *c, uint32_t id);
/* Ends sets and scopes; after all ops and after rule sets are built. */
int commit_set_build(struct commit *c);
void commit_set_publish(struct commit *c);
void commit_set_undo(struct commit *c);
void commit_set_clear(struct commit *c);

#endif
