/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets as the fast path's programs see them: ebpf/prog/lib compiled for user space, its maps
 * being plain memory. Any thread.
 */
#ifndef BPF_READER_H
#define BPF_READER_H

#include <session/offload.h>
#include <weft_bpf/trace.h>

/* The tables of all packets from now on. */
void bpf_reader_use(const struct offload_tables *t);

struct bpf_packet {
	struct weft_bpf_key key;
	uint8_t macs[12];
	uint32_t l3_len;
	struct tcp_segment tcp;
};

/* The program's verdict: 0, a hit, or enum weft_bpf_miss. A hit is booked. */
int bpf_reader_packet(const struct bpf_packet *p, struct weft_bpf_decision *ret);
/* Where hits are told to who watches, in tables of bpf_reader_use; NULL: nowhere. */
void bpf_reader_trace(union weft_bpf_trace *trace);
/* A whole frame that enters by a port, or that an uplink's program with tc sees. As
 * bpf_reader_packet. */
int bpf_reader_port_frame(const void *frame, uint32_t len, uint32_t ifindex);
int bpf_reader_uplink_frame(const void *frame, uint32_t len, uint32_t ifindex);
/* Only looks: 0 with a copy of the decision, of whatever epoch, or enum weft_bpf_miss. */
int bpf_reader_find(const struct weft_bpf_key *key, struct weft_bpf_decision *ret);
/* The programs' tunnel slot, copied between two looks at its seq: false: it is being written, or
 * there is none. */
bool bpf_reader_tunnel(uint16_t slot, struct weft_bpf_tunnel *ret);

#endif
