/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Server side of the channel (weft/msg.h): a Unix SOCK_SEQPACKET socket on which control commits
 * transactions, dumps tables and listens. Also owns the configuration that the workers read, and
 * the devices behind its ports.
 *
 * Everything here runs on the main thread and never blocks but in channel_poll. Before
 * channel_init: EAL, rcu_init, counters_init, learn_init, policy_log_init. The main loop:
 *
 *     while (!stop) {
 *             channel_poll(1);
 *             clock_update();
 *             learn_process(1024, clock_s());
 *             learn_age(clock_s());
 *             channel_tick(clock_ms());
 *             rcu_reclaim();
 *     }
 */
#ifndef CHANNEL_CHANNEL_H
#define CHANNEL_CHANNEL_H

#include <stdint.h>

struct channel_options {
	const char *socket; /* path; a stale socket there is replaced. NULL: no socket (tests) */
	unsigned int n_workers;
	uint64_t boot_id;
};

/* Publishes an empty configuration (generation 0) and listens. Returns 0 or -errno. */
int channel_init(const struct channel_options *options);
/* Closes clients and devices and frees the configuration; no worker runs any more. */
void channel_fini(void);

/* An epoll descriptor: readable when channel_poll has work. */
int channel_fd(void);
/* Waits up to timeout_ms (0: not at all) and serves what came, a bounded amount. */
void channel_poll(int timeout_ms);
/* What is due: opening and watching devices, events. About every millisecond. */
void channel_tick(uint64_t now_ms);

#endif
