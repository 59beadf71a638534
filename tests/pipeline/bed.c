/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The test bed: the channel's own transactions over fake ports.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <channel/channel.h>
#include <channel/txn.h>
#include <core/clock.h>
#include <core/log.h>
#include <core/mem.h>
#include <core/rcu.h>
#include <observe/counters.h>
#include <port/port.h>
#include <session/fragment.h>
#include <pipeline/watch.h>
#include <session/session.h>
#include <table/learn.h>
#include <table/policy_log.h>

#include "bed.h"

static struct txn *bed_txn; /* what the next commit applies */
static struct channel_options bed_options;
static uint32_t bed_sessions;

static void bed_need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "test bed: %s\n", what);
	abort();
}

static void bed_start(void)
{
	bed_need(learn_init() == 0 && policy_log_init() == 0 &&
			 watch_init(bed_options.n_workers) == 0 &&
			 session_init(bed_sessions, bed_options.n_workers) == 0 &&
			 fragment_init() == 0 && channel_init(&bed_options) == 0,
		"out of memory");
	bed_txn = txn_new();
	bed_need(bed_txn, "out of memory");
}

static void bed_stop(void)
{
	txn_free(bed_txn);
	channel_fini();
	fragment_fini();
	session_fini();
	watch_fini();
	policy_log_fini();
	learn_fini();
}

void bed_init(unsigned int n_mbufs, unsigned int n_workers, uint32_t n_sessions)
{
	bed_sessions = n_sessions;
	bed_options = (struct channel_options){.n_workers = n_workers, .boot_id = 1};
	if (rcu_init(n_workers) < 0 || mem_init(n_mbufs) < 0 || counters_init(n_workers, 1) < 0) {
		printf("skipped: not enough memory for packet buffers\n");
		exit(77);
	}
	log_set_level(LOG_ERROR);
	fake_register();
	bed_start();
}

void bed_fini(void)
{
	bed_stop();
	counters_fini();
	mem_fini();
	rcu_fini();
}

void bed_listen(const char *path)
{
	bed_options.socket = path;
	bed_reset();
}

void bed_reset(void)
{
	bed_stop();
	bed_start();
}

static void bed_op(enum weft_table table, enum weft_op_verb verb, const void *entry)
{
	bed_need(txn_op(bed_txn, table, verb, entry, -1) == 0, "out of memory");
}

/* What a case does not care for gets a value that holds. */
static void bed_put_port(const struct weft_port *given)
{
	struct weft_port e = *given;

	if (e.device[0] == '\0') /* a device has one port only */
		snprintf(e.device, sizeof(e.device), "fake%u", e.id);
	bed_op(WEFT_TABLE_PORT, WEFT_OP_PUT, &e);
}

void bed_put(enum weft_table table, const void *entry)
{
	if (table == WEFT_TABLE_PORT)
		bed_put_port(entry);
	else
		bed_op(table, WEFT_OP_PUT, entry);
}

void bed_delete(enum weft_table table, const void *entry)
{
	bed_op(table, WEFT_OP_DELETE, entry);
}

static bool bed_all_open(const struct config *cfg)
{
	for (unsigned int i = 1; i < WEFT_MAX_PORTS; i++)
		if (cfg->ports[i] && !port_is_up(cfg->ports[i]->dev) &&
			!(cfg->ports[i]->spec.flags & WEFT_PORT_ADMIN_DOWN))
			return false;
	return true;
}

const struct config *bed_commit(void)
{
	struct weft_msg_txn_result result;

	txn_commit(bed_txn, &result);
	bed_need(result.error == 0, result.text);
	txn_free(bed_txn);
	bed_txn = txn_new();
	bed_need(bed_txn, "out of memory");
	/* A tick opens a few; closed ones wait for the grace period. */
	for (unsigned int i = 0; i < WEFT_MAX_PORTS && !bed_all_open(config_get()); i++) {
		rcu_reclaim();
		channel_tick(clock_ms());
	}
	rcu_reclaim();
	return config_get();
}

struct port *bed_port(uint32_t id)
{
	const struct config *cfg = config_get();

	for (unsigned int i = 1; i < WEFT_MAX_PORTS; i++)
		if (cfg->ports[i] && cfg->ports[i]->spec.id == id)
			return cfg->ports[i]->dev;
	return NULL;
}
