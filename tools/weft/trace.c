/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft trace: what would happen to a packet, step by step, on this host and on those behind its
 * tunnels; and with --live what happens to real ones.
 */
#include <string.h>

#include "trace.h"

#define RATE_MAX 10000

struct trace_args {
	struct trace_hosts hosts;
	struct json_object *request, *packet; /* of trace.run */
	const char *pcap, *hex, *from_vtep, *vni, *number;
	const char *count, *seconds, *rate;
	bool live, answers;
	char *words[64];
	int n_words;
};

/* An option with a value. Returns the words taken, 0: another, -1 after printing why. */
static int value_option(struct trace_args *a, int argc, char **argv)
{
	const struct {
		const char *option;
		const char **value;
	} options[] = {{"--pcap", &a->pcap}, {"--hex", &a->hex}, {"--number", &a->number},
		{"--from-vtep", &a->from_vtep}, {"--vni", &a->vni}, {"--count", &a->count},
		{"--for", &a->seconds}, {"--rate", &a->rate}};
	const char *value = NULL;
	int n = 0;

	for (size_t i = 0; n == 0 && i < sizeof(options) / sizeof(options[0]); i++) {
		n = option_value(argc, argv, 0, options[i].option, &value);
		if (n > 0 && value != NULL && *options[i].value != NULL) {
			usage_error("%s is given twice", options[i].option);
			return -1;
		}
		if (n > 0)
			*options[i].value = value;
	}
	if (n == 0) {
		n = option_value(argc, argv, 0, "--peer", &value);
		if (n > 0 && value != NULL && hosts_add_peer(&a->hosts, value) != CLI_OK)
			return -1;
	}
	if (n > 0 && value == NULL) {
		usage_error("%s: a value is missing", argv[0]);
		return -1;
	}
	return n;
}

static int read_args(struct trace_args *a, int argc, char **argv)
{
	for (int i = 0, n; i < argc; i += n) {
		n = value_option(a, argc - i, argv + i);
		if (n == 0)
			n = packet_option(a->packet, argc - i, argv + i);
		if (n < 0)
			return CLI_USAGE;
		if (n > 0)
			continue;
		n = 1;
		if (strcmp(argv[i], "--live") == 0)
			a->live = true;
		else if (strcmp(argv[i], "--answer") == 0)
			a->answers = true;
		else if (argv[i][0] == '-')
			return usage_unknown("option", argv[i], NULL);
		else if (a->n_words == sizeof(a->words) / sizeof(a->words[0]))
			return usage_error("\"%s\" is one word too many", argv[i]);
		else
			a->words[a->n_words++] = argv[i];
	}
	return CLI_OK;
}

/* The first word, but for what comes from a tunnel, which needs none. */
static bool has_port(const struct trace_args *a)
{
	const char *word = a->n_words > 0 ? a->words[0] : "";

	if (a->n_words == 0)
		return false;
	return a->from_vtep == NULL || (protocol_name(word) == NULL && strcmp(word, "proto") != 0 &&
					       strpbrk(word, ".:") == NULL);
}

/* The packet of the request: words, or a frame. n words are left. */
static int read_packet(struct trace_args *a, int n, char **words)
{
	bool options = json_object_object_length(a->packet) > 0;
	uint64_t number = 1;
	int r = CLI_OK;

	if ((a->pcap != NULL) + (a->hex != NULL) + (n > 0) > 1)
		return usage_error("the packet is words, or --pcap, or --hex: only one of them");
	if (a->number != NULL && a->pcap == NULL)
		return usage_error("--number says which packet of --pcap");
	if (options && (a->pcap != NULL || a->hex != NULL))
		return usage_error(
			"a frame from --pcap or --hex is taken as it is, without options "
			"of a packet");
	if (a->number != NULL)
		r = read_number("--number", a->number, UINT32_MAX, &number);
	if (r == CLI_OK && number == 0)
		r = usage_error("--number: the first packet is 1");
	if (r != CLI_OK)
		return r;
	if (a->hex != NULL)
		return frame_from_hex(a->hex, a->request);
	if (a->pcap != NULL)
		return frame_from_pcap(a->pcap, number, a->request);
	r = packet_words(a->packet, n, words);
	json_object_object_add(a->request, "packet", json_object_get(a->packet));
	return r;
}

static int read_request(struct trace_args *a)
{
	bool port = has_port(a);
	uint64_t vni;
	int r = CLI_OK;

	if (a->count != NULL || a->seconds != NULL || a->rate != NULL)
		return usage_error("--count, --for and --rate go with --live");
	if (!port && a->from_vtep == NULL)
		return usage_error("the port is missing: weft trace TENANT/PORT tcp 10.0.0.2 80");
	if ((a->from_vtep == NULL) != (a->vni == NULL))
		return usage_error("--from-vtep and --vni go together");
	if (port)
		json_object_object_add(a->request, "port", json_object_new_string(a->words[0]));
	if (a->from_vtep != NULL) {
		r = read_number("--vni", a->vni, 0xffffff, &vni);
		json_object_object_add(
			a->request, "from_vtep", json_object_new_string(a->from_vtep));
		json_object_object_add(a->request, "vni", json_object_new_uint64(vni));
	}
	return r != CLI_OK ? r : read_packet(a, a->n_words - port, a->words + port);
}

