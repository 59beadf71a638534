/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libFuzzer target: hostile requests to the local services, in a buffer of exactly their size. What
 * is answered must be whole, and must name what the configuration has and nothing else.
 *
 * Input: which service, flags, the request.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <service/dhcp4.h>
#include <service/dhcp6.h>
#include <service/dns.h>

#include "fuzz.h"

#define CONTROL_SIZE 2

enum {
	UNICAST = 1 << 0
};

static struct config cfg;
static struct config_router router = {.spec = {.mac = {{2, 0, 0, 0, 0, 0xfe}}}};
static struct config_subnet subnets[2];
static struct config_segment segment = {.spec = {.mtu = 1450},
	.router_slot = 1,
	.network_slot = 1,
	.n_subnets = 2,
	.subnets = subnets};
static struct weft_port port = {.mac = {{2, 0, 0, 0, 0, 1}}, .mtu = 1500, .n_addrs = 2};
static struct service_asker who;

static struct weft_prefix prefix_of(const char *text)
{
	struct weft_prefix p;

	fuzz_check(weft_prefix_parse(text, false, &p) == 0);
	return p;
}

static struct weft_addr addr_of(const char *text)
{
	struct weft_addr a;

	fuzz_check(weft_addr_parse(text, &a) == 0);
	return a;
}

static void put_name(const char *name, const char *addr)
{
	struct dns_key key = {.network_slot = 1, .family = 4};
	struct dns_entry *e;

	weft_dns_hash(name, strlen(name), key.hash);
	e = (struct dns_entry *)vhash_put(cfg.dns, &key, 1);
	fuzz_check(e != NULL);
	e->addr = addr_of(addr);
	memcpy(e->name, name, strlen(name));
}

int fuzz_start(void)
{
	const uint8_t flags = WEFT_SUBNET_DHCP | WEFT_SUBNET_DNS;

	cfg.generation = 1;
	cfg.routers[1] = &router;
	cfg.dns = vhash_new("dns", sizeof(struct dns_key), sizeof(struct dns_entry), 16);
	fuzz_check(cfg.dns != NULL);
	put_name("a.b", "10.0.0.5");
	subnets[0].spec = (struct weft_subnet){.prefix = prefix_of("10.0.0.0/24"),
		.flags = flags,
		.gateway = addr_of("10.0.0.1"),
		.n_routes = 1,
		.routes = {{.prefix = prefix_of("10.7.0.0/16"), .via = addr_of("10.0.0.9")}},
		.domain = "example.org"};
	subnets[1].spec = (struct weft_subnet){.prefix = prefix_of("fd00::/64"),
		.flags = flags,
		.gateway = addr_of("fd00::1"),
		.domain = "example.org"};
	port.addrs[0] = prefix_of("10.0.0.5/32");
	port.addrs[1] = prefix_of("fd00::5/128");
	who = service_asker_of(&cfg, &segment, &port);
	return 0;
}

static void check_dhcp4(const struct service_answer *a)
{
	static const uint8_t own[4] = {10, 0, 0, 5}, nobody[4];

	fuzz_check(a->size >= 300 && a->data[0] == 2);
	fuzz_check(memcmp(a->data + 16, own, 4) == 0 || memcmp(a->data + 16, nobody, 4) == 0);
	fuzz_check(memcmp(a->data + 28, port.mac.b, 6) == 0);
}

/* Options fill n bytes exactly; addresses with a lifetime are the port's. */
static void check_options6(const uint8_t *p, uint32_t n)
{
	struct weft_addr own = addr_of("fd00::5");
	static const uint8_t taken[8];

	for (uint32_t i = 0; i < n;) {
		uint32_t code, size;

		fuzz_check(n - i >= 4);
		code = p[i] << 8 | p[i + 1];
		size = p[i + 2] << 8 | p[i + 3];
		i += 4;
		fuzz_check(size <= n - i);
		if (code == 3)
			check_options6(p + i + 12, size - 12);
		if (code == 5)
			fuzz_check(
				memcmp(p + i, &own, 16) == 0 || memcmp(p + i + 16, taken, 8) == 0);
		i += size;
	}
}

