/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The oracle: says what should come of a packet, from the documentation alone (weft/entry.h,
 * weft/drop_reason.h, the contracts of session/track.h and pipeline/path.h, RFCs), with plain lists
 * and linear search. Shares no code with the data plane, only layouts.
 *
 * Where the documentation leaves freedom, so does an expectation:
 *  - which of several defects of a frame is named: EXPECT_MALFORMED;
 *  - which of two reasons holds when both do: more than one drop;
 *  - what the TCP tracker makes of segments that are neither of the textbook nor clearly wrong:
 *    may_track. From then on the oracle knows less of that connection (struct tcp_model), and of
 *    one that may have been opened anew from either side, nothing (vague): it may be refused, but
 *    passes only where either direction is allowed by the rules.
 * Free is also how a packet of a session is judged that does not go between the ends that the
 * session was last judged for, or not from where the tables say that its sender is (away): by
 * itself or as the session's. That depends on which packets the slow path saw, so that the slow
 * path's world may differ from the fast one from there on. Only in forging scenarios.
 * Free are also the UDP source port of the outer header (RFC 7348 section 4.1).
 */
#ifndef ORACLE_H
#define ORACLE_H

#include "build.h"

/* A frame as RFCs read it. */
struct view {
	const uint8_t *b;
	uint32_t len; /* without what is behind the IP packet */
	uint32_t l3, l4;
	unsigned int family; /* 4, 6, 0: no IP */
	bool arp, nd, group, vlan, fragment, later, more, has_l4;
	uint8_t proto, ttl;
	uint16_t sport, dport; /* ICMP: type << 8 | code, and the identifier of queries */
	uint32_t frag_id, frag_start;
	struct weft_addr src, dst;
	struct weft_mac smac, dmac;
};
/* False: malformed. */
bool view_parse(struct view *v, const uint8_t *b, uint32_t len);
/* Bytes of the IPv6 extension header of that type at p, of which two are read; 0: it is none. */
uint32_t view_ext_bytes(uint8_t type, const uint8_t *p);

/* Where a packet came from and is judged for. */
struct arrival {
	const struct weft_port *port; /* NULL: a tunnel */
	const struct weft_vtep *vtep;
	const struct weft_segment *seg;
	struct view v;
};

#define EXPECT_MALFORMED WEFT_DROP_MAX	     /* any of the frame's own reasons */
#define EXPECT_TRACKER	 (WEFT_DROP_MAX + 1) /* TCP_FLAGS, TCP_WINDOW or TCP_STATE */
#define EXPECT_DROPS	 4

struct expect {
	struct verdict v;
	bool may_track; /* TCP_WINDOW or TCP_STATE instead */
	bool vague;	/* or any drop that sessions and policy know */
	bool away;	/* of a session, but not between the ends that it has */
	bool unknown;	/* the oracle does not know such packets: worlds are compared, no more */
	unsigned int n_or;
	uint16_t or [EXPECT_DROPS]; /* instead of v.drop[0] */
	bool has_other;
	struct verdict other; /* instead of v */
};

/* oracle.c */
void oracle_reset(const struct setup *c, bool forging);
void oracle_setup(const struct setup *c); /* a commit */
void oracle_judge(const struct event *e, struct expect *ret);
/* What the data plane made of it, which fits ret. */
void oracle_learn(const struct verdict *seen);
extern uint64_t oracle_ms; /* the clock */
extern uint64_t oracle_n_vague, oracle_n_may_track;

/* The rest is among the oracle's files. */
extern const struct setup *oracle_now;
extern bool oracle_forging;

/* oracle_tables.c */
const struct weft_segment *find_segment(uint32_t vni);
const struct weft_port *find_port(uint32_t id);
const struct weft_router *find_router(const struct weft_segment *seg);
const struct weft_neigh *find_neigh(uint32_t vni, const struct weft_addr *a);
const struct weft_fdb *find_fdb(uint32_t vni, const struct weft_mac *mac);
const struct weft_vtep *find_vtep(const struct weft_addr *remote);
bool is_stateful(const struct weft_segment *seg);

struct next_hop {
	uint32_t vni;
	struct weft_mac mac, router;
	const struct weft_fdb *fdb;
	bool gateway;
	struct weft_addr neighbour;
};
/* 0, or a drop and what the sender is told, by its IPv4 ICMP code (-1: nothing). */
enum weft_drop find_route(
	uint32_t router, const struct weft_addr *dst, struct next_hop *ret, int *tell);
/* The same without the neighbour. */
enum weft_drop find_hop(
	uint32_t router, const struct weft_addr *dst, struct next_hop *ret, int *tell);
bool has_prefix(const struct weft_prefix *p, const struct weft_addr *a);

/* oracle_policy.c */
struct flow_view {
	struct weft_addr src, dst;
	uint8_t proto;
	bool has_port;
	uint16_t port;
};
void flow_of(const struct view *v, struct flow_view *ret);
unsigned int judge_port(
	const struct weft_port *p, unsigned int direction, const struct flow_view *f);
/* At both ends (ids; 0: remote): 0 or a drop. */
enum weft_drop judge_ends(uint32_t from, uint32_t to, const struct flow_view *f);

/* oracle_answer.c */
enum {
	TELL_NET = 0,
	TELL_HOST = 1,
	TELL_PORT = 3,
	TELL_PROHIBITED = 13,
	TELL_TTL = 100
};
void expect_drop(struct expect *x, unsigned int reason);
void expect_tell(struct expect *x, const struct arrival *a, int what);
void expect_reject(struct expect *x, const struct arrival *a); /* policy did: reset or ICMP */
/* An echo to the gateway; false: it is none. */
bool expect_echo(struct expect *x, const struct arrival *a);
/* A frame of len bytes to a port, or encapsulated to a VTEP; not both. */
void expect_frame(struct expect *x, uint32_t port, const struct weft_addr *vtep, uint32_t vni,
	const uint8_t *b, uint32_t len);
/* ARP and ND; false: nobody answers. */
bool expect_answer(struct expect *x, const struct arrival *a);

/* oracle_path.c */
struct way {
	uint32_t port; /* 0: vtep */
	struct weft_addr vtep;
	uint32_t vni;
	bool routed;
	struct weft_mac dmac, smac;
};
enum weft_drop find_way(struct expect *x, const struct arrival *a, struct way *ret);
/* To the gateway: true when that is all there is. */
bool expect_gateway(struct expect *x, const struct arrival *a);
/* 0, a drop, or -1: it was flooded; x knows. */
int expect_place(struct expect *x, const struct arrival *a, struct way *ret);
void expect_send(struct expect *x, const struct arrival *a, const struct way *w);
void expect_flood(struct expect *x, const struct arrival *a);
bool may_send(struct expect *x, const struct arrival *a); /* anti-spoofing */
/* A frame that has no session: as in any segment, policy aside. */
void expect_switched(struct expect *x, const struct arrival *a);

/* oracle_session.c */
void session_reset(void);
/* Unicast IP of a stateful segment. */
void expect_session(struct expect *x, const struct arrival *a, const struct way *w);
void session_learn(const struct verdict *seen);

#endif
