/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See qdisc.h. The kernel is asked for a qdisc of kind clsact: a dump would be of all interfaces.
 * Those who listen to changes of qdiscs hear of it when there is one.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "qdisc.h"

#define KIND "clsact"

/* Its verdict; some kernels say first what the qdisc is like. */
static int read_verdict(int fd)
{
	union {
		struct nlmsghdr h;
		char b[8192];
	} answer;

	for (;;) {
		ssize_t len = recv(fd, &answer, sizeof(answer), 0);

		if (len < 0)
			return -errno;
		if (!NLMSG_OK(&answer.h, (size_t)len))
			return -EPROTO;
		if (answer.h.nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(&answer.h))->error;
	}
}

int qdisc_has_egress(int ifindex)
{
	struct {
		struct nlmsghdr h;
		struct tcmsg tc;
		struct rtattr attr;
		char kind[8];
	} ask = {
		.h = {.nlmsg_len = sizeof(ask),
			.nlmsg_type = RTM_GETQDISC,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.tc = {.tcm_ifindex = ifindex, .tcm_parent = TC_H_CLSACT},
		.attr = {.rta_len = RTA_LENGTH(sizeof(KIND)), .rta_type = TCA_KIND},
		.kind = KIND,
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), result;

	if (fd < 0)
		return -errno;
	result = send(fd, &ask, sizeof(ask), 0) < 0 ? -errno : read_verdict(fd);
	close(fd);
	if (result == -EINVAL || result == -ENOENT) /* of another kind, none */
		return 0;
	return result < 0 ? result : 1;
}
