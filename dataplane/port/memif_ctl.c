/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control protocol of memif (memif_ctl.h): one function per message, a table of which message
 * is taken in which state. Main thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "memif_ctl.h"

#define MEMIF_LOG2_RING 10 /* of a client */

static int refuse(struct memif_conn *c, const char *why)
{
	snprintf(c->reason, sizeof(c->reason), "%s", why);
	return -EPROTO;
}

static void reply_begin(struct memif_reply *reply, enum memif_msg_type type)
{
	memset(reply, 0, sizeof(*reply));
	reply->send = true;
	reply->fd = -1;
	reply->msg.type = type;
}

void memif_ctl_hello(struct memif_reply *reply)
{
	reply_begin(reply, MEMIF_HELLO);
	memcpy(reply->msg.hello.name, "weft", 4);
	reply->msg.hello.min_version = MEMIF_VERSION;
	reply->msg.hello.max_version = MEMIF_VERSION;
	reply->msg.hello.max_region = MEMIF_REGIONS_MAX - 1;
	reply->msg.hello.max_s2c_ring = WEFT_PORT_QUEUES - 1;
	reply->msg.hello.max_c2s_ring = WEFT_PORT_QUEUES - 1;
	reply->msg.hello.max_log2_ring_size = MEMIF_LOG2_RING_MAX;
}

void memif_ctl_goodbye(const struct memif_conn *c, struct memif_reply *reply)
{
	reply_begin(reply, MEMIF_DISCONNECT);
	snprintf((char *)reply->msg.disconnect.text, sizeof(reply->msg.disconnect.text), "%.95s",
		c->reason);
}

static int on_init(
	struct memif_conn *c, const struct memif_msg *msg, int fd, struct memif_reply *reply)
{
	const char *wrong = NULL;

	if (msg->init.version != MEMIF_VERSION)
		return refuse(c, "only memif version 2.0 is spoken");
	if (msg->init.mode != MEMIF_MODE_ETHERNET)
		return refuse(c, "only Ethernet mode is supported");
	c->port = c->claim(c, msg->init.id, &wrong);
	if (!c->port)
		return refuse(c, wrong);
	c->shm = memif_shm_new(true);
	if (!c->shm)
		return refuse(c, "out of memory");
	c->state = MEMIF_STATE_WAIT_CONNECT;
	reply_begin(reply, MEMIF_ACK);
	return 0;
}

static int on_add_region(
	struct memif_conn *c, const struct memif_msg *msg, int fd, struct memif_reply *reply)
{
	const char *wrong =
		memif_shm_add_region(c->shm, fd, msg->add_region.index, msg->add_region.size);

	if (wrong)
		return refuse(c, wrong);
	reply_begin(reply, MEMIF_ACK);
	return 0;
}

/* The eventfd is not used: a worker makes no system calls, and a peer could make one block. */
static int on_add_ring(
	struct memif_conn *c, const struct memif_msg *msg, int fd, struct memif_reply *reply)
{
	const char *wrong = memif_shm_add_ring(c->shm, msg);

	if (wrong)
		return refuse(c, wrong);
	reply_begin(reply, MEMIF_ACK);
	return 0;
}

static int on_connect(
	struct memif_conn *c, const struct memif_msg *msg, int fd, struct memif_reply *reply)
{
	const char *wrong = memif_shm_finish(c->shm);

	if (wrong)
		return refuse(c, wrong);
	c->state = MEMIF_STATE_UP;
	reply_begin(reply, MEMIF_CONNECTED);
	snprintf((char *)reply->msg.connect.name, sizeof(reply->msg.connect.name), "%.31s",
		c->port->spec.name);
	return 0;
}

static int on_hello(
	struct memif_conn *c, const struct memif_msg *msg, int fd, struct memif_reply *reply)
{
	uint16_t n = c->port->spec.n_queues;
	uint16_t n_c2s = RTE_MIN(n, msg->hello.max_c2s_ring + 1);
	uint16_t n_s2c = RTE_MIN(n, msg->hello.max_s2c_ring + 1);
	uint8_t log2_size = RTE_MIN(MEMIF_LOG2_RING, msg->hello.max_log2_ring_size);

