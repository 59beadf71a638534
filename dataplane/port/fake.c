/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The test double (port/fake.h): two rte_rings per queue and switches for failures.
 *
 * Not part of the data plane. rx and tx run on workers, all else on the test's thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_malloc.h>
#include <rte_ring.h>

#include <port/fake.h>

struct fake {
	struct rte_ring *in[WEFT_PORT_QUEUES];
	struct rte_ring *out[WEFT_PORT_QUEUES];
	_Atomic uint32_t accept;
	_Atomic uint32_t rx_errors;
	_Atomic bool link;
	_Atomic bool gone;
	_Atomic bool sink;
};

static char fail_device[WEFT_DEVICE_SIZE];
static int fail_error;
static bool fail_any;

static struct rte_ring *ring_new(void)
{
	struct rte_ring *r = rte_malloc("fake", rte_ring_get_memsize(FAKE_RING_SIZE), 64);

	if (r && rte_ring_init(r, "fake", FAKE_RING_SIZE, RING_F_SP_ENQ | RING_F_SC_DEQ) < 0) {
		rte_free(r);
		return NULL;
	}
	return r;
}

static void ring_free(struct rte_ring *r)
{
	void *m;

	if (!r)
		return;
	while (rte_ring_dequeue(r, &m) == 0)
		rte_pktmbuf_free(m);
	rte_free(r);
}

static void fake_close(struct port *p)
{
	struct fake *f = p->priv;

	for (unsigned int q = 0; q < WEFT_PORT_QUEUES; q++) {
		ring_free(f->in[q]);
		ring_free(f->out[q]);
	}
	rte_free(f);
}

static int rings_make(struct port *p, struct fake *f)
{
	for (unsigned int q = 0; q < p->n_rxq; q++) {
		f->in[q] = ring_new();
		if (!f->in[q])
			return -ENOMEM;
	}
	for (unsigned int q = 0; q < p->n_txq; q++) {
		f->out[q] = ring_new();
		if (!f->out[q])
			return -ENOMEM;
	}
	return 0;
}

static int fake_open(struct port *p, int fd)
{
	struct fake *f;

	if (fail_error && (fail_any || strcmp(fail_device, p->spec.device) == 0))
		return port_fail(p, fail_error, "no such device: %s", p->spec.device);
	f = rte_zmalloc("fake", sizeof(*f), 0);
	if (!f)
		return port_fail(p, ENOMEM, "out of memory");
	p->priv = f;
	p->n_rxq = p->spec.n_queues;
	p->n_txq = RTE_MIN(p->n_workers, p->spec.n_queues);
	p->offloads =
		PORT_OFFLOAD_CKSUM | PORT_OFFLOAD_TSO | PORT_OFFLOAD_USO | PORT_OFFLOAD_MULTISEG;
	p->max_frame = WEFT_MTU_MAX + PORT_FRAME_OVERHEAD;
	f->accept = FAKE_ACCEPT_ALL;
	f->link = true;
	if (rings_make(p, f) < 0) {
		fake_close(p);
		return port_fail(p, ENOMEM, "out of memory");
	}
	port_set_link(p, true);
	return 0;
}

static uint16_t fake_rx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct fake *f = p->priv;

	if (unlikely(f->rx_errors))
		atomic_fetch_add(&p->rx_errors, atomic_exchange(&f->rx_errors, 0));
	return rte_ring_sc_dequeue_burst(f->in[queue], (void **)pkts, n, NULL);
}

/* How many of n frames the test allows now; takes them off the allowance. */
static uint16_t accept_take(struct fake *f, uint16_t n)
{
	uint32_t left = atomic_load(&f->accept), take;

	do {
		if (left == FAKE_ACCEPT_ALL)
			return n;
		take = RTE_MIN(left, (uint32_t)n);
	} while (!atomic_compare_exchange_weak(&f->accept, &left, left - take));
	return take;
}

static uint16_t fake_tx(struct port *p, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	struct fake *f = p->priv;
	uint16_t room = rte_ring_free_count(f->out[queue]);

	if (f->sink) {
		rte_pktmbuf_free_bulk(pkts, n);
		return n;
	}
	n = accept_take(f, RTE_MIN(n, room));
	return rte_ring_sp_enqueue_burst(f->out[queue], (void *const *)pkts, n, NULL);
}

static bool fake_poll_state(struct port *p)
{
	struct fake *f = p->priv;

	port_set_link(p, f->link && !f->gone);
	if (f->gone)
		port_fail(p, ENODEV, "the device is gone");
	else if (!f->link)
		port_fail(p, ENOLINK, "the link is down");
	else
		p->text[0] = '\0';
	return f->gone;
}

static const struct port_ops fake_ops = {
	.kind = WEFT_PORT_FAKE,
	.open = fake_open,
	.close = fake_close,
	.rx = fake_rx,
	.tx = fake_tx,
	.poll_state = fake_poll_state,
};

void fake_register(void)
{
	port_ops_register(&fake_ops);
}

void fake_fail_open(const char *device, int error)
{
	fail_error = error;
	fail_any = device == NULL;
	snprintf(fail_device, sizeof(fail_device), "%s", device ? device : "");
}

bool fake_inject(struct port *p, uint16_t queue, struct rte_mbuf *m)
{
	struct fake *f = p->priv;

	return rte_ring_sp_enqueue(f->in[queue], m) == 0;
}

struct rte_mbuf *fake_capture(struct port *p, uint16_t queue)
{
	struct fake *f = p->priv;
	void *m;

	return rte_ring_sc_dequeue(f->out[queue], &m) == 0 ? m : NULL;
}

struct rte_mbuf *fake_capture_any(struct port *p)
{
	struct rte_mbuf *m = NULL;

	for (uint16_t q = 0; q < p->n_txq && !m; q++)
		m = fake_capture(p, q);
	return m;
}

unsigned int fake_pending_rx(struct port *p, uint16_t queue)
{
	struct fake *f = p->priv;

	return rte_ring_count(f->in[queue]);
}

unsigned int fake_pending_tx(struct port *p, uint16_t queue)
{
	struct fake *f = p->priv;

	return rte_ring_count(f->out[queue]);
}

void fake_set_link(struct port *p, bool up)
{
	((struct fake *)p->priv)->link = up;
}

void fake_set_gone(struct port *p)
{
	((struct fake *)p->priv)->gone = true;
}

void fake_set_tx_accept(struct port *p, uint32_t n)
{
	((struct fake *)p->priv)->accept = n;
}

void fake_add_rx_errors(struct port *p, uint32_t n)
{
	atomic_fetch_add(&((struct fake *)p->priv)->rx_errors, n);
}

void fake_set_offloads(struct port *p, uint32_t offloads)
{
	p->offloads = offloads;
}

void fake_set_sink(struct port *p, bool sink)
{
	((struct fake *)p->priv)->sink = sink;
}
