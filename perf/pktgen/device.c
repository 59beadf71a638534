/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_alarm.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <core/log.h>

#include "device.h"

#define EAL_ARGS_MAX   (20 + 2 * PROFILE_PORTS_MAX + DEVICE_EAL_MAX)
#define NO_HUGE_MB     1024
#define RX_CACHE       512
#define RX_SPARE       4096 /* mbufs of a port beside those in its queues */
#define FRAME_ORDINARY 1514

static int last_core(void)
{
	cpu_set_t allowed;
	int last = 0;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0)
		for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
			if (CPU_ISSET(cpu, &allowed))
				last = cpu;
	return last;
}

static bool is_vdev(const char *device)
{
	return strncmp(device, "net_", 4) == 0 || strncmp(device, "virtio_user", 11) == 0;
}

int device_start_eal(const struct profile *p, const struct device_options *opt)
{
	char lcores[32], memory[16], prefix[32], *argv[EAL_ARGS_MAX + 1] = {"weft-pktgen"};
	bool pci = false;
	int argc = 1;

	snprintf(lcores, sizeof(lcores), "0@%d", opt->core < 0 ? last_core() : opt->core);
	snprintf(prefix, sizeof(prefix), "weft-pktgen-%d", getpid());
	snprintf(memory, sizeof(memory), "%u", opt->memory_mb ? opt->memory_mb : NO_HUGE_MB);
	argv[argc++] = "--lcores";
	argv[argc++] = lcores;
	argv[argc++] = "--file-prefix";
	argv[argc++] = prefix;
	argv[argc++] = "--no-telemetry";
	argv[argc++] = "--log-level=lib.*:error";
	if (opt->no_huge) {
		argv[argc++] = "--no-huge";
		argv[argc++] = "--no-shconf";
	} else {
		argv[argc++] = "--in-memory";
		/* virtio-user hands its memory over by segments, of which there may be 8. */
		argv[argc++] = "--single-file-segments";
	}
	if (opt->no_huge || opt->memory_mb) {
		argv[argc++] = "-m";
		argv[argc++] = memory;
	}
	for (uint32_t i = 0; i < p->n_ports; i++) {
		argv[argc++] = is_vdev(p->ports[i]) ? "--vdev" : "-a";
		argv[argc++] = (char *)p->ports[i];
		pci |= !is_vdev(p->ports[i]);
	}
	if (!pci) {
		argv[argc++] = "--no-pci";
		argv[argc++] = "--iova-mode=va";
	}
	for (uint32_t i = 0; i < opt->n_eal; i++)
		argv[argc++] = (char *)opt->eal[i];
	argv[argc] = NULL;
	if (rte_eal_init(argc, argv) >= 0)
		return 0;
	log_error("DPDK can't start: %s%s", rte_strerror(rte_errno),
		opt->no_huge ? "" : "; without hugepages: --no-huge");
	return -EIO;
}

/* The longest frame that a port may send or receive. */
static uint32_t longest_frame(const struct profile *p)
{
	uint32_t longest = FRAME_ORDINARY;

	for (uint32_t i = 0; i < p->n_streams; i++)
		for (uint32_t k = 0; k < p->streams[i].n_sizes; k++)
			longest = RTE_MAX(longest, p->streams[i].sizes[k].size);
	return longest + 70; /* a tunnel, here or there */
}

static int fail(const struct gen *g, uint32_t i, const char *what, int r)
{
	log_error("port %u (%s): %s: %s", i, g->profile->ports[i], what, rte_strerror(-r));
	return r;
}

static struct rte_mempool *rx_pool(const struct gen *g, uint32_t i, uint32_t n_desc)
{
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), "rx-%u", i);
	return rte_pktmbuf_pool_create(name, n_desc * g->n_rxq + RX_SPARE, RX_CACHE, 0,
		RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
}

static int open_port(struct gen *g, uint32_t i)
{
	struct gen_port *p = &g->ports[i];
	struct rte_eth_conf conf = {0};
	uint16_t n_rx = g->n_desc, n_tx = g->n_desc;
	struct rte_mempool *pool;
	char name[PROFILE_DEVICE_SIZE];
	uint32_t longest = longest_frame(g->profile);
	int r;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(g->profile->ports[i], ","),
		g->profile->ports[i]);
	r = rte_eth_dev_get_port_by_name(name, &p->id);
	if (r < 0)
		return fail(g, i, "DPDK made no port of it", r);
	p->n_rxq = g->n_rxq;
	r = rte_eth_dev_configure(p->id, g->n_rxq, 1, &conf);
	if (r < 0)
		return fail(g, i, "can't be configured", r);
	if (longest > FRAME_ORDINARY + 70 && rte_eth_dev_set_mtu(p->id, longest - 14) < 0)
		log_warning("port %u (%s): keeps its MTU; long frames may be lost", i,
			g->profile->ports[i]);
	rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &n_rx, &n_tx);
	pool = rx_pool(g, i, n_rx);
	if (!pool)
		return fail(g, i, "no memory for packets (--memory)", -rte_errno);
	for (uint16_t q = 0; q < g->n_rxq && r == 0; q++)
		r = rte_eth_rx_queue_setup(p->id, q, n_rx, SOCKET_ID_ANY, NULL, pool);
	if (r == 0)
		r = rte_eth_tx_queue_setup(p->id, 0, n_tx, SOCKET_ID_ANY, NULL);
	if (r < 0)
		return fail(g, i, "can't set up queues", r);
	r = rte_eth_dev_start(p->id);
	if (r < 0)
		return fail(g, i, "can't start", r);
	rte_eth_promiscuous_enable(p->id); /* not all devices can, and those don't filter */
	return 0;
}

int device_open(struct gen *g)
{
	while (g->n_ports < g->profile->n_ports) {
		int r = open_port(g, g->n_ports);

		if (r < 0)
			return r;
		g->n_ports++;
	}
	return 0;
}

int device_wait(const struct gen *g, double seconds)
{
	struct rte_eth_link link;

	for (uint32_t i = 0; i < g->n_ports; seconds -= 0.01) {
		link.link_status = 0;
		rte_eth_link_get_nowait(g->ports[i].id, &link);
		if (link.link_status) {
			i++;
			continue;
		}
		if (g->stop)
			return -EINTR;
		if (seconds <= 0) {
			log_error("port %u (%s): its link is down", i, g->profile->ports[i]);
			return -ETIMEDOUT;
		}
		usleep(10000);
	}
	return 0;
}

static void on_alarm(void *done)
{
	__atomic_store_n((bool *)done, true, __ATOMIC_RELEASE);
}

/* Waits until DPDK's interrupt thread has handled all that had happened before. The first alarm may
 * be in the same round of its events, in any order; the second one is in a later round. */
static void settle(void)
{
	static bool done;

	for (int i = 0; i < 2; i++) {
		done = false;
		if (rte_eal_alarm_set(1, on_alarm, &done) < 0)
			return;
		while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE))
			usleep(50);
	}
}

/* Both ends of a memif may be here. That thread takes one down when the other is gone, which would
 * free its memory twice if it were closed at the same time. Closing a server frees a socket that
 * the thread still knows (DPDK 22.11): by then it has nothing left to do. */
void device_close(struct gen *g)
{
	for (uint32_t i = 0; i < g->n_ports; i++) {
		rte_eth_dev_stop(g->ports[i].id);
		settle();
	}
	for (uint32_t i = 0; i < g->n_ports; i++)
		rte_eth_dev_close(g->ports[i].id);
	g->n_ports = 0;
}
