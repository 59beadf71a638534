/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

static struct config cfg;

struct weft_addr world_addr(const char *text)
{
	struct weft_addr a;

	if (weft_addr_parse(text, &a) < 0)
		abort();
	return a;
}

struct weft_prefix world_prefix(const char *text)
{
	struct weft_prefix p;

	if (weft_prefix_parse(text, false, &p) < 0)
		abort();
	return p;
}

void world_make(struct world *w)
{
	*w = (struct world){
		.port = {.id = 1,
			.mac = {{2, 0, 0, 0, 0, 1}},
			.mtu = 9000,
			.n_addrs = 2,
			.hostname = "web-1",
			.addrs = {world_prefix("10.0.0.5/32"), world_prefix("fd00::5/128")}},
		.segment = {.slot = 1,
			.spec = {.vni = 100, .mtu = 1450},
			.router_slot = 1,
			.network_slot = 1,
			.n_subnets = 2},
		.router = {.spec = {.mac = {{2, 0, 0, 0, 0, 0xfe}}}},
	};
	w->subnets[0].spec = (struct weft_subnet){.prefix = world_prefix("10.0.0.0/24"),
		.flags = WEFT_SUBNET_DHCP,
		.gateway = world_addr("10.0.0.1"),
		.lease_s = 8000,
		.n_dns = 1,
		.dns = {world_addr("10.9.0.53")},
		.n_routes = 1,
		.routes = {{.prefix = world_prefix("10.7.0.0/16"), .via = world_addr("10.0.0.9")}},
		.domain = "example.org"};
	w->subnets[1].spec = (struct weft_subnet){.prefix = world_prefix("fd00::/64"),
		.flags = WEFT_SUBNET_DHCP | WEFT_SUBNET_RA,
		.gateway = world_addr("fd00::1"),
		.lease_s = 8000,
		.n_dns = 1,
		.dns = {world_addr("fd09::53")},
		.domain = "example.org"};
	w->segment.subnets = w->subnets;
	cfg.routers[1] = &w->router;
	cfg.generation = 1;
	w->who = service_asker_of(&cfg, &w->segment, &w->port);
}

void world_dns(uint16_t network_slot, const char *name, const char *addr)
{
	struct dns_key key = {.network_slot = network_slot, .family = strchr(addr, ':') ? 6 : 4};
	struct dns_entry *e;

	if (!cfg.dns)
		cfg.dns = vhash_new("dns", sizeof(key), sizeof(*e), 1024);
	weft_dns_hash(name, strlen(name), key.hash);
	e = cfg.dns ? (struct dns_entry *)vhash_put(cfg.dns, &key, cfg.generation) : NULL;
	if (!e)
		abort();
	e->addr = world_addr(addr);
	snprintf(e->name, sizeof(e->name), "%s", name);
}

const uint8_t *world_exact(const uint8_t *data, uint32_t n)
{
	static uint8_t *copy;

	free(copy);
	copy = malloc(n ? n : 1);
	if (!copy)
		abort();
	memcpy(copy, data, n);
	return copy;
}
