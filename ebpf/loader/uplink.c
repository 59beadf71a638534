/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The steering program of a kernel uplink: attach, adopt after a restart, replace without a gap.
 *
 * The order that makes a replacement safe: the new program is loaded with the old one's maps, so
 * the data plane's sockets are already in its socket map when the kernel swaps the two. The tables
 * of the fast path are the caller's: an old program on other ones is replaced.
 * Called by weftd's south side, on its one thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include <loader/loader.h>
#include <weft_bpf/control.h>

#include "fast.h"
#include "prog.h"
#include "vteps.h"
#include "xdp_query.h"
#include "xdp_uplink.skel.h"

#define OLD_MAPS_MAX 16

struct loader_uplink {
	struct xdp_uplink *skel;
	struct loader_fast *fast; /* NULL: tables of its own, with nothing in them */
	struct fast_user user;	  /* the attached program: the skeleton's, or the adopted one */
	struct loader_uplink_info info;
};

/* What is on the interface now. */
struct attached {
	int fd; /* -1: nothing */
	bool own;
	enum loader_mode mode;
	__u32 id;
	struct bpf_prog_info prog;
};

static int attached_read(int ifindex, struct attached *ret)
{
	struct xdp_there there;
	int error = xdp_query(ifindex, &there);

	*ret = (struct attached){.fd = -1};
	if (error < 0)
		return error;
	if (there.mode == XDP_ATTACHED_NONE)
		return 0;
	ret->mode = there.mode == XDP_ATTACHED_SKB ? LOADER_MODE_GENERIC : LOADER_MODE_NATIVE;
	ret->id = there.id;
	error = prog_open(ret->id, &ret->prog);
	if (error == -ENOENT) /* taken off between the two calls */
		return 0;
	if (error < 0)
		return error;
	ret->fd = error;
	/* a program in both places at once is not how an own one is ever attached */
	ret->own = there.mode != XDP_ATTACHED_MULTI &&
		   strcmp(ret->prog.name, WEFT_BPF_UPLINK_PROG) == 0;
	return 0;
}

static void attached_close(struct attached *a)
{
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
}

static __u32 mode_flags(enum loader_mode mode)
{
	return mode == LOADER_MODE_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
}

/* What the program shares with others is not the old program's to give, unless nobody uses it. */
struct old_maps {
	int fds[OLD_MAPS_MAX]; /* -1: none */
	struct bpf_map_info info[OLD_MAPS_MAX];
	unsigned int n;
	bool in_use;
};

static void old_maps_close(struct old_maps *maps)
{
	for (unsigned int i = 0; i < maps->n; i++)
		close(maps->fds[i]);
	maps->n = 0;
}

static void old_maps_add(struct old_maps *maps, int fd)
{
	const struct weft_bpf_control *c;
	struct bpf_map_info *info = &maps->info[maps->n];
	char value[256] = "";
	const __u32 zero = 0;
	__u32 len = sizeof(*info);

	*info = (struct bpf_map_info){0};
	maps->fds[maps->n++] = fd;
	if (bpf_obj_get_info_by_fd(fd, info, &len) < 0 ||
		strcmp(info->name, WEFT_BPF_CONTROL_MAP) != 0 || info->value_size > sizeof(value))
		return;
	c = (const void *)value;
	maps->in_use = bpf_map_lookup_elem(fd, &zero, value) < 0 || c->mark != 0;
}

static int old_maps_open(struct old_maps *maps, const struct attached *old)
{
	__u32 ids[OLD_MAPS_MAX], len;
	struct bpf_prog_info info = {.nr_map_ids = OLD_MAPS_MAX, .map_ids = (unsigned long)ids};

	len = sizeof(info);
	if (bpf_obj_get_info_by_fd(old->fd, &info, &len) < 0)
		return -errno;
	for (__u32 i = 0; i < info.nr_map_ids && i < OLD_MAPS_MAX; i++) {
		int fd = bpf_map_get_fd_by_id(ids[i]);

		if (fd < 0)
			return -errno;
		old_maps_add(maps, fd);
	}
	return 0;
}

static bool same_shape(const struct bpf_map *map, const struct bpf_map_info *m)
{
	return bpf_map__type(map) == m->type && bpf_map__key_size(map) == m->key_size &&
	       bpf_map__value_size(map) == m->value_size &&
	       bpf_map__max_entries(map) == m->max_entries;
}

static bool is_private(const struct bpf_map *map)
{
	const char *name = bpf_map__name(map);

	return strcmp(name, WEFT_BPF_XSKS_MAP) == 0 || strcmp(name, WEFT_BPF_VTEPS_MAP) == 0 ||
	       strcmp(name, WEFT_BPF_COUNTERS_MAP) == 0;
}

static __u32 id_of_map(int fd)
{
	struct bpf_map_info info = {0};
	__u32 len = sizeof(info);

	return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0 ? info.id : 0;
}

