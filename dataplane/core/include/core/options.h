/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line of weft-dataplane.
 */
#ifndef CORE_OPTIONS_H
#define CORE_OPTIONS_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include <weft/limits.h>

#define OPTIONS_PCI_MAX 32

struct options {
	const char *socket; /* path of the channel */
	unsigned int n_workers;
	unsigned int n_cores; /* 0: workers float over the allowed CPUs */
	unsigned int cores[WEFT_MAX_WORKERS];
	unsigned int memory_mb; /* 0: as much as the mbufs need */
	unsigned int n_mbufs;
	unsigned int max_sessions;
	bool no_huge;
	unsigned int n_pci;
	const char *pci[OPTIONS_PCI_MAX];
	bool poll;
	uint32_t max_sleep_us;
	const char *user; /* NULL: stay who we are */
	bool keep_capabilities;
	int log_level;
};

enum options_result {
	OPTIONS_RUN = 1,
	OPTIONS_DONE, /* --help or --version: printed, exit with success */
	OPTIONS_BAD,  /* said why on stderr */
};

/* Fills *ret; strings point into argv. */
enum options_result options_parse(int argc, char **argv, struct options *ret);

#endif
