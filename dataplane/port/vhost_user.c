/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vhost-user ports, directly on librte_vhost: a guest's virtio-net device is the peer.
 *
 * Threads: open, close and poll_state on the main thread; rx and tx on workers; the library's own
 * threads call the callbacks. A worker finds the device by its number (vid), which the library
 * hands out again once a device is gone: destroy_device therefore takes the number away from the
 * workers and waits for a grace period before it lets the library go on. vring_state_changed runs
 * with the library's ring locks held, for which a worker may be spinning: it must never wait.
 * Lock order: vhost.lock, then the library's ring locks.
 *
 * In virtio's words, ring 2i receives for the guest and ring 2i+1 sends; here pair i.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <rte_log.h>
#include <rte_malloc.h>
#include <rte_vhost.h>
#include <rte_string_fns.h>

#include <core/mem.h>
#include <core/rcu.h>
#include <pkt/meta.h>
#include <port/port.h>

#include "guest_memory.h"
#include "kinds.h"
#include "socket_path.h"

#define VHOST_PAIRS_MAX 64 /* pairs that a guest may have; more are not served */
#define VHOST_BURST	32 /* the library takes no more at once */

#define FEATURE(name) (UINT64_C(1) << (name))

struct vhost {
	_Atomic int vid;	   /* -1: no guest */
	_Atomic uint64_t to_guest; /* pairs whose ring toward the guest is enabled */
	_Atomic uint64_t from_guest;

	struct port *port;
	_Atomic int connection; /* vid of the connection that owns this port, or -1 */
	pthread_mutex_t lock;	/* the device of vid exists while it is held */
	uint64_t quiet;		/* from_guest rings told not to kick; main thread */
	_Atomic bool closing;
	LIST_ENTRY(vhost) link;
	char path[WEFT_DEVICE_SIZE];
};

static LIST_HEAD(, vhost) vhosts = LIST_HEAD_INITIALIZER(vhosts);
static pthread_mutex_t vhosts_lock = PTHREAD_MUTEX_INITIALIZER;

/* The port stays while a callback runs: close unregisters first, which waits for callbacks. */
static struct vhost *vhost_find(const char *path)
{
	struct vhost *v;

	pthread_mutex_lock(&vhosts_lock);
	LIST_FOREACH (v, &vhosts, link)
		if (strcmp(v->path, path) == 0)
			break;
	pthread_mutex_unlock(&vhosts_lock);
	return v;
}

static struct vhost *vhost_of(int vid)
{
	char path[PATH_MAX];

	return rte_vhost_get_ifname(vid, path, sizeof(path)) == 0 ? vhost_find(path) : NULL;
}

static void link_refresh(struct vhost *v)
{
	port_set_link(v->port, v->vid >= 0 && (v->to_guest & v->from_guest) != 0);
}

/* vhost-user requests that are not offered and whose handlers in the library trust the front end
 * all the same: address translation, postcopy, in-flight tracking. They end the connection. A
 * descriptor that comes with one is out of reach here and stays open. */
static enum rte_vhost_msg_result request_filter(int vid, void *msg)
{
	uint32_t request;

	memcpy(&request, msg, sizeof(request));
	switch (request) {
	case 22: /* IOTLB_MSG */
	case 28: /* POSTCOPY_ADVISE */
	case 29: /* POSTCOPY_LISTEN */
	case 30: /* POSTCOPY_END */
	case 31: /* GET_INFLIGHT_FD */
	case 32: /* SET_INFLIGHT_FD */
		return RTE_VHOST_MSG_RESULT_ERR;
	default:
		return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
	}
}

/* The guest's memory may change while it runs. The library holds the ring locks: no worker is in
 * the old memory or the new. */
static enum rte_vhost_msg_result request_done(int vid, void *msg)
{
	const uint32_t set_mem_table = 5;
	uint32_t request;

