/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft check reach --probe: sends the packet of a journey for real, and compares what the hosts
 * then do with what they said they would.
 */
#include <string.h>
#include <time.h>

#include "trace.h"

#define WAIT_MS 1000 /* for the probe on each host, and for the answer */

struct probe {
	const struct journey *journey;
	struct json_object *parsed; /* of the first leg: how it looks */
	struct json_object *seen;   /* the probe's steps by host */
	struct json_object *answer; /* the first packet back, or NULL */
	const char *answer_host;
	size_t n_foretold;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int call(struct trace_host *h, const char *method, struct json_object *params)
{
	struct json_object *result;
	int r = cli_call(&h->cli, method, params, &result);

	if (r == CLI_OK)
		json_object_put(result);
	return r;
}

/* The probe and what comes back. Other hosts need to be told how it looks. */
static int watch_all(struct probe *p)
{
	static const char *const members[] = {
		"protocol", "source", "destination", "source_port", "destination_port"};
	struct trace_hosts *h = p->journey->hosts;
	int r = CLI_OK;

	for (size_t i = 0; i < h->n && r == CLI_OK; i++) {
		struct json_object *params = json_object_new_object(), *v;

		for (size_t k = 0; k < sizeof(members) / sizeof(members[0]); k++)
			if (json_object_object_get_ex(p->parsed, members[k], &v))
				json_object_object_add(params, members[k], json_object_get(v));
		json_object_object_add(params, "either", json_object_new_boolean(true));
		r = call(&h->host[i], "trace.watch", params);
	}
	return r;
}

static int send_probe(struct probe *p)
{
	struct json_object *leg = json_object_array_get_idx(p->journey->legs, 0);
	struct json_object *params = json_object_new_object();

	json_object_object_add(params, "port", json_object_new_string(get_string(leg, "port")));
	json_object_object_add(params, "frame", json_object_new_string(get_string(leg, "frame")));
	return call(
		hosts_by_name(p->journey->hosts, get_string(leg, "host")), "trace.probe", params);
}

static bool is_same(
	struct json_object *a, struct json_object *b, const char *key_a, const char *key_b)
{
	return strcmp(get_string(a, key_a), get_string(b, key_b)) == 0;
}

/* The probe itself, or back: what answers it. */
static bool is_of(const struct probe *p, struct json_object *parsed, bool back)
{
	return is_same(parsed, p->parsed, "protocol", "protocol") &&
	       is_same(parsed, p->parsed, "source", back ? "destination" : "source") &&
	       is_same(parsed, p->parsed, "destination", back ? "source" : "destination") &&
	       is_same(parsed, p->parsed, "source_port",
		       back ? "destination_port" : "source_port") &&
	       is_same(parsed, p->parsed, "destination_port",
		       back ? "source_port" : "destination_port") &&
	       is_same(parsed, p->parsed, "icmp_id", "icmp_id");
}

static void on_packet(struct probe *p, const struct trace_host *host, struct json_object *n)
{
	struct json_object *packet, *steps, *parsed;

	if (strcmp(get_string(n, "method"), "trace.packet") != 0 ||
		!json_object_object_get_ex(n, "params", &packet))
		return;
	steps = get_array(packet, "steps");
	parsed = find_step(steps, "parsed");
	if (is_of(p, parsed, false)) {
		if (!json_object_object_get_ex(p->seen, host->name, NULL))
			json_object_object_add(p->seen, host->name, json_object_get(steps));
	} else if (p->answer == NULL && is_of(p, parsed, true)) {
		p->answer = json_object_get(steps);
		p->answer_host = host->name;
	}
}

static bool is_complete(const struct probe *p, bool wants_answer)
{
	return (size_t)json_object_object_length(p->seen) >= p->n_foretold &&
	       (!wants_answer || p->answer != NULL);
}

static int collect(struct probe *p, bool wants_answer)
{
	int64_t end = now_ms() + WAIT_MS;
	struct trace_host *host;
	struct json_object *n;
	int r = CLI_OK;

	while (!is_complete(p, wants_answer) && now_ms() < end && r == CLI_OK) {
		r = hosts_next(p->journey->hosts, (int)(end - now_ms()) + 1, &host, &n);
		if (r == CLI_OK && n != NULL)
			on_packet(p, host, n);
		if (r == CLI_OK)
			json_object_put(n);
	}
	return r;
}

/* The first one from *at on; NULL: there are no more. A probe is the data plane's own: the kernel
 * does not carry it. */
static struct json_object *next_step(struct json_object *steps, size_t *at)
{
	struct json_object *s;

