/* SPDX-License-Identifier: BSD-3-Clause */
/* The guard program drops every packet, whatever it is (BPF_PROG_TEST_RUN). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>

#include "tc_guard.skel.h"

static struct tc_guard *skel;

static void test_drops_everything(void **state)
{
	const int fds[] = {bpf_program__fd(skel->progs.weft_guard),
		bpf_program__fd(skel->progs.weft_guard_out)};
	uint8_t frame[1500];

	srandom(1);
	for (unsigned int len = 14; len <= sizeof(frame); len += 1 + random() % 64) {
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = len,
			.repeat = 1);

		for (unsigned int i = 0; i < len; i++)
			frame[i] = random();
		for (unsigned int i = 0; i < 2; i++) {
			assert_int_equal(bpf_prog_test_run_opts(fds[i], &opts), 0);
			assert_int_equal((int)opts.retval, TC_ACT_SHOT);
		}
	}
}

static int set_up(void **state)
{
	skel = tc_guard__open_and_load();
	if (!skel) {
		printf("skipped: the program can't be loaded: %s (run as root)\n", strerror(errno));
		exit(errno == EPERM ? 77 : 1);
	}
	return 0;
}

static int tear_down(void **state)
{
	tc_guard__destroy(skel);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drops_everything),
	};

	return cmocka_run_group_tests_name("tc_guard", tests, set_up, tear_down);
}
