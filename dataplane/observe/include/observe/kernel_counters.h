/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel's fast path carried, in the last row of the statistics memory: as a port's other
 * counts it begins at zero with the port, and each packet is in the ledger on both of its sides.
 *
 * Main thread.
 */
#ifndef OBSERVE_KERNEL_COUNTERS_H
#define OBSERVE_KERNEL_COUNTERS_H

#include <stdint.h>

#include <weft_bpf/port.h>

/* Where programs count: for each port slot an element per CPU (weft_bpf_port_cnt_at). The memory is
 * the caller's until kernel_counters_detach. Nothing is shown yet. */
void kernel_counters_attach(const struct weft_bpf_port_counters *rows, uint32_t n_cpus);
void kernel_counters_detach(void);
/* From now on; what was counted before, for another data plane, is not shown. At a moment when
 * programs carry nothing. Once. */
void kernel_counters_begin(void);
/* The slot's port begins: so do its counts. */
void kernel_counters_zero(uint16_t slot);
/* Brings some slots up to date: all of them within some milliseconds, more where there are
 * thousands of ports or many CPUs. About every millisecond. */
void kernel_counters_tick(uint64_t now_ms);
/* Brings that slot up to date. */
void kernel_counters_update(uint16_t slot);

#endif
