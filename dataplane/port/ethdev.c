/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any DPDK device by its devargs: a physical NIC ("0000:03:00.0") or a virtual device
 * ("net_ring0"). The device is probed when the port opens and removed when it closes.
 *
 * Only offloads that a burst can make use of are asked for. Receive flags of the driver are
 * cleared: here they mean requests of a peer, and a NIC makes none. Main thread, but rx and tx:
 * workers; the removal callback: EAL's interrupt thread.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/queue.h>

#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_string_fns.h>

#include <core/mem.h>
#include <port/port.h>

#include "kinds.h"

#define ETHDEV_DESCS 1024

struct ethdev {
	uint16_t id;   /* DPDK's number */
	bool prepares; /* frames may need rte_eth_tx_prepare */
	_Atomic bool gone;
	struct rte_device *device;
	LIST_ENTRY(ethdev) link;
	char name[WEFT_DEVICE_SIZE]; /* devargs up to the first comma */
};

static LIST_HEAD(, ethdev) ethdevs = LIST_HEAD_INITIALIZER(ethdevs);

/* Our own kinds take their place: DPDK's memif ends the process when a peer disconnects. */
static const struct {
	const char *driver;
	const char *kind;
} replaced[] = {
	{"net_memif", "memif"},
	{"eth_memif", "memif"},
	{"net_vhost", "vhost-user"},
	{"eth_vhost", "vhost-user"},
};

static int device_check(struct port *p, const char *name)
{
	struct ethdev *other;

	for (unsigned int i = 0; i < RTE_DIM(replaced); i++)
		if (strncmp(name, replaced[i].driver, strlen(replaced[i].driver)) == 0)
			return port_fail(p, ENOTSUP, "use a port of kind %s instead of %s",
				replaced[i].kind, name);
	LIST_FOREACH (other, &ethdevs, link)
		if (strcmp(other->name, name) == 0)
			return port_fail(p, EADDRINUSE, "another port has the device %s", name);
	return 0;
}

/* Probes the device and finds its number. */
static int device_probe(struct port *p, struct ethdev *e)
{
	struct rte_dev_iterator it;
	uint16_t id;
	int error = rte_dev_probe(p->spec.device);

	if (error < 0)
		return port_fail(p, -error, "can't probe %s: %s", e->name, rte_strerror(-error));
	e->id = RTE_MAX_ETHPORTS;
	RTE_ETH_FOREACH_MATCHING_DEV(id, p->spec.device, &it)
	{
		e->id = id;
		rte_eth_iterator_cleanup(&it);
		break;
	}
	if (e->id == RTE_MAX_ETHPORTS)
		return port_fail(p, ENODEV, "%s is no network device", e->name);
	return 0;
}

static uint64_t tx_offloads_of(const struct rte_eth_dev_info *info)
{
	const uint64_t cksum = RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	const uint64_t tso = cksum | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO;
	uint64_t offloads = info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;

	if ((info->tx_offload_capa & cksum) == cksum)
		offloads |= cksum;
	if ((info->tx_offload_capa & tso) == tso && offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS)
		offloads |= tso;
	return offloads;
}

static uint32_t port_offloads_of(uint64_t tx_offloads)
{
	uint32_t offloads = 0;

	if (tx_offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS)
		offloads |= PORT_OFFLOAD_MULTISEG;
	if (tx_offloads & RTE_ETH_TX_OFFLOAD_UDP_CKSUM)
		offloads |= PORT_OFFLOAD_CKSUM;
	if (tx_offloads & RTE_ETH_TX_OFFLOAD_TCP_TSO)
		offloads |= PORT_OFFLOAD_TSO;
	return offloads;
}

/* The largest IP packet that fits the device and our buffers. */
static uint16_t mtu_choose(const struct port *p, const struct rte_eth_dev_info *info)
{
	uint16_t mtu = p->spec.mtu;

	if (info->max_mtu >= RTE_ETHER_MIN_MTU)
		mtu = RTE_MIN(mtu, info->max_mtu);
	if (!(info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER))
		mtu = RTE_MIN(mtu, MEM_DATA_SIZE - PORT_FRAME_OVERHEAD);
	return mtu;
}

static uint8_t queues_choose(uint16_t wanted, uint16_t max)
{
	uint16_t n = RTE_MIN(wanted, WEFT_PORT_QUEUES);

	return max > 0 && max < n ? max : n;
}

static void configure(
	struct port *p, const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
	uint64_t rss = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;

	p->n_rxq = queues_choose(p->spec.n_queues, info->max_rx_queues);
	p->n_txq = queues_choose(p->n_workers, info->max_tx_queues);
	conf->rxmode.mtu = mtu_choose(p, info);
	if (conf->rxmode.mtu + PORT_FRAME_OVERHEAD > MEM_DATA_SIZE)
		conf->rxmode.offloads = RTE_ETH_RX_OFFLOAD_SCATTER;
	conf->txmode.offloads = tx_offloads_of(info);
	rss &= info->flow_type_rss_offloads;
	if (p->n_rxq > 1 && rss) {
		conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf->rx_adv_conf.rss_conf.rss_hf = rss;
	}
	p->offloads = port_offloads_of(conf->txmode.offloads);
	p->max_frame = conf->rxmode.mtu + PORT_FRAME_OVERHEAD;
}

