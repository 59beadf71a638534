/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line of weftd.
 */
#ifndef WEFTD_OPTIONS_H
#define WEFTD_OPTIONS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <ccore/log.h>

struct options {
	char host[HOST_NAME_MAX + 1];
	const char *store;
	const char *socket;
	const char *dataplane;
	gid_t socket_group;   /* may connect; -1: as the process */
	gid_t operator_group; /* may write, beside root; -1: none */
	enum log_level log_level;
	bool fast_path;
	uint32_t fast_path_sessions;
	char bpf_dir[PATH_MAX];
};

/* Returns -1 to go on, else the exit code (0 after --help and --version, 2 after a mistake). */
int options_parse(int argc, char **argv, struct options *ret);

#endif
