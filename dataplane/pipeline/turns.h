/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whose turn it is: ports of one worker share its time, not its packets.
 *
 * Deficit round robin (M. Shreedhar, G. Varghese, 1995) by what bursts cost. A port whose bursts
 * are dear waits for as many rounds as it takes the cheapest of the ports with a backlog to use as
 * much time. What a burst seems to cost is bounded, by what others of that port have cost too: the
 * worker may have waited for its processor, and for that no port is to wait. Nobody waits while no
 * other port has a backlog. A port with several queues is one. Private to this folder. One per
 * worker, which alone calls.
 */
#ifndef PIPELINE_TURNS_H
#define PIPELINE_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#include <pipeline/pipeline.h>
#include <weft/limits.h>

#define TURNS_BACKLOG (PIPELINE_BURST / 2) /* a burst of so many: more may wait behind it */
#define TURNS_ODD     8 /* times as dear as usual: the worker has waited for its processor */

struct turns_port {
	uint64_t due;	/* the virtual time at which it has paid for what it used */
	uint64_t round; /* in which it was last polled with success */
	uint64_t usual; /* cycles of its bursts on average; 0: none yet */
};

struct turns {
	uint64_t most; /* cycles that a burst is held to cost at most; set once */
	uint64_t round;
	uint64_t now;	 /* virtual time: what each port with a backlog has had */
	uint64_t latest; /* due of any port */
	uint64_t quantum;
	uint64_t least; /* cost of the cheapest burst with a backlog in this round */
	struct turns_port ports[WEFT_MAX_PORTS]; /* by slot */
};

static inline void turns_begin(struct turns *t)
{
	t->round++;
	t->least = UINT64_MAX;
}

/* May a queue of that port be polled in this round? */
static inline bool turns_may(const struct turns *t, uint16_t slot)
{
	const struct turns_port *p = &t->ports[slot];

	return p->due <= t->now + t->quantum || p->round == t->round;
}

/* Bursts that become dear for good are paid for in full after a few. */
static inline uint64_t turns_cost(const struct turns *t, struct turns_port *p, uint64_t cycles)
{
	uint64_t odd = TURNS_ODD * p->usual, least = t->most / TURNS_ODD;

	if (cycles > t->most)
		cycles = t->most;
	if (odd < least)
		odd = least;
	if (p->usual && cycles > odd)
		cycles = odd;
	p->usual = p->usual ? p->usual - p->usual / 8 + cycles / 8 : cycles;
	return cycles;
}

/* A burst of n packets of that port took so many cycles. */
static inline void turns_used(struct turns *t, uint16_t slot, unsigned int n, uint64_t cycles)
{
	struct turns_port *p = &t->ports[slot];

	cycles = turns_cost(t, p, cycles);
	p->due = (p->due > t->now ? p->due : t->now) + cycles;
	p->round = t->round;
	if (p->due > t->latest)
		t->latest = p->due;
	if (n >= TURNS_BACKLOG && cycles < t->least)
		t->least = cycles;
}

static inline void turns_end(struct turns *t)
{
	bool backlog = t->least != UINT64_MAX;

	t->quantum = backlog ? t->least : 0;
	t->now = backlog ? t->now + t->quantum : t->latest;
}

#endif
