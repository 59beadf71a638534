/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory of the counters. Main thread; workers write through the inline functions.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_cycles.h>

#include <observe/counters.h>
#include <observe/kernel_counters.h>
#include <weft/msg.h>

struct weft_stats_shm *counters_shm;

static int counters_memfd = -1;
static uint64_t counters_size;

/* F_SEAL_FUTURE_WRITE: our own mapping stays writable, those who get the descriptor can only read.
 */
static int counters_map(int fd, uint64_t size)
{
	struct weft_stats_shm *shm;

	if (ftruncate(fd, size) < 0)
		return -errno;
	shm = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shm == MAP_FAILED)
		return -errno;
	if (fcntl(fd, F_ADD_SEALS,
		    F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) < 0) {
		int r = -errno;

		munmap(shm, size);
		return r;
	}
	counters_shm = shm;
	counters_size = size;
	return 0;
}

int counters_init(unsigned int n_workers, uint64_t boot_id)
{
	int fd = memfd_create("weft-stats", MFD_CLOEXEC | MFD_ALLOW_SEALING), r;

	if (fd < 0)
		return -errno;
	r = counters_map(fd, weft_stats_size(n_workers));
	if (r < 0) {
		close(fd);
		return r;
	}
	counters_memfd = fd;
	counters_shm->magic = WEFT_STATS_MAGIC;
	counters_shm->version = WEFT_CHANNEL_VERSION;
	counters_shm->n_workers = n_workers;
	counters_shm->tsc_hz = rte_get_tsc_hz();
	counters_shm->boot_id = boot_id;
	return 0;
}

void counters_fini(void)
{
	if (!counters_shm)
		return;
	munmap(counters_shm, counters_size);
	close(counters_memfd);
	counters_shm = NULL;
	counters_memfd = -1;
}

int counters_fd(void)
{
	return counters_memfd;
}

void counters_slot_assign(uint16_t slot, uint32_t id)
{
	struct weft_stats_slot *s = &counters_shm->slots[slot];

	__atomic_store_n(&s->seq, s->seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	__atomic_store_n(&s->id, id, __ATOMIC_RELAXED);
	for (unsigned int row = 0; id && row < weft_stats_rows(counters_shm->n_workers); row++)
		memset(&counters_shm->ports[row][slot], 0, sizeof(struct weft_port_stats));
	if (id)
		kernel_counters_zero(slot);
	__atomic_store_n(&s->seq, s->seq + 1, __ATOMIC_RELEASE);
}
