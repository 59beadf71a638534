/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Table DNS: names of the ports of segments that are programmed here, in networks of which one of
 * those segments answers DNS. HOSTNAME, and HOSTNAME.DOMAIN with the domain of the port's segment;
 * an address of each family. Of several ports with a name the one with the lowest id has it.
 *
 * An entry's key has a hash, so there is an index from hashes to ports. It knows a port by its
 * segment and MAC; only ports of such networks are in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>

#include "compile_impl.h"

/* A network with segments that are programmed here. */
struct dns_net {
	char *name;
	uint32_t id;
	bool touched;
	uint32_t n_answering; /* segments */
	LIST_HEAD(, seg) segs;
	SLIST_ENTRY(dns_net) next_touched;
};

struct holder {
	const struct seg *seg;
	struct weft_mac mac;
};

struct dns_name {
	uint32_t network;
	uint8_t hash[16];
	uint32_t n;
	struct holder *holders;
};

static uint64_t net_name_hash(const char *name)
{
	return hset_hash(name, strlen(name));
}

static uint64_t net_hash(const void *element)
{
	return net_name_hash((*(struct dns_net *const *)element)->name);
}

static bool net_has_name(const void *element, const void *probe)
{
	return strcmp((*(struct dns_net *const *)element)->name, probe) == 0;
}

static_assert(offsetof(struct dns_name, hash) == sizeof(uint32_t), "the key has no gap");
#define NAME_KEY_SIZE (sizeof(uint32_t) + 16)

static uint64_t name_hash(const void *element)
{
	return hset_hash(element, NAME_KEY_SIZE);
}

static bool name_has_key(const void *element, const void *probe)
{
	return memcmp(element, probe, NAME_KEY_SIZE) == 0;
}

void dns_init(struct compiler *c)
{
	hset_init(&c->dns_nets, sizeof(struct dns_net *), net_hash);
	hset_init(&c->dns_names, sizeof(struct dns_name), name_hash);
	SLIST_INIT(&c->touched_nets);
}

void dns_clear(struct compiler *c)
{
	for (struct dns_net **p = NULL; (p = hset_next(&c->dns_nets, p));) {
		free((*p)->name);
		free(*p);
	}
	for (struct dns_name *n = NULL; (n = hset_next(&c->dns_names, n));)
		free(n->holders);
	hset_clear(&c->dns_nets);
	hset_clear(&c->dns_names);
}

static void touch_net(struct compiler *c, struct dns_net *net)
{
	if (net->touched)
		return;
	net->touched = true;
	SLIST_INSERT_HEAD(&c->touched_nets, net, next_touched);
}

static struct dns_net *net_get(struct compiler *c, const char *name)
{
	struct dns_net **p = hset_find(&c->dns_nets, net_name_hash(name), net_has_name, name), *net;

	if (p)
		return *p;
	net = mem_zalloc(sizeof(*net));
	net->name = mem_strdup(name);
	net->id = model_find(c->m, MODEL_NETWORK, name)->id;
	LIST_INIT(&net->segs);
	hset_insert(&c->dns_nets, &net);
	return net;
}

