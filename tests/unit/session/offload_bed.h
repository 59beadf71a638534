/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The world of world.h on kernel ports, with the fast path's tables as plain memory. Port 1 is in
 * segment 3, port 2 in segment 4, both behind one router; VTEP 5 is a member of both, by uplink 9.
 */
#ifndef OFFLOAD_BED_H
#define OFFLOAD_BED_H

#include "bpf_reader.h"
#include "world.h"

#define BED_UPLINK  9
#define BED_IFINDEX 10 /* plus the slot */
#define BED_VTEP    5
#define BED_SEGMENT 3 /* and the next one */
#define BED_MTU	    1450
#define BED_L3_LEN  100 /* of packets */
#define BED_MARK    0x5eed5eed

extern struct offload_tables bed;
extern struct config_segment bed_segments[2];
extern struct config_vtep bed_vtep;

/* Before workers: tables, world, attached and committed. */
void bed_init(uint32_t max, unsigned int n_workers, uint32_t n_buckets, uint32_t n_dirs);
/* The same for a world that is there. */
void bed_start(uint32_t n_buckets, uint32_t n_dirs);
void bed_fini(void);
/* This data plane dies, and another one attaches to the tables. */
void bed_restart(uint32_t max, unsigned int n_workers);
/* Tables that nobody has written yet. */
void bed_new_tables(uint32_t n_buckets, uint32_t n_dirs);
/* Ports and tunnel as they are in this world. */
void bed_set_ports(void);
/* As a commit with another epoch for both segments does. */
void bed_new_epoch(void);
/* Time passes, in which workers do their rounds. */
void bed_pass_ms(uint32_t ms);

/* A direction's decision, as the slow path would make it, with MACs of that version. remote: port 1
 * talks to the VTEP, else to port 2. */
struct session_decision bed_decision(unsigned int dir, bool remote, uint8_t version);
/* With the lock. */
void bed_decide(struct session *s, bool remote, uint8_t version);
/* Inserts session k, decides it, and has it answered. */
struct session *bed_insert(unsigned int worker, uint32_t k, bool remote);
/* A packet of s's direction, as a program sees it. */
struct bpf_packet bed_packet(
	const struct session_key *key, unsigned int dir, bool remote, uint8_t version);

#endif
