/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Router advertisements, read by an option walker of the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <service/ra.h>

#include "frame.h"
#include "world.h"

static struct world w;
static struct service_answer a;
static struct service_request q;

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* The nth option of that type, its size to *size; NULL: there are fewer. */
static const uint8_t *option(uint8_t type, unsigned int nth, uint32_t *size)
{
	const uint8_t *found = NULL;
	uint32_t i = 16;

	for (; i < a.size; i += a.data[i + 1] * 8) {
		assert_true(a.data[i + 1] > 0 && i + a.data[i + 1] * 8 <= a.size);
		if (a.data[i] == type && nth-- == 0) {
			found = a.data + i;
			*size = a.data[i + 1] * 8;
		}
	}
	assert_int_equal(i, a.size);
	return found;
}

static void test_answer(void **state)
{
	struct weft_addr server = world_addr("fd09::53");
	struct weft_addr src = world_addr("fe80::ff:fe00:fe");
	uint32_t size;
	const uint8_t *p;

	assert_int_equal(ra_answer(&w.who, &q, &a), 0);
	assert_int_equal(a.proto, 58);
	assert_memory_equal(&a.src, &src, 16);
	assert_memory_equal(&a.dst, &q.src, 16);
	assert_memory_equal(&a.dst_mac, &q.src_mac, 6);
	assert_int_equal(a.data[0], 134);
	assert_int_equal(a.data[1], 0);
	assert_int_equal(a.data[4], 64);
	assert_int_equal(a.data[5], 0xc0);
	assert_int_equal(get16(a.data + 6), 1800);
	p = option(1, 0, &size);
	assert_true(p && size == 8);
	assert_memory_equal(p + 2, w.router.spec.mac.b, 6);
	p = option(5, 0, &size);
	assert_true(p && size == 8 && get32(p + 4) == 1450);
	p = option(3, 0, &size);
	assert_true(p && size == 32);
	assert_int_equal(p[2], 64);
	assert_int_equal(p[3], 0x80);
	assert_int_equal(get32(p + 4), 8000);
	assert_int_equal(get32(p + 8), 8000);
	assert_memory_equal(p + 16, &w.subnets[1].spec.prefix.addr, 16);
	p = option(25, 0, &size);
	assert_true(p && size == 24 && get32(p + 4) == 1800);
	assert_memory_equal(p + 8, &server, 16);
	p = option(31, 0, &size);
	assert_true(p && size == 24 && get32(p + 4) == 1800);
	assert_memory_equal(p + 8, "\7example\3org\0\0\0", 16);
	assert_null(option(3, 1, &size));
}

static void test_flags(void **state)
{
	uint32_t size;

	w.subnets[1].spec.flags = WEFT_SUBNET_RA | WEFT_SUBNET_AUTONOMOUS;
	assert_int_equal(ra_answer(&w.who, &q, &a), 0);
	assert_int_equal(a.data[5], 0);
	assert_int_equal(option(3, 0, &size)[3], 0xc0);
	w.subnets[1].spec.flags = WEFT_SUBNET_DHCP;
	assert_int_equal(ra_answer(&w.who, &q, &a), WEFT_DROP_SERVICE_ABSENT);
}

static void test_short_lease(void **state)
{
	uint32_t size;

	w.subnets[1].spec.lease_s = 60;
	assert_int_equal(ra_answer(&w.who, &q, &a), 0);
	assert_int_equal(get32(option(3, 0, &size) + 4), 1800);
}

static void test_no_router(void **state)
{
	w.subnets[1].spec.gateway = (struct weft_addr){0};
	assert_int_equal(ra_answer(&w.who, &q, &a), 0);
	assert_int_equal(get16(a.data + 6), 0);
	world_make(&w);
	w.segment.router_slot = 0;
	w.who = service_asker_of(w.who.cfg, &w.segment, &w.port);
	assert_int_equal(ra_answer(&w.who, &q, &a), 0);
	assert_int_equal(get16(a.data + 6), 0);
}

static void test_to_all(void **state)
{
	struct weft_addr all = world_addr("ff02::1");

	q.src = (struct weft_addr){0};
	assert_int_equal(ra_answer(&w.who, &q, &a), 0);
	assert_memory_equal(&a.dst, &all, 16);
	assert_memory_equal(a.dst_mac.b, "\x33\x33\0\0\0\1", 6);
}

static void test_small_mtu(void **state)
{
	uint32_t size;

	w.port.mtu = 1279;
	assert_int_equal(ra_answer(&w.who, &q, &a), 0);
	assert_null(option(5, 0, &size));
}

static void test_many_subnets(void **state)
{
	static struct config_subnet many[WEFT_SEGMENT_SUBNETS];
	uint32_t size;

	for (unsigned int i = 0; i < WEFT_SEGMENT_SUBNETS; i++) {
		many[i] = w.subnets[1];
		many[i].spec.prefix.addr.b[7] = i;
	}
	w.segment.subnets = many;
	w.segment.n_subnets = WEFT_SEGMENT_SUBNETS;
	assert_int_equal(ra_answer(&w.who, &q, &a), 0);
	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(option(3, i, &size)[16 + 7], i);
}

static int setup(void **state)
{
	world_make(&w);
	q = (struct service_request){.src = world_addr("fe80::ff:fe00:1"), .src_mac = w.port.mac};
	return 0;
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {T(test_answer), T(test_flags), T(test_short_lease),
		T(test_no_router), T(test_to_all), T(test_small_mtu), T(test_many_subnets)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
