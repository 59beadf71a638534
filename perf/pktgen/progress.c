/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_cycles.h>

#include <core/log.h>

#include "progress.h"

static pthread_t thread;

/* Sums of all streams. Each counter is read whole, though not all at one moment. */
struct reading {
	uint64_t time, began;
	uint64_t sent, received, refused, missing;
};

static void take_reading(const struct gen *g, struct reading *ret)
{
	*ret = (struct reading){
		.time = rte_rdtsc(), .began = __atomic_load_n(&g->began, __ATOMIC_RELAXED)};
	for (uint32_t i = 0; i < g->n_streams; i++) {
		const struct gen_stream *s = g->streams[i];

		ret->sent += __atomic_load_n(&s->sent, __ATOMIC_RELAXED);
		ret->received += __atomic_load_n(&s->received, __ATOMIC_RELAXED);
		ret->refused += __atomic_load_n(&s->refused, __ATOMIC_RELAXED);
		ret->missing += __atomic_load_n(&s->seq_tracker.missing, __ATOMIC_RELAXED);
	}
}

static void show(const struct progress_sample *s)
{
	fprintf(stderr, "%7.1f s  sent %9.3f M/s  received %9.3f M/s  refused %.0f  lost %.0f\n",
		s->at, s->sent / 1e6, s->received / 1e6, s->refused, s->lost);
}

static void sample(struct progress *p, struct reading *last)
{
	const struct gen *g = p->gen;
	struct progress_sample s;
	struct timespec clock;
	struct reading now;
	double seconds;

	take_reading(g, &now);
	if (now.began != last->began) /* another trial: its first interval is cut off */
		*last = (struct reading){.time = now.began, .began = now.began};
	seconds = (double)(now.time - last->time) / g->hz;
	if (seconds < p->interval * 0.5)
		return;
	clock_gettime(CLOCK_MONOTONIC, &clock);
	s = (struct progress_sample){
		.clock = clock.tv_sec + clock.tv_nsec / 1e9,
		.at = (double)(now.time - now.began) / g->hz,
		.sent = (now.sent - last->sent) / seconds,
		.received = (now.received - last->received) / seconds,
		.refused = now.refused - last->refused,
		.lost = (double)now.missing - (double)last->missing,
	};
	*last = now;
	if (p->n_samples < PROGRESS_SAMPLES_MAX)
		p->samples[p->n_samples++] = s;
	if (!p->quiet)
		show(&s);
}

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* Sleeps until then. Returns that time, or the present one when that was an interval ago: intervals
 * begin anew after a pause (SIGSTOP). */
static uint64_t sleep_until(uint64_t ns, uint64_t step)
{
	const struct timespec until = {ns / NS_PER_S, ns % NS_PER_S};
	uint64_t now;

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	now = clock_ns();
	return now > ns + step ? now : ns;
}

static void *run(void *arg)
{
	struct progress *p = arg;
	uint64_t step = p->interval * NS_PER_S, next = clock_ns();
	struct reading last = {0};

	while (!p->stop) {
		next = sleep_until(next + step, step);
		if (!p->stop && __atomic_load_n(&p->gen->active, __ATOMIC_RELAXED))
			sample(p, &last);
	}
	return NULL;
}

struct progress *progress_start(const struct gen *g, double interval, bool quiet)
{
	struct progress *p = calloc(1, sizeof(*p));

	if (!p)
		goto fail;
	p->gen = g;
	p->interval = interval;
	p->quiet = quiet;
	p->samples = calloc(PROGRESS_SAMPLES_MAX, sizeof(p->samples[0]));
	if (p->samples && pthread_create(&thread, NULL, run, p) == 0)
		return p;
fail:
	log_error("no memory or no thread for progress");
	progress_free(p);
	return NULL;
}

void progress_stop(struct progress *p)
{
	p->stop = true;
	pthread_join(thread, NULL);
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	free(p->samples);
	free(p);
}
