/* SPDX-License-Identifier: BSD-3-Clause */
/* The table as one compiler sees it, under the name LAYOUT_NAME. */
#include "layout_table.h"

extern const struct layout_row LAYOUT_NAME[];
#ifdef __bpf__
__attribute__((section(".rodata")))
#endif
const struct layout_row LAYOUT_NAME[] = {LAYOUT_ROWS};
