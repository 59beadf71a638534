/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The channel's sockets: accepting, receiving, sending as far as each client takes it. Knows what
 * a message is, not what it means. Main thread.
 *
 * Clients are not trusted: none can make the main thread wait, hold more than bounded memory, or
 * keep others from being served.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <poll.h>
#include <unistd.h>

#include <channel/channel.h>
#include <core/clock.h>
#include <core/log.h>
#include <core/rcu.h>
#include <observe/kernel_counters.h>
#include <session/offload.h>
#include <table/learn.h>
#include <table/policy_log.h>

#include "client.h"
#include "devices.h"
#include "fastpath.h"
#include "state.h"
#include "trace.h"
#include "watcher.h"

#define CLIENTS_MAX	   64
#define GREETING_MS	   5000 /* a client that has not said HELLO by then goes */
#define MESSAGES_PER_ROUND 32	/* of one client, before others have their turn */
#define WALKS_PER_ROUND	   4	/* parts of a walk over sessions */
#define TRACES_PER_ROUND   4	/* messages of steps of watched packets */

static struct {
	int epoll;
	int listener;
	uint64_t boot_id;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	TAILQ_HEAD(, client) clients;
	uint32_t n_clients;
} server = {.epoll = -1, .listener = -1, .clients = TAILQ_HEAD_INITIALIZER(server.clients)};

/* One message in or out at a time. */
static _Alignas(8) uint8_t buffer_in[WEFT_MSG_SIZE_MAX];
static _Alignas(8) uint8_t buffer_out[WEFT_MSG_SIZE_MAX];

uint64_t server_boot_id(void)
{
	return server.boot_id;
}

static int send_message(int to, const void *msg, size_t size, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {(void *)(uintptr_t)msg, size};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		struct cmsghdr *cmsg;

		mh.msg_control = control;
		mh.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&mh);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}
	if (sendmsg(to, &mh, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return 0;
	return errno == EAGAIN || errno == ENOBUFS || errno == EINTR ? -EAGAIN : -errno;
}

/* True when it was sent; false: there is no room now, or the client is dead. */
static bool client_try(struct client *c, const void *msg, size_t size, int fd)
{
	int rc = send_message(c->fd, msg, size, fd);

	if (rc == 0)
		return true;
	if (rc != -EAGAIN)
		c->dead = true;
	return false;
}

void client_reply(struct client *c, enum weft_msg_type type, uint32_t seq, const void *payload,
	size_t size, int fd)
{
	size_t total = weft_msg_build(buffer_out, type, seq, payload, size);

	if (client_try(c, buffer_out, total, fd) || c->dead)
		return;
	c->pending = malloc(total);
	if (!c->pending) {
		c->dead = true;
		return;
	}
	memcpy(c->pending, buffer_out, total);
	c->pending_size = total;
	c->pending_fd = fd;
}

void client_error(struct client *c, uint32_t seq, int error, const char *format, ...)
{
	struct weft_msg_error e = {.error = error};
	va_list args;

	va_start(args, format);
	vsnprintf(e.text, sizeof(e.text), format, args);
	va_end(args);
	log_debug("channel: client %s (pid %u): %s", c->name, c->pid, e.text);
	client_reply(c, WEFT_MSG_ERROR, seq, &e, sizeof(e), -1);
}

struct client *server_writer(void)
{
	struct client *c;

	TAILQ_FOREACH (c, &server.clients, link) {
		struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};

		if (!c->writer || c->dead)
			continue;
		/* A restarted client may come before the end of its former self is noticed. */
		if (poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLRDHUP | POLLERR)))
			c->dead = true;
		else
			return c;
	}
	return NULL;
}

static bool send_event(void *arg, enum weft_msg_type type, const void *payload, size_t size)
{
	_Alignas(8) uint8_t msg[512];

	return client_try(arg, msg, weft_msg_build(msg, type, 0, payload, size), -1);
}

/* Goes on with a walk over sessions. False: its socket takes no more now. */
static bool client_walk(struct client *c)
{
	for (int i = 0; c->walking && i < WALKS_PER_ROUND; i++) {
		struct session_walk before = c->walk;
		size_t size = session_walk_next(&c->walk, buffer_out);

		if (size && !client_try(c, buffer_out, size, -1)) {
			/* What was removed was removed; the rest is looked at again. */
			if (!c->walk.remove)
				c->walk = before;
			return false;
		}
		if (size && weft_msg_hdr(buffer_out)->type == WEFT_MSG_SESSION_END)
			c->walking = false;
	}
	return true;
}

