/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast path's tc programs on interfaces, and what they know about them: VTEP addresses and
 * devices that take XDP frames. Called by weftd, on its one thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "fast.h"
#include "tc.h"
#include "tcx.h"
#include "vteps.h"

#define NO_PROG WEFT_BPF_PROG_N

/* What goes where; to a port's egress first: it passes less than what it replaces. */
static const struct {
	enum weft_bpf_prog egress, ingress;
} spots[] = {
	[LOADER_SPOT_PORT] = {WEFT_BPF_PROG_PORT_OUT, WEFT_BPF_PROG_PORT},
	[LOADER_SPOT_UPLINK] = {NO_PROG, WEFT_BPF_PROG_UPLINK_TC},
	[LOADER_SPOT_DELIVER] = {NO_PROG, WEFT_BPF_PROG_DELIVER},
};

/* A tenant's frames are kept from the host's stack twice: what is on tcx no change of qdiscs takes
 * off, and behind it is clsact. Uplinks are the host's: what isn't Weft's goes by its other
 * programs. */
static int put_first(const struct loader_fast *f, int ifindex, enum loader_spot spot, char *text)
{
	if (spot == LOADER_SPOT_PORT)
		return tcx_put(ifindex, f->progs[spots[spot].ingress], text);
	return tcx_take_off(ifindex, prog_own_names);
}

int loader_fast_ensure(struct loader_fast *f, int ifindex, enum loader_spot spot, char *text)
{
	int error, changed = 0;

	text[0] = '\0';
	prog_capture_begin();
	error = tc_prepare(ifindex, text);
	if (error >= 0 && spots[spot].egress != NO_PROG)
		changed = error =
			tc_put(ifindex, BPF_TC_EGRESS, f->progs[spots[spot].egress], text);
	if (error >= 0)
		changed |= error =
			tc_put(ifindex, BPF_TC_INGRESS, f->progs[spots[spot].ingress], text);
	if (error >= 0)
		error = put_first(f, ifindex, spot, text);
	prog_capture_end();
	return error < 0 ? error : error | changed;
}

int loader_fast_remove(int ifindex, enum loader_spot spot)
{
	static const char *const ports[] = {WEFT_BPF_PORT_PROG, WEFT_BPF_PORT_OUT_PROG, NULL};
	static const char *const uplinks[] = {WEFT_BPF_UPLINK_TC_PROG, WEFT_BPF_DELIVER_PROG, NULL};
	const char *const *names = spot == LOADER_SPOT_PORT ? ports : uplinks;
	int error, egress = 0;

	prog_capture_begin();
	error = tc_take_off(ifindex, BPF_TC_INGRESS, names);
	if (error == 0)
		error = tcx_take_off(ifindex, names);
	if (spots[spot].egress != NO_PROG)
		egress = tc_take_off(ifindex, BPF_TC_EGRESS, names);
	prog_capture_end();
	return error < 0 ? error : egress;
}

int loader_fast_set_vteps(
	struct loader_fast *f, const struct weft_addr *addrs, unsigned int n, char *text)
{
	return vteps_set(f->tables[FAST_TABLE_VTEPS], addrs, n, text);
}

int loader_fast_set_dev(struct loader_fast *f, int ifindex, bool takes_xdp)
{
	const __u32 index = ifindex;
	int fd = f->tables[FAST_TABLE_DEVS];

	if (takes_xdp)
		return bpf_map_update_elem(fd, &index, &index, BPF_ANY) < 0 ? -errno : 0;
	if (bpf_map_delete_elem(fd, &index) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}
