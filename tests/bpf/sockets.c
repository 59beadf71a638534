/* SPDX-License-Identifier: BSD-3-Clause */
/* See sockets.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "../lib/test_netns.h"
#include "sockets.h"

static int open_filtered(const char *device, uint16_t proto, const struct sock_fprog *filter)
{
	struct sockaddr_ll addr = {.sll_family = AF_PACKET,
		.sll_protocol = htons(proto),
		.sll_ifindex = if_nametoindex(device)};
	static const int options[] = {PACKET_VNET_HDR, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING};
	const int on = 1;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	for (unsigned int i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		assert_int_equal(setsockopt(fd, SOL_PACKET, options[i], &on, sizeof(on)), 0);
	if (filter)
		assert_int_equal(
			setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter, sizeof(*filter)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

int socket_open(const char *device, uint16_t proto)
{
	return open_filtered(device, proto, NULL);
}

int socket_open_in(int ns, int home, const char *device)
{
	int fd;

	test_netns_enter(ns);
	fd = socket_open(device, ETH_P_ALL);
	test_netns_enter(home);
	return fd;
}

int socket_open_marked(const char *device, uint32_t mark)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_MARK)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, mark, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog filter = {.len = 4, .filter = code};

	return open_filtered(device, ETH_P_ALL, &filter);
}

ssize_t socket_try_send(int fd, const struct frame *f, const struct virtio_net_hdr *vnet)
{
	const struct virtio_net_hdr none = {0};
	struct iovec iov[] = {
		{(void *)(vnet ? vnet : &none), sizeof(none)}, {(void *)f->b, f->len}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t len = sendmsg(fd, &msg, 0);

	return len < 0 ? -errno : len - (ssize_t)sizeof(none);
}

void socket_send(int fd, const struct frame *f, const struct virtio_net_hdr *vnet)
{
	assert_int_equal(socket_try_send(fd, f, vnet), f->len);
}

static void read_tag(const struct msghdr *msg, struct got *ret)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR((struct msghdr *)msg, c)) {
		struct tpacket_auxdata aux;

		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		ret->tagged = aux.tp_status & TP_STATUS_VLAN_VALID;
		ret->tci = aux.tp_vlan_tci;
		ret->tpid = aux.tp_vlan_tpid;
	}
}

struct got socket_receive(int fd, int wait_ms)
{
	const struct timeval timeout = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
	char control[256];
	struct got ret = {0};
	struct iovec iov[] = {{&ret.vnet, sizeof(ret.vnet)}, {ret.b, sizeof(ret.b)}};
	struct msghdr msg = {.msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = control,
		.msg_controllen = sizeof(control)};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	ret.len = recvmsg(fd, &msg, 0);
	if (ret.len >= 0) {
		ret.len -= sizeof(ret.vnet);
		read_tag(&msg, &ret);
	}
	return ret;
}

void socket_expect(int fd, const struct frame *want)
{
	struct got got = socket_receive(fd, SOCKET_WAIT_MS);

	assert_int_equal(got.len, want->len);
	assert_memory_equal(got.b, want->b, want->len);
	assert_false(got.tagged);
}

void socket_expect_silence(int fd)
{
	assert_int_equal(socket_receive(fd, SOCKET_SILENT_MS).len, -1);
}

void device_attach(int ifindex, enum bpf_tc_attach_point point, const struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1, .flags = BPF_TC_F_REPLACE,
		.prog_fd = bpf_program__fd(prog));
	int error = bpf_tc_hook_create(&hook);

	assert_true(error == 0 || error == -EEXIST);
	assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
}
