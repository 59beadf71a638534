/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The channel's socket: greeting, transactions, dumps, events; and clients that are stuck, broken
 * or hostile, which must harm nobody.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include <core/clock.h>
#include <port/fake.h>
#include <table/learn.h>
#include <weft/client.h>
#include <weft/stats.h>

#include "fixture.h"
#include "state.h"
#include "talk.h"

static void test_hello(void **state)
{
	const struct weft_msg_hello_ack *ack;
	const struct weft_stats_shm *shm;
	struct weft_client *c = open_client();
	struct weft_client_msg *m;
	struct stat st;
	uint32_t seq;

	assert_int_equal(stat(fixture_socket(), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(weft_client_hello(c, "test", 0, &seq), 0);
	assert_int_equal(receive(c, &m), 1);
	assert_int_equal(m->hdr->type, WEFT_MSG_HELLO_ACK);
	ack = m->payload;
	assert_int_equal(ack->boot_id, FIXTURE_BOOT_ID);
	assert_int_equal(ack->generation, 0);
	assert_int_equal(ack->n_workers, 2);
	assert_int_equal(ack->pid, getpid());
	assert_int_equal(m->n_fds, 1);
	shm = mmap(NULL, ack->stats_size, PROT_READ, MAP_SHARED, m->fds[0], 0);
	assert_ptr_not_equal(shm, MAP_FAILED);
	assert_int_equal(shm->boot_id, FIXTURE_BOOT_ID);
	assert_ptr_equal(
		mmap(NULL, ack->stats_size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fds[0], 0),
		MAP_FAILED);
	munmap((void *)(uintptr_t)shm, ack->stats_size);
	assert_int_equal(weft_client_hello(c, "test", 0, &seq), 0);
	expect_error(c, seq, EALREADY, "second HELLO");
	weft_client_close(c);
}

static void test_hello_refused(void **state)
{
	struct weft_msg_hello hello = {
		.magic = WEFT_CHANNEL_MAGIC, .version = WEFT_CHANNEL_VERSION + 1};
	struct weft_client *c = open_client();

	expect_error(c, request(c, WEFT_MSG_HELLO, &hello, sizeof(hello)), EPROTONOSUPPORT,
		"this data plane speaks version");
	expect_closed(c);
	weft_client_close(c);
	c = open_client();
	expect_error(c, request(c, WEFT_MSG_PING, NULL, 0), EPROTO, "PING before HELLO");
	expect_closed(c);
	weft_client_close(c);
	/* One that never says HELLO goes after a while. */
	c = open_client();
	fixture_turn(4000);
	fixture_turn(2000);
	expect_closed(c);
	weft_client_close(c);
}

static void test_one_writer(void **state)
{
	struct weft_client *a = greeted_client(WEFT_HELLO_WRITER), *b = open_client();
	uint32_t seq;

	assert_int_equal(weft_client_hello(b, "other", WEFT_HELLO_WRITER, &seq), 0);
	expect_error(b, seq, EBUSY, "client test (pid ");
	/* The connection stays; as a reader it is welcome. */
	assert_int_equal(weft_client_hello(b, "other", 0, &seq), 0);
	expect(b, WEFT_MSG_HELLO_ACK, seq);
	expect_error(b, request(b, WEFT_MSG_TXN_BEGIN, NULL, 0), EPERM, "HELLO");
	weft_client_close(b);
	/* A writer that comes before the end of its former self was noticed. */
	expect(a, WEFT_MSG_PONG, request(a, WEFT_MSG_TXN_BEGIN, NULL, 0));
	request(a, WEFT_MSG_TXN_COMMIT, NULL, 0);
	assert_int_equal(weft_client_open(fixture_socket(), &b), 0);
	assert_int_equal(weft_client_hello(b, "next", WEFT_HELLO_WRITER, &seq), 0);
	weft_client_close(a);
	expect(b, WEFT_MSG_HELLO_ACK, seq);
	weft_client_close(b);
}

static void test_transaction(void **state)
{
	struct weft_client *c = greeted_client(WEFT_HELLO_WRITER);
	struct weft_segment s = a_segment(100);
	struct weft_port p = a_port(1, 100);
	const struct weft_msg_txn_result *result;

	expect_error(c, request(c, WEFT_MSG_TXN_COMMIT, NULL, 0), EPROTO, "no transaction");
	expect(c, WEFT_MSG_PONG, request(c, WEFT_MSG_TXN_BEGIN, NULL, 0));
	expect_error(c, request(c, WEFT_MSG_TXN_BEGIN, NULL, 0), EALREADY, "open already");
	weft_client_op(c, WEFT_TABLE_SEGMENT, WEFT_OP_PUT, &s, -1);
	weft_client_op(c, WEFT_TABLE_PORT, WEFT_OP_PUT, &p, -1);
	result = expect(c, WEFT_MSG_TXN_RESULT, request(c, WEFT_MSG_TXN_COMMIT, NULL, 0));
	assert_int_equal(result->error, 0);
	assert_int_equal(result->generation, 1);
	/* Aborted, and forgotten with the connection: nothing. */
	expect(c, WEFT_MSG_PONG, request(c, WEFT_MSG_TXN_BEGIN, NULL, 0));
	s.vni = 200;
	weft_client_op(c, WEFT_TABLE_SEGMENT, WEFT_OP_PUT, &s, -1);
	expect(c, WEFT_MSG_PONG, request(c, WEFT_MSG_TXN_ABORT, NULL, 0));
	expect(c, WEFT_MSG_PONG, request(c, WEFT_MSG_TXN_BEGIN, NULL, 0));
	weft_client_op(c, WEFT_TABLE_SEGMENT, WEFT_OP_PUT, &s, -1);
	weft_client_flush(c);
	fixture_turn(1);
	weft_client_close(c);
	fixture_turn(1);
	assert_int_equal(config_get()->generation, 1);
	assert_int_equal(vhash_count(config_get()->vni), 1);
	/* Refused: the op is named. */
	c = greeted_client(WEFT_HELLO_WRITER);
	expect(c, WEFT_MSG_PONG, request(c, WEFT_MSG_TXN_BEGIN, NULL, 0));
	weft_client_op(c, WEFT_TABLE_SEGMENT, WEFT_OP_PUT, &s, -1);
	p.vni = 999;
	weft_client_op(c, WEFT_TABLE_PORT, WEFT_OP_PUT, &p, -1);
	result = expect(c, WEFT_MSG_TXN_RESULT, request(c, WEFT_MSG_TXN_COMMIT, NULL, 0));
	assert_int_equal(result->error, ENOENT);
	assert_int_equal(result->op, 1);
	assert_int_equal(result->generation, 1);
	assert_non_null(strstr(result->text, "there is no segment 999"));
	weft_client_close(c);
}

/* Counts the entries of a dump; checks DUMP_END. */
static uint64_t dump(struct weft_client *c, uint32_t table, uint32_t flags)
{
	const struct weft_msg_dump d = {.table = table, .flags = flags};
	uint32_t seq = request(c, WEFT_MSG_DUMP, &d, sizeof(d));
	struct weft_client_msg *m;
	uint64_t n = 0;

	for (;;) {
		assert_int_equal(receive(c, &m), 1);
		assert_int_equal(m->hdr->seq, seq);
		if (m->hdr->type == WEFT_MSG_DUMP_END)
			break;
		assert_int_equal(m->hdr->type, WEFT_MSG_DUMP_ENTRIES);
		n += ((const struct weft_msg_ops *)m->payload)->n_ops;
	}
	assert_int_equal(((const struct weft_msg_dump_end *)m->payload)->n_entries, n);
	return n;
}

static void learn(uint32_t mac, uint16_t port_slot)
{
	struct learn_event e = {
		.key = {.segment_slot = config_get()->ports[port_slot]->segment_slot,
			.mac = a_mac(mac)},
		.dest = port_slot,
		.generation = config_get()->generation};

	assert_true(learn_post(&e));
	learn_process(1, clock_s());
}

static uint16_t slot_of(uint32_t id)
{
	return slot_find(channel.port_ids, &id, config_get()->generation);
}

static void test_dump_and_info(void **state)
{
	struct weft_client *c = greeted_client(0);
	const struct weft_msg_dump bad = {.table = WEFT_TABLE_MAX};
	const struct weft_msg_info *info;

	assert_int_equal(dump(c, 0, 0), 0);
	build_example();
	learn(50, slot_of(1));
	assert_int_equal(dump(c, 0, 0), 20);
	assert_int_equal(dump(c, 0, WEFT_DUMP_LEARNED), 21);
	assert_int_equal(dump(c, WEFT_TABLE_FDB, 0), 5);
	assert_int_equal(dump(c, WEFT_TABLE_FDB, WEFT_DUMP_LEARNED), 6);
	assert_int_equal(dump(c, WEFT_TABLE_FLOOD, 0), 3);
	expect_error(c, request(c, WEFT_MSG_DUMP, &bad, sizeof(bad)), EINVAL, "no table 18");
	info = expect(c, WEFT_MSG_INFO_REPLY, request(c, WEFT_MSG_INFO, NULL, 0));
	assert_int_equal(info->generation, 1);
	assert_int_equal(info->n_entries[WEFT_TABLE_SEGMENT], 2);
	assert_int_equal(info->n_entries[WEFT_TABLE_PORT], 4);
	assert_int_equal(info->n_entries[WEFT_TABLE_LOCAL_VTEP], 1);
	assert_int_equal(info->n_entries[WEFT_TABLE_VTEP], 2);
	assert_int_equal(info->n_entries[WEFT_TABLE_FLOOD], 3);
	assert_int_equal(info->n_entries[WEFT_TABLE_FDB], 6);
	assert_int_equal(info->n_entries[WEFT_TABLE_NEIGH], 3);
	assert_int_equal(info->n_learned, 1);
	assert_true(info->table_bytes[WEFT_TABLE_FDB] > 0);
	weft_client_close(c);
}

static void test_flush(void **state)
{
	struct weft_client *c = greeted_client(WEFT_HELLO_WRITER);
	struct weft_msg_fdb_flush flush = {.vni = 999};

	build_example();
	learn(50, slot_of(1));
	learn(51, slot_of(2));
	learn(52, slot_of(3));
	expect_error(c, request(c, WEFT_MSG_FDB_FLUSH, &flush, sizeof(flush)), ENOENT, "999");
	flush = (struct weft_msg_fdb_flush){.port = 1};
	expect(c, WEFT_MSG_PONG, request(c, WEFT_MSG_FDB_FLUSH, &flush, sizeof(flush)));
	assert_int_equal(learn_count(), 2);
	flush = (struct weft_msg_fdb_flush){.vni = 200};
	expect(c, WEFT_MSG_PONG, request(c, WEFT_MSG_FDB_FLUSH, &flush, sizeof(flush)));
	assert_int_equal(learn_count(), 1);
	flush = (struct weft_msg_fdb_flush){0};
	expect(c, WEFT_MSG_PONG, request(c, WEFT_MSG_FDB_FLUSH, &flush, sizeof(flush)));
	assert_int_equal(learn_count(), 0);
	assert_int_equal(vhash_count(config_get()->fdb), 5);
	weft_client_close(c);
}

static void expect_port(struct weft_client *c, uint32_t id, enum weft_port_state port_state)
{
	const struct weft_event_port *e = expect(c, WEFT_MSG_EVENT_PORT, 0);

	assert_int_equal(e->id, id);
	assert_int_equal(e->state, port_state);
}

static void test_port_events(void **state)
{
	struct weft_client *c;

	build_example();
	c = greeted_client(WEFT_HELLO_EVENTS);
	/* First the state of every port, by slot. */
	expect_port(c, 1, WEFT_PORT_STATE_UP);
	expect_port(c, 2, WEFT_PORT_STATE_UP);
	expect_port(c, 3, WEFT_PORT_STATE_UP);
	expect_port(c, 9, WEFT_PORT_STATE_UP);
	fake_set_link(config_get()->ports[slot_of(2)]->dev, false);
	fixture_turn(100);
	expect_port(c, 2, WEFT_PORT_STATE_DOWN);
	fake_set_link(config_get()->ports[slot_of(2)]->dev, true);
	fixture_turn(100);
	expect_port(c, 2, WEFT_PORT_STATE_UP);
	weft_client_close(c);
}

/* The reason why a port is missing changes: told, too. */
static void test_port_reasons(void **state)
{
	const struct weft_event_port *e;
	struct weft_client *c;

	fake_fail_open(NULL, ENODEV);
	build_example();
	c = greeted_client(WEFT_HELLO_EVENTS);
	for (int i = 0; i < 4; i++) {
		e = expect(c, WEFT_MSG_EVENT_PORT, 0);
		assert_int_equal(e->state, WEFT_PORT_STATE_MISSING);
		assert_non_null(strstr(e->text, "no such device: fake"));
	}
	port_fail(config_get()->ports[slot_of(2)]->dev, EBUSY, "somebody else has it");
	fixture_turn(100);
	e = expect(c, WEFT_MSG_EVENT_PORT, 0);
	assert_int_equal(e->id, 2);
	assert_string_equal(e->text, "somebody else has it");
	weft_client_close(c);
}

static void expect_fdb(struct weft_client *c, uint32_t mac, uint32_t port, uint32_t event)
{
	const struct weft_event_fdb *e = expect(c, WEFT_MSG_EVENT_FDB, 0);
	struct weft_mac want = a_mac(mac);

	assert_memory_equal(&e->entry.mac, &want, sizeof(want));
	assert_int_equal(e->entry.port, port);
	assert_int_equal(e->entry.flags, WEFT_FDB_LEARNED);
	assert_int_equal(e->event, event);
}

static void test_fdb_events(void **state)
{
	struct weft_client *c = greeted_client(WEFT_HELLO_EVENTS);

	build_example();
	for (int i = 0; i < 4; i++)
		expect(c, WEFT_MSG_EVENT_PORT, 0);
	learn(50, slot_of(1));
	expect_fdb(c, 50, 1, WEFT_FDB_EVENT_LEARNED);
	learn(50, slot_of(2));
	expect_fdb(c, 50, 2, WEFT_FDB_EVENT_MOVED);
	fixture_turn(299000);
	fixture_turn(2000);
	expect_fdb(c, 50, 2, WEFT_FDB_EVENT_AGED);
	weft_client_close(c);
}

/* A listener that reads nothing: the others get everything, it gets what fits and a number. */
static void test_slow_listener(void **state)
{
	struct weft_client *slow, *good;
	uint64_t n_slow = 0, n_lost = 0;
	struct weft_client_msg *m;

	build_example();
	slow = greeted_client(WEFT_HELLO_EVENTS);
	good = greeted_client(WEFT_HELLO_EVENTS);
	for (int i = 0; i < 4; i++)
		expect(good, WEFT_MSG_EVENT_PORT, 0);
	for (uint32_t i = 0; i < 20000; i++) {
		/* Back and forth, within the limits of moves. */
		if (i % 4 == 0)
			fixture_turn(1000);
		learn(50, slot_of(i % 2 ? 2 : 1));
		fixture_turn(0);
		expect_fdb(good, 50, i % 2 ? 2 : 1,
			i == 0 ? WEFT_FDB_EVENT_LEARNED : WEFT_FDB_EVENT_MOVED);
	}
	while (n_lost == 0) {
		assert_int_equal(receive(slow, &m), 1);
		if (m->hdr->type == WEFT_MSG_EVENTS_LOST)
			n_lost = ((const struct weft_event_lost *)m->payload)->n;
		else if (m->hdr->type == WEFT_MSG_EVENT_FDB)
			n_slow++;
	}
	assert_int_equal(n_slow + n_lost, 20000);
	assert_true(n_slow >= 512);
	weft_client_close(slow);
	weft_client_close(good);
}

/* A client that asks for dumps and reads nothing does not keep others waiting. */
static void test_stuck_client(void **state)
{
	const struct weft_msg_dump d = {0};
	struct weft_client *stuck, *good;
	struct weft_client_msg *m;
	int n = 0;

	build_example();
	stuck = greeted_client(0);
	good = greeted_client(0);
	while (weft_client_send(stuck, WEFT_MSG_DUMP, &d, sizeof(d), NULL) == 0) {
		fixture_turn(0);
		n++;
	}
	for (int i = 0; i < 100; i++)
		expect(good, WEFT_MSG_PONG, request(good, WEFT_MSG_PING, NULL, 0));
	/* It gets all answers when it reads at last. */
	while (n > 0) {
		assert_int_equal(receive(stuck, &m), 1);
		n -= m->hdr->type == WEFT_MSG_DUMP_END;
	}
	expect(stuck, WEFT_MSG_PONG, request(stuck, WEFT_MSG_PING, NULL, 0));
	weft_client_close(stuck);
	weft_client_close(good);
}

static void send_raw(struct weft_client *c, const void *bytes, size_t size)
{
	assert_int_equal(send(weft_client_fd(c), bytes, size, 0), size);
}

static void test_malformed(void **state)
{
	_Alignas(8) uint8_t msg[128];
	const uint32_t n_ops = 3;
	struct weft_client *c, *good = greeted_client(0);

	c = greeted_client(WEFT_HELLO_WRITER);
	send_raw(c, "abc", 3);
	expect_error(c, 0, EBADMSG, "message of 3 bytes");
	expect_closed(c);
	weft_client_close(c);
	/* Ops cut short end the transaction and the connection. */
	c = greeted_client(WEFT_HELLO_WRITER);
	expect(c, WEFT_MSG_PONG, request(c, WEFT_MSG_TXN_BEGIN, NULL, 0));
	send_raw(c, msg, weft_msg_build(msg, WEFT_MSG_TXN_OPS, 7, &n_ops, sizeof(n_ops)));
	expect_error(c, 7, EBADMSG, "op 0 of 3 in the message is missing");
	expect_closed(c);
	weft_client_close(c);
	/* What only servers say. */
	c = greeted_client(0);
	expect_error(c, request(c, WEFT_MSG_PONG, NULL, 0), EPROTO, "PONG is no request");
	expect_closed(c);
	weft_client_close(c);
	expect(good, WEFT_MSG_PONG, request(good, WEFT_MSG_PING, NULL, 0));
	weft_client_close(good);
}

static void test_random_bytes(void **state)
{
	struct weft_client *good = greeted_client(0);
	unsigned int seed = 1;

	build_example();
	for (int round = 0; round < 3000; round++) {
		struct weft_client *c = greeted_client(WEFT_HELLO_WRITER);
		struct weft_client_msg *m;

		for (int i = 0; i < 4; i++) {
			_Alignas(8) uint8_t msg[600];
			size_t size = rand_r(&seed) % sizeof(msg);
			struct weft_msg_hdr hdr = {.type = rand_r(&seed) % WEFT_MSG_TYPE_MAX,
				.seq = 1,
				.size = size - sizeof(hdr)};

			for (size_t b = 0; b < sizeof(msg); b++)
				msg[b] = rand_r(&seed) % 4 ? rand_r(&seed) % 8 : rand_r(&seed);
			if (size >= sizeof(hdr))
				memcpy(msg, &hdr, sizeof(hdr));
			send(weft_client_fd(c), msg, size, MSG_NOSIGNAL);
			if (i == 0)
				weft_client_send(c, WEFT_MSG_TXN_BEGIN, NULL, 0, NULL);
		}
		fixture_turn(1);
		while (weft_client_recv(c, &m) == 1)
			;
		weft_client_close(c);
		fixture_turn(1);
	}
	check_consistent();
	expect(good, WEFT_MSG_PONG, request(good, WEFT_MSG_PING, NULL, 0));
	weft_client_close(good);
}

static unsigned int n_open_fds(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Descriptors that nobody asked for are closed, whatever they come with. */
static void test_stray_descriptors(void **state)
{
	struct weft_segment s = a_segment(100);
	struct weft_client *c = greeted_client(WEFT_HELLO_WRITER);
	unsigned int before;
	int null = open("/dev/null", O_RDONLY);

	/* The descriptor of the statistics is closed by the client's next receive. */
	expect(c, WEFT_MSG_PONG, request(c, WEFT_MSG_PING, NULL, 0));
	before = n_open_fds();
	for (int i = 0; i < 10; i++) {
		expect(c, WEFT_MSG_PONG, request(c, WEFT_MSG_TXN_BEGIN, NULL, 0));
		weft_client_op(c, WEFT_TABLE_SEGMENT, WEFT_OP_PUT, &s, null);
		expect(c, WEFT_MSG_TXN_RESULT, request(c, WEFT_MSG_TXN_COMMIT, NULL, 0));
	}
	assert_int_equal(n_open_fds(), before);
	for (int i = 0; i < 10; i++) {
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(sizeof(int) * 10)];
		} control = {0};
		_Alignas(8) uint8_t msg[64];
		struct iovec iov = {msg, weft_msg_build(msg, WEFT_MSG_PING, 5, NULL, 0)};
		struct msghdr mh = {.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = CMSG_SPACE(sizeof(int) * (i ? i : 10))};
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&mh);

		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * (i ? i : 10));
		for (int k = 0; k < (i ? i : 10); k++)
			((int *)CMSG_DATA(cmsg))[k] = null;
		assert_true(sendmsg(weft_client_fd(c), &mh, 0) > 0);
		if (i >= 1 && i <= WEFT_MSG_FDS_MAX) {
			expect(c, WEFT_MSG_PONG, 5);
			continue;
		}
		expect_error(c, 5, EBADMSG, "descriptors");
		expect_closed(c);
		weft_client_close(c);
		c = greeted_client(WEFT_HELLO_WRITER);
	}
	expect(c, WEFT_MSG_PONG, request(c, WEFT_MSG_PING, NULL, 0));
	assert_int_equal(n_open_fds(), before);
	weft_client_close(c);
	close(null);
}

