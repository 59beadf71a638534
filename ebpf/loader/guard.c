/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The guard on the host's ends of tenant veths: one loaded program, attached to many interfaces by
 * tcx and as a classic tc filter (clsact), which outlive the caller. Called by weftd, on its one
 * thread.
 */
#include <errno.h>
#include <stdlib.h>

#include <bpf/libbpf.h>

#include <loader/loader.h>
#include <weft_bpf/guard.h>

#include "prog.h"
#include "tc.h"
#include "tcx.h"
#include "tc_guard.skel.h"

struct loader_guard {
	struct tc_guard *skel;
};

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
	int in = bpf_program__fd(g->skel->progs.weft_guard), error, changed = 0;

	text[0] = '\0';
	prog_capture_begin();
	error = tcx_put(ifindex, in, text);
	if (error >= 0) {
		changed = error;
		error = tc_prepare(ifindex, text);
	}
	if (error >= 0)
		changed |= error = tc_put(ifindex, BPF_TC_INGRESS, in, text);
	if (error >= 0)
		error = tc_put(ifindex, BPF_TC_EGRESS,
			bpf_program__fd(g->skel->progs.weft_guard_out), text);
	prog_capture_end();
	return error < 0 ? error : error | changed;
}

/* The clsact qdisc stays: it costs nothing and somebody else may have filters on it. */
int loader_guard_remove(int ifindex)
{
	static const char *const guards[] = {WEFT_BPF_GUARD_PROG, WEFT_BPF_GUARD_OUT_PROG, NULL};
	int error, egress;

	prog_capture_begin();
	error = tc_take_off(ifindex, BPF_TC_INGRESS, guards);
	if (error == 0)
		error = tcx_take_off(ifindex, guards);
	egress = tc_take_off(ifindex, BPF_TC_EGRESS, guards);
	prog_capture_end();
	return error < 0 ? error : egress;
}
