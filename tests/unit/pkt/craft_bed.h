/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of crafted answers share: a frame in, its answer, and what holds for every answer.
 * Included by one source file of each program.
 */
#ifndef CRAFT_BED_H
#define CRAFT_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <pkt/meta.h>
#include <pkt/parse.h>

#include "frame.h"
#include "test_eal.h"

static struct frame f, got; /* the frame and its answer */

static inline struct rte_mbuf *parsed(void)
{
	struct rte_mbuf *m = frame_mbuf(f.b, f.len);
	struct pkt_meta *meta = pkt_meta(m);

	meta->flags = PKT_FROM_TUNNEL;
	meta->in_port = 3;
	meta->segment = 4;
	meta->in_vtep = 5;
	assert_int_equal(pkt_parse(m), 0);
	return m;
}

static inline void check_meta(const struct rte_mbuf *m)
{
	const struct pkt_meta *meta = pkt_meta_const(m);

	assert_int_equal(meta->in_port, 3);
	assert_int_equal(meta->segment, 4);
	assert_int_equal(meta->in_vtep, 5);
	assert_false(meta->flags & PKT_FROM_TUNNEL);
	assert_int_equal(m->nb_segs, 1);
}

static inline int all_returned(void **state)
{
	return test_pools_full() ? 0 : -1;
}

#endif
