/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the benchmarks share: time per packet as the median of many short rounds, and the source and
 * sink that stand in for devices. One thread.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include <port/port.h>

#define BENCH_BURST	 32
#define BENCH_FRAME_MAX	 192
#define BENCH_ROUNDS_MAX 20001
#define BENCH_COUNT_PKTS (128 * BENCH_BURST) /* in each call of bench_counted */

/* From the command line. */
struct bench_settings {
	unsigned int rounds;
	bool lowest; /* not the median */
	bool json;
	bool count; /* measure by calls of bench_counted only */
};
extern struct bench_settings bench_settings;

/* One round: handles about n packets, returns how many it did. */
typedef uint64_t (*bench_fn)(void *arg, uint64_t n);

/* TSC cycles per packet: the median of rounds, so that time slices of other processes do not count.
 */
double bench_cycles(bench_fn fn, void *arg);
/* As bench_cycles for two at once, round by round in turn; *ret_a and *ret_b. */
void bench_cycles_pair(bench_fn a, bench_fn b, void *arg, double *ret_a, double *ret_b);

/* Where callgrind collects: about BENCH_COUNT_PKTS packets. */
void bench_counted(bench_fn fn, void *arg);
/* Calls of it since the last time this was asked. */
unsigned int bench_counts(void);

/* Hashes are alike in all runs: after what seeds them. */
void bench_fix_seed(void);

/* The report begins with what is known of the machine. */
void bench_report_begin(const char *machine);
void bench_report_end(void);
/* One line of the report: cycles for each packet with so many MACs, or what per each of n. */
void bench_report(const char *name, unsigned int n_macs, double cycles);
void bench_report_of(
	const char *name, unsigned int n, const char *of, const char *per, double cycles);
/* How many times as fast: the median of rounds, and between what most are. */
void bench_report_ratio(const char *name, double middle, double low, double high);
/* What happens once. */
void bench_report_us(const char *name, double us);

/* A frame of 64 bytes with its FCS, from MAC src to dst; returns its length. */
unsigned int bench_frame(uint8_t *buf, const struct weft_mac *src, const struct weft_mac *dst);
/* The same inside VXLAN; vni, addresses as the bed has them. */
unsigned int bench_vxlan_frame(
	uint8_t *buf, const struct weft_mac *src, const struct weft_mac *dst);
/* The outer headers alone, in front of an inner frame of that length: 50 bytes. */
void bench_vxlan_header(uint8_t *buf, uint32_t vni, unsigned int inner);
struct weft_mac bench_mac(uint32_t n);

/* The four bytes of a frame that differ from packet to packet. */
enum bench_vary {
	BENCH_VARY_MAC,	  /* the end of a MAC */
	BENCH_VARY_PORTS, /* source and destination port; the latter from 32768 up, no service's */
};

/* Ports of kind FAKE whose rx copies a preloaded frame, one of n after another (what net_pcap does
 * with infinite_rx), and whose tx frees. */
void bench_port_register(void);
/* at: where in the frame the four bytes are. */
void bench_port_load(struct port *p, const uint8_t *frame, unsigned int len, enum bench_vary vary,
	unsigned int at, unsigned int n);

/* How a port's source and sink behave; on the worker that polls it. */
struct bench_traffic {
	/* How many of n there are to take now; NULL: all. */
	uint16_t (*allow)(void *arg, uint16_t n);
	/* Makes the next frame of the loaded one; NULL: as loaded. */
	void (*change)(void *arg, struct rte_mbuf *m);
	/* The pipeline has sent these; NULL: nobody looks. */
	void (*sent)(void *arg, struct rte_mbuf **pkts, uint16_t n);
	void *arg;
};
/* t stays the caller's, for as long as p is polled. */
void bench_port_traffic(struct port *p, const struct bench_traffic *t);

void bench_forward(unsigned int n_macs);
void bench_stages(void);
/* n: that many sessions; 0: all sizes. */
void bench_sessions(uint32_t n);
void bench_routes(void);
void bench_policy(void);
/* n: that many sessions; 0: all sizes. */
void bench_stateful(uint32_t n);
/* n_rules: that many; 0: 1, and 1,000. */
void bench_new(uint32_t n_rules);
void bench_connections(void);
/* Two workers beside each other, and each alone. */
void bench_workers(void);
/* One attack by name, or NULL: all. */
void bench_hostile(const char *only);
void bench_scale(void);
void bench_devices(const char *pcap);

#endif
