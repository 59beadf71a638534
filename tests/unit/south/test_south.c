/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * South against a fake data plane, with a fake engine: what should be is an array here. Each test
 * runs one event loop for both sides until a condition holds.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <ccore/log.h>
#include <south/south.h>

#include "fake_dataplane.h"

#define WANTED_MAX 3000
/* Far beyond what any condition takes; only a failing test waits this long. */
#define PATIENCE_MS 8000

/* The fake engine. */
static struct engine_sink sink;
static struct fake_entry wanted[WANTED_MAX];
static size_t n_wanted;
static uint64_t revision;

void engine_set_sink(struct engine *e, const struct engine_sink *s)
{
	sink = s ? *s : (struct engine_sink){0};
}

const struct compiler *engine_compiler(const struct engine *e)
{
	return NULL;
}

const struct model *engine_model(const struct engine *e)
{
	return NULL;
}

uint64_t model_revision(const struct model *m)
{
	return revision;
}

void compile_full(const struct compiler *c, compile_emit_fn emit, void *arg)
{
	for (unsigned int table = 1; table < WEFT_TABLE_MAX; table++)
		for (size_t i = 0; i < n_wanted; i++)
			if (wanted[i].table == table)
				emit(arg, table, WEFT_OP_PUT, &wanted[i].entry);
}

/* One change of intent, told to the sink as the engine tells it. */
static void want(enum weft_table table, const union weft_entry *entry)
{
	size_t i = 0;

	while (i < n_wanted &&
		!(wanted[i].table == table && weft_entry_key_equal(table, &wanted[i].entry, entry)))
		i++;
	if (i == n_wanted)
		n_wanted++;
	assert_true(n_wanted <= WANTED_MAX);
	wanted[i].table = table;
	memcpy(&wanted[i].entry, entry, sizeof(*entry));
	sink.begin(sink.arg);
	sink.emit(sink.arg, table, WEFT_OP_PUT, entry);
	sink.end(sink.arg, ++revision);
}

static void want_segment(uint32_t vni, uint16_t mtu)
{
	union weft_entry e = {.segment = {.vni = vni, .mtu = mtu, .name = "red/lan"}};

	want(WEFT_TABLE_SEGMENT, &e);
}

static void unwant_segment(uint32_t vni)
{
	union weft_entry e = {.segment = {.vni = vni}};

	for (size_t i = 0; i < n_wanted; i++)
		if (weft_entry_key_equal(WEFT_TABLE_SEGMENT, &wanted[i].entry, &e))
			wanted[i] = wanted[--n_wanted];
	sink.begin(sink.arg);
	sink.emit(sink.arg, WEFT_TABLE_SEGMENT, WEFT_OP_DELETE, &e);
	sink.end(sink.arg, ++revision);
}

/* The set-up of every test. */
struct bench {
	struct event_base *base;
	struct fake_dataplane fake;
	struct south *south;
};

static int bench_xsk_map_fd(void *arg, const struct weft_port *port)
{
	return STDERR_FILENO;
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	n_wanted = 0;
	revision = 1;
	b->base = event_base_new();
	fake_start(&b->fake, b->base);
	*state = b;
	return south_new(
		b->base, NULL, b->fake.path, bench_xsk_map_fd, NULL, NULL, NULL, &b->south);
}

static int teardown(void **state)
{
	struct bench *b = *state;

	south_free(b->south);
	fake_stop(&b->fake);
	event_base_free(b->base);
	free(b);
	return 0;
}

static bool in_sync(struct bench *b)
{
	struct south_status st;

	south_status(b->south, &st);
	return st.in_sync && st.revision == revision;
}

/* Runs the loop until cond holds. */
static bool run_until(struct bench *b, bool (*cond)(struct bench *b))
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (!cond(b)) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 >
			PATIENCE_MS)
			return false;
		event_base_loop(b->base, EVLOOP_ONCE);
	}
	return true;
}

