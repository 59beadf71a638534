/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See tc.h. clsact and not tcx: it works on every kernel from 6.1 on, it stays when the caller ends
 * without a pin, and a replacement is one step of the kernel.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <loader/loader.h>
#include <weft_bpf/guard.h>

#include "qdisc.h"
#include "tc.h"

int tc_prepare(int ifindex, char *text)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	int error = bpf_tc_hook_create(&hook);

	if (error < 0 && error != -EEXIST)
		return prog_explain(text, error, "making the clsact qdisc", ifindex);
	return 0;
}

/* Who is there: 0 nobody, -errno, or 1 with *ret_info filled. -EINVAL: no clsact, or no filter on
 * it, or one of another kind has the priority. */
static int occupant(const struct bpf_tc_hook *hook, struct bpf_prog_info *ret_info)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = WEFT_BPF_GUARD_HANDLE,
		.priority = WEFT_BPF_GUARD_PRIORITY);
	int error = bpf_tc_query(hook, &opts), fd;

	if (error == -ENOENT)
		return 0;
	if (error < 0)
		return error;
	fd = prog_open(opts.prog_id, ret_info);
	if (fd < 0)
		return fd;
	close(fd);
	return 1;
}

static int refuse(const char *name, int ifindex, char *text)
{
	char what[64];

	snprintf(what, sizeof(what), "tc filter \"%s\" is already", name);
	return prog_explain(text, -EBUSY, what, ifindex);
}

static int no_egress(int error, int ifindex, char *text)
{
	if (error == 0)
		return prog_explain(text, -EBUSY,
			"qdisc \"ingress\" is there in place of clsact (tc qdisc del dev IF "
			"ingress)",
			ifindex);
	return prog_explain(text, error, "looking for the clsact qdisc", ifindex);
}

int tc_put(int ifindex, enum bpf_tc_attach_point point, int prog_fd, char *text)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = WEFT_BPF_GUARD_HANDLE,
		.priority = WEFT_BPF_GUARD_PRIORITY, .prog_fd = prog_fd);
	struct bpf_prog_info there, mine = {0};
	__u32 len = sizeof(mine);
	int error = occupant(&hook, &there);

	if (error < 0 && error != -EINVAL)
		return prog_explain(text, error, "looking for tc filters", ifindex);
	if (bpf_obj_get_info_by_fd(prog_fd, &mine, &len) < 0)
		return prog_explain(text, -errno, "looking at a program", ifindex);
	if (error == 1) {
		if (!prog_is_one_of(there.name, prog_own_names))
			return refuse(there.name, ifindex, text);
		if (prog_does_the_same(&there, &mine))
			return 0;
		opts.flags = BPF_TC_F_REPLACE;
	}
	error = point == BPF_TC_EGRESS ? qdisc_has_egress(ifindex) : 1;
	if (error <= 0)
		return no_egress(error, ifindex, text);
	error = bpf_tc_attach(&hook, &opts);
	if (error == -EINVAL)
		return refuse("of another kind", ifindex, text);
	return error < 0 ? prog_explain(text, error, "attaching to tc", ifindex) : 1;
}

int tc_take_off(int ifindex, enum bpf_tc_attach_point point, const char *const *names)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = WEFT_BPF_GUARD_HANDLE,
		.priority = WEFT_BPF_GUARD_PRIORITY);
	struct bpf_prog_info there;
	int error = occupant(&hook, &there);

	if (error == 1)
		error = prog_is_one_of(there.name, names) ? bpf_tc_detach(&hook, &opts) : 0;
	return error == -ENODEV || error == -EINVAL ? 0 : error;
}

__u32 tc_prog_id(int ifindex, enum bpf_tc_attach_point point)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	struct bpf_prog_info there;

	return occupant(&hook, &there) == 1 && prog_is_one_of(there.name, prog_own_names) ? there.id
											  : 0;
}
