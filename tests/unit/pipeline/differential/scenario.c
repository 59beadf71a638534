/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Scenarios as a whole: the random numbers that they are made of, and how a configuration is
 * committed and printed.
 */
#include <stdio.h>
#include <string.h>

#include "bed.h"
#include "scenario.h"

static uint64_t random_state;

void scenario_seed(uint64_t seed)
{
	random_state = seed;
}

uint32_t roll(uint32_t n)
{
	uint64_t z = (random_state += 0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (uint32_t)((z ^ z >> 31) >> 32) % n;
}

bool chance(unsigned int percent)
{
	return roll(100) < percent;
}

struct weft_addr v4(unsigned int a, unsigned int b, unsigned int c, unsigned int d)
{
	const uint8_t bytes[4] = {a, b, c, d};

	return weft_addr_from_v4(bytes);
}

struct weft_addr v6(unsigned int net, unsigned int segment, unsigned int last)
{
	return (struct weft_addr){
		.b = {0xfd, [1] = net, [5] = segment, [14] = last >> 8, [15] = last}};
}

void scenario_make(struct scenario *s, uint64_t seed, bool forging)
{
	memset(s, 0, offsetof(struct scenario, event));
	s->seed = seed;
	s->forging = forging;
	scenario_seed(seed);
	setup_make(s);
	s->n_versions = 1;
	for (unsigned int i = 1; i < VERSIONS_MAX && !forging; i++) {
		s->version[i] = s->version[i - 1];
		setup_change(&s->version[i], s);
		s->n_versions++;
	}
	packets_make(s);
}

/* Puts what is new or differs in one list. */
static void commit_puts(enum weft_table table, const void *old, unsigned int n_old, const void *new,
	unsigned int n_new, size_t size)
{
	for (unsigned int i = 0; i < n_new; i++) {
		const uint8_t *e = (const uint8_t *)new + i *size;
		bool same = false;

		for (unsigned int k = 0; k < n_old && !same; k++)
			same = memcmp((const uint8_t *)old + k * size, e, size) == 0;
		if (!same)
			bed_put(table, e);
	}
}

/* Deletes what is gone. */
static void commit_deletes(enum weft_table table, const void *old, unsigned int n_old,
	const void *new, unsigned int n_new, size_t size)
{
	for (unsigned int i = 0; i < n_old; i++) {
		const uint8_t *e = (const uint8_t *)old + i * size;
		bool kept = false;

		for (unsigned int k = 0; k < n_new && !kept; k++)
			kept = weft_entry_key_equal(table, (const uint8_t *)new + k *size, e);
		if (!kept)
			bed_delete(table, e);
	}
}

void setup_commit(const struct setup *old, const struct setup *new)
{
	static const struct setup nothing;

	if (!old)
		old = &nothing;
#define COMMIT_LIST(table, name, max)                                                              \
	commit_puts(WEFT_TABLE_##table, old->name, old->n_##name, new->name, new->n_##name,        \
		sizeof(new->name[0]));                                                             \
	commit_deletes(WEFT_TABLE_##table, old->name, old->n_##name, new->name, new->n_##name,     \
		sizeof(new->name[0]));
	SETUP_LISTS(COMMIT_LIST)
#undef COMMIT_LIST
	bed_commit();
}

static const char *text_addr(const struct weft_addr *a)
{
	static char buf[4][WEFT_ADDR_STR_SIZE];
	static unsigned int next;

	return weft_addr_format(a, buf[next++ % 4]);
}

static const char *text_prefix(const struct weft_prefix *p)
{
	static char buf[4][WEFT_PREFIX_STR_SIZE];
	static unsigned int next;

	return weft_prefix_format(p, buf[next++ % 4]);
}

static const char *text_mac(const struct weft_mac *m)
{
	static char buf[4][WEFT_MAC_STR_SIZE];
	static unsigned int next;

	return weft_mac_format(m, buf[next++ % 4]);
}

static void print_port(const struct weft_port *p)
{
	printf("port id=%u vni=%u mac=%s flags=0x%x rulesets=", p->id, p->vni, text_mac(&p->mac),
		p->flags);
	for (unsigned int i = 0; i < p->n_rulesets; i++)
		printf("%u,", p->rulesets[i]);
	for (unsigned int i = 0; i < p->n_addrs; i++)
		printf(" %s", text_prefix(&p->addrs[i]));
	putchar('\n');
}

static void print_rule(const struct weft_rule *r)
{
	static const char *const actions[] = {"?", "allow", "deny", "reject", "pass"};

	printf("rule ruleset=%u id=%u priority=%u %s %s family=%u proto=%u ports=%u-%u remote=%s "
	       "set=%u\n",
		r->ruleset, r->id, r->priority,
		r->direction == WEFT_RULE_INGRESS ? "ingress" : "egress", actions[r->action],
		r->family, r->proto, r->port_min, r->port_max, text_prefix(&r->remote), r->set);
}

void setup_print(const struct setup *c)
{
	for (unsigned int i = 0; i < c->n_network; i++)
		printf("network id=%u flags=0x%x\n", c->network[i].id, c->network[i].flags);
	for (unsigned int i = 0; i < c->n_segment; i++)
		printf("segment vni=%u flags=0x%x network=%u router=%u\n", c->segment[i].vni,
			c->segment[i].flags, c->segment[i].network, c->segment[i].router);
	for (unsigned int i = 0; i < c->n_port; i++)
		print_port(&c->port[i]);
	for (unsigned int i = 0; i < c->n_fdb; i++)
		printf("fdb vni=%u mac=%s port=%u remote=%s\n", c->fdb[i].vni,
			text_mac(&c->fdb[i].mac), c->fdb[i].port, text_addr(&c->fdb[i].remote));
	for (unsigned int i = 0; i < c->n_neigh; i++)
		printf("neigh vni=%u addr=%s mac=%s flags=%u\n", c->neigh[i].vni,
			text_addr(&c->neigh[i].addr), text_mac(&c->neigh[i].mac),
			c->neigh[i].flags);
	for (unsigned int i = 0; i < c->n_route; i++)
		printf("route router=%u prefix=%s type=%u ref=%u via=%s\n", c->route[i].router,
			text_prefix(&c->route[i].prefix), c->route[i].hops[0].type,
			c->route[i].hops[0].ref, text_addr(&c->route[i].hops[0].via));
	for (unsigned int i = 0; i < c->n_set_member; i++)
		printf("member set=%u prefix=%s\n", c->set_member[i].set,
			text_prefix(&c->set_member[i].prefix));
	for (unsigned int i = 0; i < c->n_ruleset; i++)
		printf("ruleset id=%u tier=%u\n", c->ruleset[i].id, c->ruleset[i].tier);
	for (unsigned int i = 0; i < c->n_rule; i++)
		print_rule(&c->rule[i]);
}
