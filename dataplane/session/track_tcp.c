/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The TCP tracker: a connection as someone between both ends sees it (RFC 9293), which segments lie
 * in its windows (van Rooij), what may end it (RFC 5961). Workers.
 *
 * The state says how many of both SYNs and both FINs were seen and acknowledged; which side did
 * what is in the flags of its direction, so that the table needs no sides and a simultaneous open
 * no states of its own. Events are the first SYN of a side, the first acknowledgement of a SYN, and
 * so on; an event that the table has no state for is refused.
 *
 * A segment that causes no event is judged without the lock: by its own direction's numbers, which
 * only this worker writes, and the peer's, which another worker may be writing. Each of those is
 * one aligned word that only grows, written before the segment that it tells of was sent on, so
 * that an answer never finds it too old; a retransmission on a second queue may, and lets through
 * or refuses what is one segment off at most.
 *
 * Deliberately let through unchanged: SYNs in the middle of a connection, which its end answers
 * with a challenge (RFC 5961 section 4), and before a connection is there what an end that
 * remembers an older one says, with the reset that this gets (RFC 9293 section 3.5.1).
 * Segments in the window of a connection that was reset pass too, for as long as it is remembered:
 * the reset may have been meant to be refused by its receiver.
 */
#include "tcp_window.h"
#include "track_priv.h"

enum tcp_state {
	TCP_SYN_SENT = 1, /* a SYN */
	TCP_SYN_BOTH,	  /* both SYNs, none acknowledged: they have crossed */
	TCP_SYN_RECEIVED, /* both SYNs, one acknowledged */
	TCP_PICKED_UP,	  /* on its way, one side heard */
	TCP_ESTABLISHED,
	TCP_FIN_WAIT_1, /* a FIN */
	TCP_FIN_WAIT_2, /* a FIN, acknowledged */
	TCP_CLOSING,	/* both FINs, none acknowledged */
	TCP_LAST_ACK,	/* both FINs, one acknowledged */
	TCP_TIME_WAIT,	/* both FINs acknowledged */
	TCP_CLOSED,	/* reset */
	TCP_STATES,
};

enum tcp_event {
	TCP_EVENT_SYN,
	TCP_EVENT_SYN_ACKED, /* PICKED_UP: the other side was heard */
	TCP_EVENT_FIN,
	TCP_EVENT_FIN_ACKED,
	TCP_EVENT_RST,
	TCP_EVENTS,
};

/* Columns as enum tcp_event; 0: refused. */
static const uint8_t tcp_next[TCP_STATES][TCP_EVENTS] = {
	[TCP_SYN_SENT] = {TCP_SYN_BOTH, 0, 0, 0, TCP_CLOSED},
	[TCP_SYN_BOTH] = {0, TCP_SYN_RECEIVED, 0, 0, TCP_CLOSED},
	[TCP_SYN_RECEIVED] = {0, TCP_ESTABLISHED, TCP_FIN_WAIT_1, 0, TCP_CLOSED},
	[TCP_PICKED_UP] = {0, TCP_ESTABLISHED, TCP_FIN_WAIT_1, 0, TCP_CLOSED},
	[TCP_ESTABLISHED] = {0, 0, TCP_FIN_WAIT_1, 0, TCP_CLOSED},
	/* A FIN may come before the other side's SYN is acknowledged (RFC 7413). */
	[TCP_FIN_WAIT_1] = {0, TCP_FIN_WAIT_1, TCP_CLOSING, TCP_FIN_WAIT_2, TCP_CLOSED},
	[TCP_FIN_WAIT_2] = {0, TCP_FIN_WAIT_2, TCP_LAST_ACK, 0, TCP_CLOSED},
	[TCP_CLOSING] = {0, TCP_CLOSING, 0, TCP_LAST_ACK, TCP_CLOSED},
	[TCP_LAST_ACK] = {0, TCP_LAST_ACK, 0, TCP_TIME_WAIT, TCP_CLOSED},
	[TCP_TIME_WAIT] = {0, 0, 0, 0, TCP_CLOSED},
	[TCP_CLOSED] = {TCP_CLOSED, TCP_CLOSED, TCP_CLOSED, TCP_CLOSED, TCP_CLOSED},
};

