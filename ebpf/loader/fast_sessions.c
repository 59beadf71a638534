/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stands on an interface that is gone, out of the tables by weftd's hand: while no data plane
 * is there that could. Called by weftd, on its one thread.
 */
#include <errno.h>
#include <sys/mman.h>

#include <weft/limits.h>
#include <weft_bpf/session.h>
#include <weft_bpf/tunnel.h>

#include "fast.h"

static bool is_by(const struct weft_bpf_dir *e, uint32_t ifindex)
{
	return e->key.scope == weft_bpf_scope_port(ifindex) || e->d.out_ifindex == ifindex;
}

/* A data plane that begins meanwhile may have taken the place out, or put another one there. */
static void clear_bucket(struct weft_bpf_bucket *b, const struct weft_bpf_dir *dirs,
	uint32_t n_dirs, uint32_t ifindex)
{
	for (unsigned int i = 0; i < WEFT_BPF_PLACES; i++) {
		__u64 place = __atomic_load_n(&b->place[i], __ATOMIC_ACQUIRE);
		uint32_t index = place >> 32;

		if (place && index < n_dirs && is_by(&dirs[index], ifindex))
			__atomic_compare_exchange_n(
				&b->place[i], &place, 0, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
	}
}

static int drop_sessions(const struct loader_fast *f, int ifindex)
{
	size_t buckets_size = sizeof(struct weft_bpf_bucket) * (size_t)f->info.n_buckets;
	size_t dirs_size = sizeof(struct weft_bpf_dir) * (size_t)f->info.n_dirs;
	struct weft_bpf_bucket *buckets = mmap(NULL, buckets_size, PROT_READ | PROT_WRITE,
		MAP_SHARED, f->tables[WEFT_FASTPATH_BUCKETS], 0);
	struct weft_bpf_dir *dirs =
		mmap(NULL, dirs_size, PROT_READ, MAP_SHARED, f->tables[WEFT_FASTPATH_DIRS], 0);
	int error = buckets == MAP_FAILED || dirs == MAP_FAILED ? -errno : 0;

	for (uint32_t i = 0; i < f->info.n_buckets && error == 0; i++)
		clear_bucket(&buckets[i], dirs, f->info.n_dirs, ifindex);
	if (buckets != MAP_FAILED)
		munmap(buckets, buckets_size);
	if (dirs != MAP_FAILED)
		munmap(dirs, dirs_size);
	return error;
}

/* As above. One word: a program in the midst of it has the interface or none, and a data plane that
 * begins writes all anew. */
static int drop_tunnels(const struct loader_fast *f, uint32_t ifindex)
{
	size_t size = sizeof(struct weft_bpf_tunnel) * WEFT_MAX_VTEPS;
	struct weft_bpf_tunnel *tunnels = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
		f->tables[WEFT_FASTPATH_TUNNELS], 0);

	if (tunnels == MAP_FAILED)
		return -errno;
	for (uint32_t i = 0; i < WEFT_MAX_VTEPS; i++) {
		__u32 is = ifindex;

		__atomic_compare_exchange_n(&tunnels[i].uplink_ifindex, &is, 0, false,
			__ATOMIC_RELEASE, __ATOMIC_RELAXED);
	}
	munmap(tunnels, size);
	return 0;
}

int loader_fast_drop_interface(const struct loader_fast *f, int ifindex)
{
	int tunnels = drop_tunnels(f, ifindex), sessions = drop_sessions(f, ifindex);

	return tunnels < 0 ? tunnels : sessions;
}
