/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which packets of an interface a packet socket takes, by the mark that they have in the kernel.
 */
#ifndef PORT_MARK_FILTER_H
#define PORT_MARK_FILTER_H

#include <stdint.h>

enum mark_filter {
	MARK_ANY,
	MARK_ONLY,   /* those with that mark */
	MARK_OTHERS, /* those without */
};

/* From one packet to the next: in place of what filter the socket has. Returns 0 or -errno; then it
 * has the old one. */
int mark_filter_set(int fd, enum mark_filter take, uint32_t mark);

#endif
