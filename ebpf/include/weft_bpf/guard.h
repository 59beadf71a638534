/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the guard program on the host's ends of tenant veths and user space share.
 * Compiles with gcc, clang and clang -target bpf.
 */
#ifndef WEFT_BPF_GUARD_H
#define WEFT_BPF_GUARD_H

#define WEFT_BPF_GUARD_PROG	"weft_guard"
#define WEFT_BPF_GUARD_OUT_PROG "weft_guard_out"

/* Place of the guard among tc filters: first, so that nothing runs before it. */
#define WEFT_BPF_GUARD_PRIORITY 1
#define WEFT_BPF_GUARD_HANDLE	1

#endif