static const struct {
	const char *name;
	uint8_t timeout; /* enum weft_timeout */
} tcp_states[TCP_STATES] = {
	[TCP_SYN_SENT] = {"syn-sent", WEFT_TIMEOUT_TCP_OPENING},
	[TCP_SYN_BOTH] = {"syn-both", WEFT_TIMEOUT_TCP_OPENING},
	[TCP_SYN_RECEIVED] = {"syn-received", WEFT_TIMEOUT_TCP_OPENING},
	[TCP_PICKED_UP] = {"picked-up", WEFT_TIMEOUT_TCP_OPENING},
	[TCP_ESTABLISHED] = {"established", WEFT_TIMEOUT_TCP_ESTABLISHED},
	[TCP_FIN_WAIT_1] = {"fin-wait-1", WEFT_TIMEOUT_TCP_CLOSING},
	[TCP_FIN_WAIT_2] = {"fin-wait-2", WEFT_TIMEOUT_TCP_CLOSING},
	[TCP_CLOSING] = {"closing", WEFT_TIMEOUT_TCP_CLOSING},
	[TCP_LAST_ACK] = {"last-ack", WEFT_TIMEOUT_TCP_CLOSING},
	[TCP_TIME_WAIT] = {"time-wait", WEFT_TIMEOUT_TCP_CLOSED},
	[TCP_CLOSED] = {"closed", WEFT_TIMEOUT_TCP_CLOSED},
};

/* The window scale that a SYN offers plus one, 0: none (RFC 7323). */
static uint8_t read_offer(const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	const uint8_t *p = track_l4(m, meta) + 20;
	const uint8_t *end = rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->hdr_len);

	while (p < end && *p != 0) {
		if (*p == 1) {
			p++;
			continue;
		}
		if (end - p < 2 || p[1] < 2 || p[1] > end - p)
			break;
		if (p[0] == 3 && p[1] == 3)
			return RTE_MIN(p[2], WSCALE_MAX) + 1;
		p += p[1];
	}
	return 0;
}

/* With the lock. Once more for a session that is half open: it may have been answered. */
static enum weft_drop step(struct session *s, enum tcp_event event)
{
	uint8_t state = tcp_next[s->tcp_state][event];

	if (state == 0)
		return WEFT_DROP_TCP_STATE;
	if (state == s->tcp_state && !(s->flags & SESSION_HALF_OPEN))
		return 0;
	__atomic_store_n(&s->tcp_state, state, __ATOMIC_RELAXED);
	session_set_state(s, tcp_states[state].timeout,
		tcp_states[state].timeout != WEFT_TIMEOUT_TCP_OPENING &&
			!(s->dir[1].tcp.flags & SIDE_SILENT));
	return 0;
}

/* Picked up and not answered: no connection yet. */
static bool is_guess(const struct session *s)
{
	uint8_t flags = __atomic_load_n(&s->dir[1].tcp.flags, __ATOMIC_RELAXED);

	return (flags & (SIDE_SILENT | SIDE_LOOSE)) == (SIDE_SILENT | SIDE_LOOSE);
}

static bool is_over(const struct session *s)
{
	uint8_t state = __atomic_load_n(&s->tcp_state, __ATOMIC_RELAXED);

	return state == TCP_TIME_WAIT || state == TCP_CLOSED || is_guess(s);
}

bool track_is_over(struct session_dir *d)
{
	return is_over(session_of(d));
}

/* Both have sent their SYN. */
static void sides_meet(struct session_tcp *a, struct session_tcp *b)
{
	bool scale = a->offer && b->offer;

	a->wscale = scale ? a->offer - 1 : 0;
	b->wscale = scale ? b->offer - 1 : 0;
	store32(&a->max_end, b->end + a->max_win);
	store32(&b->max_end, a->end + b->max_win);
}

