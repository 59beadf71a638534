/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <core/log.h>

#include "report.h"
#include "rfc2544.h"

static void latency_line(FILE *f, const char *name, const struct outcome_latency *l)
{
	if (l->count == 0)
		return;
	fprintf(f, "  %-18s", name);
	for (unsigned int i = 0; i < OUTCOME_QUANTILES; i++)
		fprintf(f, " %9.2f", l->at[i] / 1e3);
	fprintf(f, " %9.2f %9.2f\n", l->max / 1e3, l->mean / 1e3);
}

static void latency_head(FILE *f, const char *what)
{
	fprintf(f, "\n%-20s", what);
	for (unsigned int i = 0; i < OUTCOME_QUANTILES; i++)
		fprintf(f, " %9s", outcome_quantile_names[i]);
	fprintf(f, " %9s %9s\n", "max", "mean");
}

static void stream_line(FILE *f, const struct outcome *o, const struct outcome_stream *s)
{
	fprintf(f, "  %-18s %9.4f %9.4f %12llu %10llu %10llu %9llu %7llu %7llu %12llu\n",
		s->spec->name, s->sent / o->seconds / 1e6, s->received / o->seconds / 1e6,
		(unsigned long long)s->sent, (unsigned long long)s->lost,
		(unsigned long long)s->refused, (unsigned long long)s->reordered,
		(unsigned long long)s->duplicates, (unsigned long long)s->late,
		(unsigned long long)s->bad_checksums);
}

static void tcp_line(FILE *f, const struct outcome_stream *s)
{
	fprintf(f,
		"  %s: established %llu, accepted %llu, finished %llu, timed out %llu, bad packets "
		"%llu, "
		"dropped answers %llu\n",
		s->spec->name, (unsigned long long)s->established, (unsigned long long)s->accepted,
		(unsigned long long)s->finished, (unsigned long long)s->timed_out,
		(unsigned long long)s->bad, (unsigned long long)s->dropped);
}

static void strangers(FILE *f, const struct outcome *o)
{
	for (uint32_t i = 0; i < o->n_ports; i++) {
		const struct outcome_port *p = &o->ports[i];

		if (p->unmarked + p->stale + p->misdelivered + p->leaked > 0)
			fprintf(f,
				"  port %u: not ours %llu, of an earlier trial %llu, for another "
				"port %llu, "
				"of another tenant %llu\n",
				i, (unsigned long long)p->unmarked, (unsigned long long)p->stale,
				(unsigned long long)p->misdelivered, (unsigned long long)p->leaked);
	}
}

static void missed_note(FILE *f, const struct outcome *o)
{
	uint64_t missed = 0, no_mbufs = 0;

	for (uint32_t i = 0; i < o->n_streams; i++) {
		missed += o->streams[i].missed;
		no_mbufs += o->streams[i].no_mbufs;
	}
	if (missed > 0)
		fprintf(f, "  the generator was late for %llu packets, which it did not send\n",
			(unsigned long long)missed);
	if (no_mbufs > 0)
		fprintf(f, "  it had no buffers %llu times (--mbufs)\n",
			(unsigned long long)no_mbufs);
}

static void trial_table(const struct outcome *o, FILE *f)
{
	fprintf(f, "\n%6.2f s, %3.0f %% CPU  %9s %9s %12s %10s %10s %9s %7s %7s %12s\n", o->seconds,
		o->totals.cpu * 100, "sent M/s", "rcvd M/s", "sent", "lost", "refused", "reordered",
		"dup", "late", "bad checksum");
	for (uint32_t i = 0; i < o->n_streams; i++)
		stream_line(f, o, &o->streams[i]);
	for (uint32_t i = 0; i < o->n_streams; i++)
		if (o->streams[i].is_tcp)
			tcp_line(f, &o->streams[i]);
	strangers(f, o);
	missed_note(f, o);
	latency_head(f, "latency, us");
	for (uint32_t i = 0; i < o->n_streams; i++)
		latency_line(f, o->streams[i].spec->name, &o->streams[i].latency);
}

