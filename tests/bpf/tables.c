/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See tables.h. The maps are those of the first object that has one of a name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <weft/limits.h>

#include "tables.h"

#define MAPS_MAX 16
#define CPUS_MAX 256

struct tables tables;

static struct shared_map {
	char name[32];
	int fd;
	void *memory;
	size_t size;
} maps[MAPS_MAX];
static unsigned int n_maps;
static uint32_t n_used = 1;

static struct shared_map *find(const char *name)
{
	for (unsigned int i = 0; i < n_maps; i++)
		if (strcmp(maps[i].name, name) == 0)
			return &maps[i];
	return NULL;
}

/* Sockets and devices are those of one interface and one namespace. */
static bool is_shared(const struct bpf_map *map)
{
	return strncmp(bpf_map__name(map), "weft_", 5) == 0 &&
	       bpf_map__type(map) != BPF_MAP_TYPE_XSKMAP &&
	       bpf_map__type(map) != BPF_MAP_TYPE_DEVMAP_HASH;
}

static void keep(const struct bpf_map *map)
{
	struct shared_map *m = &maps[n_maps++];
	size_t page = sysconf(_SC_PAGESIZE);

	snprintf(m->name, sizeof(m->name), "%s", bpf_map__name(map));
	m->fd = fcntl(bpf_map__fd(map), F_DUPFD_CLOEXEC, 0);
	if (!(bpf_map__map_flags(map) & BPF_F_MMAPABLE))
		return;
	m->size = (size_t)bpf_map__max_entries(map) * ((bpf_map__value_size(map) + 7) & ~7u);
	m->size = (m->size + page - 1) / page * page;
	m->memory = mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
	if (m->memory == MAP_FAILED) {
		perror(m->name);
		exit(1);
	}
}

static void *memory(const char *name)
{
	struct shared_map *m = find(name);

	return m ? m->memory : NULL;
}

static uint32_t n_cpus(void)
{
	int n = libbpf_num_possible_cpus();

	if (n < 1 || n > CPUS_MAX) {
		printf("%d CPUs\n", n);
		exit(1);
	}
	return n;
}

static void begin(uint32_t n_dirs)
{
	tables = (struct tables){
		.control = memory(WEFT_BPF_CONTROL_MAP),
		.epochs = memory(WEFT_BPF_EPOCHS_MAP),
		.buckets = memory(WEFT_BPF_BUCKETS_MAP),
		.dirs = memory(WEFT_BPF_DIRS_MAP),
		.tunnels = memory(WEFT_BPF_TUNNELS_MAP),
		.trace = memory(WEFT_BPF_TRACE_MAP),
	};
	for (unsigned int i = 0; i < WEFT_BPF_SEED_WORDS; i++)
		tables.control->hash_seed[i] = random();
	tables.control->n_cpus = n_cpus();
	tables.control->n_buckets_mask = n_dirs / 4 - 1;
	tables.control->mark = TABLES_MARK;
	tables.control->now_s = 1000;
	tables.control->layout = WEFT_BPF_LAYOUT;
}

int tables_load(struct bpf_object *obj, uint32_t n_dirs)
{
	bool first = n_maps == 0;
	struct bpf_map *map;
	int error;

	bpf_object__for_each_map(map, obj)
	{
		struct shared_map *m = find(bpf_map__name(map));

		if (m)
			bpf_map__reuse_fd(map, m->fd);
		else if (strcmp(bpf_map__name(map), WEFT_BPF_DIRS_MAP) == 0)
			bpf_map__set_max_entries(map, n_dirs);
		else if (strcmp(bpf_map__name(map), WEFT_BPF_BUCKETS_MAP) == 0)
			bpf_map__set_max_entries(map, n_dirs / 4);
		else if (strcmp(bpf_map__name(map), WEFT_BPF_PORT_CNT_MAP) == 0)
			bpf_map__set_max_entries(map, WEFT_MAX_PORTS * n_cpus());
	}
	error = bpf_object__load(obj);
	if (error < 0) {
		printf("the programs can't be loaded: %s\n", strerror(-error));
		return error;
	}
	bpf_object__for_each_map(map, obj)
	{
		if (is_shared(map) && !find(bpf_map__name(map)) && n_maps < MAPS_MAX)
			keep(map);
	}
	if (first)
		begin(n_dirs);
	return 0;
}