	memcpy(&request, msg, sizeof(request));
	if (request == set_mem_table)
		guest_memory_set(vid);
	return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

static const struct rte_vhost_user_extern_ops extern_ops = {
	.pre_msg_handle = request_filter,
	.post_msg_handle = request_done,
};

/* One front end at a time: a second one would share the port's rings. */
static int on_new_connection(int vid)
{
	struct vhost *v = vhost_of(vid);
	int none = -1;

	if (!v || !atomic_compare_exchange_strong(&v->connection, &none, vid))
		return -1;
	guest_memory_clear(vid);
	if (rte_vhost_extern_callback_register(vid, &extern_ops, NULL) == 0)
		return 0;
	v->connection = -1;
	return -1;
}

static void on_destroy_connection(int vid)
{
	struct vhost *v = vhost_of(vid);

	guest_memory_clear(vid);
	if (!v || v->connection != vid)
		return;
	v->to_guest = 0;
	v->from_guest = 0;
	v->connection = -1;
}

/* What the guest takes: bits by which the pipeline decides what it must complete itself. */
static uint32_t offloads_of(uint64_t features)
{
	const uint64_t tso = FEATURE(VIRTIO_NET_F_GUEST_TSO4) | FEATURE(VIRTIO_NET_F_GUEST_TSO6);
	uint32_t offloads = PORT_OFFLOAD_MULTISEG;

	if (!(features & FEATURE(VIRTIO_NET_F_GUEST_CSUM)))
		return offloads;
	offloads |= PORT_OFFLOAD_CKSUM;
	if ((features & tso) == tso)
		offloads |= PORT_OFFLOAD_TSO;
	return offloads;
}

static int on_new_device(int vid)
{
	struct vhost *v = vhost_of(vid);
	uint64_t features;

	if (!v || rte_vhost_get_negotiated_features(vid, &features) < 0)
		return -1;
	v->port->offloads = offloads_of(features);
	atomic_store_explicit(&v->vid, vid, memory_order_release);
	link_refresh(v);
	return 0;
}

static void on_destroy_device(int vid)
{
	struct vhost *v = vhost_of(vid);

	if (!v || v->vid != vid)
		return;
	pthread_mutex_lock(&v->lock);
	v->vid = -1;
	pthread_mutex_unlock(&v->lock);
	link_refresh(v);
	if (!v->closing)
		rcu_synchronize();
}

static int on_vring_state_changed(int vid, uint16_t ring, int enable)
{
	struct vhost *v = vhost_of(vid);
	uint64_t bit = UINT64_C(1) << (ring / 2 % VHOST_PAIRS_MAX);
	_Atomic uint64_t *rings;

	if (!v || v->connection != vid || ring / 2 >= VHOST_PAIRS_MAX)
		return 0;
	rings = ring % 2 ? &v->from_guest : &v->to_guest;
	if (enable)
		atomic_fetch_or(rings, bit);
	else
		atomic_fetch_and(rings, ~bit);
	link_refresh(v);
	return 0;
}

static const struct rte_vhost_device_ops device_ops = {
	.new_connection = on_new_connection,
	.destroy_connection = on_destroy_connection,
	.new_device = on_new_device,
	.destroy_device = on_destroy_device,
	.vring_state_changed = on_vring_state_changed,
};

/* Features not offered. UDP fragmentation offload is not what PORT_OFFLOAD_USO means, and the ECN
 * bit of TSO has no place in our metadata: a guest without it segments such packets itself. */
static uint64_t features_off(const struct weft_port *spec)
{
	uint64_t off = FEATURE(VIRTIO_NET_F_HOST_UFO) | FEATURE(VIRTIO_NET_F_GUEST_UFO) |
		       FEATURE(VIRTIO_NET_F_HOST_ECN) | FEATURE(VIRTIO_NET_F_GUEST_ECN);

	if (spec->flags & WEFT_PORT_NO_OFFLOAD)
		off |= FEATURE(VIRTIO_NET_F_CSUM) | FEATURE(VIRTIO_NET_F_GUEST_CSUM) |
		       FEATURE(VIRTIO_NET_F_HOST_TSO4) | FEATURE(VIRTIO_NET_F_HOST_TSO6) |
		       FEATURE(VIRTIO_NET_F_GUEST_TSO4) | FEATURE(VIRTIO_NET_F_GUEST_TSO6) |
		       FEATURE(VIRTIO_NET_F_GSO);
	return off;
}

static int register_driver(struct port *p, const char *path)
{
	uint64_t flags = RTE_VHOST_USER_NET_COMPLIANT_OL_FLAGS;

	if (!(p->spec.flags & WEFT_PORT_SERVER))
		flags |= RTE_VHOST_USER_CLIENT;
	if (rte_vhost_driver_register(path, flags) < 0)
		return port_fail(p, ENOMEM, "no more vhost-user ports: the library's limit is %d",
			RTE_MAX_VHOST_DEVICE);
	if (rte_vhost_driver_disable_features(path, features_off(&p->spec)) == 0 &&
		rte_vhost_driver_callback_register(path, &device_ops) == 0 &&
		rte_vhost_driver_start(path) == 0)
		return 0;
	rte_vhost_driver_unregister(path);
	return port_fail(p, EADDRNOTAVAIL, "can't use the socket %s", path);
}

static bool vhost_add(struct vhost *v)
{
	struct vhost *other;

	pthread_mutex_lock(&vhosts_lock);
	LIST_FOREACH (other, &vhosts, link)
		if (strcmp(v->path, other->path) == 0)
			break;
	if (!other)
		LIST_INSERT_HEAD(&vhosts, v, link);
	pthread_mutex_unlock(&vhosts_lock);
	return other == NULL;
}

static void vhost_free(struct vhost *v)
{
	pthread_mutex_destroy(&v->lock);
	rte_free(v);
}

static void vhost_remove(struct vhost *v)
{
	pthread_mutex_lock(&vhosts_lock);
	LIST_REMOVE(v, link);
	pthread_mutex_unlock(&vhosts_lock);
	vhost_free(v);
}

static struct vhost *vhost_new(struct port *p)
{
	struct vhost *v = rte_zmalloc("vhost", sizeof(*v), RTE_CACHE_LINE_SIZE);

