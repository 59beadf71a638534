/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memif ports: sockets, life cycle and the port vtable over memif_ctl.h (messages) and memif_shm.h
 * (rings). All control runs on the main thread in poll_state; workers see only the published
 * struct memif_shm, which is retired by RCU, so that a peer may vanish at any moment.
 *
 * Servers of one socket path share a listener; the interface id (spec.instance) tells their clients
 * apart. A handshake takes a dozen messages: rather than one for each poll_state, it is waited for,
 * within a budget that all memif ports share, so that slow or hostile peers can't hold the thread.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <rte_malloc.h>
#include <rte_string_fns.h>

#include <core/rcu.h>
#include <port/port.h>

#include "kinds.h"
#include "memif_ctl.h"
#include "socket_path.h"

#define MEMIF_PENDING_MAX  8	 /* connections of one socket without a port yet */
#define MEMIF_HANDSHAKE_MS 2000	 /* then it must be up */
#define MEMIF_MSGS_MAX	   256	 /* of one connection in one turn */
#define MEMIF_WAIT_MS	   2	 /* for the peer's next message during a handshake */
#define MEMIF_BUDGET_US	   20000 /* of such waiting in any second, over all ports */
#define MEMIF_FDS_MAX	   4

struct memif {
	struct memif_shm *_Atomic shm; /* NULL: not connected */
	struct port *port;
	struct memif_conn *conn;
	struct memif_listener *listener; /* NULL: client */
	LIST_ENTRY(memif) on_listener;
	char reason[128]; /* why the last connection ended */
};

struct memif_listener {
	int fd;
	unsigned int n_pending;
	LIST_HEAD(, memif) ports;
	LIST_HEAD(, memif_conn) pending;
	LIST_ENTRY(memif_listener) link;
	char path[WEFT_DEVICE_SIZE];
};

static LIST_HEAD(, memif_listener) listeners = LIST_HEAD_INITIALIZER(listeners);

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * UINT64_C(1000000) + ts.tv_nsec / 1000;
}

/* Waits for the peer's next message as long as the budget allows. */
static bool wait_readable(int fd)
{
	static uint64_t second, used_us;
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	uint64_t begin = now_us();
	int n;

	if (begin / 1000000 != second) {
		second = begin / 1000000;
		used_us = 0;
	}
	if (used_us >= MEMIF_BUDGET_US)
		return false;
	n = poll(&pfd, 1, MEMIF_WAIT_MS);
	used_us += now_us() - begin;
	return n > 0;
}

static struct memif_conn *conn_new(int fd, enum memif_state state)
{
	struct memif_conn *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->fd = fd;
	c->state = state;
	c->born_us = now_us();
	return c;
}

static void shm_free_later(void *shm)
{
	memif_shm_free(shm);
}

/* Takes the rings away from the workers and lets the connection go. */
static void conn_end(struct memif_conn *c)
{
	struct memif *m = c->port ? c->port->priv : NULL;

	if (m) {
		atomic_store_explicit(&m->shm, NULL, memory_order_relaxed);
		port_set_link(m->port, false);
		rte_strlcpy(m->reason, c->reason, sizeof(m->reason));
		m->conn = NULL;
	} else {
		LIST_REMOVE(c, link);
		((struct memif_listener *)c->claim_arg)->n_pending--;
	}
	if (c->shm)
		rcu_retire(shm_free_later, c->shm);
	close(c->fd);
	free(c);
}

static void conn_up(struct memif_conn *c)
{
	struct memif *m = c->port->priv;

	m->reason[0] = '\0';
	atomic_store_explicit(&m->shm, c->shm, memory_order_release);
	port_set_link(m->port, true);
}

/* Messages are small and few: a socket that can't take one at once belongs to a peer that does not
 * read. */
static int conn_send(struct memif_conn *c, const struct memif_reply *reply)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {(void *)&reply->msg, sizeof(reply->msg)};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cmsg;

	if (reply->fd >= 0) {
		mh.msg_control = control.bytes;
		mh.msg_controllen = sizeof(control.bytes);
		cmsg = CMSG_FIRSTHDR(&mh);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &reply->fd, sizeof(int));
	}
	if (sendmsg(c->fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(reply->msg))
		return 0;
	rte_strlcpy(c->reason, "the peer does not take messages", sizeof(c->reason));
	return -EPIPE;
}

/* The first descriptor of the message; the others are closed. */
static int take_descriptor(struct msghdr *mh)
{
	int fd = -1, each;

	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(mh); cmsg; cmsg = CMSG_NXTHDR(mh, cmsg)) {
		size_t n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			memcpy(&each, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));
			if (fd < 0)
				fd = each;
			else
				close(each);
		}
	}
	return fd;
}

