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
#define WEFT_MAX_CPUS	     4096  /* that the fast path counts on */
#define WEFT_MAX_LOCAL_VTEPS 16	   /* this host's own tunnel addresses */
#define WEFT_MAX_FDB	     4194304
#define WEFT_MAX_NEIGH	     4194304
#define WEFT_MAX_TENANTS     4096 /* on one host; slot 0 is never a tenant, and so on */
#define WEFT_MAX_NETWORKS    4096
#define WEFT_MAX_ROUTERS     4096
#define WEFT_MAX_RULESETS    8192
#define WEFT_MAX_SETS	     16384
#define WEFT_MAX_SCOPES	     8192 /* of sets */
#define WEFT_MAX_SET_MEMBERS 4194304
#define WEFT_MAX_ROUTES	     2097152
#define WEFT_MAX_DNS	     1048576
#define WEFT_RULESET_RULES   4096 /* rules of one rule set, both directions */
#define WEFT_SEGMENT_SUBNETS 64

/* Tracked connections on one host, as its operator chooses. */
#define WEFT_MIN_SESSIONS     1024
#define WEFT_DEFAULT_SESSIONS 1048576
#define WEFT_MAX_SESSIONS     16777216

#define WEFT_NAME_SIZE	    64	/* "tenant/name" with its terminating zero */
#define WEFT_DEVICE_SIZE    192 /* a socket path, an interface name, or DPDK devargs */
#define WEFT_PORT_ADDRS	    32	/* addresses or prefixes a port may send from */
#define WEFT_PORT_QUEUES    16
#define WEFT_PORT_RULESETS  16 /* rule sets that judge one port */
#define WEFT_PORT_SCOPES    4  /* scopes of address sets that those may refer to */
#define WEFT_ROUTE_HOPS	    8  /* next hops of one route (ECMP) */
#define WEFT_SUBNET_SERVERS 4  /* DNS servers told */
#define WEFT_SUBNET_ROUTES  8
#define WEFT_DNS_NAME_SIZE  128
#define WEFT_MTU_MIN	    576
#define WEFT_MTU_MAX	    9216

#endif
