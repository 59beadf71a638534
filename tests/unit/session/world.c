/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See world.h.
 */
#include <netinet/in.h>
#include <stdlib.h>

#include <core/clock.h>
#include <core/rcu.h>

#include "world.h"

struct config *world_cfg;
struct config_network world_network;
struct config_tenant world_tenant;
struct config_port world_ports[2];

static unsigned int world_workers;

int world_init(uint32_t max, unsigned int n_workers)
{
	int r = rcu_init(n_workers);

	if (r < 0)
		return r;
	clock_warp(10000);
	world_workers = n_workers;
	world_network = (struct config_network){.slot = WORLD_NETWORK, .tenant_slot = WORLD_TENANT};
	world_tenant =
		(struct config_tenant){.slot = WORLD_TENANT, .spec.max_sessions = SESSION_MAX};
	for (unsigned int i = 0; i < 2; i++) {
		world_ports[i] = (struct config_port){.slot = i + 1};
		world_ports[i].spec.id = WORLD_PORT + i;
		world_ports[i].spec.max_sessions = max;
		world_ports[i].spec.max_half_open = max;
	}
	world_cfg = calloc(1, sizeof(*world_cfg));
	if (!world_cfg)
		return -1;
	world_cfg->networks[WORLD_NETWORK] = &world_network;
	world_cfg->tenants[WORLD_TENANT] = &world_tenant;
	world_cfg->ports[1] = &world_ports[0];
	world_cfg->ports[2] = &world_ports[1];
	atomic_store(&config_current, world_cfg);
	return session_init(max, n_workers);
}

void world_fini(void)
{
	session_fini();
	rcu_fini();
	atomic_store(&config_current, NULL);
	free(world_cfg);
}

struct session_new world_new(uint32_t k)
{
	uint8_t src[4] = {10, k >> 16, k >> 8, k}, dst[4] = {11, 0, 0, k % 7};
	struct session_new n = {
		.network = &world_network,
		.tenant = &world_tenant,
		.charged = &world_ports[0],
		.rule = {k, 0},
		.port = {1, 2},
		.port_id = {WORLD_PORT, WORLD_PORT + 1},
	};

	n.key[0] = (struct session_key){
		.src = weft_addr_from_v4(src),
		.dst = weft_addr_from_v4(dst),
		.sport = 1000 + k % 50,
		.dport = 53,
		.segment = 3,
		.proto = IPPROTO_UDP,
	};
	n.key[1] = (struct session_key){
		.src = n.key[0].dst,
		.dst = n.key[0].src,
		.sport = n.key[0].dport,
		.dport = n.key[0].sport,
		.segment = 4,
		.proto = IPPROTO_UDP,
	};
	return n;
}

struct session *world_insert(unsigned int worker, uint32_t k, enum weft_drop *ret_drop)
{
	struct session_new n = world_new(k);
	struct session *s = session_insert(worker, &n, ret_drop);

	if (s)
		session_unlock(s);
	return s;
}

struct session *world_find(uint32_t k, unsigned int dir)
{
	struct session_new n = world_new(k);
	struct session_dir *d = session_find(&n.key[dir]);

	return d ? session_of(d) : NULL;
}

void world_rounds(void)
{
	for (unsigned int i = 0; i < 4; i++) {
		for (unsigned int w = 0; w < world_workers; w++) {
			while (session_age(w, world_cfg))
				;
		}
	}
}
