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

/* Nobody but root and us can put something else in its place. */
static bool is_safe(const char *path, bool is_last)
{
	mode_t others = S_IWGRP | S_IWOTH;
	struct stat st;

	if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return false;
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return false;
	return !(st.st_mode & others) || (!is_last && (st.st_mode & S_ISVTX));
}

/* Each folder on the way, as far as it is in the BPF file system: that is open to all unless it was
 * mounted otherwise. */
static bool is_safe_way(const char *path)
{
	char *copy = strdup(path), *slash;
	bool safe = copy != NULL;

	for (slash = copy; safe && slash;) {
		struct statfs fs;

		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		if (statfs(copy, &fs) == 0 && fs.f_type == BPF_FS_MAGIC)
			safe = is_safe(copy, !slash);
		if (slash)
			*slash = '/';
	}
	free(copy);
	return safe;
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
	if (!is_safe_way(path))
		return explain(text, -EACCES, path,
			"others could put tables of theirs there: it and what is above it have to "
			"be root's or weftd's own");
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
