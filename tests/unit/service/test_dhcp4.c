/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The DHCPv4 server: every state of a client (RFC 2131 section 4.3.2), what the answers hold, and
 * what is refused at every length and offset.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <service/dhcp4.h>

#include "frame.h"
#include "world.h"

enum {
	DISCOVER = 1,
	OFFER,
	REQUEST,
	DECLINE,
	ACK,
	NAK,
	RELEASE,
	INFORM
};

static struct world w;
static uint8_t msg[1500];
static uint32_t msg_size;
static struct service_answer a;

static void add(uint8_t code, const void *data, uint8_t n)
{
	msg[msg_size++] = code;
	msg[msg_size++] = n;
	memcpy(msg + msg_size, data, n);
	msg_size += n;
}

static void add_addr(uint8_t code, const char *addr)
{
	add(code, &world_addr(addr).b[12], 4);
}

static void begin(uint8_t type)
{
	static const uint8_t head[] = {1, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef};
	static const uint8_t cookie[] = {99, 130, 83, 99};

	memset(msg, 0, sizeof(msg));
	memcpy(msg, head, sizeof(head));
	memcpy(msg + 28, w.port.mac.b, 6);
	memcpy(msg + 236, cookie, 4);
	msg_size = 240;
	if (type)
		add(53, &type, 1);
}

static int ask_raw(void)
{
	struct service_request q = {.data = world_exact(msg, msg_size), .size = msg_size};

	memset(&a, 0xee, sizeof(a));
	return dhcp4_answer(&w.who, &q, &a);
}

static int ask(void)
{
	msg[msg_size++] = 255;
	return ask_raw();
}

/* The data of an option of the answer, its size to *n; NULL: not there. Every option stands once.
 */
static const uint8_t *option(uint8_t code, uint8_t *n)
{
	const uint8_t *found = NULL;
	uint32_t i = 240;

	for (; i < a.size && a.data[i] != 255; i += 2 + a.data[i + 1]) {
		assert_true(i + 2 + a.data[i + 1] <= a.size);
		if (a.data[i] != code)
			continue;
		assert_null(found);
		found = a.data + i + 2;
		*n = a.data[i + 1];
	}
	assert_true(i < a.size);
	for (i++; i < a.size; i++)
		assert_int_equal(a.data[i], 0);
	return found;
}

static void expect(uint8_t code, const void *data, uint8_t size)
{
	uint8_t n = 0;
	const uint8_t *p = option(code, &n);

	assert_non_null(p);
	assert_int_equal(n, size);
	assert_memory_equal(p, data, size);
}

static void expect_addr(uint8_t code, const char *addr)
{
	expect(code, &world_addr(addr).b[12], 4);
}

static void expect_none(uint8_t code)
{
	uint8_t n;

	assert_null(option(code, &n));
}

static void expect_to(const char *dst, const uint8_t *mac)
{
	struct weft_addr addr = world_addr(dst);

	assert_memory_equal(&a.dst, &addr, sizeof(addr));
	assert_memory_equal(a.dst_mac.b, mac, 6);
	assert_int_equal(a.proto, 17);
	assert_int_equal(a.sport, 67);
	assert_int_equal(a.dport, 68);
}

static void expect_header(const char *ciaddr, const char *yiaddr)
{
	assert_true(a.size >= 300);
	assert_int_equal(a.data[0], 2);
	assert_memory_equal(a.data + 1, msg + 1, 2);
	assert_memory_equal(a.data + 4, msg + 4, 4);
	assert_memory_equal(a.data + 12, &world_addr(ciaddr).b[12], 4);
	assert_memory_equal(a.data + 16, &world_addr(yiaddr).b[12], 4);
	assert_memory_equal(a.data + 28, msg + 28, 16);
}

static void expect_subnet(void)
{
	static const uint8_t routes[] = {0, 10, 0, 0, 1, 16, 10, 7, 10, 0, 0, 9};

	expect_addr(54, "10.0.0.1");
	expect_addr(1, "255.255.255.0");
	expect_addr(3, "10.0.0.1");
	expect_addr(6, "10.9.0.53");
	expect(26, "\x05\xaa", 2);
	expect(121, routes, sizeof(routes));
	expect(12, "web-1", 5);
	expect(15, "example.org", 11);
}

