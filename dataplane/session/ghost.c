/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ghosts: copies of sessions, and sessions that would be, on which a packet can be tried out
 * without a trace in the table (session/session.h). Main thread, as a reader.
 */
#include "offload_priv.h"

void session_ghost(const struct session *s, struct session *ret)
{
	struct session_traffic seen[2];

	memcpy(ret, s, sizeof(*ret));
	offload_import(ret);
	for (unsigned int i = 0; i < 2; i++) {
		session_traffic(&ret->dir[i], &seen[i]);
		ret->dir[i].flags &= ~SESSION_DIR_OFFLOADED;
	}
	ret->offload = 0;
	for (unsigned int i = 0; i < 2; i++) {
		ret->dir[i].packets = seen[i].packets;
		ret->dir[i].bytes = seen[i].bytes;
		ret->dir[i].seen_s = seen[i].seen_s;
	}
	ret->lock = 0; /* its holder holds the real one */
	ret->flags |= SESSION_GHOST;
}

enum weft_drop session_would_refuse(const struct session_new *n, const struct session_freed *freed)
{
	return limit_would(n, freed);
}

void session_ghost_new(const struct session_new *n, struct session *ret)
{
	session_fill(ret, 0, n);
	ret->flags |= SESSION_GHOST;
}
