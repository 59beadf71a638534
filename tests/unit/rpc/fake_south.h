/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a test may set of the south that has no data plane behind it.
 */
#ifndef FAKE_SOUTH_H
#define FAKE_SOUTH_H

#include <south/south.h>

struct south *fake_south_new(struct event_base *base, struct engine *e);
void fake_south_connect(struct south *s, bool connected);
/* From now on answers take three seconds. */
void fake_south_hang(struct south *s);
void fake_south_port(struct south *s, const char *port, uint8_t state, const char *text);
/* The port received so many packets, and dropped so many of them as spoofed. */
void fake_south_count(struct south *s, const char *port, unsigned int rx, unsigned int spoofed);
/* The kernel carried so many of that port's packets, of 100 bytes. */
void fake_south_carry(struct south *s, const char *port, unsigned int n);
/* The MAC table has n entries of VNI 1001. */
void fake_south_fdb(struct south *s, size_t n);
/* There are n sessions: 10.0.0.N:1000 to 10.0.0.12:80 in VNI 1001, odd ones established. */
void fake_south_sessions(struct south *s, size_t n);
/* The port has n dropped packets on record, of growing size, one second apart, the last one now. */
void fake_south_drops(struct south *s, const char *port, unsigned int n);
/* What becomes of packets that are traced: "delivered" to or "dropped" at that port, "sent" by it
 * to 172.16.0.2, or "answered" there. */
void fake_south_trace(struct south *s, const char *fate, const char *port);
/* That many packets are watched at once, from red/c1 to port 80, their steps one by one in turn; so
 * many steps were lost before. */
void fake_south_watched(struct south *s, unsigned int n, unsigned int lost);
/* So many FDB events at once. */
void fake_south_events(struct south *s, size_t n);
/* Rule 2 of the group, in red/main, denied something to the port; ICMP or, with a port, TCP. */
void fake_south_policy(
	struct south *s, const char *port, const char *group, uint16_t dport, uint32_t suppressed);

#endif