static void test_discover(void **state)
{
	struct weft_addr gateway = world_addr("10.0.0.1");

	begin(DISCOVER);
	add(61, "\x01\x02\x00\x00\x00\x00\x01", 7);
	add_addr(50, "10.0.0.77"); /* a wish that can't be met */
	assert_int_equal(ask(), 0);
	expect_header("0.0.0.0", "10.0.0.5");
	expect(53, (uint8_t[]){OFFER}, 1);
	expect_subnet();
	expect(51, "\x00\x00\x1f\x40", 4);
	expect(58, "\x00\x00\x0f\xa0", 4);
	expect(59, "\x00\x00\x1b\x58", 4);
	expect(61, "\x01\x02\x00\x00\x00\x00\x01", 7);
	expect_to("10.0.0.5", w.port.mac.b);
	assert_memory_equal(&a.src, &gateway, sizeof(gateway));
	begin(DISCOVER);
	msg[10] = 0x80;
	assert_int_equal(ask(), 0);
	expect_to("255.255.255.255", (uint8_t[]){255, 255, 255, 255, 255, 255});
	assert_int_equal(a.data[10], 0x80);
	expect_none(61);
}

/* REQUEST as each state of the client sends it. */
static int request(const char *server, const char *requested, const char *ciaddr)
{
	begin(REQUEST);
	if (server)
		add_addr(54, server);
	if (requested)
		add_addr(50, requested);
	if (ciaddr)
		memcpy(msg + 12, &world_addr(ciaddr).b[12], 4);
	return ask();
}

static void test_request(void **state)
{
	static const struct {
		const char *server, *requested, *ciaddr;
		int drop;
		uint8_t answer;
	} cases[] = {
		{"10.0.0.1", "10.0.0.5", NULL, 0, ACK}, /* selecting */
		{"10.0.0.1", "10.0.0.6", NULL, 0, NAK},
		{"10.0.0.2", "10.0.0.5", NULL, WEFT_DROP_SERVICE_REQUEST, 0},
		{NULL, "10.0.0.5", NULL, 0, ACK}, /* rebooting */
		{NULL, "192.168.1.2", NULL, 0, NAK},
		{NULL, NULL, "10.0.0.5", 0, ACK}, /* renewing, rebinding */
		{NULL, NULL, "10.0.0.6", 0, NAK},
		{NULL, NULL, NULL, WEFT_DROP_SERVICE_REQUEST, 0},
		{"10.0.0.1", NULL, NULL, WEFT_DROP_SERVICE_REQUEST, 0},
	};

	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		int drop = request(cases[i].server, cases[i].requested, cases[i].ciaddr);

		assert_int_equal(drop, cases[i].drop);
		if (drop)
			continue;
		expect(53, &cases[i].answer, 1);
		if (cases[i].answer == ACK) {
			expect_header(cases[i].ciaddr ? cases[i].ciaddr : "0.0.0.0", "10.0.0.5");
			expect_subnet();
			expect(51, "\x00\x00\x1f\x40", 4);
			expect_to("10.0.0.5", w.port.mac.b);
			continue;
		}
		expect_header("0.0.0.0", "0.0.0.0");
		expect_addr(54, "10.0.0.1");
		expect_none(1);
		expect_none(51);
		expect_to("255.255.255.255", (uint8_t[]){255, 255, 255, 255, 255, 255});
	}
}

static void test_inform(void **state)
{
	begin(INFORM);
	memcpy(msg + 12, &world_addr("10.0.0.5").b[12], 4);
	assert_int_equal(ask(), 0);
	expect_header("10.0.0.5", "0.0.0.0");
	expect(53, (uint8_t[]){ACK}, 1);
	expect_subnet();
	expect_none(51);
	expect_none(58);
	expect_none(59);
	begin(INFORM);
	memcpy(msg + 12, &world_addr("10.0.0.6").b[12], 4);
	assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
}

static void test_taken(void **state)
{
	begin(RELEASE);
	memcpy(msg + 12, &world_addr("10.0.0.5").b[12], 4);
	add_addr(54, "10.0.0.1");
	assert_int_equal(ask(), WEFT_DROP_SERVICE_TAKEN);
	begin(DECLINE);
	add_addr(50, "10.0.0.5");
	add_addr(54, "10.0.0.1");
	assert_int_equal(ask(), WEFT_DROP_SERVICE_TAKEN);
	begin(DECLINE);
	add_addr(50, "10.0.0.5");
	assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
}

