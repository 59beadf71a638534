/* SPDX-License-Identifier: BSD-3-Clause */
/* See folder.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include <loader/loader.h>

#include "folder.h"

static int explain(char *text, int error, const char *path, const char *remedy)
{
	snprintf(text, LOADER_TEXT_SIZE, "folder %.100s of the fast path's tables: %s; %s", path,
		strerrordesc_np(-error), remedy);
	return error;
}

/* Whether it, or what of it exists, is in a bpffs. EPERM: one that does not like the name. */
static bool in_bpffs(const char *path)
{
	char *copy = strdup(path), *slash;
	struct statfs fs;
	int error;

	if (!copy)
		return false;
	while ((error = statfs(copy, &fs)) < 0 && (errno == ENOENT || errno == EPERM)) {
		slash = strrchr(copy, '/');
		if (!slash || slash == copy)
			break;
		*slash = '\0';
	}
	free(copy);
	return error == 0 && fs.f_type == BPF_FS_MAGIC;
}

static int make_all(const char *path)
{
	char *copy = strdup(path), *slash;
	int error = 0;

	if (!copy)
		return -ENOMEM;
	for (slash = copy; error == 0 && slash;) {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			error = -errno;
		if (slash)
			*slash = '/';
	}
	free(copy);
	return error;
}

int folder_lock(const char *path, char *text)
{
	int fd, error;

	if (path[0] != '/')
		return explain(text, -EINVAL, path, "name it by its whole path");
	if (!in_bpffs(path))
		return explain(text, -ENODEV, path,
			"it has to be in a BPF file system: mount -t bpf bpf /sys/fs/bpf");
	error = make_all(path);
	if (error == -EPERM && strchr(path, '.'))
		return explain(text, error, path, "a BPF file system takes no names with dots");
	if (error < 0)
		return explain(text, error, path, "it has to be weftd's own");
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return explain(text, -errno, path, "it has to be weftd's own");
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		error = errno == EWOULDBLOCK ? -EBUSY : -errno;
		close(fd);
		return explain(text, error, path,
			"another weftd has it: give each host instance its own --bpf-dir");
	}
	return fd;
}

static int remove_level(const char *path, int levels)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	int error = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (error == 0 && (e = readdir(dir))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (e->d_type != DT_DIR) {
			error = unlinkat(dirfd(dir), e->d_name, 0) < 0 ? -errno : 0;
		} else if (levels > 0) {
			char below[PATH_MAX];

			snprintf(below, sizeof(below), "%s/%s", path, e->d_name);
			error = remove_level(below, levels - 1);
		}
	}
	closedir(dir);
	if (error == 0 && rmdir(path) < 0)
		error = -errno;
	return error;
}

int folder_remove(const char *path)
{
	return remove_level(path, 1);
}