void tables_free(void)
{
	for (unsigned int i = 0; i < n_maps; i++) {
		if (maps[i].memory)
			munmap(maps[i].memory, maps[i].size);
		close(maps[i].fd);
	}
	n_maps = 0;
}

static bool bucket_put(const struct weft_bpf_key *key, uint32_t index)
{
	uint64_t hash = weft_bpf_hash(key, tables.control->hash_seed);
	uint32_t at = weft_bpf_hash_bucket(hash, tables.control->n_buckets_mask);
	struct weft_bpf_bucket *b = &tables.buckets[at];
	int free = -1;

	for (int i = 0; i < WEFT_BPF_PLACES; i++) {
		if (b->place[i] == 0)
			free = i;
		else if ((uint32_t)b->place[i] == weft_bpf_hash_tag(hash))
			return false;
	}
	if (free < 0)
		return false;
	__atomic_store_n(
		&b->place[free], weft_bpf_place(weft_bpf_hash_tag(hash), index), __ATOMIC_RELEASE);
	return true;
}

uint32_t tables_put(const struct weft_bpf_key *key, const struct weft_bpf_decision *d,
	const struct session_tcp *tcp)
{
	struct weft_bpf_dir *dir = &tables.dirs[n_used];

	dir->seq++;
	dir->key = *key;
	dir->d = *d;
	memset(&dir->state, 0, sizeof(dir->state));
	if (tcp)
		dir->state.tcp = *tcp;
	dir->seq++;
	return bucket_put(key, n_used) ? n_used++ : 0;
}

void tables_clear(void)
{
	memset(tables.buckets, 0,
		(tables.control->n_buckets_mask + 1) * sizeof(struct weft_bpf_bucket));
	n_used = 1;
}

void tables_tunnel(uint32_t slot, const struct weft_bpf_tunnel *t)
{
	uint32_t seq = tables.tunnels[slot].seq;

	tables.tunnels[slot].seq = seq + 1;
	tables.tunnels[slot] = *t;
	tables.tunnels[slot].seq = seq + 2;
}

/* All counters are numbers of 64 bits. */
static void add(void *to, const void *from, unsigned int size)
{
	uint64_t *a = to;
	const uint64_t *b = from;

	for (unsigned int i = 0; i < size / sizeof(*a); i++)
		a[i] += b[i];
}

struct weft_bpf_prog_counters tables_prog(enum weft_bpf_prog prog)
{
	static struct weft_bpf_prog_counters all[CPUS_MAX];
	struct weft_bpf_prog_counters ret = {0};
	struct shared_map *m = find(WEFT_BPF_PROG_CNT_MAP);
	const uint32_t key = prog;

	if (!m || bpf_map_lookup_elem(m->fd, &key, all) < 0) {
		perror(WEFT_BPF_PROG_CNT_MAP);
		exit(1);
	}
	for (uint32_t cpu = 0; cpu < tables.control->n_cpus; cpu++)
		add(&ret, &all[cpu], sizeof(ret));
	return ret;
}

struct weft_bpf_port_counters tables_port(uint32_t slot)
{
	struct weft_bpf_port_counters *all = memory(WEFT_BPF_PORT_CNT_MAP), ret = {0};
	uint32_t n_cpus = tables.control->n_cpus;

	for (uint32_t cpu = 0; cpu < n_cpus; cpu++)
		add(&ret, &all[weft_bpf_port_cnt_at(slot, cpu, n_cpus)], sizeof(ret));
	return ret;
}

void tables_print_verifier(struct bpf_object *obj)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, obj)
	{
		struct bpf_prog_info info = {0};
		uint32_t len = sizeof(info);

		if (bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len) < 0)
			continue;
		printf("%s: %zu instructions, %u verified, %u bytes of machine code\n",
			bpf_program__name(prog), bpf_program__insn_cnt(prog), info.verified_insns,
			info.jited_prog_len);
	}
}
