/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DNS on the host: names that are known, known without that type, not known; EDNS; and what is
 * malformed at every length.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <service/dns.h>

#include "frame.h"
#include "test_eal.h"
#include "world.h"

enum {
	A = 1,
	NS = 2,
	PTR = 12,
	AAAA = 28,
	ANY = 255
};
enum {
	FORMERR = 1,
	NOTIMP = 4,
	REFUSED = 5
};

static struct world w;
static uint8_t msg[600];
static uint32_t msg_size, question_size;
static struct service_answer a;

static void begin(const char *name, uint16_t type)
{
	static const uint8_t head[12] = {0xab, 0xcd, 1, 0, 0, 1};

	memcpy(msg, head, sizeof(head));
	msg_size = 12;
	while (*name) {
		uint32_t len = strcspn(name, ".");

		msg[msg_size++] = len;
		memcpy(msg + msg_size, name, len);
		msg_size += len;
		name += len + (name[len] == '.');
	}
	msg[msg_size++] = 0;
	put16(msg + msg_size, type);
	put16(msg + msg_size + 2, 1);
	msg_size += 4;
	question_size = msg_size - 12;
}

static void add_opt(uint8_t version, const void *data, uint16_t size)
{
	uint8_t opt[11] = {0, 0, 41, 0x10, 0, 0, version, 0x80, 0, 0, size};

	msg[11] = 1;
	memcpy(msg + msg_size, opt, sizeof(opt));
	if (size)
		memcpy(msg + msg_size + sizeof(opt), data, size);
	msg_size += sizeof(opt) + size;
}

static int ask(void)
{
	struct service_request q = {.src_mac = w.port.mac,
		.src = world_addr("10.0.0.5"),
		.dst = world_addr("10.0.0.1"),
		.sport = 40000,
		.data = world_exact(msg, msg_size),
		.size = msg_size};

	memset(&a, 0xee, sizeof(a));
	return dns_answer(&w.who, &q, &a);
}

static void expect_rcode(uint8_t rcode)
{
	assert_int_equal(ask(), 0);
	assert_memory_equal(a.data, msg, 2);
	assert_int_equal(a.data[2] & 0x80, 0x80);
	assert_int_equal(a.data[2] & 0x79, msg[2] & 0x79);
	assert_int_equal(a.data[3] & 0xf0, 0); /* no recursion here */
	assert_int_equal(a.data[3] & 0x0f, rcode);
	assert_int_equal(!!(a.data[2] & 4), rcode == 0);
	assert_memory_equal(&a.src, world_addr("10.0.0.1").b, 16);
	assert_memory_equal(&a.dst, world_addr("10.0.0.5").b, 16);
	assert_memory_equal(&a.dst_mac, &w.port.mac, 6);
	assert_int_equal(a.sport, 53);
	assert_int_equal(a.dport, 40000);
}

/* The answer is the question, n records and additional ones: returns where the records begin. */
static const uint8_t *expect_answer(uint16_t n)
{
	expect_rcode(0);
	assert_int_equal(get16(a.data + 4), 1);
	assert_int_equal(get16(a.data + 6), n);
	assert_int_equal(get16(a.data + 8), 0);
	assert_memory_equal(a.data + 12, msg + 12, question_size);
	return a.data + 12 + question_size;
}

static const uint8_t *expect_record(const uint8_t *p, uint16_t type, const void *data, uint16_t n)
{
	assert_int_equal(get16(p), 0xc00c);
	assert_int_equal(get16(p + 2), type);
	assert_int_equal(get16(p + 4), 1);
	assert_int_equal(get16(p + 8), 30);
	assert_int_equal(get16(p + 10), n);
	assert_memory_equal(p + 12, data, n);
	return p + 12 + n;
}

static void expect_end(const uint8_t *p)
{
	assert_ptr_equal(p, a.data + a.size);
}

static void test_known(void **state)
{
	struct weft_addr v6 = world_addr("fd00::5");
	const uint8_t *p;

	begin("web-1.example.org", A);
	expect_end(expect_record(expect_answer(1), A, "\x0a\0\0\5", 4));
	begin("WEB-1.Example.ORG", AAAA);
	expect_end(expect_record(expect_answer(1), AAAA, &v6, 16));
	begin("web-1.example.org", ANY);
	p = expect_record(expect_answer(2), A, "\x0a\0\0\5", 4);
	expect_end(expect_record(p, AAAA, &v6, 16));
}

static void test_no_data(void **state)
{
	begin("v4.example.org", AAAA);
	expect_end(expect_answer(0));
	begin("v4.example.org", NS);
	expect_end(expect_answer(0));
}

