/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whose programs are on an interface: those of another host instance share tables that are pinned
 * in that one's folder, next to the caller's. Called by weftd, on its one thread.
 */
#include <dirent.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <weft_bpf/control.h>

#include "fast.h"
#include "tc.h"
#include "xdp_query.h"

#define MAPS_MAX 32 /* of a program: more than any own one has */

struct map_ids {
	__u32 id[MAPS_MAX];
	unsigned int n;
};

static struct map_ids maps_of(__u32 prog_id)
{
	struct map_ids maps = {0};
	struct bpf_prog_info info = {.nr_map_ids = MAPS_MAX, .map_ids = (uintptr_t)(void *)maps.id};
	__u32 len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(prog_id);

	if (fd < 0)
		return maps;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0)
		maps.n = info.nr_map_ids < MAPS_MAX ? info.nr_map_ids : MAPS_MAX;
	close(fd);
	return maps;
}

/* 0: none. */
static __u32 pinned_id(const char *path)
{
	struct bpf_map_info info = {0};
	__u32 len = sizeof(info);
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		info.id = 0;
	close(fd);
	return info.id;
}

/* Whether one of the maps is the table of an instance whose folder this is, of any layout. */
static bool has_table_of(const struct map_ids *maps, const char *instance)
{
	DIR *dir = opendir(instance);
	const struct dirent *e;
	bool found = false;

	while (dir && !found && (e = readdir(dir))) {
		char path[2 * FAST_PATH_SIZE];
		__u32 id;

		if (e->d_name[0] == '.' ||
			snprintf(path, sizeof(path), "%s/%s/" WEFT_BPF_CONTROL_MAP, instance,
				e->d_name) >= (int)sizeof(path))
			continue;
		id = pinned_id(path);
		for (unsigned int i = 0; id && i < maps->n; i++)
			found |= maps->id[i] == id;
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool is_others(__u32 prog_id, const char *folder)
{
	char parent[FAST_PATH_SIZE], own[FAST_PATH_SIZE];
	struct map_ids maps = maps_of(prog_id);
	const struct dirent *e;
	bool found = false;
	const char *name;
	DIR *dir;

	if (maps.n == 0 || strlen(folder) >= FAST_PATH_SIZE)
		return false;
	snprintf(parent, sizeof(parent), "%s", folder);
	snprintf(own, sizeof(own), "%s", folder);
	dirname(parent);
	name = basename(own);
	dir = opendir(parent);
	while (dir && !found && (e = readdir(dir))) {
		char path[2 * FAST_PATH_SIZE];

		if (e->d_type == DT_DIR && e->d_name[0] != '.' && strcmp(e->d_name, name) != 0 &&
			snprintf(path, sizeof(path), "%s/%s", parent, e->d_name) <
				(int)sizeof(path))
			found = has_table_of(&maps, path);
	}
	if (dir)
		closedir(dir);
	return found;
}

bool loader_fast_is_others(int ifindex, const char *folder)
{
	struct xdp_there xdp;
	__u32 tc;

	prog_capture_begin();
	tc = tc_prog_id(ifindex, BPF_TC_INGRESS);
	prog_capture_end();
	if (xdp_query(ifindex, &xdp) < 0)
		xdp.id = 0;
	return (tc && is_others(tc, folder)) || (xdp.id && is_others(xdp.id, folder));
}
