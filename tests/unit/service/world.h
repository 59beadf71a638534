/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the services' tests ask about: one port in one segment with an IPv4 and an IPv6 subnet, both
 * with every service, and a router.
 *
 *   port     02:00:00:00:00:01, 10.0.0.5/32, fd00::5/128, "web-1"
 *   router   02:00:00:00:00:fe
 *   subnets  10.0.0.0/24, gateway .1, 10.9.0.53 as DNS server, 10.7.0.0/16 via 10.0.0.9,
 * "example.org"; fd00::/64, gateway ::1, fd09::53 as DNS server, "example.org"
 */
#ifndef TEST_SERVICE_WORLD_H
#define TEST_SERVICE_WORLD_H

#include <service/service.h>

struct world {
	struct weft_port port;
	struct config_segment segment;
	struct config_subnet subnets[3];
	struct config_router router;
	struct service_asker who;
};

void world_make(struct world *w);

/* A name of the network with that slot. Needs EAL. */
void world_dns(uint16_t network_slot, const char *name, const char *addr);

struct weft_addr world_addr(const char *text);
struct weft_prefix world_prefix(const char *text);

/* A copy of n bytes with its end where the address sanitizer sees it; freed by the next call. */
const uint8_t *world_exact(const uint8_t *data, uint32_t n);

#endif
