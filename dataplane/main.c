/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft-dataplane: the start ladder and the main thread's loop. Everything else is in the
 * components.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <channel/channel.h>
#include <core/clock.h>
#include <core/eal.h>
#include <core/log.h>
#include <core/mem.h>
#include <core/notify.h>
#include <core/rcu.h>
#include <observe/counters.h>
#include <pipeline/watch.h>
#include <pipeline/worker.h>
#include <session/fragment.h>
#include <session/offload.h>
#include <session/session.h>
#include <table/learn.h>
#include <table/policy_log.h>

#define MAIN_TICK_MS	    1
#define MAIN_LEARN_PER_TICK 1024
#define MAIN_LOG_PER_TICK   256

static volatile sig_atomic_t main_stop;

static void main_on_signal(int number)
{
	main_stop = 1;
}

/* SIGTERM and SIGINT end the main thread's wait and no other thread's: blocked here, before there
 * are others, let through by main_loop. */
static void main_signals(sigset_t *ret_before)
{
	struct sigaction stop = {.sa_handler = main_on_signal}, ignore = {.sa_handler = SIG_IGN};
	sigset_t set;

	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, ret_before);
}

static void main_loop(const sigset_t *mask)
{
	pthread_sigmask(SIG_SETMASK, mask, NULL);
	while (!main_stop) {
		channel_poll(MAIN_TICK_MS);
		clock_update();
		learn_process(MAIN_LEARN_PER_TICK, clock_s());
		learn_age(clock_s());
		policy_log_process(MAIN_LOG_PER_TICK);
		channel_tick(clock_ms());
		session_prepare();
		offload_tick();
		rcu_reclaim();
	}
}

static int main_failed(const char *what, int error)
{
	log_error("can't start: %s: %s", what, strerror(-error));
	return EXIT_FAILURE;
}

static uint64_t main_boot_id(void)
{
	uint64_t id = 0;

	while (id == 0) {
		if (getrandom(&id, sizeof(id), 0) < 0 && errno != EINTR)
			id = 1;
	}
	return id;
}

static int main_run(const struct options *opt, const sigset_t *mask)
{
	struct worker_options worker = {.poll = opt->poll, .max_sleep_us = opt->max_sleep_us};
	struct channel_options channel = {
		.socket = opt->socket, .n_workers = opt->n_workers, .boot_id = main_boot_id()};
	int r, status = EXIT_FAILURE;

	clock_update();
	r = rcu_init(opt->n_workers);
	if (r < 0)
		return main_failed("RCU", r);
	r = mem_init(opt->n_mbufs);
	if (r < 0) {
		main_failed("packet buffers (--mbufs, --memory)", r);
		goto fini_rcu;
	}
	r = counters_init(opt->n_workers, channel.boot_id);
	if (r < 0) {
		main_failed("counters", r);
		goto fini_mem;
	}
	r = learn_init();
	if (r < 0) {
		main_failed("learning", r);
		goto fini_counters;
	}
	r = policy_log_init();
	if (r < 0) {
		main_failed("log of policy", r);
		goto fini_learn;
	}
	r = watch_init(opt->n_workers);
	if (r < 0) {
		main_failed("rings of traces", r);
		goto fini_policy_log;
	}
	r = session_init(opt->max_sessions, opt->n_workers);
	if (r < 0) {
		main_failed("sessions (--max-sessions)", r);
		goto fini_watch;
	}
	r = fragment_init();
	if (r < 0) {
		main_failed("fragments", r);
		goto fini_session;
	}
	r = channel_init(&channel);
	if (r < 0) {
		main_failed(opt->socket, r);
		goto fini_fragment;
	}
	r = workers_start(opt->n_workers, &worker);
	if (r < 0) {
		main_failed("workers", r);
		goto fini_channel;
	}
	log_info("weft-dataplane %s: %u workers, %u packet buffers, listening on %s", WEFT_RELEASE,
		opt->n_workers, opt->n_mbufs, opt->socket);
	notify_service("READY=1");
	main_loop(mask);
	notify_service("STOPPING=1");
	log_info("stopping");
	status = EXIT_SUCCESS;
	workers_stop();
fini_channel:
	channel_fini();
fini_fragment:
	fragment_fini();
fini_session:
	session_fini();
fini_watch:
	watch_fini();
fini_policy_log:
	policy_log_fini();
fini_learn:
	learn_fini();
fini_counters:
	counters_fini();
fini_mem:
	mem_fini();
fini_rcu:
	rcu_fini();
	return status;
}

int main(int argc, char **argv)
{
	struct options opt;
	sigset_t mask;
	int status;

	switch (options_parse(argc, argv, &opt)) {
	case OPTIONS_DONE:
		return EXIT_SUCCESS;
	case OPTIONS_BAD:
		return EXIT_FAILURE;
	case OPTIONS_RUN:
		break;
	}
	log_set_level(opt.log_level);
	main_signals(&mask);
	if (eal_drop_privileges(&opt) < 0 || eal_start(&opt) < 0)
		return EXIT_FAILURE;
	status = main_run(&opt, &mask);
	eal_stop();
	return status;
}
