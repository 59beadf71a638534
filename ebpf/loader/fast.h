/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the fast path's loader share: fast.c (opens, closes, loads the programs),
 * fast_tables.c (makes, pins, adopts the tables), fast_tc.c (on interfaces), fast_stat.c (figures).
 */
#ifndef LOADER_FAST_H
#define LOADER_FAST_H

#include <bpf/libbpf.h>

#include <loader/loader.h>

#define FAST_PATH_SIZE 256

/* The tables: those of enum weft_fastpath_map, then those that the data plane does not write. */
enum fast_table {
	FAST_TABLE_PROG_CNT = WEFT_FASTPATH_MAPS,
	FAST_TABLE_DEVS,
	FAST_TABLE_VTEPS, /* of uplinks with a tc program; one with XDP has its own */
	FAST_TABLES,
};
extern const char *const fast_table_names[FAST_TABLES];

/* An XDP program that shares the tables. */
struct fast_user {
	struct fast_user *next;
	int prog_fd; /* -1: none */
};

struct loader_fast {
	int lock_fd; /* of the folder; -1: not locked */
	char folder[FAST_PATH_SIZE / 2 + 1];
	struct loader_fast_info info;
	int tables[FAST_TABLES];    /* -1: not there */
	int progs[WEFT_BPF_PROG_N]; /* -1: not there; the XDP program is the uplink's */
	struct fast_user *users;
};

/* Descriptors of the tables, of f->folder: those pinned there, or else, unless only kept ones are
 * wanted, new ones of the shape that the objects' maps have. 0 or -errno with text. */
int fast_tables_open(struct loader_fast *f, struct bpf_object *const *objects,
	unsigned int n_objects, const struct loader_fast_config *config, char *text);
/* Whether there may be some; -ENOENT with text when there are none. */
bool fast_tables_are_kept(const struct loader_fast *f);
int fast_tables_none_kept(const struct loader_fast *f, char *text);
/* Takes the pins of this layout away again. */
void fast_tables_unpin(const struct loader_fast *f);
/* Folder of this layout's pins. */
void fast_tables_path(const struct loader_fast *f, const char *name, char *ret_path);

/* Descriptor of the table with that name, or -1. It stays the loader's. */
int fast_table_fd(const struct loader_fast *f, const char *name);
void fast_add_user(struct loader_fast *f, struct fast_user *user);
void fast_remove_user(struct loader_fast *f, struct fast_user *user);

#endif
