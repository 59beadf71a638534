/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <math.h>
#include <string.h>

#include <core/log.h>

#include "measure.h"

#define TRIES	       3    /* of a trial in which the generator was too slow */
#define KEEPS_PACE     0.98 /* of the load it must offer */
#define SOUNDING_S     0.5  /* to find the greatest load */
#define SOUNDING_MORE  1.05 /* begin a little above what got through */
#define OVERLOAD       1.1  /* RFC 2544 section 26.5 */
#define LATENCY_WARM_S 0.2
#define PRIME_SPARE_S  10 /* for priming, beside what its rate needs */

static int run_trial(struct measure *m, const struct gen_load *load, struct outcome *ret)
{
	int r = gen_trial(m->gen, load);

	outcome_take(m->gen, ret);
	m->leaks += outcome_leaks(ret);
	m->bad_checksums += outcome_bad_checksums(ret);
	return r;
}

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
	return run_trial(m, &load, &m->outcome);
}

static int command_run(struct measure *m)
{
	const struct gen_load load = {.duration = m->opt->profile.duration,
		.ping_pong = m->opt->command == COMMAND_PINGPONG};
	int r = run_trial(m, &load, &m->outcome);

	m->ran = true;
	return r == -EINTR ? 0 : r; /* ending a run early is a way to end it */
}

/* One trial of a search. What the generator could not offer says nothing of the device, unless it
 * never can. */
static int search_trial(void *arg, double rate, double duration, struct search_trial *ret)
{
	const struct gen_load load = {.rate = rate, .duration = duration};
	struct measure *m = arg;
	struct outcome *o = &m->outcome;
	int r;

	for (int i = 0; i < TRIES; i++) {
		r = run_trial(m, &load, o);
		if (r < 0)
			return r;
		ret->offered = o->totals.offered / o->seconds;
		if (ret->offered >= rate * KEEPS_PACE)
			break;
	}
	ret->loss = outcome_loss(o);
	ret->forwarded = (o->totals.offered / o->seconds) * (1 - ret->loss);
	if (ret->offered < rate * KEEPS_PACE) {
		m->n_limited++;
		ret->loss = fmax(ret->loss, 1 - ret->offered / rate);
	}
	if (!m->opt->quiet)
		log_info("trial %u: %.3f M/s for %.2f s: offered %.3f M/s, loss %.6f %%",
			m->search.n_trials, rate / 1e6, duration, ret->offered / 1e6,
			ret->loss * 100);
	return 0;
}

/* The greatest load that is worth a trial: a little above what arrives when all is sent that the
 * port takes. */
static int find_max_rate(struct measure *m)
{
	struct gen_load load = {.rate = 1e9, .duration = SOUNDING_S};
	const struct gen_totals *t = &m->outcome.totals;
	int r;

	m->max_rate = m->opt->max_rate;
	if (m->max_rate > 0)
		return 0;
	r = run_trial(m, &load, &m->outcome);
	if (r < 0)
		return r;
	m->max_rate = t->received / m->outcome.seconds * SOUNDING_MORE;
	if (m->max_rate > m->opt->min_rate)
		return 0;
	log_error("only %.0f packets per second come back: fewer than --min-rate",
		t->received / m->outcome.seconds);
	return -EIO;
}

static int run_search(
	struct measure *m, int (*fn)(struct search *s, const struct search_goal *goals, uint32_t n,
				   struct search_bounds *ret))
{
	int r = find_max_rate(m);

	if (r < 0)
		return r;
	m->search.fn = search_trial;
	m->search.arg = m;
	m->search.min_load = m->opt->min_rate;
	m->search.max_load = m->max_rate;
	m->search.initial_duration = m->opt->trial / 10;
	r = fn(&m->search, m->goals, m->n_goals, m->bounds);
	m->too_many_trials = r == -E2BIG;
	return m->too_many_trials ? 0 : r;
}

static void add_goal(struct measure *m, const char *name, double loss)
{
	m->goal_names[m->n_goals] = name;
	m->goals[m->n_goals++] = (struct search_goal){.loss = loss,
		.duration = m->opt->trial,
		.duration_sum = m->opt->trial,
		.width = m->opt->width};
}

static int measure_latencies(struct measure *m, double rate)
{
	static const double shares[MEASURE_LATENCIES] = {0.1, 0.5, 0.9};
	int r = 0;

	for (uint32_t i = 0; i < MEASURE_LATENCIES && rate > 0 && r == 0; i++) {
		struct measure_latency *l = &m->latencies[m->n_latencies++];
		struct gen_load load = {.rate = rate * shares[i], .duration = LATENCY_WARM_S};

		l->share = shares[i];
		l->rate = load.rate;
		r = run_trial(m, &load, &l->outcome);
		load.duration = m->opt->trial;
		if (r == 0)
			r = run_trial(m, &load, &l->outcome);
	}
	return r;
}

