/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One packet from host to host. Each host runs what arrives there; a frame that it would send to a
 * VTEP goes on at the host whose VTEP that is, when it is known. A host that the packet passes
 * again, as answers do, is told what it ran before: an answer is judged by the session that its
 * question makes.
 */
#include <string.h>

#include "trace.h"

#define LEGS_MAX 32 /* of a flooded frame */
#define RAN_MAX	 2  /* that a host is told of; the first one made the session */

static const char *const verdicts[] = {
	"delivered", "answered", "sent", "dropped", "waits"}; /* the best first */

/* The smaller the better. */
static size_t rank(const char *verdict)
{
	size_t i = 0;

	while (i < sizeof(verdicts) / sizeof(verdicts[0]) && strcmp(verdicts[i], verdict) != 0)
		i++;
	return i;
}

bool verdict_is_good(const char *verdict)
{
	return rank(verdict) < rank("dropped");
}

static void add_text(struct json_object *o, const char *key, const char *text)
{
	json_object_object_add(o, key, json_object_new_string(text));
}

static void copy(struct json_object *to, struct json_object *from, const char *key)
{
	struct json_object *v;

	if (json_object_object_get_ex(from, key, &v))
		json_object_object_add(to, key, json_object_get(v));
}

/* Those of one packet. */
static struct json_object *only_of(struct json_object *array, uint64_t packet)
{
	struct json_object *some = json_object_new_array();

	for (size_t i = 0; i < array_length(array); i++) {
		struct json_object *o = json_object_array_get_idx(array, i);

		if (get_uint(o, "packet") == packet)
			json_object_array_add(some, json_object_get(o));
	}
	return some;
}

/* A packet of a result as a leg of the journey. */
static void add_leg(struct journey *j, const struct trace_host *host, struct json_object *result,
	struct json_object *packet, bool answer)
{
	static const char *const members[] = {
		"port", "from_vtep", "vni", "frame", "verdict", "reason", "help", "summary"};
	struct json_object *leg = json_object_new_object();
	uint64_t number = get_uint(packet, "packet");

	add_text(leg, "host", host->name);
	json_object_object_add(leg, "answer", json_object_new_boolean(answer));
	copy(leg, result, "generation");
	if (!answer)
		copy(leg, result, "no_answer");
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		copy(leg, packet, members[i]);
	json_object_object_add(leg, "steps", only_of(get_array(result, "steps"), number));
	json_object_object_add(leg, "frames", only_of(get_array(result, "frames"), number));
	json_object_array_add(j->legs, leg);
}

/* What ran on that host, and then request. */
static struct json_object *with_history(
	const struct trace_host *host, struct json_object *request, bool answers)
{
	size_t n = array_length(host->ran);
	struct json_object *first = n > 0 ? json_object_array_get_idx(host->ran, 0) : request;
	struct json_object *params = json_object_new_object(), *then = json_object_new_array();

	json_object_object_foreach(first, key, value)
	{
		json_object_object_add(params, key, json_object_get(value));
	}
	for (size_t i = 1; i < n; i++)
		json_object_array_add(
			then, json_object_get(json_object_array_get_idx(host->ran, i)));
	if (n > 0)
		json_object_array_add(then, json_object_get(request));
	if (array_length(then) > 0)
		json_object_object_add(params, "then", then);
	else
		json_object_put(then);
	if (answers)
		json_object_object_add(params, "answers", json_object_new_boolean(true));
	return params;
}

/* Runs request on host; adds a leg for it, and one for an answer to it. */
static int run_leg(
	struct journey *j, struct trace_host *host, struct json_object *request, bool answer)
{
	struct json_object *result, *packets;
	size_t before = array_length(host->ran);
	int r = cli_call(&host->cli, "trace.run",
		with_history(host, request, j->answers && !answer && before == 0), &result);

	if (r != CLI_OK)
		return r;
	if (before < RAN_MAX)
		json_object_array_add(host->ran, json_object_get(request));
	packets = get_array(result, "packets");
	for (size_t i = before; i < array_length(packets); i++) {
		struct json_object *p = json_object_array_get_idx(packets, i);

		add_leg(j, host, result, p, answer || get_bool(p, "answer"));
	}
	json_object_put(result);
	return CLI_OK;
}

/* What arrives at the other end of a tunnel. */
static struct json_object *arriving(const struct trace_host *from, struct json_object *frame)
{
	struct json_object *request = json_object_new_object();

	add_text(request, "from_vtep", host_vtep_toward(from, get_string(frame, "to_vtep")));
	json_object_object_add(request, "vni", json_object_new_uint64(get_uint(frame, "vni")));
	add_text(request, "frame", get_string(frame, "inner"));
	return request;
}

/* The frames that leave the host of a leg for hosts that are known. */
static int follow(struct journey *j, struct json_object *leg, bool answer)
{
	struct trace_host *from = hosts_by_name(j->hosts, get_string(leg, "host")), *to;
	struct json_object *frames = get_array(leg, "frames"), *request;
	int r = CLI_OK;

	for (size_t i = 0; i < array_length(frames) && r == CLI_OK; i++) {
		struct json_object *f = json_object_array_get_idx(frames, i);

		to = hosts_by_vtep(j->hosts, get_string(f, "to_vtep"));
		if (to == NULL || to == from || array_length(j->legs) >= LEGS_MAX)
			continue;
		request = arriving(from, f);
		r = run_leg(j, to, request, answer);
		json_object_put(request);
		json_object_object_add(leg, "goes_on", json_object_new_boolean(true));
	}
	return r;
}

/* What leaves beside a packet that was dropped or answered is an answer too, such as ICMP's. */
static bool sends_answers(struct json_object *leg)
{
	const char *verdict = get_string(leg, "verdict");

	return get_bool(leg, "answer") ||
	       (strcmp(verdict, "delivered") != 0 && strcmp(verdict, "sent") != 0);
}

/* Answers are followed after the question has arrived wherever it goes. */
static int follow_all(struct journey *j, bool answer)
{
	int r = CLI_OK;

	for (size_t i = 0; i < array_length(j->legs) && r == CLI_OK; i++) {
		struct json_object *leg = json_object_array_get_idx(j->legs, i);

		if (sends_answers(leg) == answer)
			r = follow(j, leg, answer);
	}
	return r;
}

int journey_run(struct journey *j, struct trace_host *start, struct json_object *request)
{
	int r;

	j->legs = json_object_new_array();
	r = run_leg(j, start, request, false);
	json_object_put(request);
	if (r == CLI_OK)
		r = follow_all(j, false);
	if (r == CLI_OK && j->answers)
		r = follow_all(j, true);
	return r;
}

struct json_object *journey_end(const struct journey *j, bool answer)
{
	struct json_object *best = NULL;

	for (size_t i = 0; i < array_length(j->legs); i++) {
		struct json_object *leg = json_object_array_get_idx(j->legs, i);
		const char *verdict = get_string(leg, "verdict");

		if (get_bool(leg, "answer") != answer)
			continue;
		/* What was sent and goes on is for the next host to decide. */
		if (get_bool(leg, "goes_on") && strcmp(verdict, "sent") == 0)
			continue;
		if (best == NULL || rank(verdict) < rank(get_string(best, "verdict")))
			best = leg;
	}
	return best;
}

void journey_close(struct journey *j)
{
	json_object_put(j->legs);
	j->legs = NULL;
}
