/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guest memory that its owner takes away. A hypervisor may truncate the file behind memory that it
 * shares with us; the next access raises SIGBUS, which would end the data plane for every tenant.
 * Here the whole region is replaced by zero pages instead, and the port learns that it was lost.
 *
 * set and clear: threads of librte_vhost, for one device number one at a time; the handler: any
 * thread that touches the memory.
 */
#ifndef PORT_GUEST_MEMORY_H
#define PORT_GUEST_MEMORY_H

#include <stdbool.h>

/* Installs the handler of SIGBUS unless it is there. Any other SIGBUS goes to the one before it.
 * Main thread. */
void guest_memory_init(void);
/* Watches the regions that device vid has now, instead of those watched for it before. */
void guest_memory_set(int vid);
void guest_memory_clear(int vid);
/* True when a region of device vid was lost since guest_memory_set. */
bool guest_memory_is_lost(int vid);

#endif
