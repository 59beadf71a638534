/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What two CPUs and the threads on them were doing while something was measured.
 *
 *   weft-bench-cores PERIOD SECONDS CPU CPU [TID...]
 *
 * Every PERIOD seconds a line of JSON: the time (CLOCK_MONOTONIC), how long a cache line takes from
 * one CPU to the other and back (median of many, ns), and the time that each thread has run (s).
 * The round trips take about a millisecond of both CPUs, before all that runs there.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TRIPS	  2000
#define TRIPS_MAX 5000000 /* ns that they may take together */

static _Alignas(128) _Atomic unsigned int line;
static _Alignas(128) atomic_bool stop;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void to_cpu(int cpu)
{
	const struct sched_param first = {.sched_priority = 1};
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		perror("weft-bench-cores: sched_setaffinity");
	sched_setscheduler(0, SCHED_FIFO, &first); /* or the figure is worse than the cores are */
}

/* Answers each odd number by the next one. */
static void *answer(void *arg)
{
	unsigned int seen;

	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		seen = atomic_load_explicit(&line, memory_order_acquire);
		if (seen & 1)
			atomic_store_explicit(&line, seen + 1, memory_order_release);
	}
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* A thread on that CPU from its beginning, with this one's priority. */
static int answer_on(int cpu, pthread_t *ret)
{
	pthread_attr_t attr;
	cpu_set_t set;
	int r;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_attr_init(&attr);
	r = pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	if (r == 0)
		r = pthread_create(ret, &attr, answer, NULL);
	pthread_attr_destroy(&attr);
	return r;
}

/* ns; 0: the other CPU did not answer in time. */
static double round_trip(int cpu)
{
	static double took[TRIPS];
	double end = now() + TRIPS_MAX / 1e9, last = now(), t;
	unsigned int n = 0;
	pthread_t thread;

	atomic_store(&line, 0);
	atomic_store(&stop, false);
	if (answer_on(cpu, &thread) != 0)
		return 0;
	while (n < TRIPS && last < end) {
		unsigned int asked = atomic_load(&line) + 1;

		atomic_store_explicit(&line, asked, memory_order_release);
		while (atomic_load_explicit(&line, memory_order_acquire) == asked && now() < end)
			;
		t = now();
		took[n++] = (t - last) * 1e9;
		last = t;
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	qsort(took, n, sizeof(took[0]), by_value);
	return n > TRIPS / 2 ? took[n / 2] : 0;
}

/* Seconds that a thread has run. */
static double ran(const char *tid)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/schedstat", tid);
	f = fopen(path, "re");
	if (f) {
		if (fscanf(f, "%llu", &ns) != 1)
			ns = 0;
		fclose(f);
	}
	return ns / 1e9;
}

int main(int argc, char **argv)
{
	double period, end, next, trip;
	struct timespec pause;

	if (argc < 5) {
		fprintf(stderr, "usage: weft-bench-cores PERIOD SECONDS CPU CPU [TID...]\n");
		return 1;
	}
	period = atof(argv[1]);
	next = now();
	end = next + atof(argv[2]);
	to_cpu(atoi(argv[3]));
	for (; next <= end; next += period) {
		pause = (struct timespec){next, (next - (time_t)next) * 1e9};
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &pause, NULL) == EINTR)
			;
		trip = round_trip(atoi(argv[4]));
		printf("{\"clock\": %.6f, \"trip_ns\": %.0f, \"ran\": [", now(), trip);
		for (int i = 5; i < argc; i++)
			printf("%s%.6f", i > 5 ? ", " : "", ran(argv[i]));
		printf("]}\n");
		fflush(stdout);
	}
	return 0;
}
