/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast path's tables as the data plane fills them: shared memory, plain stores. One set per
 * test program, given to every BPF object that it loads.
 */
#ifndef TABLES_H
#define TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include <bpf/libbpf.h>

#include <weft_bpf/port.h>
#include <weft_bpf/session.h>
#include <weft_bpf/trace.h>
#include <weft_bpf/tunnel.h>

struct tables {
	struct weft_bpf_control *control;
	struct weft_bpf_epoch *epochs;
	struct weft_bpf_bucket *buckets;
	struct weft_bpf_dir *dirs;
	struct weft_bpf_tunnel *tunnels;
	union weft_bpf_trace *trace;
};
extern struct tables tables;

#define TABLES_MARK 0x5eed5eed

/* Loads an opened object with the shared maps; the first one makes them. Directions: n_dirs, a
 * power of two. Returns 0 or -errno, with a message printed. */
int tables_load(struct bpf_object *obj, uint32_t n_dirs);
/* Frees it all. */
void tables_free(void);

/* Puts a direction in; returns its index, 0 when its bucket is full. */
uint32_t tables_put(const struct weft_bpf_key *key, const struct weft_bpf_decision *d,
	const struct session_tcp *tcp);
/* Forgets all directions. */
void tables_clear(void);
void tables_tunnel(uint32_t slot, const struct weft_bpf_tunnel *t);

/* Sums over CPUs. */
struct weft_bpf_prog_counters tables_prog(enum weft_bpf_prog prog);
struct weft_bpf_port_counters tables_port(uint32_t slot);

/* Prints what the verifier did for each program of the object. */
void tables_print_verifier(struct bpf_object *obj);

#endif
