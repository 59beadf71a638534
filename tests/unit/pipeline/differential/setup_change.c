/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules out of a small world, so that packets meet their edges, and the changes that commits make.
 */
#include <string.h>

#include "scenario.h"

static const uint16_t some_ports[] = {0, 1, 79, 80, 81, 1000, 1001, 65534, 65535};
static const uint16_t some_protos[] = {1, 6, 6, 17, 17, 58, 132, 33, 136, 47, 50, 256, 256, 256};

static uint16_t some_port(void)
{
	return some_ports[roll(sizeof(some_ports) / sizeof(some_ports[0]))];
}

static void rule_ports(struct weft_rule *r)
{
	uint16_t a = some_port(), b = chance(50) ? a : some_port();

	r->port_min = 0;
	r->port_max = UINT16_MAX;
	if (r->proto == 1 || r->proto == 58) {
		unsigned int type = r->proto == 1 ? (chance(70) ? 8 : roll(19))
						  : (chance(70) ? 128 : 127 + roll(20));

		if (chance(50))
			return;
		r->port_min = type << 8;
		r->port_max = r->port_min | (chance(50) ? 0xff : 0);
	} else if (r->proto == 6 || r->proto == 17 || r->proto == 132 || r->proto == 33 ||
		   r->proto == 136) {
		if (chance(30))
			return;
		r->port_min = a < b ? a : b;
		r->port_max = a < b ? b : a;
	}
}

static struct weft_prefix some_prefix(const struct scenario *s, unsigned int f)
{
	static const uint8_t lens[] = {0, 1, 7, 8, 16, 24, 31, 32};
	const struct host *h = &s->host[roll(s->n_hosts)];
	unsigned int len = lens[roll(sizeof(lens))];

	return prefix_of(&h->addr[f], f ? len * 4 : 96 + len);
}

void setup_add_rule(struct setup *c, const struct scenario *s, uint32_t ruleset)
{
	static const uint8_t actions[] = {WEFT_RULE_ALLOW, WEFT_RULE_ALLOW, WEFT_RULE_ALLOW,
		WEFT_RULE_ALLOW, WEFT_RULE_DENY, WEFT_RULE_DENY, WEFT_RULE_REJECT, WEFT_RULE_PASS};
	struct weft_rule r = {.ruleset = ruleset,
		.id = 1 + roll(1000),
		.priority = roll(4),
		.direction = 1 + roll(2),
		.action = actions[roll(sizeof(actions))],
		.proto = some_protos[roll(sizeof(some_protos) / sizeof(some_protos[0]))]};

	for (unsigned int i = 0; i < c->n_rule; i++) {
		if (c->rule[i].ruleset == ruleset && c->rule[i].id == r.id)
			return;
	}
	r.family = (uint8_t[]){0, 0, 4, 6}[roll(4)];
	rule_ports(&r);
	if (chance(35))
		r.remote = some_prefix(s, r.family == 4 ? 0 : r.family == 6 ? 1 : roll(2));
	if (chance(15) && c->n_set)
		r.set = c->set[roll(c->n_set)].id;
	SETUP_ADD(c, rule, r);
}

static void change_member(struct setup *c, const struct scenario *s)
{
	struct weft_set_member m = {
		.set = c->set[roll(c->n_set)].id, .prefix = some_prefix(s, roll(2))};

	for (unsigned int i = 0; i < c->n_set_member; i++) {
		if (weft_entry_key_equal(WEFT_TABLE_SET_MEMBER, &c->set_member[i], &m)) {
			c->set_member[i] = c->set_member[--c->n_set_member];
			return;
		}
	}
	SETUP_ADD(c, set_member, m);
}

static void change_port(struct setup *c)
{
	struct weft_port *p = &c->port[roll(c->n_port)];

	if (p->role != WEFT_ROLE_TENANT)
		return;
	if (chance(50) && p->n_rulesets > 0)
		p->rulesets[--p->n_rulesets] = 0;
	else
		p->flags ^= WEFT_PORT_DEFAULT_DENY;
}

/* A host route that says something else of one station, or no more. */
static void change_route(struct setup *c, const struct scenario *s)
{
	const struct host *h = &s->host[roll(s->n_hosts)];
	struct weft_route r = {.n_hops = 1, .prefix = prefix_of(&h->addr[roll(2)], 128)};

	if (c->n_router == 0)
		return;
	r.router = c->router[roll(c->n_router)].id;
	r.hops[0].type = chance(50) ? WEFT_HOP_BLACKHOLE : WEFT_HOP_UNREACHABLE;
	for (unsigned int i = 0; i < c->n_route; i++) {
		if (weft_entry_key_equal(WEFT_TABLE_ROUTE, &c->route[i], &r)) {
			c->route[i] = c->route[--c->n_route];
			return;
		}
	}
	SETUP_ADD(c, route, r);
}

void setup_change(struct setup *c, const struct scenario *s)
{
	for (unsigned int n = 1 + roll(3); n > 0; n--) {
		switch (roll(6)) {
		case 0:
			if (c->n_rule)
				c->rule[roll(c->n_rule)].action = 1 + roll(4);
			break;
		case 1:
			setup_add_rule(c, s, c->ruleset[roll(c->n_ruleset)].id);
			break;
		case 2:
			if (c->n_rule)
				c->rule[roll(c->n_rule)] = c->rule[c->n_rule - 1], c->n_rule--;
			break;
		case 3:
			change_member(c, s);
			break;
		case 4:
			change_port(c);
			break;
		default:
			if (chance(30))
				change_route(c, s);
			break;
		}
	}
}
