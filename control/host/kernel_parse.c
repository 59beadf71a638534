/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading rtnetlink messages: links, addresses, neighbours; routes only as news that something
 * changed. Attributes are checked for their length before use. Event loop's thread.
 */
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include "kernel_parse.h"

bool kernel_read_addr(const struct nlattr *a, unsigned int family, struct weft_addr *ret)
{
	if (!a)
		return false;
	if (family == AF_INET && nla_len(a) >= 4)
		*ret = weft_addr_from_v4(nla_data(a));
	else if (family == AF_INET6 && nla_len(a) >= (int)sizeof(*ret))
		memcpy(ret, nla_data(a), sizeof(*ret));
	else
		return false;
	return true;
}

static bool is_kind(struct nlattr *info, const char *kind)
{
	struct nlattr *tb[IFLA_INFO_MAX + 1];

	return info && nla_parse_nested(tb, IFLA_INFO_MAX, info, NULL) == 0 && tb[IFLA_INFO_KIND] &&
	       nla_strcmp(tb[IFLA_INFO_KIND], kind) == 0;
}

static bool parse_link(const struct nlmsghdr *h, struct kernel_news *ret)
{
	struct nlattr *tb[IFLA_MAX + 1];
	const struct ifinfomsg *ifi;

	if (nlmsg_parse((struct nlmsghdr *)h, sizeof(*ifi), tb, IFLA_MAX, NULL) < 0)
		return false;
	ifi = nlmsg_data(h);
	/* From a bridge: the interface joined or left it. */
	if (ifi->ifi_family == AF_BRIDGE || !tb[IFLA_IFNAME])
		return false;
	ret->kind = KERNEL_NEWS_LINK;
	ret->gone = h->nlmsg_type == RTM_DELLINK;
	ret->ifindex = ret->link.ifindex = ifi->ifi_index;
	nla_strlcpy(ret->link.name, tb[IFLA_IFNAME], sizeof(ret->link.name));
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == sizeof(ret->link.mac))
		memcpy(&ret->link.mac, nla_data(tb[IFLA_ADDRESS]), sizeof(ret->link.mac));
	if (tb[IFLA_MTU] && nla_len(tb[IFLA_MTU]) >= 4)
		ret->link.mtu = nla_get_u32(tb[IFLA_MTU]);
	ret->link.up = ifi->ifi_flags & IFF_UP;
	ret->link.is_veth = is_kind(tb[IFLA_LINKINFO], "veth");
	ret->link.is_tun = is_kind(tb[IFLA_LINKINFO], "tun");
	ret->link.peer_elsewhere = ret->link.is_veth && tb[IFLA_LINK_NETNSID];
	ret->link.running = ret->link.up && (ifi->ifi_flags & IFF_RUNNING);
	return true;
}

static bool parse_addr(const struct nlmsghdr *h, struct kernel_news *ret)
{
	struct nlattr *tb[IFA_MAX + 1];
	const struct ifaddrmsg *ifa;

	if (nlmsg_parse((struct nlmsghdr *)h, sizeof(*ifa), tb, IFA_MAX, NULL) < 0)
		return false;
	ifa = nlmsg_data(h);
	ret->kind = KERNEL_NEWS_ADDR;
	ret->gone = h->nlmsg_type == RTM_DELADDR;
	ret->ifindex = ifa->ifa_index;
	ret->prefix_len = ifa->ifa_prefixlen;
	return kernel_read_addr(
		tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS], ifa->ifa_family, &ret->addr);
}

static bool parse_neigh(const struct nlmsghdr *h, struct kernel_news *ret)
{
	struct nlattr *tb[NDA_MAX + 1];
	const struct ndmsg *ndm;

	if (nlmsg_parse((struct nlmsghdr *)h, sizeof(*ndm), tb, NDA_MAX, NULL) < 0)
		return false;
	ndm = nlmsg_data(h);
	if (!kernel_read_addr(tb[NDA_DST], ndm->ndm_family, &ret->addr))
		return false;
	ret->kind = KERNEL_NEWS_NEIGH;
	ret->gone = h->nlmsg_type == RTM_DELNEIGH;
	ret->ifindex = ndm->ndm_ifindex;
	ret->nud = ret->gone ? NUD_NONE : ndm->ndm_state;
	if (tb[NDA_LLADDR] && nla_len(tb[NDA_LLADDR]) == sizeof(ret->mac))
		memcpy(&ret->mac, nla_data(tb[NDA_LLADDR]), sizeof(ret->mac));
	return true;
}

bool kernel_parse_news(const struct nlmsghdr *h, struct kernel_news *ret)
{
	*ret = (struct kernel_news){0};
	switch (h->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return parse_link(h, ret);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return parse_addr(h, ret);
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return parse_neigh(h, ret);
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
	case RTM_NEWRULE:
	case RTM_DELRULE:
	case RTM_NEWNEXTHOP:
	case RTM_DELNEXTHOP:
		ret->kind = KERNEL_NEWS_ROUTES;
		return true;
	default:
		return false;
	}
}

/* The next hop of an IPv4 route may be an IPv6 address (RFC 5549): RTA_VIA. */
static void read_next_hop(struct nlattr **tb, unsigned int family, struct kernel_route *ret)
{
	const struct rtvia *via;

	if (kernel_read_addr(tb[RTA_GATEWAY], family, &ret->next_hop) || !tb[RTA_VIA] ||
		nla_len(tb[RTA_VIA]) < (int)(sizeof(*via) + 4))
		return;
	via = nla_data(tb[RTA_VIA]);
	if (via->rtvia_family == AF_INET)
		ret->next_hop = weft_addr_from_v4(via->rtvia_addr);
	else if (via->rtvia_family == AF_INET6 &&
		 nla_len(tb[RTA_VIA]) >= (int)(sizeof(*via) + sizeof(ret->next_hop)))
		memcpy(&ret->next_hop, via->rtvia_addr, sizeof(ret->next_hop));
}

bool kernel_parse_route(const struct nlmsghdr *h, struct kernel_route *ret)
{
	struct nlattr *tb[RTA_MAX + 1], *metrics[RTAX_MAX + 1];
	const struct rtmsg *rtm;

	if (h->nlmsg_type != RTM_NEWROUTE ||
		nlmsg_parse((struct nlmsghdr *)h, sizeof(*rtm), tb, RTA_MAX, NULL) < 0)
		return false;
	rtm = nlmsg_data(h);
	ret->type = rtm->rtm_type;
	if (tb[RTA_OIF] && nla_len(tb[RTA_OIF]) >= 4)
		ret->ifindex = nla_get_u32(tb[RTA_OIF]);
	read_next_hop(tb, rtm->rtm_family, ret);
	if (tb[RTA_METRICS] && nla_parse_nested(metrics, RTAX_MAX, tb[RTA_METRICS], NULL) == 0 &&
		metrics[RTAX_MTU] && nla_len(metrics[RTAX_MTU]) >= 4)
		ret->mtu = nla_get_u32(metrics[RTAX_MTU]);
	return true;
}
