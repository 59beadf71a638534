/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weft check reach: whether a port reaches another, and why, from what the switch would do with the
 * first packet and its answer; with --probe also from what it does.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "trace.h"

struct reach {
	struct trace_hosts hosts;
	struct trace_host *start;
	struct json_object *packet, *source, *target; /* target: the port B, or NULL */
	const char *words[3];			      /* A, B, PROTO/PORT */
	int n_words;
	bool probe, agrees;
	struct json_object *probed; /* NULL: not asked for */
	struct journey journey;
};

static int read_args(struct reach *c, int argc, char **argv)
{
	for (int i = 0, n; i < argc; i += n) {
		const char *peer = NULL;

		n = packet_option(c->packet, argc - i, argv + i);
		if (n < 0)
			return CLI_USAGE;
		if (n > 0)
			continue;
		n = option_value(argc, argv, i, "--peer", &peer);
		if (n > 0 && peer == NULL)
			return usage_error("--peer: a value is missing");
		if (n > 0 && hosts_add_peer(&c->hosts, peer) != CLI_OK)
			return CLI_USAGE;
		if (n > 0)
			continue;
		n = 1;
		if (strcmp(argv[i], "--probe") == 0)
			c->probe = true;
		else if (argv[i][0] == '-')
			return usage_unknown("option", argv[i], NULL);
		else if (c->n_words == 3)
			return usage_error("\"%s\" is one word too many", argv[i]);
		else
			c->words[c->n_words++] = argv[i];
	}
	if (c->n_words < 3)
		return usage_error("weft check reach FROM TO PROTOCOL[/PORT], as in "
				   "weft check reach red/web 10.0.0.12 tcp/5432");
	return CLI_OK;
}

/* The first of a port's addresses of that family; a prefix is none. NULL: it has none. */
static const char *address_of(struct json_object *port, bool six)
{
	struct json_object *addresses = get_array(port, "addresses");

	for (size_t i = 0; i < array_length(addresses); i++) {
		const char *a = json_object_get_string(json_object_array_get_idx(addresses, i));

		if (strchr(a, '/') == NULL && (strchr(a, ':') != NULL) == six)
			return a;
	}
	return NULL;
}

/* An address of B that A has one of the same family for; --from says which family. */
static const char *target_address(const struct reach *c)
{
	const char *from = get_string(c->packet, "source");

	for (int six = 0; six < 2; six++) {
		const char *to = address_of(c->target, six);
		bool fits = from[0] != 0 ? (strchr(from, ':') != NULL) == six
					 : address_of(c->source, six) != NULL;

		if (to != NULL && fits)
			return to;
	}
	return NULL;
}

/* What nobody else uses now, so that it is judged as the first of its kind. */
static void add_random(struct json_object *packet, const char *member)
{
	uint16_t n = 0;

	if (json_object_object_get_ex(packet, member, NULL))
		return;
	if (getrandom(&n, sizeof(n), 0) != sizeof(n))
		n = 0;
	json_object_object_add(packet, member, json_object_new_int(49152 + n % 16384));
}

/* "tcp/80", "icmp", "132/9", to an address. */
static int read_protocol(struct reach *c, const char *address)
{
	char protocol[16], proto[] = "proto", to[64], *words[4], *port;
	int n = 0, r;

	snprintf(protocol, sizeof(protocol), "%s", c->words[2]);
	snprintf(to, sizeof(to), "%s", address);
	port = strchr(protocol, '/');
	if (port != NULL)
		*port++ = 0;
	if (protocol[0] >= '0' && protocol[0] <= '9')
		words[n++] = proto;
	words[n++] = protocol;
	words[n++] = to;
	if (port != NULL)
		words[n++] = port;
	r = packet_words(c->packet, n, words);
	if (r != CLI_OK)
		return r;
	if (strcmp(protocol, "arp") == 0)
		return usage_error("arp: reachability is of IP; weft trace shows what ARP does");
	if (json_object_object_get_ex(c->packet, "destination_port", NULL))
		add_random(c->packet, "source_port");
	else if (strncmp(protocol, "icmp", 4) == 0)
		add_random(c->packet, "icmp_id");
	else if (strcmp(protocol, "tcp") == 0 || strcmp(protocol, "udp") == 0 ||
		 strcmp(protocol, "sctp") == 0)
		return usage_error("%s: which port? %s/80", protocol, protocol);
	return CLI_OK;
}

