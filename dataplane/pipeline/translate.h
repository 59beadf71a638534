/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Translation of addresses and ports, as SESSION_DIR_TRANSLATED says. Private to this folder; part
 * of the fast path. Workers.
 */
#ifndef PIPELINE_TRANSLATE_H
#define PIPELINE_TRANSLATE_H

#include <session/session.h>

#include "stage.h"

/* Makes m, a parsed IP packet, look like what answers has the addresses and ports of, turned round:
 * from its destination to its source. answers is of m's family and protocol. Ports change in TCP
 * and UDP, identifiers in ICMP queries; other protocols, and later fragments, have none. Checksums
 * are updated, not made (RFC 1624): what was wrong stays wrong, a UDP checksum that is absent stays
 * absent, and one that is still to be completed (PKT_CKSUM_PARTIAL) is left to who completes it.
 * meta stays true but for its hash. ICMP errors are not for this: they quote. */
void translate(struct rte_mbuf *m, const struct session_key *answers);

#endif
