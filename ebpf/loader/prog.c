/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Recognizing own programs in the kernel, and saying in words why the kernel refused something.
 * Called by the other files, on the caller's one thread.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <loader/loader.h>
#include <weft_bpf/guard.h>

#include "prog.h"

static struct {
	char warning[LOADER_TEXT_SIZE / 2];
	libbpf_print_fn_t saved;
} capture;

static int capture_print(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && capture.warning[0] == '\0') {
		vsnprintf(capture.warning, sizeof(capture.warning), format, args);
		capture.warning[strcspn(capture.warning, "\n")] = '\0';
	}
	return 0;
}

void prog_capture_begin(void)
{
	capture.warning[0] = '\0';
	capture.saved = libbpf_set_print(capture_print);
}

void prog_capture_end(void)
{
	libbpf_set_print(capture.saved);
}

int prog_open(__u32 id, struct bpf_prog_info *ret_info)
{
	__u32 len = sizeof(*ret_info);
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd < 0)
		return -errno;
	memset(ret_info, 0, sizeof(*ret_info));
	if (bpf_obj_get_info_by_fd(fd, ret_info, &len) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

bool prog_same_code(const struct bpf_prog_info *a, const struct bpf_prog_info *b)
{
	return memcmp(a->tag, b->tag, sizeof(a->tag)) == 0;
}

const char *const prog_own_names[] = {WEFT_BPF_GUARD_PROG, WEFT_BPF_GUARD_OUT_PROG,
	WEFT_BPF_PORT_PROG, WEFT_BPF_PORT_OUT_PROG, WEFT_BPF_UPLINK_TC_PROG, WEFT_BPF_DELIVER_PROG,
	NULL};

bool prog_is_one_of(const char *name, const char *const *names)
{
	while (*names)
		if (strcmp(name, *names++) == 0)
			return true;
	return false;
}

bool prog_does_the_same(const struct bpf_prog_info *a, const struct bpf_prog_info *b)
{
	return a->id == b->id || (a->nr_map_ids == 0 && b->nr_map_ids == 0 &&
					 strcmp(a->name, b->name) == 0 && prog_same_code(a, b));
}

static const char *remedy(int error)
{
	switch (-error) {
	case EPERM:
		return "run weftd with CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN";
	case EACCES:
		return "this kernel's verifier does not accept the program";
	case ENODEV:
	case ENXIO:
		return "the interface does not exist in this network namespace";
	case EBUSY:
	case EEXIST:
		return "take the other program off first: ip link set dev IF xdp off, or "
		       "tc filter del dev IF ingress and egress";
	case ENOMEM:
		return "the kernel has no memory left for BPF, see the memory cgroup's limit";
	case EOPNOTSUPP:
		return "the driver or this kernel lacks it";
	case EINVAL:
	case E2BIG:
		return "the kernel is too old, 6.1 or later is needed";
	default:
		return strerror(-error);
	}
}

int prog_explain(char *text, int error, const char *what, int ifindex)
{
	char name[IF_NAMESIZE], on[IF_NAMESIZE + 5] = "";

	if (ifindex && !if_indextoname(ifindex, name))
		snprintf(name, sizeof(name), "#%d", ifindex);
	if (ifindex)
		snprintf(on, sizeof(on), " on %s", name);
	snprintf(text, LOADER_TEXT_SIZE, "%s%s failed: %s; %s%s%s", what, on,
		strerrordesc_np(-error), remedy(error), capture.warning[0] ? "; " : "",
		capture.warning);
	return error;
}
