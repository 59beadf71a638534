/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interfaces and addresses of this network namespace, and the care for those interfaces that are
 * ports' host sides: up, and silent (no IPv6 address, so no router solicitations of the host's into
 * a tenant's network). Event loop's thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ccore/log.h>

#include "state.h"

static void tell(struct hostnet *h, const struct hostnet_link *link, bool present)
{
	if (h->config.link)
		h->config.link(h->config.arg, link, present);
}

static void drop_addrs(struct hostnet *h, const struct hostnet_link *link)
{
	struct addr_entry *a, *next;

	HASH_ITER (hh, h->addrs, a, next)
		if (a->key.ifindex == link->ifindex && !weft_addr_is_v4(&a->key.addr))
			kernel_delete_addr(
				&h->requests, link->ifindex, &a->key.addr, a->prefix_len);
}

static void prepare(struct hostnet *h, struct port_entry *p, const struct hostnet_link *link)
{
	int rc;

	p->problem[0] = '\0';
	if (!hostnet_link_is_tenants(link))
		return; /* a NIC of the host, perhaps: not ours to change; attach tells */
	rc = kernel_set_quiet(&h->requests, link->ifindex);
	/* -EAFNOSUPPORT: this kernel has no IPv6, which is quiet enough. */
	if (rc == -EAFNOSUPPORT)
		rc = 0;
	if (rc == 0)
		drop_addrs(h, link);
	if (rc == 0 && !link->up)
		rc = kernel_set_up(&h->requests, link->ifindex);
	if (rc == 0)
		return;
	snprintf(p->problem, sizeof(p->problem), "cannot set interface %s up: %s", link->name,
		strerror(-rc));
	log_warning("%s", p->problem);
}

static struct port_entry *find_port(const struct hostnet *h, const char *name)
{
	struct port_entry *p;

	HASH_FIND_STR(h->ports, name, p);
	return p;
}

static void forget_port(struct hostnet *h, uint32_t port_id)
{
	struct port_entry *p, *next;

	HASH_ITER (hh, h->ports, p, next)
		if (p->port_id == port_id) {
			HASH_DEL(h->ports, p);
			free(p);
		}
}

void hostnet_want_port(struct hostnet *h, uint32_t port_id, const char *name)
{
	struct port_entry *p = name ? find_port(h, name) : NULL;
	const struct hostnet_link *link;

	if (p && p->port_id == port_id)
		return;
	forget_port(h, port_id);
	if (!name || strlen(name) >= IFNAMSIZ)
		return;
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			return;
		memcpy(p->name, name, strlen(name) + 1);
		HASH_ADD_STR(h->ports, name, p);
	}
	p->port_id = port_id;
	link = hostnet_link_by_name(h, name);
	if (link)
		prepare(h, p, link);
}

const struct hostnet_link *hostnet_link_by_name(const struct hostnet *h, const char *name)
{
	for (struct link_entry *l = h->links; l; l = l->hh.next)
		if (strcmp(l->link.name, name) == 0)
			return &l->link;
	return NULL;
}

static void remove_addrs_of(struct hostnet *h, int ifindex)
{
	struct addr_entry *a, *next;

	HASH_ITER (hh, h->addrs, a, next)
		if (a->key.ifindex == ifindex) {
			HASH_DEL(h->addrs, a);
			free(a);
		}
}

static void remove_link(struct hostnet *h, struct link_entry *l)
{
	HASH_DEL(h->links, l);
	remove_addrs_of(h, l->link.ifindex);
	tell(h, &l->link, false);
	free(l);
}

bool links_note(struct hostnet *h, const struct kernel_news *news)
{
	struct port_entry *p;
	struct link_entry *l;
	bool was_up = false;

	HASH_FIND_INT(h->links, &news->ifindex, l);
	if (news->gone) {
		if (l)
			remove_link(h, l);
		return true;
	}
	if (l && memcmp(&l->link, &news->link, sizeof(l->link)) == 0)
		return false;
	/* Renamed: for those who know it by its name, another interface. */
	if (l && strcmp(l->link.name, news->link.name) != 0) {
		remove_link(h, l);
		l = NULL;
	}
	if (l) {
		was_up = l->link.up;
	} else {
		l = calloc(1, sizeof(*l));
		if (!l)
			return false;
		l->link.ifindex = news->ifindex;
		HASH_ADD_INT(h->links, link.ifindex, l);
	}
	l->link = news->link;
	p = find_port(h, l->link.name);
	if (p && (!was_up || !l->link.up))
		prepare(h, p, &l->link);
	tell(h, &l->link, true);
	return true;
}

bool links_note_addr(struct hostnet *h, const struct kernel_news *news)
{
	struct link_entry *l;
	struct addr_entry *a;
	struct addr_key key;

	memset(&key, 0, sizeof(key));
	key.addr = news->addr;
	key.ifindex = news->ifindex;
	HASH_FIND(hh, h->addrs, &key, sizeof(key), a);
	if (news->gone && a) {
		HASH_DEL(h->addrs, a);
		free(a);
		return true;
	}
	if (news->gone || a)
		return false;
	HASH_FIND_INT(h->links, &news->ifindex, l);
	if (l && find_port(h, l->link.name) && !weft_addr_is_v4(&news->addr)) {
		kernel_delete_addr(&h->requests, news->ifindex, &news->addr, news->prefix_len);
		return false;
	}
	a = calloc(1, sizeof(*a));
	if (!a)
		return false;
	a->key = key;
	a->prefix_len = news->prefix_len;
	HASH_ADD(hh, h->addrs, key, sizeof(a->key), a);
	return true;
}

bool links_have_addr(const struct hostnet *h, const struct weft_addr *addr)
{
	for (struct addr_entry *a = h->addrs; a; a = a->hh.next)
		if (weft_addr_equal(&a->key.addr, addr))
			return true;
	return false;
}

static void note_dumped(void *arg, const struct kernel_news *news)
{
	struct hostnet *h = arg;
	struct link_entry *l;

	if (news->kind == KERNEL_NEWS_ADDR)
		links_note_addr(h, news);
	if (news->kind != KERNEL_NEWS_LINK)
		return;
	links_note(h, news);
	HASH_FIND_INT(h->links, &news->ifindex, l);
	if (l)
		l->seen = true;
}

int links_read_all(struct hostnet *h)
{
	struct link_entry *l, *next;
	int rc;

	for (l = h->links; l; l = l->hh.next) {
		l->seen = false;
		remove_addrs_of(h, l->link.ifindex);
	}
	rc = kernel_dump(&h->requests, note_dumped, h);
	if (rc < 0)
		return rc;
	HASH_ITER (hh, h->links, l, next)
		if (!l->seen)
			remove_link(h, l);
	return 0;
}

void links_free(struct hostnet *h)
{
	struct link_entry *l, *next_link;
	struct addr_entry *a, *next_addr;
	struct port_entry *p, *next_port;

	HASH_ITER (hh, h->links, l, next_link) {
		HASH_DEL(h->links, l);
		free(l);
	}
	HASH_ITER (hh, h->addrs, a, next_addr) {
		HASH_DEL(h->addrs, a);
		free(a);
	}
	HASH_ITER (hh, h->ports, p, next_port) {
		HASH_DEL(h->ports, p);
		free(p);
	}
}
