/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft trace --live: the steps of real packets as they come, until enough of them came, time is up
 * or somebody interrupts.
 */
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "trace.h"

#define TURN_MS 100 /* between looks at the clock and for a signal */

static volatile sig_atomic_t interrupted;

static void on_signal(int signal)
{
	interrupted = 1;
}

struct live {
	struct trace_hosts *hosts;
	const struct live_options *o;
	struct packet_filter filter;
	uint64_t shown, lost[HOSTS_MAX];
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct json_object *find_step(struct json_object *steps, const char *name)
{
	for (size_t i = 0; i < array_length(steps); i++) {
		struct json_object *s = json_object_array_get_idx(steps, i);

		if (strcmp(get_string(s, "step"), name) == 0)
			return s;
	}
	return NULL;
}

static int watch(struct live *l, struct trace_host *host)
{
	struct json_object *params = NULL, *result;
	int r;

	json_object_deep_copy(l->filter.watch, &params, NULL);
	if (l->o->rate != 0)
		json_object_object_add(params, "rate", json_object_new_uint64(l->o->rate));
	r = cli_call(&host->cli, "trace.watch", params, &result);
	if (r == CLI_OK)
		json_object_put(result);
	return r;
}

/* A packet enters a port on one host; the others can't be asked for it. */
static int watch_all(struct live *l)
{
	const char *port = get_string(l->filter.watch, "port");
	struct trace_host *only = NULL;
	int r = hosts_meet(l->hosts);

	if (r == CLI_OK && l->hosts->n > 1 && strchr(port, '/') != NULL)
		r = hosts_of_port(l->hosts, port, &only, NULL);
	for (size_t i = 0; i < l->hosts->n && r == CLI_OK; i++)
		if (only == NULL || only == &l->hosts->host[i])
			r = watch(l, &l->hosts->host[i]);
	return r;
}

/* When it came in, by the clock on the wall: "12:34:56.789". */
static void print_time(uint64_t age_ms)
{
	struct timespec ts;
	struct tm tm;
	char text[16];
	int64_t ms;

	clock_gettime(CLOCK_REALTIME, &ts);
	ms = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000 - (int64_t)age_ms;
	ts.tv_sec = (time_t)(ms / 1000);
	localtime_r(&ts.tv_sec, &tm);
	strftime(text, sizeof(text), "%H:%M:%S", &tm);
	printf("%s.%03d", text, (int)(ms % 1000));
}

static void print_packet(struct live *l, const struct trace_host *host, struct json_object *p)
{
	if (l->hosts->host[0].cli.json) {
		json_object_object_add(p, "host", json_object_new_string(host->name));
		puts(json_object_to_json_string_ext(
			p, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
		return;
	}
	print_time(get_uint(p, "age_ms"));
	if (l->hosts->n > 1)
		printf(" %s", host->name);
	printf(" packet %" PRIu64, get_uint(p, "packet"));
	if (json_object_object_get_ex(p, "worker", NULL))
		printf(" worker %" PRIu64 "\n", get_uint(p, "worker"));
	else
		puts(" in the kernel");
	print_steps(get_array(p, "steps"), "  ");
}

static void on_packet(struct live *l, const struct trace_host *host, struct json_object *n)
{
	struct json_object *p;

	if (strcmp(get_string(n, "method"), "trace.packet") != 0 ||
		!json_object_object_get_ex(n, "params", &p))
		return;
	l->lost[host - l->hosts->host] = get_uint(p, "lost");
	if (!filter_passes(&l->filter, find_step(get_array(p, "steps"), "parsed")))
		return;
	print_packet(l, host, p);
	fflush(stdout);
	l->shown++;
}

static int follow(struct live *l)
{
	int64_t end = l->o->seconds == 0 ? INT64_MAX : now_ms() + (int64_t)l->o->seconds * 1000;
	struct trace_host *host;
	struct json_object *n;
	int r = CLI_OK;

	while (!interrupted && now_ms() < end && (l->o->count == 0 || l->shown < l->o->count)) {
		r = hosts_next(l->hosts, TURN_MS, &host, &n);
		if (r != CLI_OK)
			break;
		if (n != NULL)
			on_packet(l, host, n);
		json_object_put(n);
	}
	return r;
}

static void print_end(const struct live *l)
{
	uint64_t lost = 0;

	for (size_t i = 0; i < l->hosts->n; i++)
		lost += l->lost[i];
	if (l->hosts->host[0].cli.json)
		printf("{\"packets\":%" PRIu64 ",\"lost\":%" PRIu64 "}\n", l->shown, lost);
	else
		printf("%" PRIu64 " packets; %" PRIu64 " steps were lost\n", l->shown, lost);
}

int live_run(struct trace_hosts *h, const struct live_options *o, int n, char **words)
{
	struct live l = {.hosts = h, .o = o};
	/* A second signal ends it, even while weftd does not answer. */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	int r = filter_read(&l.filter, n, words);

	if (r == CLI_OK) {
		sigaction(SIGINT, &action, NULL);
		sigaction(SIGTERM, &action, NULL);
		r = watch_all(&l);
	}
	if (r == CLI_OK) {
		fprintf(stderr, "watching\n"); /* so that it is known when to begin */
		r = follow(&l);
		print_end(&l);
	}
	filter_close(&l.filter);
	return r;
}
