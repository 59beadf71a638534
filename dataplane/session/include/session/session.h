/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions: tracked connections, each with two directions, in one table shared by all workers.
 *
 * A direction is found by what its packets look like when they enter this host: segment, addresses,
 * protocol, ports. It holds the whole decision for them: where they go, how they are rewritten, and
 * the epoch (table/config.h) that the decision was made in.
 *
 * Memory: SESSION_SIZE bytes per session, touched as they come, and buckets with 4 places of 8
 * bytes for each session that there may be, or up to twice as many: 352 to 384 bytes in all.
 * Sessions are made by the worker that sees the first packet, out of its own free list; that worker
 * ages and frees them.
 *
 * Threads and races:
 *  - Finding takes no lock. Whoever found a session may use it until its next quiescent state.
 *  - A worker that changes the decision of a direction holds the session's lock, sets epoch to 0
 *    first and to the new epoch last; a reader that takes a copy of the decision reads epoch before
 *    and after (session_dir_read).
 *  - Counters, seen_s and the TCP fields of a direction are written by the worker that got the
 *    packet, without a lock: two queues that deliver one direction at the same time may lose a
 *    count, never more.
 *  - Lock order: session, then bucket. The packet path takes no lock for a hit.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include <table/config.h>
#include <weft/addr.h>
#include <weft/drop_reason.h>
#include <weft/limits.h>
#include <weft_bpf/tcp_window.h>

/* ICMP queries and their replies have their identifier as both ports, protocols without ports 0. */
struct session_key {
	struct weft_addr src;
	struct weft_addr dst;
	uint16_t sport; /* host order */
	uint16_t dport;
	uint16_t segment; /* slot in which packets of this direction enter */
	uint8_t proto;
	uint8_t icmp_type; /* ICMP: a request answers no request; other protocols: 0 */
};
static_assert(sizeof(struct session_key) == 40, "hashed without padding");

enum session_dir_flag {
	SESSION_DIR_ROUTED = 1 << 0, /* MACs are replaced and the TTL goes down */
	SESSION_DIR_FDB = 1 << 1,    /* destination is a learned MAC: look it up for each packet */
	SESSION_DIR_TRANSLATED = 1 << 2, /* addresses and ports become those of the other key */
	SESSION_DIR_TCP = 1 << 3,	 /* the tracker must see each packet */
	SESSION_DIR_TRACKED = 1 << 4,	 /* it must, whatever the protocol: not answered yet */
	SESSION_DIR_REPLY = 1 << 5,	 /* the second of the two */
	SESSION_DIR_OFFLOAD = 1 << 6,	 /* programs in the kernel may carry it out */
	SESSION_DIR_OFFLOADED = 1 << 7,	 /* they do (session/offload.h): not part of a decision */
	/* track_packet must be called. */
	SESSION_DIR_ASK = SESSION_DIR_TCP | SESSION_DIR_TRACKED | SESSION_DIR_OFFLOADED,
};

/* What a direction's packets get. */
struct session_decision {
	dest_t dest;
	uint16_t in;		  /* port slot that it must come from; 0: a tunnel */
	uint16_t out_segment;	  /* slot; its VNI is sent */
	uint16_t mss;		  /* clamp the MSS of SYNs to this; 0: leave it */
	uint8_t flags;		  /* enum session_dir_flag */
	uint8_t match_macs[12];	  /* destination and source MAC that packets must have */
	uint8_t rewrite_macs[12]; /* the ones they get, with SESSION_DIR_ROUTED */
	uint32_t flow_hash;	  /* of all its packets, with SESSION_DIR_OFFLOAD */
};

struct session_dir {
	/* The first line: read by each packet, written when decided. */
	struct session_key key;
	_Atomic uint32_t epoch; /* 0: not decided */
	dest_t dest;		/* from here on as in struct session_decision */
	uint16_t in;
	uint16_t out_segment;
	uint16_t mss;
	uint8_t flags;
	uint8_t pad;
	uint32_t flow_hash;	   /* not read by packets */
	_Atomic uint32_t imported; /* offload.c's */
	/* The second line: written by each packet. */
	uint8_t match_macs[12];
	uint8_t rewrite_macs[12];
	_Atomic uint64_t packets;
	_Atomic uint64_t bytes;	 /* of frames, as in weft/stats.h */
	_Atomic uint32_t seen_s; /* clock_s() of the last packet; 0: none yet */
	struct session_tcp tcp;
} __attribute__((aligned(64)));
static_assert(sizeof(struct session_dir) == 128, "two lines");
static_assert(offsetof(struct session_dir, match_macs) == 64, "the second line");

