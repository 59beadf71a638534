/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one question about qdiscs that libbpf does not answer.
 */
#ifndef LOADER_QDISC_H
#define LOADER_QDISC_H

/* Whether the interface's qdisc for filters has an egress side: 1, 0 (none, or "ingress", which
 * takes filters for egress and runs them on ingress), or -errno. */
int qdisc_has_egress(int ifindex);

#endif