static void search_table(const struct measure *m, FILE *f)
{
	fprintf(f, "\n%-12s %10s %12s %12s %12s\n", "goal", "loss %", "lower M/s", "upper M/s",
		"forwarded M/s");
	for (uint32_t i = 0; i < m->n_goals; i++) {
		const struct search_bounds *b = &m->bounds[i];

		fprintf(f, "%-12s %10.4f %12.4f ", m->goal_names[i], m->goals[i].loss * 100,
			b->lower / 1e6);
		if (b->upper > 0)
			fprintf(f, "%12.4f", b->upper / 1e6);
		else
			fprintf(f, "%12s", "-");
		fprintf(f, " %12.4f\n", b->forwarded / 1e6);
	}
	fprintf(f, "%u trials%s; rates are of %s\n", m->search.n_trials,
		m->too_many_trials ? ", not enough: the device is too unsteady for --width" : "",
		rfc2544_of_connections(m) ? "connections" : "packets");
}

static void latencies_table(const struct measure *m, FILE *f)
{
	char name[64];

	for (uint32_t i = 0; i < m->n_latencies; i++) {
		const struct measure_latency *l = &m->latencies[i];

		snprintf(name, sizeof(name), "us at %.0f %%", l->share * 100);
		latency_head(f, name);
		for (uint32_t k = 0; k < l->outcome.n_streams; k++)
			latency_line(f, l->outcome.streams[k].spec->name,
				&l->outcome.streams[k].latency);
	}
}

static void burst_table(const struct measure *m, FILE *f)
{
	double sum = 0;

	for (uint32_t i = 0; i < m->n_bursts; i++)
		sum += m->bursts[i];
	if (m->n_bursts > 0)
		fprintf(f, "\nlongest burst without loss: %.0f packets per stream (mean of %u)\n",
			sum / m->n_bursts, m->n_bursts);
}

static void loss_table(const struct measure *m, FILE *f)
{
	fprintf(f, "\n%6s %12s %12s %12s\n", "%", "rate M/s", "offered M/s", "loss %");
	for (uint32_t i = 0; i < m->n_losses; i++) {
		const struct measure_loss *l = &m->losses[i];

		fprintf(f, "%6.0f %12.4f %12.4f %12.6f\n", l->share * 100, l->rate / 1e6,
			l->offered / 1e6, l->loss * 100);
	}
}

/* Of commands that do more than one trial. */
static void results_table(const struct measure *m, FILE *f)
{
	if (m->n_goals > 0) {
		search_table(m, f);
		latencies_table(m, f);
	}
	if (m->n_losses > 0)
		loss_table(m, f);
	if (m->n_limited > 0)
		fprintf(f, "in %u trials the generator, not the device, was the limit\n",
			m->n_limited);
	burst_table(m, f);
	if (m->overload_rate > 0)
		fprintf(f, "\nrecovered %.6f s after %.4f M/s became %.4f M/s\n", m->recovery_s,
			m->overload_rate / 1e6, m->recovery_rate / 1e6);
}

void report_table(const struct measure *m, FILE *f)
{
	if (m->ran)
		trial_table(&m->outcome, f);
	if (m->suite)
		report_suite_table(m, f);
	else
		results_table(m, f);
	if (m->opt->command == COMMAND_SOAK)
		fprintf(f, "\nslowest interval: %.4f M/s received\n", m->worst_received / 1e6);
	if (m->bad_checksums > 0)
		fprintf(f, "\nBAD CHECKSUMS: %llu packets came with a wrong checksum%s\n",
			(unsigned long long)m->bad_checksums,
			m->opt->verify == VERIFY_SAMPLE ? ", of the sample alone" : "");
	if (m->leaks > 0)
		fprintf(f, "\nLEAK: %llu packets came to ports of other tenants\n",
			(unsigned long long)m->leaks);
}

static int write_to(const char *path, const struct measure *m, const struct progress *p, bool json)
{
	FILE *f = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	bool ok;

	if (f && json)
		report_json(m, p, f);
	else if (f)
		report_csv(m, f);
	ok = f && fflush(f) == 0 && !ferror(f);
	if (f && f != stdout)
		ok &= fclose(f) == 0;
	if (ok)
		return 0;
	log_error("%s: %s", path, strerror(errno));
	return -EIO;
}

int report_write(const struct measure *m, const struct progress *p)
{
	const struct options *opt = m->opt;
	bool stdout_taken = (opt->json && strcmp(opt->json, "-") == 0) ||
			    (opt->csv && strcmp(opt->csv, "-") == 0);
	int r = 0;

	report_table(m, stdout_taken ? stderr : stdout);
	if (opt->json)
		r = write_to(opt->json, m, p, true);
	if (opt->csv && write_to(opt->csv, m, p, false) < 0)
		r = -EIO;
	return r;
}