/* Who asks whom. */
static int read_ends(struct reach *c)
{
	const char *to = c->words[1];
	int r = hosts_of_port(&c->hosts, c->words[0], &c->start, &c->source);

	if (r == CLI_OK && strchr(to, '/') != NULL) {
		struct trace_host *any = NULL;

		r = hosts_of_port(&c->hosts, to, &any, &c->target);
		to = r == CLI_OK ? target_address(c) : NULL;
		if (r == CLI_OK && to == NULL)
			r = failure("%s and %s have no addresses of the same family; give the "
				    "destination as an address",
				c->words[0], c->words[1]);
	}
	return r == CLI_OK ? read_protocol(c, to) : r;
}

static int run(struct reach *c)
{
	struct json_object *request = json_object_new_object();
	int r;

	json_object_object_add(request, "port", json_object_new_string(c->words[0]));
	json_object_object_add(request, "packet", json_object_get(c->packet));
	c->journey = (struct journey){.hosts = &c->hosts, .answers = true};
	r = journey_run(&c->journey, c->start, request);
	if (r == CLI_OK && c->probe) {
		c->probed = json_object_new_object();
		r = probe_run(&c->journey, c->probed, &c->agrees);
	}
	return r;
}

/* What one knows in the end. */
enum outcome {
	REACHABLE,
	NOT_REACHABLE,
	UNKNOWN
};

/* *ret_end: the leg because of which. */
static enum outcome outcome_of(const struct reach *c, struct json_object **ret_end)
{
	struct json_object *answer = journey_end(&c->journey, true);
	const char *verdict;

	*ret_end = journey_end(&c->journey, false);
	verdict = get_string(*ret_end, "verdict");
	if (!verdict_is_good(verdict))
		return NOT_REACHABLE;
	if (strcmp(verdict, "sent") == 0)
		return UNKNOWN;
	if (answer == NULL)
		return REACHABLE;
	*ret_end = answer;
	if (!verdict_is_good(get_string(answer, "verdict")))
		return NOT_REACHABLE;
	return strcmp(get_string(answer, "verdict"), "sent") == 0 ? UNKNOWN : REACHABLE;
}

/* The steps that decide. */
static bool decides(const char *step)
{
	static const char *const steps[] = {"anti-spoof", "service", "gateway", "route", "policy",
		"session-hit", "session-stale", "too-big", "encapsulate", "wait"};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (strcmp(steps[i], step) == 0)
			return true;
	return false;
}

static void print_why(const struct reach *c, bool answer)
{
	struct json_object *legs = c->journey.legs;

	for (size_t i = 0; i < array_length(legs); i++) {
		struct json_object *leg = json_object_array_get_idx(legs, i);
		struct json_object *steps = get_array(leg, "steps");

		for (size_t k = 0; k < array_length(steps); k++) {
			struct json_object *s = json_object_array_get_idx(steps, k);

			if (get_bool(leg, "answer") != answer || !decides(get_string(s, "step")))
				continue;
			printf("  %s%s: ", answer ? "back, " : "", get_string(leg, "host"));
			print_safe(get_string(s, "text"));
			printf("\n");
		}
	}
}

/* It leaves for a host that was not asked. */
static void print_unasked(struct json_object *end)
{
	struct json_object *step = find_step(get_array(end, "steps"), "encapsulate");
	const char *host = get_string(step, "host");

	printf("because %s sends %s to VTEP %s, and what becomes of it there was not asked: "
	       "--peer %s=SOCKET\n",
		get_string(end, "host"), get_bool(end, "answer") ? "the answer" : "it",
		get_string(step, "to_vtep"), host[0] != 0 ? host : "NAME");
}

