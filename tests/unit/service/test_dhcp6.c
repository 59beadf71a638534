/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The DHCPv6 server: every message of a client (RFC 8415 sections 16 and 18.3), and what is refused
 * at every length.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <service/dhcp6.h>

#include "frame.h"
#include "world.h"

enum {
	SOLICIT = 1,
	ADVERTISE,
	REQUEST,
	CONFIRM,
	RENEW,
	REBIND,
	REPLY,
	RELEASE,
	DECLINE
};
enum {
	INFORMATION = 11,
	RELAY = 12
};

static const uint8_t client_id[] = {0, 1, 0, 1, 1, 2, 3, 4, 2, 0, 0, 0, 0, 1};
static const uint8_t server_id[] = {0, 3, 0, 1, 2, 0, 0, 0, 0, 0xfe};

static struct world w;
static uint8_t msg[1500];
static uint32_t msg_size;
static struct weft_addr to;
static struct service_answer a;

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void add(uint16_t code, const void *data, uint16_t size)
{
	put16(msg + msg_size, code);
	put16(msg + msg_size + 2, size);
	if (size)
		memcpy(msg + msg_size + 4, data, size);
	msg_size += 4 + size;
}

static void add_ia(uint16_t code, uint8_t id, const char *addr)
{
	uint8_t data[40] = {0, 0, 0, id};
	uint32_t size = code == 4 ? 4 : 12;

	if (addr) {
		struct weft_addr x = world_addr(addr);

		put16(data + size, 5);
		put16(data + size + 2, 24);
		memcpy(data + size + 4, &x, 16);
		size += 28;
	}
	add(code, data, size);
}

static void begin(uint8_t type, bool server)
{
	memcpy(msg, (uint8_t[]){type, 0xaa, 0xbb, 0xcc}, 4);
	msg_size = 4;
	add(1, client_id, sizeof(client_id));
	if (server)
		add(2, server_id, sizeof(server_id));
	add(6, "\0\x17\0\x18", 4);
}

static int ask(void)
{
	struct service_request q = {.src_mac = w.port.mac,
		.src = world_addr("fe80::ff:fe00:1"),
		.dst = to,
		.sport = 546,
		.data = world_exact(msg, msg_size),
		.size = msg_size};

	memset(&a, 0xee, sizeof(a));
	return dhcp6_answer(&w.who, &q, &a);
}

/* The nth option of that code in n bytes, its size to *size; NULL: there are fewer. */
static const uint8_t *option_in(
	const uint8_t *p, uint32_t n, uint16_t code, unsigned int nth, uint32_t *size)
{
	const uint8_t *found = NULL;
	uint32_t i = 0;

	for (; i < n; i += 4 + get16(p + i + 2)) {
		assert_true(i + 4 <= n && i + 4 + get16(p + i + 2) <= n);
		if (get16(p + i) == code && nth-- == 0) {
			found = p + i + 4;
			*size = get16(p + i + 2);
		}
	}
	assert_int_equal(i, n);
	return found;
}

static const uint8_t *option(uint16_t code, unsigned int nth, uint32_t *size)
{
	return option_in(a.data + 4, a.size - 4, code, nth, size);
}

static void expect(uint16_t code, const void *data, uint32_t size)
{
	uint32_t n = 0;
	const uint8_t *p = option(code, 0, &n);

	assert_non_null(p);
	assert_int_equal(n, size);
	assert_memory_equal(p, data, size);
	assert_null(option(code, 1, &n));
}

static void expect_head(uint8_t type)
{
	struct weft_addr src = world_addr("fe80::ff:fe00:fe"), dst = world_addr("fe80::ff:fe00:1");

	assert_int_equal(a.data[0], type);
	assert_memory_equal(a.data + 1, msg + 1, 3);
	expect(2, server_id, sizeof(server_id));
	expect(1, client_id, sizeof(client_id));
	assert_memory_equal(&a.src, &src, 16);
	assert_memory_equal(&a.dst, &dst, 16);
	assert_memory_equal(&a.dst_mac, &w.port.mac, 6);
	assert_int_equal(a.sport, 547);
	assert_int_equal(a.dport, 546);
	assert_int_equal(a.proto, 17);
}

static void expect_dns(void)
{
	expect(23, &w.subnets[1].spec.dns[0], 16);
	expect(24, "\7example\3org", 13);
}

/* The nth IA_NA gives that address for that long; 0 seconds: takes it away. */
static void expect_addr(unsigned int nth, unsigned int which, const char *addr, uint32_t lease_s)
{
	uint32_t size = 0, n = 0;
	const uint8_t *ia = option(3, nth, &size), *p;
	struct weft_addr x = world_addr(addr);

	assert_non_null(ia);
	p = option_in(ia + 12, size - 12, 5, which, &n);
	assert_true(p && n == 24);
	assert_memory_equal(p, &x, 16);
	assert_int_equal(get32(p + 16), lease_s);
	assert_int_equal(get32(p + 20), lease_s);
}

