/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DHCPv6 messages read strictly. Called by dhcp6.c; workers.
 */
#include <stddef.h>

#include <pkt/bytes.h>

#include "dhcp6_priv.h"

#define DUID_MIN      3 /* RFC 8415 section 11.1: a type and 1 to 128 bytes */
#define DUID_MAX      130
#define IA_NA_SIZE    12
#define IA_TA_SIZE    4
#define IA_PD_SIZE    12
#define IAPREFIX_SIZE 25

enum {
	OPT_IAPREFIX = 26
};

/* One option: code, and data of len bytes at p. */
struct option {
	uint16_t code;
	uint16_t len;
	const uint8_t *p;
};

/* Steps to the next option. False at the end, and with *ok false when what is left is none. */
static bool next_option(
	const uint8_t *data, uint32_t size, uint32_t *off, struct option *ret, bool *ok)
{
	*ok = true;
	if (*off == size)
		return false;
	*ok = false;
	if (size - *off < DHCP6_OPTION_SIZE)
		return false;
	ret->code = load16(data + *off);
	ret->len = load16(data + *off + 2);
	ret->p = data + *off + DHCP6_OPTION_SIZE;
	if (ret->len > size - *off - DHCP6_OPTION_SIZE)
		return false;
	*off += DHCP6_OPTION_SIZE + ret->len;
	*ok = true;
	return true;
}

/* Options of which none is looked at. */
static bool options_ok(const uint8_t *data, uint32_t size)
{
	struct option o;
	uint32_t off = 0;
	bool ok;

	while (next_option(data, size, &off, &o, &ok))
		;
	return ok;
}

/* What stands in an IA: addresses and prefixes, with options of their own. */
static bool ia_options_ok(const uint8_t *data, uint32_t size)
{
	struct option o;
	uint32_t off = 0;
	bool ok;

	while (next_option(data, size, &off, &o, &ok)) {
		uint32_t head = o.code == DHCP6_OPT_IAADDR ? DHCP6_IAADDR_SIZE
				: o.code == OPT_IAPREFIX   ? IAPREFIX_SIZE
							   : 0;

		if (head && (o.len < head || !options_ok(o.p + head, o.len - head)))
			return false;
	}
	return ok;
}

static bool note_ia(struct dhcp6_request *r, const struct option *o, uint32_t head)
{
	if (o->len < head || !ia_options_ok(o->p + head, o->len - head) ||
		r->n_ias == DHCP6_IAS_MAX)
		return false;
	r->ias[r->n_ias++] = (struct dhcp6_ia){
		.code = o->code, .id = o->p, .options = {o->p + head, o->len - head}};
	return true;
}

static bool note_id(struct dhcp6_span *id, const struct option *o)
{
	if (id->p || o->len < DUID_MIN || o->len > DUID_MAX)
		return false;
	*id = (struct dhcp6_span){o->p, o->len};
	return true;
}

static bool note_option(struct dhcp6_request *r, const struct option *o)
{
	switch (o->code) {
	case DHCP6_OPT_CLIENT_ID:
		return note_id(&r->client_id, o);
	case DHCP6_OPT_SERVER_ID:
		return note_id(&r->server_id, o);
	case DHCP6_OPT_IA_NA:
		return note_ia(r, o, IA_NA_SIZE);
	case DHCP6_OPT_IA_TA:
		return note_ia(r, o, IA_TA_SIZE);
	case DHCP6_OPT_IA_PD:
		return note_ia(r, o, IA_PD_SIZE);
	case DHCP6_OPT_RAPID_COMMIT:
		if (o->len != 0 || r->rapid_commit)
			return false;
		r->rapid_commit = true;
		return true;
	default:
		return true;
	}
}

static bool ids_fit_type(const struct dhcp6_request *r)
{
	switch (r->type) {
	case DHCP6_SOLICIT:
	case DHCP6_CONFIRM:
	case DHCP6_REBIND:
		return r->client_id.p && !r->server_id.p;
	case DHCP6_REQUEST:
	case DHCP6_RENEW:
	case DHCP6_RELEASE:
	case DHCP6_DECLINE:
		return r->client_id.p && r->server_id.p;
	case DHCP6_INFORMATION:
		return r->n_ias == 0;
	default:
		return false;
	}
}

bool dhcp6_read(const uint8_t *data, uint32_t size, struct dhcp6_request *ret)
{
	uint32_t off = DHCP6_HEADER_SIZE;
	struct option o;
	bool ok;

	if (size < DHCP6_HEADER_SIZE)
		return false;
	*ret = (struct dhcp6_request){.type = data[0], .header = data};
	while (next_option(data, size, &off, &o, &ok)) {
		if (!note_option(ret, &o))
			return false;
	}
	return ok && ids_fit_type(ret);
}

const uint8_t *dhcp6_next_addr(const struct dhcp6_span *options, uint32_t *off)
{
	struct option o;
	bool ok;

	while (next_option(options->p, options->size, off, &o, &ok)) {
		if (o.code == DHCP6_OPT_IAADDR)
			return o.p;
	}
	return NULL;
}
