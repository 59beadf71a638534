/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A test bed for the pipeline: generations made of contract entries, by the channel's own
 * transactions, over fake ports. For tests and benchmarks; one thread, the main one.
 */
#ifndef BED_H
#define BED_H

#include <port/fake.h>
#include <table/config.h>
#include <weft/entry.h>

/* Starts what the pipeline needs beside EAL: RCU, packet memory, counters, learning, fake ports.
 * Exits with 77 when memory is missing. */
void bed_init(unsigned int n_mbufs, unsigned int n_workers, uint32_t n_sessions);
void bed_fini(void);
/* bed_reset, and the channel listens at path from now on, which stays the caller's; NULL: no more.
 */
void bed_listen(const char *path);

/* Ops of the next commit. A port without a device gets one of its own. */
void bed_put(enum weft_table table, const void *entry);
void bed_delete(enum weft_table table, const void *entry);
/* Commits them as the next generation and opens new ports, with the fake's offloads; a refusal
 * fails the test. What it returns holds until the next commit. */
const struct config *bed_commit(void);
/* Closes all ports and forgets everything. */
void bed_reset(void);

/* The committed port with that id, NULL: none. */
struct port *bed_port(uint32_t id);

#endif
