/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host with tenants, for the benchmarks of the session path; over the test bed. Main thread.
 */
#ifndef CLOUD_H
#define CLOUD_H

#include <weft/entry.h>

#include <port/port.h>

#define CLOUD_UPLINK 9999

enum cloud_end {
	CLOUD_CLIENT = 1,
	CLOUD_SERVER,
};

static inline uint32_t cloud_vni(unsigned int tenant, enum cloud_end end)
{
	return tenant * 200 - 200 + end * 100;
}

static inline uint32_t cloud_port_id(unsigned int tenant, enum cloud_end end)
{
	return tenant * 2 - 2 + end;
}

extern const struct weft_mac cloud_router_mac;
struct weft_mac cloud_mac(unsigned int tenant, enum cloud_end end);
struct weft_addr cloud_addr(bool v6, enum cloud_end end);

/* As cloud_put_network and cloud_put_end put them, to be changed: timeouts of a million seconds;
 * no limits; one rule set. */
struct weft_network cloud_network(unsigned int tenant);
struct weft_segment cloud_segment(unsigned int tenant, enum cloud_end end);
struct weft_port cloud_port(unsigned int tenant, enum cloud_end end);

/* The uplink, a tunnel address and one remote VTEP. */
void cloud_put_uplink(void);
/* Tenant, network, router, both segments. */
void cloud_put_network(unsigned int tenant);
/* The tunnel carries its segments. */
void cloud_put_flood(unsigned int tenant);
/* n rules for each direction, of which the last one allows all but the TCP ports before. */
void cloud_put_rules(unsigned int tenant, unsigned int n);
/* One end with its address, neighbour and route; NULL: it lives behind the VTEP. */
void cloud_put_end(unsigned int tenant, enum cloud_end end, const struct weft_port *port);

struct cloud_packet {
	unsigned int tenant;
	bool answer;	/* the server's, not the client's */
	bool from_wire; /* as the sender's host makes it */
	bool v6;
	bool tcp; /* not UDP: the header is the caller's to fill in */
};
/* Returns its length, at most BENCH_FRAME_MAX; ret_l4: where the ports are. */
unsigned int cloud_frame(uint8_t *buf, const struct cloud_packet *p, unsigned int *ret_l4);
/* p sends it with n different pairs of ports. */
void cloud_load(struct port *p, const struct cloud_packet *packet, uint32_t n);

#endif
