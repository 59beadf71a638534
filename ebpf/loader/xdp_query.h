/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What XDP program one interface has. libbpf answers that by a dump of all interfaces.
 */
#ifndef LOADER_XDP_QUERY_H
#define LOADER_XDP_QUERY_H

#include <stdint.h>

struct xdp_there {
	uint8_t mode; /* XDP_ATTACHED_NONE, _DRV, _SKB, ... */
	uint32_t id;  /* of the program; of the driver's when there are several */
};
/* 0, -ENODEV or -errno. */
int xdp_query(int ifindex, struct xdp_there *ret);

#endif
