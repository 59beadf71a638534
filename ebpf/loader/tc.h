/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The place among an interface's tc filters where own programs go, ingress and egress: one priority
 * and handle, so that they replace each other in one step.
 */
#ifndef LOADER_TC_H
#define LOADER_TC_H

#include <bpf/libbpf.h>

#include "prog.h"

/* Makes the clsact qdisc when there is none. Returns 0, or -errno with text. */
int tc_prepare(int ifindex, char *text);
/* Puts the program there, in place of an own one that is another. Returns 0: it was there, 1: it is
 * now; -EBUSY: somebody else's filter has the place, or there is no egress side. After tc_prepare.
 */
int tc_put(int ifindex, enum bpf_tc_attach_point point, int prog_fd, char *text);
/* Takes an own program off, when its name is one of names, which end with NULL. 0 also when there
 * is none or the interface is gone. */
int tc_take_off(int ifindex, enum bpf_tc_attach_point point, const char *const *names);
/* The own program that is there, 0: none. */
__u32 tc_prog_id(int ifindex, enum bpf_tc_attach_point point);

#endif
