/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files that check entries share. Private to this folder; pure; any thread.
 *
 * Each check returns 0, or a negative errno with the caller's text filled in.
 */
#ifndef API_CHECK_H
#define API_CHECK_H

#include <weft/codec.h>

#define VNI_MAX 0xffffffu

struct check {
	unsigned int table;
	const void *entry;
	char *text;
};

/* "port 7 (acme/web): mtu: ..." into the caller's text; returns error. */
int check_bad(const struct check *c, int error, const char *field, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

int check_vni(const struct check *c, uint32_t vni);
int check_flags(const struct check *c, uint32_t flags, uint32_t known);
int check_mtu(const struct check *c, const char *field, uint16_t mtu, unsigned int max);
int check_mac(const struct check *c, const char *field, const struct weft_mac *mac);
/* The address of one station. */
int check_unicast(const struct check *c, const char *field, const struct weft_addr *a);
/* A prefix without host bits. */
int check_prefix(const struct check *c, const char *field, const struct weft_prefix *p);
/* Names go to logs and terminals. */
int check_name(const struct check *c, const char *field, const char *s);
/* A reference or key that is an id. */
int check_id(const struct check *c, const char *field, uint32_t id);

/* entry_check_network.c */
int check_tenant(const struct check *c, const struct weft_tenant *t);
int check_network(const struct check *c, const struct weft_network *n);
int check_router(const struct check *c, const struct weft_router *r);
int check_subnet(const struct check *c, const struct weft_subnet *s);
int check_route(const struct check *c, const struct weft_route *r);
int check_dns(const struct check *c, const struct weft_dns *d);

/* entry_check_policy.c */
int check_set(const struct check *c, const struct weft_set *s);
int check_set_member(const struct check *c, const struct weft_set_member *m);
int check_ruleset(const struct check *c, const struct weft_ruleset *r);
int check_rule(const struct check *c, const struct weft_rule *r);
int check_port_policy(const struct check *c, const struct weft_port *p);

#endif