static int command_mlr(struct measure *m)
{
	int r;

	add_goal(m, "NDR", 0);
	add_goal(m, "PDR", m->opt->loss);
	r = run_search(m, search_mlr);
	return r ? r : measure_latencies(m, m->bounds[0].lower);
}

static int bisect(
	struct search *s, const struct search_goal *goals, uint32_t n, struct search_bounds *ret)
{
	return search_rfc2544(s, goals, ret);
}

static int command_rfc2544(struct measure *m)
{
	int r;

	add_goal(m, "throughput", m->opt->loss);
	r = run_search(m, bisect);
	return r ? r : measure_latencies(m, m->bounds[0].lower);
}

/* True when a burst of n packets per stream, as fast as it goes, arrived whole. */
static int burst_arrives(struct measure *m, uint64_t n, bool *ret)
{
	const struct gen_load load = {.packets = n, .duration = 60};
	int r = run_trial(m, &load, &m->outcome);

	*ret = m->outcome.totals.lost == 0 && m->outcome.totals.refused == 0;
	return r;
}

/* The longest burst that arrives, by bisection, to 1 packet or --width of it. */
static int search_burst(struct measure *m, uint64_t max, uint64_t *ret)
{
	uint64_t lower = 0, upper = max + 1, n = max;
	bool arrives;
	int r;

	while (upper - lower > 1 && upper - lower > upper * m->opt->width) {
		r = burst_arrives(m, n, &arrives);
		if (r < 0)
			return r;
		*(arrives ? &lower : &upper) = n;
		n = (lower + upper) / 2;
	}
	*ret = lower;
	return 0;
}

static int command_burst(struct measure *m)
{
	int r = find_max_rate(m);
	uint64_t max = m->max_rate * m->opt->trial;

	while (r == 0 && m->n_bursts < m->opt->repeat) {
		r = search_burst(m, max, &m->bursts[m->n_bursts]);
		m->n_bursts += r == 0;
		if (r == 0 && !m->opt->quiet)
			log_info("burst %u: %llu packets", m->n_bursts,
				(unsigned long long)m->bursts[m->n_bursts - 1]);
	}
	return r;
}

/* When the last foreground packet was lost or refused, after the load had changed. */
static double last_trouble(const struct gen *g)
{
	uint64_t last = g->changed;

	for (uint32_t i = 0; i < g->n_streams; i++) {
		const struct gen_stream *s = g->streams[i];

		if (s->spec->background)
			continue;
		if (s->last_refused > last)
			last = s->last_refused;
		if (s->seq_tracker.last_gap_time > last)
			last = s->seq_tracker.last_gap_time;
	}
	return (double)(last - g->changed) / g->hz;
}

static int command_recovery(struct measure *m)
{
	struct gen_load load = {
		.duration = m->opt->profile.duration, .then_duration = m->opt->profile.duration};
	int r = find_max_rate(m);

	if (r < 0)
		return r;
	m->overload_rate = m->max_rate * OVERLOAD;
	m->recovery_rate = m->overload_rate / 2;
	load.rate = m->overload_rate;
	load.then_rate = m->recovery_rate;
	r = run_trial(m, &load, &m->outcome);
	m->ran = true;
	m->recovery_s = last_trouble(m->gen);
	return r;
}

static void judge_intervals(struct measure *m, const struct progress *p)
{
	for (uint32_t i = 0; i < p->n_samples; i++)
		if (i == 0 || p->samples[i].received < m->worst_received)
			m->worst_received = p->samples[i].received;
}

int measure_run(struct measure *m, const struct progress *p)
{
	int r = prime(m);

	if (r < 0)
		return r;
	switch (m->opt->command) {
	case COMMAND_RUN:
	case COMMAND_PINGPONG:
	case COMMAND_SOAK:
		r = command_run(m);
		judge_intervals(m, p);
		break;
	case COMMAND_MLR:
		r = command_mlr(m);
		break;
	case COMMAND_RFC2544:
		r = command_rfc2544(m);
		break;
	case COMMAND_BURST:
		r = command_burst(m);
		break;
	case COMMAND_RECOVERY:
		r = command_recovery(m);
		break;
	case N_COMMANDS:
		break;
	}
	return r;
}

bool measure_is_good(const struct measure *m)
{
	if (m->leaks > 0 || m->bad_checksums > 0 || m->too_many_trials)
		return false;
	if (m->ran && m->opt->command != COMMAND_RECOVERY)
		return outcome_loss(&m->outcome) <= m->opt->max_loss;
	for (uint32_t i = 0; i < m->n_goals; i++)
		if (m->bounds[i].lower == 0)
			return false;
	return true;
}
