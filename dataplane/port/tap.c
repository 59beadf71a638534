/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A TAP interface: for containers and guests whose interface is made by us and moved to them.
 *
 * device is NAME, in this process's network namespace, or /PATH/OF/NETNS:NAME. An interface that
 * exists is used (ip tuntap add); one that is missing is made, persistent, so that it stays with
 * its addresses where it was moved to when this process is killed: the next one finds it again by
 * the path of that namespace. It is deleted when the port is removed by the process that made it.
 * An open port follows its interface to any namespace, renamed or not; state is therefore asked of
 * the descriptor, never by name.
 *
 * The service port's interface is control's own: its descriptor comes with the op, and without one
 * nothing is made, as its peer must not be in this namespace.
 *
 * Offload metadata in a virtio-net header both ways, as on veth. The kernel has neither a ring nor
 * batches here: each frame is a system call (some 900 ns in, 1200 ns out), and so is an empty poll,
 * which is why an idle queue is polled at growing intervals. Prefer veth for containers. rx and tx
 * on workers, the rest on the main thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

#include <port/port.h>

#include "rx_chain.h"
#include "vnet_hdr.h"

/* Newer than the kernel headers of Debian 12 (Linux 6.2). */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

#define TX_IOVS 64 /* one for the header */
/* Longest pause between polls of an idle queue: as long as some ten empty system calls. */
#define IDLE_POLL_MAX_US 16

struct tap_queue {
	int fd;
	uint64_t poll_at; /* TSC */
	uint64_t pause;	  /* TSC cycles, 0: busy */
} __rte_cache_aligned;

struct tap {
	unsigned int n_queues;
	uint64_t pause_min;
	uint64_t pause_max;
	bool made; /* by this process */
	struct tap_queue queues[WEFT_PORT_QUEUES];
};

/* ---- receiving ---- */

/* Reads one frame into *chain (RX_CHAIN_FRAME_MAX long), which it takes; *chain becomes what was
 * not used. NULL: none there (*ret_error false), or a broken one. */
static struct rte_mbuf *rx_one(int fd, bool tunnels, struct rte_mbuf **chain, bool *ret_error)
{
	struct virtio_net_hdr_mrg_rxbuf vnet;
	struct iovec iov[1 + RX_CHAIN_SEGS_MAX];
	struct rte_mbuf *m = *chain;
	ssize_t len;

	iov[0] = (struct iovec){&vnet, sizeof(vnet)};
	len = readv(fd, iov, 1 + rx_chain_iov(m, iov + 1));
	*ret_error = false;
	if (len < 0)
		return NULL;
	len -= sizeof(vnet);
	*ret_error = true;
	if (len <= 0 || len > RX_CHAIN_FRAME_MAX)
		return NULL;
	*chain = rx_chain_cut(m, len);
	if (likely(vnet_hdr_rx(&vnet.hdr, m, tunnels) == 0)) {
		*ret_error = false;
		return m;
	}
	rte_pktmbuf_free(m);
	return NULL;
}

static void idle(struct tap *t, struct tap_queue *q, uint64_t now)
{
	q->pause = q->pause ? RTE_MIN(2 * q->pause, t->pause_max) : t->pause_min;
	q->poll_at = now + q->pause;
}

static uint16_t tap_rx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct tap *t = p->priv;
	struct tap_queue *q = &t->queues[queue];
	struct rte_mbuf *chain;
	uint16_t n_rx = 0;

	if (q->pause && rte_rdtsc() < q->poll_at)
		return 0;
	chain = rx_chain_new(RX_CHAIN_FRAME_MAX);
	for (uint16_t i = 0; i < n && likely(chain); i++) {
		bool error;
		struct rte_mbuf *m =
			rx_one(q->fd, p->spec.role == WEFT_ROLE_UPLINK, &chain, &error);

		if (unlikely(error))
			port_rx_error(p, NULL);
		else if (!m)
			break;
		else
			pkts[n_rx++] = m;
		if (chain != NULL && chain->pkt_len == RX_CHAIN_FRAME_MAX)
			continue; /* nothing of it was used */
		chain = rx_chain_join(chain);
	}
	rte_pktmbuf_free(chain);
	if (n_rx == 0)
		idle(t, q, rte_rdtsc());
	else
		q->pause = 0;
	return n_rx;
}

/* ---- sending ---- */

static ssize_t tx_one(int fd, struct rte_mbuf *m)
{
	struct virtio_net_hdr_mrg_rxbuf vnet = {0};
	struct iovec iov[TX_IOVS];
	int n = 1;

	if (unlikely(m->nb_segs >= TX_IOVS)) {
		errno = EMSGSIZE;
		return -1;
	}
	vnet_hdr_tx(m, &vnet.hdr);
	iov[0] = (struct iovec){&vnet, sizeof(vnet)};
	for (; m; m = m->next)
		iov[n++] = (struct iovec){rte_pktmbuf_mtod(m, void *), m->data_len};
	return writev(fd, iov, n);
}

