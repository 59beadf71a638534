/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets to ask about: frames made from the few fields that somebody cares for. What is left out
 * follows from the intent, as a guest's own stack would have it. Pure.
 */
#ifndef EXPLAIN_PACKET_H
#define EXPLAIN_PACKET_H

#include <model/model.h>
#include <weft/msg.h>

#define PACKET_FRAME_MAX WEFT_TRACE_FRAME_MAX

enum packet_tcp_flag {
	PACKET_TCP_FIN = 1 << 0,
	PACKET_TCP_SYN = 1 << 1,
	PACKET_TCP_RST = 1 << 2,
	PACKET_TCP_PSH = 1 << 3,
	PACKET_TCP_ACK = 1 << 4,
	PACKET_TCP_URG = 1 << 5,
};

struct packet {
	bool is_arp;	  /* a request for dst, else IP */
	uint8_t protocol; /* of IP */
	bool has_source, has_destination_port, has_icmp_type;
	struct weft_addr source, destination;
	struct weft_mac source_mac, destination_mac; /* zero: not given */
	uint16_t source_port, destination_port;	     /* TCP, UDP, UDP-Lite, SCTP, DCCP */
	uint8_t tcp_flags;			     /* enum packet_tcp_flag */
	uint8_t icmp_type, icmp_code;
	uint16_t icmp_id;
	uint8_t ttl, dscp;
	bool df; /* IPv4 */
	bool more_fragments;
	uint16_t fragment_offset; /* bytes */
	uint16_t vlan;		  /* tag; 0: none */
	uint16_t size;		  /* of the frame; 0: the shortest */
	struct weft_addr target;  /* of a neighbour solicitation; packet_complete fills it in */
};

/* Where it enters: a port's, or what another host sends through the tunnel into that segment. */
struct packet_place {
	const struct segment *segment;
	const struct port *port; /* NULL: from the tunnel */
};

/* Fills in what was not given. -EINVAL with err: field is the member's name in JSON-RPC. */
int packet_complete(const struct model *m, const struct packet_place *at, struct packet *p,
	struct model_error *err);
/* The bytes of a packet that is complete, with valid checksums, in buf of PACKET_FRAME_MAX. Errors
 * as above. */
int packet_frame(const struct packet *p, uint8_t *buf, size_t *ret_size, struct model_error *err);

/* Of that IP protocol's header; SCTP and the like too. */
bool packet_has_ports(uint8_t protocol);

#endif