/* Steps of watched packets, as far as its socket takes them. */
static void client_tell(struct client *c)
{
	for (int i = 0; i < TRACES_PER_ROUND; i++) {
		size_t size;
		const void *event = watcher_event(&size);

		if (!event || !client_try(c, event, size, -1))
			return;
		watcher_sent();
	}
}

/* Sends what waits: the reply, then the dump or walk (a bounded part), then events. */
static void client_pump(struct client *c)
{
	if (c->pending_size) {
		if (!client_try(c, c->pending, c->pending_size, c->pending_fd))
			return;
		free(c->pending);
		c->pending = NULL;
		c->pending_size = 0;
	}
	for (int i = 0; c->dumping && i < MESSAGES_PER_ROUND; i++) {
		struct dump before = c->dump;
		size_t size = dump_next(&c->dump, buffer_out);

		if (!client_try(c, buffer_out, size, -1)) {
			c->dump = before;
			return;
		}
		if (weft_msg_hdr(buffer_out)->type == WEFT_MSG_DUMP_END)
			c->dumping = false;
	}
	if (!client_walk(c))
		return;
	if (c->greeted && c->events && !c->dumping && !c->walking)
		event_queue_flush(c->events, send_event, c);
	if (watcher_is(c) && !c->dumping && !c->walking)
		client_tell(c);
	if (c->doomed)
		c->dead = true;
}

static void client_free(struct client *c)
{
	if (c->greeted)
		log_info("channel: client %s (pid %u) disconnected", c->name, c->pid);
	TAILQ_REMOVE(&server.clients, c, link);
	server.n_clients--;
	watcher_forget(c);
	close(c->fd);
	txn_free(c->txn);
	event_queue_free(c->events);
	free(c->pending);
	free(c);
}

static bool client_waits(const struct client *c)
{
	return c->pending_size || c->dumping || c->walking;
}

/* Asks epoll for what the client can make progress with. */
static void client_arm(struct client *c)
{
	bool out = client_waits(c) || (c->events && !event_queue_empty(c->events));
	bool in = !client_waits(c);
	struct epoll_event e = {.events = (in ? EPOLLIN : 0) | (out ? EPOLLOUT : 0), .data.ptr = c};

	if (e.events == c->armed)
		return;
	c->armed = e.events;
	epoll_ctl(server.epoll, EPOLL_CTL_MOD, c->fd, &e);
}

static unsigned int take_fds(struct msghdr *mh, int *fds)
{
	unsigned int n = 0;

	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(mh); cmsg; cmsg = CMSG_NXTHDR(mh, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(cmsg), n * sizeof(int));
	}
	return n;
}

static void handle_message(
	struct client *c, size_t size, bool truncated, int *fds, unsigned int n_fds)
{
	char text[WEFT_TEXT_SIZE];
	uint32_t seq = size >= sizeof(struct weft_msg_hdr) ? weft_msg_hdr(buffer_in)->seq : 0;

	if (truncated)
		snprintf(text, sizeof(text), "a message of more than %u bytes or %u descriptors",
			WEFT_MSG_SIZE_MAX, WEFT_MSG_FDS_MAX);
	if (truncated || weft_msg_check(buffer_in, size, text)) {
		client_error(c, seq, EBADMSG, "%s", text);
		c->doomed = true;
		return;
	}
	request_handle(c, buffer_in, fds, n_fds);
}

/* False: nothing more came. */
static bool receive_message(struct client *c)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * WEFT_MSG_FDS_MAX)];
	struct iovec iov = {buffer_in, sizeof(buffer_in)};
	struct msghdr mh = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(c->fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int fds[WEFT_MSG_FDS_MAX];
	unsigned int n_fds;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		c->dead = true;
		return false;
	}
	n_fds = take_fds(&mh, fds);
	handle_message(c, n, mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC), fds, n_fds);
	for (unsigned int i = 0; i < n_fds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return true;
}

static void client_serve(struct client *c, uint32_t events)
{
	if (c->dead)
		return;
	if (events & EPOLLIN)
		for (int i = 0; i < MESSAGES_PER_ROUND; i++)
			if (c->dead || c->doomed || client_waits(c) || !receive_message(c))
				break;
	if ((events & (EPOLLHUP | EPOLLERR)) && !(events & EPOLLIN))
		c->dead = true;
	if (!c->dead)
		client_pump(c);
}

/* Who goes for a new client when there are too many: one that has not said HELLO, else one that
 * does not read, else the oldest; never the writer. So nobody can keep control out by connecting.
 */
static struct client *least_worthy(void)
{
	struct client *c, *stuck = NULL, *oldest = NULL;

