/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast path's programs as a shadow of the data plane: run on a frame that the data plane is
 * about to get, on the tables that it fills, with all that they changed there undone again. So both
 * judge the same frame in the same state. One thread.
 */
#ifndef SHADOW_H
#define SHADOW_H

#include <session/offload.h>
#include <weft_bpf/port.h>

#define SHADOW_BYTES 3600

struct shadow {
	bool hit;
	bool sent; /* on the way that the decision says; a miss: to the data plane */
	uint16_t gso_size;
	uint32_t len;
	uint8_t b[SHADOW_BYTES]; /* what leaves; of a miss: what the data plane gets */
	/* Of a hit: */
	struct weft_bpf_key key;
	struct weft_bpf_decision d;
	struct weft_bpf_state before, after;
	struct weft_bpf_port_counters in, out; /* what was counted */
};

/* In a network namespace of its own. Exits with 77 (skipped) when programs can't be loaded. */
void shadow_init(void);
void shadow_fini(void);
/* The programs' tables, as made and never used. */
struct offload_tables shadow_tables(void);
/* An address of this host's tunnels. */
void shadow_add_vtep(const struct weft_addr *addr);
/* An interface that takes XDP frames. */
void shadow_add_device(uint32_t ifindex);

/* A frame that came by that interface. */
struct shadow_frame {
	uint32_t ifindex;
	uint16_t gso_size; /* 0: none */
	uint32_t len;
	const uint8_t *b;
};
/* Runs a port's or an uplink's program on it. False: the kernel takes no such frame for a test. */
bool shadow_run(enum weft_bpf_prog prog, const struct shadow_frame *f, struct shadow *ret);
/* Sums since start. */
uint64_t shadow_hits(enum weft_bpf_prog prog);
void shadow_print_misses(void);

#endif