/* A side's SYN, for the first time or instead of one that nobody answered. */
static void side_open(struct session_tcp *s, const struct tcp_segment *g, uint8_t offer)
{
	s->start = g->seq;
	s->offer = offer;
	store32(&s->end, g->end);
	store32(&s->max_win, g->win);
	set_flags(s, SIDE_UNACKED, SIDE_SILENT);
}

static enum weft_drop syn_acked(struct session *s, struct session_tcp *r)
{
	if (!(r->flags & SIDE_UNACKED))
		return 0;
	set_flags(r, 0, SIDE_UNACKED);
	return step(s, TCP_EVENT_SYN_ACKED);
}

/* The SYN of the side that had sent none. */
static enum weft_drop take_first_syn(struct session *s, struct session_tcp *own,
	struct session_tcp *peer, const struct tcp_segment *g, uint8_t offer)
{
	bool ack = g->flags & TCP_FLAG_ACK;
	enum weft_drop drop;

	if (ack && !acks_syn(peer, g))
		return WEFT_DROP_TCP_WINDOW;
	drop = step(s, TCP_EVENT_SYN);
	if (drop)
		return drop;
	side_open(own, g, offer);
	sides_meet(own, peer);
	return ack ? syn_acked(s, peer) : 0;
}

/* Another SYN or SYN-ACK of a side while the connection is opened: sent again, or with another
 * initial sequence number by an end that has forgotten the first one (SYN cookies, RFC 4987). */
static enum weft_drop take_syn_again(struct session *s, struct session_tcp *own,
	struct session_tcp *peer, const struct tcp_segment *g, uint8_t offer)
{
	bool ack = g->flags & TCP_FLAG_ACK, again = g->seq == own->start;
	bool alone = peer->flags & SIDE_SILENT;

	if (!ack && alone && !again)
		side_open(own, g, offer);
	if (!ack)
		return 0;
	if (alone)
		return WEFT_DROP_TCP_STATE;
	if (!acks_syn(peer, g))
		return WEFT_DROP_TCP_WINDOW;
	if (!again && !(own->flags & SIDE_UNACKED))
		return WEFT_DROP_TCP_WINDOW;
	if (!again) {
		side_open(own, g, offer);
		sides_meet(own, peer);
	}
	return syn_acked(s, peer);
}

/* Within a connection. Its receiver challenges a SYN, unless it has forgotten the connection: then
 * its answer ends that here too, and the SYN, when it comes again, begins a new one. */
static enum weft_drop take_late_syn(struct session *s, struct session_tcp *own,
	struct session_tcp *peer, const struct tcp_segment *g)
{
	if (g->flags & TCP_FLAG_ACK) {
		if (acks_challenged(peer, g)) {
			step(s, TCP_EVENT_RST);
			return WEFT_DROP_TCP_STATE;
		}
		return seq_in_window(own, peer, g->end) && ack_in_window(own, peer, g->ack)
			       ? 0
			       : WEFT_DROP_TCP_WINDOW;
	}
	own->start = g->seq;
	set_flags(own, SIDE_CHALLENGED, 0);
	return 0;
}

static enum weft_drop take_syn(struct session *s, struct session_tcp *own, struct session_tcp *peer,
	const struct tcp_segment *g, uint8_t offer)
{
	if (is_over(s) && !(g->flags & TCP_FLAG_ACK))
		return WEFT_DROP_TCP_STATE;
	if (!((own->flags | peer->flags) & SIDE_OPENING) || is_guess(s))
		return take_late_syn(s, own, peer, g);
	if (own->flags & SIDE_SILENT)
		return take_first_syn(s, own, peer, g, offer);
	return take_syn_again(s, own, peer, g, offer);
}

