/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions of kernel ports in the tables of the BPF fast path (weft_bpf/session.h), which then
 * carries their packets; what it leaves as a miss comes here as any other packet.
 *
 * A session is put in by its owner, a round after it was answered, when both directions have a
 * decision that holds and all that it needs is in the kernel (SESSION_DIR_OFFLOAD). It is taken out
 * when that ends: a connection closes, a direction is decided anew, the session is removed. A pair
 * of entries stays its session's for as long as that lives, so that what was counted there stays
 * true: a session's counters are its own and those of its entries. A pair that its owner lets go is
 * nobody's until no program and no reader can hold it any more.
 *
 * TCP: each side has sent as far as the session or its entry says, whichever is more. Both are
 * brought to that before a packet of such a session is judged here, and after.
 *
 * Plain segments have sessions for the sake of the tables alone (SESSION_PLAIN). Those stand on the
 * FDB, as others do that are switched to a learned MAC (SESSION_DIR_FDB): they are put in while it
 * has their MACs, learned ones too, where they are thought to be, and are revoked when one of those
 * moves. Learned MACs that only programs see are kept from ageing by their sessions' owners. What
 * is routed to a learned MAC stays here: it enters by another segment than the MAC is learned in.
 *
 * Whole segments are revoked by one store into weft_epochs, at commit and when a learned MAC moves.
 * Epochs of the tables are numbers of their own, which go on above those of a data plane before
 * this one.
 *
 * What a data plane before this one has left goes on until this one has its first configuration.
 * Then its sessions are adopted (offload_adopt.c), and by the end of that commit they are revoked:
 * from then on all is decided by this configuration.
 */
#ifndef SESSION_OFFLOAD_H
#define SESSION_OFFLOAD_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <session/session.h>
#include <weft_bpf/session.h>
#include <weft_bpf/tunnel.h>

/* Memory shared with the kernel. The caller's, until offload_detach. */
struct offload_tables {
	struct weft_bpf_control *control;
	struct weft_bpf_epoch *epochs; /* WEFT_MAX_SEGMENTS */
	struct weft_bpf_bucket *buckets;
	struct weft_bpf_dir *dirs;
	struct weft_bpf_tunnel *tunnels; /* WEFT_MAX_VTEPS */
	uint32_t n_buckets;		 /* a power of two */
	uint32_t n_dirs;
};

/* From the next offload_commit on sessions are put in there; until then all stays as another data
 * plane left it. Main thread, after session_init; workers may run. Returns 0, -EINVAL (no power of
 * two, too small), -EBUSY (there are tables already) or -ENOMEM. Mark and seed were made with the
 * tables. */
int offload_attach(const struct offload_tables *t, uint64_t boot_id);
/* Main thread; no worker runs any more. Leaves the tables as they are: kernel ports go on. */
void offload_detach(void);

/* What a port's slot is to programs. An uplink's too. */
struct offload_port {
	uint32_t ifindex; /* 0: nothing that programs know */
	uint16_t max_l3;  /* largest IP packet that it takes */
	uint16_t flags;	  /* WEFT_BPF_DIR_PEER, WEFT_BPF_DIR_XDP; WEFT_BPF_TUNNEL_DELIVER << 8 */
};
#define OFFLOAD_PORT_DELIVER (WEFT_BPF_TUNNEL_DELIVER << 8)
extern uint64_t offload_ports[WEFT_MAX_PORTS]; /* each is written as one word */
static_assert(sizeof(struct offload_port) == sizeof(uint64_t), "one word");

/* The port as offload_set_port said. Any thread. */
static inline struct offload_port offload_port_at(uint16_t slot)
{
	uint64_t word = __atomic_load_n(&offload_ports[slot], __ATOMIC_RELAXED);
	struct offload_port p;

	memcpy(&p, &word, sizeof(p));
	return p;
}

/* Main thread. Unless the port only comes, or went with the configuration, sessions of its network,
 * of an uplink all, are judged by the data plane once more before programs carry them again. */
void offload_set_port(uint16_t slot, const struct offload_port *port);

/* Main thread. next was just published in place of old; both still exist. Revokes what it makes
 * stale, writes the tunnels that it changes. The first one makes sessions of what was left in the
 * tables, before any port of next is opened. */
void offload_commit(const struct config *old, const struct config *next);
/* Main thread. What the FDB says of a learned MAC of that segment has just changed, on which
 * sessions there may stand (table/learn.h). */
void offload_moved(uint16_t segment);
/* Main thread. The commit is done and its ports are open, as far as they can be: what was left in
 * the tables and goes on is revoked. That happens by itself when it takes longer than a second. */
void offload_settled(void);
/* Workers are to receive nothing: what comes may be of a session that is not adopted yet. */
extern _Atomic bool offload_adopting;
static inline bool offload_is_adopting(void)
{
	return atomic_load_explicit(&offload_adopting, memory_order_acquire);
}
/* Main thread, about every millisecond. */
void offload_tick(void);

/* A packet of a direction with SESSION_DIR_OFFLOADED has come here. Before the tracker: takes in
 * what programs saw. Workers. */
void offload_import(struct session *s);
/* After it: gives them what they did not see; puts the session in again if it was revoked. */
void offload_export(struct session_dir *d);
/* Packets of s, which stands on the FDB, come here though they need not: its owner looks whether
 * what was missing is there. Now and then. Workers. */
void offload_retry(const struct session *s);

struct rte_mbuf;
/* Would programs carry m, which is parsed and of that direction with its decision, if it came now?
 * Main thread, as a reader. */
bool offload_takes(const struct session_dir *d, const struct rte_mbuf *m);

/* All that was seen of a direction, here and there. Any thread that may hold the session. */
struct session_traffic {
	uint64_t packets;
	uint64_t bytes;
	uint32_t seen_s; /* 0: never */
};
void session_traffic(const struct session_dir *d, struct session_traffic *ret);

/* Programs carry both its directions, now. Any thread that may hold the session. */
bool offload_carries(const struct session *s);

struct offload_stats {
	uint64_t n;	  /* sessions that programs carry, now */
	uint64_t full;	  /* since start: not put in, for want of a place in their bucket */
	uint64_t empty;	  /* since start: ... of a pair of entries */
	uint64_t adopted; /* since start */
};
void offload_stats(struct offload_stats *ret);

#endif