/* More connections than are served: those that say nothing go first, the writer never. */
static void test_many_clients(void **state)
{
	struct weft_client *writer = greeted_client(WEFT_HELLO_WRITER), *good = greeted_client(0);
	struct weft_client *clients[100];

	for (int i = 0; i < 100; i++)
		clients[i] = open_client();
	expect_closed(clients[0]);
	expect(good, WEFT_MSG_PONG, request(good, WEFT_MSG_PING, NULL, 0));
	for (int i = 0; i < 100; i++)
		weft_client_close(clients[i]);
	for (int i = 0; i < 100; i++)
		clients[i] = greeted_client(0);
	expect_closed(good);
	expect_closed(clients[0]);
	expect(clients[99], WEFT_MSG_PONG, request(clients[99], WEFT_MSG_PING, NULL, 0));
	expect(writer, WEFT_MSG_PONG, request(writer, WEFT_MSG_PING, NULL, 0));
	for (int i = 0; i < 100; i++)
		weft_client_close(clients[i]);
	weft_client_close(good);
	weft_client_close(writer);
}

static void test_second_server(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	const struct channel_options options = {.socket = addr.sun_path, .n_workers = 1};
	int stale = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	struct stat st;

	/* One that somebody listens on is not taken away; one left behind is. */
	channel_fini();
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", fixture_socket());
	assert_int_equal(bind(stale, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(stale, 1), 0);
	assert_int_equal(channel_init(&options), -EADDRINUSE);
	assert_int_equal(stat(addr.sun_path, &st), 0);
	close(stale);
	assert_int_equal(channel_init(&options), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup_socket, fixture_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_hello),
		TEST(test_hello_refused),
		TEST(test_one_writer),
		TEST(test_transaction),
		TEST(test_dump_and_info),
		TEST(test_flush),
		TEST(test_port_events),
		TEST(test_port_reasons),
		TEST(test_fdb_events),
		TEST(test_slow_listener),
		TEST(test_stuck_client),
		TEST(test_malformed),
		TEST(test_random_bytes),
		TEST(test_stray_descriptors),
		TEST(test_many_clients),
		TEST(test_second_server),
	};

	fixture_once();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
