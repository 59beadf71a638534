/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What should be programmed, found the slow way: for every object, by looking at all others.
 */
#ifndef TESTS_COMPILE_ORACLE_H
#define TESTS_COMPILE_ORACLE_H

#include "applied.h"

struct oracle_underlay {
	const struct underlay_path *paths; /* latest of each remote */
	size_t n_paths;
	const struct underlay_link *link; /* NULL: not known */
};

void oracle_entries(const struct model *m, const char *self, const struct oracle_underlay *u,
	struct applied *ret);
/* Networks, tenants, sets, rule sets and rules, once segments and routers are in ret. */
void oracle_policy(const struct model *m, const char *self, struct applied *ret);
/* What the port's entry says of policy. */
void oracle_port_policy(const struct model *m, const struct port *p, struct weft_port *ret);

#endif
