/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A container's port: the host's end of a veth pair (or any Ethernet interface), through AF_PACKET.
 *
 * AF_PACKET and not XDP or AF_XDP, because it keeps the kernel's offload metadata: a container's
 * 64 KB GSO frames with partial checksums come in and go out whole (PACKET_VNET_HDR), which is
 * worth a factor in bulk TCP. Receiving: a memory ring (TPACKET_V2), so that an empty poll is a
 * read of one word and no system call; frames longer than a slot are announced in the ring and
 * fetched with one recvmsg each (PACKET_COPY_THRESH). Not TPACKET_V3, whose blocks are handed over
 * by a timer of 1 ms and more. Sending: sendmmsg; not the tx ring, since a veth's peer may hold on
 * to the ring's pages after the slot is given back. PACKET_QDISC_BYPASS also passes by tc, where
 * the guard (ebpf/prog/tc_guard.bpf.c) stops whatever the host's own stack would send to the
 * tenant.
 *
 * Queues: a PACKET_FANOUT group by flow hash. rx and tx on workers, the rest on the main thread.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <rte_ether.h>
#include <rte_malloc.h>

#include <core/mem.h>
#include <port/port.h>

#include "mark_filter.h"
#include "netdev.h"
#include "rx_chain.h"
#include "vnet_hdr.h"

#define SOCKET_BUFFER (4 << 20) /* bytes: frames too long for a slot, frames being sent */
#define RING_SLOTS    1024
#define RING_BYTES    (2 << 20) /* when slots are large, there are fewer */
#define SLOT_SIZE_MIN 2048
#define SLOT_SIZE_MAX 16384
#define SLOT_OVERHEAD 128 /* tpacket2_hdr, sockaddr_ll, virtio-net header, alignment */

#define TX_BATCH 32
#define TX_IOVS	 256 /* per batch, a frame takes one more than its segments */

struct veth_queue {
	int fd;
	uint32_t next; /* slot */
	uint32_t n_slots;
	uint32_t slot_size;
	bool tunnels; /* an uplink's */
	uint8_t *ring;
} __rte_cache_aligned;

struct veth {
	int ifindex;
	bool unfiltered; /* its sockets may not have the filters that they should: open anew */
	unsigned int n_queues;
	uint32_t offloads; /* the kernel's and the configuration's; the device may have fewer */
	struct veth_queue queues[WEFT_PORT_QUEUES];
};

/* ---- receiving ---- */

static struct tpacket2_hdr *slot_at(const struct veth_queue *q, uint32_t i)
{
	return (struct tpacket2_hdr *)(q->ring + (size_t)i * q->slot_size);
}

/* A tag that the kernel holds beside the frame goes back into it. */
static void insert_vlan(
	struct rte_mbuf *m, const struct tpacket2_hdr *slot, struct virtio_net_hdr *vnet)
{
	uint16_t tpid =
		slot->tp_status & TP_STATUS_VLAN_TPID_VALID ? slot->tp_vlan_tpid : ETH_P_8021Q;
	uint8_t *old = rte_pktmbuf_mtod(m, uint8_t *), *new = old - RTE_VLAN_HLEN;

	memmove(new, old, 2 * RTE_ETHER_ADDR_LEN);
	new[12] = tpid >> 8;
	new[13] = tpid & 0xff;
	new[14] = slot->tp_vlan_tci >> 8;
	new[15] = slot->tp_vlan_tci & 0xff;
	m->data_off -= RTE_VLAN_HLEN;
	m->data_len += RTE_VLAN_HLEN;
	m->pkt_len += RTE_VLAN_HLEN;
	if (vnet->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		vnet->csum_start += RTE_VLAN_HLEN;
}

static struct rte_mbuf *rx_from_slot(
	const struct tpacket2_hdr *slot, struct virtio_net_hdr *ret_vnet)
{
	const uint8_t *frame = (const uint8_t *)slot + slot->tp_mac;
	struct rte_mbuf *m = rx_chain_new(slot->tp_snaplen), *seg;

	if (unlikely(!m))
		return NULL;
	memcpy(ret_vnet, frame - sizeof(*ret_vnet), sizeof(*ret_vnet));
	for (seg = m; seg; seg = seg->next) {
		memcpy(rte_pktmbuf_mtod(seg, void *), frame, seg->data_len);
		frame += seg->data_len;
	}
	return m;
}

/* Drops one frame of the socket's queue; false: there is none. The buffer must hold the virtio-net
 * header, or the kernel reports an error instead of a frame. */
static bool socket_discard(int fd)
{
	struct virtio_net_hdr vnet;

	return recv(fd, &vnet, sizeof(vnet), MSG_DONTWAIT | MSG_TRUNC) >= 0 || errno == EINVAL;
}

/* The frame that the slot announces waits, whole, at the head of the socket's queue. When its
 * length is another than announced, the two are out of step: the queue is emptied to begin anew.
 * *ret_error is set when the frame is lost; NULL without it: no memory, nothing is consumed. */
static struct rte_mbuf *rx_from_socket(const struct veth_queue *q, const struct tpacket2_hdr *slot,
	struct virtio_net_hdr *ret_vnet, bool *ret_error)
{
	struct iovec iov[1 + RX_CHAIN_SEGS_MAX];
	struct msghdr msg = {.msg_iov = iov};
	struct rte_mbuf *m;
	ssize_t len;

