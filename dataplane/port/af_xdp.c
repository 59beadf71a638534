/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A kernel uplink: AF_XDP sockets on every receive queue of an interface that stays with the
 * kernel.
 *
 * The control daemon puts the steering program on the interface (ebpf/loader) and sends the
 * descriptor of its socket map with the port; this file registers its sockets there and knows
 * nothing else of the program. A NIC spreads VXLAN over all its receive queues, so each of them
 * gets a socket, whatever the number of queues of the port: queue q of the port reads the device's
 * queues q, q + n, q + 2n... rx and tx on workers, the rest on the main thread.
 *
 * The kernel's AF_XDP keeps no offload metadata, so none is offered: the pipeline completes
 * checksums and segments before it sends. On a veth (and other software devices) the peer must do
 * the same: ethtool -K PEER tx off.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <rte_malloc.h>

#include <port/port.h>
#include <weft_bpf/uplink.h>

#include "af_xdp_socket.h"
#include "netdev.h"

/* The kernel tears down a dead owner's socket asynchronously; usually it takes a few ms. */
#define BUSY_RETRIES  10
#define BUSY_RETRY_NS 5000000

struct af_xdp {
	int ctl_fd; /* for ioctls */
	int ifindex;
	unsigned int n_sockets;
	uint16_t turn[WEFT_PORT_QUEUES]; /* which socket of the queue is read first */
	struct xdp_socket *sockets[WEFT_BPF_MAX_QUEUES];
};

static uint16_t af_xdp_rx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct af_xdp *x = p->priv;
	unsigned int n_mine = (x->n_sockets - queue + p->n_rxq - 1) / p->n_rxq;
	unsigned int first = x->turn[queue]++;
	uint16_t n_rx = 0;

	for (unsigned int i = 0; i < n_mine && n_rx < n; i++) {
		unsigned int s = queue + (first + i) % n_mine * p->n_rxq;

		n_rx += xdp_socket_rx(x->sockets[s], pkts + n_rx, n - n_rx);
	}
	return n_rx;
}

static uint16_t af_xdp_tx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct af_xdp *x = p->priv;

	return xdp_socket_tx(x->sockets[queue], pkts, n);
}

static int open_patiently(const char *device, uint32_t queue, struct xdp_socket **ret)
{
	const struct timespec pause = {.tv_nsec = BUSY_RETRY_NS};
	int error;

	for (int i = 0; i < BUSY_RETRIES; i++) {
		error = xdp_socket_open(device, queue, ret);
		if (error != -EBUSY)
			return error;
		nanosleep(&pause, NULL);
	}
	return error;
}

static const char *remedy(int error)
{
	switch (-error) {
	case EBUSY:
		return "another program has an AF_XDP socket on this queue";
	case EPERM:
		return "needs CAP_NET_RAW";
	case ENOBUFS:
	case ENOMEM:
		return "needs CAP_IPC_LOCK or a larger limit of locked memory (ulimit -l)";
	case EOPNOTSUPP:
	case EINVAL:
		return "the driver does not support it";
	default:
		return strerrordesc_np(-error);
	}
}

static int map_register(struct port *p, const struct af_xdp *x, int map_fd)
{
	for (uint32_t q = 0; q < x->n_sockets; q++) {
		int fd = xdp_socket_fd(x->sockets[q]);

		if (bpf_map_update_elem(map_fd, &q, &fd, BPF_ANY) < 0)
			return port_fail(
				p, errno, "socket map, queue %u: %s", q, strerrordesc_np(errno));
	}
	return 0;
}

static int sockets_open(struct port *p, struct af_xdp *x)
{
	unsigned int n = netdev_n_rxq(x->ctl_fd, p->spec.device);

	if (n > WEFT_BPF_MAX_QUEUES)
		return port_fail(p, E2BIG,
			"%.32s has %u receive queues, at most %u: ethtool -L %.32s combined %u",
			p->spec.device, n, WEFT_BPF_MAX_QUEUES, p->spec.device,
			WEFT_BPF_MAX_QUEUES);
	for (uint32_t q = 0; q < n; q++) {
		int error = open_patiently(p->spec.device, q, &x->sockets[q]);

		if (error < 0)
			return port_fail(p, -error, "AF_XDP on %.32s queue %u: %s", p->spec.device,
				q, remedy(error));
		x->n_sockets++;
	}
	return 0;
}