static void test_which_address(void **state)
{
	begin(DISCOVER);
	w.subnets[0].spec.flags = 0;
	assert_int_equal(ask(), WEFT_DROP_SERVICE_ABSENT);
	world_make(&w);
	w.port.addrs[0] = world_prefix("10.0.0.0/25"); /* a range may be sent from, not given */
	begin(DISCOVER);
	assert_int_equal(ask(), WEFT_DROP_SERVICE_ABSENT);
	w.port.n_addrs = 4;
	w.port.addrs[2] = world_prefix("10.0.0.7/32");
	w.port.addrs[3] = world_prefix("10.0.0.8/32");
	begin(DISCOVER);
	assert_int_equal(ask(), 0);
	expect_header("0.0.0.0", "10.0.0.7");
	assert_int_equal(request("10.0.0.1", "10.0.0.8", NULL), 0);
	expect_header("0.0.0.0", "10.0.0.8");
	/* an IPv6 subnet that would contain it as bits */
	world_make(&w);
	w.subnets[0].spec.flags = 0;
	w.subnets[1].spec.prefix = world_prefix("::/0");
	begin(DISCOVER);
	assert_int_equal(ask(), WEFT_DROP_SERVICE_ABSENT);
}

static void test_without_gateway(void **state)
{
	static const uint8_t routes[] = {16, 10, 7, 10, 0, 0, 9};
	struct weft_addr alone = world_addr("169.254.0.1");

	w.subnets[0].spec.gateway = (struct weft_addr){0};
	begin(DISCOVER);
	assert_int_equal(ask(), 0);
	expect_addr(54, "169.254.0.1");
	assert_memory_equal(&a.src, &alone, sizeof(alone));
	expect_none(3);
	expect(121, routes, sizeof(routes));
	assert_int_equal(request("169.254.0.1", "10.0.0.5", NULL), 0);
	expect(53, (uint8_t[]){ACK}, 1);
}

static void test_dns_of_the_gateway(void **state)
{
	w.subnets[0].spec.flags |= WEFT_SUBNET_DNS;
	w.subnets[0].spec.n_dns = 3;
	w.subnets[0].spec.dns[1] = world_addr("10.0.0.1");
	w.subnets[0].spec.dns[2] = world_addr("fd09::1");
	begin(DISCOVER);
	assert_int_equal(ask(), 0);
	expect(6, (uint8_t[]){10, 0, 0, 1, 10, 9, 0, 53}, 8);
}

static void test_little_configured(void **state)
{
	w.port.hostname[0] = w.subnets[0].spec.domain[0] = 0;
	w.subnets[0].spec.n_dns = w.subnets[0].spec.n_routes = 0;
	w.subnets[0].spec.lease_s = 0;
	w.port.mtu = 1400;
	begin(DISCOVER);
	assert_int_equal(ask(), 0);
	expect_none(6);
	expect_none(12);
	expect_none(15);
	expect_none(121);
	expect(51, "\x00\x01\x51\x80", 4);
	expect(26, "\x05\x78", 2);
}

/* 576 bytes hold what matters; a client that takes more gets all. */
static void test_size(void **state)
{
	uint8_t id[255] = {1}, n;

	for (unsigned int i = 0; i < WEFT_SUBNET_ROUTES; i++)
		w.subnets[0].spec.routes[i] = (struct weft_host_route){
			.prefix = world_prefix("10.7.1.1/32"), .via = world_addr("10.0.0.9")};
	w.subnets[0].spec.n_routes = WEFT_SUBNET_ROUTES;
	memset(w.port.hostname, 'h', WEFT_NAME_SIZE - 1);
	memset(w.subnets[0].spec.domain, 'd', WEFT_NAME_SIZE - 1);
	for (int large = 0; large < 2; large++) {
		begin(DISCOVER);
		add(61, id, sizeof(id));
		add(57, large ? "\x05\xdc" : "\x00\x40", 2);
		assert_int_equal(ask(), 0);
		assert_true(a.size <= (large ? SERVICE_ANSWER_MAX : 548));
		expect(61, id, sizeof(id));
		expect_addr(1, "255.255.255.0");
		expect_addr(3, "10.0.0.1");
		expect(26, "\x05\xaa", 2);
		assert_int_equal(!!option(121, &n), large);
		assert_int_equal(!!option(15, &n), large);
	}
}

