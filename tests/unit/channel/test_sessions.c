/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions over the channel: lists with filters and pages, flushes, and requests that make no
 * sense.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <core/clock.h>
#include <session/session.h>

#include "fixture.h"
#include "state.h"
#include "talk.h"

#define N_SESSIONS 1000 /* more than one message holds */
#define NETWORK	   71
#define TENANT	   70

static struct session *inserted[N_SESSIONS];

/* A network with segments 500 and 501, its ports 21 and 22. */
static void build(void)
{
	struct weft_tenant tenant = {.id = TENANT, .name = "red"};
	struct weft_network network = {.id = NETWORK, .tenant = TENANT, .name = "red/main"};
	struct weft_segment a = a_segment(500), b = a_segment(501);
	struct weft_port pa = a_port(21, 500), pb = a_port(22, 501);
	struct txn *t = txn_new();

	a.network = b.network = NETWORK;
	put(t, WEFT_TABLE_TENANT, &tenant);
	put(t, WEFT_TABLE_NETWORK, &network);
	put(t, WEFT_TABLE_SEGMENT, &a);
	put(t, WEFT_TABLE_SEGMENT, &b);
	put(t, WEFT_TABLE_PORT, &pa);
	put(t, WEFT_TABLE_PORT, &pb);
	commit_ok(t);
}

static uint16_t segment_slot(uint32_t vni)
{
	return slot_find(channel.config->vni, &vni, channel.config->generation);
}

static uint16_t port_slot(uint32_t id)
{
	return slot_find(channel.port_ids, &id, channel.config->generation);
}

/* Number k: 10.0.k/256.k%256:40000 to 11.0.0.1:53, of port 21; every fourth one goes to 22. */
static struct session_new a_session(uint32_t k)
{
	const struct config *cfg = channel.config;
	uint32_t network = NETWORK, tenant = TENANT;
	uint8_t src[4] = {10, 0, k >> 8, k}, dst[4] = {11, 0, 0, 1};
	struct session_new n = {
		.network =
			cfg->networks[slot_find(channel.networks.ids, &network, cfg->generation)],
		.tenant = cfg->tenants[slot_find(channel.tenants.ids, &tenant, cfg->generation)],
		.charged = cfg->ports[port_slot(21)],
		.port = {port_slot(21), k % 4 == 0 ? port_slot(22) : 0},
		.port_id = {21, k % 4 == 0 ? 22 : 0},
		.rule = {k, 7},
	};

	n.key[0] = (struct session_key){
		.src = weft_addr_from_v4(src),
		.dst = weft_addr_from_v4(dst),
		.sport = 40000 + k % 10,
		.dport = 53,
		.segment = segment_slot(500),
		.proto = IPPROTO_UDP,
	};
	n.key[1] = (struct session_key){
		.src = n.key[0].dst,
		.dst = n.key[0].src,
		.sport = 53,
		.dport = n.key[0].sport,
		.segment = segment_slot(501),
		.proto = IPPROTO_UDP,
	};
	return n;
}

static void insert_all(void)
{
	for (uint32_t k = 0; k < N_SESSIONS; k++) {
		struct session_new n = a_session(k);
		enum weft_drop drop;

		inserted[k] = session_insert(k % 2, &n, &drop);
		assert_non_null(inserted[k]);
		session_unlock(inserted[k]);
	}
}

static struct weft_prefix prefix(const char *text)
{
	struct weft_prefix p;

	assert_int_equal(weft_prefix_parse(text, false, &p), 0);
	return p;
}

/* Asks for one page. Marks sessions that it has in seen by number; returns their number. */
static uint32_t list(struct weft_client *c, const struct weft_session_filter *filter,
	uint32_t *cursor, uint32_t max, uint8_t *seen, struct weft_session *ret_last)
{
	struct weft_msg_session_list ask = {.filter = *filter, .cursor = *cursor, .max = max};
	uint32_t seq = request(c, WEFT_MSG_SESSION_LIST, &ask, sizeof(ask)), n = 0;

	for (;;) {
		const struct weft_msg_session_end *end;
		const struct weft_msg_sessions *head;
		const struct weft_session *s;
		struct weft_client_msg *m;

		assert_int_equal(receive(c, &m), 1);
		assert_int_equal(m->hdr->seq, seq);
		if (m->hdr->type == WEFT_MSG_SESSION_END) {
			end = m->payload;
			assert_int_equal(end->n, n);
			*cursor = end->cursor;
			return n;
		}
		assert_int_equal(m->hdr->type, WEFT_MSG_SESSION_ENTRIES);
		head = m->payload;
		s = (const void *)(head + 1);
		for (uint32_t i = 0; i < head->n; i++) {
			assert_true(s[i].ways[0].rule < N_SESSIONS);
			seen[s[i].ways[0].rule]++;
		}
		*ret_last = s[head->n - 1];
		n += head->n;
	}
}

