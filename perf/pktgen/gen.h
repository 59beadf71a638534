/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The generator at work: ports and streams as the loop sees them. One thread runs trials
 * (gen_trial) and owns everything here; counters may be read by another one meanwhile.
 */
#ifndef PKTGEN_GEN_H
#define PKTGEN_GEN_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "flow.h"
#include "hdr.h"
#include "headers.h"
#include "pace.h"
#include "profile.h"
#include "seq.h"
#include "verify.h"

#define GEN_BURST_MAX 128

struct gen;
struct tcp;

struct gen_port {
	uint16_t id; /* of DPDK */
	uint16_t n_rxq;
	bool receives;
	uint64_t tenants[4];			      /* bit: a stream of this tenant ends here */
	struct gen_stream *unmarked_stream;	      /* the stream without marks that ends here */
	struct tcp *connections[PROFILE_STREAMS_MAX]; /* that begin or end here */
	uint32_t n_connections;
	/* Of this trial: */
	uint64_t packets, bytes;
	uint64_t unmarked;     /* nobody's: no mark, or a damaged one */
	uint64_t stale;	       /* of an earlier trial */
	uint64_t misdelivered; /* of a stream that ends elsewhere */
	uint64_t leaked;       /* the same, and of a tenant that has nothing here */
	uint32_t unverified;   /* since the last one that was looked at */
};

struct gen_stream {
	const struct stream_spec *spec;
	struct gen_port *tx, *rx; /* NULL: none */
	uint8_t index;

	/* Sending. */
	struct headers_layout layout;
	struct headers *headers;	   /* one for each size */
	struct rte_mempool **pools;	   /* one for each size: marks stay where they are */
	uint8_t sizes[PROFILE_WEIGHT_MAX]; /* which size is next; one: always that one */
	uint32_t n_sizes, at_size;
	struct flow_gen flows;
	bool plain, vary_macs, full_drops, paced;
	bool off; /* not of the scenario that was selected */
	struct pace pace;
	uint32_t id, seq;
	uint32_t n_pending; /* built and not yet taken by the port */
	struct rte_mbuf *pending[GEN_BURST_MAX];
	uint16_t pending_size[GEN_BURST_MAX];
	uint64_t limit; /* packets to send, refused ones too */
	uint64_t sent, sent_bytes;
	uint64_t refused;      /* due, but the port was full */
	uint64_t last_refused; /* when */
	uint64_t missed;       /* not sent in time by the generator itself, and given up */
	uint64_t no_mbufs;

	/* Receiving. */
	bool synced; /* the first number is known */
	uint64_t received, received_bytes;
	uint64_t verified, bad_checksums; /* looked at, and wrong; received, too */
	struct seq_tracker seq_tracker;
	struct hdr latency; /* cycles */

	struct tcp *tcp; /* kind connections */
};

struct gen {
	const struct profile *profile;
	uint64_t hz;
	uint32_t burst;
	uint32_t n_mbufs; /* of each pool for sending */
	uint16_t n_rxq, n_desc;
	uint8_t epoch;
	enum verify_mode verify;
	uint32_t verify_at;		/* which one of a burst is next */
	volatile bool stop;		/* ends the trial; signal handlers set it */
	volatile bool active;		/* a trial is running */
	uint64_t cpu_ns;		/* that the thread had of a CPU while it sent */
	uint64_t began, changed, ended; /* when sending began, changed its rate, ended; cycles */
	uint32_t n_ports, n_streams;
	struct gen_port ports[PROFILE_PORTS_MAX];
	struct gen_stream *streams[PROFILE_STREAMS_MAX];
};

/* Prepares the streams of g->profile for g->ports. Returns 0 or a negative error; says why. */
int gen_init(struct gen *g);
void gen_fini(struct gen *g);
/* From now on only streams of that scenario, or of none, send, the foreground ones packets of their
 * size number size alone. */
void gen_select(struct gen *g, const char *scenario, uint32_t size);

/* What trials are about: their rate is searched for, their loss counts. */
static inline bool gen_is_foreground(const struct gen_stream *s)
{
	return !s->off && !s->spec->background;
}

/* What the foreground streams do; background ones do what the profile says. */
struct gen_load {
	double rate;	  /* packets per second of all together; 0: what the profile says */
	double duration;  /* seconds */
	uint64_t packets; /* of each stream at most; 0: no limit. As fast as it goes, without
			     waiting */
	bool prime;	  /* all streams, background ones too, send as many packets as they have
			     flows, each at rate, and wait while a port is full */
	bool ping_pong;	  /* one packet in flight: the next one leaves when the last one came */
	double then_rate; /* 0: nothing. Behind that, in the same trial, at this rate */
	double then_duration;
};

/* Runs one trial: clears counters, sends for the duration, receives what is on its way. Returns 0,
 * or -EINTR when g->stop was set. */
int gen_trial(struct gen *g, const struct gen_load *load);

/* Packets of foreground streams of this trial. */
struct gen_totals {
	uint64_t sent, refused, received, lost;
	uint64_t offered; /* sent and refused */
	double seconds;	  /* that was sent for */
	double cpu;	  /* share of them in which the thread had a CPU */
};
void gen_totals(const struct gen *g, struct gen_totals *ret);
/* Packets that s sent and nobody received. */
uint64_t gen_stream_lost(const struct gen_stream *s);

/* tx.c: sends what is due. */
void tx_poll(struct gen *g, struct gen_stream *s, uint64_t now);
/* Fills m, fresh from a pool, with a packet of the headers and the flow. */
void tx_fill(const struct gen_stream *s, const struct headers *h, struct rte_mbuf *m,
	const struct flow_fields *f);
/* True when a layout is that of plain UDP over IPv4, for which there is a faster loop. */
bool tx_is_plain(const struct headers_layout *l);
/* rx.c: receives what is there. Returns the number of packets. */
uint32_t rx_poll(struct gen *g, struct gen_port *p);

#endif
