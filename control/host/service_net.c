/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The namespace of the service port (host/service_net.h). The process is in it only while it is
 * made; sockets stay where they were made. The interface has no ARP or ND: whatever goes out of it
 * is for the data plane, whatever its MAC.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_addr.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>

#include <host/service_net.h>
#include <weft/metadata.h>

#define BACKLOG 128

static int open_tap(const struct weft_port *port, int *ret)
{
	struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};

	memcpy(r.ifr_name, port->device, strnlen(port->device, IFNAMSIZ - 1));
	*ret = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return *ret < 0 || ioctl(*ret, TUNSETIFF, &r) < 0 ? -errno : 0;
}

static int set_up(int sock, const struct weft_port *port)
{
	struct ifreq r = {0};

	memcpy(r.ifr_name, port->device, strnlen(port->device, IFNAMSIZ - 1));
	r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(r.ifr_hwaddr.sa_data, port->mac.b, sizeof(port->mac.b));
	if (ioctl(sock, SIOCSIFHWADDR, &r) < 0)
		return -errno;
	r.ifr_mtu = port->mtu;
	if (ioctl(sock, SIOCSIFMTU, &r) < 0)
		return -errno;
	r.ifr_flags = IFF_UP | IFF_NOARP | IFF_MULTICAST | IFF_BROADCAST;
	return ioctl(sock, SIOCSIFFLAGS, &r) < 0 ? -errno : 0;
}

/* One request with its head and one attribute that holds an address; and the interface. */
static int request(struct nl_sock *nl, int type, const void *head, size_t size, int attr,
	const void *addr, int addr_size, uint32_t ifindex)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_CREATE | NLM_F_EXCL);
	int r = -NLE_NOMEM;

	if (!msg)
		return -ENOMEM;
	if (nlmsg_append(msg, (void *)(uintptr_t)head, size, NLMSG_ALIGNTO) == 0 &&
		nla_put(msg, attr, addr_size, addr) == 0 &&
		(!ifindex || nla_put_u32(msg, RTA_OIF, ifindex) == 0))
		r = nl_send_auto(nl, msg);
	nlmsg_free(msg);
	r = r < 0 ? r : nl_wait_for_ack(nl);
	return r < 0 ? -EIO : 0;
}

/* The interface gets an address, and a way to all who ask. */
static int add_way(struct nl_sock *nl, uint32_t ifindex, int family, const char *own,
	const char *askers, uint8_t askers_len)
{
	int size = family == AF_INET ? 4 : 16, rc;
	struct ifaddrmsg a = {.ifa_family = family,
		.ifa_prefixlen = size * 8,
		.ifa_flags = IFA_F_PERMANENT | IFA_F_NODAD,
		.ifa_index = ifindex};
	struct rtmsg route = {.rtm_family = family,
		.rtm_dst_len = askers_len,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = family == AF_INET ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST};
	uint8_t addr[16];

	inet_pton(family, own, addr);
	rc = request(nl, RTM_NEWADDR, &a, sizeof(a), IFA_LOCAL, addr, size, 0);
	if (rc < 0)
		return rc;
	inet_pton(family, askers, addr);
	return request(nl, RTM_NEWROUTE, &route, sizeof(route), RTA_DST, addr, size, ifindex);
}

static int add_ways(const struct weft_port *port, bool v6)
{
	uint32_t ifindex = if_nametoindex(port->device);
	struct nl_sock *nl = nl_socket_alloc();
	int rc = -ENOMEM;

	if (nl && nl_connect(nl, NETLINK_ROUTE) == 0)
		rc = add_way(nl, ifindex, AF_INET, WEFT_METADATA_IPV4, WEFT_METADATA_ASKERS4,
			WEFT_METADATA_ASKERS4_LEN);
	if (rc == 0 && v6)
		rc = add_way(nl, ifindex, AF_INET6, WEFT_METADATA_IPV6, WEFT_METADATA_ASKERS6,
			WEFT_METADATA_ASKERS6_LEN);
	nl_socket_free(nl);
	return rc;
}

static int listen_at(int sock, const struct sockaddr *addr, socklen_t size)
{
	return bind(sock, addr, size) < 0 || listen(sock, BACKLOG) < 0 ? -errno : 0;
}

static int listen_both(const struct service_net *n)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_port = htons(WEFT_METADATA_PROXY_PORT)};
	struct sockaddr_in6 in6 = {
		.sin6_family = AF_INET6, .sin6_port = htons(WEFT_METADATA_PROXY_PORT)};
	int rc;

	inet_pton(AF_INET, WEFT_METADATA_IPV4, &in.sin_addr);
	inet_pton(AF_INET6, WEFT_METADATA_IPV6, &in6.sin6_addr);
	rc = listen_at(n->listeners[0], (struct sockaddr *)&in, sizeof(in));
	if (rc == 0 && n->listeners[1] >= 0)
		rc = listen_at(n->listeners[1], (struct sockaddr *)&in6, sizeof(in6));
	return rc;
}

/* In the new namespace. */
static int fill(const struct weft_port *port, struct service_net *n, const char **step)
{
	const int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
	int rc;

	*step = "making the TAP interface (/dev/net/tun)";
	rc = open_tap(port, &n->tap);
	if (rc < 0)
		return rc;
	*step = "making sockets";
	n->listeners[0] = socket(AF_INET, type, 0);
	n->listeners[1] = socket(AF_INET6, type, 0);
	if (n->listeners[0] < 0)
		return -errno;
	*step = "setting the interface up";
	rc = set_up(n->listeners[0], port);
	if (rc < 0)
		return rc;
	*step = "adding addresses and routes";
	rc = add_ways(port, n->listeners[1] >= 0);
	if (rc < 0)
		return rc;
	*step = "listening";
	return listen_both(n);
}

int service_net_open(const struct weft_port *port, struct service_net *ret, const char **ret_step)
{
	int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), rc;

	*ret = (struct service_net){-1, {-1, -1}};
	*ret_step = "making a network namespace";
	if (here < 0)
		return -errno;
	if (unshare(CLONE_NEWNET) < 0) {
		rc = -errno;
		close(here);
		return rc;
	}
	rc = fill(port, ret, ret_step);
	if (setns(here, CLONE_NEWNET) < 0)
		abort(); /* would go on in a namespace where the underlay is not */
	close(here);
	if (rc < 0)
		service_net_close(ret);
	return rc;
}

void service_net_close(struct service_net *n)
{
	const int fds[] = {n->tap, n->listeners[0], n->listeners[1]};

	for (unsigned int i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	*n = (struct service_net){-1, {-1, -1}};
}
