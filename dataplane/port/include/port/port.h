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

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

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

/* What the fast path's programs are to a port that sits on a kernel interface (weft/msg.h). */
struct port_fastpath {
	uint32_t mark;	  /* of packets that a program leaves to the data plane; 0: there is none */
	uint32_t ifindex; /* the interface that has a program; 0: this port's has none */
};

struct port;

struct port_ops {
	enum weft_port_kind kind;
	/* Makes the device ready. Fills p->priv, n_rxq, n_txq (p->n_workers threads will send),
	 * offloads and max_frame, and says by port_set_link when there is a link. fd is the
	 * descriptor sent with the op or -1; it is the caller's. Returns 0, or port_fail(): -errno
	 * with a sentence in p->text; then nothing is left behind and open is tried again later. */
	int (*open)(struct port *p, int fd);
	/* Frees everything open made. Never fails. */
	void (*close)(struct port *p);
	/* Up to n frames of that queue into pkts (ownership passes to the caller); broken
	 * descriptors are counted in p->rx_errors. Never blocks. */
	uint16_t (*rx)(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n);
	/* Takes ownership of the first (returned number) frames; the rest stay the caller's. May
	 * reorder the array: those that it did not take come last. */
	uint16_t (*tx)(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n);
	/* Optional: refreshes the link (port_set_link) and p->text from the device; about every
	 * 100 ms. Returns true when the device is gone for good and the port must be closed and
	 * opened anew. */
	bool (*poll_state)(struct port *p);
	/* Optional: p->fastpath has changed; open looks at it by itself. Returns 0, or -errno: then
	 * the port says at its next poll_state that it must be opened anew. */
	int (*set_fastpath)(struct port *p);
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
	bool link;	    /* what the device says; state follows from it; under state_lock */
	bool stopped;	    /* about to be closed: not up whatever the link; under state_lock */
	bool is_open;	    /* main thread */
	LIST_ENTRY(port) link_open;    /* main thread */
	uint16_t n_workers;	       /* threads that send */
	uint32_t device_max_frame;     /* what the device takes, whatever the MTU */
	uint32_t ifindex;	       /* kernel interface that it sits on, while open; 0: none */
	struct port_fastpath fastpath; /* main thread */
	rte_spinlock_t state_lock;

	struct weft_port spec;
	_Atomic uint64_t rx_errors; /* frames lost on the way in by fault of the peer */
	char text[120];		    /* why it is not up; main thread */
	rte_spinlock_t tx_lock[WEFT_PORT_QUEUES];
};

/* Ethernet header and one VLAN tag: what a frame has beyond its IP packet. */
#define PORT_FRAME_OVERHEAD 18
/* Room that rx leaves in front of each frame for encapsulation. */
#define PORT_HEADROOM 128
static_assert(RTE_PKTMBUF_HEADROOM >= PORT_HEADROOM, "the mempools' headroom suffices");

/* The ops of a kind, or NULL when the kind is not built in. */
const struct port_ops *port_ops_find(enum weft_port_kind kind);
/* Adds a kind that is not built in (the test double). Before any port exists. */
void port_ops_register(const struct port_ops *ops);

/* A port for spec, not open yet (state MISSING). NULL: out of memory. */
struct port *port_new(const struct weft_port *spec, uint16_t slot);
/* Tries to open; on success state is DOWN or UP. n_workers: how many threads will call port_tx,
 * each with its own number below n_workers. Returns 0 or -errno with p->text set; -EADDRINUSE
 * when another open port has the device. */
int port_open(struct port *p, int fd, unsigned int n_workers);
/* Refreshes state and text; the caller's turn every 100 ms. Returns as ops->poll_state. */
bool port_poll_state(struct port *p);
/* Takes over a spec for which port_same_device holds: MTU, WEFT_PORT_ADMIN_DOWN (state is DOWN as
 * long as it is set) and what the device does not see. */
void port_update(struct port *p, const struct weft_port *spec);
/* Before it is opened, or while it is open: what programs are to it, from now on. With a program on
 * its interface rx gives only what that leaves to the data plane, without one all else: frames that
 * a program has seen and those that it hands on are not both taken. Returns 0 or -errno: then it
 * is stopped (port_stop) and must be opened anew. Main thread. */
int port_set_fastpath(struct port *p, const struct port_fastpath *f);
/* The port is about to be closed: it is not up from now on, whatever a peer makes of its link,
 * until it is opened again. */
void port_stop(struct port *p);
/* Back to MISSING: closes the device, keeps the port for a later port_open. No worker is inside. */
void port_close(struct port *p);
/* From now on closing keeps what open made in the kernel and a guest lives on (a TAP interface):
 * the process ends, its ports do not. */
void port_keep_devices(void);
bool port_keeps_devices(void);
/* Closes if open and frees. Accepts NULL. */
void port_free(struct port *p);
/* True when a port opened for a can serve b without being closed (addresses, limits, MTU and flags
 * that the device does not see may differ). */
bool port_same_device(const struct weft_port *a, const struct weft_port *b);

/* For the kinds. The device got or lost its link; any thread that is not a worker. */
void port_set_link(struct port *p, bool up);
/* For the kinds. Sets p->text; returns -error for a positive errno. Main thread. */
int port_fail(struct port *p, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* For the kinds. A frame that the peer broke: frees m and counts it. Accepts NULL. */
void port_rx_error(struct port *p, struct rte_mbuf *m);

static inline bool port_is_up(const struct port *p)
{
	return atomic_load_explicit(&p->state, memory_order_relaxed) == WEFT_PORT_STATE_UP;
}

/* A device may have fewer queues than its port was configured with: the others are empty. */
static inline uint16_t port_rx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	if (unlikely(queue >= p->n_rxq))
		return 0;
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
