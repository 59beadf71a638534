/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages and entries: what is built can be read, what is broken in any byte is refused or
 * harmless, and each rule of entries has an example that breaks it.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <weft/client.h>
#include <weft/codec.h>

static struct weft_segment good_segment(void)
{
	return (struct weft_segment){.vni = 100, .mtu = 1450, .name = "t/s"};
}

static struct weft_port good_port(void)
{
	return (struct weft_port){.id = 7,
		.vni = 100,
		.kind = WEFT_PORT_TAP,
		.role = WEFT_ROLE_TENANT,
		.flags = WEFT_PORT_ANTISPOOF,
		.n_queues = 1,
		.mtu = 1450,
		.mac = {{2, 0, 0, 0, 0, 1}},
		.name = "t/p",
		.device = "tap0"};
}

static struct weft_addr addr(const char *text)
{
	struct weft_addr a;

	assert_int_equal(weft_addr_parse(text, &a), 0);
	return a;
}

static struct weft_vtep good_vtep(void)
{
	return (struct weft_vtep){.remote = addr("192.0.2.2"),
		.local = addr("192.0.2.1"),
		.uplink = 9,
		.dst_mac = {{2, 0, 0, 0, 0, 1}},
		.src_mac = {{2, 0, 0, 0, 0, 2}},
		.path_mtu = 1500,
		.flags = WEFT_VTEP_RESOLVED,
		.ttl = 64};
}

static void expect_bad(unsigned int table, const void *entry, const char *text)
{
	char said[WEFT_TEXT_SIZE] = "";

	if (weft_entry_check(table, WEFT_OP_PUT, entry, said) >= 0)
		fail_msg("accepted: %s", text);
	if (!strstr(said, text))
		fail_msg("'%s' instead of '%s'", said, text);
	/* To delete, a key is enough. */
	assert_int_equal(weft_entry_check(table, WEFT_OP_DELETE, entry, said), 0);
}

static void expect_good(unsigned int table, const void *entry)
{
	char said[WEFT_TEXT_SIZE] = "";

	if (weft_entry_check(table, WEFT_OP_PUT, entry, said))
		fail_msg("refused: %s", said);
}

