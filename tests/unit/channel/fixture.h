/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A channel without workers for tests: fake ports, entries ready to change, and pictures of all
 * that is configured, to be compared.
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include <channel/channel.h>
#include <channel/txn.h>
#include <weft/msg.h>

#define FIXTURE_BOOT_ID 0x1122334455667788u

/* EAL once per program. */
void fixture_once(void);
/* cmocka set-up and tear-down: everything from RCU to channel. *state: socket path or NULL. */
int fixture_setup(void **state);
int fixture_setup_socket(void **state);
int fixture_teardown(void **state);
const char *fixture_socket(void);

/* One turn of the main loop without waiting for sockets, ms later. */
void fixture_turn(unsigned int ms);

struct weft_segment a_segment(uint32_t vni);
struct weft_port a_port(uint32_t id, uint32_t vni);
struct weft_port an_uplink(uint32_t id);
struct weft_local_vtep a_local_vtep(const char *addr, uint32_t uplink);
struct weft_vtep a_vtep(const char *remote, const char *local, uint32_t uplink);
struct weft_flood a_flood(uint32_t vni, const char *remote);
struct weft_fdb a_local_fdb(uint32_t vni, uint32_t mac, uint32_t port);
struct weft_fdb a_remote_fdb(uint32_t vni, uint32_t mac, const char *remote);
struct weft_neigh a_neigh(uint32_t vni, const char *addr, uint32_t mac);
struct weft_mac a_mac(uint32_t number);

void put(struct txn *t, enum weft_table table, const void *entry);
void del(struct txn *t, enum weft_table table, const void *entry);
/* Commits and frees. Must succeed. */
void commit_ok(struct txn *t);
/* Commits and frees. Must fail with error at op with text (a part of it), and change nothing. */
void commit_refused(struct txn *t, int error, uint32_t op, const char *text);

/* Two segments (100, 200), ports 1 and 2 in 100, 3 in 200, uplink 9, VTEPs 192.0.2.2 and .3, flood,
 * FDB and neighbours. */
void build_example(void);
/* The same entries deleted, in an order by seed. */
void delete_example(struct txn *t, unsigned int seed);

/* All entries and learned ones as one sorted piece of memory. */
struct picture {
	uint8_t *bytes;
	size_t size;
	uint64_t n_entries;
};
struct picture picture_take(void);
bool picture_equal(const struct picture *a, const struct picture *b);
void picture_free(struct picture *p);
/* Checks what must hold of any configuration: slots, members, counts. */
void check_consistent(void);

#endif
