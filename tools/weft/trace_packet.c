/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A packet on the command line: the words "tcp 10.0.0.2 80" and options, or bytes. What a value may
 * be is for weftd to say.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <weftrpc/text.h>

#include "trace.h"

#define STDIN_MAX 65536

enum option_kind {
	TEXT,
	NUMBER,
	WORDS,
	FLAG
};

static const struct packet_option {
	const char *option, *member;
	enum option_kind kind;
} packet_options[] = {
	{"--from", "source", TEXT},
	{"--sport", "source_port", NUMBER},
	{"--src-mac", "source_mac", TEXT},
	{"--dst-mac", "destination_mac", TEXT},
	{"--ttl", "ttl", NUMBER},
	{"--dscp", "dscp", NUMBER},
	{"--flags", "tcp_flags", WORDS},
	{"--id", "icmp_id", NUMBER},
	{"--size", "size", NUMBER},
	{"--vlan", "vlan", NUMBER},
	{"--fragment-offset", "fragment_offset", NUMBER},
	{"--df", "df", FLAG},
	{"--more-fragments", "more_fragments", FLAG},
};

int read_number(const char *what, const char *text, uint64_t max, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 0);
	if (text[0] < '0' || text[0] > '9' || *end != 0 || errno != 0 || *ret > max)
		return usage_error("%s: must be a whole number up to %llu, not \"%s\"", what,
			(unsigned long long)max, text);
	return CLI_OK;
}

static int add_number(
	struct json_object *o, const char *member, const char *what, const char *text, uint64_t max)
{
	uint64_t n;
	int r = read_number(what, text, max, &n);

	if (r == CLI_OK)
		json_object_object_add(o, member, json_object_new_uint64(n));
	return r;
}

static void add_words(struct json_object *o, const char *member, const char *text)
{
	struct json_object *a = json_object_new_array();

	while (*text != 0) {
		size_t len = strcspn(text, ",");

		json_object_array_add(a, json_object_new_string_len(text, (int)len));
		text += len;
		text += *text == ',';
	}
	json_object_object_add(o, member, a);
}

int packet_option(struct json_object *packet, int argc, char **argv)
{
	const struct packet_option *o;
	const char *value = NULL;
	int n = 0;

	for (size_t i = 0; n == 0 && i < sizeof(packet_options) / sizeof(packet_options[0]); i++) {
		o = &packet_options[i];
		if (o->kind == FLAG)
			n = strcmp(argv[0], o->option) == 0;
		else
			n = option_value(argc, argv, 0, o->option, &value);
	}
	if (n == 0)
		return 0;
	if (o->kind != FLAG && value == NULL) {
		usage_error("%s: a value is missing", o->option);
		return -1;
	}
	if (json_object_object_get_ex(packet, o->member, NULL)) {
		usage_error("%s is given twice", o->option);
		return -1;
	}
	if (o->kind == FLAG)
		json_object_object_add(packet, o->member, json_object_new_boolean(true));
	else if (o->kind == TEXT)
		json_object_object_add(packet, o->member, json_object_new_string(value));
	else if (o->kind == WORDS)
		add_words(packet, o->member, value);
	else if (add_number(packet, o->member, o->option, value, UINT32_MAX) != CLI_OK)
		return -1;
	return n;
}

const char *protocol_name(const char *word)
{
	static const char *const names[] = {"tcp", "udp", "sctp", "icmp", "icmpv6", "arp", NULL};

	for (size_t i = 0; names[i] != NULL; i++)
		if (strcmp(names[i], word) == 0)
			return names[i];
	return strcmp(word, "icmp6") == 0 ? "icmpv6" : NULL;
}

static int unknown_protocol(const char *word)
{
	return usage_error("\"%s\" is neither an address nor a protocol: tcp, udp, sctp, icmp, "
			   "icmpv6, arp or proto N",
		word);
}

