/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A loader that touches no interface: it keeps what would be on each, and does what a test says.
 */
#ifndef FAKE_LOADER_H
#define FAKE_LOADER_H

#include <loader/loader.h>

#define FAKE_LINKS 8
#define FAKE_ROOM  31 /* sessions */

enum fake_on {
	FAKE_NOTHING,
	FAKE_GUARD,
	FAKE_FAST,
	FAKE_FOREIGN, /* somebody else's filter, which is left alone */
};

struct fake_link {
	enum fake_on port;
	bool tc_uplink, deliver, takes_xdp;
	unsigned int n_dropped; /* times that what is of it was taken out of the tables */
	bool xdp, xdp_shares;	/* the XDP program, and with the fast path's tables */
};

extern struct fake_loader {
	/* orders */
	int open_error;	 /* of loader_fast_open */
	bool adopted;	 /* the tables were there before */
	int share_error; /* of an uplink's program with tables */

	struct fake_link links[FAKE_LINKS]; /* by ifindex */
	bool is_open, has_programs;
	unsigned int n_vteps;
} fake_loader;

void fake_loader_reset(void);

#endif
