/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data plane's end of weft_trace (observe/carried.h).
 */
#include <stddef.h>
#include <string.h>

#include <observe/carried.h>

static struct {
	struct weft_bpf_control *control; /* NULL: no programs */
	union weft_bpf_trace *trace;
	uint32_t number;  /* of the last filter */
	uint32_t next;	  /* place to look at */
	uint32_t seen;	  /* head, at this turn */
	uint32_t settled; /* head, a turn ago: who got a place before has taken it by now */
	uint32_t lost;	  /* as programs say, when last looked at */
	uint64_t n_lost;
} ring;

static struct weft_bpf_carried *place(uint32_t number)
{
	return &ring.trace[1 + number % WEFT_BPF_TRACE_PLACES].carried;
}

static uint32_t state_of(const struct weft_bpf_carried *r)
{
	return __atomic_load_n(&r->state, __ATOMIC_ACQUIRE);
}

static void empty(struct weft_bpf_carried *r)
{
	__atomic_store_n(&r->state, WEFT_BPF_CARRIED_FREE, __ATOMIC_RELEASE);
}

static uint32_t head(void)
{
	return __atomic_load_n(&ring.trace->watch.head, __ATOMIC_ACQUIRE);
}

static void watch_number(uint32_t number)
{
	__atomic_store_n(&ring.control->watch, number, __ATOMIC_RELEASE);
}

static void forget(void)
{
	for (uint32_t i = 0; i < WEFT_BPF_TRACE_PLACES; i++) {
		if (state_of(place(i)) == WEFT_BPF_CARRIED_FULL)
			empty(place(i));
	}
	ring.next = ring.seen = ring.settled = head();
}

void carried_attach(struct weft_bpf_control *control, union weft_bpf_trace *trace)
{
	ring.control = control;
	ring.trace = trace;
	if (!control)
		return;
	ring.lost = __atomic_load_n(&trace->watch.lost, __ATOMIC_RELAXED);
	watch_number(0);
	forget();
}

void carried_watch(const struct weft_bpf_filter *f)
{
	if (!ring.control)
		return;
	watch_number(0);
	forget();
	if (!f)
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	ring.trace->watch.filter = *f;
	if (++ring.number == 0)
		ring.number = 1;
	watch_number(ring.number);
}

/* Of packets more than two rounds ago nothing is there: what is left in a place has the number of
 * a later round as well. So a turn is short, whatever the head says. */
static void catch_up(void)
{
	uint32_t rounds = (ring.seen - ring.next) / WEFT_BPF_TRACE_PLACES;

	if (rounds > 1)
		ring.next += (rounds - 1) * WEFT_BPF_TRACE_PLACES;
}

void carried_turn(void)
{
	if (!ring.control)
		return;
	ring.settled = ring.seen;
	ring.seen = head();
	catch_up();
}

bool carried_take(struct weft_bpf_carried *ret)
{
	while (ring.control && ring.next != ring.seen) {
		struct weft_bpf_carried *r = place(ring.next);
		bool settled = (int32_t)(ring.next - ring.settled) < 0;

		switch (state_of(r)) {
		case WEFT_BPF_CARRIED_FULL:
			ring.next++;
			memcpy(ret, r, sizeof(*ret));
			empty(r);
			if (ret->watch == ring.number)
				return true;
			break;
		case WEFT_BPF_CARRIED_FREE:
			if (!settled)
				return false;
			ring.next++; /* it was lost */
			break;
		default:
			return false;
		}
	}
	return false;
}

uint64_t carried_lost(void)
{
	uint32_t lost;

	if (!ring.control)
		return ring.n_lost;
	lost = __atomic_load_n(&ring.trace->watch.lost, __ATOMIC_RELAXED);
	ring.n_lost += lost - ring.lost;
	ring.lost = lost;
	return ring.n_lost;
}