static void describe(struct port *p, const struct netdev *d, uint32_t frame_max)
{
	if (!d->running)
		netdev_link_text(d, p->text, sizeof(p->text));
	else if (d->mtu + PORT_FRAME_OVERHEAD > frame_max)
		snprintf(p->text, sizeof(p->text),
			"frames longer than %u bytes are lost: Linux 6.6 or later is needed",
			frame_max);
	else
		p->text[0] = '\0';
}

/* False: the interface is gone. */
static bool device_refresh(struct port *p, struct af_xdp *x)
{
	struct netdev d;

	if (!xdp_socket_is_bound(x->sockets[0]) || netdev_read(x->ctl_fd, x->ifindex, &d) < 0)
		return false;
	describe(p, &d, xdp_socket_frame_max(x->sockets[0]));
	if (p->link != d.running)
		port_set_link(p, d.running);
	p->device_max_frame =
		RTE_MIN(d.mtu + PORT_FRAME_OVERHEAD, xdp_socket_frame_max(x->sockets[0]));
	p->max_frame = RTE_MIN(p->device_max_frame, (uint32_t)p->spec.mtu + PORT_FRAME_OVERHEAD);
	return true;
}

static void af_xdp_close(struct port *p)
{
	struct af_xdp *x = p->priv;

	for (unsigned int i = 0; i < x->n_sockets; i++)
		xdp_socket_close(x->sockets[i]);
	if (x->ctl_fd >= 0)
		close(x->ctl_fd);
	rte_free(x);
}

static int device_open(struct port *p, struct af_xdp *x, int map_fd)
{
	int error;

	x->ctl_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (x->ctl_fd < 0)
		return port_fail(p, errno, "socket: %s", strerrordesc_np(errno));
	x->ifindex = if_nametoindex(p->spec.device);
	if (x->ifindex == 0)
		return port_fail(
			p, ENODEV, "no interface %s in this network namespace", p->spec.device);
	if (map_fd < 0)
		return port_fail(p, EBADF, "no socket map came with the port: weftd sends it");
	error = sockets_open(p, x);
	if (error == 0)
		error = map_register(p, x, map_fd);
	if (error < 0)
		return error;
	p->n_rxq = RTE_MIN((unsigned int)p->spec.n_queues, x->n_sockets);
	p->n_txq = RTE_MIN((unsigned int)p->n_workers, x->n_sockets);
	p->offloads = PORT_OFFLOAD_MULTISEG;
	if (!device_refresh(p, x))
		return port_fail(p, ENODEV, "interface %s vanished", p->spec.device);
	p->ifindex = x->ifindex;
	return 0;
}

static int af_xdp_open(struct port *p, int fd)
{
	struct af_xdp *x = rte_zmalloc("af_xdp", sizeof(*x), RTE_CACHE_LINE_SIZE);
	int error;

	if (!x)
		return port_fail(p, ENOMEM, "no memory");
	p->priv = x;
	x->ctl_fd = -1;
	error = device_open(p, x, fd);
	if (error < 0) {
		af_xdp_close(p);
		p->priv = NULL;
	}
	return error;
}

static bool af_xdp_poll_state(struct port *p)
{
	struct af_xdp *x = p->priv;
	char name[sizeof(p->spec.device)];

	for (unsigned int i = 0; i < x->n_sockets; i++)
		atomic_fetch_add_explicit(
			&p->rx_errors, xdp_socket_lost(x->sockets[i]), memory_order_relaxed);
	if (device_refresh(p, x))
		return false;
	memcpy(name, p->spec.device, sizeof(name));
	port_fail(p, ENODEV, "interface %.64s was deleted or moved away", name);
	return true;
}

const struct port_ops af_xdp_ops = {
	.kind = WEFT_PORT_AF_XDP,
	.open = af_xdp_open,
	.close = af_xdp_close,
	.rx = af_xdp_rx,
	.tx = af_xdp_tx,
	.poll_state = af_xdp_poll_state,
};
