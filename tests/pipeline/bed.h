/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A test bed for the pipeline: a configuration made of contract entries over fake ports, without
 * the channel. For tests and benchmarks; one thread.
 */
#ifndef BED_H
#define BED_H

#include <port/fake.h>
#include <table/config.h>
#include <weft/entry.h>

/* Starts what the pipeline needs beside EAL: RCU, packet memory, counters, learning, fake ports.
 * Exits with 77 when memory is missing. */
void bed_init(unsigned int n_mbufs, unsigned int n_workers);
void bed_fini(void);

/* Adds an entry to the generation that is being built; a broken reference fails the test. Ports
 * come up at once, with the fake's offloads. */
void bed_put(enum weft_table table, const void *entry);
/* Publishes what was built as the next generation. The next one starts from a copy of it. */
const struct config *bed_commit(void);
/* Closes all ports and forgets everything. */
void bed_reset(void);

/* The port with that id, NULL: none. */
struct port *bed_port(uint32_t id);

#endif
