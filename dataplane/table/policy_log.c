/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The log of policy. A record names things by the ids of the configuration under which the packet
 * was judged, so that it stays true however long it waits. policy_log_post: workers; the rest: main
 * thread.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <rte_common.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <core/quota.h>
#include <table/policy_log.h>

#define QUEUE_SIZE 4096

static_assert(sizeof(struct weft_event_policy) % 4 == 0, "element of an rte_ring");
static_assert(POLICY_LOG_BURST == QUOTA_BURST_MIN, "what a bucket of so low a rate holds");

static struct {
	struct rte_ring *queue;
	policy_log_listener_fn listener;
	/* By port slot: the port's id << 32 | how many of its records were not told. With the id, a
	 * slot that gets a new owner starts anew. */
	_Atomic uint64_t suppressed[WEFT_MAX_PORTS];
} * policy_log;

int policy_log_init(void)
{
	ssize_t size = rte_ring_get_memsize_elem(sizeof(struct weft_event_policy), QUEUE_SIZE);

	policy_log = calloc(1, sizeof(*policy_log));
	if (!policy_log)
		return -ENOMEM;
	policy_log->queue =
		aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(size, RTE_CACHE_LINE_SIZE));
	if (!policy_log->queue ||
		rte_ring_init(policy_log->queue, "policy_log", QUEUE_SIZE, RING_F_SC_DEQ) < 0) {
		policy_log_fini();
		return -ENOMEM;
	}
	return 0;
}

void policy_log_fini(void)
{
	if (!policy_log)
		return;
	free(policy_log->queue);
	free(policy_log);
	policy_log = NULL;
}

void policy_log_set_listener(policy_log_listener_fn fn)
{
	policy_log->listener = fn;
}

static void suppressed_add(const struct config_port *port, uint32_t n)
{
	_Atomic uint64_t *word = &policy_log->suppressed[port->slot];
	uint64_t old = atomic_load_explicit(word, memory_order_relaxed), count;

	do {
		count = old >> 32 == port->spec.id ? (uint32_t)old : 0;
		count = RTE_MIN(count + n, UINT32_MAX);
	} while (!atomic_compare_exchange_weak_explicit(word, &old,
		(uint64_t)port->spec.id << 32 | count, memory_order_relaxed, memory_order_relaxed));
}

static uint32_t suppressed_take(const struct config_port *port)
{
	uint64_t old = atomic_exchange_explicit(
		&policy_log->suppressed[port->slot], 0, memory_order_relaxed);

	return old >> 32 == port->spec.id ? (uint32_t)old : 0;
}

void policy_log_post(const struct config *cfg, const struct config_port *port,
	enum weft_rule_direction direction, const struct policy_flow *flow,
	const struct policy_verdict *v)
{
	struct weft_event_policy e = {.src = flow->src,
		.dst = flow->dst,
		.vni = port->spec.vni,
		.port = port->spec.id,
		.ruleset = cfg->rulesets[v->ruleset_slot]->spec.id,
		.rule = v->rule,
		.sport = flow->has_l4 ? flow->sport : 0,
		.dport = flow->has_l4 ? flow->l4 : 0,
		.proto = flow->proto,
		.has_l4 = flow->has_l4,
		.direction = direction,
		.action = v->action};

	if (!quota_take(QUOTA_POLICY_LOG, port->slot, POLICY_LOG_RATE, 1)) {
		suppressed_add(port, 1);
		return;
	}
	e.suppressed = suppressed_take(port);
	if (rte_ring_mp_enqueue_elem(policy_log->queue, &e, sizeof(e)) < 0)
		suppressed_add(port, RTE_MIN(e.suppressed, UINT32_MAX - 1) + 1);
}

unsigned int policy_log_process(unsigned int max)
{
	struct weft_event_policy events[64];
	unsigned int taken = 0, n;

	do {
		n = rte_ring_sc_dequeue_burst_elem(policy_log->queue, events, sizeof(events[0]),
			RTE_MIN(max - taken, RTE_DIM(events)), NULL);
		for (unsigned int i = 0; policy_log->listener && i < n; i++)
			policy_log->listener(&events[i]);
		taken += n;
	} while (n > 0 && taken < max);
	return taken;
}