/* Which timeout holds: the states of all protocols in one list, WEFT_TIMEOUT_*. */
struct session {
	struct session_dir dir[2]; /* as the first packet went, and the answers */
	/* The third line: rarely written. */
	_Atomic uint32_t lock;
	_Atomic uint8_t state; /* enum weft_timeout */
	uint8_t tcp_state;     /* track_tcp.c's */
	uint8_t owner;	       /* worker */
	_Atomic uint8_t flags; /* enum session_flag */
	uint16_t network;      /* slots */
	uint16_t tenant;
	uint16_t charged; /* the port whose quota it uses */
	uint16_t
		port[2]; /* local ports at the ends: [0] sends dir[0], [1] receives it; 0: remote */
	uint16_t
		ruleset[2]; /* slots of the rule sets whose rules let it pass there; 0: a default */
	uint32_t port_id[2];   /* ids of those ports: a slot may get another port */
	uint32_t rule[2];      /* ids of the rules */
	uint32_t policy_epoch; /* in which policy was last judged */
	uint32_t created_s;
	uint32_t wheel_next, wheel_prev; /* ageing, or free lists: the owner's */
	uint16_t wheel_slot;		 /* plus one; 0: in none */
	uint16_t magazine_n;		 /* pool.c's */
	uint32_t offload;		 /* offload_pair.c's; 0: none */
};
static_assert(sizeof(struct session) == 320, "five lines");
#define SESSION_SIZE sizeof(struct session)

enum session_flag {
	SESSION_HALF_OPEN = 1 << 0, /* no answer yet: counts as half open */
	SESSION_DEAD = 1 << 1,	    /* removed; readers that still hold it treat it as not found */
	SESSION_LIVE = 1 << 2,	    /* complete; stays when it dies */
	SESSION_GHOST = 1 << 3,	    /* a copy, in no table */
	SESSION_PLAIN = 1 << 4,	    /* of a segment that needs none; only for the kernel */
};

/* The session that a direction is part of. */
static inline struct session *session_of(struct session_dir *d)
{
	return (struct session *)(d - ((d->flags & SESSION_DIR_REPLY) != 0));
}

/* The other direction. */
static inline struct session_dir *session_peer(struct session_dir *d)
{
	return d->flags & SESSION_DIR_REPLY ? d - 1 : d + 1;
}

/* Seeded at start, so that nobody can choose keys that meet in one bucket. */
extern uint64_t session_seed[2];

static inline uint64_t session_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 r = (unsigned __int128)a * b;

	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

static inline uint64_t session_hash(const struct session_key *k)
{
	uint64_t w[5], h;

	memcpy(w, k, sizeof(w));
	h = session_mix(w[0] ^ session_seed[0], w[1] ^ session_seed[1]) ^
	    session_mix(w[2] ^ session_seed[1], w[3] ^ session_seed[0]);
	return session_mix(h ^ session_seed[0], w[4] ^ session_seed[1]);
}

/* max: sessions in all, SESSION_MIN..SESSION_MAX. Memory is taken as sessions come. Main thread,
 * before the workers. Returns 0 or -errno. */
#define SESSION_MIN	WEFT_MIN_SESSIONS
#define SESSION_MAX	WEFT_MAX_SESSIONS
#define SESSION_DEFAULT WEFT_DEFAULT_SESSIONS
int session_init(uint32_t max, unsigned int n_workers);
void session_fini(void);

/* Where keys are, bucket.c's. */
struct session_bucket;
extern struct session_bucket *session_buckets;
extern uint64_t session_buckets_mask;
#define SESSION_BUCKET_SIZE 64

/* Worker. Brings the place nearer of a key with that hash, which will be asked for, or put in,
 * soon. */
static inline void session_find_soon(uint64_t hash)
{
	rte_prefetch0(
		(uint8_t *)session_buckets + (hash & session_buckets_mask) * SESSION_BUCKET_SIZE);
}

/* Worker. ret[i]: the direction with keys[i], or NULL. n <= SESSION_BULK_MAX. hashes as
 * session_hash makes them; waits for memory unless session_find_soon was called for each, a while
 * ago. One that is being removed at this moment may still be found: it has
 * epoch 0, and who takes its lock sees SESSION_DEAD. */
#define SESSION_BULK_MAX 64
void session_find_bulk(const struct session_key *keys, const uint64_t *hashes, unsigned int n,
	struct session_dir **ret);
/* As session_find_bulk; a dead session counts as none. The main thread too, as a reader. */
struct session_dir *session_find(const struct session_key *key);

/* What is known of a session that another data plane has left in the fast path's tables. */
struct session_past {
	uint32_t pair;	 /* offload_pair.c's, which it is in */
	uint32_t idle_s; /* since its last packet */
	struct session_tcp tcp[2];
};