	if (!v)
		return NULL;
	v->port = p;
	v->vid = -1;
	v->connection = -1;
	pthread_mutex_init(&v->lock, NULL);
	rte_strlcpy(v->path, p->spec.device, sizeof(v->path));
	return v;
}

/* The library tells of every message of every guest; what matters is in the port's state. */
static void quiet_library(void)
{
	rte_log_set_level_pattern("lib.vhost.config", RTE_LOG_CRIT);
	rte_log_set_level_pattern("lib.vhost.data", RTE_LOG_CRIT);
}

static int vhost_open(struct port *p, int fd)
{
	const char *path = p->spec.device;
	struct vhost *v;
	int error;

	error = socket_path_check(p, path);
	if (error == 0 && p->spec.flags & WEFT_PORT_SERVER)
		error = socket_path_clear(p, path, SOCK_STREAM);
	if (error < 0)
		return error;
	v = vhost_new(p);
	if (!v)
		return port_fail(p, ENOMEM, "out of memory");
	if (!vhost_add(v)) {
		vhost_free(v);
		return port_fail(p, EADDRINUSE, "another port has the socket %s", path);
	}
	quiet_library();
	guest_memory_init();
	p->priv = v;
	p->n_rxq = p->spec.n_queues;
	p->n_txq = RTE_MIN(p->n_workers, WEFT_PORT_QUEUES); /* the library locks the rings */
	p->offloads = PORT_OFFLOAD_MULTISEG;
	p->max_frame = WEFT_MTU_MAX + PORT_FRAME_OVERHEAD;
	error = register_driver(p, path);
	if (error < 0)
		vhost_remove(v);
	return error;
}

/* The library removes the socket file of a server. */
static void vhost_close(struct port *p)
{
	struct vhost *v = p->priv;

	v->closing = true;
	rte_vhost_driver_unregister(v->path);
	vhost_remove(v);
}

/* A guest may have more pairs than this port has queues: queue q serves every n_rxq-th. */
static uint16_t vhost_rx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct vhost *v = p->priv;
	int vid = atomic_load_explicit(&v->vid, memory_order_acquire);
	uint64_t pairs = atomic_load_explicit(&v->from_guest, memory_order_relaxed) >> queue;
	uint16_t got = 0;

	if (vid < 0)
		return 0;
	for (unsigned int pair = queue; pairs && got < n; pair += p->n_rxq) {
		if (pairs & 1)
			got += rte_vhost_dequeue_burst(
				vid, pair * 2 + 1, mem_pools.packet, pkts + got, n - got);
		pairs = pair + p->n_rxq < VHOST_PAIRS_MAX ? pairs >> p->n_rxq : 0;
	}
	return got;
}

