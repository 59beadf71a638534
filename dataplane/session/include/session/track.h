/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Trackers: what a protocol's state allows. One file per protocol (track_tcp.c, track_other.c), a
 * state machine as a table where there is one; ICMP errors in related.c.
 *
 * TCP by RFC 9293 and RFC 5961, windows after "Real Stateful TCP Packet Filtering in IP Filter"
 * (G. van Rooij, 2000). Workers.
 */
#ifndef SESSION_TRACK_H
#define SESSION_TRACK_H

#include <rte_mbuf.h>

#include <pkt/meta.h>
#include <session/session.h>
#include <session/track_key.h>

/* May m begin a session, and with which key? Fills both keys: [0] as m goes in segment; [1] what
 * answers look like, its segment the caller's to change. For parsed unicast IP packets with
 * PKT_L4 or of protocols without ports; not later fragments. Returns 0, or: ICMP_UNRELATED (errors,
 * lone replies, TRACK_ICMP_OTHER), TCP_FLAGS, or TCP_STATE (RST, SYN-ACK; with
 * WEFT_NETWORK_TCP_STRICT all but SYN); then *ret is undefined. net NULL: not strict. */
enum weft_drop track_begin(const struct rte_mbuf *m, const struct pkt_meta *meta,
	const struct config_network *net, struct session_key ret[2]);

/* With the lock: the state after its first packet m; once, after session_insert. */
void track_first(struct session *s, const struct rte_mbuf *m, const struct pkt_meta *meta);

/* With the lock: the flags that the tracker needs in a decision about s->dir[dir], whenever one is
 * made: SESSION_DIR_TCP, and SESSION_DIR_TRACKED for answers while none came. */
uint8_t track_dir_flags(const struct session *s, unsigned int dir);

/* A packet of an established direction: 0, or TCP_FLAGS, TCP_WINDOW, TCP_STATE. Called for
 * directions with one of SESSION_DIR_ASK; passes later fragments. Takes the lock itself, only when
 * the state may change. When it clears SESSION_DIR_TRACKED (answered) the session
 * is no longer half open; a TCP session is half open until its handshake is complete. A SYN that
 * track_reopens says to begin anew with is refused (TCP_STATE). */
enum weft_drop track_packet(
	struct session_dir *d, const struct rte_mbuf *m, const struct pkt_meta *meta);

/* True when d's connection is over: both FINs acknowledged, or reset. */
bool track_is_over(struct session_dir *d);

/* True when m, TCP in direction d, would begin a new connection where one that is over is still in
 * the table (RFC 9293 section 3.6.1, RFC 6191; whether the sequence number is new enough is for its
 * receiver to say): the caller removes that and begins anew. A few cycles for all but SYNs. */
static inline bool track_reopens(
	struct session_dir *d, const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	const uint8_t syn = 0x02, mask = 0x17; /* FIN, SYN, RST, ACK */

	if (unlikely(meta->flags & PKT_LATER_FRAGMENT))
		return false;
	return (*rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->l4_off + 13) & mask) == syn &&
	       track_is_over(d);
}

/* An ICMP error, of either family: the key of the packet that it quotes, as if it went back the way
 * (addresses and ports swapped), in m's segment, and of TCP its sequence number. False: not an
 * error, it quotes too little, another error or a later fragment, or it is not sent to whom it
 * quotes. Checksums and lengths in the quote are not checked. */
bool track_related(const struct rte_mbuf *m, const struct pkt_meta *meta, struct session_key *ret,
	uint32_t *ret_seq);

/* May d's other side have a segment with that sequence number on its way (RFC 5927 section 4.1)?
 * True when d is not TCP, or too little is known of the connection. Workers, without the lock. */
bool track_quote_fits(struct session_dir *d, uint32_t seq);

/* The name of a session's state for people: "syn-sent", "established", "udp-answered", ... */
const char *track_state_name(const struct session *s);

#endif