	if (slot->tp_len > RX_CHAIN_FRAME_MAX) {
		*ret_error = true;
		socket_discard(q->fd);
		return NULL;
	}
	m = rx_chain_new(slot->tp_len);
	if (unlikely(!m))
		return NULL;
	iov[0].iov_base = ret_vnet;
	iov[0].iov_len = sizeof(*ret_vnet);
	msg.msg_iovlen = 1 + rx_chain_iov(m, iov + 1);
	len = recvmsg(q->fd, &msg, MSG_DONTWAIT);
	if (len < 0 &&
		errno == ENETDOWN) /* reports that the link was down; the frame still waits */
		len = recvmsg(q->fd, &msg, MSG_DONTWAIT);
	if (likely(len == (ssize_t)(sizeof(*ret_vnet) + m->pkt_len) &&
		    !(msg.msg_flags & MSG_TRUNC)))
		return m;
	*ret_error = true;
	rte_pktmbuf_free(m);
	if (len >= 0)
		while (socket_discard(q->fd))
			continue;
	return NULL;
}

/* NULL: lost (*ret_error) or no memory. */
static struct rte_mbuf *rx_slot(
	const struct veth_queue *q, const struct tpacket2_hdr *slot, bool *ret_error)
{
	struct virtio_net_hdr vnet;
	struct rte_mbuf *m;

	if (slot->tp_status & TP_STATUS_COPY) {
		m = rx_from_socket(q, slot, &vnet, ret_error);
	} else if (slot->tp_snaplen < slot->tp_len || slot->tp_snaplen == 0 ||
		   slot->tp_mac < sizeof(*slot) + sizeof(vnet) ||
		   slot->tp_mac + slot->tp_snaplen > q->slot_size) {
		*ret_error = true; /* cut off: the socket's buffer was full */
		return NULL;
	} else {
		m = rx_from_slot(slot, &vnet);
	}
	if (unlikely(!m))
		return NULL;
	if ((slot->tp_status & TP_STATUS_VLAN_VALID) && m->data_len >= RTE_ETHER_HDR_LEN)
		insert_vlan(m, slot, &vnet);
	if (likely(vnet_hdr_rx(&vnet, m, q->tunnels) == 0))
		return m;
	rte_pktmbuf_free(m);
	*ret_error = true;
	return NULL;
}

static uint16_t veth_rx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct veth *v = p->priv;
	struct veth_queue *q = &v->queues[queue];
	uint16_t n_rx = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct tpacket2_hdr *slot = slot_at(q, q->next);
		bool error = false;
		struct rte_mbuf *m;

