/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two netlink sockets (kernel.h). Requests are answered by the kernel within the call, so they
 * are made synchronously; a receive timeout keeps a surprise from stopping weftd. Event loop's
 * thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <netinet/in.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel.h"
#include "kernel_parse.h"

#define EVENT_BUFFER_SIZE (4 << 20)
#define VXLAN_PORT	  4789

/* ---- events ---- */

static int join_groups(struct nl_sock *sock)
{
	static const int groups[] = {RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_IFADDR,
		RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,
		RTNLGRP_IPV6_RULE, RTNLGRP_NEXTHOP};

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (nl_socket_add_membership(sock, groups[i]) < 0)
			return -errno;
	return 0;
}

/* Beyond net.core.rmem_max when the kernel lets us, which needs CAP_NET_ADMIN. */
static void set_buffer(int fd, int size)
{
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

int kernel_events_open(int receive_buffer, struct nl_sock **ret)
{
	struct nl_sock *sock = nl_socket_alloc();
	int error;

	if (!sock)
		return -ENOMEM;
	nl_socket_disable_seq_check(sock);
	if (nl_connect(sock, NETLINK_ROUTE) < 0 || nl_socket_set_nonblocking(sock) < 0 ||
		join_groups(sock) < 0) {
		error = errno ? -errno : -EIO;
		nl_socket_free(sock);
		return error;
	}
	set_buffer(nl_socket_get_fd(sock), receive_buffer ? receive_buffer : EVENT_BUFFER_SIZE);
	*ret = sock;
	return nl_socket_get_fd(sock);
}

int kernel_events_read(struct nl_sock *sock, kernel_news_fn fn, void *arg)
{
	static _Alignas(8) char buffer[32768];
	struct sockaddr_nl from;
	socklen_t from_size = sizeof(from);
	struct nlmsghdr *h = (struct nlmsghdr *)buffer;
	struct kernel_news news;
	ssize_t n;
	int left;

	n = recvfrom(nl_socket_get_fd(sock), buffer, sizeof(buffer), MSG_DONTWAIT | MSG_TRUNC,
		(struct sockaddr *)&from, &from_size);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n > (ssize_t)sizeof(buffer))
		return -ENOBUFS;
	if (from_size != sizeof(from) || from.nl_pid != 0)
		return 1; /* only the kernel is believed */
	for (left = n; nlmsg_ok(h, left); h = nlmsg_next(h, &left))
		if (kernel_parse_news(h, &news))
			fn(arg, &news);
	return 1;
}

/* ---- requests ---- */

struct answer {
	kernel_news_fn fn;
	void *arg;
	struct kernel_route *route;
	struct kernel_news *news;
	int error;
	bool valid;
};

static int on_valid(struct nl_msg *msg, void *arg)
{
	const struct nlmsghdr *h = nlmsg_hdr(msg);
	struct answer *a = arg;
	struct kernel_news news;

	if (a->route) {
		a->valid = kernel_parse_route(h, a->route);
	} else if (kernel_parse_news(h, &news)) {
		a->valid = true;
		if (a->news)
			*a->news = news;
		else
			a->fn(a->arg, &news);
	}
	return NL_OK;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	struct answer *a = arg;

	a->error = e->error;
	return NL_STOP;
}

