/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sizes that both sides of the channel must agree on.
 *
 * Part of the contract with the data plane (see msg.h): a change here changes
 * WEFT_CHANNEL_VERSION. Free of DPDK.
 */
#ifndef WEFT_LIMITS_H
#define WEFT_LIMITS_H

#define WEFT_MAX_WORKERS     16
#define WEFT_MAX_PORTS	     4096  /* on one host, uplinks included; slot 0 is never a port */
#define WEFT_MAX_SEGMENTS    16384 /* on one host; slot 0 is never a segment */
#define WEFT_MAX_VTEPS	     8192  /* remote tunnel end points known to one host */
#define WEFT_MAX_LOCAL_VTEPS 16	   /* this host's own tunnel addresses */
#define WEFT_MAX_FDB	     4194304
#define WEFT_MAX_NEIGH	     4194304

#define WEFT_NAME_SIZE	 64  /* "tenant/name" with its terminating zero */
#define WEFT_DEVICE_SIZE 192 /* a socket path, an interface name, or DPDK devargs */
#define WEFT_PORT_ADDRS	 32  /* addresses or prefixes a port may send from */
#define WEFT_PORT_QUEUES 16
#define WEFT_MTU_MIN	 576
#define WEFT_MTU_MAX	 9216

#endif
