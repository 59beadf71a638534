/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What may pass without the data plane, said once more and naively: for frames of one flow whose
 * session is as flow_tcp has it, on a path that takes max_l3. Where a program and this disagree,
 * one of them is wrong.
 */
#ifndef ORACLE_H
#define ORACLE_H

#include "frames.h"

struct oracle {
	struct flow flow;
	bool routed;
	unsigned int max_l3;
};

/* A tenant's frame, of which len bytes are there. */
bool oracle_frame(const struct oracle *o, const uint8_t *b, unsigned int len);
/* The same within tunnel t, sent from its other end. */
bool oracle_tunnel(const struct oracle *o, const struct weft_bpf_tunnel *t, uint32_t vni,
	const uint8_t *b, unsigned int len);

/* Changes some bytes of f, most of them in its first n, or its length; often with a right IPv4
 * checksum afterwards. ip, inner_ip: where IPv4 headers are, 0: none. */
void mutate(struct frame *f, unsigned int n, unsigned int ip, unsigned int inner_ip);

#endif
