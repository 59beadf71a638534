/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guard on the host's ends of tenant veths: one loaded program, attached to many interfaces as
 * a classic tc filter (clsact), which outlives the caller. Called by weftd, on its one thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <loader/loader.h>
#include <weft_bpf/guard.h>

#include "prog.h"
#include "tc_guard.skel.h"

struct loader_guard {
	struct tc_guard *skel;
	struct bpf_prog_info prog;
};

static const enum bpf_tc_attach_point points[] = {BPF_TC_INGRESS, BPF_TC_EGRESS};
#define N_POINTS (sizeof(points) / sizeof(points[0]))

int loader_guard_new(struct loader_guard **ret, char *text)
{
	struct loader_guard *g = calloc(1, sizeof(*g));
	__u32 len = sizeof(g->prog);
	int error = 0;

	text[0] = '\0';
	if (!g)
		return -ENOMEM;
	prog_capture_begin();
	g->skel = tc_guard__open_and_load();
	if (!g->skel)
		error = -errno;
	else if (bpf_obj_get_info_by_fd(
			 bpf_program__fd(g->skel->progs.weft_guard), &g->prog, &len) < 0)
		error = -errno;
	if (error < 0)
		prog_explain(text, error, "loading the guard program", 0);
	prog_capture_end();
	if (error < 0) {
		loader_guard_free(g);
		return error;
	}
	*ret = g;
	return 0;
}

void loader_guard_free(struct loader_guard *g)
{
	if (!g)
		return;
	tc_guard__destroy(g->skel);
	free(g);
}

/* What sits at the guard's place: 0 nothing, -errno, or 1 with *ret_info filled. */
static int occupant(const struct bpf_tc_hook *hook, struct bpf_prog_info *ret_info)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = WEFT_BPF_GUARD_HANDLE,
		.priority = WEFT_BPF_GUARD_PRIORITY);
	int error = bpf_tc_query(hook, &opts), fd;

	if (error == -ENOENT || error == -EINVAL) /* EINVAL: no clsact there */
		return 0;
	if (error < 0)
		return error;
	fd = prog_open(opts.prog_id, ret_info);
	if (fd < 0)
		return fd;
	close(fd);
	return 1;
}

static int ensure_point(
	struct loader_guard *g, int ifindex, enum bpf_tc_attach_point point, char *text)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = WEFT_BPF_GUARD_HANDLE,
		.priority = WEFT_BPF_GUARD_PRIORITY,
		.prog_fd = bpf_program__fd(g->skel->progs.weft_guard));
	struct bpf_prog_info there;
	char what[64];
	int error = occupant(&hook, &there);

	if (error < 0)
		return prog_explain(text, error, "looking for tc filters", ifindex);
	if (error == 1) {
		if (strcmp(there.name, WEFT_BPF_GUARD_PROG) != 0) {
			snprintf(what, sizeof(what), "tc filter \"%s\" is already", there.name);
			return prog_explain(text, -EBUSY, what, ifindex);
		}
		if (prog_same_code(&there, &g->prog))
			return 0;
		opts.flags = BPF_TC_F_REPLACE;
	}
	error = bpf_tc_attach(&hook, &opts);
	return error < 0 ? prog_explain(text, error, "attaching the guard", ifindex) : 0;
}

int loader_guard_ensure(struct loader_guard *g, int ifindex, char *text)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	int error;

	text[0] = '\0';
	prog_capture_begin();
	error = bpf_tc_hook_create(&hook);
	if (error < 0 && error != -EEXIST)
		prog_explain(text, error, "making the clsact qdisc", ifindex);
	else
		error = 0;
	for (unsigned int i = 0; i < N_POINTS && error == 0; i++)
		error = ensure_point(g, ifindex, points[i], text);
	prog_capture_end();
	return error;
}

/* The clsact qdisc stays: it costs nothing and somebody else may have filters on it. */
int loader_guard_remove(int ifindex)
{
	int result = 0;

	prog_capture_begin();
	for (unsigned int i = 0; i < N_POINTS; i++) {
		LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = points[i]);
		LIBBPF_OPTS(bpf_tc_opts, opts, .handle = WEFT_BPF_GUARD_HANDLE,
			.priority = WEFT_BPF_GUARD_PRIORITY);
		struct bpf_prog_info there;
		int error = occupant(&hook, &there);

		if (error == 1 && strcmp(there.name, WEFT_BPF_GUARD_PROG) == 0)
			error = bpf_tc_detach(&hook, &opts);
		if (error < 0 && error != -ENODEV)
			result = error;
	}
	prog_capture_end();
	return result;
}
