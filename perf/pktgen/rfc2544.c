/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <math.h>
#include <string.h>

#include <core/log.h>

#include "rfc2544.h"

#define TRIES	       3    /* of a trial in which the generator was too slow */
#define KEEPS_PACE     0.98 /* of the load it must offer */
#define SOUNDING_S     0.5  /* to find the greatest load */
#define SOUNDING_MORE  1.05 /* begin a little above what got through */
#define SOUNDING_TRIES 2    /* of a rate of connections before it is too much */
#define OVERLOAD       1.1  /* RFC 2544 section 26.5 */
#define LATENCY_WARM_S 0.2
#define RATE_MAX       1e9

int rfc2544_trial(struct measure *m, const struct gen_load *load, struct outcome *ret)
{
	int r = gen_trial(m->gen, load);

	outcome_take(m->gen, ret);
	m->leaks += outcome_leaks(ret);
	m->bad_checksums += outcome_bad_checksums(ret);
	return r;
}

/* The options see to it that foreground streams of a search are of one kind. */
bool rfc2544_of_connections(const struct measure *m)
{
	for (uint32_t i = 0; i < m->gen->n_streams; i++)
		if (gen_is_foreground(m->gen->streams[i]))
			return m->gen->streams[i]->spec->kind == STREAM_CONNECTIONS;
	return false;
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
		r = rfc2544_trial(m, &load, o);
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
		log_info("trial %u: %.4f M/s for %.2f s: offered %.4f M/s, loss %.6f %%",
			m->search.n_trials, rate / 1e6, duration, ret->offered / 1e6,
			ret->loss * 100);
	return 0;
}

/* More connections than a device carries may leave it with none at all, so rates double until they
 * are too much. */
static int sound_connections(struct measure *m)
{
	struct search_trial t;
	uint32_t failed = 0;
	double rate = m->opt->min_rate;

	for (;;) {
		int r = search_trial(m, rate, SOUNDING_S, &t);

		if (r < 0)
			return r;
		if (t.loss <= m->opt->loss) {
			failed = 0;
			rate *= 2;
		} else if (++failed == SOUNDING_TRIES) {
			break;
		}
		if (rate > RATE_MAX / 2)
			break;
	}
	m->max_rate = rate;
	m->n_limited = 0;
	return 0;
}

/* A little above what arrives when all is sent that the port takes. */
static int sound_packets(struct measure *m)
{
	const struct gen_load load = {.rate = RATE_MAX, .duration = SOUNDING_S};
	const struct gen_totals *t = &m->outcome.totals;
	int r = rfc2544_trial(m, &load, &m->outcome);

	if (r < 0)
		return r;
	m->max_rate = t->received / m->outcome.seconds * SOUNDING_MORE;
	if (m->max_rate > m->opt->min_rate)
		return 0;
	log_error("only %.0f packets per second come back: fewer than --min-rate",
		t->received / m->outcome.seconds);
	m->max_rate = 0;
	return -EIO;
}

/* The greatest load that is worth a trial. */
static int find_max_rate(struct measure *m)
{
	if (m->max_rate > 0)
		return 0;
	m->max_rate = m->opt->max_rate;
	if (m->max_rate > 0)
		return 0;
	return rfc2544_of_connections(m) ? sound_connections(m) : sound_packets(m);
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
	if (r != -E2BIG)
		return r;
	m->too_many_trials = true;
	return 0;
}

static void add_goal(struct measure *m, const char *name, double loss)
{
	m->goal_names[m->n_goals] = name;
	m->goals[m->n_goals++] = (struct search_goal){.loss = loss,
		.duration = m->opt->trial,
		.duration_sum = m->opt->trial,
		.width = m->opt->width};
}

int rfc2544_mlr(struct measure *m)
{
	add_goal(m, "NDR", 0);
	add_goal(m, "PDR", m->opt->loss);
	return run_search(m, search_mlr);
}

static int bisect(
	struct search *s, const struct search_goal *goals, uint32_t n, struct search_bounds *ret)
{
	return search_rfc2544(s, goals, ret);
}

int rfc2544_throughput(struct measure *m)
{
	add_goal(m, "throughput", m->opt->loss);
	return run_search(m, bisect);
}

int rfc2544_latency(struct measure *m, double rate)
{
	static const double shares[MEASURE_LATENCIES] = {0.1, 0.5, 0.9};
	int r = 0;

	for (uint32_t i = 0; i < MEASURE_LATENCIES && rate > 0 && r == 0; i++) {
		struct measure_latency *l = &m->latencies[m->n_latencies++];
		struct gen_load load = {.rate = rate * shares[i], .duration = LATENCY_WARM_S};

		l->share = shares[i];
		l->rate = load.rate;
		r = rfc2544_trial(m, &load, &l->outcome);
		load.duration = m->opt->trial;
		if (r == 0)
			r = rfc2544_trial(m, &load, &l->outcome);
	}
	return r;
}

int rfc2544_loss(struct measure *m)
{
	int r = find_max_rate(m);
	uint32_t clean = 0;

	while (r == 0 && clean < 2 && m->n_losses < MEASURE_LOSSES) {
		double share = 1 - (double)m->n_losses / MEASURE_LOSSES;
		struct search_trial t = {.load = m->max_rate * share};

		r = search_trial(m, t.load, m->opt->trial, &t);
		if (r < 0)
			break;
		t.loss = outcome_loss(&m->outcome); /* of what was offered */
		clean = t.loss > 0 || t.offered < t.load * KEEPS_PACE ? 0 : clean + 1;
		m->losses[m->n_losses++] = (struct measure_loss){share, t.load, t.offered, t.loss};
	}
	return r;
}

/* True when a burst of n packets per stream, as fast as it goes, arrived whole. */
static int burst_arrives(struct measure *m, uint64_t n, bool *ret)
{
	const struct gen_load load = {.packets = n, .duration = 60};
	int r = rfc2544_trial(m, &load, &m->outcome);

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

int rfc2544_burst(struct measure *m)
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

		if (!gen_is_foreground(s))
			continue;
		if (s->last_refused > last)
			last = s->last_refused;
		if (s->seq_tracker.last_gap_time > last)
			last = s->seq_tracker.last_gap_time;
	}
	return (double)(last - g->changed) / g->hz;
}

int rfc2544_recovery(struct measure *m)
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
	r = rfc2544_trial(m, &load, &m->outcome);
	m->recovery_s = last_trouble(m->gen);
	return r;
}

int rfc2544_soak(struct measure *m, double rate)
{
	const struct gen_load load = {.rate = rate, .duration = m->opt->profile.duration};
	const struct progress *p = m->progress;
	uint32_t first = __atomic_load_n(&p->n_samples, __ATOMIC_ACQUIRE), end;
	int r = rfc2544_trial(m, &load, &m->outcome);

	end = __atomic_load_n(&p->n_samples, __ATOMIC_ACQUIRE);
	for (uint32_t i = first; i < end; i++)
		if (i == first || p->samples[i].received < m->worst_received)
			m->worst_received = p->samples[i].received;
	return r;
}
