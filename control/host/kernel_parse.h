/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading rtnetlink messages. Pure.
 */
#ifndef HOST_KERNEL_PARSE_H
#define HOST_KERNEL_PARSE_H

#include <netlink/attr.h>

#include "kernel.h"

/* False: not for us, or not as it should be. */
bool kernel_parse_news(const struct nlmsghdr *h, struct kernel_news *ret);
/* ret->next_hop stays as it is when the route has no gateway. */
bool kernel_parse_route(const struct nlmsghdr *h, struct kernel_route *ret);
/* family: AF_INET or AF_INET6. False: absent, or of a wrong length. */
bool kernel_read_addr(const struct nlattr *a, unsigned int family, struct weft_addr *ret);

#endif
