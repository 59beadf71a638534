/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "measure.h"
#include "rfc2544.h"
#include "suite.h"

#define PRIME_SPARE_S 10 /* for priming, beside what its rate needs */

/* Each flow once, so that what is measured has its sessions. */
static int prime(struct measure *m)
{
	struct gen_load load = {.rate = m->opt->prime, .prime = true};
	uint32_t flows = 0;

	if (m->opt->prime <= 0)
		return 0;
	for (uint32_t i = 0; i < m->gen->n_streams; i++)
		flows = RTE_MAX(flows, m->gen->streams[i]->spec->flows);
	load.duration = flows / m->opt->prime + PRIME_SPARE_S;
	return rfc2544_trial(m, &load, &m->outcome);
}

/* Ending a run early is a way to end it. */
static int command_run(struct measure *m)
{
	const struct gen_load load = {.duration = m->opt->profile.duration,
		.ping_pong = m->opt->command == COMMAND_PINGPONG};
	int r = m->opt->command == COMMAND_SOAK ? rfc2544_soak(m, 0)
						: rfc2544_trial(m, &load, &m->outcome);

	m->ran = true;
	return r == -EINTR ? 0 : r;
}

static int command_search(struct measure *m)
{
	int r = m->opt->command == COMMAND_MLR ? rfc2544_mlr(m) : rfc2544_throughput(m);

	return r ? r : rfc2544_latency(m, m->bounds[0].lower);
}

static int command_recovery(struct measure *m)
{
	int r = rfc2544_recovery(m);

	m->ran = true;
	return r;
}

int measure_run(struct measure *m)
{
	int r = prime(m);

	if (r < 0)
		return r;
	switch (m->opt->command) {
	case COMMAND_RUN:
	case COMMAND_PINGPONG:
	case COMMAND_SOAK:
		return command_run(m);
	case COMMAND_MLR:
	case COMMAND_RFC2544:
		return command_search(m);
	case COMMAND_LOSS:
		return rfc2544_loss(m);
	case COMMAND_BURST:
		return rfc2544_burst(m);
	case COMMAND_RECOVERY:
		return command_recovery(m);
	case COMMAND_RFC8204:
		return suite_run(m);
	case N_COMMANDS:
		break;
	}
	return -EINVAL;
}

bool measure_is_good(const struct measure *m)
{
	if (m->leaks > 0 || m->bad_checksums > 0 || m->too_many_trials)
		return false;
	if (m->suite)
		return suite_is_good(m);
	if (m->ran && m->opt->command != COMMAND_RECOVERY)
		return outcome_loss(&m->outcome) <= m->opt->max_loss;
	for (uint32_t i = 0; i < m->n_goals; i++)
		if (m->bounds[i].lower == 0)
			return false;
	return true;
}
