/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft-pktgen: sends packets on DPDK devices, receives them, says what came of them. Start and end
 * only.
 */
#include <errno.h>
#include <signal.h>

#include <rte_cycles.h>

#include <core/log.h>

#include "device.h"
#include "gen.h"
#include "measure.h"
#include "options.h"
#include "progress.h"
#include "report.h"
#include "suite.h"

static struct options opt;
static struct gen gen;
static struct measure measure;

static void on_signal(int number)
{
	gen.stop = true;
}

static void catch_signals(void)
{
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
}

/* Returns an exit code. */
static int run(void)
{
	struct progress *p = progress_start(&gen, opt.interval, opt.quiet);
	int r, code = EXIT_DEVICE;

	if (!p)
		return EXIT_DEVICE;
	measure.opt = &opt;
	measure.gen = &gen;
	measure.progress = p;
	r = measure_run(&measure);
	progress_stop(p);
	if (r == -EINTR)
		code = EXIT_INTERRUPTED;
	else if (r == 0 && report_write(&measure, p) == 0)
		code = measure_is_good(&measure) ? EXIT_GOOD : EXIT_RESULT;
	suite_free(measure.suite);
	progress_free(p);
	return code;
}

/* Returns an exit code. */
static int open_and_run(void)
{
	int r;

	if (device_open(&gen) < 0)
		return EXIT_DEVICE;
	r = device_wait(&gen, opt.wait);
	if (r < 0)
		return r == -EINTR ? EXIT_INTERRUPTED : EXIT_DEVICE;
	return gen_init(&gen) < 0 ? EXIT_DEVICE : run();
}

int main(int argc, char **argv)
{
	int code;

	switch (options_parse(argc, argv, &opt)) {
	case OPTIONS_BAD:
		return EXIT_USAGE;
	case OPTIONS_DONE:
		return EXIT_GOOD;
	case OPTIONS_RUN:
		break;
	}
	if (device_start_eal(&opt.profile, &opt.device) < 0)
		return EXIT_DEVICE;
	gen = (struct gen){.profile = &opt.profile,
		.hz = rte_get_tsc_hz(),
		.burst = opt.burst,
		.n_mbufs = opt.n_mbufs,
		.n_rxq = opt.n_queues,
		.n_desc = opt.n_desc,
		.verify = opt.verify};
	catch_signals();
	code = open_and_run();
	device_close(&gen);
	gen_fini(&gen);
	/* No rte_eal_cleanup: it frees memory and wakes the interrupt thread, which still knows the
	 * socket of a closed memif (DPDK 22.11). There is nothing to clean up: no shared files. */
	return code;
}
