/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line.
 */
#ifndef PKTGEN_OPTIONS_H
#define PKTGEN_OPTIONS_H

#include "device.h"
#include "profile.h"

/* X(IDENTIFIER, "name", "help") */
#define COMMANDS(X)                                                                                \
	X(RUN, "run", "send for the duration and report (the default)")                            \
	X(MLR, "mlr", "search NDR and PDR, then latency at 10, 50 and 90 % of NDR")                \
	X(RFC2544, "rfc2544", "search throughput by bisection (RFC 2544 section 26.1)")            \
	X(LOSS, "loss", "loss at 100, 90, ... % of the greatest rate (section 26.3)")              \
	X(BURST, "burst", "search the longest burst without loss (section 26.4, RFC 9004)")        \
	X(RECOVERY, "recovery", "time to recover from overload (section 26.5)")                    \
	X(PINGPONG, "pingpong", "latency with one packet in flight, for the duration")             \
	X(SOAK, "soak", "send for the duration; every interval must hold")                         \
	X(RFC8204, "rfc8204", "tests of RFC 2544 for each size and scenario of the profile")

enum command {
#define COMMAND_ENUM(id, name, help) COMMAND_##id,
	COMMANDS(COMMAND_ENUM)
#undef COMMAND_ENUM
	N_COMMANDS
};
extern const char *const options_command_names[N_COMMANDS];

/* Exit codes. */
enum {
	EXIT_GOOD = 0,
	EXIT_USAGE = 1,
	EXIT_DEVICE = 2,
	EXIT_RESULT = 3,
	EXIT_INTERRUPTED = 4
};

struct options {
	enum command command;
	struct profile profile;
	struct device_options device;
	uint32_t burst, n_mbufs, n_queues, n_desc;
	double wait;		   /* for links, seconds */
	double min_rate, max_rate; /* of searches */
	double loss;		   /* PDR, and RFC 2544's, ratio */
	double width;		   /* relative */
	double trial;		   /* deciding trials, seconds */
	double max_loss;	   /* a run with more than this fails; 1: any is good */
	double interval;	   /* of progress, seconds */
	double prime;		   /* each flow once before all trials, per second; 0: not */
	uint32_t repeat;	   /* burst */
	bool quiet;
	enum verify_mode verify;
	const char *json, *csv; /* files, "-": stdout; NULL: none */
};

enum options_result {
	OPTIONS_RUN,
	OPTIONS_DONE,
	OPTIONS_BAD
};

/* Reads arguments and profile; says what is wrong. */
enum options_result options_parse(int argc, char **argv, struct options *ret);

#endif
