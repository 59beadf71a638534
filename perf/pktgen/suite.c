/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <core/log.h>

#include "rfc2544.h"
#include "suite.h"

#define SOAK_SHARE 0.9 /* of the throughput */

/* Streams that say none are in all scenarios; without any there is one, of no name. */
static bool belongs(const struct stream_spec *s, const char *scenario)
{
	return s->scenario[0] == '\0' || strcmp(s->scenario, scenario) == 0;
}

/* The scenario that the i-th stream is the first one of; NULL: none. */
static const char *scenario_at(const struct profile *p, uint32_t i)
{
	const char *name = p->streams[i].scenario;

	for (uint32_t k = 0; k < p->n_streams; k++) {
		const char *other = p->streams[k].scenario;

		if (name[0] == '\0' ? other[0] != '\0' || k < i : k < i && !strcmp(other, name))
			return NULL;
	}
	return name;
}

/* The first stream whose sizes are those of the scenario. */
static const struct stream_spec *leader(const struct profile *p, const char *scenario)
{
	for (uint32_t i = 0; i < p->n_streams; i++) {
		const struct stream_spec *s = &p->streams[i];

		if (!s->background && s->tx >= 0 && s->rx >= 0 && belongs(s, scenario))
			return s;
	}
	return NULL;
}

static bool same_sizes(const struct stream_spec *a, const struct stream_spec *b)
{
	if (a->n_sizes != b->n_sizes)
		return false;
	for (uint32_t i = 0; i < a->n_sizes; i++)
		if (a->sizes[i].size != b->sizes[i].size)
			return false;
	return true;
}

static bool scenario_is_possible(const struct profile *p, const char *scenario, char *err)
{
	const struct stream_spec *first = leader(p, scenario);

	if (!first) {
		snprintf(err, PROFILE_ERROR_SIZE,
			"scenario %s: no stream that is sent, comes back, and is not background",
			scenario);
		return false;
	}
	for (uint32_t i = 0; i < p->n_streams; i++) {
		const struct stream_spec *s = &p->streams[i];

		if (s->background || !belongs(s, scenario))
			continue;
		if (s->kind == STREAM_CONNECTIONS)
			snprintf(err, PROFILE_ERROR_SIZE,
				"stream %s: kind: the tests of RFC 2544 are for packets", s->name);
		else if (!same_sizes(s, first))
			snprintf(err, PROFILE_ERROR_SIZE,
				"stream %s: size: must be as that of %s, in the same scenario",
				s->name, first->name);
		else
			continue;
		return false;
	}
	return true;
}

bool suite_is_possible(const struct profile *p, char *err)
{
	for (uint32_t i = 0; i < p->n_streams; i++) {
		const char *scenario = scenario_at(p, i);

		if (scenario && !scenario_is_possible(p, scenario, err))
			return false;
	}
	return true;
}

/* What the tests leave behind, but not what all of them count together. */
static void clear_results(struct measure *m)
{
	memset(&m->search, 0, sizeof(m->search));
	memset(m->bounds, 0, sizeof(m->bounds));
	m->n_goals = m->n_limited = m->n_latencies = m->n_losses = m->n_bursts = 0;
	m->max_rate = m->recovery_s = m->overload_rate = m->recovery_rate = m->worst_received = 0;
	m->too_many_trials = false;
}

static int test_throughput(struct measure *m, struct suite_cell *c)
{
	int r = rfc2544_throughput(m);

	c->throughput = m->bounds[0];
	c->undecided = m->too_many_trials;
	m->too_many_trials = false; /* told for the cell */
	return r;
}

static void take_latency(struct measure *m, const struct measure_latency *l, struct suite_cell *c)
{
	struct suite_latency *to = &c->latencies[c->n_latencies++];
	uint32_t n = 0;

	*to = (struct suite_latency){.share = l->share, .rate = l->rate};
	to->loss = outcome_loss(&l->outcome);
	/* The slowest stream's, which none of the others exceeds. */
	for (uint32_t i = 0; i < l->outcome.n_streams; i++) {
		const struct outcome_latency *from = &l->outcome.streams[i].latency;

		if (!gen_is_foreground(m->gen->streams[i]) || from->count == 0)
			continue;
		if (n++ == 0 || from->at[0] > to->latency.at[0])
			to->latency = *from;
	}
}

