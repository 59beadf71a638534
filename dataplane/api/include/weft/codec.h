/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Building and checking the channel's messages: the one validator for both ends.
 *
 * Two steps: weft_msg_check says whether a message is well-formed (sizes, types, op headers,
 * strings), after which every op can be read without a further check; weft_entry_check says whether
 * an entry makes sense on its own. Whether what it refers to exists, only the data plane knows.
 * Pure; any thread. Free of DPDK.
 */
#ifndef WEFT_CODEC_H
#define WEFT_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/msg.h>

#define WEFT_TEXT_SIZE 208 /* of a text that says what is wrong */

enum weft_direction {
	WEFT_DIRECTION_REQUEST = 1, /* to the data plane */
	WEFT_DIRECTION_REPLY = 2,
	WEFT_DIRECTION_EVENT = 3,
};
/* enum weft_direction, or 0 when there is no such type. */
enum weft_direction weft_msg_direction(unsigned int type);

/* msg: size bytes as received, 8-byte aligned. Returns 0, or -EBADMSG with a sentence in text.
 * After 0 the payload has the type's size, strings are terminated and ops can be walked. */
int weft_msg_check(const void *msg, size_t size, char text[WEFT_TEXT_SIZE]);

static inline const struct weft_msg_hdr *weft_msg_hdr(const void *msg)
{
	return msg;
}

static inline const void *weft_msg_payload(const void *msg)
{
	return (const uint8_t *)msg + sizeof(struct weft_msg_hdr);
}

/* Writes a message with a payload of fixed size into buf. Returns the message's size. */
size_t weft_msg_build(
	void *buf, enum weft_msg_type type, uint32_t seq, const void *payload, size_t payload_size);

/* One op of a message; entry points into the message. */
struct weft_op {
	enum weft_table table;
	enum weft_op_verb verb;
	bool has_fd;
	const union weft_entry *entry;
};

/* Walks the ops of a TXN_OPS or DUMP_ENTRIES message that weft_msg_check accepted. */
struct weft_ops_reader {
	const uint8_t *next;
	uint32_t left;
};
void weft_ops_read(struct weft_ops_reader *r, const void *msg);
bool weft_ops_next(struct weft_ops_reader *r, struct weft_op *ret);

/* Builds such a message in a buffer of the caller's, 4-byte aligned. */
struct weft_ops_writer {
	uint8_t *buf;
	size_t capacity; /* at most WEFT_MSG_SIZE_MAX */
	size_t used;
	uint32_t n_ops;
	uint32_t n_fds;
};
void weft_ops_start(struct weft_ops_writer *w, void *buf, size_t capacity);
/* False: no room (or no room for one more descriptor): finish and send, then start again. */
bool weft_ops_add(struct weft_ops_writer *w, enum weft_table table, enum weft_op_verb verb,
	const void *entry, bool has_fd);
/* Fills in the header; returns the message's size. */
size_t weft_ops_finish(struct weft_ops_writer *w, enum weft_msg_type type, uint32_t seq);

/* Whether the entry makes sense on its own. DELETE needs only its key and is always good. Returns
 * 0, or -EINVAL (-E2BIG for a value beyond a limit) with text naming the object and the field. */
int weft_entry_check(
	unsigned int table, unsigned int verb, const void *entry, char text[WEFT_TEXT_SIZE]);

/* "port 7 (acme/web)", "fdb 100 02:00:00:00:00:01": the object for people. Returns buf. */
char *weft_entry_describe(unsigned int table, const void *entry, char *buf, size_t size);

#endif
