/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Starts DPDK's EAL for a test program: no hugepages, no PCI, no files left behind.
 */
#ifndef TEST_EAL_H
#define TEST_EAL_H

/* Call once, before anything of DPDK. Exits with 77 (skipped) and the reason when EAL can't start.
 */
void test_eal_init(unsigned int memory_mb);

#endif