		if (!(__atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			break;
		m = rx_slot(q, slot, &error);
		if (unlikely(error))
			port_rx_error(p, NULL);
		else if (unlikely(!m))
			break; /* no mbufs: the frame stays in the ring */
		else
			pkts[n_rx++] = m;
		__atomic_store_n(&slot->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		q->next = q->next + 1 == q->n_slots ? 0 : q->next + 1;
	}
	return n_rx;
}

/* ---- sending ---- */

/* One sendmmsg's worth. frames[i] is the caller's index of msgs[i]. */
struct tx_batch {
	unsigned int n;
	unsigned int n_iovs;
	struct mmsghdr msgs[TX_BATCH];
	struct virtio_net_hdr vnet[TX_BATCH];
	struct iovec iovs[TX_IOVS];
};

static void tx_add(struct tx_batch *b, struct rte_mbuf *m)
{
	struct iovec *iov = &b->iovs[b->n_iovs];

	vnet_hdr_tx(m, &b->vnet[b->n]);
	b->msgs[b->n].msg_hdr = (struct msghdr){.msg_iov = iov, .msg_iovlen = 1 + m->nb_segs};
	b->n++;
	b->n_iovs += 1 + m->nb_segs;
	*iov++ = (struct iovec){&b->vnet[b->n - 1], sizeof(b->vnet[0])};
	for (; m; m = m->next)
		*iov++ = (struct iovec){rte_pktmbuf_mtod(m, void *), m->data_len};
}

static bool tx_is_full(int error)
{
	return error == EAGAIN || error == ENOBUFS || error == ENOMEM;
}

/* Sends pkts[first..first + b->n). Accepted frames are moved to the front at *n_sent, refused ones
 * stay behind them. Returns false when nothing more goes out now. */
static bool tx_flush(
	int fd, struct tx_batch *b, struct rte_mbuf **pkts, unsigned int first, uint16_t *n_sent)
{
	unsigned int done = 0;
	bool retried = false;

	while (done < b->n) {
		int r = sendmmsg(fd, b->msgs + done, b->n - done, MSG_DONTWAIT);

		for (int i = 0; i < r; i++, done++) {
			struct rte_mbuf *m = pkts[first + done];

			pkts[first + done] = pkts[*n_sent];
			pkts[(*n_sent)++] = m;
		}
		if (r >= 0)
			continue;
		if (tx_is_full(errno))
			return false;
		if (errno == ENETDOWN && !retried)
			retried = true; /* an old report; if it is down now, it says so again */
		else
			done++; /* this frame is refused */
	}
	return true;
}

static uint16_t veth_tx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct veth *v = p->priv;
	int fd = v->queues[queue % v->n_queues].fd;
	struct tx_batch b;
	uint16_t n_sent = 0, i = 0, first;

	while (i < n) {
		b.n = b.n_iovs = 0;
		for (first = i; i < n && b.n < TX_BATCH; i++) {
			if (b.n_iovs + 1 + pkts[i]->nb_segs > TX_IOVS)
				break;
			tx_add(&b, pkts[i]);
		}
		if (b.n == 0) /* more segments than any batch holds: refused, stays behind */
			i++;
		else if (!tx_flush(fd, &b, pkts, first, &n_sent))
			break;
	}
	for (i = 0; i < n_sent; i++)
		rte_pktmbuf_free(pkts[i]);
	return n_sent;
}

/* ---- opening and closing ---- */

static int set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value));
}

static int options_set(int fd)
{
	const int version = TPACKET_V2;

	/* the buffers of an unprivileged process are smaller, nothing more */
	if (set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER) < 0)
		set_int(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER);
	if (set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER) < 0)
		set_int(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER);
	if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
		set_int(fd, SOL_PACKET, PACKET_VNET_HDR, 1) < 0 ||
		set_int(fd, SOL_PACKET, PACKET_COPY_THRESH, INT_MAX) < 0 ||
		set_int(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1) < 0 ||
		set_int(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1) < 0)
		return -errno;
	return 0;
}

static int ring_map(struct veth_queue *q, uint32_t mtu)
{
	uint32_t want = mtu + PORT_FRAME_OVERHEAD + SLOT_OVERHEAD, size = SLOT_SIZE_MIN;
	struct tpacket_req req = {0};

	while (size < want && size < SLOT_SIZE_MAX)
		size *= 2;
	req.tp_frame_size = size;
	req.tp_frame_nr = RTE_MIN((uint32_t)RING_SLOTS, RING_BYTES / size);
	req.tp_block_size = SLOT_SIZE_MAX;
	req.tp_block_nr = req.tp_frame_nr / (SLOT_SIZE_MAX / size);
	if (setsockopt(q->fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req)) < 0)
		return -errno;
	q->ring = mmap(NULL, (size_t)req.tp_frame_nr * size, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_POPULATE, q->fd, 0);
	if (q->ring == MAP_FAILED) {
		q->ring = NULL;
		return -errno;
	}
	q->slot_size = size;
	q->n_slots = req.tp_frame_nr;
	return 0;
}