static void assert_equal_tables(struct bench *b)
{
	assert_int_equal(b->fake.n_entries, n_wanted);
	for (size_t i = 0; i < n_wanted; i++) {
		size_t j = 0;

		while (j < n_wanted && !(b->fake.table[j].table == wanted[i].table &&
					       memcmp(&b->fake.table[j].entry, &wanted[i].entry,
						       weft_entry_size(wanted[i].table)) == 0))
			j++;
		assert_true(j < n_wanted);
	}
}

static void start_in_sync(struct bench *b)
{
	south_start(b->south);
	assert_true(run_until(b, in_sync));
	assert_equal_tables(b);
}

static void test_programs_all(void **state)
{
	struct bench *b = *state;
	struct south_status st;

	for (uint32_t vni = 1; vni <= 2000; vni++)
		want_segment(vni, 1450);
	start_in_sync(b);
	south_status(b->south, &st);
	assert_true(st.connected);
	assert_int_equal(st.boot_id, 1);
	assert_int_equal(st.last_resync_ops, 2000);
	assert_int_equal(b->fake.n_commits, 1);
	assert_string_equal(st.error, "");
	assert_non_null(south_stats(b->south));
	assert_int_equal(south_stats(b->south)->magic, WEFT_STATS_MAGIC);
}

static void test_steady(void **state)
{
	struct bench *b = *state;

	start_in_sync(b);
	want_segment(5, 1450);
	assert_true(run_until(b, in_sync));
	assert_equal_tables(b);
	/* Several generations queue behind one commit, in order. */
	want_segment(5, 1400);
	want_segment(6, 1400);
	want_segment(5, 1300);
	unwant_segment(6);
	assert_true(run_until(b, in_sync));
	assert_equal_tables(b);
	assert_int_equal(b->fake.n_dumps, 1);
	assert_int_equal(b->fake.n_commits, 5);
	/* A generation without ops is reached at once. */
	sink.begin(sink.arg);
	sink.end(sink.arg, ++revision);
	assert_true(in_sync(b));
}

/* weftd was restarted, the data plane was not: nothing is sent. */
static void test_equal_sends_nothing(void **state)
{
	struct bench *b = *state;
	struct south_status st;

	for (uint32_t vni = 1; vni <= 100; vni++) {
		want_segment(vni, 1450);
		fake_put(&b->fake, WEFT_TABLE_SEGMENT, &wanted[vni - 1].entry);
	}
	start_in_sync(b);
	south_status(b->south, &st);
	assert_int_equal(st.last_resync_ops, 0);
	assert_int_equal(b->fake.n_commits, 0);
}

/* Only what differs is sent: one more, one less, one changed. */
static void test_difference(void **state)
{
	struct bench *b = *state;
	union weft_entry extra = {.segment = {.vni = 999, .name = "blue/old"}};

	for (uint32_t vni = 1; vni <= 10; vni++)
		want_segment(vni, 1450);
	for (uint32_t i = 0; i < 9; i++)
		fake_put(&b->fake, WEFT_TABLE_SEGMENT, &wanted[i].entry);
	b->fake.table[3].entry.segment.mtu = 1;
	fake_put(&b->fake, WEFT_TABLE_SEGMENT, &extra);
	start_in_sync(b);
	assert_int_equal(b->fake.last_txn_ops, 3);
}

static bool greeted_twice(struct bench *b)
{
	return b->fake.n_hellos >= 2 && in_sync(b);
}

static void test_dataplane_restarts(void **state)
{
	struct bench *b = *state;
	struct south_status st;

	for (uint32_t vni = 1; vni <= 20; vni++)
		want_segment(vni, 1450);
	start_in_sync(b);
	fake_restart(&b->fake);
	assert_true(run_until(b, greeted_twice));
	assert_equal_tables(b);
	south_status(b->south, &st);
	assert_int_equal(st.boot_id, 2);
	assert_int_equal(st.n_resyncs, 2);
	assert_int_equal(st.last_resync_ops, 20);
}

