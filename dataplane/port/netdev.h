/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Asking the kernel about a network interface by ioctl, for the ports that sit on one. Main thread.
 * fd is any socket that takes interface ioctls, of the namespace that the interface is in.
 */
#ifndef PORT_NETDEV_H
#define PORT_NETDEV_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is known of an interface; it may have been renamed since it was opened. */
struct netdev {
	char name[IF_NAMESIZE];
	bool admin_up;
	bool running; /* admin up and carrier */
	uint32_t mtu;
	bool tso; /* takes TCP segmentation offload */
};

/* Returns 0 with everything filled, or -ENODEV when no interface has that index any more. */
int netdev_read(int fd, int ifindex, struct netdev *ret);
/* Receive queues of the device, at least 1. */
unsigned int netdev_n_rxq(int fd, const char *name);
/* What lies behind it may be a tenant's: a veth, or a TAP interface (not TUN, which has no Ethernet
 * headers). */
bool netdev_is_tenants(int fd, const char *name);
/* Why there is no link, in words; empty when there is. */
void netdev_link_text(const struct netdev *d, char *ret, size_t size);

#endif