static uint32_t count(struct weft_client *c, const struct weft_session_filter *filter)
{
	uint8_t seen[N_SESSIONS] = {0};
	struct weft_session last;
	uint32_t cursor = 0, n = list(c, filter, &cursor, UINT32_MAX, seen, &last);

	assert_int_equal(cursor, 0);
	return n;
}

static void test_pages(void **state)
{
	static const uint32_t sizes[] = {UINT32_MAX, 1000, 300, 7};
	struct weft_session_filter all = {0};
	struct weft_client *c;

	build();
	insert_all();
	c = greeted_client(0);
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t seen[N_SESSIONS] = {0};
		struct weft_session last;
		uint32_t cursor = 0;

		do
			assert_true(list(c, &all, &cursor, sizes[i], seen, &last) <= sizes[i]);
		while (cursor);
		for (uint32_t k = 0; k < N_SESSIONS; k++)
			assert_int_equal(seen[k], 1);
	}
	weft_client_close(c);
}

static void test_entry(void **state)
{
	struct session_decision to_port = {.dest = port_slot(22)};
	struct weft_session_filter one = {.src = prefix("10.0.0.8/32")};
	uint8_t seen[N_SESSIONS] = {0};
	struct session *s;
	struct weft_client *c;
	struct weft_session e;
	uint32_t cursor = 0;

	build();
	insert_all();
	c = greeted_client(0);
	s = inserted[8];
	clock_warp(5000);
	atomic_store(&s->dir[1].packets, 3);
	atomic_store(&s->dir[1].bytes, 300);
	atomic_store(&s->dir[1].seen_s, clock_s());
	clock_warp(2000);
	assert_int_equal(list(c, &one, &cursor, 10, seen, &e), 1);
	assert_int_equal(e.network, NETWORK);
	assert_int_equal(e.tenant, TENANT);
	assert_int_equal(e.charged, 21);
	assert_int_equal(e.proto, IPPROTO_UDP);
	assert_int_equal(e.age_s, 7);
	assert_int_equal(e.idle_s, 2);
	assert_int_equal(e.ends_s, 30 - 2 + 1);
	assert_int_equal(e.flags, WEFT_SESSION_HALF_OPEN);
	assert_int_equal(e.ways[0].vni, 500);
	assert_int_equal(e.ways[1].vni, 501);
	assert_int_equal(e.ways[0].port, 21);
	assert_int_equal(e.ways[1].port, 22);
	assert_int_equal(e.ways[0].rule, 8);
	assert_int_equal(e.ways[1].rule, 7);
	assert_int_equal(e.ways[0].sport, 40008);
	assert_int_equal(e.ways[1].packets, 3);
	assert_int_equal(e.ways[1].bytes, 300);
	assert_true(e.state[0]);
	/* Decided both ways, in the segments' present epoch. */
	channel.config->epoch[s->dir[0].key.segment] = 4;
	channel.config->epoch[s->dir[1].key.segment] = 5;
	to_port.dest = port_slot(22);
	session_lock(s);
	session_decide(&s->dir[0], &to_port, 4);
	session_decide(&s->dir[1], &to_port, 5);
	session_set_state(s, WEFT_TIMEOUT_UDP_ANSWERED, true);
	session_unlock(s);
	cursor = 0;
	assert_int_equal(list(c, &one, &cursor, 10, seen, &e), 1);
	assert_int_equal(e.flags, WEFT_SESSION_VALID);
	assert_int_equal(e.ways[0].out_port, 22);
	one.flags = WEFT_SESSION_ONLY_OFFLOADED;
	assert_int_equal(count(c, &one), 0);
	weft_client_close(c);
}

static void test_filters(void **state)
{
	struct weft_session_filter f = {0};
	struct weft_client *c;

	build();
	insert_all();
	c = greeted_client(0);
	assert_int_equal(count(c, &f), N_SESSIONS);
	f = (struct weft_session_filter){.network = NETWORK, .proto = IPPROTO_UDP, .port = 21};
	assert_int_equal(count(c, &f), N_SESSIONS);
	f.port = 22;
	assert_int_equal(count(c, &f), N_SESSIONS / 4);
	f.network = NETWORK + 1;
	assert_int_equal(count(c, &f), 0);
	f = (struct weft_session_filter){.proto = IPPROTO_TCP};
	assert_int_equal(count(c, &f), 0);
	f = (struct weft_session_filter){.src = prefix("10.0.1.0/24"), .dport = 53};
	assert_int_equal(count(c, &f), 256);
	f.sport = 40001;
	assert_int_equal(count(c, &f), 26);
	f = (struct weft_session_filter){.src = prefix("11.0.0.1/32"), .sport = 53};
	assert_int_equal(count(c, &f), 0);
	f.flags = WEFT_SESSION_EITHER;
	assert_int_equal(count(c, &f), N_SESSIONS);
	f.dst = prefix("10.0.0.3/32");
	assert_int_equal(count(c, &f), 1);
	f = (struct weft_session_filter){.state = "no-such"};
	assert_int_equal(count(c, &f), 0);
	f = (struct weft_session_filter){.dst = {.len = 255}};
	assert_int_equal(count(c, &f), 0);
	weft_client_close(c);
}