/* Whether the map is the old program's, or becomes it. */
static bool take_old(struct loader_uplink *u, struct bpf_map *map, const struct old_maps *maps)
{
	for (unsigned int i = 0; i < maps->n; i++) {
		const struct bpf_map_info *m = &maps->info[i];

		if (strcmp(m->name, bpf_map__name(map)) != 0)
			continue;
		if (u->fast && !is_private(map))
			return id_of_map(bpf_map__fd(map)) == m->id;
		return (is_private(map) || !maps->in_use) && same_shape(map, m) &&
		       bpf_map__reuse_fd(map, maps->fds[i]) == 0;
	}
	return false;
}

/* Gives the not yet loaded program those of the old one's maps that it is to have. No program has
 * maps of constants: these would be part of its code. */
static int take_old_maps(struct loader_uplink *u, const struct attached *old, bool *ret_all)
{
	struct old_maps maps = {0};
	struct bpf_map *map;
	int error = old_maps_open(&maps, old);

	*ret_all = true;
	bpf_object__for_each_map(map, u->skel->obj)
	{
		bool taken = error == 0 && take_old(u, map, &maps);

		*ret_all &= taken;
		if (taken && strcmp(bpf_map__name(map), WEFT_BPF_XSKS_MAP) == 0)
			u->info.new_maps = false;
	}
	old_maps_close(&maps);
	return error;
}

/* The shared tables, or ones that cost little: nothing is ever in them. */
static int set_shared_map(const struct loader_uplink *u, struct bpf_map *map)
{
	int fd = u->fast ? fast_table_fd(u->fast, bpf_map__name(map)) : -1;

	if (fd >= 0)
		return bpf_map__reuse_fd(map, fd);
	return bpf_map__type(map) == BPF_MAP_TYPE_ARRAY ? bpf_map__set_max_entries(map, 1) : 0;
}

static int set_shared_maps(const struct loader_uplink *u)
{
	struct bpf_map *map;
	int error = 0;

	bpf_object__for_each_map(map, u->skel->obj)
	{
		if (!is_private(map) && error == 0)
			error = set_shared_map(u, map);
	}
	return error;
}

static int attach_new(struct loader_uplink *u, int prog_fd)
{
	int ifindex = u->info.ifindex, error;

	error = bpf_xdp_attach(
		ifindex, prog_fd, XDP_FLAGS_DRV_MODE | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
	u->info.mode = LOADER_MODE_NATIVE;
	if (error == 0 || error == -EBUSY || error == -EEXIST || error == -ENODEV ||
		error == -EPERM)
		return error;
	prog_explain(u->info.note, error, "native XDP", ifindex);
	u->info.mode = LOADER_MODE_GENERIC;
	return bpf_xdp_attach(
		ifindex, prog_fd, XDP_FLAGS_SKB_MODE | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
}

/* Puts the loaded program on the interface beside or in place of what is there. */
static int attach(struct loader_uplink *u, const struct attached *old, bool maps_reused)
{
	int prog_fd = bpf_program__fd(u->skel->progs.weft_uplink);
	struct bpf_prog_info mine = {0};
	__u32 len = sizeof(mine);
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts, .old_prog_fd = old->fd);
	int error;

	if (bpf_obj_get_info_by_fd(prog_fd, &mine, &len) < 0)
		return -errno;
	u->user.prog_fd = prog_fd;
	u->info.prog_id = mine.id;
	if (old->fd < 0)
		return attach_new(u, prog_fd);
	u->info.mode = old->mode;
	if (maps_reused && prog_same_code(&old->prog, &mine)) {
		u->user.prog_fd = fcntl(old->fd, F_DUPFD_CLOEXEC, 0);
		u->info.prog_id = old->id;
		u->info.adopted = true;
		return u->user.prog_fd < 0 ? -errno : 0;
	}
	error = bpf_xdp_attach(
		u->info.ifindex, prog_fd, mode_flags(old->mode) | XDP_FLAGS_REPLACE, &opts);
	u->info.replaced = error == 0;
	return error;
}

static int load_and_attach(struct loader_uplink *u, const struct attached *old, char *text)
{
	int ifindex = u->info.ifindex, error;
	bool all_taken = false;

	u->info.new_maps = true;
	u->skel = xdp_uplink__open();
	if (!u->skel)
		return prog_explain(text, -errno, "opening the uplink program", ifindex);
	error = set_shared_maps(u);
	if (error == 0 && old->fd >= 0)
		error = take_old_maps(u, old, &all_taken);
	if (error < 0)
		return prog_explain(text, error, "taking over the uplink's maps", ifindex);
	error = xdp_uplink__load(u->skel);
	if (error < 0)
		return prog_explain(text, error, "loading the uplink program", ifindex);
	error = attach(u, old, all_taken);
	if (error < 0)
		return prog_explain(text, error, "attaching the uplink program", ifindex);
	return 0;
}

static int refuse_foreign(const struct attached *old, int ifindex, char *text)
{
	char what[64];

	snprintf(what, sizeof(what), "XDP program \"%s\" (id %u) is already", old->prog.name,
		old->id);
	return prog_explain(text, -EBUSY, what, ifindex);
}

int loader_uplink_attach(
	int ifindex, struct loader_fast *fast, struct loader_uplink **ret, char *text)
{
	struct loader_uplink *u = calloc(1, sizeof(*u));
	struct attached old;
	int error;

	text[0] = '\0';
	if (!u)
		return -ENOMEM;
	u->user.prog_fd = -1;
	u->fast = fast;
	if (fast)
		fast_add_user(fast, &u->user);
	u->info.ifindex = ifindex;
	prog_capture_begin();
	error = attached_read(ifindex, &old);
	if (error < 0)
		prog_explain(text, error, "looking for XDP programs", ifindex);
	else if (old.fd >= 0 && !old.own)
		error = refuse_foreign(&old, ifindex, text);
	else
		error = load_and_attach(u, &old, text);
	prog_capture_end();
	attached_close(&old);
	if (error < 0) {
		loader_uplink_release(u);
		return error;
	}
	*ret = u;
	return 0;
}

void loader_uplink_release(struct loader_uplink *u)
{
	if (!u)
		return;
	if (u->fast)
		fast_remove_user(u->fast, &u->user);
	if (u->info.adopted && u->user.prog_fd >= 0)
		close(u->user.prog_fd);
	xdp_uplink__destroy(u->skel);
	free(u);
}

int loader_uplink_detach(struct loader_uplink *u)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	int error;

	if (!u)
		return 0;
	opts.old_prog_fd = u->user.prog_fd;
	prog_capture_begin();
	error = bpf_xdp_detach(
		u->info.ifindex, mode_flags(u->info.mode) | XDP_FLAGS_REPLACE, &opts);
	prog_capture_end();
	loader_uplink_release(u);
	/* gone with its interface, or replaced by somebody else: not ours to take off */
	return error == -ENODEV || error == -ENOENT || error == -EEXIST ? 0 : error;
}

