/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel says of the fast path's programs, and what they counted.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "fast.h"

/* All counters are words that only grow. */
static void add(struct weft_bpf_prog_counters *to, const struct weft_bpf_prog_counters *from)
{
	const __u64 *b = (const __u64 *)from;
	__u64 *a = (__u64 *)to;

	for (unsigned int i = 0; i < sizeof(*to) / sizeof(*a); i++)
		a[i] += b[i];
}

static int counters(const struct loader_fast *f, __u32 prog, struct weft_bpf_prog_counters *ret)
{
	struct weft_bpf_prog_counters *all = calloc(f->info.n_cpus, sizeof(*all));
	int error = 0;

	if (!all)
		return -ENOMEM;
	memset(ret, 0, sizeof(*ret));
	if (bpf_map_lookup_elem(f->tables[FAST_TABLE_PROG_CNT], &prog, all) < 0)
		error = -errno;
	for (uint32_t cpu = 0; cpu < f->info.n_cpus && error == 0; cpu++)
		add(ret, &all[cpu]);
	free(all);
	return error;
}

/* Adds a program's runs; all else is the last one's. */
static int describe(int fd, struct loader_prog *p)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len) < 0)
		return -errno;
	snprintf(p->name, sizeof(p->name), "%s", info.name);
	p->id = info.id;
	p->n_insns = info.xlated_prog_len / sizeof(struct bpf_insn);
	p->n_verified = info.verified_insns;
	p->run_ns += info.run_time_ns;
	p->run_count += info.run_cnt;
	return 0;
}

/* Uplinks have an XDP program each; what they count is one. Returns whether there is any. */
static int describe_users(const struct loader_fast *f, struct loader_prog *p)
{
	int found = 0;

	for (const struct fast_user *u = f->users; u; u = u->next) {
		int error = u->prog_fd >= 0 ? describe(u->prog_fd, p) : 0;

		if (error < 0)
			return error;
		found |= u->prog_fd >= 0;
	}
	return found;
}

int loader_fast_programs(const struct loader_fast *f, struct loader_prog *ret, unsigned int max)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < WEFT_BPF_PROG_N && n < max; i++) {
		struct loader_prog p = {0};
		int error;

		if (f->progs[i] >= 0)
			error = describe(f->progs[i], &p) < 0 ? -errno : 1;
		else
			error = describe_users(f, &p);
		if (error == 0)
			continue;
		if (error > 0)
			error = counters(f, i, &p.n);
		if (error < 0)
			return error;
		ret[n++] = p;
	}
	return n;
}

int loader_run_time(void)
{
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);

	return fd < 0 ? -errno : fd;
}
