/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the local services share: who asks, a request, its answer, and the frame around it.
 *
 * A service is a pure function from a request to an answer: it reads the configuration of the
 * generation that it is given and keeps nothing, as whatever it hands out is configured, not
 * leased. Whether a port may ask, quotas and counters are the caller's. Workers; nothing here
 * allocates but service_frame.
 */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include <table/config.h>
#include <weft/drop_reason.h>

#define SERVICE_REQUEST_MAX 1500
#define SERVICE_ANSWER_MAX  1232 /* with headers 1280 bytes: what every IPv6 link carries */

/* Who asks, and from where he is answered. */
struct service_asker {
	const struct config *cfg;
	const struct config_segment *segment;
	const struct weft_port *port;
	struct weft_mac mac; /* of who answers: the segment's router, else service_mac */
	bool routed;	     /* the segment has a router */
};

struct service_request {
	struct weft_mac src_mac;
	struct weft_addr src;
	struct weft_addr dst;
	uint16_t sport;
	const uint8_t *data; /* UDP payload */
	uint32_t size;
};

struct service_answer {
	struct weft_mac dst_mac;
	struct weft_addr src;
	struct weft_addr dst;
	uint8_t proto; /* IPPROTO_UDP, or IPPROTO_ICMPV6: data is the whole message */
	uint16_t sport;
	uint16_t dport;
	uint16_t size;
	uint8_t data[SERVICE_ANSWER_MAX];
};

/* Answers of a segment without a router come from here. */
extern const struct weft_mac service_mac;

/* The asker behind that port of that segment. */
struct service_asker service_asker_of(const struct config *cfg,
	const struct config_segment *segment, const struct weft_port *port);

/* Reads a UDP datagram of m, a parsed frame. False when it is fragmented, longer than
 * SERVICE_REQUEST_MAX, or its checksum is wrong. ret->data points into m or to copy, which holds
 * SERVICE_REQUEST_MAX bytes. */
bool service_read(const struct rte_mbuf *m, uint8_t *copy, struct service_request *ret);

/* A new frame with the answer, from the asker's side's MAC. Its meta is as after pkt_parse, with
 * that in_port and segment. NULL: no mbuf left. */
struct rte_mbuf *service_frame(const struct service_answer *a, const struct weft_mac *src_mac,
	uint16_t in_port, uint16_t segment);

/* All flags of the segment's subnets of that family, enum weft_subnet_flag. */
uint8_t service_flags(const struct config_segment *segment, bool v4);

/* The subnet of the segment with all those flags whose prefix has addr, or NULL. */
const struct weft_subnet *service_subnet_of(
	const struct config_segment *segment, const struct weft_addr *addr, uint8_t flags);

/* The subnet with all those flags whose gateway addr is, or NULL. */
const struct weft_subnet *service_subnet_by_gateway(
	const struct config_segment *segment, const struct weft_addr *addr, uint8_t flags);

/* DNS servers to tell of, of one family: the gateway first where it answers (WEFT_SUBNET_DNS). */
#define SERVICE_DNS_MAX (WEFT_SUBNET_SERVERS + 1)
unsigned int service_dns_servers(
	const struct weft_subnet *subnet, bool v4, struct weft_addr ret[SERVICE_DNS_MAX]);

/* Seconds that an address is given for. */
uint32_t service_lease_s(const struct weft_subnet *subnet);

/* What the port may send to and should send at most: bytes of IP packet. */
uint16_t service_mtu(const struct service_asker *who);

/* A domain name in wire form (RFC 1035 section 3.1), with its final zero. Returns the size, 0 for
 * what is no name or longer than 255 bytes. */
uint32_t service_domain(const char *text, uint8_t ret[256]);

#endif