/* The connection breaks at every kind of message, at the start and later; it always converges. */
static void test_hang_up_anywhere(void **state)
{
	static const enum weft_msg_type points[] = {WEFT_MSG_HELLO, WEFT_MSG_DUMP,
		WEFT_MSG_TXN_BEGIN, WEFT_MSG_TXN_OPS, WEFT_MSG_TXN_COMMIT};
	struct bench *b = *state;
	uint32_t vni = 1;

	want_segment(vni++, 1450);
	b->fake.hang_up_at = points[0];
	start_in_sync(b);
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		b->fake.hang_up_at = points[i];
		if (points[i] == WEFT_MSG_HELLO || points[i] == WEFT_MSG_DUMP)
			fake_hang_up(&b->fake);
		want_segment(vni++, 1450);
		want_segment(vni++, 1450);
		assert_true(run_until(b, in_sync));
		assert_int_equal(b->fake.hang_up_at, 0);
		assert_equal_tables(b);
	}
}

static bool has_error(struct bench *b)
{
	struct south_status st;

	south_status(b->south, &st);
	return !st.in_sync && strstr(st.error, "refused") != NULL;
}

static void test_refused(void **state)
{
	struct bench *b = *state;
	struct south_status st;

	start_in_sync(b);
	b->fake.n_refusals = 2;
	want_segment(77, 1450);
	assert_true(run_until(b, has_error));
	south_status(b->south, &st);
	assert_non_null(strstr(st.error, "segment 77"));
	assert_non_null(strstr(st.error, "the table is full"));
	assert_true(st.connected);
	/* What changes meanwhile is in the next try. */
	want_segment(78, 1450);
	assert_true(run_until(b, in_sync));
	assert_equal_tables(b);
	south_status(b->south, &st);
	assert_string_equal(st.error, "");
	assert_int_equal(st.n_resyncs, 3);
}

/* More than the queue holds while a commit takes long: one comparison instead. */
static void test_storm(void **state)
{
	struct bench *b = *state;

	start_in_sync(b);
	b->fake.mute_at = WEFT_MSG_TXN_COMMIT;
	want_segment(1, 1450);
	for (unsigned int round = 0; round < 400; round++) {
		sink.begin(sink.arg);
		for (size_t i = 0; i < 2100; i++) {
			wanted[0].entry.segment.mtu = round;
			sink.emit(sink.arg, WEFT_TABLE_SEGMENT, WEFT_OP_PUT, &wanted[0].entry);
		}
		sink.end(sink.arg, ++revision);
	}
	event_base_loop(b->base, EVLOOP_NONBLOCK);
	b->fake.mute_at = 0;
	fake_hang_up(&b->fake);
	assert_true(run_until(b, in_sync));
	assert_equal_tables(b);
	assert_true(b->fake.n_commits < 5);
}

static unsigned int n_events, n_connected, n_disconnected;

static void note_event(void *arg, const struct weft_event_port *e)
{
	n_events++;
}

static void note_connected(void *arg, bool connected)
{
	if (connected)
		n_connected++;
	else
		n_disconnected++;
}

static bool event_seen(struct bench *b)
{
	return n_events > 0;
}

static void test_port_events(void **state)
{
	struct bench *b = *state;
	struct weft_event_port e = {.id = 9, .state = WEFT_PORT_STATE_MISSING, .text = "no veth9"};
	struct south_listener l = {.port_state = note_event, .connected = note_connected};
	struct weft_event_port seen;

	n_events = n_connected = n_disconnected = 0;
	south_listen(b->south, &l);
	start_in_sync(b);
	fake_send(&b->fake, WEFT_MSG_EVENT_PORT, 0, &e, sizeof(e));
	assert_true(run_until(b, event_seen));
	south_port_state(b->south, 9, &seen);
	assert_int_equal(seen.state, WEFT_PORT_STATE_MISSING);
	assert_string_equal(seen.text, "no veth9");
	south_port_state(b->south, 10, &seen);
	assert_int_equal(seen.state, 0);
	assert_int_equal(n_connected, 1);
	fake_hang_up(&b->fake);
	assert_true(run_until(b, greeted_twice));
	assert_int_equal(n_disconnected, 1);
	assert_int_equal(n_connected, 2);
	/* Old states are forgotten: the data plane tells them again. */
	south_port_state(b->south, 9, &seen);
	assert_int_equal(seen.state, 0);
}

