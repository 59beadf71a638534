/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names and text forms of addresses.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <weft/addr.h>
#include <weft/drop_reason.h>
#include <weft/entry.h>
#include <weft/msg.h>

static void test_names(void **state)
{
	assert_string_equal(weft_drop_name(WEFT_DROP_UNKNOWN_VNI), "unknown-vni");
	assert_non_null(weft_drop_help(WEFT_DROP_UNKNOWN_VNI));
	assert_null(weft_drop_name(0));
	assert_null(weft_drop_name(WEFT_DROP_MAX));
	assert_string_equal(weft_table_name(WEFT_TABLE_FDB), "fdb");
	assert_null(weft_table_name(0));
	assert_int_equal(weft_entry_size(WEFT_TABLE_PORT), sizeof(struct weft_port));
	assert_int_equal(weft_entry_size(0), 0);
	assert_int_equal(weft_entry_size(WEFT_TABLE_MAX), 0);
	for (unsigned int kind = 1; kind < WEFT_PORT_KIND_MAX; kind++)
		assert_int_equal(weft_port_kind_by_name(weft_port_kind_name(kind)), kind);
	assert_int_equal(weft_port_kind_by_name("no such kind"), 0);
	assert_null(weft_port_kind_name(0));
	assert_string_equal(weft_msg_name(WEFT_MSG_HELLO), "HELLO");
	assert_null(weft_msg_name(WEFT_MSG_TYPE_MAX));
}

static void check_addr(const char *text, const char *formatted)
{
	char buf[WEFT_ADDR_STR_SIZE];
	struct weft_addr a;

	assert_int_equal(weft_addr_parse(text, &a), 0);
	assert_string_equal(weft_addr_format(&a, buf), formatted);
}

static void check_prefix(const char *text, const char *formatted, int len)
{
	char buf[WEFT_PREFIX_STR_SIZE];
	struct weft_prefix p;

	assert_int_equal(weft_prefix_parse(text, false, &p), 0);
	assert_int_equal(p.len, len);
	assert_string_equal(weft_prefix_format(&p, buf), formatted);
}

static void test_addresses(void **state)
{
	static const char *const bad[] = {"", "10.0.0", "10.0.0.256", "10.0.0.1 ", "::g", "1::2::3",
		"fe80::1%eth0", "10.0.0.1/8", "0x0a000001", "10.0.0.01x"};
	struct weft_addr a = {{1}}, before = a;

	check_addr("10.0.0.1", "10.0.0.1");
	check_addr("::ffff:10.0.0.1", "10.0.0.1");
	check_addr("2001:DB8:0:0::1", "2001:db8::1");
	check_addr("::", "::");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(weft_addr_parse(bad[i], &a), -EINVAL);
		assert_memory_equal(&a, &before, sizeof(a));
	}
}

static void test_prefixes(void **state)
{
	static const char *const bad[] = {"10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
		"10.0.0.0/08", "10.0.0.0/+8", "10.0.0.0/8 ", "10.0.0.1/8", "2001:db8::/129",
		"2001:db8::1/64", "/8", "10.0.0.0/9999999999", "10.0.0.0/8/8",
		"1111111111111111111111111111111111111111111111111111/8"};
	struct weft_prefix p;

	check_prefix("10.0.0.0/8", "10.0.0.0/8", 104);
	check_prefix("0.0.0.0/0", "0.0.0.0/0", 96);
	check_prefix("10.0.0.1/32", "10.0.0.1/32", 128);
	check_prefix("2001:db8::/32", "2001:db8::/32", 32);
	check_prefix("::/0", "::/0", 0);
	check_prefix("::ffff:10.0.0.0/104", "10.0.0.0/8", 104);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(weft_prefix_parse(bad[i], false, &p), -EINVAL);
	assert_int_equal(weft_prefix_parse("10.0.0.1/8", true, &p), 0);
	assert_int_equal(p.len, 104);
}

static void test_contains(void **state)
{
	unsigned int seed = 1;

	for (int round = 0; round < 20000; round++) {
		struct weft_prefix p;
		struct weft_addr a;
		bool naive = true;

		for (int i = 0; i < 16; i++) {
			p.addr.b[i] = rand_r(&seed);
			a.b[i] = rand_r(&seed) % 8 ? p.addr.b[i] : rand_r(&seed);
		}
		p.len = rand_r(&seed) % 129;
		for (int bit = 0; bit < p.len; bit++)
			naive &= !((a.b[bit / 8] ^ p.addr.b[bit / 8]) & 0x80 >> bit % 8);
		assert_int_equal(weft_prefix_contains(&p, &a), naive);
	}
}

static void test_macs(void **state)
{
	static const char *const bad[] = {"", "02:00:00:00:00", "02:00:00:00:00:0g",
		"02:00:00:00:00:001", "2:0:0:0:0:1", "02-00-00-00-00-01", "02:00:00:00:00:01 "};
	char buf[WEFT_MAC_STR_SIZE];
	struct weft_mac m;

	assert_int_equal(weft_mac_parse("02:0A:ff:00:9b:01", &m), 0);
	assert_string_equal(weft_mac_format(&m, buf), "02:0a:ff:00:9b:01");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(weft_mac_parse(bad[i], &m), -EINVAL);
}

static void test_keys(void **state)
{
	struct weft_fdb a = {.vni = 1, .port = 1, .mac = {{2, 0, 0, 0, 0, 1}}}, b = a;

	b.port = 2;
	assert_true(weft_entry_key_equal(WEFT_TABLE_FDB, &a, &b));
	b.mac.b[5]++;
	assert_false(weft_entry_key_equal(WEFT_TABLE_FDB, &a, &b));
	b = a;
	b.vni++;
	assert_false(weft_entry_key_equal(WEFT_TABLE_FDB, &a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_contains),
		cmocka_unit_test(test_macs),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