static void print_text(struct reach *c, enum outcome outcome, struct json_object *end)
{
	static const char *const words[] = {"reachable", "not reachable", "not known"};
	char *remedy = outcome == NOT_REACHABLE ? remedy_text(&c->hosts, end) : NULL;

	printf("%s: %s to %s", words[outcome], c->words[0], c->words[1]);
	if (c->target != NULL)
		printf(" (%s)", get_string(c->packet, "destination"));
	printf(", %s\n", c->words[2]);
	print_why(c, false);
	print_why(c, true);
	if (outcome == NOT_REACHABLE) {
		printf("because %s %s: ", get_string(end, "host"),
			get_bool(end, "answer") ? "stops the answer" : "stops it");
		print_safe(get_string(end, "summary"));
		printf("\n");
	} else if (outcome == UNKNOWN) {
		print_unasked(end);
	}
	if (remedy != NULL) {
		printf("remedy: ");
		print_safe(remedy);
		printf("\n");
	}
	if (c->probed != NULL)
		probe_print(c->probed);
	free(remedy);
}

static void print_report(struct reach *c, enum outcome outcome, struct json_object *end)
{
	struct json_object *o = json_object_new_object(), *v;
	char *remedy = outcome == NOT_REACHABLE ? remedy_text(&c->hosts, end) : NULL;

	json_object_object_add(o, "reachable",
		outcome == UNKNOWN ? NULL : json_object_new_boolean(outcome == REACHABLE));
	json_object_object_add(o, "from", json_object_new_string(c->words[0]));
	json_object_object_add(o, "to", json_object_new_string(c->words[1]));
	json_object_object_add(o, "packet", json_object_get(c->packet));
	json_object_object_add(o, "host", json_object_new_string(get_string(end, "host")));
	json_object_object_add(o, "answer", json_object_new_boolean(get_bool(end, "answer")));
	if (json_object_object_get_ex(end, "reason", &v))
		json_object_object_add(o, "reason", json_object_get(v));
	json_object_object_add(o, "summary", json_object_new_string(get_string(end, "summary")));
	if (remedy != NULL)
		json_object_object_add(o, "remedy", json_object_new_string(remedy));
	if (c->probed != NULL)
		json_object_object_add(o, "probe", json_object_get(c->probed));
	json_object_object_add(o, "legs", json_object_get(c->journey.legs));
	print_json(o);
	json_object_put(o);
	free(remedy);
}

static int check_reach(struct reach *c, int argc, char **argv)
{
	struct json_object *end;
	enum outcome outcome;
	int r = read_args(c, argc, argv);

	if (r == CLI_OK)
		r = hosts_meet(&c->hosts);
	if (r == CLI_OK)
		r = read_ends(c);
	if (r == CLI_OK)
		r = run(c);
	if (r != CLI_OK)
		return r;
	outcome = outcome_of(c, &end);
	if (c->hosts.host[0].cli.json)
		print_report(c, outcome, end);
	else
		print_text(c, outcome, end);
	if (c->probed != NULL && !c->agrees)
		return CLI_DIFFERS;
	return outcome == REACHABLE ? CLI_OK : CLI_FAILED;
}

int run_check(struct cli *cli, const struct command *command, int argc, char **argv)
{
	struct reach c = {.packet = json_object_new_object()};
	int r;

	hosts_init(&c.hosts, cli);
	c.start = &c.hosts.host[0];
	if (argc == 0 || strcmp(argv[0], "reach") != 0)
		r = argc == 0 ? usage_error("weft check reach FROM TO PROTOCOL[/PORT]")
			      : usage_unknown("verb", argv[0], "reach");
	else
		r = check_reach(&c, argc - 1, argv + 1);
	journey_close(&c.journey);
	json_object_put(c.packet);
	json_object_put(c.source);
	json_object_put(c.target);
	json_object_put(c.probed);
	hosts_close(&c.hosts);
	return r;
}
