/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What programs tell of the packets that they carry while somebody watches (weft_bpf/trace.h): of
 * which ones, what, and what becomes of it when nobody takes it, or several do so at once. By the
 * port program; test_uplink.c has the others.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <linux/pkt_cls.h>

#include "port_bed.h"

#define WATCH	4711
#define THREADS 2
#define ROUNDS	20000 /* of each */

static struct weft_bpf_watch *head(void)
{
	return &tables.trace[0].watch;
}

static struct weft_bpf_carried *place(uint32_t number)
{
	return &tables.trace[1 + number % WEFT_BPF_TRACE_PLACES].carried;
}

static int forget(void **state)
{
	tables.control->watch = 0;
	memset(tables.trace, 0, (1 + WEFT_BPF_TRACE_PLACES) * sizeof(*tables.trace));
	return port_forget(state);
}

static void watch(const struct weft_bpf_filter *f)
{
	tables.control->watch = 0;
	head()->filter = *f;
	__atomic_store_n(&tables.control->watch, WATCH, __ATOMIC_RELEASE);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void carry(const struct flow *f)
{
	struct frame frame = frame_make(f);

	assert_int_equal(port_run(&frame, NULL), TC_ACT_REDIRECT);
}

/* Takes the only record. */
static struct weft_bpf_carried take(void)
{
	uint32_t number = head()->head - 1;
	struct weft_bpf_carried r = *place(number);

	assert_int_equal(r.state, WEFT_BPF_CARRIED_FULL);
	assert_int_equal(r.watch, WATCH);
	place(number)->state = WEFT_BPF_CARRIED_FREE;
	return r;
}

static void test_nobody_watches(void **state)
{
	struct flow f = flow_make(false, IPPROTO_UDP);
	uint32_t index = port_session(&f, LOCAL, false);

	carry(&f);
	assert_int_equal(tables.dirs[index].state.packets, 1);
	assert_int_equal(head()->head, 0);
	assert_int_equal(place(0)->state, WEFT_BPF_CARRIED_FREE);
}

static void test_record(void **state)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};

	watch(&(struct weft_bpf_filter){0});
	for (unsigned int i = 0; i < 2 * 2 * WAYS * 3; i++) {
		struct flow f = flow_make(i & 1, protos[i / 4 % 3]);
		uint32_t index = port_session(&f, i / 12, i & 2);
		const struct weft_bpf_dir *dir = &tables.dirs[index];
		uint64_t before = now_ns();
		struct weft_bpf_carried r;

		carry(&f);
		assert_int_equal(head()->head, i + 1);
		r = take();
		assert_memory_equal(&r.key, &dir->key, sizeof(r.key));
		assert_memory_equal(&r.d, &dir->d, sizeof(r.d));
		assert_in_range(r.time_ns, before, now_ns());
		assert_int_equal(r.prog, WEFT_BPF_PROG_PORT);
		assert_int_equal(r.l3_len, frame_make(&f).len - 14);
		assert_int_equal(r.gso_size, 0);
		tables_clear();
	}
	assert_int_equal(head()->lost, 0);
}

static void test_gso(void **state)
{
	struct __sk_buff skb = {.gso_segs = 2, .gso_size = 900};
	struct flow f = flow_make(false, IPPROTO_TCP);
	struct weft_bpf_carried r;
	struct frame frame;

	watch(&(struct weft_bpf_filter){0});
	f.payload = 1500;
	tables.dirs[port_session(&f, LOCAL, false)].d.max_l3 = 1000;
	frame = frame_make(&f);
	assert_int_equal(port_run(&frame, &skb), TC_ACT_REDIRECT);
	r = take();
	assert_int_equal(r.l3_len, frame.len - 14);
	assert_int_equal(r.gso_size, 900);
}

