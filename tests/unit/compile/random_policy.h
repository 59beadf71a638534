/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random objects of policy, by random(3): tenants t and u, networks, address sets, security groups,
 * policies, and ports that are in groups.
 */
#ifndef TESTS_COMPILE_RANDOM_POLICY_H
#define TESTS_COMPILE_RANDOM_POLICY_H

#include <model/object.h>

struct object *random_policy_object(void);

#endif