static void test_flush(void **state)
{
	struct weft_msg_session_flush flush = {.filter = {.src = prefix("10.0.1.0/24")}};
	const struct weft_msg_session_end *end;
	const struct weft_msg_info *info;
	struct weft_session_filter all = {0};
	struct weft_client *reader, *writer;
	uint32_t seq;

	build();
	insert_all();
	reader = greeted_client(0);
	writer = greeted_client(WEFT_HELLO_WRITER);
	seq = request(reader, WEFT_MSG_SESSION_FLUSH, &flush, sizeof(flush));
	expect_error(reader, seq, EPERM, "HELLO");
	assert_int_equal(count(reader, &all), N_SESSIONS);
	seq = request(writer, WEFT_MSG_SESSION_FLUSH, &flush, sizeof(flush));
	end = expect(writer, WEFT_MSG_SESSION_END, seq);
	assert_int_equal(end->n, 256);
	assert_int_equal(end->cursor, 0);
	assert_int_equal(count(reader, &flush.filter), 0);
	seq = request(reader, WEFT_MSG_INFO, NULL, 0);
	info = expect(reader, WEFT_MSG_INFO_REPLY, seq);
	assert_int_equal(info->sessions, N_SESSIONS - 256);
	assert_int_equal(info->sessions_half_open, N_SESSIONS - 256);
	assert_int_equal(info->sessions_created, N_SESSIONS);
	assert_int_equal(info->sessions_ended, 256);
	assert_int_equal(info->sessions_max, SESSION_DEFAULT);
	assert_true(info->session_bytes >= N_SESSIONS * SESSION_SIZE);
	flush.filter = all;
	seq = request(writer, WEFT_MSG_SESSION_FLUSH, &flush, sizeof(flush));
	end = expect(writer, WEFT_MSG_SESSION_END, seq);
	assert_int_equal(end->n, N_SESSIONS - 256);
	assert_int_equal(count(reader, &all), 0);
	weft_client_close(reader);
	weft_client_close(writer);
}

/* A client that hangs up in the middle, or asks for what is not there. */
static void test_odd_requests(void **state)
{
	struct weft_msg_session_list ask = {.cursor = UINT32_MAX, .max = UINT32_MAX};
	const struct weft_msg_session_end *end;
	struct weft_client *c;
	uint32_t seq;

	build();
	insert_all();
	c = greeted_client(0);
	seq = request(c, WEFT_MSG_SESSION_LIST, &ask, sizeof(ask));
	end = expect(c, WEFT_MSG_SESSION_END, seq);
	assert_int_equal(end->n, 0);
	assert_int_equal(end->cursor, 0);
	ask.cursor = ask.max = 0;
	seq = request(c, WEFT_MSG_SESSION_LIST, &ask, sizeof(ask));
	end = expect(c, WEFT_MSG_SESSION_END, seq);
	assert_int_equal(end->n, 0);
	ask.max = UINT32_MAX;
	request(c, WEFT_MSG_SESSION_LIST, &ask, sizeof(ask));
	fixture_turn(0);
	weft_client_close(c);
	fixture_turn(0);
	c = greeted_client(0);
	memset(ask.filter.state, 'x', sizeof(ask.filter.state));
	seq = request(c, WEFT_MSG_SESSION_LIST, &ask, sizeof(ask));
	expect_error(c, seq, EBADMSG, "without an end");
	expect_closed(c);
	weft_client_close(c);
	c = greeted_client(0);
	seq = request(c, WEFT_MSG_SESSION_LIST, &ask, sizeof(ask) - 4);
	expect_error(c, seq, EBADMSG, "instead of");
	expect_closed(c);
	weft_client_close(c);
	c = greeted_client(0);
	seq = request(c, WEFT_MSG_SESSION_ENTRIES, &(struct weft_msg_sessions){0}, 8);
	expect_error(c, seq, EPROTO, "no request");
	expect_closed(c);
	weft_client_close(c);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup_socket, fixture_teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_pages),
		TEST(test_entry),
		TEST(test_filters),
		TEST(test_flush),
		TEST(test_odd_requests),
	};

	fixture_once();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
