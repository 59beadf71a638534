/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast path's tables: made once, pinned in a folder of their layout, taken up again.
 *
 * They are pinned under another name first, which becomes the right one in one step: a folder with
 * that name holds all of them. If one has been taken away, or does not fit, none is of use: they
 * are made anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <weft/limits.h>
#include <weft_bpf/session.h>
#include <weft_bpf/trace.h>
#include <weft_bpf/tunnel.h>

#include "fast.h"
#include "folder.h"
#include "prog.h"

#define MAKING "making" /* the name of tables that are not complete */

const char *const fast_table_names[FAST_TABLES] = {
	[WEFT_FASTPATH_CONTROL] = WEFT_BPF_CONTROL_MAP,
	[WEFT_FASTPATH_EPOCHS] = WEFT_BPF_EPOCHS_MAP,
	[WEFT_FASTPATH_BUCKETS] = WEFT_BPF_BUCKETS_MAP,
	[WEFT_FASTPATH_DIRS] = WEFT_BPF_DIRS_MAP,
	[WEFT_FASTPATH_TUNNELS] = WEFT_BPF_TUNNELS_MAP,
	[WEFT_FASTPATH_PORT_CNT] = WEFT_BPF_PORT_CNT_MAP,
	[WEFT_FASTPATH_TRACE] = WEFT_BPF_TRACE_MAP,
	[FAST_TABLE_PROG_CNT] = WEFT_BPF_PROG_CNT_MAP,
	[FAST_TABLE_DEVS] = WEFT_BPF_DEVS_MAP,
	[FAST_TABLE_VTEPS] = WEFT_BPF_VTEPS_MAP,
};

/* How many elements a table has; 0: as the programs say. */
struct sizes {
	uint32_t n[FAST_TABLES];
};

static int folder_path(const struct loader_fast *f, const char *folder, const char *name, char *ret)
{
	int len = snprintf(ret, FAST_PATH_SIZE, "%s/%s/%s", f->folder, folder, name);

	return len < FAST_PATH_SIZE ? 0 : -ENAMETOOLONG;
}

#define STRING_OF(x)  #x
#define NUMBER_OF(x)  STRING_OF(x)
#define LAYOUT_FOLDER "v" NUMBER_OF(WEFT_BPF_LAYOUT)

void fast_tables_path(const struct loader_fast *f, const char *name, char *ret_path)
{
	folder_path(f, LAYOUT_FOLDER, name, ret_path);
}

static const struct bpf_map *find_map(
	struct bpf_object *const *objects, unsigned int n_objects, const char *name)
{
	for (unsigned int i = 0; i < n_objects; i++) {
		const struct bpf_map *map = bpf_object__find_map_by_name(objects[i], name);

		if (map)
			return map;
	}
	return NULL;
}

static void close_tables(struct loader_fast *f)
{
	for (unsigned int i = 0; i < FAST_TABLES; i++) {
		if (f->tables[i] >= 0)
			close(f->tables[i]);
		f->tables[i] = -1;
	}
}

/* ---- new ones ---- */

static uint32_t power_of_two(uint32_t n)
{
	uint32_t power = 1;

	while (power < n)
		power *= 2;
	return power;
}

/* Two directions per session find one of eight places each: full buckets are rare. */
static struct sizes sizes_for(uint32_t n_sessions, uint32_t n_cpus)
{
	return (struct sizes){.n = {
				      [WEFT_FASTPATH_BUCKETS] = power_of_two(n_sessions),
				      [WEFT_FASTPATH_DIRS] = 2 * (n_sessions + 1),
				      [WEFT_FASTPATH_PORT_CNT] = WEFT_MAX_PORTS * n_cpus,
			      }};
}

static int begin_control(struct loader_fast *f, uint32_t n_cpus)
{
	struct weft_bpf_control c = {.n_cpus = n_cpus};
	const uint32_t zero = 0;

	if (getrandom(c.hash_seed, sizeof(c.hash_seed), 0) != sizeof(c.hash_seed) ||
		getrandom(&c.mark, sizeof(c.mark), 0) != sizeof(c.mark))
		return -EIO;
	if (c.mark == 0)
		c.mark = 1;
	if (bpf_map_update_elem(f->tables[WEFT_FASTPATH_CONTROL], &zero, &c, BPF_ANY) < 0)
		return -errno;
	return 0;
}

static int create(struct loader_fast *f, struct bpf_object *const *objects, unsigned int n_objects,
	const struct sizes *sizes)
{
	for (unsigned int i = 0; i < FAST_TABLES; i++) {
		const struct bpf_map *map = find_map(objects, n_objects, fast_table_names[i]);
		LIBBPF_OPTS(bpf_map_create_opts, opts);

		if (!map)
			continue;
		opts.map_flags = bpf_map__map_flags(map);
		f->tables[i] = bpf_map_create(bpf_map__type(map), fast_table_names[i],
			bpf_map__key_size(map), bpf_map__value_size(map),
			sizes->n[i] ? sizes->n[i] : bpf_map__max_entries(map), &opts);
		if (f->tables[i] < 0)
			return -errno;
	}
	return 0;
}

