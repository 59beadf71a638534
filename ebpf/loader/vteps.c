/* SPDX-License-Identifier: BSD-3-Clause */
/* See vteps.h. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include <loader/loader.h>

#include "vteps.h"

static bool vtep_wanted(
	const struct weft_bpf_addr *key, const struct weft_addr *addrs, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (memcmp(key, &addrs[i], sizeof(*key)) == 0)
			return true;
	return false;
}

/* Removes every address that is not in addrs. */
static int vteps_prune(int fd, const struct weft_addr *addrs, unsigned int n)
{
	struct weft_bpf_addr stale[WEFT_BPF_MAX_VTEPS], key, *prev = NULL, last;
	unsigned int n_stale = 0;

	while (bpf_map_get_next_key(fd, prev, &key) == 0) {
		if (!vtep_wanted(&key, addrs, n) && n_stale < WEFT_BPF_MAX_VTEPS)
			stale[n_stale++] = key;
		last = key;
		prev = &last;
	}
	for (unsigned int i = 0; i < n_stale; i++)
		if (bpf_map_delete_elem(fd, &stale[i]) < 0 && errno != ENOENT)
			return -errno;
	return 0;
}

int vteps_set(int fd, const struct weft_addr *addrs, unsigned int n, char *text)
{
	const __u32 one = 1;
	int error = 0;

	_Static_assert(sizeof(struct weft_addr) == sizeof(struct weft_bpf_addr), "same bytes");
	text[0] = '\0';
	if (n > WEFT_BPF_MAX_VTEPS)
		error = -E2BIG;
	for (unsigned int i = 0; i < n && error == 0; i++)
		if (bpf_map_update_elem(fd, &addrs[i], &one, BPF_ANY) < 0)
			error = -errno;
	if (error == 0)
		error = vteps_prune(fd, addrs, n);
	if (error < 0)
		snprintf(text, LOADER_TEXT_SIZE, "programming %u VTEP addresses: %s (at most %u)",
			n, strerrordesc_np(-error), WEFT_BPF_MAX_VTEPS);
	return error;
}