static void expect_ia_status(uint16_t code, unsigned int nth, uint16_t status)
{
	uint32_t size = 0, n = 0, head = code == 4 ? 4 : 12;
	const uint8_t *ia = option(code, nth, &size), *p;

	assert_non_null(ia);
	p = option_in(ia + head, size - head, 13, 0, &n);
	assert_true(p && n == 2);
	assert_int_equal(get16(p), status);
	assert_null(option_in(ia + head, size - head, 5, 0, &n));
}

static void expect_status(uint16_t status)
{
	expect(13, (uint8_t[]){0, status}, 2);
}

static void test_solicit(void **state)
{
	uint32_t size;
	const uint8_t *ia;

	begin(SOLICIT, false);
	add_ia(3, 7, NULL);
	assert_int_equal(ask(), 0);
	expect_head(ADVERTISE);
	ia = option(3, 0, &size);
	assert_int_equal(get32(ia), 7);
	assert_int_equal(get32(ia + 4), 4000);
	assert_int_equal(get32(ia + 8), 6400);
	expect_addr(0, 0, "fd00::5", 8000);
	expect_dns();
	add(14, NULL, 0);
	assert_int_equal(ask(), 0);
	expect_head(REPLY);
	expect(14, NULL, 0);
	expect_addr(0, 0, "fd00::5", 8000);
}

static void test_addresses(void **state)
{
	w.port.n_addrs = 5;
	w.port.addrs[2] = world_prefix("fd00::6/128");
	w.port.addrs[3] = world_prefix("fd01::6/128");
	w.port.addrs[4] = world_prefix("fd00::/96");
	begin(SOLICIT, false);
	add_ia(3, 1, NULL);
	add_ia(3, 2, NULL);
	add_ia(4, 3, NULL);
	add_ia(25, 4, NULL);
	assert_int_equal(ask(), 0);
	expect_addr(0, 0, "fd00::5", 8000);
	expect_addr(0, 1, "fd00::6", 8000);
	expect_ia_status(3, 1, 2);
	expect_ia_status(4, 0, 2);
	expect_ia_status(25, 0, 6);
	w.port.n_addrs = 1;
	assert_int_equal(ask(), 0);
	expect_ia_status(3, 0, 2);
	expect_dns();
	w.subnets[1].spec.flags = WEFT_SUBNET_RA;
	assert_int_equal(ask(), WEFT_DROP_SERVICE_ABSENT);
}

static void test_request_renew_rebind(void **state)
{
	static const uint8_t types[] = {REQUEST, RENEW, REBIND};

	for (unsigned int i = 0; i < RTE_DIM(types); i++) {
		begin(types[i], types[i] != REBIND);
		add_ia(3, 1, "fd00::5");
		assert_int_equal(ask(), 0);
		expect_head(REPLY);
		expect_addr(0, 0, "fd00::5", 8000);
		expect_dns();
		begin(types[i], types[i] != REBIND);
		add_ia(3, 1, "fd00::77");
		assert_int_equal(ask(), 0);
		expect_addr(0, 0, "fd00::5", 8000);
		if (types[i] != REQUEST)
			expect_addr(0, 1, "fd00::77", 0);
	}
	w.port.n_addrs = 1;
	begin(RENEW, true);
	add_ia(3, 1, NULL);
	assert_int_equal(ask(), 0);
	expect_ia_status(3, 0, 3);
}

static void test_confirm(void **state)
{
	begin(CONFIRM, false);
	add_ia(3, 1, "fd00::5");
	assert_int_equal(ask(), 0);
	expect_head(REPLY);
	expect_status(0);
	add_ia(3, 2, "fd00::6");
	assert_int_equal(ask(), 0);
	expect_status(4);
	begin(CONFIRM, false);
	add_ia(3, 1, NULL);
	assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
}

static void test_release_decline(void **state)
{
	for (uint8_t type = RELEASE; type <= DECLINE; type++) {
		begin(type, true);
		add_ia(3, 1, "fd00::5");
		assert_int_equal(ask(), 0);
		expect_head(REPLY);
		expect_status(0);
	}
}

static void test_information(void **state)
{
	uint32_t n;

	begin(INFORMATION, false);
	assert_int_equal(ask(), 0);
	expect_head(REPLY);
	expect_dns();
	assert_null(option(3, 0, &n));
	begin(INFORMATION, true);
	assert_int_equal(ask(), 0);
	add_ia(3, 1, NULL);
	assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
	msg[0] = INFORMATION; /* without a client identifier */
	msg_size = 4;
	assert_int_equal(ask(), 0);
	expect(2, server_id, sizeof(server_id));
	assert_null(option(1, 0, &n));
	expect_dns();
}

