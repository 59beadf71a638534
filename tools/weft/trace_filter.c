/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which packets weft trace --live shows: a small part of tcpdump's language, whose terms must all
 * be true. weftd is asked for as little as its own filter can tell; what that lets through beyond
 * the words is left out here.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <weftrpc/text.h>

#include "trace.h"

struct reader {
	struct packet_filter *f;
	char **words;
	int n, i;
};

static int add_term(struct packet_filter *f, struct filter_term term)
{
	if (f->n_terms == FILTER_TERMS_MAX)
		return usage_error("a filter has at most %d addresses and ports", FILTER_TERMS_MAX);
	f->terms[f->n_terms++] = term;
	return CLI_OK;
}

/* Of what a packet has only one. */
static int set_once(struct reader *r, const char *member, const char *value)
{
	if (json_object_object_get_ex(r->f->watch, member, NULL))
		return usage_error("%s: no packet has that and %s too", value,
			get_string(r->f->watch, member));
	json_object_object_add(r->f->watch, member, json_object_new_string(value));
	return CLI_OK;
}

/* The word behind another. NULL after printing that there is none. */
static const char *value_of(struct reader *r, const char *word)
{
	if (r->i < r->n)
		return r->words[r->i++];
	usage_error("%s: what follows it is missing", word);
	return NULL;
}

/* An address or a prefix to bytes and length in bits. Returns its family, 0: it is none. */
static int parse_prefix(const char *text, uint8_t bytes[16], unsigned int *ret_len)
{
	int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	unsigned int bits = family == AF_INET ? 32 : 128;
	const char *slash = strchr(text, '/');
	char addr[INET6_ADDRSTRLEN];
	char *end;

	snprintf(addr, sizeof(addr), "%.*s", (int)strcspn(text, "/"), text);
	if (inet_pton(family, addr, bytes) != 1)
		return 0;
	*ret_len = bits;
	if (slash == NULL)
		return family;
	*ret_len = (unsigned int)strtoul(slash + 1, &end, 10);
	return slash[1] >= '0' && slash[1] <= '9' && *end == 0 && *ret_len <= bits ? family : 0;
}

static int read_address(struct reader *r, enum filter_side side, const char *text)
{
	uint8_t bytes[16];
	unsigned int len;

	if (text == NULL)
		return CLI_USAGE;
	if (parse_prefix(text, bytes, &len) == 0)
		return usage_error("\"%s\" is neither an address nor a prefix", text);
	return add_term(r->f, (struct filter_term){FILTER_ADDRESS, side, .text = text});
}

/* "port 80" is TCP's or UDP's, "port red/web" is where the packet comes in. */
static int read_port(struct reader *r, enum filter_side side, const char *text)
{
	uint64_t n;

	if (text == NULL)
		return CLI_USAGE;
	if (side == EITHER && strspn(text, "0123456789") != strlen(text))
		return set_once(r, "port", text);
	if (read_number("port", text, 65535, &n) != CLI_OK)
		return CLI_USAGE;
	return add_term(r->f, (struct filter_term){FILTER_PORT, side, .number = n});
}

static int read_sided(struct reader *r, enum filter_side side, const char *word)
{
	if (word == NULL)
		return CLI_USAGE;
	if (strcmp(word, "port") == 0)
		return read_port(r, side, value_of(r, word));
	if (strcmp(word, "host") == 0 || strcmp(word, "net") == 0)
		word = value_of(r, word);
	return read_address(r, side, word);
}

static int unknown_word(const char *word)
{
	static const char *const known[] = {"port", "segment", "host", "net", "src", "dst", "proto",
		"tcp", "udp", "sctp", "icmp", "icmpv6", "ip", "ip6", "and", NULL};
	struct weftrpc_nearest near;

	if (strcmp(word, "or") == 0 || strcmp(word, "not") == 0 || strpbrk(word, "()!&|") != NULL)
		return usage_error(
			"\"%s\": all terms of a filter must be true; there is only and", word);
	weftrpc_nearest_init(&near, word);
	for (size_t i = 0; known[i] != NULL; i++)
		weftrpc_nearest_try(&near, known[i]);
	if (near.best != NULL)
		return usage_error("there is no word \"%s\" of a filter; did you mean \"%s\"?",
			word, near.best);
	return usage_error("there is no word \"%s\" of a filter: port, segment, host, net, src, "
			   "dst, proto, tcp, udp, sctp, icmp, icmpv6, ip, ip6",
		word);
}

