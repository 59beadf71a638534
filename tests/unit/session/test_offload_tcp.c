/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One TCP connection carried by the data plane and by programs in turns: both see only some of it,
 * and none refuses what is good.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <weft_bpf/port.h>

#include "conversation.h"
#include "offload_bed.h"

#define FIN	0x01
#define SYN	0x02
#define RST	0x04
#define ACK	0x10
#define SEGMENT 7 /* conversation.c's */
#define WIN	4000
#define LEN	1000

static struct conversation c;
static uint32_t next[2];  /* what each end sends next */
static uint32_t limit[2]; /* how far its peer lets it */
static struct config_segment segment;

static struct sent what_of(unsigned int dir, uint8_t flags, uint16_t len)
{
	return (struct sent){
		.spec = {.proto = 6, .payload = len},
		.seq = next[dir],
		.ack = flags & ACK ? next[!dir] : 0,
		.win = WIN,
		.flags = flags,
	};
}

static void advance(unsigned int dir, uint8_t flags, uint16_t len)
{
	next[dir] += len + (flags & SYN ? 1 : 0) + (flags & FIN ? 1 : 0);
	limit[!dir] = next[!dir] + WIN;
}

/* By the data plane. */
static void send_here(unsigned int dir, uint8_t flags, uint16_t len)
{
	struct sent what = what_of(dir, flags, len);

	assert_int_equal(conversation_send(&c, dir, &what), 0);
	advance(dir, flags, len);
}

/* By a program: 0, or why not. */
static int send_there(unsigned int dir, uint16_t len)
{
	struct bpf_packet p = bed_packet(&c.s->dir[dir].key, dir, true, 1);
	struct weft_bpf_decision d;
	int miss;

	if (dir == 1)
		p.key.scope = weft_bpf_scope_vni(segment.spec.vni);
	p.l3_len = 40 + len;
	p.tcp = (struct tcp_segment){.seq = next[dir],
		.end = next[dir] + len,
		.ack = next[!dir],
		.win = WIN,
		.flags = ACK};
	miss = bpf_reader_packet(&p, &d);
	if (!miss)
		advance(dir, ACK, len);
	return miss;
}

static void decide(void)
{
	session_lock(c.s);
	for (unsigned int i = 0; i < 2; i++) {
		struct session_decision dec = bed_decision(i, true, 1);

		dec.out_segment = SEGMENT;
		dec.flags |= SESSION_DIR_TCP;
		session_decide(&c.s->dir[i], &dec, world_cfg->epoch[SEGMENT]);
	}
	session_unlock(c.s);
}

/* A connection that programs carry. */
static void begin(void)
{
	conversation_start(&c, false);
	next[0] = 0xfffffe00; /* both wrap */
	next[1] = 0xffffff00;
	send_here(0, SYN, 0);
	send_here(1, SYN | ACK, 0);
	send_here(0, ACK, 0);
	decide();
	world_rounds();
	assert_int_equal(send_there(0, LEN), 0);
	assert_int_equal(send_there(1, LEN), 0);
}

static void test_opening_stays_here(void **state)
{
	conversation_start(&c, false);
	next[0] = next[1] = 1000;
	send_here(0, SYN, 0);
	decide();
	world_rounds();
	assert_int_equal(send_there(0, 0), WEFT_BPF_MISS_NO_SESSION);
	send_here(1, SYN | ACK, 0);
	world_rounds();
	assert_int_equal(send_there(0, 0), WEFT_BPF_MISS_NO_SESSION);
	send_here(0, ACK, 0);
	world_rounds();
	assert_int_equal(send_there(0, 0), 0);
}

/* Far beyond the windows that the data plane has seen. */
static void test_back_here(void **state)
{
	begin();
	for (unsigned int i = 0; i < 200; i++)
		assert_int_equal(send_there(i % 2, LEN), 0);
	send_here(0, ACK, LEN);
	send_here(1, ACK, LEN);
}

static void test_back_there(void **state)
{
	begin();
	for (unsigned int i = 0; i < 200; i++)
		send_here(i % 2, ACK, LEN);
	assert_int_equal(send_there(0, LEN), 0);
	assert_int_equal(send_there(1, LEN), 0);
}

/* What a program refuses as out of the window the data plane refuses too. */
static void take_out(void)
{
	session_lock(c.s);
	atomic_store(&c.s->dir[0].epoch, 0);
	session_set_state(c.s, WEFT_TIMEOUT_TCP_ESTABLISHED, true);
	session_unlock(c.s);
	assert_int_equal(send_there(0, LEN), WEFT_BPF_MISS_NO_SESSION);
}

/* As if programs had carried so much more in that direction. */
static void carry_there(unsigned int dir, uint64_t n)
{
	struct weft_bpf_dir *there = &bed.dirs[2 * c.s->offload];

	there[dir].state.bytes += n;
	there[dir].state.tcp.end += n;
	there[!dir].state.tcp.max_end += n;
	next[dir] += n;
	limit[dir] += n;
}