	while (*at < array_length(steps)) {
		s = json_object_array_get_idx(steps, (*at)++);
		if (strcmp(get_string(s, "step"), "kernel") != 0)
			return s;
	}
	return NULL;
}

static bool steps_agree(struct json_object *a, struct json_object *b)
{
	struct json_object *x, *y;
	size_t i = 0, j = 0;

	do {
		x = next_step(a, &i);
		y = next_step(b, &j);
		if (x == NULL || y == NULL)
			return x == y;
	} while (is_same(x, y, "step", "step") && is_same(x, y, "text", "text"));
	return false;
}

/* What each host foretold, and what it did. */
static bool compare(const struct probe *p, struct json_object *report)
{
	struct json_object *hosts = json_object_new_array(), *legs = p->journey->legs;
	bool all = true;

	for (size_t i = 0; i < array_length(legs); i++) {
		struct json_object *leg = json_object_array_get_idx(legs, i), *o, *seen = NULL;
		struct json_object *steps = get_array(leg, "steps");
		bool agrees;

		if (get_bool(leg, "answer"))
			continue;
		o = json_object_new_object();
		json_object_object_get_ex(p->seen, get_string(leg, "host"), &seen);
		agrees = steps_agree(steps, seen);
		all = all && agrees;
		json_object_object_add(o, "host", json_object_new_string(get_string(leg, "host")));
		json_object_object_add(o, "agrees", json_object_new_boolean(agrees));
		json_object_object_add(o, "foretold", json_object_get(steps));
		json_object_object_add(o, "happened", json_object_get(seen));
		json_object_array_add(hosts, o);
	}
	json_object_object_add(report, "agrees", json_object_new_boolean(all));
	json_object_object_add(report, "hosts", hosts);
	return all;
}

static size_t count_foretold(const struct journey *j)
{
	size_t n = 0;

	for (size_t i = 0; i < array_length(j->legs); i++)
		n += !get_bool(json_object_array_get_idx(j->legs, i), "answer");
	return n;
}

/* null: none came. */
static void report_answer(const struct probe *p, struct json_object *report)
{
	struct json_object *o = NULL;

	if (p->answer != NULL) {
		o = json_object_new_object();
		json_object_object_add(o, "host", json_object_new_string(p->answer_host));
		json_object_object_add(o, "steps", json_object_get(p->answer));
	}
	json_object_object_add(report, "answer", o);
}

int probe_run(const struct journey *j, struct json_object *report, bool *ret_agrees)
{
	struct json_object *first = json_object_array_get_idx(j->legs, 0);
	struct probe p = {.journey = j, .n_foretold = count_foretold(j)};
	const char *verdict = get_string(journey_end(j, false), "verdict");
	bool wants_answer = strcmp(verdict, "delivered") == 0 || strcmp(verdict, "sent") == 0;
	int r;

	p.parsed = find_step(get_array(first, "steps"), "parsed");
	if (p.parsed == NULL)
		return failure("the packet has no addresses that a probe could be known by");
	if (find_step(get_array(first, "steps"), "fragment") != NULL)
		return failure("a probe that goes in fragments can't be followed: choose a smaller "
			       "--size");
	p.seen = json_object_new_object();
	r = watch_all(&p);
	if (r == CLI_OK)
		r = send_probe(&p);
	if (r == CLI_OK)
		r = collect(&p, wants_answer);
	if (r == CLI_OK)
		*ret_agrees = compare(&p, report);
	if (r == CLI_OK && wants_answer)
		report_answer(&p, report);
	json_object_put(p.seen);
	json_object_put(p.answer);
	return r;
}

static void print_column(struct json_object *steps, const char *title)
{
	printf("  %s\n", title);
	if (steps == NULL)
		printf("    nothing came\n");
	print_steps(steps, "    ");
}

void probe_print(struct json_object *report)
{
	struct json_object *hosts = get_array(report, "hosts"), *answer = NULL, *last;

	for (size_t i = 0; i < array_length(hosts); i++) {
		struct json_object *o = json_object_array_get_idx(hosts, i);

		if (get_bool(o, "agrees")) {
			printf("probe: %s did as foretold\n", get_string(o, "host"));
			continue;
		}
		printf("probe: %s did not do as foretold\n", get_string(o, "host"));
		print_column(get_array(o, "foretold"), "foretold");
		print_column(get_array(o, "happened"), "happened");
	}
	if (!json_object_object_get_ex(report, "answer", &answer))
		return;
	if (answer == NULL) {
		printf("probe: no answer came\n");
		return;
	}
	last = get_array(answer, "steps");
	printf("probe: answered, %s: ", get_string(answer, "host"));
	print_safe(get_string(find_step(last, "parsed"), "text"));
	printf("\n");
}
