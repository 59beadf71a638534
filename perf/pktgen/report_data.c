/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Results for programs.
 */
#include <stdio.h>

#include "report.h"
#include "rfc2544.h"

void report_json_latency(struct json *j, const struct outcome_latency *l)
{
	if (l->count == 0)
		return;
	json_open(j, "latency_ns", '{');
	for (unsigned int i = 0; i < OUTCOME_QUANTILES; i++)
		json_real(j, outcome_quantile_names[i], l->at[i]);
	json_real(j, "max", l->max);
	json_real(j, "mean", l->mean);
	json_count(j, "count", l->count);
	json_close(j, '}');
}

static void json_tcp(struct json *j, const struct outcome_stream *s)
{
	json_open(j, "tcp", '{');
	json_count(j, "established", s->established);
	json_count(j, "accepted", s->accepted);
	json_count(j, "finished", s->finished);
	json_count(j, "timed_out", s->timed_out);
	json_count(j, "bad", s->bad);
	json_count(j, "dropped", s->dropped);
	json_count(j, "packets_sent", s->tcp_sent);
	json_count(j, "packets_received", s->tcp_received);
	json_close(j, '}');
}

static void json_stream(struct json *j, const struct outcome *o, const struct outcome_stream *s)
{
	json_open(j, NULL, '{');
	json_string(j, "name", s->spec->name);
	json_count(j, "tenant", s->spec->tenant);
	json_real(j, "sent_rate", s->sent / o->seconds);
	json_real(j, "received_rate", s->received / o->seconds);
	json_count(j, "sent", s->sent);
	json_count(j, "sent_bytes", s->sent_bytes);
	json_count(j, "refused", s->refused);
	json_count(j, "missed", s->missed);
	json_count(j, "received", s->received);
	json_count(j, "received_bytes", s->received_bytes);
	json_count(j, "lost", s->lost);
	json_count(j, "reordered", s->reordered);
	json_count(j, "reorder_extent", s->extent);
	json_count(j, "duplicates", s->duplicates);
	json_count(j, "late", s->late);
	json_count(j, "gaps", s->gaps);
	json_count(j, "verified", s->verified);
	json_count(j, "bad_checksums", s->bad_checksums);
	report_json_latency(j, &s->latency);
	if (s->is_tcp)
		json_tcp(j, s);
	json_close(j, '}');
}

static void json_outcome(struct json *j, const char *key, const struct outcome *o)
{
	json_open(j, key, '{');
	json_real(j, "seconds", o->seconds);
	json_real(j, "cpu", o->totals.cpu);
	json_real(j, "loss", outcome_loss(o));
	json_open(j, "streams", '[');
	for (uint32_t i = 0; i < o->n_streams; i++)
		json_stream(j, o, &o->streams[i]);
	json_close(j, ']');
	json_open(j, "ports", '[');
	for (uint32_t i = 0; i < o->n_ports; i++) {
		json_open(j, NULL, '{');
		json_count(j, "packets", o->ports[i].packets);
		json_count(j, "bytes", o->ports[i].bytes);
		json_count(j, "unmarked", o->ports[i].unmarked);
		json_count(j, "stale", o->ports[i].stale);
		json_count(j, "misdelivered", o->ports[i].misdelivered);
		json_count(j, "leaked", o->ports[i].leaked);
		json_close(j, '}');
	}
	json_close(j, ']');
	json_close(j, '}');
}

void report_json_bounds(struct json *j, const struct search_bounds *b)
{
	json_real(j, "lower", b->lower);
	json_real(j, "upper", b->upper);
	json_real(j, "forwarded", b->forwarded);
}