/* Takes one message. Returns 0, -EAGAIN when there is none, else the connection must end. */
static int conn_take(struct memif_conn *c)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(MEMIF_FDS_MAX * sizeof(int))];
	} control;
	char bytes[sizeof(struct memif_msg) + 1]; /* a longer one is noticed */
	struct iovec iov = {bytes, sizeof(bytes)};
	struct msghdr mh = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	ssize_t size = recvmsg(c->fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct memif_reply reply;
	int fd, error;

	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (size <= 0) {
		rte_strlcpy(c->reason, "the peer is gone", sizeof(c->reason));
		return -EPIPE;
	}
	fd = take_descriptor(&mh);
	error = memif_ctl_receive(c, bytes, size, fd, &reply);
	if (fd >= 0)
		close(fd);
	if (reply.send && conn_send(c, &reply) < 0)
		return -EPIPE;
	return error;
}

/* Handles what the peer has sent; during a handshake waits for more. The connection may be gone
 * afterwards. */
static void conn_service(struct memif_conn *c)
{
	int error = 0;

	for (unsigned int i = 0; i < MEMIF_MSGS_MAX && error == 0; i++) {
		bool was_up = c->state == MEMIF_STATE_UP;

		error = conn_take(c);
		if (error == 0 && !was_up && c->state == MEMIF_STATE_UP)
			conn_up(c);
		if (error == -EAGAIN && !was_up && i > 0 && wait_readable(c->fd))
			error = 0;
	}
	if (error == -EAGAIN && c->state != MEMIF_STATE_UP &&
		now_us() - c->born_us > MEMIF_HANDSHAKE_MS * UINT64_C(1000)) {
		rte_strlcpy(c->reason, "the peer did not finish its handshake", sizeof(c->reason));
		error = -ETIMEDOUT;
	}
	if (error < 0 && error != -EAGAIN)
		conn_end(c);
}

static void conn_close(struct memif_conn *c, const char *reason)
{
	struct memif_reply reply;

	rte_strlcpy(c->reason, reason, sizeof(c->reason));
	memif_ctl_goodbye(c, &reply);
	conn_send(c, &reply);
	conn_end(c);
}