/* "8" or "3/4" */
static int icmp_type(struct json_object *packet, const char *text)
{
	const char *slash = strchr(text, '/');
	char type[16];
	int r;

	snprintf(type, sizeof(type), "%.*s", (int)strcspn(text, "/"), text);
	r = add_number(packet, "icmp_type", "the ICMP type", type, 255);
	if (r == CLI_OK && slash != NULL)
		r = add_number(packet, "icmp_code", "the ICMP code", slash + 1, 255);
	return r;
}

static bool has_ports(const char *protocol)
{
	/* DCCP, SCTP and UDP-Lite by number */
	static const char *const names[] = {"tcp", "udp", "sctp", "33", "132", "136", NULL};

	for (size_t i = 0; names[i] != NULL; i++)
		if (strcmp(names[i], protocol) == 0)
			return true;
	return false;
}

/* What follows the destination. */
static int packet_last(struct json_object *packet, const char *protocol, const char *word)
{
	if (strncmp(protocol, "icmp", 4) == 0)
		return icmp_type(packet, word);
	if (!has_ports(protocol))
		return usage_error("\"%s\": %s has no ports", word, protocol);
	return add_number(packet, "destination_port", "the port", word, 65535);
}

/* Begins with an address: an echo request. */
static const char *protocol_of(int *n, char ***words)
{
	const char *name = protocol_name((*words)[0]);
	bool proto = strcmp((*words)[0], "proto") == 0 && *n > 1;

	if (name == NULL && !proto && strpbrk((*words)[0], ".:") != NULL)
		return "icmp";
	if (proto)
		name = (*words)[1];
	*n -= 1 + proto;
	*words += 1 + proto;
	return name;
}

int packet_words(struct json_object *packet, int n, char **words)
{
	const char *protocol, *first = n > 0 ? words[0] : "";

	if (n == 0)
		return usage_error("the packet is missing: tcp 10.0.0.2 80, or icmp 10.0.0.2, or "
				   "--pcap FILE, or --hex HEX");
	protocol = protocol_of(&n, &words);
	if (protocol == NULL)
		return unknown_protocol(first);
	if (n == 0)
		return usage_error("%s: the destination's address is missing", protocol);
	if (strcmp(protocol, "icmp") == 0 && strchr(words[0], ':') != NULL)
		protocol = "icmpv6";
	if (n > 2)
		return usage_error("\"%s\" is one word too many", words[2]);
	json_object_object_add(packet, "protocol", json_object_new_string(protocol));
	json_object_object_add(packet, "destination", json_object_new_string(words[0]));
	return n > 1 ? packet_last(packet, protocol, words[1]) : CLI_OK;
}

void frame_set(struct json_object *request, const uint8_t *b, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char *hex = malloc(2 * n + 1);

	if (hex == NULL)
		abort();
	for (size_t i = 0; i < n; i++) {
		hex[2 * i] = digits[b[i] >> 4];
		hex[2 * i + 1] = digits[b[i] & 15];
	}
	json_object_object_add(request, "frame", json_object_new_string_len(hex, (int)(2 * n)));
	free(hex);
}

/* All of standard input as a string, or NULL: it is too long, or no text. Caller frees. */
static char *read_stdin(void)
{
	char *text = calloc(1, STDIN_MAX);
	size_t n;

	if (text == NULL)
		abort();
	n = fread(text, 1, STDIN_MAX, stdin);
	if (n < STDIN_MAX && strlen(text) == n)
		return text;
	free(text);
	return NULL;
}

int frame_from_hex(const char *hex, struct json_object *request)
{
	char *text = strcmp(hex, "-") == 0 ? read_stdin() : strdup(hex);
	size_t n = 0;
	uint8_t *b = text != NULL ? decode_hex(text, &n) : NULL;

	free(text);
	if (b == NULL || n == 0) {
		free(b);
		return usage_error("--hex: must be the bytes of a frame as hex digits");
	}
	frame_set(request, b, n);
	free(b);
	return CLI_OK;
}
