/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * counters: the memory is sealed, receivers can only read, and a slot begins at zero.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <observe/counters.h>
#include <weft/msg.h>

static void test_receiver_only_reads(void **state)
{
	uint64_t size = weft_stats_size(2);
	int fd;
	void *map;

	assert_int_equal(counters_init(2, 77), 0);
	fd = counters_fd();
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	assert_int_equal(((struct weft_stats_shm *)map)->boot_id, 77);
	counters_port(1, 5)->rx_packets = 9;
	assert_int_equal(((struct weft_stats_shm *)map)->ports[1][5].rx_packets, 9);
	munmap(map, size);
	assert_ptr_equal(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(ftruncate(fd, 4096), -1);
	assert_int_equal(ftruncate(fd, size + 4096), -1);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	counters_fini();
	assert_int_equal(counters_fd(), -1);
}

static void test_slot_begins_at_zero(void **state)
{
	assert_int_equal(counters_init(1, 1), 0);
	counters_slot_assign(3, 42);
	assert_int_equal(counters_shm->slots[3].id, 42);
	assert_int_equal(counters_shm->slots[3].seq % 2, 0);
	counters_port(0, 3)->rx_packets = 4;
	counters_port(1, 3)->dropped[WEFT_DROP_PORT_DOWN] = 4;
	counters_slot_assign(3, 0);
	assert_int_equal(counters_port(0, 3)->rx_packets, 4);
	counters_slot_assign(3, 43);
	assert_int_equal(counters_port(0, 3)->rx_packets, 0);
	assert_int_equal(counters_port(1, 3)->dropped[WEFT_DROP_PORT_DOWN], 0);
	counters_fini();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_receiver_only_reads),
		cmocka_unit_test(test_slot_begins_at_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