/* Misses are told by the data plane, which gets them. */
static void test_misses_are_not_told(void **state)
{
	struct flow f = flow_make(false, IPPROTO_TCP);

	watch(&(struct weft_bpf_filter){0});
	carry(&f);
	port_session(&f, LOCAL, false);
	f.tcp_flags |= 1;
	carry(&f);
	assert_int_equal(head()->head, 0);
}

static bool passes(const struct weft_bpf_filter *filter, const struct flow *f)
{
	uint32_t before = head()->head;

	watch(filter);
	carry(f);
	if (head()->head == before)
		return false;
	take();
	return true;
}

/* The filter that the packet passes by this member alone, and one that it does not. */
#define EXPECT(f, member, right, wrong)                                                            \
	do {                                                                                       \
		assert_true(passes(&(struct weft_bpf_filter){.member = (right)}, f));              \
		assert_false(passes(&(struct weft_bpf_filter){.member = (wrong)}, f));             \
	} while (0)

static void test_filter_numbers(void **state)
{
	struct flow f = flow_make(false, IPPROTO_UDP), echo = flow_make(true, IPPROTO_ICMP);

	port_session(&f, LOCAL, false);
	port_session(&echo, LOCAL, false);
	EXPECT(&f, in_port, PORT, UPLINK);
	EXPECT(&f, segment, SEGMENT, SEGMENT + 1);
	EXPECT(&f, proto, IPPROTO_UDP, IPPROTO_TCP);
	EXPECT(&f, family, 4, 6);
	EXPECT(&f, sport, f.sport, f.dport);
	EXPECT(&f, dport, f.dport, f.sport);
	EXPECT(&echo, sport, 128 << 8, 129 << 8);
	EXPECT(&echo, dport, f.sport, f.sport + 1);
}

static void set_bits(uint8_t *addr, uint8_t *mask, const uint8_t *from, unsigned int len)
{
	memset(mask, 0, 16);
	for (unsigned int bit = 0; bit < len; bit++)
		mask[bit / 8] |= 0x80 >> bit % 8;
	for (unsigned int i = 0; i < 16; i++)
		addr[i] = from[i] & mask[i];
}

static void test_filter_addresses(void **state)
{
	struct flow f[2] = {flow_make(false, IPPROTO_UDP), flow_make(true, IPPROTO_UDP)};

	for (unsigned int i = 0; i < 2; i++) {
		port_session(&f[i], LOCAL, false);
		for (unsigned int len = 1; len <= 128; len++) {
			struct weft_bpf_filter w = {0};

			set_bits(w.src, w.src_mask, f[i].src, len);
			assert_true(passes(&w, &f[i]));
			set_bits(w.dst, w.dst_mask, f[i].dst, len);
			assert_true(passes(&w, &f[i]));
			w.dst[(len - 1) / 8] ^= 0x80 >> (len - 1) % 8;
			assert_false(passes(&w, &f[i]));
		}
	}
}

static void test_filter_either(void **state)
{
	struct flow f = flow_make(false, IPPROTO_TCP), echo = flow_make(false, IPPROTO_ICMP);
	struct weft_bpf_filter w = {.sport = f.dport, .dport = f.sport};

	port_session(&f, LOCAL, false);
	port_session(&echo, LOCAL, false);
	set_bits(w.src, w.src_mask, f.dst, 128);
	assert_false(passes(&w, &f));
	w.either = 1;
	assert_true(passes(&w, &f));
	w.dport++;
	assert_false(passes(&w, &f));
	/* Of an answer to a ping the type is another one, and the identifier stays where it is. */
	w.sport = 0;
	w.dport = echo.sport;
	assert_true(passes(&w, &echo));
	w.dport++;
	assert_false(passes(&w, &echo));
}

