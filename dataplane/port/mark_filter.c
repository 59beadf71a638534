/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See mark_filter.h. Classic BPF, which the kernel takes from anybody who may open the socket.
 */
#include <errno.h>
#include <sys/socket.h>

#include <linux/filter.h>

#include <rte_common.h>

#include "mark_filter.h"

static int filter_remove(int fd)
{
	int unused = 0;

	if (setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused)) < 0)
		return errno == ENOENT ? 0 : -errno; /* there was none */
	return 0;
}

int mark_filter_set(int fd, enum mark_filter take, uint32_t mark)
{
	const uint32_t equal = take == MARK_ONLY ? UINT32_MAX : 0;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_MARK)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, mark, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, equal),
		BPF_STMT(BPF_RET | BPF_K, ~equal),
	};
	const struct sock_fprog program = {.len = RTE_DIM(code), .filter = code};

	if (take == MARK_ANY)
		return filter_remove(fd);
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return -errno;
	return 0;
}
