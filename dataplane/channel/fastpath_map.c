/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See fastpath_map.h. What a descriptor is, the kernel tells in /proc: no BPF system call, which an
 * unprivileged data plane is not allowed. A file of the client's own would not do: it could be made
 * shorter while it is mapped.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/bpf.h>

#include <rte_common.h>

#include "fastpath_map.h"

struct map_info {
	unsigned int type; /* 0: no BPF map */
	unsigned int value_size;
	unsigned int max_entries;
	unsigned int flags;
};

static int map_fail(int error, char *text, const char *name, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static int map_fail(int error, char *text, const char *name, const char *format, ...)
{
	int n = snprintf(text, WEFT_TEXT_SIZE, "map %s: ", name);
	va_list args;

	va_start(args, format);
	vsnprintf(text + n, WEFT_TEXT_SIZE - n, format, args);
	va_end(args);
	return -error;
}

static int read_info(int fd, struct map_info *ret)
{
	char path[32], line[128];
	FILE *f;

	*ret = (struct map_info){0};
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "map_type: %u", &ret->type);
		sscanf(line, "value_size: %u", &ret->value_size);
		sscanf(line, "max_entries: %u", &ret->max_entries);
		sscanf(line, "map_flags: %x", &ret->flags);
	}
	fclose(f);
	return 0;
}

static int check(int fd, const char *name, uint32_t n, uint32_t size, char *text)
{
	struct map_info info;
	int rc = read_info(fd, &info);

	if (rc)
		return map_fail(-rc, text, name, "/proc/self/fdinfo: %s", strerrordesc_np(-rc));
	if (info.type != BPF_MAP_TYPE_ARRAY)
		return map_fail(EINVAL, text, name, "the descriptor is no BPF array");
	if (!(info.flags & BPF_F_MMAPABLE))
		return map_fail(EINVAL, text, name, "it was not made to be mapped");
	if (info.value_size != size)
		return map_fail(EINVAL, text, name, "elements of %u bytes instead of %u",
			info.value_size, size);
	if (info.max_entries != n)
		return map_fail(
			EINVAL, text, name, "%u elements instead of %u", info.max_entries, n);
	return 0;
}

int fastpath_map(int fd, const char *name, uint32_t n, uint32_t size, struct fastpath_map *ret,
	char text[WEFT_TEXT_SIZE])
{
	size_t page = sysconf(_SC_PAGESIZE), bytes;
	int rc = check(fd, name, n, size, text);
	void *memory;

	if (rc)
		return rc;
	/* the kernel lays elements of arrays 8 bytes apart */
	bytes = RTE_ALIGN_CEIL(RTE_ALIGN_CEIL((size_t)size, (size_t)8) * n, page);
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return map_fail(errno, text, name, "mmap: %s", strerrordesc_np(errno));
	*ret = (struct fastpath_map){memory, bytes};
	return 0;
}

void fastpath_unmap(struct fastpath_map *m)
{
	if (m->memory)
		munmap(m->memory, m->size);
	*m = (struct fastpath_map){0};
}
