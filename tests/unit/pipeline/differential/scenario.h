/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the differential test is made of: a scenario is a configuration (and the versions that
 * commits turn it into) and packets with commits among them; a verdict is what came of a packet.
 *
 * Plain lists of contract entries: the generator writes them, the oracle reads them, the data plane
 * gets them by transactions. One thread.
 */
#ifndef SCENARIO_H
#define SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include <weft/drop_reason.h>
#include <weft/entry.h>

/* X(TABLE, name, at most) */
#define SETUP_LISTS(X)                                                                             \
	X(TENANT, tenant, 4)                                                                       \
	X(NETWORK, network, 4)                                                                     \
	X(ROUTER, router, 4)                                                                       \
	X(SEGMENT, segment, 12)                                                                    \
	X(PORT, port, 32)                                                                          \
	X(LOCAL_VTEP, local_vtep, 1)                                                               \
	X(VTEP, vtep, 3)                                                                           \
	X(FLOOD, flood, 36)                                                                        \
	X(FDB, fdb, 64)                                                                            \
	X(NEIGH, neigh, 160)                                                                       \
	X(SUBNET, subnet, 24)                                                                      \
	X(ROUTE, route, 64)                                                                        \
	X(SET, set, 4)                                                                             \
	X(SET_MEMBER, set_member, 32)                                                              \
	X(RULESET, ruleset, 8)                                                                     \
	X(RULE, rule, 96)

struct setup {
#define SETUP_LIST(table, name, max)                                                               \
	unsigned int n_##name;                                                                     \
	struct weft_##name name[max];
	SETUP_LISTS(SETUP_LIST)
#undef SETUP_LIST
};

/* Adds an entry to its list; false: the list is full. */
#define SETUP_ADD(setup, name, ...)                                                                \
	((setup)->n_##name < sizeof((setup)->name) / sizeof((setup)->name[0])                      \
			? ((setup)->name[(setup)->n_##name++] = (struct weft_##name)__VA_ARGS__,   \
				  true)                                                            \
			: false)

/* A station of a segment, on this host or behind a VTEP. */
struct host {
	uint32_t vni;
	uint32_t port; /* 0: remote */
	struct weft_addr vtep;
	struct weft_mac mac;
	struct weft_addr addr[2]; /* IPv4, IPv6 */
	bool guarded;		  /* its port has anti-spoofing */
};

#define UPLINK_ID      99
#define EVENT_BYTES    800
#define VERDICT_FRAMES 24
#define VERDICT_BYTES  1000
#define VERSIONS_MAX   6
#define HOSTS_MAX      24
#define EVENTS_MAX     600

struct event {
	bool commit; /* version becomes the configuration; else a packet */
	bool odd;
	unsigned int version;
	uint32_t port; /* id */
	uint32_t len;
	uint8_t b[EVENT_BYTES];
};

/* forging: stations without anti-spoofing and other hosts may send whatever they like; there are no
 * commits then. Else each address is used where it belongs only, so that a verdict never depends on
 * how long ago something was judged. */
struct scenario {
	uint64_t seed;
	bool forging;
	unsigned int n_versions, n_hosts, n_events;
	struct setup version[VERSIONS_MAX];
	struct host host[HOSTS_MAX];
	struct event event[EVENTS_MAX];
};

struct verdict {
	unsigned int n_out, n_drop;
	uint16_t drop[VERDICT_FRAMES]; /* enum weft_drop */
	struct verdict_frame {
		uint32_t port;
		uint32_t len;
		uint8_t b[VERDICT_BYTES];
	} out[VERDICT_FRAMES];
};

/* scenario.c: random numbers, the same for the same seed. */
void scenario_seed(uint64_t seed);
uint32_t roll(uint32_t n); /* 0..n-1 */
bool chance(unsigned int percent);

/* setup_make.c, setup_change.c */
void setup_make(struct scenario *s);
/* As a later commit might change it. */
void setup_change(struct setup *c, const struct scenario *s);
struct weft_prefix prefix_of(const struct weft_addr *a, unsigned int len);
void setup_add_rule(struct setup *c, const struct scenario *s, uint32_t ruleset);

/* packets.c */
void packets_make(struct scenario *s);

/* scenario.c */
struct weft_addr v4(unsigned int a, unsigned int b, unsigned int c, unsigned int d);
struct weft_addr v6(unsigned int net, unsigned int segment, unsigned int last);
void scenario_make(struct scenario *s, uint64_t seed, bool forging);
/* Turns what is committed from old (NULL: nothing) into new. */
void setup_commit(const struct setup *old, const struct setup *new);
void setup_print(const struct setup *c);

#endif
