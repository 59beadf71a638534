/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happens to a packet, step by step: the one list for the data plane, weftd and the CLI. Part
 * of the contract with the data plane (msg.h). Free of DPDK.
 */
#ifndef WEFT_TRACE_H
#define WEFT_TRACE_H

#include <assert.h>
#include <stdint.h>

#include <weft/addr.h>

/* X(number, IDENTIFIER, "name", what its record says beside packet, step and worker) */
#define WEFT_TRACE_STEPS(X)                                                                        \
	X(1, RECEIVED, "received")	     /* port, vni, size */                                 \
	X(2, TUNNEL, "tunnel")		     /* src: the VTEP that it came from; vni */            \
	X(3, PARSED, "parsed")		     /* port; MACs, addresses, protocol, ports, if any */  \
	X(4, ANTI_SPOOF, "anti-spoof")	     /* port; it may send this */                          \
	X(5, SESSION_HIT, "session-hit")     /* the key of its direction: vni, addresses, ports */ \
	X(6, SESSION_MISS, "session-miss")   /* as above: there is none */                         \
	X(7, SESSION_STALE, "session-stale") /* as above: it is judged again */                    \
	X(8, SERVICE, "service")	     /* port; answered here */                             \
	X(9, GATEWAY, "gateway")	     /* dst: a router's own address */                     \
	X(10, ROUTE, "route") /* router, vni it leads to, dst: next hop; n: prefix length */       \
	X(11, NEIGHBOUR, "neighbour")	      /* dst, its MAC in dst_mac */                        \
	X(12, FDB, "fdb")		      /* dst_mac is at port, or behind the VTEP dst */     \
	X(13, POLICY, "policy")		      /* port, direction, ruleset, rule, action */         \
	X(14, SESSION_NEW, "session-new")     /* the key of its first direction */                 \
	X(15, SESSION_MOVED, "session-moved") /* as above: goes on at another place */             \
	X(16, NO_SESSION, "no-session")	      /* goes without one */                               \
	X(17, REWRITE, "rewrite")	      /* MACs that it gets */                              \
	X(18, TRANSLATE, "translate")	      /* addresses and ports that it gets */               \
	X(19, REPLICATE, "replicate")	      /* vni */                                            \
	X(20, FRAGMENT, "fragment")	      /* n: into so many */                                \
	X(21, SEGMENT, "segment")	      /* n: into so many */                                \
	X(22, TOO_BIG, "too-big")	      /* size, n: the limit */                             \
	X(23, ENCAPSULATE, "encapsulate")     /* src, dst: VTEPs; vni */                           \
	X(24, OUTPUT, "output")		      /* port, size */                                     \
	X(25, ANSWER, "answer")		      /* an answer to it is made here */                   \
	X(26, WAIT, "wait")		      /* a fragment waits for its first one */             \
	X(27, DROP, "drop")		      /* reason; policy: port, ruleset, rule, direction */ \
	X(28, KERNEL, "kernel") /* n: program that carries it (enum weft_bpf_prog); size: GSO */

enum weft_trace_step {
#define WEFT_TRACE_ENUM(number, id, name) WEFT_TRACE_##id = number,
	WEFT_TRACE_STEPS(WEFT_TRACE_ENUM)
#undef WEFT_TRACE_ENUM
	WEFT_TRACE_STEP_MAX = 29
};

/* In worker: it was carried in the kernel. */
#define WEFT_TRACE_NO_WORKER 255

/* The name of a step, or NULL. */
const char *weft_trace_name(unsigned int step);

struct weft_trace_record {
	uint32_t packet; /* number */
	uint32_t time_ms;
	uint16_t step;	 /* enum weft_trace_step */
	uint16_t reason; /* enum weft_drop */
	uint8_t worker;
	uint8_t proto;
	uint8_t action;	   /* enum weft_rule_action */
	uint8_t direction; /* enum weft_rule_direction */
	uint32_t port;	   /* id */
	uint32_t vni;
	uint32_t router;  /* id */
	uint32_t ruleset; /* id; 0: a port's default */
	uint32_t rule;
	uint32_t size;
	uint32_t n;
	uint16_t sport;
	uint16_t dport;
	struct weft_addr src;
	struct weft_addr dst;
	struct weft_mac src_mac;
	struct weft_mac dst_mac;
	uint32_t pad;
};
static_assert(sizeof(struct weft_trace_record) == 96, "wire layout");

#define WEFT_WATCH_RATE_MAX 10000

enum weft_watch_flag {
	WEFT_WATCH_EITHER = 1 << 0,  /* addresses and ports may be those of the answers too */
	WEFT_WATCH_DROPPED = 1 << 1, /* only dropped ones, of which not all steps are told */
};

/* Real packets whose steps are told: those of which all this is true of the tenant's packet, the
 * inner one of a tunnel. What is zero, or a prefix of length 0, does not matter. */
struct weft_watch_filter {
	uint32_t port; /* id of the port that it enters by, also an uplink */
	uint32_t vni;
	struct weft_prefix src;
	struct weft_prefix dst;
	uint8_t proto;
	uint8_t flags;	    /* enum weft_watch_flag */
	uint16_t sport;	    /* ICMP: type << 8 | code */
	uint16_t dport;	    /* ICMP queries: identifier */
	uint16_t ethertype; /* IPv4: 0x0800, IPv6: 0x86dd */
	uint16_t pad;
	uint32_t rate; /* packets per second, of each worker: 1 to WEFT_WATCH_RATE_MAX */
};
static_assert(sizeof(struct weft_watch_filter) == 56, "wire layout");

/* Returns the name of the member that makes no sense, or NULL. */
const char *weft_watch_wrong(const struct weft_watch_filter *f);

#endif