static int pin_all(const struct loader_fast *f)
{
	char making[FAST_PATH_SIZE], path[FAST_PATH_SIZE];
	int error;

	error = folder_path(f, MAKING, "", making);
	if (error == 0)
		error = folder_remove(making);
	if (error == 0 && mkdir(making, 0700) < 0)
		error = -errno;
	for (unsigned int i = 0; i < FAST_TABLES && error == 0; i++) {
		if (f->tables[i] < 0)
			continue;
		error = folder_path(f, MAKING, fast_table_names[i], path);
		if (error == 0 && bpf_obj_pin(f->tables[i], path) < 0)
			error = -errno;
	}
	if (error == 0)
		error = folder_path(f, LAYOUT_FOLDER, "", path);
	if (error == 0 && rename(making, path) < 0)
		error = -errno;
	return error;
}

static int make(struct loader_fast *f, struct bpf_object *const *objects, unsigned int n_objects,
	uint32_t n_sessions, uint32_t n_cpus, char *text)
{
	struct sizes sizes = sizes_for(n_sessions, n_cpus);
	int error;

	fast_tables_unpin(f);
	error = create(f, objects, n_objects, &sizes);
	if (error < 0)
		return prog_explain(text, error, "making the fast path's tables", 0);
	error = begin_control(f, n_cpus);
	if (error == 0)
		error = pin_all(f);
	return error < 0 ? prog_explain(text, error, "pinning the fast path's tables", 0) : 0;
}

void fast_tables_unpin(const struct loader_fast *f)
{
	char path[FAST_PATH_SIZE];

	fast_tables_path(f, "", path);
	folder_remove(path);
}

/* ---- those that are there ---- */

static bool size_fits(enum fast_table i, uint32_t n, const struct bpf_map *map, uint32_t n_cpus)
{
	switch ((int)i) {
	case WEFT_FASTPATH_BUCKETS:
		return n && (n & (n - 1)) == 0;
	case WEFT_FASTPATH_DIRS:
		return n >= 4;
	case WEFT_FASTPATH_PORT_CNT:
		return n == WEFT_MAX_PORTS * n_cpus;
	default:
		return n == bpf_map__max_entries(map);
	}
}

/* The kernel adds flags of its own. */
static bool fits(enum fast_table i, int fd, const struct bpf_map *map, uint32_t n_cpus)
{
	struct bpf_map_info info = {0};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) == 0 && info.type == bpf_map__type(map) &&
	       info.key_size == bpf_map__key_size(map) &&
	       info.value_size == bpf_map__value_size(map) &&
	       ((info.map_flags ^ bpf_map__map_flags(map)) & BPF_F_MMAPABLE) == 0 &&
	       size_fits(i, info.max_entries, map, n_cpus);
}

/* Whether all were there and fit. */
static bool adopt(struct loader_fast *f, struct bpf_object *const *objects, unsigned int n_objects,
	uint32_t n_cpus)
{
	struct weft_bpf_control c;
	const uint32_t zero = 0;
	char path[FAST_PATH_SIZE];

	for (unsigned int i = 0; i < FAST_TABLES; i++) {
		const struct bpf_map *map = find_map(objects, n_objects, fast_table_names[i]);

		if (!map)
			continue;
		fast_tables_path(f, fast_table_names[i], path);
		f->tables[i] = bpf_obj_get(path);
		if (f->tables[i] < 0 || !fits(i, f->tables[i], map, n_cpus))
			return false;
	}
	return bpf_map_lookup_elem(f->tables[WEFT_FASTPATH_CONTROL], &zero, &c) == 0 &&
	       c.mark != 0 && c.n_cpus == n_cpus;
}

/* A number that tells these tables from others, and nothing of their secrets. */
static uint64_t id_of(const struct weft_bpf_control *c)
{
	const struct weft_bpf_key key = {.src = "weft tables", .proto = 255};

	return weft_bpf_hash(&key, c->hash_seed);
}

static uint32_t n_elements(int fd)
{
	struct bpf_map_info info = {0};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) == 0 ? info.max_entries : 0;
}

int fast_tables_none_kept(const struct loader_fast *f, char *text)
{
	snprintf(text, LOADER_TEXT_SIZE, "no tables of the fast path are kept in %s", f->folder);
	return -ENOENT;
}

bool fast_tables_are_kept(const struct loader_fast *f)
{
	char path[FAST_PATH_SIZE];

	fast_tables_path(f, "", path);
	return access(path, F_OK) == 0;
}

int fast_tables_open(struct loader_fast *f, struct bpf_object *const *objects,
	unsigned int n_objects, const struct loader_fast_config *config, char *text)
{
	int n_cpus = libbpf_num_possible_cpus(), error = 0;
	struct weft_bpf_control c;
	const uint32_t zero = 0;

	if (n_cpus < 0)
		return prog_explain(text, n_cpus, "counting CPUs", 0);
	f->info.adopted = adopt(f, objects, n_objects, n_cpus);
	if (!f->info.adopted) {
		close_tables(f);
		error = config->only_kept
				? fast_tables_none_kept(f, text)
				: make(f, objects, n_objects, config->n_sessions, n_cpus, text);
	}
	if (error < 0)
		return error;
	if (bpf_map_lookup_elem(f->tables[WEFT_FASTPATH_CONTROL], &zero, &c) < 0)
		return prog_explain(text, -errno, "reading the fast path's tables", 0);
	f->info.id = id_of(&c);
	f->info.n_cpus = n_cpus;
	f->info.n_buckets = n_elements(f->tables[WEFT_FASTPATH_BUCKETS]);
	f->info.n_dirs = n_elements(f->tables[WEFT_FASTPATH_DIRS]);
	return 0;
}
