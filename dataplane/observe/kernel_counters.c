/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See observe/kernel_counters.h. A program counts a packet on two ports, one after the other, and
 * is not seen doing so: both counts are there when nothing passes any more.
 */
#include <stdbool.h>
#include <string.h>

#include <rte_common.h>

#include <observe/counters.h>
#include <observe/kernel_counters.h>
#include <weft/limits.h>

#define ROUND_MS      20  /* all slots once, if there are few of them in use */
#define ROWS_PER_TICK 512 /* below a twentieth of a millisecond */
#define BEGIN_TRIES   64

static struct {
	const struct weft_bpf_port_counters *rows; /* NULL: there are none */
	uint32_t n_cpus;
	bool begun;
	uint16_t next; /* slot to be looked at */
	uint64_t ticked_ms;
	/* What is not the port's that has the slot now. */
	struct weft_bpf_port_counters before[WEFT_MAX_PORTS];
} kernel;

static uint64_t load(const __u64 *n)
{
	return __atomic_load_n(n, __ATOMIC_RELAXED);
}

static struct weft_bpf_port_counters sum(uint16_t slot)
{
	const struct weft_bpf_port_counters *row =
		&kernel.rows[weft_bpf_port_cnt_at(slot, 0, kernel.n_cpus)];
	struct weft_bpf_port_counters n = {0};

	for (uint32_t cpu = 0; cpu < kernel.n_cpus; cpu++, row++) {
		n.rx_packets += load(&row->rx_packets);
		n.rx_bytes += load(&row->rx_bytes);
		n.tx_packets += load(&row->tx_packets);
		n.tx_bytes += load(&row->tx_bytes);
	}
	return n;
}

void kernel_counters_attach(const struct weft_bpf_port_counters *rows, uint32_t n_cpus)
{
	kernel.rows = rows;
	kernel.n_cpus = n_cpus;
	kernel.begun = false;
}

void kernel_counters_detach(void)
{
	memset(&kernel, 0, sizeof(kernel));
}

/* False: something was counted since. */
static bool take_all(void)
{
	bool same = true;

	for (uint32_t slot = 0; slot < WEFT_MAX_PORTS; slot++) {
		struct weft_bpf_port_counters n = sum(slot);

		same &= memcmp(&n, &kernel.before[slot], sizeof(n)) == 0;
		kernel.before[slot] = n;
	}
	return same;
}

/* What a program still counts for the data plane before this one is on one port already, perhaps,
 * and not yet on the other: it is waited for. */
void kernel_counters_begin(void)
{
	if (!kernel.rows || kernel.begun)
		return;
	for (int i = 0; i < BEGIN_TRIES && !take_all(); i++)
		continue;
	kernel.begun = true;
}

void kernel_counters_zero(uint16_t slot)
{
	if (kernel.begun)
		kernel.before[slot] = sum(slot);
}

static void store(uint64_t *to, uint64_t n)
{
	__atomic_store_n(to, n, __ATOMIC_RELAXED);
}

void kernel_counters_update(uint16_t slot)
{
	const struct weft_bpf_port_counters *before = &kernel.before[slot];
	struct weft_port_stats *to = counters_port(counters_shm->n_workers + 1, slot);
	struct weft_bpf_port_counters n;

	if (!kernel.begun)
		return;
	n = sum(slot);
	store(&to->rx_packets, n.rx_packets - before->rx_packets);
	store(&to->rx_bytes, n.rx_bytes - before->rx_bytes);
	store(&to->tx_packets, n.tx_packets - before->tx_packets);
	store(&to->tx_bytes, n.tx_bytes - before->tx_bytes);
	/* what programs can't send they leave to the data plane, or count as lost themselves */
	store(&to->sent, n.rx_packets - before->rx_packets);
}

void kernel_counters_tick(uint64_t now_ms)
{
	uint64_t due = (now_ms - kernel.ticked_ms) * WEFT_MAX_PORTS / ROUND_MS;
	uint32_t n = RTE_MIN(due, (uint64_t)WEFT_MAX_PORTS), rows = 0;

	kernel.ticked_ms = now_ms;
	for (; kernel.begun && n > 0 && rows < ROWS_PER_TICK; n--) {
		if (counters_shm->slots[kernel.next].id) {
			kernel_counters_update(kernel.next);
			rows += kernel.n_cpus;
		}
		kernel.next = (kernel.next + 1) % WEFT_MAX_PORTS;
	}
}
