/* SPDX-License-Identifier: BSD-3-Clause */
/* What fastpath.bpf.c shares with the programs that use it. */
#ifndef FASTPATH_H
#define FASTPATH_H

#include <linux/types.h>

#define FASTPATH_HEADERS                                                                           \
	96		    /* that the source writes anew: pages come back as programs left them  \
			     */
#define FASTPATH_PORT 10000 /* of the first flow */

/* Frames that enter by the other end of an interface of the source's namespace. */
struct fastpath_source {
	__u32 ifindex;
	__u32 len;
	__u32 port_at; /* where the frame has the port that varies */
	__u8 headers[FASTPATH_HEADERS];
};

#endif