/* So much that the numbers of TCP don't tell any more who has seen the later packets. */
static void test_gigabytes_there(void **state)
{
	begin();
	for (uint64_t n = 1u << 28; n < 20ull << 30; n += 0x1fffffff) {
		carry_there(0, n);
		send_here(0, ACK, LEN);
		send_here(1, ACK, 0);
		assert_int_equal(send_there(0, LEN), 0);
		carry_there(1, n);
		send_here(1, ACK, LEN);
		send_here(0, ACK, 0);
		assert_int_equal(send_there(1, LEN), 0);
	}
	carry_there(0, 3ull << 30);
	send_here(0, FIN | ACK, 0);
	send_here(1, ACK, 0);
	send_here(1, FIN | ACK, 0);
	send_here(0, ACK, 0);
}

/* The other way round: while it was out, its pair of entries kept old numbers. */
static void test_gigabytes_here(void **state)
{
	begin();
	for (uint64_t n = 1u << 28; n < 20ull << 30; n += 0x1fffffff) {
		take_out();
		c.s->dir[0].tcp.end += n;
		c.s->dir[1].tcp.max_end += n;
		next[0] += n;
		limit[0] += n;
		send_here(0, ACK, LEN);
		send_here(1, ACK, 0);
		decide();
		world_rounds();
		assert_int_equal(send_there(0, LEN), 0);
		assert_int_equal(send_there(1, LEN), 0);
		send_here(0, ACK, LEN);
	}
}

static void test_out_of_window(void **state)
{
	struct sent what;

	begin();
	for (unsigned int i = 0; i < 200; i++)
		assert_int_equal(send_there(i % 2, LEN), 0);
	next[0] += 2 * WIN;
	what = what_of(0, ACK, LEN);
	assert_int_equal(send_there(0, LEN), WEFT_BPF_MISS_TCP_WINDOW);
	assert_int_equal(conversation_send(&c, 0, &what), WEFT_DROP_TCP_WINDOW);
	next[0] -= 2 * WIN;
	assert_int_equal(send_there(0, LEN), 0);
}

static void test_fin_ends_it(void **state)
{
	struct session *s;

	begin();
	for (unsigned int i = 0; i < 200; i++)
		assert_int_equal(send_there(i % 2, LEN), 0);
	s = c.s;
	send_here(0, FIN | ACK, 0);
	assert_int_equal(send_there(1, LEN), WEFT_BPF_MISS_NO_SESSION);
	send_here(1, ACK, LEN);
	send_here(1, FIN | ACK, 0);
	send_here(0, ACK, 0);
	assert_string_equal(track_state_name(s), "time-wait");
	/* A program that had found the entry before knows by its flags. */
	assert_true(bed.dirs[2 * s->offload].state.tcp.flags & SIDE_FIN);
}

static void test_reset_ends_it(void **state)
{
	begin();
	for (unsigned int i = 0; i < 200; i++)
		assert_int_equal(send_there(i % 2, LEN), 0);
	send_here(1, RST, 0);
	assert_string_equal(track_state_name(c.s), "closed");
	assert_int_equal(send_there(0, LEN), WEFT_BPF_MISS_NO_SESSION);
}

static void test_withdrawn_and_back(void **state)
{
	begin();
	for (unsigned int round = 0; round < 20; round++) {
		for (unsigned int i = 0; i < 50; i++)
			assert_int_equal(send_there(i % 2, LEN), 0);
		take_out();
		for (unsigned int i = 0; i < 50; i++)
			send_here(i % 2, ACK, LEN);
		decide();
	}
}

/* Each packet goes by a random way; a miss goes on here, as its frame would. */
static void test_random_ways(void **state)
{
	unsigned int there = 0, here = 0;
	struct session_traffic t[2];

	begin();
	for (unsigned int i = 0; i < 20000; i++) {
		unsigned int dir = random() & 1;
		bool slow = random() % 8 == 0;
		uint16_t len = RTE_MIN(random() % LEN, limit[dir] - next[dir]);

		if (random() % 64 == 0)
			decide();
		if (!slow && send_there(dir, len) == 0) {
			there++;
		} else {
			send_here(dir, ACK, len);
			here++;
		}
	}
	for (unsigned int i = 0; i < 2; i++)
		session_traffic(&c.s->dir[i], &t[i]);
	/* conversation.c counts none of those that pass here */
	assert_int_equal(t[0].packets + t[1].packets, there + 2);
	assert_true(here > 20000 / 16);
	assert_true(there > 20000 * 3 / 4);
}

static int start(void **state)
{
	static struct config old;

	conversation_init();
	bed_start(64, 512);
	old = *world_cfg;
	segment = bed_segments[0];
	segment.slot = SEGMENT;
	segment.spec.vni = 7000;
	world_cfg->segments[SEGMENT] = &segment;
	world_cfg->epoch[SEGMENT] = 1;
	world_ports[0].segment_slot = SEGMENT;
	offload_commit(&old, world_cfg);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opening_stays_here),
		cmocka_unit_test(test_back_here),
		cmocka_unit_test(test_back_there),
		cmocka_unit_test(test_gigabytes_there),
		cmocka_unit_test(test_gigabytes_here),
		cmocka_unit_test(test_out_of_window),
		cmocka_unit_test(test_fin_ends_it),
		cmocka_unit_test(test_reset_ends_it),
		cmocka_unit_test(test_withdrawn_and_back),
		cmocka_unit_test(test_random_ways),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
