/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A folder of bpffs that one process at a time has.
 */
#ifndef LOADER_FOLDER_H
#define LOADER_FOLDER_H

/* Makes the folder, and those above it, when absent, and locks it. Returns a descriptor that holds
 * the lock, or -errno with text: -EBUSY, -ENODEV (not in a bpffs). */
int folder_lock(const char *path, char *text);
/* Removes what is in it, two levels deep, and itself. 0 also when there is none. */
int folder_remove(const char *path);

#endif
