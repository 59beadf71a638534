/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One session and what its two ends send, for the tests of trackers: packets are made as frames,
 * parsed, looked up and given to the tracker as the session path does. Needs conversation_init.
 */
#ifndef TEST_CONVERSATION_H
#define TEST_CONVERSATION_H

#include <session/track.h>

#include "frame.h"

struct conversation {
	struct session *s; /* NULL: no packet was let begin one */
	bool v6;
	unsigned int n; /* sessions begun */
};

/* A packet that end dir sends; ports and addresses are those of the conversation, turned for end 1.
 * Beside the frame: what ICMP and TCP have. */
struct sent {
	struct frame_spec spec;
	uint16_t icmp; /* type << 8 | code */
	uint32_t seq, ack;
	uint16_t win;
	uint8_t flags;
	const uint8_t *options; /* multiple of 4 bytes */
	uint8_t n_options;	/* words */
};

/* EAL, packets, a session table in the world of world.h, whose network it is in. Exits when that
 * fails. */
void conversation_init(void);
/* Ends the session of the one before. */
void conversation_start(struct conversation *c, bool v6);
/* What becomes of it: 0 when it passes. Begins the session when there is none or one that is over.
 */
enum weft_drop conversation_send(struct conversation *c, unsigned int dir, const struct sent *what);
/* The mbuf of it, parsed; the caller's. */
struct rte_mbuf *conversation_packet(
	const struct conversation *c, unsigned int dir, const struct sent *what);

bool conversation_is_half_open(const struct conversation *c);

#endif