/* The port's name, without or with its domain; "": none, or longer than a name can be. */
static char *make_name(const struct port *p, const char *domain, char name[WEFT_DNS_NAME_SIZE])
{
	const char *hostname = port_hostname(p);
	int n = snprintf(name, WEFT_DNS_NAME_SIZE, "%s%s%s", hostname, domain ? "." : "",
		domain ? domain : "");

	if (!hostname[0] || n >= WEFT_DNS_NAME_SIZE)
		name[0] = '\0';
	for (char *s = name; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s += 'a' - 'A';
	return name;
}

static void mark_name(struct compiler *c, const struct dns_name *n)
{
	union key k = key_id(n->network);

	memcpy(k.in.hash, n->hash, sizeof(k.in.hash));
	for (k.in.len = 4; k.in.len <= 6; k.in.len += 2)
		mark(c, WEFT_TABLE_DNS, k);
}

static void add_holder(struct dns_name *n, const struct holder *h)
{
	n->holders = mem_realloc(n->holders, n->n + 1, sizeof(*h));
	n->holders[n->n++] = *h;
}

static void drop_holder(struct dns_name *n, const struct holder *h)
{
	for (uint32_t i = 0; i < n->n; i++)
		if (n->holders[i].seg == h->seg && weft_mac_equal(&n->holders[i].mac, &h->mac)) {
			n->holders[i] = n->holders[--n->n];
			return;
		}
}

/* The port gets or loses a name. */
static void change_name(struct compiler *c, const struct seg *seg, const struct port *p,
	const char *domain, bool is)
{
	struct dns_name probe = {.network = seg->dns.net->id}, *n;
	const struct holder h = {seg, p->mac};
	char name[WEFT_DNS_NAME_SIZE];

	if (!make_name(p, domain, name)[0])
		return;
	weft_dns_hash(name, (uint32_t)strlen(name), probe.hash);
	mark_name(c, &probe);
	n = hset_find(&c->dns_names, name_hash(&probe), name_has_key, &probe);
	if (!n && is)
		n = hset_insert(&c->dns_names, &probe);
	if (is)
		add_holder(n, &h);
	else
		drop_holder(n, &h);
	if (n->n == 0) {
		free(n->holders);
		hset_remove(&c->dns_names, n);
	}
}

static void change_names(struct compiler *c, const struct seg *seg, const struct port *p, bool is)
{
	change_name(c, seg, p, NULL, is);
	if (seg->dns.domain)
		change_name(c, seg, p, seg->dns.domain, is);
}

void dns_note_port(struct compiler *c, const struct port *before, const struct port *after)
{
	const struct seg *was = before ? seg_find(c, before->segment) : NULL;
	const struct seg *is = after ? seg_find(c, after->segment) : NULL;

	if (was && was->dns.named)
		change_names(c, was, before, false);
	if (is && is->dns.named)
		change_names(c, is, after, true);
}

struct naming {
	struct compiler *c;
	const struct seg *seg;
	bool is;
};

static int name_port(const struct port *p, void *arg)
{
	const struct naming *n = arg;

	change_names(n->c, n->seg, p, n->is);
	return 0;
}

static void name_ports(struct compiler *c, struct seg *seg, bool is)
{
	struct naming n = {c, seg, is};

	if (seg->dns.named == is)
		return;
	seg->dns.named = is;
	model_segment_ports(c->m, seg->name, name_port, &n);
}

static void leave_net(struct compiler *c, struct seg *seg)
{
	struct dns_net *net = seg->dns.net;

	if (!net)
		return;
	name_ports(c, seg, false);
	net->n_answering -= seg->dns.answers;
	LIST_REMOVE(seg, dns.of_net);
	touch_net(c, net);
	free(seg->dns.domain);
	memset(&seg->dns, 0, sizeof(seg->dns));
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

void dns_settle_seg(struct compiler *c, struct seg *seg)
{
	const struct segment *s =
		(const struct segment *)model_find(c->m, MODEL_SEGMENT, seg->name);
	struct seg_dns *dns = &seg->dns;

	if (!seg->relevant || !s) {
		leave_net(c, seg);
		return;
	}
	if (dns->net && strcmp(dns->net->name, s->network) == 0 && dns->answers == s->dns_local &&
		same_text(dns->domain, s->domain))
		return;
	leave_net(c, seg);
	dns->net = net_get(c, s->network);
	dns->answers = s->dns_local;
	dns->domain = mem_strdup(s->domain);
	dns->net->n_answering += dns->answers;
	LIST_INSERT_HEAD(&dns->net->segs, seg, dns.of_net);
	touch_net(c, dns->net);
}

void dns_settle(struct compiler *c)
{
	struct dns_net *net;
	struct seg *seg;

	while ((net = SLIST_FIRST(&c->touched_nets))) {
		SLIST_REMOVE_HEAD(&c->touched_nets, next_touched);
		net->touched = false;
		LIST_FOREACH (seg, &net->segs, dns.of_net)
			name_ports(c, seg, net->n_answering > 0);
		if (!LIST_EMPTY(&net->segs))
			continue;
		hset_remove(&c->dns_nets,
			hset_find(&c->dns_nets, net_name_hash(net->name), net_has_name, net->name));
		free(net->name);
		free(net);
	}
}

/* The port's first address of the family that others can use. */
static const struct weft_addr *addr_of(const struct port *p, bool v4)
{
	for (size_t i = 0; i < p->n_addresses; i++) {
		const struct weft_addr *a = &p->addresses[i].addr;
		bool link_local = a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;

		if (p->addresses[i].len == 128 && weft_addr_is_v4(a) == v4 && !link_local)
			return a;
	}
	return NULL;
}

/* Which of the port's two names has that hash. */
static void fill_name(const struct port *p, const char *domain, struct weft_dns *e)
{
	uint8_t hash[16];

	make_name(p, NULL, e->name);
	weft_dns_hash(e->name, (uint32_t)strlen(e->name), hash);
	if (memcmp(hash, e->hash, sizeof(hash)) != 0) {
		memset(e->name, 0, sizeof(e->name));
		make_name(p, domain, e->name);
	}
}

static bool get(const struct compiler *c, const union key *k, union weft_entry *ret)
{
	struct dns_name probe = {.network = k->in.id}, *n;
	const struct port *best = NULL;
	const struct weft_addr *addr;
	const struct seg *seg = NULL;

	memcpy(probe.hash, k->in.hash, sizeof(probe.hash));
	n = hset_find(&c->dns_names, name_hash(&probe), name_has_key, &probe);
	for (uint32_t i = 0; n && i < n->n; i++) {
		const struct port *p =
			model_port_by_mac(c->m, n->holders[i].seg->name, &n->holders[i].mac);

		if (!p || (best && best->o.id < p->o.id))
			continue;
		best = p;
		seg = n->holders[i].seg;
	}
	addr = best ? addr_of(best, k->in.len == 4) : NULL;
	if (!addr)
		return false;
	ret->dns.network = k->in.id;
	memcpy(ret->dns.hash, k->in.hash, sizeof(ret->dns.hash));
	ret->dns.addr = *addr;
	fill_name(best, seg->dns.domain, &ret->dns);
	return true;
}

static void walk(const struct compiler *c, key_fn fn, void *arg)
{
	for (struct dns_name *n = NULL; (n = hset_next(&c->dns_names, n));) {
		union key k = key_id(n->network);

		memcpy(k.in.hash, n->hash, sizeof(k.in.hash));
		for (k.in.len = 4; k.in.len <= 6; k.in.len += 2)
			fn(arg, &k);
	}
}

const struct compile_table compile_dns = {get, walk};
