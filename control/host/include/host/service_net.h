/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's end of the service port: a TAP interface in a network namespace that has nothing
 * else, with the metadata addresses, and sockets that listen on them.
 *
 * A namespace, not rules in the host's own: what guests send can't reach a service of the host, by
 * no mistake of anybody's firewall, nor do the addresses meet others. It has no name and nothing to
 * clean up: it lives as long as these descriptors and the data plane's copy of the TAP's.
 */
#ifndef HOST_SERVICE_NET_H
#define HOST_SERVICE_NET_H

#include <weft/entry.h>

struct service_net {
	int tap;
	int listeners[2]; /* IPv4, IPv6; the latter is -1 on a host without IPv6 */
};

/* Makes it for that service port. Needs CAP_NET_ADMIN and CAP_SYS_ADMIN; the only thread of the
 * process. 0 or -errno, then *ret_step says what failed. */
int service_net_open(const struct weft_port *port, struct service_net *ret, const char **ret_step);
void service_net_close(struct service_net *n);

#endif
