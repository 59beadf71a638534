/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A DHCPv6 message as it was read: between reading (dhcp6_read.c) and answering (dhcp6.c). Private
 * to this folder. Workers.
 */
#ifndef SERVICE_DHCP6_PRIV_H
#define SERVICE_DHCP6_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#define DHCP6_HEADER_SIZE 4 /* type and transaction id */
#define DHCP6_OPTION_SIZE 4 /* code and length */
#define DHCP6_IAADDR_SIZE 24
#define DHCP6_IAS_MAX	  4

enum dhcp6_type {
	DHCP6_SOLICIT = 1,
	DHCP6_ADVERTISE = 2,
	DHCP6_REQUEST = 3,
	DHCP6_CONFIRM = 4,
	DHCP6_RENEW = 5,
	DHCP6_REBIND = 6,
	DHCP6_REPLY = 7,
	DHCP6_RELEASE = 8,
	DHCP6_DECLINE = 9,
	DHCP6_INFORMATION = 11,
};

enum dhcp6_option {
	DHCP6_OPT_CLIENT_ID = 1,
	DHCP6_OPT_SERVER_ID = 2,
	DHCP6_OPT_IA_NA = 3,
	DHCP6_OPT_IA_TA = 4,
	DHCP6_OPT_IAADDR = 5,
	DHCP6_OPT_STATUS = 13,
	DHCP6_OPT_RAPID_COMMIT = 14,
	DHCP6_OPT_DNS = 23,
	DHCP6_OPT_DOMAINS = 24,
	DHCP6_OPT_IA_PD = 25,
};

/* Bytes of a message. */
struct dhcp6_span {
	const uint8_t *p; /* NULL: the option is not there */
	uint16_t size;
};

struct dhcp6_ia {
	uint16_t code; /* IA_NA, IA_TA or IA_PD */
	const uint8_t *id;
	struct dhcp6_span options; /* whole */
};

struct dhcp6_request {
	uint8_t type;
	const uint8_t *header;
	struct dhcp6_span client_id;
	struct dhcp6_span server_id;
	bool rapid_commit;
	unsigned int n_ias;
	struct dhcp6_ia ias[DHCP6_IAS_MAX];
};

/* Reads a client's message. False when it is malformed, a server's or relay agent's, or lacks or
 * has options that its type must have or not (RFC 8415 section 16). */
bool dhcp6_read(const uint8_t *data, uint32_t size, struct dhcp6_request *ret);

/* Steps to the next IAADDR in options that dhcp6_read has passed; *off starts at 0. Returns its 16
 * bytes of address, or NULL at the end. */
const uint8_t *dhcp6_next_addr(const struct dhcp6_span *options, uint32_t *off);

#endif
