/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Entries of policy for tests of the channel, and what must hold of them once committed.
 */
#ifndef FIXTURE_POLICY_H
#define FIXTURE_POLICY_H

#include "fixture.h"

struct config;
struct refs;

struct weft_set a_set(uint32_t id, uint32_t scope);
struct weft_set_member a_member(uint32_t set, const char *prefix);
struct weft_ruleset a_ruleset(uint32_t id);
/* Allows TCP to one port, from a set; 0: from anywhere. */
struct weft_rule a_rule(uint32_t ruleset, uint32_t id, uint16_t port, uint32_t set);

/* A part of check_consistent; counts into refs what it finds. */
void check_policy(const struct config *c, struct refs *refs);

#endif