static struct weft_trace_record traced[2];

static void note_trace(void *arg, const struct weft_event_trace *e)
{
	assert_int_equal(e->n, 2);
	assert_int_equal(e->lost, 7);
	memcpy(traced, e + 1, sizeof(traced));
	n_events++;
}

static void test_trace_events(void **state)
{
	struct bench *b = *state;
	struct south_listener l = {.trace = note_trace};
	struct {
		struct weft_event_trace head;
		struct weft_trace_record steps[2];
	} e = {.head = {.n = 2, .lost = 7},
		.steps = {{.packet = 5, .step = WEFT_TRACE_RECEIVED},
			{.packet = 6, .step = WEFT_TRACE_DROP}}};

	n_events = 0;
	south_listen(b->south, &l);
	start_in_sync(b);
	fake_send(&b->fake, WEFT_MSG_EVENT_TRACE, 0, &e, sizeof(e));
	assert_true(run_until(b, event_seen));
	assert_memory_equal(traced, e.steps, sizeof(traced));
}

static bool is_away(struct bench *b)
{
	struct south_status st;

	south_status(b->south, &st);
	return !st.connected;
}

static void test_descriptor(void **state)
{
	struct bench *b = *state;
	union weft_entry e = {.port = {.id = 1,
				      .kind = WEFT_PORT_AF_XDP,
				      .role = WEFT_ROLE_UPLINK,
				      .n_queues = 1,
				      .mtu = 1600,
				      .name = "uplink",
				      .device = "ul0"}};

	want(WEFT_TABLE_PORT, &e);
	e.port.id = 2;
	e.port.kind = WEFT_PORT_TAP;
	want(WEFT_TABLE_PORT, &e);
	start_in_sync(b);
	assert_int_equal(b->fake.n_fds, 1);
	/* It has that map already: a change of the port needs no other. */
	e.port.id = 1;
	e.port.kind = WEFT_PORT_AF_XDP;
	e.port.mtu = 1500;
	want(WEFT_TABLE_PORT, &e);
	assert_true(run_until(b, in_sync));
	assert_int_equal(b->fake.n_fds, 1);
	/* The map is new, the port is not. */
	south_resend_port(b->south, &e.port);
	assert_true(run_until(b, in_sync));
	assert_int_equal(b->fake.n_fds, 2);
	/* The map becomes new while the data plane is away, which keeps its tables. */
	fake_hang_up(&b->fake);
	assert_true(run_until(b, is_away));
	south_resend_port(b->south, &e.port);
	assert_true(run_until(b, in_sync));
	assert_int_equal(b->fake.n_fds, 3);
	assert_int_equal(b->fake.last_txn_ops, 1);
	fake_hang_up(&b->fake);
	assert_true(run_until(b, is_away));
	assert_true(run_until(b, in_sync));
	assert_int_equal(b->fake.n_fds, 3);
}

static void resend(void *arg, const struct weft_port *port, bool present)
{
	south_resend_port(arg, port);
}

/* The map becomes new because a listener was told of the port: nothing of the batch is lost. */
static void test_descriptor_within_batch(void **state)
{
	struct bench *b = *state;
	struct south_listener l = {.arg = b->south, .port = resend};
	union weft_entry segment = {.segment = {.vni = 7}};
	union weft_entry port = {.port = {.id = 1,
					 .kind = WEFT_PORT_AF_XDP,
					 .role = WEFT_ROLE_UPLINK,
					 .device = "ul0"}};

	south_listen(b->south, &l);
	start_in_sync(b);
	sink.begin(sink.arg);
	sink.emit(sink.arg, WEFT_TABLE_SEGMENT, WEFT_OP_PUT, &segment);
	sink.emit(sink.arg, WEFT_TABLE_PORT, WEFT_OP_PUT, &port);
	sink.end(sink.arg, ++revision);
	assert_true(run_until(b, in_sync));
	assert_int_equal(b->fake.n_entries, 2);
	assert_int_equal(b->fake.n_commits, 1);
	assert_int_equal(b->fake.n_fds, 1);
}

