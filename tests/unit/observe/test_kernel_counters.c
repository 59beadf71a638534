/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kernel_counters: what programs count is in the last row, from zero on for each port, and the
 * ledgers of ports and of all together hold over both paths.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <observe/counters.h>
#include <observe/kernel_counters.h>

#define N_WORKERS 2
#define ROW	  (N_WORKERS + 1)

static struct weft_bpf_port_counters *rows;
static uint32_t cpus;
static uint64_t now_ms;

static void begin(uint32_t n_cpus)
{
	size_t size = (size_t)WEFT_MAX_PORTS * n_cpus * sizeof(*rows);

	cpus = n_cpus;
	now_ms = 1000;
	rows = aligned_alloc(64, size);
	assert_non_null(rows);
	memset(rows, 0, size);
	assert_int_equal(counters_init(N_WORKERS, 1), 0);
	kernel_counters_attach(rows, n_cpus);
}

static int end(void **state)
{
	kernel_counters_detach();
	counters_fini();
	free(rows);
	rows = NULL;
	return 0;
}

static struct weft_bpf_port_counters *row_at(uint16_t slot, uint32_t cpu)
{
	return &rows[weft_bpf_port_cnt_at(slot, cpu, cpus)];
}

/* As a program does for a packet. */
static void carry(uint32_t cpu, uint16_t from, uint16_t to, uint32_t bytes)
{
	row_at(from, cpu)->rx_packets++;
	row_at(from, cpu)->rx_bytes += bytes;
	row_at(to, cpu)->tx_packets++;
	row_at(to, cpu)->tx_bytes += bytes;
}

static void pass_ms(unsigned int ms)
{
	for (unsigned int i = 0; i < ms; i++)
		kernel_counters_tick(++now_ms);
}

static const struct weft_port_stats *shown(uint16_t slot)
{
	return counters_port(ROW, slot);
}

static void test_counts_begin_with_their_port(void **state)
{
	begin(3);
	/* of another data plane's */
	for (uint32_t i = 0; i < 10; i++)
		carry(i % 3, 1, 2, 100);
	counters_slot_assign(1, 71);
	counters_slot_assign(2, 72);
	pass_ms(100);
	assert_int_equal(shown(1)->rx_packets, 0);
	kernel_counters_begin();
	pass_ms(100);
	assert_int_equal(shown(1)->rx_packets, 0);
	assert_int_equal(shown(2)->tx_packets, 0);
	for (uint32_t i = 0; i < 7; i++)
		carry(i % 3, 1, 2, 60 + i);
	pass_ms(100);
	assert_int_equal(shown(1)->rx_packets, 7);
	assert_int_equal(shown(1)->rx_bytes, 7 * 60 + 21);
	assert_int_equal(shown(1)->sent, 7);
	assert_int_equal(shown(1)->tx_packets, 0);
	assert_int_equal(shown(2)->tx_packets, 7);
	assert_int_equal(shown(2)->tx_bytes, 7 * 60 + 21);
	assert_int_equal(shown(2)->sent, 0);
	/* begun once: a second time changes nothing */
	kernel_counters_begin();
	pass_ms(100);
	assert_int_equal(shown(1)->rx_packets, 7);
	/* the port goes, its counts stay until the slot has another one */
	counters_slot_assign(1, 0);
	carry(0, 1, 2, 60);
	pass_ms(100);
	assert_int_equal(shown(1)->rx_packets, 7);
	counters_slot_assign(1, 73);
	assert_int_equal(shown(1)->rx_packets, 0);
	carry(1, 1, 2, 60);
	pass_ms(100);
	assert_int_equal(shown(1)->rx_packets, 1);
	assert_int_equal(shown(2)->tx_packets, 9);
}

/* Without tables the row stays empty; and with new ones it begins again at their numbers. */
static void test_without_tables(void **state)
{
	begin(1);
	kernel_counters_detach();
	counters_slot_assign(1, 71);
	kernel_counters_begin();
	carry(0, 1, 2, 60);
	pass_ms(100);
	assert_int_equal(shown(1)->rx_packets, 0);
	kernel_counters_attach(rows, cpus);
	kernel_counters_begin();
	carry(0, 1, 2, 60);
	pass_ms(100);
	assert_int_equal(shown(1)->rx_packets, 1);
}

