/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What makes no sense in messages about the fast path. Pure; any thread.
 */
#include <limits.h>
#include <stddef.h>

#include <weft/limits.h>
#include <weft/msg.h>

const char *weft_fastpath_wrong(const struct weft_msg_fastpath *m)
{
	if (m->id == 0)
		return "id";
	if (m->n_buckets == 0 || (m->n_buckets & (m->n_buckets - 1)) ||
		m->n_buckets > WEFT_MAX_SESSIONS)
		return "n_buckets";
	if (m->n_dirs < 4 || m->n_dirs > 4u * WEFT_MAX_SESSIONS)
		return "n_dirs";
	if (m->n_cpus == 0 || m->n_cpus > WEFT_MAX_CPUS)
		return "n_cpus";
	return m->pad ? "pad" : NULL;
}

const char *weft_fastpath_port_wrong(const struct weft_msg_fastpath_port *m)
{
	const uint32_t known =
		WEFT_FASTPATH_ON | WEFT_FASTPATH_PEER | WEFT_FASTPATH_XDP | WEFT_FASTPATH_DELIVER;

	if (m->port == 0)
		return "port";
	if (m->flags & ~known)
		return "flags";
	if (m->ifindex > INT_MAX || (m->ifindex == 0) != (m->flags == 0))
		return "ifindex";
	return m->pad ? "pad" : NULL;
}
