/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a segment tells its ports by DHCP, router advertisements and DNS: what can't work, or would
 * be refused by every client, is refused here.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model_impl.h"

#define FAIL(field, ...) model_fail(err, MODEL_ERR_INVALID, o, field, __VA_ARGS__)

#define LABEL_MAX 63 /* RFC 1035 section 2.3.4 */

/* Letters, digits and inner dashes, with dots between the labels (RFC 1123 section 2.1). */
static bool is_domain(const char *s)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";

	for (;;) {
		size_t n = strspn(s, letters);

		if (n == 0 || n > LABEL_MAX || s[0] == '-' || s[n - 1] == '-')
			return false;
		if (s[n] == '\0')
			return true;
		if (s[n] != '.')
			return false;
		s += n + 1;
	}
}

static int check_servers(const struct segment *s, struct model_error *err)
{
	const struct object *o = &s->o;
	size_t n[2] = {0};
	char field[64];

	for (size_t i = 0; i < s->n_dns_servers; i++) {
		const struct weft_addr *a = &s->dns_servers[i];

		snprintf(field, sizeof(field), "dns_servers[%zu]", i);
		if (!rules_addr_is_unicast(a))
			return FAIL(field, "must be a unicast address");
		if (++n[weft_addr_is_v4(a)] > WEFT_SUBNET_SERVERS)
			return FAIL(
				field, "is one more than %d of its family", WEFT_SUBNET_SERVERS);
	}
	return 0;
}

static int check_host_routes(const struct segment *s, struct model_error *err)
{
	const struct object *o = &s->o;
	char field[64];

	for (size_t i = 0; i < s->n_host_routes; i++) {
		const struct host_route *r = &s->host_routes[i];

		snprintf(field, sizeof(field), "host_routes[%zu].prefix", i);
		if (r->prefix.len < 96 || !weft_addr_is_v4(&r->prefix.addr))
			return FAIL(field, "must be an IPv4 prefix: DHCPv6 tells of no routes");
		for (size_t k = 0; k < i; k++)
			if (memcmp(&r->prefix, &s->host_routes[k].prefix, sizeof(r->prefix)) == 0)
				return FAIL(field, "is that of host_routes[%zu] too", k);
		snprintf(field, sizeof(field), "host_routes[%zu].via", i);
		if (!weft_addr_is_v4(&r->via) || !segment_subnet(s, &r->via))
			return FAIL(field, "must be an address in a subnet of the segment");
	}
	return 0;
}

static int check_slaac(const struct segment *s, struct model_error *err)
{
	const struct object *o = &s->o;
	char field[40];

	if (!s->slaac)
		return 0;
	if (!s->ra)
		return FAIL("slaac", "needs ra: machines learn of the prefix by it");
	for (size_t i = 0; i < s->n_subnets; i++) {
		const struct weft_prefix *p = &s->subnets[i].prefix;

		if (p->len == 64 || weft_addr_is_v4(&p->addr))
			continue;
		snprintf(field, sizeof(field), "subnets[%zu]", i);
		return FAIL(field, "must have 64 bits for slaac (RFC 4862)");
	}
	return 0;
}

int rules_check_services(const struct segment *s, struct model_error *err)
{
	const struct object *o = &s->o;

	if (s->domain && !is_domain(s->domain))
		return FAIL("domain", "must be a domain name, such as lan.example.org");
	if (check_servers(s, err) < 0 || check_host_routes(s, err) < 0)
		return -EINVAL;
	return check_slaac(s, err);
}
