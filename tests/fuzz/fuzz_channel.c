/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libFuzzer target: a hostile message on the channel through the validator and all that trusts it.
 * The buffer is of exactly the message's size.
 *
 * Input: control byte, the message.
 */
#include <stdlib.h>
#include <string.h>

#include <weft/codec.h>

#include "fuzz.h"
#include "txn_priv.h"

enum {
	FIX_SIZE = 1 << 0,   /* header's size agrees with what came: else hardly anything passes */
	FIX_NUMBER = 1 << 1, /* n_ops: as many ops as there are */
};

int fuzz_start(void)
{
	return 0;
}

static void fix_size(uint8_t *msg, size_t size)
{
	struct weft_msg_hdr *hdr = (struct weft_msg_hdr *)msg;

	if (size >= sizeof(*hdr))
		hdr->size = size - sizeof(*hdr);
}

static void fix_number(uint8_t *msg, size_t size)
{
	size_t at = sizeof(struct weft_msg_hdr) + sizeof(struct weft_msg_ops);
	struct weft_msg_ops *ops = (struct weft_msg_ops *)(msg + sizeof(struct weft_msg_hdr));

	if (size < at)
		return;
	ops->n_ops = 0;
	while (size - at >= sizeof(struct weft_op_hdr)) {
		uint32_t entry = weft_entry_size(msg[at]);

		if (!entry || size - at < sizeof(struct weft_op_hdr) + entry)
			return;
		at += sizeof(struct weft_op_hdr) + entry;
		ops->n_ops++;
	}
}

/* Every byte of what was accepted can be read and printed. */
static void use_ops(const void *msg)
{
	struct weft_ops_reader reader;
	struct weft_op op;

	weft_ops_read(&reader, msg);
	while (weft_ops_next(&reader, &op)) {
		char text[WEFT_TEXT_SIZE] = "", object[128];
		uint8_t key[WEFT_KEY_SIZE_MAX];

		fuzz_check(weft_entry_key(op.table, op.entry, key) > 0);
		fuzz_check(weft_entry_key_equal(op.table, op.entry, op.entry));
		weft_entry_describe(op.table, op.entry, object, sizeof(object));
		fuzz_check(strlen(object) < sizeof(object));
		if (weft_entry_check(op.table, op.verb, op.entry, text))
			fuzz_check(text[0] != '\0' && strlen(text) < sizeof(text));
	}
}

static void use_txn(const void *msg)
{
	const struct weft_msg_ops *ops = weft_msg_payload(msg);
	char text[WEFT_TEXT_SIZE];
	struct txn *t = txn_new();
	struct txn_walk walk;

	if (t && txn_add(t, msg, NULL, 0, text) == 0) {
		txn_walk_start(&walk, t);
		while (txn_walk_next(&walk))
			fuzz_check(walk.fd == NULL);
		fuzz_check(walk.n == ops->n_ops);
	}
	txn_free(t);
}

/* What is found right is safe to reckon with: sizes of maps, places in them. */
static void use_fastpath(const void *msg)
{
	const struct weft_msg_fastpath *m = weft_msg_payload(msg);
	const char *wrong = weft_fastpath_wrong(m);

	fuzz_check(!wrong || wrong[0]);
	if (wrong)
		return;
	fuzz_check(m->id != 0 && __builtin_popcount(m->n_buckets) == 1);
	fuzz_check((uint64_t)m->n_buckets * 64 <= UINT32_MAX);
	fuzz_check(m->n_dirs >= 4 && m->n_dirs <= INT32_MAX);
	fuzz_check(m->n_cpus > 0 && (uint64_t)m->n_cpus * WEFT_MAX_PORTS <= INT32_MAX);
}

static void use_fastpath_port(const void *msg)
{
	const struct weft_msg_fastpath_port *m = weft_msg_payload(msg);

	if (!weft_fastpath_port_wrong(m))
		fuzz_check(m->port && !m->flags == !m->ifindex && (int32_t)m->ifindex >= 0);
}

void fuzz_one(const uint8_t *data, size_t size)
{
	char text[WEFT_TEXT_SIZE];
	uint8_t *msg;

	if (size < 1)
		return;
	size--;
	msg = malloc(size ? size : 1);
	if (!msg)
		return;
	memcpy(msg, data + 1, size);
	if (data[0] & FIX_SIZE)
		fix_size(msg, size);
	if (data[0] & FIX_NUMBER)
		fix_number(msg, size);
	if (weft_msg_check(msg, size, text) == 0) {
		uint16_t type = weft_msg_hdr(msg)->type;

		fuzz_check(weft_msg_name(type) != NULL && weft_msg_direction(type) != 0);
		if (type == WEFT_MSG_TXN_OPS || type == WEFT_MSG_DUMP_ENTRIES) {
			use_ops(msg);
			use_txn(msg);
		} else if (type == WEFT_MSG_FASTPATH) {
			use_fastpath(msg);
		} else if (type == WEFT_MSG_FASTPATH_PORT) {
			use_fastpath_port(msg);
		}
	} else {
		fuzz_check(text[0] != '\0' && strlen(text) < sizeof(text));
	}
	free(msg);
}

static void seed_fixed(void)
{
	static const uint8_t zero[1024];
	uint8_t seed[1 + sizeof(struct weft_msg_hdr) + sizeof(zero)];

	seed[0] = FIX_SIZE;
#define SEED(number, id, direction, payload)                                                       \
	fuzz_seed(seed, 1 + weft_msg_build(seed + 1, number, number, zero, sizeof(struct payload)));
	WEFT_MSGS(SEED)
#undef SEED
}

static void seed_fastpath(void)
{
	const struct weft_msg_fastpath tables = {
		.id = 1, .n_buckets = 16384, .n_dirs = 131074, .n_cpus = 2};
	const struct weft_msg_fastpath_port port = {
		.port = 1, .ifindex = 2, .flags = WEFT_FASTPATH_ON | WEFT_FASTPATH_PEER};
	uint8_t seed[1 + sizeof(struct weft_msg_hdr) + sizeof(tables)];

	seed[0] = 0;
	fuzz_seed(
		seed, 1 + weft_msg_build(seed + 1, WEFT_MSG_FASTPATH, 1, &tables, sizeof(tables)));
	fuzz_seed(
		seed, 1 + weft_msg_build(seed + 1, WEFT_MSG_FASTPATH_PORT, 1, &port, sizeof(port)));
}

/* Every table once, with one verb for the odd ones and the other one for the rest. */
static void seed_ops(enum weft_op_verb odd, enum weft_op_verb even)
{
	_Alignas(8) uint8_t msg[4096];
	uint8_t seed[1 + sizeof(msg)];
	struct weft_ops_writer w;
	union weft_entry e;

	memset(&e, 0, sizeof(e));
	weft_ops_start(&w, msg, sizeof(msg));
	for (unsigned int table = 1; table < WEFT_TABLE_MAX; table++)
		weft_ops_add(&w, table, table % 2 ? odd : even, &e, false);
	seed[0] = FIX_SIZE | FIX_NUMBER;
	memcpy(seed + 1, msg, weft_ops_finish(&w, WEFT_MSG_TXN_OPS, 1));
	fuzz_seed(seed, 1 + w.used);
}

void fuzz_seeds(void)
{
	seed_fixed();
	seed_fastpath();
	seed_ops(WEFT_OP_PUT, WEFT_OP_DELETE);
	seed_ops(WEFT_OP_DELETE, WEFT_OP_PUT);
}