#define BAD(table, good, change, text)                                                             \
	do {                                                                                       \
		__auto_type e = good;                                                              \
		expect_good(WEFT_TABLE_##table, &e);                                               \
		e.change;                                                                          \
		expect_bad(WEFT_TABLE_##table, &e, text);                                          \
	} while (0)

static void test_entries(void **state)
{
	const struct weft_local_vtep local = {
		.addr = addr("2001:db8::1"), .uplink = 9, .mac = {{2, 0, 0, 0, 0, 1}}};
	const struct weft_flood flood = {.vni = 100, .remote = addr("192.0.2.2")};
	const struct weft_fdb fdb = {.vni = 100, .port = 7, .mac = {{2, 0, 0, 0, 0, 1}}};
	const struct weft_fdb far = {
		.vni = 100, .mac = {{2, 0, 0, 0, 0, 1}}, .remote = addr("192.0.2.2")};
	const struct weft_neigh neigh = {
		.vni = 100, .addr = addr("10.0.0.1"), .mac = {{2, 0, 0, 0, 0, 1}}};

	BAD(SEGMENT, good_segment(), vni = 0, "segment 0 (t/s): vni: 0 is not in 1..16777215");
	BAD(SEGMENT, good_segment(), vni = 1 << 24, "vni");
	BAD(SEGMENT, good_segment(), flags = 1 << 9, "flags");
	BAD(SEGMENT, good_segment(), mtu = 575, "mtu: 575 is not in 576..9216");
	BAD(SEGMENT, good_segment(), name[0] = '\n', "name: has a control");
	BAD(PORT, good_port(), id = 0, "id: is 0");
	BAD(PORT, good_port(), kind = 0, "port 7 (t/p): kind: 0 is unknown");
	BAD(PORT, good_port(), kind = WEFT_PORT_KIND_MAX, "kind");
	BAD(PORT, good_port(), role = 0, "role");
	BAD(PORT, good_port(), role = WEFT_ROLE_UPLINK,
		"vni: only a tenant's port belongs to a segment");
	BAD(PORT, good_port(), vni = 0, "vni");
	BAD(PORT, good_port(), flags = 1 << 15, "flags");
	BAD(PORT, good_port(), flags |= WEFT_PORT_LEARN, "flags: learning and anti-spoofing");
	BAD(PORT, good_port(), n_queues = 0, "n_queues");
	BAD(PORT, good_port(), n_queues = WEFT_PORT_QUEUES + 1, "n_queues");
	BAD(PORT, good_port(), mtu = 9217, "mtu");
	BAD(PORT, good_port(), mac.b[0] = 1, "mac");
	BAD(PORT, good_port(), mac = (struct weft_mac){{0}}, "mac");
	BAD(PORT, good_port(), n_addrs = WEFT_PORT_ADDRS + 1, "n_addrs");
	BAD(PORT, good_port(), n_addrs = 1; e.addrs[0].len = 129, "addrs");
	BAD(PORT, good_port(), n_addrs = 1; e.addrs[0].addr.b[15] = 1, "addrs");
	BAD(PORT, good_port(), device[0] = '\0', "device: is empty");
	BAD(PORT, good_port(), device[0] = '/', "device");
	BAD(PORT, good_port(), device[0] = '\033', "device");
	BAD(PORT, good_port(), kind = WEFT_PORT_VHOST_USER, "device: 'tap0' is not an absolute");
	BAD(LOCAL_VTEP, local, uplink = 0, "uplink");
	BAD(LOCAL_VTEP, local, flags = 1, "flags");
	BAD(LOCAL_VTEP, local, mac.b[0] = 1, "mac");
	BAD(LOCAL_VTEP, local, addr = addr("ff02::1"), "addr: ff02::1");
	BAD(VTEP, good_vtep(), remote = addr("0.0.0.0"), "remote");
	BAD(VTEP, good_vtep(), remote = addr("239.1.1.1"), "remote");
	BAD(VTEP, good_vtep(), remote = addr("255.255.255.255"), "remote");
	BAD(VTEP, good_vtep(), remote = addr("::"), "remote");
	BAD(VTEP, good_vtep(), remote = addr("2001:db8::2"), "local: is of another family");
	BAD(VTEP, good_vtep(), remote = addr("192.0.2.1"), "local: is the same");
	BAD(VTEP, good_vtep(), uplink = 0, "uplink");
	BAD(VTEP, good_vtep(), dst_mac.b[0] = 0xff, "dst_mac");
	BAD(VTEP, good_vtep(), src_mac = (struct weft_mac){{0}}, "src_mac");
	BAD(VTEP, good_vtep(), path_mtu = 0, "path_mtu");
	BAD(VTEP, good_vtep(), ttl = 0, "ttl");
	BAD(VTEP, good_vtep(), dscp = 64, "dscp");
	BAD(VTEP, good_vtep(), flags = 1 << 7, "flags");
	BAD(FLOOD, flood, vni = 0, "vni");
	BAD(FLOOD, flood, remote = addr("::"), "remote");
	BAD(FDB, fdb, vni = 0, "vni");
	BAD(FDB, fdb, mac.b[0] = 1, "mac");
	BAD(FDB, fdb, port = 0, "remote");
	BAD(FDB, fdb, remote = addr("192.0.2.2"), "remote: is set beside port 7");
	BAD(FDB, fdb, flags = WEFT_FDB_LEARNED, "flags");
	BAD(FDB, far, remote = addr("224.0.0.1"), "fdb 100 02:00:00:00:00:01: remote");
	BAD(NEIGH, neigh, vni = 0, "vni");
	BAD(NEIGH, neigh, addr = addr("224.0.0.1"), "addr");
	BAD(NEIGH, neigh, mac = (struct weft_mac){{0}}, "neighbour 100 10.0.0.1: mac");
	BAD(NEIGH, neigh, flags = 1 << 7, "flags");
}

static size_t sample(uint8_t *msg, size_t capacity)
{
	struct weft_segment s = good_segment();
	struct weft_port p = good_port();
	struct weft_fdb f = {.vni = 100, .port = 7, .mac = {{2, 0, 0, 0, 0, 1}}};
	struct weft_ops_writer w;

	weft_ops_start(&w, msg, capacity);
	assert_true(weft_ops_add(&w, WEFT_TABLE_SEGMENT, WEFT_OP_PUT, &s, false));
	assert_true(weft_ops_add(&w, WEFT_TABLE_PORT, WEFT_OP_PUT, &p, true));
	assert_true(weft_ops_add(&w, WEFT_TABLE_FDB, WEFT_OP_DELETE, &f, false));
	return weft_ops_finish(&w, WEFT_MSG_TXN_OPS, 77);
}

static void test_round_trip(void **state)
{
	_Alignas(8) uint8_t msg[2048];
	size_t size = sample(msg, sizeof(msg));
	struct weft_segment s = good_segment();
	struct weft_ops_reader r;
	char text[WEFT_TEXT_SIZE];
	struct weft_op op;

	assert_int_equal(weft_msg_check(msg, size, text), 0);
	assert_int_equal(weft_msg_hdr(msg)->seq, 77);
	weft_ops_read(&r, msg);
	assert_true(weft_ops_next(&r, &op));
	assert_int_equal(op.table, WEFT_TABLE_SEGMENT);
	assert_memory_equal(op.entry, &s, sizeof(s));
	assert_true(weft_ops_next(&r, &op));
	assert_true(op.has_fd);
	assert_true(weft_ops_next(&r, &op));
	assert_int_equal(op.table, WEFT_TABLE_FDB);
	assert_int_equal(op.verb, WEFT_OP_DELETE);
	assert_false(weft_ops_next(&r, &op));
}

static void test_full_message(void **state)
{
	static _Alignas(8) uint8_t msg[WEFT_MSG_SIZE_MAX];
	struct weft_fdb f = {.vni = 100, .port = 7, .mac = {{2, 0, 0, 0, 0, 1}}};
	struct weft_port p = good_port();
	struct weft_ops_writer w;
	char text[WEFT_TEXT_SIZE];
	size_t size;

	weft_ops_start(&w, msg, sizeof(msg));
	while (weft_ops_add(&w, WEFT_TABLE_FDB, WEFT_OP_PUT, &f, false))
		;
	assert_in_range(w.n_ops, 1800, 1830);
	size = weft_ops_finish(&w, WEFT_MSG_TXN_OPS, 1);
	assert_true(size <= WEFT_MSG_SIZE_MAX);
	assert_int_equal(weft_msg_check(msg, size, text), 0);
	weft_ops_start(&w, msg, sizeof(msg));
	for (int i = 0; i < WEFT_MSG_FDS_MAX; i++)
		assert_true(weft_ops_add(&w, WEFT_TABLE_PORT, WEFT_OP_PUT, &p, true));
	assert_false(weft_ops_add(&w, WEFT_TABLE_PORT, WEFT_OP_PUT, &p, true));
	assert_true(weft_ops_add(&w, WEFT_TABLE_PORT, WEFT_OP_PUT, &p, false));
}

/* A copy of exactly that many bytes, so that a sanitizer sees each read beyond. */
static int check_copy(const void *msg, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	char text[WEFT_TEXT_SIZE];
	int rc;

	memcpy(copy, msg, size);
	rc = weft_msg_check(copy, size, text);
	if (rc == 0 && weft_msg_hdr(copy)->type == WEFT_MSG_TXN_OPS) {
		struct weft_ops_reader r;
		struct weft_op op;

		weft_ops_read(&r, copy);
		while (weft_ops_next(&r, &op))
			weft_entry_check(op.table, op.verb, op.entry, text);
	}
	free(copy);
	return rc;
}

static void test_truncated(void **state)
{
	_Alignas(8) uint8_t msg[2048];
	size_t size = sample(msg, sizeof(msg));

	for (size_t n = 0; n < size; n++) {
		struct weft_msg_hdr hdr;

		assert_int_equal(check_copy(msg, n), -EBADMSG);
		/* And with a header that agrees with the shorter size. */
		if (n < sizeof(hdr))
			continue;
		memcpy(&hdr, msg, sizeof(hdr));
		hdr.size = n - sizeof(hdr);
		memcpy(msg, &hdr, sizeof(hdr));
		assert_int_equal(check_copy(msg, n), -EBADMSG);
		hdr.size = size - sizeof(hdr);
		memcpy(msg, &hdr, sizeof(hdr));
	}
	assert_int_equal(check_copy(msg, size), 0);
}

static void test_every_byte(void **state)
{
	_Alignas(8) uint8_t msg[2048];
	size_t size = sample(msg, sizeof(msg));

	for (size_t at = 0; at < size; at++) {
		uint8_t saved = msg[at];

		for (int value = 0; value < 256; value += 5) {
			msg[at] = value;
			check_copy(msg, size);
		}
		msg[at] = saved;
	}
}

static void test_fixed_sizes(void **state)
{
	static const uint8_t zero[1024];
	_Alignas(8) uint8_t msg[2048];
	char text[WEFT_TEXT_SIZE];

#define SIZES(number, id, direction, payload)                                                      \
	do {                                                                                       \
		size_t n = sizeof(struct payload);                                                 \
                                                                                                   \
		if (number != WEFT_MSG_TRACE && number != WEFT_MSG_PROBE) /* no frame is wrong */  \
			assert_int_equal(weft_msg_check(msg,                                       \
						 weft_msg_build(msg, number, 1, zero, n), text),   \
				0);                                                                \
		assert_int_equal(                                                                  \
			weft_msg_check(msg, weft_msg_build(msg, number, 1, zero, n + 1), text),    \
			-EBADMSG);                                                                 \
		if (n > 0)                                                                         \
			assert_int_equal(                                                          \
				weft_msg_check(                                                    \
					msg, weft_msg_build(msg, number, 1, zero, n - 1), text),   \
				-EBADMSG);                                                         \
		assert_int_not_equal(weft_msg_direction(number), 0);                               \
	} while (0);
	WEFT_MSGS(SIZES)
	assert_int_equal(weft_msg_direction(0), 0);
	assert_int_equal(weft_msg_direction(WEFT_MSG_TYPE_MAX), 0);
	assert_int_equal(weft_msg_direction(WEFT_MSG_HELLO), WEFT_DIRECTION_REQUEST);
	assert_int_equal(weft_msg_direction(WEFT_MSG_PONG), WEFT_DIRECTION_REPLY);
	assert_int_equal(weft_msg_direction(WEFT_MSG_EVENT_FDB), WEFT_DIRECTION_EVENT);
	weft_msg_build(msg, WEFT_MSG_TYPE_MAX, 1, zero, 0);
	assert_int_equal(weft_msg_check(msg, sizeof(struct weft_msg_hdr), text), -EBADMSG);
}

static void expect_form(
	void *msg, enum weft_msg_type type, const void *payload, size_t size, const char *want)
{
	char text[WEFT_TEXT_SIZE] = "";
	size_t n = weft_msg_build(msg, type, 1, payload, size);

	assert_int_equal(weft_msg_check(msg, n, text), want ? -EBADMSG : 0);
	if (want)
		assert_non_null(strstr(text, want));
}

static void test_traces(void **state)
{
	static uint64_t msg[WEFT_MSG_SIZE_MAX / 8], payload[4096];
	struct weft_msg_trace_report *head = (void *)payload;
	struct weft_msg_trace *t = (void *)payload;
	size_t at = sizeof(*head) + sizeof(struct weft_trace_record);
	struct weft_trace_frame *f = (void *)(t + 1);

	*t = (struct weft_msg_trace){.n_frames = 1};
	*f = (struct weft_trace_frame){.port = 1, .size = 60, .stored = 60};
	expect_form(msg, WEFT_MSG_TRACE, payload, 8 + 16 + 64, NULL);
	expect_form(msg, WEFT_MSG_TRACE, payload, 8 + 16 + 72, "left over");
	expect_form(msg, WEFT_MSG_PROBE, payload, 8 + 16 + 56, "cut short");
	f->size = f->stored = 0;
	expect_form(msg, WEFT_MSG_TRACE, payload, 8 + 16, "empty frame");
	f->size = f->stored = WEFT_TRACE_FRAME_MAX + 1;
	expect_form(msg, WEFT_MSG_TRACE, payload, 8 + 16 + f->size + 7, "too long");
	t->n_frames = WEFT_TRACE_FRAMES_MAX + 1;
	expect_form(msg, WEFT_MSG_TRACE, payload, 8 + 16 * 5, "too many");

	memset(payload, 0, sizeof(payload));
	*head = (struct weft_msg_trace_report){.n_steps = 1, .n_frames = 1};
	f = (void *)((uint8_t *)payload + at);
	*f = (struct weft_trace_frame){.port = 1, .size = 61, .stored = 61};
	at += sizeof(*f) + 64;
	expect_form(msg, WEFT_MSG_TRACE_REPORT, payload, at, NULL);
	expect_form(msg, WEFT_MSG_TRACE_REPORT, payload, at - 8, "cut short");
	expect_form(msg, WEFT_MSG_TRACE_REPORT, payload, at + 8, "left over");
	f->stored = 8;
	expect_form(msg, WEFT_MSG_TRACE_REPORT, payload, at, "part of a frame");
	f->stored = UINT32_MAX;
	expect_form(msg, WEFT_MSG_TRACE_REPORT, payload, at, "cut short");
	head->n_frames = UINT32_MAX;
	f->stored = 61;
	expect_form(msg, WEFT_MSG_TRACE_REPORT, payload, at, "fewer frames");
	head->n_steps = UINT32_MAX;
	expect_form(msg, WEFT_MSG_TRACE_REPORT, payload, at, "fewer steps");
}

static void test_watches(void **state)
{
	const struct weft_watch_filter good = {.rate = 1, .src = {addr("10.0.0.0"), 104}};
	struct weft_watch_filter f = good;

	assert_null(weft_watch_wrong(&f));
	f.src.len = 103 - 8;
	assert_string_equal(weft_watch_wrong(&f), "src");
	f = good;
	f.dst.len = 129;
	assert_string_equal(weft_watch_wrong(&f), "dst");
	f = good;
	f.vni = 0x1000000;
	assert_string_equal(weft_watch_wrong(&f), "vni");
	f = good;
	f.rate = WEFT_WATCH_RATE_MAX + 1;
	assert_string_equal(weft_watch_wrong(&f), "rate");
	f.rate = 0;
	assert_string_equal(weft_watch_wrong(&f), "rate");
	f = good;
	f.flags = WEFT_WATCH_EITHER | WEFT_WATCH_DROPPED;
	assert_null(weft_watch_wrong(&f));
	f.flags = 4;
	assert_string_equal(weft_watch_wrong(&f), "flags");
}

/* The client at both ends of a pair. */
static void test_client(void **state)
{
	struct weft_segment s = good_segment();
	struct weft_port p = good_port();
	struct weft_client *a, *b;
	struct weft_client_msg *m;
	uint32_t seq, n_ops = 0;
	int pair[2], fd, rc;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(weft_client_wrap(pair[0], &a), 0);
	assert_int_equal(weft_client_wrap(pair[1], &b), 0);
	assert_int_equal(weft_client_recv(b, &m), 0);
	assert_int_equal(weft_client_hello(a, "tester", WEFT_HELLO_WRITER, &seq), 0);
	assert_int_equal(weft_client_recv(b, &m), 1);
	assert_int_equal(m->hdr->type, WEFT_MSG_HELLO);
	assert_int_equal(m->hdr->seq, seq);
	assert_string_equal(((const struct weft_msg_hello *)m->payload)->client, "tester");
	/* Ops go before the next message, with their descriptor. */
	fd = open("/dev/null", O_RDONLY);
	assert_int_equal(weft_client_op(a, WEFT_TABLE_SEGMENT, WEFT_OP_PUT, &s, -1), 0);
	assert_int_equal(weft_client_op(a, WEFT_TABLE_PORT, WEFT_OP_PUT, &p, fd), 0);
	close(fd);
	assert_int_equal(weft_client_send(a, WEFT_MSG_TXN_COMMIT, NULL, 0, &seq), 0);
	assert_int_equal(weft_client_recv(b, &m), 1);
	assert_int_equal(m->hdr->type, WEFT_MSG_TXN_OPS);
	assert_int_equal(m->n_fds, 1);
	assert_true(fcntl(m->fds[0], F_GETFD) & FD_CLOEXEC);
	fd = m->fds[0];
	assert_int_equal(weft_client_recv(b, &m), 1);
	assert_int_equal(m->hdr->type, WEFT_MSG_TXN_COMMIT);
	assert_int_equal(m->hdr->seq, seq);
	assert_int_equal(fcntl(fd, F_GETFD), -1); /* not taken: closed */
	/* A peer that does not read: -EAGAIN, and nothing is lost or doubled. */
	while ((rc = weft_client_op(a, WEFT_TABLE_SEGMENT, WEFT_OP_PUT, &s, -1)) == 0)
		n_ops++;
	assert_int_equal(rc, -EAGAIN);
	while (n_ops > 0) {
		weft_client_flush(a);
		assert_int_equal(weft_client_recv(b, &m), 1);
		n_ops -= ((const struct weft_msg_ops *)m->payload)->n_ops;
	}
	weft_client_flush(a);
	assert_int_equal(weft_client_recv(b, &m), 0);
	/* What is no message. */
	assert_int_equal(send(weft_client_fd(a), "junk", 4, 0), 4);
	assert_int_equal(weft_client_recv(b, &m), -EBADMSG);
	assert_string_equal(weft_client_error(b), "message of 4 bytes");
	weft_client_close(a);
	assert_int_equal(weft_client_recv(b, &m), -ECONNRESET);
	weft_client_close(b);
	assert_int_equal(weft_client_open("/nonexistent/socket", &a), -ENOENT);
}

/* Descriptors of a message that has no ops; they stay the sender's. */
static void test_client_descriptors(void **state)
{
	struct weft_msg_fastpath tables = {.id = 7, .n_buckets = 64, .n_dirs = 128, .n_cpus = 2};
	int pair[2], fds[WEFT_MSG_FDS_MAX + 1];
	struct weft_client *a, *b;
	struct weft_client_msg *m;
	struct stat first, second;
	uint32_t seq;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(weft_client_wrap(pair[0], &a), 0);
	assert_int_equal(weft_client_wrap(pair[1], &b), 0);
	for (unsigned int i = 0; i < WEFT_MSG_FDS_MAX + 1; i++)
		fds[i] = i == 1 ? STDIN_FILENO : weft_client_fd(a);
	assert_int_equal(weft_client_send_fds(a, WEFT_MSG_FASTPATH, &tables, sizeof(tables), fds,
				 WEFT_MSG_FDS_MAX + 1, &seq),
		-EMSGSIZE);
	assert_int_equal(weft_client_send_fds(a, WEFT_MSG_FASTPATH, &tables, sizeof(tables), fds,
				 WEFT_MSG_FDS_MAX, &seq),
		0);
	assert_int_equal(weft_client_recv(b, &m), 1);
	assert_int_equal(m->hdr->type, WEFT_MSG_FASTPATH);
	assert_int_equal(m->hdr->seq, seq);
	assert_int_equal(m->n_fds, WEFT_MSG_FDS_MAX);
	fstat(STDIN_FILENO, &first);
	fstat(m->fds[1], &second);
	assert_int_equal(first.st_ino, second.st_ino);
	assert_true(fcntl(fds[0], F_GETFD) >= 0);
	weft_client_close(a);
	weft_client_close(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_full_message),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_fixed_sizes),
		cmocka_unit_test(test_traces),
		cmocka_unit_test(test_watches),
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_client_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