static void test_identifiers(void **state)
{
	/* bit of type: with a server identifier, without */
	static const uint32_t with =
		1 << REQUEST | 1 << RENEW | 1 << RELEASE | 1 << DECLINE | 1 << INFORMATION;
	static const uint32_t without =
		1 << SOLICIT | 1 << CONFIRM | 1 << REBIND | 1 << INFORMATION;

	for (uint8_t type = 0; type < 32; type++) {
		for (int server = 0; server < 2; server++) {
			bool good = (server ? with : without) >> type & 1;

			begin(type, server);
			if (type != INFORMATION)
				add_ia(3, 1, "fd00::5");
			assert_int_equal(ask(), good ? 0 : WEFT_DROP_SERVICE_REQUEST);
		}
		if (type == INFORMATION)
			continue;
		msg[0] = type;
		msg_size = 4;
		if (with >> type & 1)
			add(2, server_id, sizeof(server_id));
		assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
	}
	begin(REQUEST, false);
	add(2, client_id, sizeof(client_id)); /* another server's */
	assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
	begin(SOLICIT, false);
	add(1, client_id, sizeof(client_id)); /* twice */
	assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
}

static void test_unicast(void **state)
{
	to = world_addr("fe80::ff:fe00:fe");
	begin(RENEW, true);
	add_ia(3, 1, "fd00::5");
	assert_int_equal(ask(), 0);
	expect_head(REPLY);
	expect_status(5);
	begin(SOLICIT, false);
	assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
	begin(INFORMATION, true);
	assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
	to = world_addr("ff05::1:3");
	begin(SOLICIT, false);
	assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
}

static void test_malformed(void **state)
{
	uint8_t long_id[131] = {0};

	begin(SOLICIT, false);
	add(3, long_id, 11);
	assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
	begin(SOLICIT, false);
	add(14, "x", 1);
	assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
	begin(SOLICIT, false);
	for (unsigned int i = 0; i < 5; i++)
		add_ia(3, i, NULL);
	assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
	begin(SOLICIT, false);
	add_ia(3, 1, "fd00::5");
	put16(msg + msg_size - 26, 23); /* a short address */
	assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
	msg[0] = SOLICIT;
	msg_size = 4;
	add(1, long_id, sizeof(long_id));
	assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
	msg_size = 4;
	add(1, long_id, 2);
	assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
}

/* A message cut anywhere is good only where an option ends. */
static void test_every_length(void **state)
{
	uint32_t whole, ends[8], n_ends = 0;

	begin(SOLICIT, false);
	ends[n_ends++] = 4 + 4 + sizeof(client_id);
	ends[n_ends++] = msg_size;
	add_ia(3, 1, "fd00::5");
	ends[n_ends++] = msg_size;
	add(14, NULL, 0);
	whole = msg_size;
	for (msg_size = 0; msg_size < whole; msg_size++) {
		bool good = false;

		for (uint32_t i = 0; i < n_ends; i++)
			good |= ends[i] == msg_size;
		assert_int_equal(ask(), good ? 0 : WEFT_DROP_SERVICE_REQUEST);
	}
}

/* More to be taken away than an answer holds. */
static void test_too_much(void **state)
{
	uint8_t data[12 + 50 * 28] = {0};

	for (unsigned int i = 0; i < 50; i++) {
		put16(data + 12 + i * 28, 5);
		put16(data + 14 + i * 28, 24);
		data[16 + i * 28] = 0xfd;
	}
	begin(RENEW, true);
	add(3, data, 12 + 30 * 28);
	assert_int_equal(ask(), 0);
	begin(RENEW, true);
	add(3, data, sizeof(data));
	assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
}

static void test_noise(void **state)
{
	uint64_t seed = 6;
	uint32_t n;

	for (unsigned int i = 0; i < 200000; i++) {
		begin(test_random(&seed) % 13, test_random(&seed) % 2);
		add_ia(3, 1, "fd00::5");
		add_ia(25, 1, "fd00::5");
		for (unsigned int k = test_random(&seed) % 4; k > 0; k--)
			msg[4 + test_random(&seed) % (msg_size - 4)] = test_random(&seed) % 32;
		if (ask() == 0)
			assert_non_null(option(2, 0, &n));
	}
}

static int setup(void **state)
{
	world_make(&w);
	to = world_addr("ff02::1:2");
	return 0;
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {T(test_solicit), T(test_addresses),
		T(test_request_renew_rebind), T(test_confirm), T(test_release_decline),
		T(test_information), T(test_identifiers), T(test_unicast), T(test_malformed),
		T(test_every_length), T(test_too_much), T(test_noise)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