	TAILQ_FOREACH (c, &server.clients, link) {
		if (c->dead || c->writer)
			continue;
		if (!c->greeted)
			return c;
		if (!stuck && client_waits(c))
			stuck = c;
		if (!oldest)
			oldest = c;
	}
	return stuck ? stuck : oldest;
}

static bool make_room(void)
{
	struct client *c;

	if (server.n_clients < CLIENTS_MAX)
		return true;
	c = least_worthy();
	if (c)
		c->dead = true;
	return c != NULL;
}

static struct client *client_new(int fd)
{
	struct client *c = calloc(1, sizeof(*c));
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
	socklen_t size = sizeof(struct ucred);
	struct ucred cred;

	if (!c || epoll_ctl(server.epoll, EPOLL_CTL_ADD, fd, &e) < 0) {
		free(c);
		return NULL;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) == 0)
		c->pid = cred.pid;
	c->fd = fd;
	c->armed = e.events;
	c->since_ms = clock_ms();
	TAILQ_INSERT_TAIL(&server.clients, c, link);
	server.n_clients++;
	return c;
}

static void client_accept(void)
{
	int fd = accept4(server.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0 && (!make_room() || !client_new(fd)))
		close(fd);
}

/* Clients die only here, so that no list or epoll result still has one that is freed. */
static void reap(void)
{
	struct client *c, *next;

	for (c = TAILQ_FIRST(&server.clients); c; c = next) {
		next = TAILQ_NEXT(c, link);
		if (c->dead)
			client_free(c);
		else
			client_arm(c);
	}
}

void channel_poll(int timeout_ms)
{
	struct epoll_event events[16];
	int n;

	if (server.epoll < 0)
		return;
	n = epoll_wait(server.epoll, events, 16, timeout_ms);
	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr)
			client_serve(events[i].data.ptr, events[i].events);
		else
			client_accept();
	}
	reap();
}

static bool client_has_news(const struct client *c)
{
	return watcher_is(c) || (c->events && !event_queue_empty(c->events));
}

void channel_tick(uint64_t now_ms)
{
	struct client *c;

	devices_tick(now_ms, channel.n_workers);
	if (devices_settled())
		offload_settled();
	kernel_counters_tick(now_ms);
	TAILQ_FOREACH (c, &server.clients, link) {
		if (!c->greeted && now_ms - c->since_ms > GREETING_MS)
			c->dead = true;
		if (client_has_news(c) && !client_waits(c))
			client_pump(c);
	}
	reap();
}

int channel_fd(void)
{
	return server.epoll;
}

/* A socket left by a process that has died is replaced, one that somebody listens on is not. */
static int remove_stale(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -errno;
	error = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? errno : 0;
	close(fd);
	if (error == 0 || error == EAGAIN)
		return -EADDRINUSE;
	if (error == ECONNREFUSED && unlink(addr->sun_path) < 0)
		return -errno;
	return 0;
}

static int listen_on(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct epoll_event e = {.events = EPOLLIN};
	mode_t mask;
	int rc;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	rc = remove_stale(&addr);
	if (rc)
		return rc;
	server.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (server.listener < 0)
		return -errno;
	mask = umask(0117); /* 0660: nobody else may ever connect, not even for a moment */
	rc = bind(server.listener, (const struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
	umask(mask);
	if (rc)
		return rc;
	memcpy(server.path, addr.sun_path, sizeof(server.path));
	if (listen(server.listener, 16) < 0 ||
		epoll_ctl(server.epoll, EPOLL_CTL_ADD, server.listener, &e) < 0)
		return -errno;
	return 0;
}

int channel_init(const struct channel_options *options)
{
	int rc = state_init(options->n_workers);

	if (rc)
		return rc;
	server.boot_id = options->boot_id;
	learn_set_listener(events_fdb);
	learn_set_revoker(offload_moved);
	policy_log_set_listener(events_policy);
	server.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (server.epoll < 0)
		rc = -errno;
	else if (options->socket)
		rc = listen_on(options->socket);
	if (rc)
		channel_fini();
	return rc;
}

void channel_fini(void)
{
	struct client *c;

	while ((c = TAILQ_FIRST(&server.clients)))
		client_free(c);
	if (server.listener >= 0)
		close(server.listener);
	if (server.path[0])
		unlink(server.path);
	if (server.epoll >= 0)
		close(server.epoll);
	server.listener = server.epoll = -1;
	server.path[0] = '\0';
	learn_set_listener(NULL);
	learn_set_revoker(NULL);
	policy_log_set_listener(NULL);
	trace_fini();
	devices_fini();
	fastpath_fini();
	state_fini();
}