static int queue_bind(struct veth_queue *q, int ifindex)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = ifindex};
	struct packet_mreq promisc = {.mr_ifindex = ifindex, .mr_type = PACKET_MR_PROMISC};

	if (bind(q->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
		setsockopt(q->fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promisc, sizeof(promisc)) < 0)
		return -errno;
	return 0;
}

/* The first queue makes a group with a number that is free, the others join it. */
static int fanout_join(struct veth *v, unsigned int i)
{
	int value = (PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_UNIQUEID) << 16;
	socklen_t len = sizeof(value);

	if (i > 0) {
		if (getsockopt(v->queues[0].fd, SOL_PACKET, PACKET_FANOUT, &value, &len) < 0)
			return -errno;
		value = (value & 0xffff) | PACKET_FANOUT_HASH << 16;
	}
	return set_int(v->queues[i].fd, SOL_PACKET, PACKET_FANOUT, value) < 0 ? -errno : 0;
}

static void queue_close(struct veth_queue *q)
{
	if (q->ring)
		munmap(q->ring, (size_t)q->n_slots * q->slot_size);
	if (q->fd >= 0)
		close(q->fd);
	q->fd = -1;
	q->ring = NULL;
}

/* What a program on the interface leaves to the data plane comes in once more, marked; the packet
 * socket stands before it and sees both. */
static int queue_filter(const struct port *p, const struct veth *v, unsigned int i)
{
	enum mark_filter take = MARK_ANY;

	if (p->fastpath.mark)
		take = p->fastpath.ifindex == (uint32_t)v->ifindex ? MARK_ONLY : MARK_OTHERS;
	return mark_filter_set(v->queues[i].fd, take, p->fastpath.mark);
}

static int queue_open(struct port *p, struct veth *v, unsigned int i)
{
	struct veth_queue *q = &v->queues[i];
	int error;

	q->tunnels = p->spec.role == WEFT_ROLE_UPLINK;
	q->fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (q->fd < 0)
		return port_fail(
			p, errno, "packet socket: %s (needs CAP_NET_RAW)", strerrordesc_np(errno));
	error = options_set(q->fd);
	if (error < 0)
		return port_fail(p, -error, "packet socket options: %s (Linux 6.1 or later)",
			strerrordesc_np(-error));
	error = ring_map(q, p->spec.mtu);
	if (error < 0)
		return port_fail(p, -error, "receive ring of %s: %s", p->spec.device,
			strerrordesc_np(-error));
	error = queue_filter(p, v, i);
	if (error == 0)
		error = queue_bind(q, v->ifindex);
	if (error == 0 && v->n_queues > 1)
		error = fanout_join(v, i);
	if (error < 0)
		return port_fail(
			p, -error, "binding to %s: %s", p->spec.device, strerrordesc_np(-error));
	return 0;
}

