/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ghosts: copies of sessions, and sessions that would be, on which a packet can be tried out
 * without a trace in the table (session/session.h). Main thread, as a reader.
 */
#include "session_priv.h"

void session_ghost(const struct session *s, struct session *ret)
{
	memcpy(ret, s, sizeof(*ret));
	ret->lock = 0; /* its holder holds the real one */
	ret->flags |= SESSION_GHOST;
}

bool session_ghost_insert(const struct session_new *n, const struct session_freed *freed,
	struct session *ret, enum weft_drop *ret_drop)
{
	*ret_drop = limit_would(n, freed);
	if (*ret_drop)
		return false;
	session_fill(ret, 0, n);
	ret->flags |= SESSION_GHOST;
	return true;
}
