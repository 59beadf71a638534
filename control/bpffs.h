/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file system of pinned BPF objects.
 */
#ifndef WEFTD_BPFFS_H
#define WEFTD_BPFFS_H

#define BPFFS_ROOT "/sys/fs/bpf"

/* Mounts it on BPFFS_ROOT when nothing is mounted there, as systemd does at boot. A folder beside
 * BPFFS_ROOT is its administrator's business. 0, or -errno which is logged. */
int bpffs_mount(const char *folder);

#endif
