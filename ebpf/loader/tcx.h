/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tcx, the hook before clsact (Linux 6.6 and newer): what is there no "tc qdisc del" takes off, and
 * it stays when the caller ends.
 */
#ifndef LOADER_TCX_H
#define LOADER_TCX_H

/* Puts the program on the interface's ingress, before those of others, in place of an own one that
 * is another. Returns 0: it was there, or the kernel has no tcx; 1: it is now; else -errno with
 * text. */
int tcx_put(int ifindex, int prog_fd, char *text);
/* Takes an own program off, when its name is one of names, which end with NULL. 0 also when there
 * is none or the interface is gone. */
int tcx_take_off(int ifindex, const char *const *names);

#endif