/* The guest's ring has copies; the frames are freed here. */
static uint16_t enqueue(int vid, unsigned int pair, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t sent = rte_vhost_enqueue_burst(vid, pair * 2, pkts, n);

	rte_pktmbuf_free_bulk(pkts, sent);
	return sent;
}

/* Spreads frames over a guest's rings by flow, so that each of its processors has work and no flow
 * is reordered. Those that did not fit are moved behind the others. */
static uint16_t enqueue_spread(int vid, uint64_t pairs, struct rte_mbuf **pkts, uint16_t n)
{
	struct rte_mbuf *batch[VHOST_BURST], *left[VHOST_BURST];
	unsigned int n_pairs = __builtin_popcountll(pairs), turn = 0;
	uint16_t n_left = 0, n_batch, sent;

	for (; pairs; pairs &= pairs - 1, turn++) {
		n_batch = 0;
		for (uint16_t i = 0; i < n; i++)
			if (pkt_meta(pkts[i])->hash % n_pairs == turn)
				batch[n_batch++] = pkts[i];
		if (n_batch == 0)
			continue;
		sent = enqueue(vid, __builtin_ctzll(pairs), batch, n_batch);
		for (; sent < n_batch; sent++)
			left[n_left++] = batch[sent];
	}
	memcpy(pkts + n - n_left, left, n_left * sizeof(left[0]));
	return n - n_left;
}

static uint16_t vhost_tx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct vhost *v = p->priv;
	int vid = atomic_load_explicit(&v->vid, memory_order_acquire);
	uint64_t pairs = atomic_load_explicit(&v->to_guest, memory_order_relaxed);
	uint16_t sent = 0, part, took;

	if (vid < 0 || !pairs)
		return 0;
	do {
		part = RTE_MIN(n - sent, VHOST_BURST);
		took = pairs & (pairs - 1)
			       ? enqueue_spread(vid, pairs, pkts + sent, part)
			       : enqueue(vid, __builtin_ctzll(pairs), pkts + sent, part);
		sent += took;
	} while (took == part && sent < n);
	return sent;
}

/* Tells the guest that its rings are polled, so that it does not kick (an exit per burst). */
static void quiet_guest(struct vhost *v)
{
	uint64_t fresh = v->from_guest & ~v->quiet;

	v->quiet &= v->from_guest;
	for (; fresh; fresh &= fresh - 1) {
		unsigned int pair = __builtin_ctzll(fresh);

		if (rte_vhost_enable_guest_notification(v->vid, pair * 2 + 1, 0) == 0)
			v->quiet |= UINT64_C(1) << pair;
	}
}

static void describe(struct port *p, struct vhost *v)
{
	uint16_t mtu;

	if (v->vid < 0)
		port_fail(p, ENOLINK,
			v->connection < 0 ? "no guest is connected to %s"
					  : "the guest's driver on %s is not ready",
			v->path);
	else if (!(v->to_guest & v->from_guest))
		port_fail(p, ENOLINK, "the guest has no queue pair enabled");
	else if (rte_vhost_get_mtu(v->vid, &mtu) == 0 && mtu > p->spec.mtu)
		port_fail(p, EMSGSIZE, "the hypervisor told the guest MTU %u, the port has %u", mtu,
			p->spec.mtu);
	else
		p->text[0] = '\0';
}

static bool vhost_poll_state(struct port *p)
{
	struct vhost *v = p->priv;
	bool lost;

	pthread_mutex_lock(&v->lock);
	lost = v->vid >= 0 && guest_memory_is_lost(v->vid);
	if (v->vid < 0)
		v->quiet = 0;
	else
		quiet_guest(v);
	describe(p, v);
	pthread_mutex_unlock(&v->lock);
	if (lost)
		port_fail(p, EFAULT, "the guest's memory was truncated by its hypervisor");
	return lost;
}

const struct port_ops vhost_user_ops = {
	.kind = WEFT_PORT_VHOST_USER,
	.open = vhost_open,
	.close = vhost_close,
	.rx = vhost_rx,
	.tx = vhost_tx,
	.poll_state = vhost_poll_state,
};
