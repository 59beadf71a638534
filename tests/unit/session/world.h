/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small world for tests of the session table: a configuration with one network, one tenant and
 * two ports, and sessions that are named by a number. One thread, but for world_new.
 */
#ifndef WORLD_H
#define WORLD_H

#include <session/session.h>

#define WORLD_NETWORK 1
#define WORLD_TENANT  1
#define WORLD_PORT    101 /* id of the first */

extern struct config *world_cfg; /* published */
extern struct config_network world_network;
extern struct config_tenant world_tenant; /* may have all sessions */
extern struct config_port world_ports[2]; /* slots 1 and 2; as many sessions as there may be */

/* RCU, the table and the world above, in which time stands still. Returns 0 or -errno. */
int world_init(uint32_t max, unsigned int n_workers);
void world_fini(void);

/* What session number k is made of: UDP between two addresses; rule[0] is k. */
struct session_new world_new(uint32_t k);
/* Inserts it for world_ports[0] and lets go of its lock; NULL as session_insert does. */
struct session *world_insert(unsigned int worker, uint32_t k, enum weft_drop *ret_drop);
/* Its session when it is in the table, found by direction dir. */
struct session *world_find(uint32_t k, unsigned int dir);
/* Rounds of a worker until there is nothing more to do; all workers pass quiescent states. */
void world_rounds(void);

#endif
