/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a hostile tenant sends: tenant 2 of the cloud, from its client's port or through the tunnel,
 * to its server, which is on this host.
 */
#ifndef ATTACK_H
#define ATTACK_H

#include <stdbool.h>

#include <rte_mbuf.h>

#define ATTACKER 2

struct attack {
	const char *name;
	void (*put)(void); /* entries beside or instead of the usual ones; NULL: none */
	void (*change)(struct rte_mbuf *m); /* makes the next frame of the usual one */
	bool from_wire;
	bool v6;
};

extern const struct attack attacks[];
extern const unsigned int n_attacks;

#endif