int kernel_requests_open(struct kernel_requests *r)
{
	struct timeval patience = {.tv_sec = 2};

	r->sock = nl_socket_alloc();
	if (!r->sock)
		return -ENOMEM;
	nl_socket_disable_auto_ack(r->sock);
	if (nl_connect(r->sock, NETLINK_ROUTE) < 0) {
		int error = errno ? -errno : -EIO;

		kernel_requests_close(r);
		return error;
	}
	setsockopt(nl_socket_get_fd(r->sock), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return 0;
}

void kernel_requests_close(struct kernel_requests *r)
{
	if (r->sock)
		nl_socket_free(r->sock);
	r->sock = NULL;
}

/* Sends msg, which it frees, and takes the answer: one message, or all of a dump. */
static int transact(struct kernel_requests *r, struct nl_msg *msg, struct answer *a)
{
	int rc;

	if (!msg)
		return -ENOMEM;
	if (!r->sock && kernel_requests_open(r) < 0) {
		nlmsg_free(msg);
		return -EIO;
	}
	nl_socket_modify_cb(r->sock, NL_CB_VALID, NL_CB_CUSTOM, on_valid, a);
	nl_socket_modify_err_cb(r->sock, NL_CB_CUSTOM, on_error, a);
	rc = nl_send_auto(r->sock, msg);
	nlmsg_free(msg);
	if (rc >= 0)
		rc = nl_recvmsgs_default(r->sock);
	if (a->error < 0)
		return a->error;
	if (rc >= 0)
		return 0;
	/* Out of step: a new socket for the next request. */
	kernel_requests_close(r);
	return rc == -NLE_DUMP_INTR ? -EAGAIN : -EIO;
}

static struct nl_msg *new_message(int type, int flags, const void *header, size_t size)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags | NLM_F_REQUEST);

	if (msg && nlmsg_append(msg, (void *)header, size, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static unsigned int family_of(const struct weft_addr *a)
{
	return weft_addr_is_v4(a) ? AF_INET : AF_INET6;
}

static int put_addr(struct nl_msg *msg, int type, const struct weft_addr *a)
{
	bool v4 = weft_addr_is_v4(a);

	return nla_put(msg, type, v4 ? 4 : 16, v4 ? a->b + 12 : a->b);
}

/* A dump that was overtaken by a change is asked for again. */
static int dump(struct kernel_requests *r, int type, const void *header, size_t size,
	kernel_news_fn fn, void *arg)
{
	int rc = -EAGAIN;

	for (unsigned int i = 0; i < 5 && rc == -EAGAIN; i++) {
		struct answer a = {.fn = fn, .arg = arg};

		rc = transact(r, new_message(type, NLM_F_DUMP, header, size), &a);
	}
	return rc;
}

/* What a dump said, kept until it is over: whoever hears it may ask the kernel again, on the same
 * socket, and must not find the rest of the dump there. */
struct gathered {
	struct kernel_news *news;
	size_t n, room;
	bool out_of_memory;
};

static void gather(void *arg, const struct kernel_news *news)
{
	struct gathered *g = arg;

	if (g->n == g->room) {
		size_t room = g->room ? g->room * 2 : 64;
		struct kernel_news *more = reallocarray(g->news, room, sizeof(*more));

		if (!more) {
			g->out_of_memory = true;
			return;
		}
		g->news = more;
		g->room = room;
	}
	g->news[g->n++] = *news;
}

int kernel_dump(struct kernel_requests *r, kernel_news_fn fn, void *arg)
{
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	struct ifaddrmsg ifa = {.ifa_family = AF_UNSPEC};
	struct gathered g = {0};
	int rc = dump(r, RTM_GETLINK, &ifi, sizeof(ifi), gather, &g);

	if (rc == 0)
		rc = dump(r, RTM_GETADDR, &ifa, sizeof(ifa), gather, &g);
	if (rc == 0 && g.out_of_memory)
		rc = -ENOMEM;
	for (size_t i = 0; rc == 0 && i < g.n; i++)
		fn(arg, &g.news[i]);
	free(g.news);
	return rc;
}

int kernel_get_neigh(struct kernel_requests *r, int ifindex, const struct weft_addr *addr,
	struct kernel_news *ret)
{
	struct ndmsg ndm = {.ndm_family = family_of(addr), .ndm_ifindex = ifindex};
	struct nl_msg *msg = new_message(RTM_GETNEIGH, 0, &ndm, sizeof(ndm));
	struct answer a = {.news = ret};
	int rc;

	*ret = (struct kernel_news){.nud = NUD_NONE};
	if (msg && put_addr(msg, NDA_DST, addr) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	rc = transact(r, msg, &a);
	return rc == -ENOENT ? 0 : rc;
}

int kernel_use_neigh(struct kernel_requests *r, int ifindex, const struct weft_addr *addr)
{
	struct ndmsg ndm = {.ndm_family = family_of(addr),
		.ndm_ifindex = ifindex,
		.ndm_state = NUD_NONE,
		.ndm_flags = NTF_USE};
	struct nl_msg *msg = new_message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_ACK, &ndm, sizeof(ndm));
	struct answer a = {0};

	if (msg && put_addr(msg, NDA_DST, addr) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return transact(r, msg, &a);
}

int kernel_get_route(struct kernel_requests *r, const struct weft_addr *local,
	const struct weft_addr *remote, struct kernel_route *ret)
{
	unsigned int bits = weft_addr_is_v4(remote) ? 32 : 128;
	struct rtmsg rtm = {
		.rtm_family = family_of(remote), .rtm_dst_len = bits, .rtm_src_len = bits};
	struct nl_msg *msg = new_message(RTM_GETROUTE, 0, &rtm, sizeof(rtm));
	struct answer a = {.route = ret};
	int rc;

	*ret = (struct kernel_route){.next_hop = *remote};
	/* With protocol and port, so that policy rules for VXLAN apply. */
	if (msg && (put_addr(msg, RTA_DST, remote) < 0 || put_addr(msg, RTA_SRC, local) < 0 ||
			   nla_put_u8(msg, RTA_IP_PROTO, IPPROTO_UDP) < 0 ||
			   nla_put_u16(msg, RTA_DPORT, htons(VXLAN_PORT)) < 0)) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	rc = transact(r, msg, &a);
	return rc == 0 && !a.valid ? -EBADMSG : rc;
}

int kernel_set_quiet(struct kernel_requests *r, int ifindex)
{
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC, .ifi_index = ifindex};
	struct nl_msg *msg = new_message(RTM_NEWLINK, NLM_F_ACK, &ifi, sizeof(ifi));
	struct nlattr *spec, *inet6;
	struct answer a = {0};

	if (!msg)
		return -ENOMEM;
	spec = nla_nest_start(msg, IFLA_AF_SPEC);
	inet6 = spec ? nla_nest_start(msg, AF_INET6) : NULL;
	if (!inet6 || nla_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	nla_nest_end(msg, inet6);
	nla_nest_end(msg, spec);
	return transact(r, msg, &a);
}

int kernel_set_up(struct kernel_requests *r, int ifindex)
{
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC,
		.ifi_index = ifindex,
		.ifi_flags = IFF_UP,
		.ifi_change = IFF_UP};
	struct answer a = {0};

	return transact(r, new_message(RTM_NEWLINK, NLM_F_ACK, &ifi, sizeof(ifi)), &a);
}

int kernel_delete_addr(
	struct kernel_requests *r, int ifindex, const struct weft_addr *addr, uint8_t prefix_len)
{
	struct ifaddrmsg ifa = {
		.ifa_family = family_of(addr), .ifa_prefixlen = prefix_len, .ifa_index = ifindex};
	struct nl_msg *msg = new_message(RTM_DELADDR, NLM_F_ACK, &ifa, sizeof(ifa));
	struct answer a = {0};

	if (msg && put_addr(msg, IFA_LOCAL, addr) < 0) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return transact(r, msg, &a);
}