	if (msg->hello.min_version > MEMIF_VERSION || msg->hello.max_version < MEMIF_VERSION)
		return refuse(c, "the server does not speak memif version 2.0");
	if (log2_size == 0)
		return refuse(c, "the server takes no rings");
	c->shm = memif_shm_new(false);
	if (!c->shm || memif_shm_make(c->shm, n_c2s, n_s2c, log2_size) < 0)
		return refuse(c, "out of shared memory");
	c->state = MEMIF_STATE_WAIT_ACK;
	reply_begin(reply, MEMIF_INIT);
	reply->msg.init.version = MEMIF_VERSION;
	reply->msg.init.id = c->port->spec.instance;
	reply->msg.init.mode = MEMIF_MODE_ETHERNET;
	memcpy(reply->msg.init.name, "weft", 4);
	return 0;
}

/* After INIT the client sends its region, each ring and CONNECT, each once the last is
 * acknowledged. */
static int on_ack(
	struct memif_conn *c, const struct memif_msg *msg, int fd, struct memif_reply *reply)
{
	unsigned int ring = c->n_sent - 1u;

	if (c->n_sent == 0) {
		reply_begin(reply, MEMIF_ADD_REGION);
		reply->fd = c->shm->fd;
		reply->msg.add_region.size = c->shm->regions[0].size;
	} else if (ring < (unsigned int)c->shm->n_tx + c->shm->n_rx) {
		reply_begin(reply, MEMIF_ADD_RING);
		reply->fd = c->shm->event_fd;
		memif_shm_describe_ring(c->shm, ring, &reply->msg);
	} else {
		reply_begin(reply, MEMIF_CONNECT);
		snprintf((char *)reply->msg.connect.name, sizeof(reply->msg.connect.name), "%.31s",
			c->port->spec.name);
		c->state = MEMIF_STATE_WAIT_CONNECTED;
	}
	c->n_sent++;
	return 0;
}

static int on_connected(
	struct memif_conn *c, const struct memif_msg *msg, int fd, struct memif_reply *reply)
{
	memif_shm_start(c->shm);
	c->state = MEMIF_STATE_UP;
	return 0;
}

/* The peer's words go to logs and terminals: printable ones only. */
static int on_disconnect(struct memif_conn *c, const struct memif_msg *msg)
{
	char text[sizeof(msg->disconnect.text)];
	size_t i;

	for (i = 0; i < sizeof(text) - 1 && msg->disconnect.text[i]; i++) {
		uint8_t byte = msg->disconnect.text[i];

		text[i] = byte >= ' ' && byte < 127 ? byte : '?';
	}
	text[i] = '\0';
	snprintf(c->reason, sizeof(c->reason), "the peer closed: %s", text);
	return -EPROTO;
}

static const struct {
	enum memif_state state;
	enum memif_msg_type type;
	int (*fn)(struct memif_conn *c, const struct memif_msg *msg, int fd,
		struct memif_reply *reply);
} transitions[] = {
	{MEMIF_STATE_WAIT_INIT, MEMIF_INIT, on_init},
	{MEMIF_STATE_WAIT_CONNECT, MEMIF_ADD_REGION, on_add_region},
	{MEMIF_STATE_WAIT_CONNECT, MEMIF_ADD_RING, on_add_ring},
	{MEMIF_STATE_WAIT_CONNECT, MEMIF_CONNECT, on_connect},
	{MEMIF_STATE_WAIT_HELLO, MEMIF_HELLO, on_hello},
	{MEMIF_STATE_WAIT_ACK, MEMIF_ACK, on_ack},
	{MEMIF_STATE_WAIT_CONNECTED, MEMIF_CONNECTED, on_connected},
};

static int dispatch(
	struct memif_conn *c, const struct memif_msg *msg, int fd, struct memif_reply *reply)
{
	if (msg->type == MEMIF_DISCONNECT)
		return on_disconnect(c, msg);
	for (size_t i = 0; i < RTE_DIM(transitions); i++)
		if (transitions[i].state == c->state && transitions[i].type == msg->type)
			return transitions[i].fn(c, msg, fd, reply);
	return refuse(c, "message out of order");
}

int memif_ctl_receive(
	struct memif_conn *c, const void *bytes, size_t size, int fd, struct memif_reply *reply)
{
	struct memif_msg msg;
	int error;

	reply->send = false;
	if (size == sizeof(msg)) {
		memcpy(&msg, bytes, sizeof(msg));
		error = dispatch(c, &msg, fd, reply);
	} else {
		error = refuse(c, "message of a wrong size");
	}
	if (error < 0)
		memif_ctl_goodbye(c, reply);
	return error;
}
