/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the running kernel lacks, where its programs then have misses.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdbool.h>

/* Whether tc can take IPv4 out of IPv6 and the reverse: since Linux 6.3. */
bool kernel_tc_mixes_families(void);

#endif