/* The main thread's turn is short however many CPUs and ports there are, and each gets its turn. */
static void test_a_slice_per_turn(void **state)
{
	const uint32_t n_cpus = 128, budget = 512;
	unsigned int turns = 0, n, before = 0;

	begin(n_cpus);
	kernel_counters_begin();
	for (uint16_t slot = 1; slot < WEFT_MAX_PORTS; slot++) {
		counters_slot_assign(slot, slot);
		carry(slot % n_cpus, slot, slot, 100);
	}
	do {
		now_ms += 1000; /* however long it was away */
		kernel_counters_tick(now_ms);
		n = 0;
		for (uint16_t slot = 1; slot < WEFT_MAX_PORTS; slot++)
			n += shown(slot)->rx_packets;
		assert_in_range(n - before, 1, budget / n_cpus);
		before = n;
		turns++;
	} while (n < WEFT_MAX_PORTS - 1);
	assert_in_range(
		turns, WEFT_MAX_PORTS * n_cpus / budget - 1, WEFT_MAX_PORTS * n_cpus / budget + 1);
}

static uint64_t drops(const struct weft_port_stats *s)
{
	uint64_t n = 0;

	for (unsigned int i = 1; i < WEFT_DROP_MAX; i++)
		n += s->dropped[i];
	return n;
}

static void add(struct weft_port_stats *to, const struct weft_port_stats *from)
{
	for (size_t i = 0; i < sizeof(*to) / sizeof(uint64_t); i++)
		((uint64_t *)to)[i] += ((const uint64_t *)from)[i];
}

/* Packets by either path and ports that come and go, against a ledger of the test's own. */
static void test_ledgers_hold_over_both_paths(void **state)
{
	uint64_t rx[9] = {0}, tx[9] = {0};
	struct weft_port_stats all = {0};

	begin(4);
	srandom(1);
	for (unsigned int i = 0; i < 1000; i++)
		carry(random() % 4, 1 + random() % 8, 1 + random() % 8, 64);
	for (uint16_t slot = 1; slot <= 8; slot++)
		counters_slot_assign(slot, slot);
	kernel_counters_begin();
	for (unsigned int i = 0; i < 20000; i++) {
		uint16_t from = 1 + random() % 8, to = 1 + random() % 8;

		rx[from]++;
		if (random() % 3) {
			carry(random() % 4, from, to, 64);
			tx[to]++;
		} else {
			struct weft_port_stats *s = counters_port(random() % N_WORKERS, from);

			s->rx_packets++;
			if (random() % 4) {
				s->sent++;
				counters_port(random() % N_WORKERS, to)->tx_packets++;
				tx[to]++;
			} else {
				s->dropped[WEFT_DROP_POLICY_EGRESS]++;
			}
		}
		if (random() % 16 == 0)
			kernel_counters_tick(++now_ms);
	}
	pass_ms(100);
	for (uint16_t slot = 1; slot <= 8; slot++) {
		struct weft_port_stats sum = {0};

		for (unsigned int row = 0; row < weft_stats_rows(N_WORKERS); row++)
			add(&sum, counters_port(row, slot));
		assert_int_equal(sum.rx_packets, rx[slot]);
		assert_int_equal(sum.tx_packets, tx[slot]);
		assert_int_equal(sum.rx_packets + sum.added, sum.sent + drops(&sum));
		add(&all, &sum);
	}
	assert_int_equal(all.tx_packets, all.sent);
	assert_int_equal(all.rx_packets, 20000);
	assert_true(drops(&all) > 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_teardown(f, end)
	static const struct CMUnitTest tests[] = {
		CASE(test_counts_begin_with_their_port),
		CASE(test_without_tables),
		CASE(test_a_slice_per_turn),
		CASE(test_ledgers_hold_over_both_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
