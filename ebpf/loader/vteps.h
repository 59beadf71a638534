/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sets of VTEP addresses as uplink programs read them (weft_vteps).
 */
#ifndef LOADER_VTEPS_H
#define LOADER_VTEPS_H

#include <weft/addr.h>

/* Makes the map hold exactly these; adds before it removes. 0 or -errno with text. */
int vteps_set(int fd, const struct weft_addr *addrs, unsigned int n, char *text);

#endif
