/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The instance metadata service as both sides of the channel know it: what guests ask, where the
 * proxy listens behind the service port (WEFT_ROLE_SERVICE), and the address by which it tells who
 * asks. Tenants' addresses overlap, so the data plane replaces them by one that the port's id is
 * in. The proxy's end of the service port is in a network namespace of its own, where these
 * addresses can't meet any others. Free of DPDK.
 */
#ifndef WEFT_METADATA_H
#define WEFT_METADATA_H

#include <stdbool.h>
#include <stdint.h>

#include <weft/addr.h>

#define WEFT_METADATA_IPV4 "169.254.169.254"
#define WEFT_METADATA_IPV6 "fd00:ec2::254"
#define WEFT_METADATA_PORT 80 /* TCP, that guests ask */
/* Where the proxy listens at the same addresses: a port that needs no privileges. */
#define WEFT_METADATA_PROXY_PORT 8080
/* Ids of ports that fit 10.0.0.0/8. */
#define WEFT_METADATA_MAX_ID 0xffffffu
/* The networks that askers are in. */
#define WEFT_METADATA_ASKERS4	  "10.0.0.0"
#define WEFT_METADATA_ASKERS4_LEN 8
#define WEFT_METADATA_ASKERS6	  "fd00:ec2:0:1::"
#define WEFT_METADATA_ASKERS6_LEN 96

static inline bool weft_metadata_is(const struct weft_addr *a)
{
	static const struct weft_addr v4 = {
		.b = {[10] = 0xff, [11] = 0xff, [12] = 169, [13] = 254, [14] = 169, [15] = 254}};
	static const struct weft_addr v6 = {
		.b = {0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54}};

	return weft_addr_equal(a, &v4) || weft_addr_equal(a, &v6);
}

/* The address that the port with that id asks from; id is 1..WEFT_METADATA_MAX_ID. */
static inline struct weft_addr weft_metadata_asker(uint32_t id, bool v4)
{
	struct weft_addr a = {.b = {0xfd, 0x00, 0x0e, 0xc2, [7] = 1}};

	if (v4)
		a = (struct weft_addr){.b = {[10] = 0xff, [11] = 0xff, [12] = 10}};
	a.b[13] = id >> 16;
	a.b[14] = id >> 8;
	a.b[15] = id;
	return a;
}

/* The id of the port that asks from that address; 0: it is no such address. */
static inline uint32_t weft_metadata_id(const struct weft_addr *a)
{
	uint32_t id = (uint32_t)a->b[13] << 16 | (uint32_t)a->b[14] << 8 | a->b[15];
	struct weft_addr asker = weft_metadata_asker(id, weft_addr_is_v4(a));

	return weft_addr_equal(a, &asker) ? id : 0;
}

#endif
