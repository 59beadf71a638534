/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guard on the host's ends of tenant veths: one loaded program, attached to many interfaces as
 * a classic tc filter (clsact), which outlives the caller. Called by weftd, on its one thread.
 */
#include <errno.h>
#include <stdlib.h>

#include <bpf/libbpf.h>

#include <loader/loader.h>
#include <weft_bpf/guard.h>

#include "prog.h"
#include "tc.h"
#include "tc_guard.skel.h"

struct loader_guard {
	struct tc_guard *skel;
};

static const enum bpf_tc_attach_point points[] = {BPF_TC_INGRESS, BPF_TC_EGRESS};
#define N_POINTS (sizeof(points) / sizeof(points[0]))

int loader_guard_new(struct loader_guard **ret, char *text)
{
	struct loader_guard *g = calloc(1, sizeof(*g));
	int error = 0;

	text[0] = '\0';
	if (!g)
		return -ENOMEM;
	prog_capture_begin();
	g->skel = tc_guard__open_and_load();
	if (!g->skel)
		error = prog_explain(text, -errno, "loading the guard program", 0);
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

int loader_guard_ensure(struct loader_guard *g, int ifindex, char *text)
{
	int error;

	text[0] = '\0';
	prog_capture_begin();
	error = tc_prepare(ifindex, text);
	for (unsigned int i = 0; i < N_POINTS && error >= 0; i++)
		error = tc_put(
			ifindex, points[i], bpf_program__fd(g->skel->progs.weft_guard), text);
	prog_capture_end();
	return error < 0 ? error : 0;
}

/* The clsact qdisc stays: it costs nothing and somebody else may have filters on it. */
int loader_guard_remove(int ifindex)
{
	static const char *const guard[] = {WEFT_BPF_GUARD_PROG, NULL};
	int result = 0;

	prog_capture_begin();
	for (unsigned int i = 0; i < N_POINTS; i++) {
		int error = tc_take_off(ifindex, points[i], guard);

		if (error < 0)
			result = error;
	}
	prog_capture_end();
	return result;
}
