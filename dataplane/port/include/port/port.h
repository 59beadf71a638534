/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port: where frames come in and go out. One vtable, one file per kind.
 *
 * Threads: open, close, poll_state and the registry run on the main thread. rx of one queue is
 * called by one worker at a time (the owner of that queue); tx may be called by several workers,
 * each with its own queue number: port_tx() takes the queue's lock when workers share one.
 * close runs after a grace period: no worker is inside rx or tx any more.
 *
 * Offload metadata at this boundary (mbuf ol_flags):
 *   rx: RTE_MBUF_F_RX_L4_CKSUM_NONE = L4 checksum is partial (holds the pseudo-header sum, or
 *       anything), the data is good and whoever sends it on must complete it;
 *       RTE_MBUF_F_RX_LRO + tso_segsz = a GSO frame, checksum partial too. Set only by ports whose
 *       peer may ask for offloads; the parser (pkt/parse.h) checks them against the frame.
 *   tx: the usual DPDK requests (RTE_MBUF_F_TX_IPV4|IPV6, TX_TCP_CKSUM or TX_UDP_CKSUM,
 *       TX_TCP_SEG or TX_UDP_SEG, with l2_len, l3_len, l4_len, tso_segsz and the pseudo-header
 *       sum in place), only when the port's offloads have the bit; else the pipeline completes in
 *       software before tx.
 */
#ifndef PORT_PORT_H
#define PORT_PORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_spinlock.h>

#include <weft/entry.h>
#include <weft/msg.h>

enum port_offload {
	PORT_OFFLOAD_CKSUM = 1 << 0,	/* takes TX_TCP_CKSUM and TX_UDP_CKSUM */
	PORT_OFFLOAD_TSO = 1 << 1,	/* takes TX_TCP_SEG (IPv4 and IPv6) */
	PORT_OFFLOAD_USO = 1 << 2,	/* takes TX_UDP_SEG */
	PORT_OFFLOAD_MULTISEG = 1 << 3, /* takes chained mbufs */
};

struct port;

struct port_ops {
	enum weft_port_kind kind;
	/* Makes the device ready. Fills p->priv, n_rxq, n_txq, offloads and max_frame. fd is the
	 * descriptor sent with the op or -1; it is the caller's. Returns 0, or -errno with a sentence
	 * in p->text; then nothing is left behind and open is tried again later. */
	int (*open)(struct port *p, int fd);
	/* Frees everything open made. Never fails. */
	void (*close)(struct port *p);
	/* Up to n frames of that queue into pkts (ownership passes to the caller); broken
	 * descriptors are counted in p->rx_errors. Never blocks. */
	uint16_t (*rx)(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n);
	/* Takes ownership of the first (returned number) frames; the rest stay the caller's. */
	uint16_t (*tx)(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n);
	/* Optional: refreshes p->state and p->text from the device; about every 100 ms. Returns
	 * true when the device is gone for good and the port must be closed and opened anew. */
	bool (*poll_state)(struct port *p);
};

struct port {
	/* read by workers on every burst */
	const struct port_ops *ops;
	void *priv;
	_Atomic uint8_t state; /* enum weft_port_state; rx and tx are called only when UP */
	uint8_t n_rxq;
	uint8_t n_txq;
	uint16_t slot;	    /* index in tables and statistics, 1.. */
	uint32_t offloads;  /* enum port_offload; vhost: changes when a guest connects */
	uint32_t max_frame; /* largest frame tx takes that is not a GSO frame */
	bool shared_txq;    /* more workers than n_txq */

	struct weft_port spec;
	_Atomic uint64_t rx_errors; /* frames lost on the way in by fault of the peer */
	char text[120];		    /* why it is not up; main thread */
	rte_spinlock_t tx_lock[WEFT_PORT_QUEUES];
};

/* The ops of a kind, or NULL when the kind is not built in. */
const struct port_ops *port_ops_find(enum weft_port_kind kind);

/* A port for spec, not open yet (state MISSING). NULL: out of memory. n_workers sizes tx queues. */
struct port *port_new(const struct weft_port *spec, uint16_t slot);
/* Tries to open; on success state is DOWN or UP. Returns 0 or -errno with p->text set. */
int port_open(struct port *p, int fd, unsigned int n_workers);
/* Closes if open and frees. Accepts NULL. */
void port_free(struct port *p);
/* True when a port opened for a can serve b without being closed (addresses, limits, MTU and flags
 * that the device does not see may differ). */
bool port_same_device(const struct weft_port *a, const struct weft_port *b);

static inline bool port_is_up(const struct port *p)
{
	return atomic_load_explicit(&p->state, memory_order_relaxed) == WEFT_PORT_STATE_UP;
}

static inline uint16_t port_rx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	return p->ops->rx(p, queue, pkts, n);
}

/* worker picks the queue. As ops->tx. */
static inline uint16_t port_tx(
	struct port *p, unsigned int worker, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t queue = worker % p->n_txq, sent;

	if (!p->shared_txq)
		return p->ops->tx(p, queue, pkts, n);
	rte_spinlock_lock(&p->tx_lock[queue]);
	sent = p->ops->tx(p, queue, pkts, n);
	rte_spinlock_unlock(&p->tx_lock[queue]);
	return sent;
}

#endif
