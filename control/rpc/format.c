/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data plane's entries as JSON: numbers to names. Text from the channel is cut to its field and
 * shown as far as it is UTF-8. Used by status, statistics, tables and events.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>

#include "server.h"

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"icmp", IPPROTO_ICMP},
	{"icmpv6", IPPROTO_ICMPV6}, {"sctp", IPPROTO_SCTP}, {"dccp", IPPROTO_DCCP},
	{"udplite", IPPROTO_UDPLITE}, {"esp", IPPROTO_ESP}, {"gre", IPPROTO_GRE}};
#define N_PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

const char *port_state_name(uint8_t state)
{
	switch (state) {
	case WEFT_PORT_STATE_DOWN:
		return "down";
	case WEFT_PORT_STATE_UP:
		return "up";
	case WEFT_PORT_STATE_MISSING:
		return "missing";
	default:
		return "unknown";
	}
}

void json_add_text(struct json_object *o, const char *key, const char *text, size_t size)
{
	char copy[512];
	size_t n = strnlen(text, size);

	n = n < sizeof(copy) ? n : sizeof(copy) - 1;
	for (size_t i = 0; i < n; i++)
		copy[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
	json_object_object_add(o, key, json_object_new_string_len(copy, (int)n));
}

void json_add_port(const struct rpc *r, struct json_object *o, const char *key, uint32_t id)
{
	const char *name = local_port_name(r, id);
	char unknown[32];

	if (name == NULL) {
		snprintf(unknown, sizeof(unknown), "#%u", id);
		name = unknown;
	}
	json_object_object_add(o, key, json_object_new_string(name));
}

void json_add_addr(struct json_object *o, const char *key, const struct weft_addr *a)
{
	char text[WEFT_ADDR_STR_SIZE];

	json_object_object_add(o, key, json_object_new_string(weft_addr_format(a, text)));
}

void json_add_mac(struct json_object *o, const char *key, const struct weft_mac *m)
{
	char text[WEFT_MAC_STR_SIZE];

	json_object_object_add(o, key, json_object_new_string(weft_mac_format(m, text)));
}

void json_add_segment(const struct rpc *r, struct json_object *o, uint32_t vni)
{
	const struct segment *s = model_segment_by_vni(engine_model(r->engine), vni);

	json_object_object_add(o, "segment", s == NULL ? NULL : json_object_new_string(s->o.name));
	json_object_object_add(o, "vni", json_object_new_int64(vni));
}

void json_add_fdb(const struct rpc *r, struct json_object *o, const struct weft_fdb *e)
{
	json_add_segment(r, o, e->vni);
	json_add_mac(o, "mac", &e->mac);
	if (e->port != 0)
		json_add_port(r, o, "port", e->port);
	else
		json_add_addr(o, "remote", &e->remote);
	json_object_object_add(
		o, "learned", json_object_new_boolean((e->flags & WEFT_FDB_LEARNED) != 0));
}

void json_add_rule(const struct rpc *r, struct json_object *o, const char *key, uint32_t port,
	uint32_t ruleset, uint32_t rule)
{
	const char *port_name = local_port_name(r, port), *name;
	enum model_kind kind;
	char text[2 * WEFT_NAME_SIZE + 32];

	name = ruleset == 0 ? NULL
			    : compile_ruleset_name(engine_compiler(r->engine), ruleset, &kind);
	if (ruleset == 0)
		snprintf(text, sizeof(text), "default of port %s",
			port_name == NULL ? "unknown" : port_name);
	else if (name == NULL)
		snprintf(text, sizeof(text), "rule set %u rule %u", ruleset, rule);
	else
		snprintf(text, sizeof(text), "%s %s rule %u", model_kind_name(kind), name, rule);
	json_object_object_add(o, key, json_object_new_string(text));
}

void json_add_proto(struct json_object *o, const char *key, uint8_t proto)
{
	struct json_object *value = NULL;

	for (size_t i = 0; i < N_PROTOCOLS; i++)
		if (protocols[i].number == proto)
			value = json_object_new_string(protocols[i].name);
	json_object_object_add(o, key, value == NULL ? json_object_new_int(proto) : value);
}

bool proto_parse(const char *text, uint8_t *ret)
{
	unsigned long number;
	char *end;

	for (size_t i = 0; i < N_PROTOCOLS; i++) {
		if (strcmp(protocols[i].name, text) == 0) {
			*ret = protocols[i].number;
			return true;
		}
	}
	number = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != 0 || number == 0 || number > 255)
		return false;
	*ret = (uint8_t)number;
	return true;
}

void json_add_hex(struct json_object *o, const char *key, const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char *text = mem_zalloc(2 * n + 1);

	for (size_t i = 0; i < n; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 0xf];
	}
	json_object_object_add(o, key, json_object_new_string_len(text, (int)(2 * n)));
	free(text);
}
