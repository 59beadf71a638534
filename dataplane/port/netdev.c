/* SPDX-License-Identifier: BSD-3-Clause */
/* See netdev.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>

#include "netdev.h"

static struct ifreq request(const char *name)
{
	struct ifreq r = {0};

	memcpy(r.ifr_name, name, strnlen(name, IF_NAMESIZE - 1));
	return r;
}

int netdev_read(int fd, int ifindex, struct netdev *ret)
{
	struct ethtool_value value = {.cmd = ETHTOOL_GTSO};
	struct ifreq r = {.ifr_ifindex = ifindex};

	if (ioctl(fd, SIOCGIFNAME, &r) < 0)
		return -ENODEV;
	memcpy(ret->name, r.ifr_name, IF_NAMESIZE);
	if (ioctl(fd, SIOCGIFFLAGS, &r) < 0)
		return -ENODEV;
	ret->admin_up = r.ifr_flags & IFF_UP;
	ret->running = ret->admin_up && (r.ifr_flags & IFF_RUNNING);
	r = request(ret->name);
	if (ioctl(fd, SIOCGIFMTU, &r) < 0)
		return -ENODEV;
	ret->mtu = r.ifr_mtu;
	r.ifr_data = (void *)&value;
	ret->tso = ioctl(fd, SIOCETHTOOL, &r) == 0 && value.data;
	return 0;
}

unsigned int netdev_n_rxq(int fd, const char *name)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq r = request(name);
	unsigned int n;

	r.ifr_data = (void *)&channels;
	if (ioctl(fd, SIOCETHTOOL, &r) < 0)
		return 1; /* a driver without the notion has one */
	n = channels.combined_count + channels.rx_count;
	return n ? n : 1;
}

bool netdev_is_tenants(int fd, const char *name)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq r = request(name);

	r.ifr_data = (void *)&info;
	if (ioctl(fd, SIOCETHTOOL, &r) < 0)
		return false;
	return strncmp(info.driver, "veth", sizeof(info.driver)) == 0 ||
	       (strncmp(info.driver, "tun", sizeof(info.driver)) == 0 &&
		       strncmp(info.bus_info, "tap", sizeof(info.bus_info)) == 0);
}

void netdev_link_text(const struct netdev *d, char *ret, size_t size)
{
	if (d->running)
		ret[0] = '\0';
	else if (d->admin_up)
		snprintf(ret, size, "no carrier: the peer is down or absent");
	else
		snprintf(ret, size, "interface is down: ip link set dev %s up", d->name);
}
