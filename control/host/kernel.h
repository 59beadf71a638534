/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Netlink (rtnetlink) as hostnet needs it: one socket for requests, which the kernel answers within
 * the call, and one for events. Knows messages, not what they mean for anybody.
 */
#ifndef HOST_KERNEL_H
#define HOST_KERNEL_H

#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#include <host/hostnet.h>

struct kernel_requests {
	struct nl_sock *sock;
};

/* What an event or an answer says; which member is filled follows from kind. */
enum kernel_news_kind {
	KERNEL_NEWS_LINK = 1,
	KERNEL_NEWS_ADDR,
	KERNEL_NEWS_NEIGH,
	KERNEL_NEWS_ROUTES, /* some route, rule or next hop object changed */
};

struct kernel_news {
	enum kernel_news_kind kind;
	bool gone;
	int ifindex;
	struct hostnet_link link;
	struct weft_addr addr; /* ADDR, NEIGH */
	uint8_t prefix_len;    /* ADDR, as the kernel counts */
	uint16_t nud;	       /* NEIGH: NUD_* */
	struct weft_mac mac;   /* NEIGH */
};

typedef void (*kernel_news_fn)(void *arg, const struct kernel_news *news);

/* Event socket: non-blocking descriptor, or -errno. receive_buffer 0: the default. */
int kernel_events_open(int receive_buffer, struct nl_sock **ret);
/* Takes what is there, at most one buffer. 0: nothing more, 1: perhaps more, -ENOBUFS: events were
 * lost, -errno. */
int kernel_events_read(struct nl_sock *sock, kernel_news_fn fn, void *arg);

int kernel_requests_open(struct kernel_requests *r);
void kernel_requests_close(struct kernel_requests *r);
/* Calls fn for all links and all addresses. 0 or -errno. */
int kernel_dump(struct kernel_requests *r, kernel_news_fn fn, void *arg);
/* The neighbour as the kernel knows it now; nud NUD_NONE when it does not. 0 or -errno. */
int kernel_get_neigh(struct kernel_requests *r, int ifindex, const struct weft_addr *addr,
	struct kernel_news *ret);
/* Makes the kernel resolve the neighbour, or confirm it when its entry is old. */
int kernel_use_neigh(struct kernel_requests *r, int ifindex, const struct weft_addr *addr);

struct kernel_route {
	int ifindex;
	struct weft_addr next_hop; /* the destination itself when it is on the link */
	uint32_t mtu;		   /* of the route; 0: the interface's */
	uint8_t type;		   /* RTN_* */
};
/* What the kernel does with a VXLAN packet from local to remote. 0 or -errno (-ENETUNREACH, ...) */
int kernel_get_route(struct kernel_requests *r, const struct weft_addr *local,
	const struct weft_addr *remote, struct kernel_route *ret);

/* No addresses by itself; then up. */
int kernel_set_quiet(struct kernel_requests *r, int ifindex);
int kernel_set_up(struct kernel_requests *r, int ifindex);
int kernel_delete_addr(
	struct kernel_requests *r, int ifindex, const struct weft_addr *addr, uint8_t prefix_len);

#endif
