/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet sockets of tests on real devices, as a tenant or the data plane has them: frames with a
 * virtio-net header in front, tags beside; and programs on these devices. Fails the test on error.
 */
#ifndef SOCKETS_H
#define SOCKETS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <bpf/libbpf.h>
#include <linux/virtio_net.h>

#include "frames.h"

#define SOCKET_WAIT_MS	 2000
#define SOCKET_SILENT_MS 50

/* What a socket got. */
struct got {
	ssize_t len; /* -1: nothing in time */
	struct virtio_net_hdr vnet;
	uint8_t b[2048];
	bool tagged; /* beside the frame */
	uint16_t tpid, tci;
};

/* On a device of the current namespace; proto: ETH_P_ALL, before tc, or one ethertype alone, after
 * it. Frames that the device sends are not seen. */
int socket_open(const char *device, uint16_t proto);
/* On a device of that namespace, with all ethertypes; the caller's own is home. */
int socket_open_in(int ns, int home, const char *device);
/* The data plane's: only frames with that mark. */
int socket_open_marked(const char *device, uint32_t mark);
/* Returns the frame's length or -errno. vnet NULL: nothing to say. */
ssize_t socket_try_send(int fd, const struct frame *f, const struct virtio_net_hdr *vnet);
void socket_send(int fd, const struct frame *f, const struct virtio_net_hdr *vnet);
struct got socket_receive(int fd, int wait_ms);
/* That frame, with no tag beside it. */
void socket_expect(int fd, const struct frame *want);
void socket_expect_silence(int fd);

/* Puts a program on a device of the current namespace, by tc. */
void device_attach(int ifindex, enum bpf_tc_attach_point point, const struct bpf_program *prog);

#endif