static void test_overload(void **state)
{
	static const uint8_t type[] = {53, 1, DISCOVER, 255}, server[] = {54, 4, 10, 0, 0, 2, 255};

	begin(0);
	add(52, "\x03", 1);
	memcpy(msg + 108, type, sizeof(type));
	memset(msg + 44, 0, 64);
	msg[44] = 255;
	assert_int_equal(ask(), 0);
	expect(53, (uint8_t[]){OFFER}, 1);
	memcpy(msg + 44, server, sizeof(server)); /* another server's */
	assert_int_equal(ask_raw(), WEFT_DROP_SERVICE_REQUEST);
	memset(msg + 44, 0, 64); /* no end */
	assert_int_equal(ask_raw(), WEFT_DROP_SERVICE_REQUEST);
	msg[44] = 255;
	msg[242] = 4;
	assert_int_equal(ask_raw(), WEFT_DROP_SERVICE_REQUEST);
	msg[242] = 2; /* then the type in "file" is none */
	assert_int_equal(ask_raw(), WEFT_DROP_SERVICE_REQUEST);
}

static void test_refused_headers(void **state)
{
	static const uint8_t changes[][2] = {{0, 2}, {0, 0}, {1, 6}, {2, 5}, {2, 16}, {24, 10},
		{27, 1}, {28, 4}, {33, 2}, {236, 0}, {239, 0}};

	for (unsigned int i = 0; i < RTE_DIM(changes); i++) {
		begin(DISCOVER);
		msg[changes[i][0]] = changes[i][1];
		assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
	}
}

static void test_refused_options(void **state)
{
	static const uint8_t sizes[][2] = {
		{50, 3}, {50, 5}, {52, 2}, {53, 0}, {54, 0}, {57, 1}, {61, 1}, {61, 0}};
	uint8_t zero[8] = {0};

	for (unsigned int i = 0; i < RTE_DIM(sizes); i++) {
		begin(sizes[i][0] == 53 ? 0 : DISCOVER);
		add(sizes[i][0], zero, sizes[i][1]);
		assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
	}
	begin(DISCOVER); /* twice */
	add(53, "\x01", 1);
	assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
	begin(0); /* BOOTP */
	assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
	for (uint8_t type = 0; type < 20; type++) { /* a server's words, and unknown ones */
		begin(0);
		add(53, &type, 1);
		if (type == DISCOVER)
			continue;
		assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
	}
}

static void test_every_length(void **state)
{
	uint32_t whole;

	begin(REQUEST);
	add_addr(50, "10.0.0.5");
	add(55, "\x01\x03\x06\x0f\x1a\x79", 6);
	add(61, "\x01\x02\x00\x00\x00\x00\x01", 7);
	assert_int_equal(ask(), 0);
	whole = msg_size;
	for (msg_size = 0; msg_size < whole; msg_size++)
		assert_int_equal(ask_raw(), WEFT_DROP_SERVICE_REQUEST);
	msg[whole++] = 0; /* padding behind the end */
	msg[whole++] = 7;
	msg_size = whole;
	assert_int_equal(ask_raw(), 0);
}

static void test_noise(void **state)
{
	uint64_t seed = 4;

	for (unsigned int i = 0; i < 200000; i++) {
		begin(1 + test_random(&seed) % 8);
		add_addr(50, "10.0.0.5");
		add(52, "\x03", 1);
		for (unsigned int n = test_random(&seed) % 30; n > 0; n--)
			msg[test_random(&seed) % 2 ? 240 + test_random(&seed) % 20
						   : 44 + test_random(&seed) % 192] =
				test_random(&seed);
		msg_size += test_random(&seed) % 4;
		if (ask() == 0)
			expect_addr(54, "10.0.0.1");
	}
}

static int setup(void **state)
{
	world_make(&w);
	return 0;
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {T(test_discover), T(test_request), T(test_inform),
		T(test_taken), T(test_which_address), T(test_without_gateway),
		T(test_dns_of_the_gateway), T(test_little_configured), T(test_size),
		T(test_overload), T(test_refused_headers), T(test_refused_options),
		T(test_every_length), T(test_noise)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