/* Worker. What a new session is made of; its decisions come later (session_decide). */
struct session_new {
	struct session_key key[2];
	const struct config_network *network;
	const struct config_tenant *tenant; /* NULL: no quota */
	const struct config_port *charged;  /* the port that it counts for; never NULL */
	uint16_t port[2], ruleset[2];	    /* as in struct session */
	uint32_t port_id[2], rule[2], policy_epoch;
	const struct session_past *past; /* NULL: it begins now */
	bool plain;			 /* SESSION_PLAIN */
};
/* A session that is in the table but for its tracker's state, which the caller fills under the lock
 * that it gets it with (session_unlock); it is half open, in the first state of its protocol. NULL
 * with *ret_drop: SESSION_TABLE_FULL, SESSION_PORT_LIMIT, SESSION_TENANT_LIMIT, SESSION_RATE or
 * HALF_OPEN_LIMIT. When one of the keys is in the table already, NULL with *ret_drop 0: look it up
 * again.
 *
 * A port without limits of its own may have half of all sessions, and a quarter of all that are
 * half open; a tenant without one four for each place that is free.
 *
 * Those of plain segments use up no port's or tenant's limits and rates. They have a part of the
 * table, of which a tenant may have four for each place that is free there, half of them half open.
 *
 * One with a past is established, which no rate limits, and in the fast path's tables already. */
struct session *session_insert(
	unsigned int worker, const struct session_new *n, enum weft_drop *ret_drop);
/* What a packet would do, tried on copies: the functions that change a session, session_remove
 * apart, change a ghost and nothing else. Main thread, as a reader. */
void session_ghost(const struct session *s, struct session *ret);
/* What removing sessions would have made room for. */
struct session_freed {
	unsigned int n;
	const struct session *sessions[8];
};
/* What session_insert would refuse it with, or 0; takes no quota. That there is no memory is not
 * foreseen. session_insert looks for the keys only after this: that is the caller's to do. */
enum weft_drop session_would_refuse(const struct session_new *n, const struct session_freed *freed);
/* The ghost of what session_insert would return, locked as that is. */
void session_ghost_new(const struct session_new *n, struct session *ret);
/* Any worker, without the session's lock; the main thread too, as a reader (core/rcu.h). Takes it
 * out of the table at once; its owner frees it later. */
void session_remove(struct session *s);

/* Spins. It may be dead by then: see its flags. */
void session_lock(struct session *s);
void session_unlock(struct session *s);
/* With the lock: the decision for packets of d, from now on, in that epoch. */
void session_decide(struct session_dir *d, const struct session_decision *dec, uint32_t epoch);
/* Without: a copy of what holds in that epoch. False: nothing does. */
bool session_dir_read(const struct session_dir *d, uint32_t epoch, struct session_decision *ret);
/* A packet of d, whose frame has so many bytes, passes. Workers. */
static inline void session_count(struct session_dir *d, uint32_t bytes, uint32_t now_s)
{
	uint64_t n = atomic_load_explicit(&d->packets, memory_order_relaxed);
	uint64_t b = atomic_load_explicit(&d->bytes, memory_order_relaxed);

	atomic_store_explicit(&d->packets, n + 1, memory_order_relaxed);
	atomic_store_explicit(&d->bytes, b + bytes, memory_order_relaxed);
	if (unlikely(atomic_load_explicit(&d->seen_s, memory_order_relaxed) != now_s))
		atomic_store_explicit(&d->seen_s, now_s, memory_order_relaxed);
}
/* With the lock: it has another state. Ends SESSION_HALF_OPEN when answered; a shorter timeout is
 * told to the owner's wheel. */
void session_set_state(struct session *s, enum weft_timeout state, bool answered);

/* Worker, once per round: ends what is over; frees what no reader can hold any more. Looks at no
 * more than SESSION_AGE_MAX sessions, however many end in one second, are removed or swept: the
 * next calls go on. And at two for each that has begun since the last call, up to
 * SESSION_AGE_NEW_MAX, so that no rate of new ones fills the table with those that are over. True:
 * there is more to do, so don't sleep. */
#define SESSION_AGE_MAX	    96
#define SESSION_AGE_NEW_MAX 512
bool session_age(unsigned int worker, const struct config *cfg);
/* Main thread: ports or networks are gone, and no worker has a configuration with them any more.
 * Their sessions end soon; without this, when their time is over. */
void session_sweep(void);
/* Seconds since its last packet, or its first; it may have been before this process began. */
int32_t session_idle_s(const struct session *s);
/* The second (clock_s) in which it ends if no packet comes. */
uint32_t session_ends_s(const struct session *s, const struct config *cfg);

/* Main thread, about every millisecond: touches memory before workers need it; a host without
 * networks takes none. */
void session_prepare(void);

/* RCU readers, the main thread when it is one: walks all sessions, those that come and go meanwhile
 * perhaps. *cursor starts at 0. Looks at no more than *budget places, which it counts
 * down: NULL with *budget 0 means go on later, NULL with some left the end. */
struct session *session_next(uint32_t *cursor, uint32_t *budget);

struct session_stats {
	uint64_t n, half_open, max;	  /* now */
	uint64_t created, ended, refused; /* since start */
	uint64_t looked;		  /* at how many ageing has, since start */
	uint64_t bytes;			  /* memory in use */
};
void session_stats(struct session_stats *ret);
/* Of one port or tenant slot, now. */
uint32_t session_count_port(uint16_t slot);
uint32_t session_count_tenant(uint16_t slot);

#endif