static bool conn_is_dead(const struct memif_conn *c)
{
	char byte;

	return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* Which port a client means. A peer that died and is back already may arrive before its death was
 * noticed. */
static struct port *claim_port(struct memif_conn *c, uint32_t id, const char **wrong)
{
	struct memif_listener *l = c->claim_arg;
	struct memif *m;

	LIST_FOREACH (m, &l->ports, on_listener)
		if (m->port->spec.instance == id)
			break;
	if (!m) {
		*wrong = "no such interface id";
		return NULL;
	}
	if (m->conn && conn_is_dead(m->conn))
		conn_close(m->conn, "the peer is gone");
	if (m->conn) {
		*wrong = "this interface id is connected already";
		return NULL;
	}
	LIST_REMOVE(c, link);
	l->n_pending--;
	m->conn = c;
	return m->port;
}

static void listener_accept(struct memif_listener *l)
{
	struct memif_reply hello;
	struct memif_conn *c;
	int fd;

	memif_ctl_hello(&hello);
	while (l->n_pending < MEMIF_PENDING_MAX) {
		fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		c = conn_new(fd, MEMIF_STATE_WAIT_INIT);
		if (!c) {
			close(fd);
			return;
		}
		c->claim = claim_port;
		c->claim_arg = l;
		LIST_INSERT_HEAD(&l->pending, c, link);
		l->n_pending++;
		if (conn_send(c, &hello) < 0)
			conn_end(c);
		else
			wait_readable(fd);
	}
}

static void listener_poll(struct memif_listener *l)
{
	struct memif_conn *c, *next;

	listener_accept(l);
	for (c = LIST_FIRST(&l->pending); c; c = next) {
		next = LIST_NEXT(c, link);
		conn_service(c);
	}
}

static int listen_at(const char *path)
{
	struct sockaddr_un sun;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -errno;
	socket_path_addr(path, &sun);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 && listen(fd, 16) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static struct memif_listener *listener_find(const char *path)
{
	struct memif_listener *l;

	LIST_FOREACH (l, &listeners, link)
		if (strcmp(l->path, path) == 0)
			return l;
	return NULL;
}

static struct memif_listener *listener_new(const char *path, int *error)
{
	struct memif_listener *l = calloc(1, sizeof(*l));

	*error = -ENOMEM;
	if (!l)
		return NULL;
	l->fd = listen_at(path);
	if (l->fd < 0) {
		*error = l->fd;
		free(l);
		return NULL;
	}
	rte_strlcpy(l->path, path, sizeof(l->path));
	LIST_INSERT_HEAD(&listeners, l, link);
	return l;
}

static int listener_join(struct port *p, struct memif *m)
{
	const char *path = p->spec.device;
	struct memif_listener *l = listener_find(path);
	struct memif *other;
	int error;

	if (!l) {
		error = socket_path_clear(p, path, SOCK_SEQPACKET);
		if (error < 0)
			return error;
		l = listener_new(path, &error);
		if (!l)
			return port_fail(
				p, -error, "can't listen on %s: %s", path, strerror(-error));
	}
	LIST_FOREACH (other, &l->ports, on_listener)
		if (other->port->spec.instance == p->spec.instance)
			return port_fail(p, EADDRINUSE, "another port has interface id %u of %s",
				p->spec.instance, path);
	m->listener = l;
	LIST_INSERT_HEAD(&l->ports, m, on_listener);
	return 0;
}

static void listener_leave(struct memif *m)
{
	struct memif_listener *l = m->listener;

	LIST_REMOVE(m, on_listener);
	if (!LIST_EMPTY(&l->ports))
		return;
	while (!LIST_EMPTY(&l->pending))
		conn_end(LIST_FIRST(&l->pending));
	LIST_REMOVE(l, link);
	close(l->fd);
	unlink(l->path);
	free(l);
}

/* A client tries at every turn; a server that does not answer at once is tried again. */
static void client_connect(struct memif *m)
{
	struct sockaddr_un sun;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct memif_conn *c;

	if (fd < 0)
		return;
	socket_path_addr(m->port->spec.device, &sun);
	c = connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0
		    ? conn_new(fd, MEMIF_STATE_WAIT_HELLO)
		    : NULL;
	if (!c) {
		close(fd);
		return;
	}
	c->port = m->port;
	m->conn = c;
	wait_readable(fd);
}

static int memif_open(struct port *p, int fd)
{
	struct memif *m;
	int error = socket_path_check(p, p->spec.device);

	if (error < 0)
		return error;
	m = rte_zmalloc("memif", sizeof(*m), RTE_CACHE_LINE_SIZE);
	if (!m)
		return port_fail(p, ENOMEM, "out of memory");
	m->port = p;
	p->priv = m;
	p->n_rxq = p->spec.n_queues;
	p->n_txq = RTE_MIN(p->n_workers, p->spec.n_queues);
	p->offloads = PORT_OFFLOAD_MULTISEG;
	p->max_frame = WEFT_MTU_MAX + PORT_FRAME_OVERHEAD;
	if (p->spec.flags & WEFT_PORT_SERVER)
		error = listener_join(p, m);
	if (error < 0)
		rte_free(m);
	return error;
}

static void memif_close(struct port *p)
{
	struct memif *m = p->priv;

	if (m->conn)
		conn_close(m->conn, "the port is removed");
	if (m->listener)
		listener_leave(m);
	rte_free(m);
}

static void describe(struct port *p, const struct memif *m)
{
	if (!m->conn)
		port_fail(p, ENOLINK, "no peer at %s%s%s", p->spec.device, m->reason[0] ? ": " : "",
			m->reason);
	else if (!m->shm)
		port_fail(p, ENOLINK, "the peer at %s is connecting", p->spec.device);
	else if (memif_shm_wants_interrupts(m->shm))
		port_fail(p, EOPNOTSUPP, "the peer waits for interrupts; set it to polling");
	else
		p->text[0] = '\0';
}

static bool memif_poll_state(struct port *p)
{
	struct memif *m = p->priv;

	if (m->listener)
		listener_poll(m->listener);
	else if (!m->conn)
		client_connect(m);
	if (m->conn)
		conn_service(m->conn);
	if (m->shm && memif_shm_is_broken(m->shm))
		conn_close(m->conn, "the peer's ring is inconsistent");
	describe(p, m);
	return false;
}

static uint16_t memif_rx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct memif *m = p->priv;
	struct memif_shm *shm = atomic_load_explicit(&m->shm, memory_order_acquire);
	uint32_t errors = 0;
	uint16_t got;

	if (!shm || queue >= shm->n_rx)
		return 0;
	got = memif_rx_burst(&shm->rx[queue], pkts, n, &errors);
	if (unlikely(errors))
		atomic_fetch_add_explicit(&p->rx_errors, errors, memory_order_relaxed);
	return got;
}

/* A peer may have brought fewer rings than the port has queues. */
static uint16_t memif_tx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct memif *m = p->priv;
	struct memif_shm *shm = atomic_load_explicit(&m->shm, memory_order_acquire);
	struct memif_queue *q;
	uint16_t sent;

	if (!shm)
		return 0;
	if (likely(shm->n_tx >= p->n_txq))
		return memif_tx_burst(&shm->tx[queue], pkts, n);
	q = &shm->tx[queue % shm->n_tx];
	rte_spinlock_lock(&q->lock);
	sent = memif_tx_burst(q, pkts, n);
	rte_spinlock_unlock(&q->lock);
	return sent;
}

const struct port_ops memif_ops = {
	.kind = WEFT_PORT_MEMIF,
	.open = memif_open,
	.close = memif_close,
	.rx = memif_rx,
	.tx = memif_tx,
	.poll_state = memif_poll_state,
};