static int dump_error;
static unsigned int n_dumped, n_done;

static void note_entry(void *arg, const union weft_entry *entry)
{
	n_dumped++;
}

static void note_done(void *arg, int error)
{
	n_done++;
	dump_error = error;
}

static bool is_done(struct bench *b)
{
	return n_done > 0;
}

static void test_queries(void **state)
{
	struct bench *b = *state;

	n_done = n_dumped = 0;
	assert_int_equal(
		south_dump(b->south, WEFT_TABLE_SEGMENT, note_entry, note_done, NULL), -ENOTCONN);
	for (uint32_t vni = 1; vni <= 200; vni++)
		want_segment(vni, 1450);
	start_in_sync(b);
	assert_int_equal(south_dump(b->south, WEFT_TABLE_SEGMENT, note_entry, note_done, NULL), 0);
	assert_true(run_until(b, is_done));
	assert_int_equal(dump_error, 0);
	assert_int_equal(n_dumped, 200);
	n_done = 0;
	assert_int_equal(south_fdb_flush(b->south, 1, 0, note_done, NULL), 0);
	assert_true(run_until(b, is_done));
	assert_int_equal(dump_error, 0);
	/* The connection is lost before the answer. */
	n_done = 0;
	b->fake.hang_up_at = WEFT_MSG_FDB_FLUSH;
	assert_int_equal(south_fdb_flush(b->south, 1, 0, note_done, NULL), 0);
	assert_true(run_until(b, is_done));
	assert_int_equal(dump_error, -ECONNRESET);
	assert_int_equal(n_done, 1);
}

/* A peer that is no data plane: south says so and goes on trying. */
static bool complains(struct bench *b)
{
	struct south_status st;

	south_status(b->south, &st);
	return !st.connected && strstr(st.error, "no message") != NULL;
}

static unsigned int n_sessions, n_ended;
static struct weft_msg_session_end ended;
static int ended_error;

static void note_session(void *arg, const struct weft_session *session)
{
	assert_int_equal(session->network, 9);
	n_sessions++;
}

static void note_ended(void *arg, int error, const struct weft_msg_session_end *end)
{
	n_ended++;
	ended_error = error;
	assert_int_equal(error == 0, end != NULL);
	if (end)
		ended = *end;
}

static bool is_ended(struct bench *b)
{
	return n_ended > 0;
}

static void test_sessions(void **state)
{
	struct weft_session_filter filter = {.network = 9};
	struct bench *b = *state;

	assert_int_equal(south_session_flush(b->south, &filter, note_ended, NULL), -ENOTCONN);
	start_in_sync(b);
	n_sessions = n_ended = 0;
	assert_int_equal(
		south_session_list(b->south, &filter, 3, 4, note_session, note_ended, NULL), 0);
	assert_true(run_until(b, is_ended));
	assert_int_equal(n_sessions, 2);
	assert_int_equal(ended_error, 0);
	assert_int_equal(ended.cursor, 7);
	n_ended = 0;
	assert_int_equal(south_session_flush(b->south, &filter, note_ended, NULL), 0);
	assert_true(run_until(b, is_ended));
	assert_int_equal(ended.n, 5);
	b->fake.hang_up_at = WEFT_MSG_SESSION_LIST;
	n_ended = 0;
	assert_int_equal(
		south_session_list(b->south, &filter, 0, 4, note_session, note_ended, NULL), 0);
	assert_true(run_until(b, is_ended));
	assert_int_equal(ended_error, -ECONNRESET);
	assert_true(run_until(b, in_sync));
	n_ended = 0;
	assert_int_equal(
		south_session_list(b->south, &filter, 0, 4, note_session, note_ended, NULL), 0);
	assert_true(run_until(b, is_ended));
	assert_int_equal(ended_error, 0);
}

