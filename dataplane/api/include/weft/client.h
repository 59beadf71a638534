/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Client side of the channel: sending and receiving whole messages, and filling TXN_OPS messages.
 *
 * Never blocks and has no event loop: the caller polls weft_client_fd for POLLIN, and for POLLOUT
 * after a call answered -EAGAIN. Which request waits for which reply is the caller's business. One
 * thread per client. Free of DPDK.
 */
#ifndef WEFT_CLIENT_H
#define WEFT_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include <weft/codec.h>

struct weft_client;

/* Connects. Returns 0, or -errno (-ECONNREFUSED, -ENOENT: nobody listens; -EAGAIN: try again soon).
 */
int weft_client_open(const char *path, struct weft_client **ret);
/* For a descriptor that is connected already, which passes to the client (closed on failure too).
 */
int weft_client_wrap(int fd, struct weft_client **ret);
void weft_client_close(struct weft_client *c);
int weft_client_fd(const struct weft_client *c);

/* Sends one message with a fresh seq, written to *ret_seq unless NULL. Returns 0, -EAGAIN (nothing
 * was sent; wait for POLLOUT), or -errno: the connection is gone. Ops added before go first. */
int weft_client_send(struct weft_client *c, enum weft_msg_type type, const void *payload,
	size_t payload_size, uint32_t *ret_seq);
/* The same with descriptors, at most WEFT_MSG_FDS_MAX, which stay the caller's. */
int weft_client_send_fds(struct weft_client *c, enum weft_msg_type type, const void *payload,
	size_t payload_size, const int *fds, unsigned int n_fds, uint32_t *ret_seq);
/* HELLO with magic and version. flags: enum weft_hello_flag. */
int weft_client_hello(struct weft_client *c, const char *name, uint16_t flags, uint32_t *ret_seq);

/* Adds one op to the TXN_OPS message being filled, and sends that first when it is full. fd: a
 * descriptor for this op or -1; duplicated, so the caller may close it. Returns as
 * weft_client_send; after -EAGAIN the op was not taken. */
int weft_client_op(struct weft_client *c, enum weft_table table, enum weft_op_verb verb,
	const void *entry, int fd);
/* Sends what weft_client_op gathered. */
int weft_client_flush(struct weft_client *c);

struct weft_client_msg {
	const struct weft_msg_hdr *hdr; /* checked by weft_msg_check; payload follows */
	const void *payload;
	int fds[WEFT_MSG_FDS_MAX]; /* take one by setting it to -1; the rest are closed */
	unsigned int n_fds;
};
/* Receives one message, valid until the next call; descriptors not taken are closed by the next
 * call. Returns 1, 0 when there is none now, or -errno: -ECONNRESET when the peer has closed,
 * -EBADMSG when what it sent is no message (close the client then). */
int weft_client_recv(struct weft_client *c, struct weft_client_msg **ret);
/* What -EBADMSG was about. */
const char *weft_client_error(const struct weft_client *c);

#endif