static int queues_set_up(struct port *p, uint16_t id)
{
	uint16_t n_rxd = ETHDEV_DESCS, n_txd = ETHDEV_DESCS;
	int socket = rte_eth_dev_socket_id(id);
	int error = rte_eth_dev_adjust_nb_rx_tx_desc(id, &n_rxd, &n_txd);

	if (error < 0)
		return error;
	for (uint16_t q = 0; q < p->n_rxq && error == 0; q++)
		error = rte_eth_rx_queue_setup(id, q, n_rxd, socket, NULL, mem_pools.packet);
	for (uint16_t q = 0; q < p->n_txq && error == 0; q++)
		error = rte_eth_tx_queue_setup(id, q, n_txd, socket, NULL);
	return error;
}

static int on_removal(uint16_t id, enum rte_eth_event_type event, void *arg, void *ret)
{
	struct ethdev *e = arg;

	e->gone = true;
	return 0;
}

/* Frames of tenants have any destination; devices that can't filter say so and need nothing. */
static int device_start(struct port *p, struct ethdev *e)
{
	struct rte_eth_conf conf = {0};
	struct rte_eth_dev_info info;
	int error = rte_eth_dev_info_get(e->id, &info);

	if (error == 0) {
		configure(p, &info, &conf);
		error = rte_eth_dev_configure(e->id, p->n_rxq, p->n_txq, &conf);
	}
	if (error == 0)
		error = queues_set_up(p, e->id);
	if (error == 0)
		error = rte_eth_dev_start(e->id);
	if (error < 0)
		return port_fail(p, -error, "can't start %s: %s", e->name, rte_strerror(-error));
	e->prepares = p->offloads & (PORT_OFFLOAD_CKSUM | PORT_OFFLOAD_TSO);
	rte_eth_promiscuous_enable(e->id);
	rte_eth_allmulticast_enable(e->id);
	rte_eth_dev_callback_register(e->id, RTE_ETH_EVENT_INTR_RMV, on_removal, e);
	return 0;
}

static void device_remove(struct ethdev *e)
{
	struct rte_eth_dev_info info;

	if (e->id < RTE_MAX_ETHPORTS && rte_eth_dev_info_get(e->id, &info) == 0) {
		rte_eth_dev_callback_unregister(e->id, RTE_ETH_EVENT_INTR_RMV, on_removal, e);
		rte_eth_dev_stop(e->id);
		rte_eth_dev_close(e->id);
		rte_dev_remove(info.device);
	}
	rte_free(e);
}

static void link_refresh(struct port *p, const struct ethdev *e)
{
	struct rte_eth_link link = {0};

	bool known = !e->gone && rte_eth_link_get_nowait(e->id, &link) == 0;

	port_set_link(p, known && link.link_status == RTE_ETH_LINK_UP);
}

static int ethdev_open(struct port *p, int fd)
{
	struct ethdev *e = rte_zmalloc("ethdev", sizeof(*e), RTE_CACHE_LINE_SIZE);
	int error;

	if (!e)
		return port_fail(p, ENOMEM, "out of memory");
	e->id = RTE_MAX_ETHPORTS;
	rte_strlcpy(e->name, p->spec.device, sizeof(e->name));
	e->name[strcspn(e->name, ",")] = '\0';
	error = device_check(p, e->name);
	if (error == 0)
		error = device_probe(p, e);
	if (error == 0)
		error = device_start(p, e);
	if (error < 0) {
		device_remove(e);
		return error;
	}
	LIST_INSERT_HEAD(&ethdevs, e, link);
	p->priv = e;
	link_refresh(p, e);
	return 0;
}

static void ethdev_close(struct port *p)
{
	struct ethdev *e = p->priv;

	LIST_REMOVE(e, link);
	device_remove(e);
}

static uint16_t ethdev_rx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	const struct ethdev *e = p->priv;
	uint16_t got = rte_eth_rx_burst(e->id, queue, pkts, n);

	for (uint16_t i = 0; i < got; i++)
		pkts[i]->ol_flags &= ~(RTE_MBUF_F_RX_L4_CKSUM_MASK | RTE_MBUF_F_RX_LRO);
	return got;
}

/* A device computes the IPv4 checksum of each segment itself, from zero. */
static void tso_prepare(struct rte_mbuf **pkts, uint16_t n)
{
	const uint64_t tso4 = RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IPV4;
	struct rte_ipv4_hdr *ip;

	for (uint16_t i = 0; i < n; i++) {
		if ((pkts[i]->ol_flags & tso4) != tso4)
			continue;
		ip = rte_pktmbuf_mtod_offset(pkts[i], struct rte_ipv4_hdr *, pkts[i]->l2_len);
		ip->hdr_checksum = 0;
		pkts[i]->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
	}
}

static uint16_t ethdev_tx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	const struct ethdev *e = p->priv;

	if (e->prepares) {
		tso_prepare(pkts, n);
		n = rte_eth_tx_prepare(e->id, queue, pkts, n);
	}
	return rte_eth_tx_burst(e->id, queue, pkts, n);
}

static bool ethdev_poll_state(struct port *p)
{
	const struct ethdev *e = p->priv;
	bool gone = e->gone || rte_eth_dev_is_removed(e->id);

	link_refresh(p, e);
	if (gone)
		port_fail(p, ENODEV, "the device was removed");
	else if (!p->link)
		port_fail(p, ENOLINK, "no carrier");
	else if (p->device_max_frame < (uint32_t)p->spec.mtu + PORT_FRAME_OVERHEAD)
		port_fail(p, EMSGSIZE, "MTU %u is more than the device takes (%u)", p->spec.mtu,
			p->device_max_frame - PORT_FRAME_OVERHEAD);
	else
		p->text[0] = '\0';
	return gone;
}

const struct port_ops ethdev_ops = {
	.kind = WEFT_PORT_ETHDEV,
	.open = ethdev_open,
	.close = ethdev_close,
	.rx = ethdev_rx,
	.tx = ethdev_tx,
	.poll_state = ethdev_poll_state,
};
