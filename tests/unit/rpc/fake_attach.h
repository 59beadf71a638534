/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a test may set of the fast path that is on no interface.
 */
#ifndef FAKE_ATTACH_H
#define FAKE_ATTACH_H

#include <south/attach.h>

/* Off at first. */
struct attach *fake_attach_get(void);
/* On, with programs on that port's interface and on the uplink, and so many packets carried. */
void fake_attach_on(uint32_t port, unsigned int n_packets);
/* It is not on, and why. */
void fake_attach_refuse(const char *why);
void fake_attach_repaired(struct rpc *r, uint32_t port);

#endif