void report_json_losses(struct json *j, const struct measure_loss *losses, uint32_t n)
{
	json_open(j, "losses", '[');
	for (uint32_t i = 0; i < n; i++) {
		json_open(j, NULL, '{');
		json_real(j, "share", losses[i].share);
		json_real(j, "rate", losses[i].rate);
		json_real(j, "offered", losses[i].offered);
		json_real(j, "loss", losses[i].loss);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void json_search(struct json *j, const struct measure *m)
{
	json_string(j, "unit", rfc2544_of_connections(m) ? "connections" : "packets");
	json_open(j, "goals", '[');
	for (uint32_t i = 0; i < m->n_goals; i++) {
		json_open(j, NULL, '{');
		json_string(j, "name", m->goal_names[i]);
		json_real(j, "loss", m->goals[i].loss);
		report_json_bounds(j, &m->bounds[i]);
		json_close(j, '}');
	}
	json_close(j, ']');
	json_count(j, "generator_limited_trials", m->n_limited);
	json_open(j, "trials", '[');
	for (uint32_t i = 0; i < m->search.n_trials; i++) {
		const struct search_trial *t = &m->search.trials[i];

		json_open(j, NULL, '{');
		json_real(j, "load", t->load);
		json_real(j, "duration", t->duration);
		json_real(j, "offered", t->offered);
		json_real(j, "loss", t->loss);
		json_close(j, '}');
	}
	json_close(j, ']');
	json_open(j, "latencies", '[');
	for (uint32_t i = 0; i < m->n_latencies; i++) {
		json_open(j, NULL, '{');
		json_real(j, "share", m->latencies[i].share);
		json_real(j, "rate", m->latencies[i].rate);
		json_outcome(j, "outcome", &m->latencies[i].outcome);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void json_intervals(struct json *j, const struct progress *p)
{
	json_open(j, "intervals", '[');
	for (uint32_t i = 0; i < p->n_samples; i++) {
		const struct progress_sample *s = &p->samples[i];

		json_open(j, NULL, '{');
		json_real(j, "at", s->at);
		json_key(j, "clock");
		fprintf(j->f, "%.6f", s->clock);
		json_real(j, "sent_rate", s->sent);
		json_real(j, "received_rate", s->received);
		json_real(j, "refused", s->refused);
		json_real(j, "lost", s->lost);
		json_close(j, '}');
	}
	json_close(j, ']');
}

/* Of every command but rfc8204. */
static void json_results(struct json *j, const struct measure *m, const struct progress *p)
{
	if (m->ran) {
		json_outcome(j, "outcome", &m->outcome);
		json_intervals(j, p);
	}
	if (m->n_goals > 0)
		json_search(j, m);
	if (m->n_losses > 0)
		report_json_losses(j, m->losses, m->n_losses);
	if (m->n_bursts > 0) {
		json_open(j, "bursts", '[');
		for (uint32_t i = 0; i < m->n_bursts; i++)
			json_count(j, NULL, m->bursts[i]);
		json_close(j, ']');
	}
	if (m->overload_rate > 0) {
		json_real(j, "overload_rate", m->overload_rate);
		json_real(j, "recovery_rate", m->recovery_rate);
		json_real(j, "recovery_seconds", m->recovery_s);
	}
}

void report_json(const struct measure *m, const struct progress *p, FILE *f)
{
	const struct profile *profile = &m->opt->profile;
	struct json j = {.f = f};

	json_open(&j, NULL, '{');
	json_string(&j, "command", options_command_names[m->opt->command]);
	json_string(&j, "version", WEFT_RELEASE);
	json_count(&j, "seed", profile->seed);
	json_open(&j, "devices", '[');
	for (uint32_t i = 0; i < profile->n_ports; i++)
		json_string(&j, NULL, profile->ports[i]);
	json_close(&j, ']');
	if (m->suite)
		report_suite_json(m, &j);
	else
		json_results(&j, m, p);
	json_count(&j, "leaked", m->leaks);
	json_count(&j, "bad_checksums", m->bad_checksums);
	json_bool(&j, "good", measure_is_good(m));
	json_close(&j, '}');
	fputc('\n', f);
}

static void csv_stream(const struct outcome *o, const struct outcome_stream *s, FILE *f)
{
	fprintf(f, "%s,%u,%.6f,%.9g,%.9g,%llu,%llu,%llu,%llu,%llu,%llu,%llu,%llu,%llu,%llu",
		s->spec->name, s->spec->tenant, o->seconds, s->sent / o->seconds,
		s->received / o->seconds, (unsigned long long)s->sent,
		(unsigned long long)s->refused, (unsigned long long)s->received,
		(unsigned long long)s->lost, (unsigned long long)s->reordered,
		(unsigned long long)s->duplicates, (unsigned long long)s->late,
		(unsigned long long)s->gaps, (unsigned long long)s->verified,
		(unsigned long long)s->bad_checksums);
	for (unsigned int i = 0; i < OUTCOME_QUANTILES; i++)
		fprintf(f, ",%.9g", s->latency.at[i]);
	fprintf(f, ",%.9g,%.9g\n", s->latency.max, s->latency.mean);
}

void report_csv(const struct measure *m, FILE *f)
{
	if (m->suite) {
		report_suite_csv(m, f);
		return;
	}
	if (m->n_losses > 0) {
		fprintf(f, "share,rate,offered,loss\n");
		for (uint32_t i = 0; i < m->n_losses; i++)
			fprintf(f, "%.9g,%.9g,%.9g,%.9g\n", m->losses[i].share, m->losses[i].rate,
				m->losses[i].offered, m->losses[i].loss);
		return;
	}
	if (m->n_goals > 0) {
		fprintf(f, "load,duration,offered,forwarded,loss\n");
		for (uint32_t i = 0; i < m->search.n_trials; i++) {
			const struct search_trial *t = &m->search.trials[i];

			fprintf(f, "%.9g,%.9g,%.9g,%.9g,%.9g\n", t->load, t->duration, t->offered,
				t->forwarded, t->loss);
		}
		return;
	}
	if (m->n_bursts > 0) {
		fprintf(f, "burst\n");
		for (uint32_t i = 0; i < m->n_bursts; i++)
			fprintf(f, "%llu\n", (unsigned long long)m->bursts[i]);
		return;
	}
	fprintf(f,
		"name,tenant,seconds,sent_rate,received_rate,sent,refused,received,lost,reordered,"
		"duplicates,late,gaps,verified,bad_checksums");
	for (unsigned int i = 0; i < OUTCOME_QUANTILES; i++)
		fprintf(f, ",%s_ns", outcome_quantile_names[i]);
	fprintf(f, ",max_ns,mean_ns\n");
	for (uint32_t i = 0; i < m->outcome.n_streams; i++)
		csv_stream(&m->outcome, &m->outcome.streams[i], f);
}
