/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See tcx.h. Programs are attached by themselves and not by links, which would end with their
 * descriptor or need a pin for each interface.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "prog.h"
#include "tcx.h"

/* Of Linux 6.6; the headers may be older. */
#define TCX_INGRESS  ((enum bpf_attach_type)46) /* BPF_TCX_INGRESS */
#define PLACE_FIRST  (1u << 3)			/* BPF_F_BEFORE, nothing named */
#define PLACE_OF     BPF_F_REPLACE
#define PROGRAMS_MAX 64 /* at one hook, as the kernel has it */

/* Descriptor of the own program there, with *ret_info; -ENOENT: none, -EOPNOTSUPP: there is no tcx,
 * or -errno. */
static int own_program(int ifindex, const char *const *names, struct bpf_prog_info *ret_info)
{
	__u32 ids[PROGRAMS_MAX];
	LIBBPF_OPTS(bpf_prog_query_opts, opts, .prog_ids = ids, .prog_cnt = PROGRAMS_MAX);
	int error = bpf_prog_query_opts(ifindex, TCX_INGRESS, &opts), fd;

	if (error < 0)
		return error == -EINVAL ? -EOPNOTSUPP : error;
	for (__u32 i = 0; i < opts.prog_cnt; i++) {
		fd = prog_open(ids[i], ret_info);
		if (fd >= 0 && prog_is_one_of(ret_info->name, names))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -ENOENT;
}

static int attach(int ifindex, int prog_fd, int instead_of)
{
	LIBBPF_OPTS(bpf_prog_attach_opts, opts, .flags = PLACE_FIRST);

	if (instead_of >= 0) {
		opts.flags = PLACE_OF;
		opts.replace_prog_fd = instead_of;
	}
	return bpf_prog_attach_opts(prog_fd, ifindex, TCX_INGRESS, &opts);
}

int tcx_put(int ifindex, int prog_fd, char *text)
{
	struct bpf_prog_info there, mine = {0};
	__u32 len = sizeof(mine);
	int own = own_program(ifindex, prog_own_names, &there), error;

	if (own == -EOPNOTSUPP)
		return 0;
	if (own < 0 && own != -ENOENT)
		return prog_explain(text, own, "looking for tcx programs", ifindex);
	if (bpf_obj_get_info_by_fd(prog_fd, &mine, &len) < 0)
		error = -errno;
	else if (own >= 0 && prog_does_the_same(&there, &mine))
		error = 0;
	else
		error = attach(ifindex, prog_fd, own) < 0 ? -errno : 1;
	if (own >= 0)
		close(own);
	return error < 0 ? prog_explain(text, error, "attaching to tcx", ifindex) : error;
}

int tcx_take_off(int ifindex, const char *const *names)
{
	struct bpf_prog_info there;
	int own = own_program(ifindex, names, &there), error;

	if (own < 0)
		return own == -ENOENT || own == -EOPNOTSUPP || own == -ENODEV ? 0 : own;
	error = bpf_prog_detach2(own, ifindex, TCX_INGRESS) < 0 ? -errno : 0;
	close(own);
	return error == -ENOENT || error == -ENODEV ? 0 : error;
}