/* While queues joined one after the other, a frame may have come in on several. */
static void queue_drain(struct veth_queue *q)
{
	while (socket_discard(q->fd))
		continue;
	for (uint32_t i = 0; i < q->n_slots; i++) {
		struct tpacket2_hdr *slot = slot_at(q, q->next);

		if (!(__atomic_load_n(&slot->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			break;
		__atomic_store_n(&slot->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		q->next = q->next + 1 == q->n_slots ? 0 : q->next + 1;
	}
}

static void veth_close(struct port *p)
{
	struct veth *v = p->priv;

	for (unsigned int i = 0; i < v->n_queues; i++)
		queue_close(&v->queues[i]);
	rte_free(v);
}

/* Refreshes offloads and link from the device. False: it is gone, or is another one now. */
static bool device_refresh(struct port *p, struct veth *v)
{
	struct sockaddr_ll addr;
	socklen_t len = sizeof(addr);
	struct netdev d;

	/* the kernel unbinds the socket when the interface is deleted or leaves the namespace */
	if (getsockname(v->queues[0].fd, (struct sockaddr *)&addr, &len) < 0 ||
		addr.sll_ifindex != v->ifindex)
		return false;
	if (netdev_read(v->queues[0].fd, v->ifindex, &d) < 0)
		return false;
	/* past the queueing layer nobody would segment for a device that can't */
	p->offloads = PORT_OFFLOAD_MULTISEG;
	if (!(p->spec.flags & WEFT_PORT_NO_OFFLOAD))
		p->offloads |=
			PORT_OFFLOAD_CKSUM | (d.tso ? PORT_OFFLOAD_TSO | PORT_OFFLOAD_USO : 0);
	netdev_link_text(&d, p->text, sizeof(p->text));
	if (p->link != d.running)
		port_set_link(p, d.running);
	p->device_max_frame = d.mtu + PORT_FRAME_OVERHEAD;
	p->max_frame = RTE_MIN(p->device_max_frame, (uint32_t)p->spec.mtu + PORT_FRAME_OVERHEAD);
	return true;
}

static uint32_t offloads_wanted(const struct port *p)
{
	if (p->spec.flags & WEFT_PORT_NO_OFFLOAD)
		return PORT_OFFLOAD_MULTISEG;
	return PORT_OFFLOAD_MULTISEG | PORT_OFFLOAD_CKSUM | PORT_OFFLOAD_TSO |
	       (vnet_hdr_kernel_has_uso() ? PORT_OFFLOAD_USO : 0);
}

/* A tenant on the host's own NIC, named by mistake, would hear the host and be heard as it. The
 * kernel's end of a TAP that somebody else holds, a machine monitor, is a tenant's as a veth is. */
static int check_interface(struct port *p)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok;

	if (fd < 0)
		return port_fail(p, errno, "socket: %s", strerrordesc_np(errno));
	ok = p->spec.role != WEFT_ROLE_TENANT || netdev_is_tenants(fd, p->spec.device);
	close(fd);
	return ok ? 0
		  : port_fail(
			    p, EINVAL, "interface %s is neither a veth nor a TAP", p->spec.device);
}

static int veth_open(struct port *p, int fd)
{
	struct veth *v = rte_zmalloc("veth", sizeof(*v), RTE_CACHE_LINE_SIZE);
	int error = 0;

	if (!v)
		return port_fail(p, ENOMEM, "no memory");
	p->priv = v;
	v->ifindex = if_nametoindex(p->spec.device);
	if (v->ifindex == 0) {
		error = port_fail(
			p, ENODEV, "no interface %s in this network namespace", p->spec.device);
		goto fail;
	}
	error = check_interface(p);
	if (error < 0)
		goto fail;
	v->offloads = offloads_wanted(p);
	v->n_queues = p->spec.n_queues;
	for (unsigned int i = 0; i < v->n_queues; i++)
		v->queues[i].fd = -1;
	for (unsigned int i = 0; i < v->n_queues && error == 0; i++)
		error = queue_open(p, v, i);
	if (error < 0)
		goto fail;
	for (unsigned int i = 0; i < v->n_queues; i++)
		queue_drain(&v->queues[i]);
	if (!device_refresh(p, v)) {
		error = port_fail(p, ENODEV, "interface %s vanished", p->spec.device);
		goto fail;
	}
	p->ifindex = v->ifindex;
	p->n_rxq = v->n_queues;
	p->n_txq = RTE_MIN(p->n_workers, WEFT_PORT_QUEUES);
	return 0;
fail:
	veth_close(p);
	p->priv = NULL;
	return error;
}

/* Frames that the kernel had no room for since the last call. */
static void count_lost(struct port *p, struct veth *v)
{
	for (unsigned int i = 0; i < v->n_queues; i++) {
		struct tpacket_stats stats;
		socklen_t len = sizeof(stats);

		if (getsockopt(v->queues[i].fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0 &&
			stats.tp_drops > 0)
			atomic_fetch_add_explicit(
				&p->rx_errors, stats.tp_drops, memory_order_relaxed);
	}
}

static bool veth_poll_state(struct port *p)
{
	struct veth *v = p->priv;
	char name[sizeof(p->spec.device)];

	count_lost(p, v);
	if (v->unfiltered) {
		port_fail(p, EIO, "the filters of its packet sockets can't be changed");
		return true;
	}
	if (device_refresh(p, v))
		return false;
	memcpy(name, p->spec.device, sizeof(name));
	port_fail(p, ENODEV, "interface %.64s was deleted or moved away", name);
	return true;
}

static int veth_set_fastpath(struct port *p)
{
	struct veth *v = p->priv;
	int error = 0;

	for (unsigned int i = 0; i < v->n_queues && error == 0; i++)
		error = queue_filter(p, v, i);
	v->unfiltered = error < 0;
	return error;
}

const struct port_ops veth_ops = {
	.kind = WEFT_PORT_VETH,
	.open = veth_open,
	.close = veth_close,
	.rx = veth_rx,
	.tx = veth_tx,
	.poll_state = veth_poll_state,
	.set_fastpath = veth_set_fastpath,
};
