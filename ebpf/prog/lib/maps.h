/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tables that all fast path programs of a host instance share. The loader creates them once,
 * sizes weft_buckets, weft_dirs and weft_port_cnt, and gives every program the same ones.
 */
#ifndef PROG_LIB_MAPS_H
#define PROG_LIB_MAPS_H

#include <weft/limits.h>
#include <weft_bpf/port.h>
#include <weft_bpf/session.h>
#include <weft_bpf/trace.h>
#include <weft_bpf/tunnel.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weft_bpf_control);
} weft_control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEFT_MAX_SEGMENTS);
	__type(key, __u32);
	__type(value, struct weft_bpf_epoch);
} weft_epochs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct weft_bpf_bucket);
} weft_buckets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct weft_bpf_dir);
} weft_dirs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEFT_MAX_VTEPS);
	__type(key, __u32);
	__type(value, struct weft_bpf_tunnel);
} weft_tunnels SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WEFT_MAX_PORTS); /* times n_cpus */
	__type(key, __u32);
	__type(value, struct weft_bpf_port_counters);
} weft_port_cnt SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WEFT_BPF_PROG_N);
	__type(key, __u32);
	__type(value, struct weft_bpf_prog_counters);
} weft_prog_cnt SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1 + WEFT_BPF_TRACE_PLACES);
	__type(key, __u32);
	__type(value, union weft_bpf_trace);
} weft_trace SEC(".maps");

#endif