static int test_latency(struct measure *m, struct suite_cell *c)
{
	int r = rfc2544_latency(m, c->throughput.lower);

	for (uint32_t i = 0; i < m->n_latencies && r == 0; i++)
		take_latency(m, &m->latencies[i], c);
	return r;
}

static int test_loss(struct measure *m, struct suite_cell *c)
{
	int r = rfc2544_loss(m);

	c->n_losses = m->n_losses;
	memcpy(c->losses, m->losses, sizeof(c->losses));
	return r;
}

static int test_burst(struct measure *m, struct suite_cell *c)
{
	int r = rfc2544_burst(m);

	for (uint32_t i = 0; i < m->n_bursts; i++) {
		double n = m->bursts[i];

		c->burst_mean += n / m->n_bursts;
		if (i == 0 || n < c->burst_least)
			c->burst_least = n;
		if (i == 0 || n > c->burst_most)
			c->burst_most = n;
	}
	c->n_bursts = m->n_bursts;
	return r;
}

static int test_recovery(struct measure *m, struct suite_cell *c)
{
	int r = rfc2544_recovery(m);

	c->overload_rate = m->overload_rate;
	c->recovery_rate = m->recovery_rate;
	c->recovery_s = m->recovery_s;
	return r;
}

static int test_soak(struct measure *m, struct suite_cell *c)
{
	int r;

	if (c->throughput.lower == 0)
		return 0;
	c->soak_rate = c->throughput.lower * SOAK_SHARE;
	r = rfc2544_soak(m, c->soak_rate);
	c->soak_loss = outcome_loss(&m->outcome);
	c->soak_worst = m->worst_received;
	return r;
}

static int (*const run_test[N_PROFILE_TESTS])(struct measure *m, struct suite_cell *c) = {
	[PROFILE_TEST_THROUGHPUT] = test_throughput,
	[PROFILE_TEST_LATENCY] = test_latency,
	[PROFILE_TEST_LOSS] = test_loss,
	[PROFILE_TEST_BURST] = test_burst,
	[PROFILE_TEST_RECOVERY] = test_recovery,
	[PROFILE_TEST_SOAK] = test_soak,
};

/* Where nothing comes back there is nothing to be measured; other cells may be better. */
static int run_cell(struct measure *m, struct suite_cell *c)
{
	int r = 0;

	clear_results(m);
	for (unsigned int t = 0; t < N_PROFILE_TESTS && r == 0; t++) {
		if (!(m->opt->profile.tests >> t & 1))
			continue;
		if (!m->opt->quiet)
			log_info("%s, %u bytes: %s", c->scenario, c->size, profile_test_names[t]);
		r = run_test[t](m, c);
		if (r == 0)
			c->tests |= 1u << t;
	}
	c->max_rate = m->max_rate;
	c->n_limited = m->n_limited;
	return r == -EIO ? 0 : r;
}

static int run_scenario(struct measure *m, const char *scenario)
{
	const struct stream_spec *first = leader(&m->opt->profile, scenario);
	int r = 0;

	for (uint32_t i = 0; i < first->n_sizes && r == 0; i++) {
		struct suite_cell *c = &m->suite->cells[m->suite->n_cells++];

		c->scenario = scenario;
		c->size = first->sizes[i].size;
		gen_select(m->gen, scenario, i);
		r = run_cell(m, c);
	}
	return r;
}

int suite_run(struct measure *m)
{
	const struct profile *p = &m->opt->profile;
	int r = 0;

	m->suite = calloc(1, sizeof(*m->suite));
	if (!m->suite)
		return -ENOMEM;
	m->suite->cells = calloc(p->n_streams * PROFILE_SIZES_MAX, sizeof(m->suite->cells[0]));
	if (!m->suite->cells)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->n_streams && r == 0; i++) {
		const char *scenario = scenario_at(p, i);

		if (scenario)
			r = run_scenario(m, scenario);
	}
	return r;
}

bool suite_is_good(const struct measure *m)
{
	for (uint32_t i = 0; i < m->suite->n_cells; i++) {
		const struct suite_cell *c = &m->suite->cells[i];

		if (c->tests != m->opt->profile.tests || c->undecided)
			return false;
		if ((c->tests >> PROFILE_TEST_THROUGHPUT & 1) && c->throughput.lower == 0)
			return false;
		if ((c->tests >> PROFILE_TEST_SOAK & 1) && c->soak_loss > m->opt->max_loss)
			return false;
	}
	return true;
}

void suite_free(struct suite *s)
{
	if (!s)
		return;
	free(s->cells);
	free(s);
}
