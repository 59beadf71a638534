/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stand-in for the data plane: takes ops and holds entries, and fails the test on an op that a
 * data plane would refuse or that does nothing.
 */
#ifndef TESTS_COMPILE_APPLIED_H
#define TESTS_COMPILE_APPLIED_H

#include <compile/compile.h>

struct applied {
	union weft_entry *entries[WEFT_TABLE_MAX];
	size_t n[WEFT_TABLE_MAX];
	size_t n_ops;
	bool check_order; /* references must exist at every moment */
};

void applied_clear(struct applied *a);
const union weft_entry *applied_find(
	const struct applied *a, enum weft_table table, const union weft_entry *key);
/* A compile_emit_fn; arg is a struct applied. */
void applied_op(
	void *arg, enum weft_table table, enum weft_op_verb verb, const union weft_entry *entry);
/* Fails the test with the first difference. */
void applied_compare(
	const struct applied *a, const char *name_a, const struct applied *b, const char *name_b);

#endif
