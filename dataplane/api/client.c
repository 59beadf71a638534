/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Client side of the channel. Links into the control daemon and into tests; must not know DPDK, an
 * event loop, or what entries mean. One thread per client.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <weft/client.h>

struct weft_client {
	int fd;
	uint32_t seq;
	struct weft_ops_writer ops;
	int op_fds[WEFT_MSG_FDS_MAX];
	struct weft_client_msg in;
	char error[WEFT_TEXT_SIZE];
	_Alignas(8) uint8_t rx[WEFT_MSG_SIZE_MAX];
	_Alignas(8) uint8_t tx[WEFT_MSG_SIZE_MAX];
};

int weft_client_wrap(int fd, struct weft_client **ret)
{
	struct weft_client *c = malloc(sizeof(*c));
	int flags = fcntl(fd, F_GETFL);

	if (!c || flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
		int error = c ? -errno : -ENOMEM;

		free(c);
		close(fd);
		return error;
	}
	c->fd = fd;
	c->seq = 0;
	c->in.n_fds = 0;
	c->error[0] = '\0';
	weft_ops_start(&c->ops, c->tx, sizeof(c->tx));
	*ret = c;
	return 0;
}

int weft_client_open(const char *path, struct weft_client **ret)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd, error;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
		error = -errno;
		close(fd);
		return error;
	}
	return weft_client_wrap(fd, ret);
}

static void close_fds(int *fds, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

void weft_client_close(struct weft_client *c)
{
	if (!c)
		return;
	close_fds(c->op_fds, c->ops.n_fds);
	close_fds(c->in.fds, c->in.n_fds);
	close(c->fd);
	free(c);
}

int weft_client_fd(const struct weft_client *c)
{
	return c->fd;
}

const char *weft_client_error(const struct weft_client *c)
{
	return c->error;
}

static int send_message(
	struct weft_client *c, const void *msg, size_t size, const int *fds, unsigned int n_fds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * WEFT_MSG_FDS_MAX)] = {0};
	struct iovec iov = {(void *)msg, size};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (n_fds > 0) {
		struct cmsghdr *cmsg;

		mh.msg_control = control;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		cmsg = CMSG_FIRSTHDR(&mh);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * n_fds);
	}
	do
		n = sendmsg(c->fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 0;
	return errno == EWOULDBLOCK || errno == ENOBUFS ? -EAGAIN : -errno;
}

int weft_client_flush(struct weft_client *c)
{
	size_t size;
	int rc;

	if (c->ops.n_ops == 0)
		return 0;
	size = weft_ops_finish(&c->ops, WEFT_MSG_TXN_OPS, c->seq + 1);
	rc = send_message(c, c->tx, size, c->op_fds, c->ops.n_fds);
	if (rc)
		return rc;
	c->seq++;
	close_fds(c->op_fds, c->ops.n_fds);
	weft_ops_start(&c->ops, c->tx, sizeof(c->tx));
	return 0;
}

int weft_client_op(struct weft_client *c, enum weft_table table, enum weft_op_verb verb,
	const void *entry, int fd)
{
	int copy = -1, rc = 0;

	if (weft_entry_size(table) == 0)
		return -EINVAL;
	if (fd >= 0) {
		copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (copy < 0)
			return -errno;
	}
	if (!weft_ops_add(&c->ops, table, verb, entry, copy >= 0)) {
		rc = weft_client_flush(c);
		if (rc == 0)
			weft_ops_add(&c->ops, table, verb, entry, copy >= 0);
	}
	if (rc && copy >= 0)
		close(copy);
	else if (copy >= 0)
		c->op_fds[c->ops.n_fds - 1] = copy;
	return rc;
}

int weft_client_send_fds(struct weft_client *c, enum weft_msg_type type, const void *payload,
	size_t payload_size, const int *fds, unsigned int n_fds, uint32_t *ret_seq)
{
	size_t size;
	int rc;

	if (payload_size > sizeof(c->tx) - sizeof(struct weft_msg_hdr) || n_fds > WEFT_MSG_FDS_MAX)
		return -EMSGSIZE;
	rc = weft_client_flush(c);
	if (rc)
		return rc;
	size = weft_msg_build(c->tx, type, c->seq + 1, payload, payload_size);
	rc = send_message(c, c->tx, size, fds, n_fds);
	if (rc)
		return rc;
	c->seq++;
	if (ret_seq)
		*ret_seq = c->seq;
	return 0;
}

int weft_client_send(struct weft_client *c, enum weft_msg_type type, const void *payload,
	size_t payload_size, uint32_t *ret_seq)
{
	return weft_client_send_fds(c, type, payload, payload_size, NULL, 0, ret_seq);
}

int weft_client_hello(struct weft_client *c, const char *name, uint16_t flags, uint32_t *ret_seq)
{
	struct weft_msg_hello hello = {
		.magic = WEFT_CHANNEL_MAGIC, .version = WEFT_CHANNEL_VERSION, .flags = flags};

	snprintf(hello.client, sizeof(hello.client), "%s", name);
	return weft_client_send(c, WEFT_MSG_HELLO, &hello, sizeof(hello), ret_seq);
}

static void take_fds(struct weft_client_msg *in, struct msghdr *mh)
{
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(mh); cmsg; cmsg = CMSG_NXTHDR(mh, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		in->n_fds = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(in->fds, CMSG_DATA(cmsg), in->n_fds * sizeof(int));
	}
}

int weft_client_recv(struct weft_client *c, struct weft_client_msg **ret)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * WEFT_MSG_FDS_MAX)];
	struct iovec iov = {c->rx, sizeof(c->rx)};
	struct msghdr mh = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t n;
	int rc;

	close_fds(c->in.fds, c->in.n_fds);
	c->in.n_fds = 0;
	do
		n = recvmsg(c->fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	take_fds(&c->in, &mh);
	if (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		snprintf(c->error, sizeof(c->error), "message longer than %u bytes",
			WEFT_MSG_SIZE_MAX);
		return -EBADMSG;
	}
	rc = weft_msg_check(c->rx, n, c->error);
	if (rc)
		return rc;
	c->in.hdr = weft_msg_hdr(c->rx);
	c->in.payload = weft_msg_payload(c->rx);
	*ret = &c->in;
	return 1;
}