/* RFC 9293 section 3.10.7, RFC 5961 section 3. */
static bool rst_is_valid(const struct session *s, const struct session_tcp *own,
	const struct session_tcp *peer, const struct tcp_segment *g)
{
	if (acks_challenged(peer, g) || ((peer->flags & SIDE_UNACKED) && acks_syn(peer, g)))
		return true;
	return s->tcp_state != TCP_SYN_SENT && seq_in_window(own, peer, g->seq);
}

static enum weft_drop take_rst(struct session *s, struct session_tcp *own, struct session_tcp *peer,
	const struct tcp_segment *g)
{
	/* What answered its SYN may have been an older connection: that is what it resets. */
	if (s->tcp_state == TCP_SYN_SENT && !(own->flags & SIDE_SILENT))
		return g->seq == own->end ? step(s, TCP_EVENT_RST) : 0;
	if (!rst_is_valid(s, own, peer, g))
		return WEFT_DROP_TCP_WINDOW;
	set_flags(own, 0, SIDE_SILENT);
	return step(s, TCP_EVENT_RST);
}

static enum weft_drop judge(
	const struct session_tcp *s, const struct session_tcp *r, const struct tcp_segment *g)
{
	if (unlikely(!segment_in_window(s, r, g)))
		return WEFT_DROP_TCP_WINDOW;
	if (unlikely((s->flags & (SIDE_FIN | SIDE_LOOSE)) == SIDE_FIN && seq_after(g->end, s->end)))
		return WEFT_DROP_TCP_WINDOW;
	return 0;
}

static inline bool acks_fin(const struct session_tcp *r, const struct tcp_segment *g)
{
	return (r->flags & (SIDE_FIN | SIDE_FIN_ACKED)) == SIDE_FIN && !seq_after(r->end, g->ack);
}

static enum weft_drop take_events(struct session *s, struct session_tcp *own,
	struct session_tcp *peer, const struct tcp_segment *g)
{
	enum weft_drop drop = syn_acked(s, peer);

	if (drop == 0 && (g->flags & TCP_FLAG_FIN) && !(own->flags & SIDE_FIN)) {
		set_flags(own, SIDE_FIN, 0);
		drop = step(s, TCP_EVENT_FIN);
	}
	if (drop == 0 && acks_fin(peer, g)) {
		set_flags(peer, SIDE_FIN_ACKED, 0);
		drop = step(s, TCP_EVENT_FIN_ACKED);
	}
	return drop;
}

/* Neither SYN nor RST, so it acknowledges something. */
static enum weft_drop take_ack(struct session *s, struct session_tcp *own, struct session_tcp *peer,
	const struct tcp_segment *g)
{
	enum weft_drop drop;

	if (s->tcp_state == TCP_SYN_SENT)
		return own->flags & SIDE_SILENT ? 0 : WEFT_DROP_TCP_STATE;
	if (g->fragmented)
		set_flags(own, SIDE_LOOSE, 0);
	drop = judge(own, peer, g);
	if (drop)
		return drop;
	if ((peer->flags & (SIDE_UNACKED | SIDE_LOOSE)) == SIDE_UNACKED && !acks_syn(peer, g))
		return WEFT_DROP_TCP_WINDOW;
	if ((g->flags & TCP_FLAG_FIN) && !(own->flags & SIDE_LOOSE) && seq_after(own->end, g->end))
		return WEFT_DROP_TCP_WINDOW;
	if (own->flags & SIDE_SILENT)
		side_pick_up(own, g, seq_max(own->end, g->end));
	side_advance(own, g);
	return take_events(s, own, peer, g);
}

/* What may change the state. */
static __rte_noinline enum weft_drop take_slow(struct session_dir *d, const struct rte_mbuf *m,
	const struct pkt_meta *meta, const struct tcp_segment *g)
{
	struct session_tcp *own = &d->tcp, *peer = &session_peer(d)->tcp;
	struct session *s = session_of(d);
	enum weft_drop drop;

	if (!flags_ok(g->flags))
		return WEFT_DROP_TCP_FLAGS;
	session_lock(s);
	if (g->flags & TCP_FLAG_SYN)
		drop = take_syn(s, own, peer, g, read_offer(m, meta));
	else if (g->flags & TCP_FLAG_RST)
		drop = take_rst(s, own, peer, g);
	else
		drop = take_ack(s, own, peer, g);
	session_unlock(s);
	return drop;
}