/* Whether the device takes nothing now, as opposed to not this frame. */
static bool tx_is_stopped(int error)
{
	return error == EAGAIN || error == ENOBUFS || error == ENOMEM || error == EIO ||
	       error == EBADFD;
}

static uint16_t tap_tx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct tap *t = p->priv;
	int fd = t->queues[queue % t->n_queues].fd;
	uint16_t n_sent = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		if (unlikely(tx_one(fd, m) < 0)) {
			if (tx_is_stopped(errno))
				break;
			continue; /* refused: stays behind the others */
		}
		pkts[i] = pkts[n_sent];
		pkts[n_sent++] = m;
	}
	for (uint16_t i = 0; i < n_sent; i++)
		rte_pktmbuf_free(pkts[i]);
	return n_sent;
}

/* ---- opening and closing ---- */

/* Splits device. Returns a pointer to the name; path is "" for our own namespace. */
static const char *split_device(const char *device, char *path, size_t path_size)
{
	const char *colon = device[0] == '/' ? strrchr(device, ':') : NULL;

	snprintf(path, path_size, "%.*s", colon ? (int)(colon - device) : 0, device);
	return colon ? colon + 1 : device;
}

/* Opens n descriptors of the driver in that namespace: where they look up names is decided now.
 * Workers are not concerned, a namespace is a property of the thread. */
static int files_open(const char *path, int *fds, unsigned int n)
{
	int here = -1, there = -1, error = 0;

	if (path[0] != '\0') {
		here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
		there = open(path, O_RDONLY | O_CLOEXEC);
		if (here < 0 || there < 0 || setns(there, CLONE_NEWNET) < 0) {
			error = -errno;
			goto out;
		}
	}
	for (unsigned int i = 0; i < n && error == 0; i++) {
		fds[i] = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fds[i] < 0)
			error = -errno;
	}
	if (here >= 0 && setns(here, CLONE_NEWNET) < 0)
		abort(); /* in a tenant's namespace for good: nothing may go on from here */
out:
	if (here >= 0)
		close(here);
	if (there >= 0)
		close(there);
	return error;
}

static int set_interface(int fd, const char *name, short extra_flags)
{
	struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | extra_flags};

	memcpy(r.ifr_name, name, strnlen(name, IF_NAMESIZE - 1));
	return ioctl(fd, TUNSETIFF, &r) < 0 ? -errno : 0;
}

/* Attaches the first descriptor. Returns the flags that the interface has, for the other ones. */
static int attach_first(struct tap *t, const char *name)
{
	short wanted = t->n_queues > 1 ? IFF_MULTI_QUEUE : 0;
	int fd = t->queues[0].fd, error;

	error = set_interface(fd, name, wanted | IFF_TUN_EXCL);
	if (error == 0) {
		t->made = true;
		return ioctl(fd, TUNSETPERSIST, 1) < 0 ? -errno : wanted;
	}
	if (error != -EBUSY)
		return error;
	error = set_interface(fd, name, wanted);
	if (error == -EINVAL) { /* it was made with the other setting */
		wanted ^= IFF_MULTI_QUEUE;
		error = set_interface(fd, name, wanted);
	}
	return error < 0 ? error : wanted;
}

/* Sets what the kernel may hand over. Returns the offloads toward the interface, or -errno. */
static int set_offloads(const struct tap *t, bool none)
{
	const unsigned int basic = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
	const int hdr_size = sizeof(struct virtio_net_hdr_mrg_rxbuf);
	int offloads = PORT_OFFLOAD_MULTISEG, fd = t->queues[0].fd;

	if (ioctl(fd, TUNSETVNETHDRSZ, &hdr_size) < 0)
		return -errno;
	if (none)
		return ioctl(fd, TUNSETOFFLOAD, 0) < 0 ? -errno : offloads;
	offloads |= PORT_OFFLOAD_CKSUM | PORT_OFFLOAD_TSO;
	if (ioctl(fd, TUNSETOFFLOAD, basic | TUN_F_USO4 | TUN_F_USO6) == 0)
		return offloads | PORT_OFFLOAD_USO;
	return ioctl(fd, TUNSETOFFLOAD, basic) < 0 ? -errno : offloads;
}

static void close_from(struct tap *t, unsigned int first)
{
	for (unsigned int i = first; i < t->n_queues; i++)
		if (t->queues[i].fd >= 0)
			close(t->queues[i].fd);
	t->n_queues = RTE_MIN(t->n_queues, first);
}

static void tap_close(struct port *p)
{
	struct tap *t = p->priv;

	if (t->made && !port_keeps_devices())
		ioctl(t->queues[0].fd, TUNSETPERSIST, 0);
	close_from(t, 0);
	rte_free(t);
}

