/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See xdp_query.h. The kernel is asked for the one link, without its statistics.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "xdp_query.h"

union answer {
	struct nlmsghdr h;
	char b[32768];
};

static const struct rtattr *find_attr(const struct rtattr *a, int len, unsigned short type)
{
	for (; RTA_OK(a, len); a = RTA_NEXT(a, len))
		if ((a->rta_type & NLA_TYPE_MASK) == type)
			return a;
	return NULL;
}

static uint32_t read_id(const struct rtattr *xdp, unsigned short type)
{
	const struct rtattr *a = find_attr(RTA_DATA(xdp), RTA_PAYLOAD(xdp), type);
	uint32_t id = 0;

	if (a && RTA_PAYLOAD(a) >= sizeof(id))
		memcpy(&id, RTA_DATA(a), sizeof(id));
	return id;
}

static void read_link(const struct nlmsghdr *h, struct xdp_there *ret)
{
	const struct ifinfomsg *link = NLMSG_DATA(h);
	const struct rtattr *xdp = find_attr(IFLA_RTA(link), IFLA_PAYLOAD(h), IFLA_XDP), *mode;

	*ret = (struct xdp_there){.mode = XDP_ATTACHED_NONE};
	mode = xdp ? find_attr(RTA_DATA(xdp), RTA_PAYLOAD(xdp), IFLA_XDP_ATTACHED) : NULL;
	if (!mode || RTA_PAYLOAD(mode) < sizeof(ret->mode))
		return;
	memcpy(&ret->mode, RTA_DATA(mode), sizeof(ret->mode));
	ret->id = read_id(xdp, IFLA_XDP_PROG_ID);
	if (!ret->id)
		ret->id = read_id(xdp, IFLA_XDP_DRV_PROG_ID);
	if (!ret->id)
		ret->id = read_id(xdp, IFLA_XDP_SKB_PROG_ID);
}

static int read_answer(int fd, struct xdp_there *ret)
{
	static union answer answer;
	ssize_t len = recv(fd, &answer, sizeof(answer), MSG_TRUNC);

	if (len < 0)
		return -errno;
	if (len > (ssize_t)sizeof(answer))
		return -EMSGSIZE;
	if (!NLMSG_OK(&answer.h, (size_t)len))
		return -EPROTO;
	if (answer.h.nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)NLMSG_DATA(&answer.h))->error;
	if (answer.h.nlmsg_type != RTM_NEWLINK ||
		answer.h.nlmsg_len < NLMSG_LENGTH(sizeof(struct ifinfomsg)))
		return -EPROTO;
	read_link(&answer.h, ret);
	return 0;
}

int xdp_query(int ifindex, struct xdp_there *ret)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg link;
		struct rtattr attr;
		uint32_t mask;
	} ask = {
		.h = {.nlmsg_len = sizeof(ask),
			.nlmsg_type = RTM_GETLINK,
			.nlmsg_flags = NLM_F_REQUEST},
		.link = {.ifi_index = ifindex},
		.attr = {.rta_len = RTA_LENGTH(sizeof(ask.mask)), .rta_type = IFLA_EXT_MASK},
		.mask = RTEXT_FILTER_SKIP_STATS,
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), error;

	if (fd < 0)
		return -errno;
	error = send(fd, &ask, sizeof(ask), 0) < 0 ? -errno : read_answer(fd, ret);
	close(fd);
	return error;
}
