/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Comparing and printing verdicts.
 */
#include <stdio.h>
#include <string.h>

#include "differential.h"

static bool frames_equal(const struct verdict *a, const struct verdict *b)
{
	bool taken[VERDICT_FRAMES] = {0};

	if (a->n_out != b->n_out)
		return false;
	for (unsigned int i = 0; i < a->n_out; i++) {
		unsigned int k = 0;

		while (k < b->n_out &&
			(taken[k] || a->out[i].port != b->out[k].port ||
				a->out[i].len != b->out[k].len ||
				memcmp(a->out[i].b, b->out[k].b, a->out[i].len) != 0))
			k++;
		if (k == b->n_out)
			return false;
		taken[k] = true;
	}
	return true;
}

static bool is_malformed(uint16_t drop)
{
	switch (drop) {
	case WEFT_DROP_TRUNCATED:
	case WEFT_DROP_BAD_IP_HEADER:
	case WEFT_DROP_BAD_IP_CHECKSUM:
	case WEFT_DROP_BAD_L4_HEADER:
	case WEFT_DROP_HEADER_CHAIN:
	case WEFT_DROP_BAD_SOURCE_MAC:
	case WEFT_DROP_FRAME_TOO_SHORT:
	case WEFT_DROP_VLAN:
		return true;
	}
	return false;
}

bool tracker_drops(unsigned int drop)
{
	return drop == WEFT_DROP_TCP_FLAGS || drop == WEFT_DROP_TCP_WINDOW ||
	       drop == WEFT_DROP_TCP_STATE;
}

static bool drop_fits(uint16_t seen, uint16_t want)
{
	return seen == want || (want == EXPECT_TRACKER && tracker_drops(seen)) ||
	       (want == EXPECT_MALFORMED && is_malformed(seen));
}

static bool drops_fit(const struct verdict *seen, const struct verdict *want)
{
	bool taken[VERDICT_FRAMES] = {0};

	if (seen->n_drop != want->n_drop)
		return false;
	for (unsigned int i = 0; i < seen->n_drop; i++) {
		unsigned int k = 0;

		while (k < want->n_drop && (taken[k] || !drop_fits(seen->drop[i], want->drop[k])))
			k++;
		if (k == want->n_drop)
			return false;
		taken[k] = true;
	}
	return true;
}

bool verdict_equal(const struct verdict *a, const struct verdict *b)
{
	return drops_fit(a, b) && frames_equal(a, b);
}

bool verdict_fits(const struct verdict *seen, const struct expect *x)
{
	if (x->unknown || verdict_equal(seen, &x->v))
		return true;
	if (x->has_other && verdict_equal(seen, &x->other))
		return true;
	if (x->vague && seen->n_drop == 1)
		return true;
	if (x->may_track && seen->n_out == 0 && seen->n_drop == 1 &&
		(seen->drop[0] == WEFT_DROP_TCP_STATE || seen->drop[0] == WEFT_DROP_TCP_WINDOW))
		return true;
	for (unsigned int i = 0; i < x->n_or; i++) {
		if (seen->n_drop == 1 && seen->drop[0] == x->or [i] && frames_equal(seen, &x->v))
			return true;
	}
	return false;
}

void verdict_print(const char *who, const struct verdict *v)
{
	printf("%s:", who);
	for (unsigned int i = 0; i < v->n_drop; i++)
		printf(" drop %s", v->drop[i] == EXPECT_MALFORMED ? "(malformed)"
								  : weft_drop_name(v->drop[i]));
	putchar('\n');
	for (unsigned int i = 0; i < v->n_out; i++) {
		printf("  out %u ", v->out[i].port);
		for (uint32_t k = 0; k < v->out[i].len; k++)
			printf("%02x", v->out[i].b[k]);
		putchar('\n');
	}
}

void expect_print(const struct expect *x)
{
	printf("may_track %d vague %d unknown %d\n", x->may_track, x->vague, x->unknown);
	verdict_print("oracle", &x->v);
	if (x->has_other)
		verdict_print("or", &x->other);
	for (unsigned int i = 0; i < x->n_or; i++)
		printf("or drop %s\n", weft_drop_name(x->or [i]));
}
