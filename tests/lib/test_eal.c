/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "test_eal.h"

void test_eal_init(unsigned int memory_mb)
{
	char memory[16];
	char *argv[] = {"test", "--no-huge", "--no-shconf", "--no-pci", "--no-telemetry", "-m",
		memory, "--lcores", "0@0", "--log-level", "lib.*:warning", NULL};
	int argc = sizeof(argv) / sizeof(argv[0]) - 1;

	snprintf(memory, sizeof(memory), "%u", memory_mb);
	if (rte_eal_init(argc, argv) < 0) {
		printf("skipped: EAL can't start: %s\n", rte_strerror(rte_errno));
		exit(77);
	}
}
