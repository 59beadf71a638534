/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The log of policy: what rules with WEFT_RULE_LOG decided, from workers to the main thread.
 *
 * The queue is bounded (a ring) and each port has a token bucket, so that a flood that some rule
 * logs costs bystanders nothing. What is not told for either reason is counted, and the port's next
 * record says how many these were. Called where packets are judged, which is never the fast path.
 */
#ifndef TABLE_POLICY_LOG_H
#define TABLE_POLICY_LOG_H

#include <table/policy.h>
#include <weft/msg.h>

/* Records of one port per second, and at once. */
#define POLICY_LOG_RATE	 10
#define POLICY_LOG_BURST 16

/* Returns 0 or -ENOMEM. Main thread, as the next. */
int policy_log_init(void);
void policy_log_fini(void);

/* The rule that v names decided about flow at that end, seen from port in that direction. Any
 * worker; never waits. */
void policy_log_post(const struct config *cfg, const struct config_port *port,
	enum weft_rule_direction direction, const struct policy_flow *flow,
	const struct policy_verdict *v);

/* Main thread: takes up to max records and tells them. Returns how many. */
unsigned int policy_log_process(unsigned int max);

/* Main thread. Who is told. NULL: nobody. */
typedef void (*policy_log_listener_fn)(const struct weft_event_policy *e);
void policy_log_set_listener(policy_log_listener_fn fn);

#endif
