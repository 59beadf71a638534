/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Listens to rtnetlink's group of tc (tc_watch.h). What exactly changed is not looked at: whoever
 * wants a filter asks the kernel for it. Event loop's thread.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tc_watch.h"

struct tc_watch {
	int fd;
	struct event *readable;
	void (*changed)(void *arg, int ifindex);
	void *arg;
};

static void tell_each(struct tc_watch *w, const struct nlmsghdr *h, size_t n)
{
	for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
		const struct tcmsg *tc = NLMSG_DATA(h);

		if (h->nlmsg_len >= NLMSG_LENGTH(sizeof(*tc)) && tc->tcm_ifindex > 0)
			w->changed(w->arg, tc->tcm_ifindex);
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	static _Alignas(8) char buffer[32768];
	struct sockaddr_nl from;
	socklen_t from_size = sizeof(from);
	struct tc_watch *w = arg;
	ssize_t n = recvfrom(fd, buffer, sizeof(buffer), MSG_DONTWAIT | MSG_TRUNC,
		(struct sockaddr *)&from, &from_size);

	if (n > (ssize_t)sizeof(buffer) || (n < 0 && errno == ENOBUFS))
		w->changed(w->arg, 0);
	else if (n > 0 && from_size == sizeof(from) && from.nl_pid == 0)
		tell_each(w, (const struct nlmsghdr *)buffer, n);
}

static int listen_to_tc(void)
{
	struct sockaddr_nl addr = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_TC};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE), error;

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	error = -errno;
	if (fd >= 0)
		close(fd);
	return error;
}

int tc_watch_new(struct event_base *base, void (*changed)(void *arg, int ifindex), void *arg,
	struct tc_watch **ret)
{
	struct tc_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->changed = changed;
	w->arg = arg;
	w->fd = listen_to_tc();
	if (w->fd < 0) {
		int error = w->fd;

		free(w);
		return error;
	}
	w->readable = event_new(base, w->fd, EV_READ | EV_PERSIST, on_readable, w);
	if (!w->readable || event_add(w->readable, NULL) < 0) {
		tc_watch_free(w);
		return -ENOMEM;
	}
	*ret = w;
	return 0;
}

void tc_watch_free(struct tc_watch *w)
{
	if (!w)
		return;
	if (w->readable)
		event_free(w->readable);
	close(w->fd);
	free(w);
}
