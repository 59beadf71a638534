/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames that were carried, changed a little.
 */
#ifndef MUTATE_H
#define MUTATE_H

#include "judge.h"

/* Changes it in up to three ways, or not at all; sums of IPv4 mostly fit after it. What came by a
 * port may become a GSO frame. */
void mutate(struct judged *j);
/* Lets all tunnels of a scenario be between IPv6 addresses. */
void scenario_to_v6(struct scenario *s);
/* Ports have no policy, at least in each second version, and MACs are learned. */
void scenario_to_plain(struct scenario *s, bool always);

#endif