enum weft_drop track_tcp_packet(
	struct session_dir *d, const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	struct session_tcp *own = &d->tcp, peer;
	struct tcp_segment g;
	enum weft_drop drop;

	if (unlikely(meta->flags & PKT_LATER_FRAGMENT))
		return 0;
	g = segment_read(m, meta);
	peer = side_read(&session_peer(d)->tcp);
	if (unlikely(g.flags != TCP_FLAG_ACK || g.fragmented ||
		     ((own->flags | peer.flags) & SIDE_OPENING) || acks_fin(&peer, &g)))
		return take_slow(d, m, meta, &g);
	drop = judge(own, &peer, &g);
	if (likely(drop == 0))
		side_advance(own, &g);
	return drop;
}

/* What the receiver has acknowledged is not less than what it allows, less its largest window. */
bool track_tcp_quote(struct session_dir *d, uint32_t seq)
{
	struct session_tcp sender = side_read(&session_peer(d)->tcp), receiver = side_read(&d->tcp);
	uint32_t first = receiver.max_end - receiver.max_win - PROBE;

	if (sender.flags & (SIDE_SILENT | SIDE_LOOSE))
		return true;
	if (receiver.flags & SIDE_SILENT)
		first = __atomic_load_n(&session_peer(d)->tcp.start, __ATOMIC_RELAXED);
	return !seq_after(seq, sender.end) &&
	       ((receiver.flags & SIDE_LOOSE) || !seq_after(first, seq));
}

enum weft_drop track_tcp_begin(const struct rte_mbuf *m, const struct pkt_meta *meta, bool strict)
{
	struct tcp_segment g = segment_read(m, meta);

	if (!flags_ok(g.flags))
		return WEFT_DROP_TCP_FLAGS;
	if (g.flags == TCP_FLAG_SYN)
		return 0;
	if (strict || (g.flags & (TCP_FLAG_SYN | TCP_FLAG_RST)))
		return WEFT_DROP_TCP_STATE;
	return 0;
}

void track_tcp_first(struct session *s, const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	struct session_tcp *own = &s->dir[0].tcp, *peer = &s->dir[1].tcp;
	struct tcp_segment g = segment_read(m, meta);

	*own = *peer = (struct session_tcp){.flags = SIDE_SILENT};
	s->tcp_state = g.flags & TCP_FLAG_SYN ? TCP_SYN_SENT : TCP_PICKED_UP;
	session_set_state(s, WEFT_TIMEOUT_TCP_OPENING, false);
	if (s->tcp_state == TCP_SYN_SENT) {
		side_open(own, &g, read_offer(m, meta));
		return;
	}
	own->flags = SIDE_UNACKED;
	side_pick_up(own, &g, g.end);
	/* Until it is heard, as much as there can be. */
	*peer = (struct session_tcp){
		.end = g.ack,
		.max_end = g.end + WIN_MAX,
		.max_win = WIN_MAX,
		.flags = SIDE_SILENT | SIDE_LOOSE,
	};
	take_events(s, own, peer, &g);
}

/* That one of them was closing was not told to who has left it: its FIN comes again. */
enum weft_timeout track_tcp_resume(struct session *s)
{
	for (unsigned int i = 0; i < 2; i++)
		s->dir[i].tcp.flags &= SIDE_LOOSE | SIDE_CHALLENGED;
	s->tcp_state = TCP_ESTABLISHED;
	return tcp_states[TCP_ESTABLISHED].timeout;
}

const char *track_tcp_state_name(uint8_t state)
{
	return tcp_states[state].name;
}