int loader_uplink_detach_stale(int ifindex, char *text)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	struct attached old;
	int error = attached_read(ifindex, &old);

	text[0] = '\0';
	if (error == -ENODEV)
		return 0;
	if (error == 0 && old.own) {
		opts.old_prog_fd = old.fd;
		error = bpf_xdp_detach(ifindex, mode_flags(old.mode) | XDP_FLAGS_REPLACE, &opts);
	}
	attached_close(&old);
	return error < 0 ? prog_explain(text, error, "taking the uplink program off", ifindex) : 0;
}

void loader_uplink_info(const struct loader_uplink *u, struct loader_uplink_info *ret)
{
	*ret = u->info;
}

int loader_uplink_check(const struct loader_uplink *u)
{
	struct xdp_there there;
	int error = xdp_query(u->info.ifindex, &there);

	if (error < 0)
		return error;
	if (there.mode == XDP_ATTACHED_NONE)
		return -ENOENT;
	return there.mode != XDP_ATTACHED_MULTI && there.id == u->info.prog_id ? 0 : -EEXIST;
}

int loader_uplink_repair(struct loader_uplink *u, char *text)
{
	int error = loader_uplink_check(u);

	text[0] = '\0';
	if (error == 0)
		return 0;
	prog_capture_begin();
	if (error == -ENOENT) {
		error = attach_new(u, u->user.prog_fd);
		if (error < 0)
			prog_explain(
				text, error, "putting the uplink program back", u->info.ifindex);
	} else if (error == -EEXIST) {
		struct attached other;

		error = attached_read(u->info.ifindex, &other);
		if (error == 0)
			error = refuse_foreign(&other, u->info.ifindex, text);
		attached_close(&other);
	} else {
		prog_explain(text, error, "looking for XDP programs", u->info.ifindex);
	}
	prog_capture_end();
	return error;
}

int loader_uplink_set_vteps(
	struct loader_uplink *u, const struct weft_addr *addrs, unsigned int n, char *text)
{
	return vteps_set(bpf_map__fd(u->skel->maps.weft_vteps), addrs, n, text);
}

int loader_uplink_xsks_fd(const struct loader_uplink *u)
{
	int fd = fcntl(bpf_map__fd(u->skel->maps.weft_xsks), F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int loader_uplink_counters(const struct loader_uplink *u, struct weft_bpf_uplink_counters *ret)
{
	int n_cpus = libbpf_num_possible_cpus(), error = 0;
	struct weft_bpf_uplink_counters *all;
	const __u32 zero = 0;

	if (n_cpus < 0)
		return n_cpus;
	all = calloc(n_cpus, sizeof(*all));
	if (!all)
		return -ENOMEM;
	if (bpf_map_lookup_elem(bpf_map__fd(u->skel->maps.weft_uplink_cnt), &zero, all) < 0) {
		error = -errno;
		goto out;
	}
	memset(ret, 0, sizeof(*ret));
	for (int cpu = 0; cpu < n_cpus; cpu++) {
		ret->redirected += all[cpu].redirected;
		ret->passed += all[cpu].passed;
		for (unsigned int i = 0; i < WEFT_DROP_MAX; i++)
			ret->dropped[i] += all[cpu].dropped[i];
	}
out:
	free(all);
	return error;
}
