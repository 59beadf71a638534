/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks of single entries of tenants, networks and routing: good ones, and each field gone bad.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <weft/codec.h>

static void expect(unsigned int table, const void *entry, const char *field)
{
	char said[WEFT_TEXT_SIZE] = "";
	int rc = weft_entry_check(table, WEFT_OP_PUT, entry, said);

	if (!field && rc != 0)
		fail_msg("refused: %s", said);
	if (field && rc >= 0)
		fail_msg("accepted: %s", field);
	if (field && !strstr(said, field))
		fail_msg("'%s' instead of '%s'", said, field);
}

#define BAD(table, make, change, field)                                                            \
	do {                                                                                       \
		__typeof__(make()) e = make();                                                     \
                                                                                                   \
		e.change;                                                                          \
		expect(WEFT_TABLE_##table, &e, field);                                             \
	} while (0)
#define GOOD(table, make)                                                                          \
	do {                                                                                       \
		__typeof__(make()) e = make();                                                     \
                                                                                                   \
		expect(WEFT_TABLE_##table, &e, NULL);                                              \
	} while (0)

static struct weft_addr addr(const char *text)
{
	struct weft_addr a;

	assert_int_equal(weft_addr_parse(text, &a), 0);
	return a;
}

static struct weft_prefix prefix(const char *text)
{
	struct weft_prefix p;

	assert_int_equal(weft_prefix_parse(text, true, &p), 0);
	return p;
}

static struct weft_tenant tenant(void)
{
	return (struct weft_tenant){.id = 1, .name = "red"};
}

static struct weft_network network(void)
{
	return (struct weft_network){.id = 1, .tenant = 1, .name = "red/main"};
}

static struct weft_router router(void)
{
	return (struct weft_router){.id = 1, .network = 1, .mac = {{2, 0, 0, 0, 0, 1}}};
}

static struct weft_subnet subnet(void)
{
	return (struct weft_subnet){.vni = 7,
		.prefix = prefix("10.0.0.0/24"),
		.gateway = addr("10.0.0.1"),
		.flags = WEFT_SUBNET_DHCP | WEFT_SUBNET_DNS,
		.n_dns = 1,
		.dns = {addr("10.0.0.53")},
		.n_routes = 1,
		.routes = {{.prefix = prefix("10.9.0.0/16"), .via = addr("10.0.0.2")}},
		.domain = "red.example"};
}

static struct weft_route route(void)
{
	return (struct weft_route){.router = 1,
		.prefix = prefix("0.0.0.0/0"),
		.n_hops = 2,
		.hops = {{.type = WEFT_HOP_VIA, .ref = 7, .via = addr("10.0.0.2")},
			{.type = WEFT_HOP_VIA, .ref = 7, .via = addr("10.0.0.3")}}};
}

static struct weft_dns dns(void)
{
	struct weft_dns d = {.network = 1, .addr = addr("10.0.0.11"), .name = "web.red.example"};

	weft_dns_hash("WEB.red.example", strlen(d.name), d.hash);
	return d;
}

static void test_tenant_and_network(void **state)
{
	GOOD(TENANT, tenant);
	BAD(TENANT, tenant, id = 0, "id");
	BAD(TENANT, tenant, name[0] = '\n', "name");
	GOOD(NETWORK, network);
	BAD(NETWORK, network, id = 0, "id");
	BAD(NETWORK, network, tenant = 0, "tenant");
	BAD(NETWORK, network, flags = 1 << 20, "flags");
	BAD(NETWORK, network, timeout_s[WEFT_TIMEOUT_ICMP] = UINT32_MAX, "timeout_s");
}

static void test_router(void **state)
{
	GOOD(ROUTER, router);
	BAD(ROUTER, router, id = 0, "id");
	BAD(ROUTER, router, network = 0, "network");
	BAD(ROUTER, router, mac.b[0] = 1, "mac");
	BAD(ROUTER, router, flags = 1, "flags");
}

static void test_subnet(void **state)
{
	GOOD(SUBNET, subnet);
	BAD(SUBNET, subnet, vni = 0, "vni");
	BAD(SUBNET, subnet, prefix = prefix("10.0.0.1/24"), "prefix");
	BAD(SUBNET, subnet, gateway = addr("10.0.1.1"), "gateway");
	BAD(SUBNET, subnet, gateway = addr("224.0.0.1"), "gateway");
	BAD(SUBNET, subnet, flags = WEFT_SUBNET_RA, "flags");
	BAD(SUBNET, subnet, n_dns = WEFT_SUBNET_SERVERS + 1, "n_dns");
	BAD(SUBNET, subnet, dns[0] = addr("0.0.0.0"), "dns");
	BAD(SUBNET, subnet, n_routes = WEFT_SUBNET_ROUTES + 1, "n_routes");
	BAD(SUBNET, subnet, routes[0].via = addr("fd00::1"), "routes");
	BAD(SUBNET, subnet, domain[0] = 1, "domain");
}

static void test_route(void **state)
{
	GOOD(ROUTE, route);
	BAD(ROUTE, route, router = 0, "router");
	BAD(ROUTE, route, prefix.len = 129, "prefix");
	BAD(ROUTE, route, n_hops = 0, "n_hops");
	BAD(ROUTE, route, n_hops = WEFT_ROUTE_HOPS + 1, "n_hops");
	BAD(ROUTE, route, hops[0].type = 99, "hops");
	BAD(ROUTE, route, hops[0].type = WEFT_HOP_BLACKHOLE, "hops");
	BAD(ROUTE, route, hops[1].ref = 0, "vni");
	BAD(ROUTE, route, hops[1].via = addr("fd00::1"), "hops");
}

static void test_dns(void **state)
{
	GOOD(DNS, dns);
	BAD(DNS, dns, network = 0, "network");
	BAD(DNS, dns, name[0] = '\0', "name");
	BAD(DNS, dns, name[0] = 'x', "hash");
	BAD(DNS, dns, addr = addr("::"), "addr");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tenant_and_network),
		cmocka_unit_test(test_router),
		cmocka_unit_test(test_subnet),
		cmocka_unit_test(test_route),
		cmocka_unit_test(test_dns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