static int interface_open(struct port *p, struct tap *t, const char *path, const char *name)
{
	int fds[WEFT_PORT_QUEUES], flags, error;

	memset(fds, -1, sizeof(fds));
	error = files_open(path, fds, t->n_queues);
	for (unsigned int i = 0; i < t->n_queues; i++)
		t->queues[i].fd = fds[i];
	if (error < 0)
		return port_fail(p, -error, "%s: %s", path[0] ? path : "/dev/net/tun",
			strerrordesc_np(-error));
	flags = attach_first(t, name);
	if (flags == -EBUSY)
		return port_fail(p, EBUSY, "TAP %.16s is in use by another process", name);
	if (flags == -EINVAL)
		return port_fail(p, EINVAL, "%.16s exists and is no TAP interface", name);
	if (flags < 0)
		return port_fail(p, -flags, "TAP %.16s: %s (needs CAP_NET_ADMIN)", name,
			strerrordesc_np(-flags));
	if (!(flags & IFF_MULTI_QUEUE))
		close_from(t, 1);
	for (unsigned int i = 1; i < t->n_queues && error == 0; i++)
		error = set_interface(t->queues[i].fd, name, flags);
	if (error == 0)
		error = set_offloads(t, p->spec.flags & WEFT_PORT_NO_OFFLOAD);
	if (error < 0)
		return port_fail(p, -error, "TAP %.16s: %s", name, strerrordesc_np(-error));
	p->offloads = error;
	return 0;
}

/* The interface that fd is attached to, with one queue. */
static int interface_adopt(struct port *p, struct tap *t, int fd)
{
	int error;

	if (fd < 0)
		return port_fail(p, ENODEV, "no descriptor of the interface came yet");
	t->queues[0].fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (t->queues[0].fd < 0)
		return port_fail(p, errno, "descriptor: %s", strerrordesc_np(errno));
	error = set_offloads(t, p->spec.flags & WEFT_PORT_NO_OFFLOAD);
	if (error < 0)
		return port_fail(p, -error, "descriptor: %s", strerrordesc_np(-error));
	p->offloads = error;
	return 0;
}

/* The descriptor is writable exactly when the interface is up, wherever it is. False: deleted. */
static bool device_refresh(struct port *p, struct tap *t)
{
	struct pollfd poll_fd = {.fd = t->queues[0].fd, .events = POLLOUT};
	bool up;

	if (poll(&poll_fd, 1, 0) < 0 || (poll_fd.revents & (POLLERR | POLLNVAL)))
		return false;
	up = poll_fd.revents & POLLOUT;
	if (up)
		p->text[0] = '\0';
	else
		snprintf(p->text, sizeof(p->text),
			"interface is down: ip link set dev %.15s up, in its namespace",
			p->spec.device);
	if (p->link != up)
		port_set_link(p, up);
	return true;
}

static int tap_open(struct port *p, int fd)
{
	struct tap *t = rte_zmalloc("tap", sizeof(*t), RTE_CACHE_LINE_SIZE);
	char path[WEFT_DEVICE_SIZE];
	const char *name = split_device(p->spec.device, path, sizeof(path));
	int error;

	if (!t)
		return port_fail(p, ENOMEM, "no memory");
	p->priv = t;
	t->n_queues = p->spec.role == WEFT_ROLE_SERVICE ? 1 : p->spec.n_queues;
	t->pause_max = rte_get_tsc_hz() / 1000000 * IDLE_POLL_MAX_US;
	t->pause_min = t->pause_max / 32;
	for (unsigned int i = 0; i < t->n_queues; i++)
		t->queues[i].fd = -1;
	if (p->spec.role == WEFT_ROLE_SERVICE)
		error = interface_adopt(p, t, fd);
	else if (name[0] == '\0' || strlen(name) >= IF_NAMESIZE || strpbrk(name, "/:%"))
		error = port_fail(p, EINVAL, "\"%.32s\" is no interface name", name);
	else
		error = interface_open(p, t, path, name);
	if (error == 0 && !device_refresh(p, t))
		error = port_fail(p, ENODEV, "TAP %.16s vanished", name);
	if (error < 0) {
		tap_close(p);
		p->priv = NULL;
		return error;
	}
	p->n_rxq = t->n_queues;
	p->n_txq = p->n_workers;
	p->max_frame = RX_CHAIN_FRAME_MAX;
	return 0;
}

static bool tap_poll_state(struct port *p)
{
	char name[WEFT_DEVICE_SIZE];

	if (device_refresh(p, p->priv))
		return false;
	memcpy(name, p->spec.device, sizeof(name));
	port_fail(p, ENODEV, "TAP %.64s was deleted", name);
	return true;
}

const struct port_ops tap_ops = {
	.kind = WEFT_PORT_TAP,
	.open = tap_open,
	.close = tap_close,
	.rx = tap_rx,
	.tx = tap_tx,
	.poll_state = tap_poll_state,
};