static int read_term(struct reader *r)
{
	const char *word = r->words[r->i++], *value;

	if (strcmp(word, "src") == 0)
		return read_sided(r, SOURCE, value_of(r, word));
	if (strcmp(word, "dst") == 0)
		return read_sided(r, DESTINATION, value_of(r, word));
	if (strcmp(word, "host") == 0 || strcmp(word, "net") == 0 || strcmp(word, "port") == 0) {
		r->i--;
		return read_sided(r, EITHER, r->words[r->i++]);
	}
	if (strcmp(word, "segment") == 0 || strcmp(word, "proto") == 0) {
		value = value_of(r, word);
		if (value == NULL)
			return CLI_USAGE;
		return set_once(r, word[0] == 's' ? "segment" : "protocol", value);
	}
	if (strcmp(word, "ip") == 0 || strcmp(word, "ip6") == 0) {
		return add_term(r->f,
			(struct filter_term){FILTER_FAMILY, EITHER, .number = word[2] == '6'});
	}
	if (protocol_name(word) != NULL)
		return set_once(r, "protocol", protocol_name(word));
	return unknown_word(word);
}

/* Into the first of the members that is free. */
static void ask_for(
	struct packet_filter *f, const struct filter_term *t, const char *first, const char *second)
{
	const char *member = json_object_object_get_ex(f->watch, first, NULL) ? second : first;

	if (member == NULL || json_object_object_get_ex(f->watch, member, NULL))
		return;
	json_object_object_add(f->watch, member,
		t->kind == FILTER_PORT ? json_object_new_uint64(t->number)
				       : json_object_new_string(t->text));
}

static bool ask_sided(struct packet_filter *f)
{
	bool any = false;

	for (size_t i = 0; i < f->n_terms; i++) {
		const struct filter_term *t = &f->terms[i];

		if (t->side == EITHER)
			continue;
		if (t->kind == FILTER_PORT)
			ask_for(f, t, t->side == SOURCE ? "source_port" : "destination_port", NULL);
		else
			ask_for(f, t, t->side == SOURCE ? "source" : "destination", NULL);
		any = true;
	}
	return any;
}

/* weftd's filter, turned round for answers, knows one or two of either's addresses, or ports. */
static bool ask_either(struct packet_filter *f, enum filter_kind kind)
{
	bool any = false;

	for (size_t i = 0; i < f->n_terms; i++) {
		const struct filter_term *t = &f->terms[i];

		if (t->kind != kind || t->side != EITHER)
			continue;
		if (kind == FILTER_PORT)
			ask_for(f, t, "destination_port", "source_port");
		else
			ask_for(f, t, "destination", "source");
		any = true;
	}
	if (any)
		json_object_object_add(f->watch, "either", json_object_new_boolean(true));
	return any;
}

int filter_read(struct packet_filter *f, int n, char **words)
{
	struct reader r = {f, words, n, 0};
	int result = CLI_OK;

	f->watch = json_object_new_object();
	while (r.i < n && result == CLI_OK) {
		result = read_term(&r);
		if (result == CLI_OK && r.i < n && strcmp(words[r.i], "and") == 0 && ++r.i == n)
			result = usage_error("and: what follows it is missing");
	}
	if (result == CLI_OK && !ask_sided(f) && !ask_either(f, FILTER_ADDRESS))
		ask_either(f, FILTER_PORT);
	return result;
}

static bool address_matches(const char *prefix, const char *addr)
{
	uint8_t a[16], b[16];
	unsigned int len = 0, bits;
	int family = parse_prefix(prefix, a, &len);

	if (family == 0 || parse_prefix(addr, b, &bits) != family || memcmp(a, b, len / 8) != 0)
		return false;
	return len % 8 == 0 || (a[len / 8] ^ b[len / 8]) >> (8 - len % 8) == 0;
}

static bool side_matches(
	const struct filter_term *t, struct json_object *parsed, enum filter_side side)
{
	const char *addr = get_string(parsed, side == SOURCE ? "source" : "destination");
	const char *port = side == SOURCE ? "source_port" : "destination_port";

	switch (t->kind) {
	case FILTER_ADDRESS:
		return address_matches(t->text, addr);
	case FILTER_FAMILY:
		return addr[0] != 0 && (strchr(addr, ':') != NULL) == (t->number != 0);
	case FILTER_PORT:
		return json_object_object_get_ex(parsed, port, NULL) &&
		       get_uint(parsed, port) == t->number;
	}
	return false;
}

bool filter_passes(const struct packet_filter *f, struct json_object *parsed)
{
	for (size_t i = 0; i < f->n_terms; i++) {
		const struct filter_term *t = &f->terms[i];

		if (!(t->side != DESTINATION && side_matches(t, parsed, SOURCE)) &&
			!(t->side != SOURCE && side_matches(t, parsed, DESTINATION)))
			return false;
	}
	return true;
}

void filter_close(struct packet_filter *f)
{
	json_object_put(f->watch);
}