void print_steps(struct json_object *steps, const char *indent)
{
	for (size_t i = 0; i < array_length(steps); i++) {
		struct json_object *s = json_object_array_get_idx(steps, i);

		printf("%s%-13s  ", indent, get_string(s, "step"));
		print_safe(get_string(s, "text"));
		printf("\n");
	}
}

/* The summary begins with the verdict's word. */
static void print_end(const struct trace_hosts *h, struct json_object *leg)
{
	if (h->n > 1)
		printf("%s: ", get_string(leg, "host"));
	print_safe(get_string(leg, "summary"));
	printf("\n");
}

/* With several hosts each has a heading. */
static void print_legs(const struct journey *j, bool answer)
{
	bool headings = j->hosts->n > 1;

	for (size_t i = 0; i < array_length(j->legs); i++) {
		struct json_object *leg = json_object_array_get_idx(j->legs, i);

		if (get_bool(leg, "answer") != answer)
			continue;
		if (headings) {
			print_safe(get_string(leg, "host"));
			printf("\n");
		}
		print_steps(get_array(leg, "steps"), "  ");
	}
}

static void print_journey(const struct journey *j)
{
	struct json_object *end = journey_end(j, false), *back = journey_end(j, true);

	print_legs(j, false);
	print_end(j->hosts, end);
	if (!j->answers)
		return;
	if (back != NULL) {
		printf("\nanswer\n");
		print_legs(j, true);
		print_end(j->hosts, back);
	} else if (get_string(end, "no_answer")[0] != 0 &&
		   strcmp(get_string(end, "verdict"), "delivered") == 0) {
		printf("answer: none: %s\n", get_string(end, "no_answer"));
	}
}

static void print_journey_json(const struct journey *j)
{
	static const char *const members[] = {"verdict", "reason", "help", "summary", "host"};
	struct json_object *o = json_object_new_object(), *end = journey_end(j, false), *v;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (json_object_object_get_ex(end, members[i], &v))
			json_object_object_add(o, members[i], json_object_get(v));
	if (j->answers)
		json_object_object_add(o, "answer", json_object_get(journey_end(j, true)));
	json_object_object_add(o, "legs", json_object_get(j->legs));
	print_json(o);
	json_object_put(o);
}

static int run_dry(struct trace_args *a)
{
	struct journey j = {.hosts = &a->hosts, .answers = a->answers};
	struct trace_host *start = &a->hosts.host[0];
	const char *port;
	int r = read_request(a);

	if (r == CLI_OK)
		r = hosts_meet(&a->hosts);
	port = get_string(a->request, "port");
	if (r == CLI_OK && a->hosts.n > 1 && strchr(port, '/') != NULL)
		r = hosts_of_port(&a->hosts, port, &start, NULL);
	if (r == CLI_OK)
		r = journey_run(&j, start, json_object_get(a->request));
	if (r == CLI_OK) {
		struct json_object *end = journey_end(&j, false);
		bool good = verdict_is_good(get_string(end, "verdict"));

		if (start->cli.json)
			print_journey_json(&j);
		else
			print_journey(&j);
		r = good ? CLI_OK : CLI_FAILED;
	}
	journey_close(&j);
	return r;
}

static int run_live(struct trace_args *a)
{
	struct live_options o = {0};
	int r = CLI_OK;

	if (a->pcap != NULL || a->hex != NULL || a->from_vtep != NULL || a->answers ||
		json_object_object_length(a->packet) > 0)
		return usage_error(
			"--live shows real packets: it takes words of a filter, --count, "
			"--for, --rate and --peer");
	if (a->count != NULL)
		r = read_number("--count", a->count, UINT32_MAX, &o.count);
	if (r == CLI_OK && a->seconds != NULL)
		r = read_number("--for", a->seconds, UINT32_MAX / 1000, &o.seconds);
	if (r == CLI_OK && a->rate != NULL)
		r = read_number("--rate", a->rate, RATE_MAX, &o.rate);
	return r != CLI_OK ? r : live_run(&a->hosts, &o, a->n_words, a->words);
}

int run_trace(struct cli *cli, const struct command *c, int argc, char **argv)
{
	struct trace_args a = {
		.request = json_object_new_object(), .packet = json_object_new_object()};
	int r;

	hosts_init(&a.hosts, cli);
	r = read_args(&a, argc, argv);
	if (r == CLI_OK)
		r = a.live ? run_live(&a) : run_dry(&a);
	hosts_close(&a.hosts);
	json_object_put(a.request);
	json_object_put(a.packet);
	return r;
}
