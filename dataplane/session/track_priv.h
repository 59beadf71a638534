/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the trackers' files share. Private to this folder; workers.
 */
#ifndef TRACK_PRIV_H
#define TRACK_PRIV_H

#include <session/track.h>

static inline const uint8_t *track_l3(const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	return rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l3_off);
}

static inline const uint8_t *track_l4(const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	return rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l4_off);
}

/* track_tcp.c: as their namesakes in session/track.h, for TCP. */
enum weft_drop track_tcp_begin(const struct rte_mbuf *m, const struct pkt_meta *meta, bool strict);
void track_tcp_first(struct session *s, const struct rte_mbuf *m, const struct pkt_meta *meta);
enum weft_drop track_tcp_packet(
	struct session_dir *d, const struct rte_mbuf *m, const struct pkt_meta *meta);
bool track_tcp_quote(struct session_dir *d, uint32_t seq);
const char *track_tcp_state_name(uint8_t state);

/* Before s is published: it was established when another data plane had it, and goes on from the
 * numbers in its directions. */
void track_resume(struct session *s);
enum weft_timeout track_tcp_resume(struct session *s);

/* track_other.c: UDP, ICMP queries, and what has no ports. */
enum weft_timeout track_other_first(uint8_t proto);
enum weft_timeout track_other_resume(uint8_t proto);
void track_other_packet(struct session_dir *d);
const char *track_other_state_name(uint8_t state);

#endif
