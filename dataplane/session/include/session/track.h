/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Trackers: what a protocol's state allows. One file per protocol (track_tcp.c, track_other.c), a
 * state machine as a table where there is one.
 *
 * TCP by RFC 9293 and RFC 5961, windows after "Real Stateful TCP Packet Filtering in IP Filter"
 * (G. van Rooij, 2000). Workers.
 */
#ifndef SESSION_TRACK_H
#define SESSION_TRACK_H

#include <rte_mbuf.h>

#include <pkt/meta.h>
#include <session/session.h>

/* May m begin a session, and with which key? Fills both keys: [0] as m goes in segment; [1] what
 * answers look like, its segment the caller's to change. For parsed unicast IP packets with
 * PKT_L4 or of protocols without ports; not later fragments. Returns 0, or: ICMP_UNRELATED (errors
 * and lone replies), TCP_STATE or TCP_FLAGS. */
enum weft_drop track_begin(const struct rte_mbuf *m, const struct pkt_meta *meta,
	const struct config_network *net, struct session_key ret[2]);
/* The key of m in its segment, for looking it up. False: it can't belong to a session as such
 * (ICMP errors, later fragments). Inlined in the packet path. */
bool track_key(const struct pkt_meta *meta, const uint8_t *l3, struct session_key *ret);

/* With the lock: the state after its first packet m; once, after session_insert. */
void track_first(struct session *s, const struct rte_mbuf *m, const struct pkt_meta *meta);

/* A packet of an established direction: 0, or TCP_FLAGS, TCP_WINDOW, TCP_STATE. Called for
 * directions with SESSION_DIR_TCP or SESSION_DIR_TRACKED; takes the lock itself only when the state
 * changes. When it clears SESSION_DIR_TRACKED (answered) the session is no longer half open. */
enum weft_drop track_packet(
	struct session_dir *d, const struct rte_mbuf *m, const struct pkt_meta *meta);

/* True when m, TCP, would begin a new connection where one that is over is still in the table (RFC
 * 9293 section 3.6.1, RFC 6191): the caller removes that and begins anew. */
bool track_reopens(
	const struct session_dir *d, const struct rte_mbuf *m, const struct pkt_meta *meta);

/* An ICMP error, of either family: the keys of the packet that it quotes, as if it went back the
 * way (addresses and ports swapped): [0] with m's segment. False: not an error, or it quotes too
 * little. l4 checksums of the quote are not checked. */
bool track_related(const struct rte_mbuf *m, const struct pkt_meta *meta, struct session_key *ret);

/* The name of a session's state for people: "syn-sent", "established", "udp-answered", ... */
const char *track_state_name(const struct session *s);

#endif
