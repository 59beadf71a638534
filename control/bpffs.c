/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mounting bpffs (bpffs.h). Once, before privileges are dropped.
 */
#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include <ccore/log.h>

#include "bpffs.h"

int bpffs_mount(const char *folder)
{
	size_t n = strlen(BPFFS_ROOT);
	struct statfs st;

	if (strncmp(folder, BPFFS_ROOT, n) != 0 || (folder[n] != '/' && folder[n] != '\0'))
		return 0;
	/* Something else that is mounted there is found by whoever needs bpffs. */
	if (statfs(BPFFS_ROOT, &st) < 0 || st.f_type != SYSFS_MAGIC)
		return 0;
	if (mount("bpf", BPFFS_ROOT, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") == 0) {
		log_info("mounted bpffs on " BPFFS_ROOT);
		return 0;
	}
	log_warning("cannot mount bpffs on " BPFFS_ROOT ": %s", strerror(errno));
	return -errno;
}