static void check_dns(const struct service_answer *a, const struct service_request *q)
{
	fuzz_check(a->size >= 12 && a->size <= q->size + 12 + 4 + 11);
	fuzz_check(memcmp(a->data, q->data, 2) == 0 && (a->data[2] & 0x80));
}

static void try_service(uint8_t which, const struct service_request *q)
{
	static struct service_answer a;

	switch (which % 3) {
	case 0:
		if (dhcp4_answer(&who, q, &a) == 0)
			check_dhcp4(&a);
		break;
	case 1:
		if (dhcp6_answer(&who, q, &a) == 0)
			check_options6(a.data + 4, a.size - 4);
		break;
	default:
		if (dns_answer(&who, q, &a) == 0)
			check_dns(&a, q);
	}
}

void fuzz_one(const uint8_t *data, size_t size)
{
	struct service_request q = {.src_mac = port.mac, .sport = 546};
	uint8_t *exact;

	if (size < CONTROL_SIZE || size - CONTROL_SIZE > SERVICE_REQUEST_MAX)
		return;
	q.size = size - CONTROL_SIZE;
	q.src = addr_of("fe80::1");
	q.dst = addr_of(data[1] & UNICAST ? "fe80::2" : "ff02::1:2");
	exact = malloc(q.size ? q.size : 1);
	fuzz_check(exact != NULL);
	memcpy(exact, data + CONTROL_SIZE, q.size);
	q.data = exact;
	try_service(data[0], &q);
	free(exact);
}

static void seed(uint8_t which, const void *data, size_t size)
{
	uint8_t input[CONTROL_SIZE + 512] = {which};

	memcpy(input + CONTROL_SIZE, data, size);
	fuzz_seed(input, CONTROL_SIZE + size);
	input[1] = UNICAST;
	fuzz_seed(input, CONTROL_SIZE + size);
}

static void seed_dhcp4(uint8_t type)
{
	static const uint8_t head[] = {1, 1, 6, 0, 1, 2, 3, 4}, cookie[] = {99, 130, 83, 99};
	const uint8_t options[] = {53, 1, type, 54, 4, 10, 0, 0, 1, 50, 4, 10, 0, 0, 5, 61, 3, 1, 2,
		3, 57, 2, 5, 0, 52, 1, 3, 255};
	uint8_t msg[240 + sizeof(options)] = {0};

	memcpy(msg, head, sizeof(head));
	memcpy(msg + 28, port.mac.b, 6);
	msg[44] = msg[108] = 255;
	memcpy(msg + 236, cookie, sizeof(cookie));
	memcpy(msg + 240, options, sizeof(options));
	seed(0, msg, sizeof(msg));
}

static void seed_dhcp6(uint8_t type, bool server)
{
	static const uint8_t client_id[] = {0, 1, 0, 5, 0, 3, 0, 1, 9};
	static const uint8_t server_id[] = {0, 2, 0, 10, 0, 3, 0, 1, 2, 0, 0, 0, 0, 0xfe};
	static const uint8_t ia[] = {0, 14, 0, 0, 0, 3, 0, 40, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 5, 0, 24, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0,
		0};
	uint8_t msg[128] = {type, 1, 2, 3};
	uint32_t size = 4;

	memcpy(msg + size, client_id, sizeof(client_id));
	size += sizeof(client_id);
	if (server) {
		memcpy(msg + size, server_id, sizeof(server_id));
		size += sizeof(server_id);
	}
	memcpy(msg + size, ia, sizeof(ia));
	seed(1, msg, size + sizeof(ia));
}

void fuzz_seeds(void)
{
	static const uint8_t query[] = {1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 'A', 1, 'b', 0, 0, 1,
		0, 1, 0, 0, 41, 16, 0, 0, 0, 0x80, 0, 0, 6, 0, 10, 0, 2, 1, 2};

	for (uint8_t type = 1; type <= 11; type++) {
		seed_dhcp4(type);
		seed_dhcp6(type, false);
		seed_dhcp6(type, true);
	}
	seed(2, query, sizeof(query));
}