static void test_not_known(void **state)
{
	static const char *const names[] = {"", "org", "example.org", "web-1.example.or",
		"web-1.example.orgx", "5.0.0.10.in-addr.arpa", "other.example.org"};

	for (unsigned int i = 0; i < RTE_DIM(names); i++) {
		begin(names[i], i == 5 ? PTR : A);
		expect_rcode(REFUSED);
		assert_memory_equal(a.data + 12, msg + 12, question_size);
		assert_int_equal(a.size, 12 + question_size);
	}
	begin("web-1.example.org", A); /* one label that looks like two */
	msg[12] = 13;
	msg[18] = '.';
	expect_rcode(REFUSED);
	begin("web-1.example.org", A); /* another class */
	put16(msg + msg_size - 2, 3);
	expect_rcode(REFUSED);
}

static void test_other_network(void **state)
{
	w.segment.network_slot = 2;
	begin("web-1.example.org", A);
	expect_rcode(REFUSED);
	begin("other.example.org", A);
	expect_end(expect_record(expect_answer(1), A, "\x0a\0\0\7", 4));
}

static void expect_opt(const uint8_t *p, uint8_t extended)
{
	const uint8_t opt[11] = {0, 0, 41, 0x04, 0xd0, extended, 0, 0x80};

	assert_int_equal(get16(a.data + 10), 1);
	assert_memory_equal(p, opt, sizeof(opt));
	expect_end(p + sizeof(opt));
}

static void test_edns(void **state)
{
	begin("web-1.example.org", A);
	add_opt(0, "\0\x0a\0\4abcd\0\xc\0\0", 12);
	expect_opt(expect_record(expect_answer(1), A, "\x0a\0\0\5", 4), 0);
	begin("nobody.example.org", A);
	add_opt(0, NULL, 0);
	expect_rcode(REFUSED);
	expect_opt(a.data + 12 + question_size, 0);
	begin("web-1.example.org", A);
	add_opt(1, NULL, 0);
	assert_int_equal(ask(), 0);
	assert_int_equal(a.data[3], 0); /* 16, with the upper bits in OPT */
	assert_int_equal(get16(a.data + 6), 0);
	expect_opt(a.data + 12 + question_size, 1);
	begin("web-1.example.org", A);
	add_opt(0, "\0\x0a\0\5abcd", 8);
	expect_rcode(FORMERR);
}

static void test_malformed(void **state)
{
	static const uint8_t counts[][2] = {{5, 0}, {5, 2}, {7, 1}, {9, 1}, {11, 1}, {11, 2}};

	for (unsigned int i = 0; i < RTE_DIM(counts); i++) {
		begin("web-1.example.org", A);
		msg[counts[i][0]] = counts[i][1];
		expect_rcode(FORMERR);
		assert_int_equal(a.size, 12);
	}
	begin("web-1.example.org", A); /* compressed */
	msg[18] = 0xc0;
	expect_rcode(FORMERR);
	begin("web-1.example.org", A); /* something behind it */
	msg_size++;
	expect_rcode(FORMERR);
	begin("web-1.example.org", A);
	msg[2] |= 2; /* truncated */
	expect_rcode(FORMERR);
	begin("web-1.example.org", A);
	msg[2] = 4 << 3; /* NOTIFY */
	expect_rcode(NOTIMP);
	begin("web-1.example.org", A);
	msg[2] = 0x80; /* an answer */
	assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
}

static void test_long_names(void **state)
{
	char name[260];

	for (unsigned int i = 0; i < sizeof(name); i++)
		name[i] = i % 2 ? '.' : 'a';
	name[253] = 0; /* 255 bytes on the wire */
	begin(name, A);
	assert_int_equal(question_size, 259);
	expect_rcode(REFUSED);
	name[253] = '.';
	name[255] = 0;
	begin(name, A);
	expect_rcode(FORMERR);
	memset(name, 'x', 64);
	name[64] = 0;
	begin(name, A);
	expect_rcode(FORMERR);
}

static void test_every_length(void **state)
{
	uint32_t whole;

	begin("web-1.example.org", A);
	add_opt(0, "\0\x0a\0\4abcd", 8);
	whole = msg_size;
	for (msg_size = 0; msg_size < whole; msg_size++) {
		if (msg_size < 12)
			assert_int_equal(ask(), WEFT_DROP_SERVICE_REQUEST);
		else
			expect_rcode(FORMERR);
	}
}

static int setup(void **state)
{
	world_make(&w);
	world_dns(1, "web-1.example.org", "10.0.0.5");
	world_dns(1, "web-1.example.org", "fd00::5");
	world_dns(1, "v4.example.org", "10.0.0.6");
	world_dns(2, "other.example.org", "10.0.0.7");
	return 0;
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {T(test_known), T(test_no_data), T(test_not_known),
		T(test_other_network), T(test_edns), T(test_malformed), T(test_long_names),
		T(test_every_length)};

	test_eal_init(64);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