/* The fast path is told before anything else, to each data plane that is met. */
struct fast {
	struct south *south;
	uint64_t id;
	unsigned int n_taken, n_refused;
	int error;
	char text[64];
};
static struct fast fast;

static void fast_answered(void *arg, const struct weft_msg_hdr *answer, int error, const char *text)
{
	fast.n_taken += answer != NULL;
	fast.n_refused += answer == NULL;
	if (answer)
		return;
	fast.error = error;
	snprintf(fast.text, sizeof(fast.text), "%s", text);
}

static void send_tables(void *arg)
{
	struct weft_msg_fastpath tables = {.id = fast.id};
	struct weft_msg_fastpath_port port = {.port = 3, .ifindex = 7, .flags = WEFT_FASTPATH_ON};
	int fds[WEFT_FASTPATH_MAPS];

	for (unsigned int i = 0; i < WEFT_FASTPATH_MAPS; i++)
		fds[i] = STDERR_FILENO;
	assert_int_equal(south_query_fds(fast.south, WEFT_MSG_FASTPATH, &tables, sizeof(tables),
				 fds, WEFT_FASTPATH_MAPS, WEFT_MSG_PONG, fast_answered, NULL),
		0);
	assert_int_equal(south_query(fast.south, WEFT_MSG_FASTPATH_PORT, &port, sizeof(port),
				 WEFT_MSG_PONG, fast_answered, NULL),
		0);
}

static bool is_refused(struct bench *b)
{
	return fast.n_refused > 0;
}

static bool two_taken(struct bench *b)
{
	return fast.n_taken == 2;
}

static void assert_fast_path_first(struct bench *b)
{
	static const uint16_t expected[] = {
		WEFT_MSG_HELLO, WEFT_MSG_FASTPATH, WEFT_MSG_FASTPATH_PORT, WEFT_MSG_DUMP};

	assert_memory_equal(b->fake.received, expected, sizeof(expected));
}

static void test_fast_path(void **state)
{
	struct south_listener l = {.greeted = send_tables};
	struct bench *b = *state;

	fast = (struct fast){.south = b->south, .id = 5};
	south_listen(b->south, &l);
	start_in_sync(b);
	assert_true(run_until(b, two_taken));
	assert_fast_path_first(b);
	fast.n_taken = b->fake.n_received = 0;
	fake_restart(&b->fake);
	assert_true(run_until(b, two_taken));
	assert_true(run_until(b, in_sync));
	assert_fast_path_first(b);
	/* The same data plane and other tables: refused, and the rest goes on. */
	fast.id = 6;
	fast.n_taken = b->fake.n_received = 0;
	fake_hang_up(&b->fake);
	assert_true(run_until(b, is_away));
	assert_true(run_until(b, in_sync));
	assert_int_equal(fast.n_refused, 1);
	assert_fast_path_first(b);
}

static void test_refused_tables(void **state)
{
	struct bench *b = *state;

	fast = (struct fast){.south = b->south, .id = 5};
	b->fake.tables_id = 4;
	start_in_sync(b);
	send_tables(NULL);
	assert_true(run_until(b, is_refused));
	assert_int_equal(fast.error, -EBUSY);
	assert_string_equal(fast.text, "it has other tables");
}

static void test_garbage(void **state)
{
	struct bench *b = *state;
	char junk[100];

	start_in_sync(b);
	memset(junk, 0xee, sizeof(junk));
	assert_int_equal(write(b->fake.peer, junk, sizeof(junk)), sizeof(junk));
	assert_true(run_until(b, complains));
	assert_true(run_until(b, in_sync));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_programs_all),
		TEST(test_steady),
		TEST(test_equal_sends_nothing),
		TEST(test_difference),
		TEST(test_dataplane_restarts),
		TEST(test_hang_up_anywhere),
		TEST(test_refused),
		TEST(test_storm),
		TEST(test_port_events),
		TEST(test_descriptor),
		TEST(test_descriptor_within_batch),
		TEST(test_queries),
		TEST(test_trace_events),
		TEST(test_sessions),
		TEST(test_fast_path),
		TEST(test_refused_tables),
		TEST(test_garbage),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
