/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every struct that BPF programs share with user space, member by member. Included by files that
 * gcc, clang and clang -target bpf compile: each makes the same table of its own sizes and offsets.
 */
#ifndef LAYOUT_TABLE_H
#define LAYOUT_TABLE_H

#include <weft_bpf/control.h>
#include <weft_bpf/port.h>
#include <weft_bpf/session.h>
#include <weft_bpf/trace.h>
#include <weft_bpf/tunnel.h>
#include <weft_bpf/uplink.h>

/* S(struct), then M(struct, member) for each of its members. */
#define LAYOUT(S, M)                                                                               \
	S(weft_bpf_control)                                                                        \
	M(weft_bpf_control, layout)                                                                \
	M(weft_bpf_control, now_s)                                                                 \
	M(weft_bpf_control, n_buckets_mask)                                                        \
	M(weft_bpf_control, mark)                                                                  \
	M(weft_bpf_control, hash_seed)                                                             \
	M(weft_bpf_control, boot_id)                                                               \
	M(weft_bpf_control, n_cpus)                                                                \
	M(weft_bpf_control, watch)                                                                 \
	S(weft_bpf_epoch)                                                                          \
	M(weft_bpf_epoch, epoch)                                                                   \
	S(weft_bpf_key)                                                                            \
	M(weft_bpf_key, src)                                                                       \
	M(weft_bpf_key, dst)                                                                       \
	M(weft_bpf_key, sport)                                                                     \
	M(weft_bpf_key, dport)                                                                     \
	M(weft_bpf_key, scope)                                                                     \
	M(weft_bpf_key, proto)                                                                     \
	M(weft_bpf_key, icmp_type)                                                                 \
	M(weft_bpf_key, family)                                                                    \
	M(weft_bpf_key, zero)                                                                      \
	M(weft_bpf_key, zero2)                                                                     \
	S(weft_bpf_bucket)                                                                         \
	M(weft_bpf_bucket, place)                                                                  \
	S(weft_bpf_decision)                                                                       \
	M(weft_bpf_decision, epoch)                                                                \
	M(weft_bpf_decision, segment)                                                              \
	M(weft_bpf_decision, flags)                                                                \
	M(weft_bpf_decision, peer)                                                                 \
	M(weft_bpf_decision, out_ifindex)                                                          \
	M(weft_bpf_decision, in_port)                                                              \
	M(weft_bpf_decision, in_vtep)                                                              \
	M(weft_bpf_decision, out_port)                                                             \
	M(weft_bpf_decision, out_vtep)                                                             \
	M(weft_bpf_decision, out_vni)                                                              \
	M(weft_bpf_decision, flow_hash)                                                            \
	M(weft_bpf_decision, max_l3)                                                               \
	M(weft_bpf_decision, match_macs)                                                           \
	M(weft_bpf_decision, rewrite_macs)                                                         \
	S(session_tcp)                                                                             \
	M(session_tcp, start)                                                                      \
	M(session_tcp, end)                                                                        \
	M(session_tcp, max_end)                                                                    \
	M(session_tcp, max_win)                                                                    \
	M(session_tcp, wscale)                                                                     \
	M(session_tcp, flags)                                                                      \
	M(session_tcp, offer)                                                                      \
	S(weft_bpf_state)                                                                          \
	M(weft_bpf_state, packets)                                                                 \
	M(weft_bpf_state, bytes)                                                                   \
	M(weft_bpf_state, seen_s)                                                                  \
	M(weft_bpf_state, tcp)                                                                     \
	S(weft_bpf_dir)                                                                            \
	M(weft_bpf_dir, key)                                                                       \
	M(weft_bpf_dir, seq)                                                                       \
	M(weft_bpf_dir, owner)                                                                     \
	M(weft_bpf_dir, d)                                                                         \
	M(weft_bpf_dir, state)                                                                     \
	S(weft_bpf_addr)                                                                           \
	M(weft_bpf_addr, b)                                                                        \
	S(weft_bpf_tunnel)                                                                         \
	M(weft_bpf_tunnel, seq)                                                                    \
	M(weft_bpf_tunnel, uplink_ifindex)                                                         \
	M(weft_bpf_tunnel, local)                                                                  \
	M(weft_bpf_tunnel, remote)                                                                 \
	M(weft_bpf_tunnel, flags)                                                                  \
	M(weft_bpf_tunnel, dscp)                                                                   \
	M(weft_bpf_tunnel, ip_cksum)                                                               \
	M(weft_bpf_tunnel, hdr)                                                                    \
	S(weft_bpf_meta)                                                                           \
	M(weft_bpf_meta, mark)                                                                     \
	M(weft_bpf_meta, out)                                                                      \
	S(weft_bpf_port_counters)                                                                  \
	M(weft_bpf_port_counters, rx_packets)                                                      \
	M(weft_bpf_port_counters, rx_bytes)                                                        \
	M(weft_bpf_port_counters, tx_packets)                                                      \
	M(weft_bpf_port_counters, tx_bytes)                                                        \
	S(weft_bpf_prog_counters)                                                                  \
	M(weft_bpf_prog_counters, hits)                                                            \
	M(weft_bpf_prog_counters, passed)                                                          \
	M(weft_bpf_prog_counters, dropped)                                                         \
	M(weft_bpf_prog_counters, misses)                                                          \
	S(weft_bpf_filter)                                                                         \
	M(weft_bpf_filter, src)                                                                    \
	M(weft_bpf_filter, src_mask)                                                               \
	M(weft_bpf_filter, dst)                                                                    \
	M(weft_bpf_filter, dst_mask)                                                               \
	M(weft_bpf_filter, sport)                                                                  \
	M(weft_bpf_filter, dport)                                                                  \
	M(weft_bpf_filter, in_port)                                                                \
	M(weft_bpf_filter, segment)                                                                \
	M(weft_bpf_filter, proto)                                                                  \
	M(weft_bpf_filter, family)                                                                 \
	M(weft_bpf_filter, either)                                                                 \
	S(weft_bpf_watch)                                                                          \
	M(weft_bpf_watch, filter)                                                                  \
	M(weft_bpf_watch, head)                                                                    \
	M(weft_bpf_watch, lost)                                                                    \
	S(weft_bpf_carried)                                                                        \
	M(weft_bpf_carried, state)                                                                 \
	M(weft_bpf_carried, watch)                                                                 \
	M(weft_bpf_carried, time_ns)                                                               \
	M(weft_bpf_carried, key)                                                                   \
	M(weft_bpf_carried, d)                                                                     \
	M(weft_bpf_carried, prog)                                                                  \
	M(weft_bpf_carried, l3_len)                                                                \
	M(weft_bpf_carried, gso_size)                                                              \
	S(weft_bpf_uplink_counters)                                                                \
	M(weft_bpf_uplink_counters, redirected)                                                    \
	M(weft_bpf_uplink_counters, passed)                                                        \
	M(weft_bpf_uplink_counters, dropped)

struct layout_row {
	__u32 offset; /* of a struct: 0 */
	__u32 size;
};

#define LAYOUT_STRUCT_ROW(s)	{0, sizeof(struct s)},
#define LAYOUT_MEMBER_ROW(s, m) {__builtin_offsetof(struct s, m), sizeof(((struct s *)0)->m)},
#define LAYOUT_ROWS		LAYOUT(LAYOUT_STRUCT_ROW, LAYOUT_MEMBER_ROW)

#endif