/* What finds no place is lost and counted, the packet goes its way, and places are used again. */
static void test_full(void **state)
{
	struct flow f = flow_make(false, IPPROTO_UDP);
	uint32_t index = port_session(&f, LOCAL, false);

	watch(&(struct weft_bpf_filter){0});
	head()->head = UINT32_MAX - 7; /* it wraps */
	place(3)->state = WEFT_BPF_CARRIED_FILLING;
	for (unsigned int i = 0; i < WEFT_BPF_TRACE_PLACES + 10; i++)
		carry(&f);
	assert_int_equal(tables.dirs[index].state.packets, WEFT_BPF_TRACE_PLACES + 10);
	assert_int_equal(head()->head, WEFT_BPF_TRACE_PLACES + 2);
	assert_int_equal(head()->lost, 11);
	for (uint32_t i = 0; i < WEFT_BPF_TRACE_PLACES; i++)
		assert_int_equal(
			place(i)->state, i == 3 ? WEFT_BPF_CARRIED_FILLING : WEFT_BPF_CARRIED_FULL);
	place(head()->head)->state = WEFT_BPF_CARRIED_FREE;
	carry(&f);
	take();
	assert_int_equal(head()->lost, 11);
}

/* Several programs, a decision that changes and a reader at once: records are whole, and each
 * packet is told or lost. */

static struct flow busy;
static uint32_t busy_index;
static _Atomic unsigned int n_running;

static void *run_busy(void *arg)
{
	for (unsigned int i = 0; i < ROUNDS; i++)
		carry(&busy);
	n_running--;
	return NULL;
}

static void change_decision(uint8_t fill)
{
	struct weft_bpf_dir *dir = &tables.dirs[busy_index];

	dir->seq++;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	memset(dir->d.rewrite_macs, fill, sizeof(dir->d.rewrite_macs));
	dir->d.flow_hash = fill;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	dir->seq++;
}

static unsigned int read_all(void)
{
	unsigned int n = 0;

	for (uint32_t i = 0; i < WEFT_BPF_TRACE_PLACES; i++) {
		struct weft_bpf_carried *r = place(i);

		if (__atomic_load_n(&r->state, __ATOMIC_ACQUIRE) != WEFT_BPF_CARRIED_FULL)
			continue;
		for (unsigned int j = 0; j < sizeof(r->d.rewrite_macs); j++)
			assert_int_equal(r->d.rewrite_macs[j], (uint8_t)r->d.flow_hash);
		assert_int_equal(r->watch, WATCH);
		memset(&r->watch, 0, sizeof(*r) - offsetof(struct weft_bpf_carried, watch));
		__atomic_store_n(&r->state, WEFT_BPF_CARRIED_FREE, __ATOMIC_RELEASE);
		n++;
	}
	return n;
}

static void test_torn(void **state)
{
	pthread_t threads[THREADS];
	unsigned int n = 0;

	busy = flow_make(false, IPPROTO_UDP);
	busy_index = port_session(&busy, LOCAL, true);
	change_decision(1);
	watch(&(struct weft_bpf_filter){0});
	n_running = THREADS;
	for (unsigned int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run_busy, NULL), 0);
	for (uint8_t fill = 2; n_running; fill++) {
		n += read_all();
		change_decision(fill);
	}
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	n += read_all();
	print_message("%u told, %u lost of %u hits\n", n, head()->lost, head()->head);
	assert_int_equal(n + head()->lost, head()->head);
	assert_true(n > ROUNDS / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_nobody_watches, forget),
		cmocka_unit_test_teardown(test_record, forget),
		cmocka_unit_test_teardown(test_gso, forget),
		cmocka_unit_test_teardown(test_misses_are_not_told, forget),
		cmocka_unit_test_teardown(test_filter_numbers, forget),
		cmocka_unit_test_teardown(test_filter_addresses, forget),
		cmocka_unit_test_teardown(test_filter_either, forget),
		cmocka_unit_test_teardown(test_full, forget),
		cmocka_unit_test_teardown(test_torn, forget),
	};

	return cmocka_run_group_tests_name("trace", tests, port_set_up, port_tear_down);
}
