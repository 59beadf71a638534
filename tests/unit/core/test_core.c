/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mem, clock and options: the pools' shapes, coarse time, and what the command line accepts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <rte_mbuf.h>

#include <core/clock.h>
#include <core/log.h>
#include <core/mem.h>
#include <core/options.h>

#include "test_eal.h"

static void test_pools(void **state)
{
	struct rte_mbuf *m, *h, *c;

	assert_int_equal(mem_init(2048), 0);
	assert_int_equal(rte_mempool_avail_count(mem_pools.packet), 2048);
	m = rte_pktmbuf_alloc(mem_pools.packet);
	h = rte_pktmbuf_alloc(mem_pools.huge);
	c = rte_pktmbuf_clone(m, mem_pools.indirect);
	assert_non_null(m);
	assert_non_null(h);
	assert_non_null(c);
	assert_int_equal(rte_pktmbuf_tailroom(m), MEM_DATA_SIZE);
	assert_int_equal(rte_pktmbuf_tailroom(h), MEM_HUGE_SIZE);
	assert_int_equal(rte_pktmbuf_headroom(m), RTE_PKTMBUF_HEADROOM);
	assert_int_equal(m->priv_size, MEM_PRIV_SIZE);
	assert_int_equal((uintptr_t)rte_mbuf_to_priv(m) % 64, 0);
	assert_ptr_equal(c->buf_addr, m->buf_addr);
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(h);
	rte_pktmbuf_free(c);
	assert_int_equal(rte_mempool_avail_count(mem_pools.packet), 2048);
	assert_int_equal(rte_mempool_in_use_count(mem_pools.indirect), 0);
	mem_fini();
	assert_null(mem_pools.packet);
}

static void test_clock(void **state)
{
	uint64_t before;

	clock_update();
	before = clock_ms();
	clock_warp(5000);
	assert_int_equal(clock_ms(), before + 5000);
	clock_update();
	assert_int_equal(clock_ms(), before + 5000);
	assert_int_equal(clock_s(), (before + 5000) / 1000);
}

static enum options_result parse(struct options *opt, const char *args)
{
	static char text[512];
	char *argv[32] = {"weft-dataplane"}, *save = NULL;
	int argc = 1;

	snprintf(text, sizeof(text), "%s", args);
	for (char *a = strtok_r(text, " ", &save); a; a = strtok_r(NULL, " ", &save))
		argv[argc++] = a;
	return options_parse(argc, argv, opt);
}

static void test_options(void **state)
{
	struct options opt;

	assert_int_equal(parse(&opt, ""), OPTIONS_RUN);
	assert_int_equal(opt.n_workers, 1);
	assert_false(opt.poll);
	assert_int_equal(
		parse(&opt,
			"--socket /x --cores 2,4-5 --poll --pci 0:1 --pci 0:2 --log-level debug"),
		OPTIONS_RUN);
	assert_string_equal(opt.socket, "/x");
	assert_int_equal(opt.n_workers, 3);
	assert_int_equal(opt.cores[2], 5);
	assert_int_equal(opt.n_pci, 2);
	assert_int_equal(opt.log_level, LOG_DEBUG);
	assert_true(opt.poll);
	assert_int_equal(opt.max_sessions, 1048576);
	assert_int_equal(parse(&opt, "--max-sessions 4000000"), OPTIONS_RUN);
	assert_int_equal(opt.max_sessions, 4000000);
	assert_int_equal(parse(&opt, "--workers 2 --cores 0,1"), OPTIONS_RUN);
	assert_int_equal(parse(&opt, "--version"), OPTIONS_DONE);
}

static void test_bad_options(void **state)
{
	static const char *const bad[] = {"--workers 0", "--workers 17", "--workers x",
		"--workers -1", "--cores 1-", "--cores 5-4", "--cores 1,,2", "--cores 0-16",
		"--cores 99999", "--workers 2 --cores 1", "--max-sleep-us 0", "--mbufs 1",
		"--log-level loud", "--max-sessions 1023", "--max-sessions 16777217", "--nonsense",
		"extra", "--memory 18446744073709551616"};
	struct options opt;

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(&opt, bad[i]), OPTIONS_BAD);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pools),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_bad_options),
	};

	test_eal_init(64);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
