/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The oracle's sessions: a list.
 */
#ifndef ORACLE_SESSION_H
#define ORACLE_SESSION_H

#include "oracle.h"

/* What packets of one direction look like when they enter this host (session/session.h). */
struct okey {
	struct weft_addr src, dst;
	uint32_t vni;
	uint16_t sport, dport;
	uint8_t proto, icmp_type;
};

/* oracle_tcp.c: what is certain of a connection. */
enum tcp_knowledge {
	KNOW_SYN = 1, /* a SYN of side 0 */
	KNOW_SYN_ACK,
	KNOW_OPEN,
	KNOW_GUESS, /* picked up on its way, side 1 not heard */
	KNOW_OVER,
	KNOW_LITTLE, /* it is there */
};
struct tcp_model {
	enum tcp_knowledge know;
	uint32_t next[2];    /* sequence number that the side sends next */
	uint32_t allowed[2]; /* it may send up to here */
	bool fin[2], fin_acked[2];
};
enum tcp_say {
	SAY_PASS,
	SAY_MAYBE,
	SAY_FLAGS,
	SAY_WINDOW,
	SAY_REOPEN,
	SAY_REOPEN_MAYBE,
};
bool tcp_flags_ok(uint8_t flags);
void tcp_begin(struct tcp_model *m, const struct view *v);
enum tcp_say tcp_say(struct tcp_model *m, unsigned int side, const struct view *v);
/* May that side have a segment with that sequence number on its way? SAY_PASS, SAY_MAYBE or
 * SAY_WINDOW. */
enum tcp_say tcp_quoted(const struct tcp_model *m, unsigned int side, uint32_t seq);
/* After SAY_MAYBE: it did, or did not, pass. */
void tcp_learn(struct tcp_model *m, unsigned int side, const struct view *v, bool passed);

struct osession {
	bool used;
	bool vague; /* nobody knows which side began */
	struct okey k[2];
	uint32_t end[2]; /* port ids; 0: remote */
	struct tcp_model tcp;
	struct {
		bool holds;
		uint32_t in;
		struct weft_mac dmac, smac;
	} decided[2];
};
struct osession *session_find_key(const struct okey *k, unsigned int *ret_dir);
/* By the rules of now, at the ends that it has: 0, or a drop. */
enum weft_drop session_judge(const struct osession *s);
bool key_equal(const struct okey *a, const struct okey *b);
/* As rules see the first packet of a session. */
void flow_of_key(const struct okey *k, struct flow_view *ret);
void key_reverse(const struct okey *k, struct okey *ret);

enum key_class {
	KEY_SESSION, /* of a protocol whose packets begin sessions, or an ICMP query */
	KEY_REPLY,   /* an ICMP query's answer */
	KEY_ERROR,
	KEY_OTHER,
};
enum key_class key_of(const struct view *v, uint32_t vni, struct okey *ret);
/* oracle_error.c: the key of what would answer the packet that an ICMP error quotes, vni aside. */
bool key_quoted(const struct view *v, struct okey *ret, uint32_t *ret_seq);
/* 0: it passes; or the drop, which x knows of. */
enum weft_drop expect_error(struct expect *x, const struct arrival *a, const struct way *w);

/* oracle_session.c: a packet of *s in direction dir: 0, or the drop, which x knows of. *s becomes
 * NULL when the packet goes by itself. */
enum weft_drop expect_existing(struct expect *x, const struct arrival *a, const struct way *w,
	struct osession **s, unsigned int dir);
/* The same of a first fragment or a whole packet, but for sending it: *ret_session NULL: it goes
 * without one. */
enum weft_drop expect_decision(struct expect *x, const struct arrival *a, const struct way *w,
	struct osession **ret_session, unsigned int *ret_dir, bool *ret_track);
void expect_tracked(struct expect *x, const struct arrival *a, const struct way *w,
	struct osession *s, unsigned int dir, bool track);

/* oracle_fragment.c */
void fragments_reset(void);
void fragments_learn(const struct verdict *seen);
void expect_fragment(struct expect *x, const struct arrival *a);

#endif
