/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast path's tables and ports as control tells of them, with real BPF arrays: what is taken,
 * what is refused, and what the session table and the ports hear of it.
 */
#include <errno.h>
#include <netinet/in.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include <core/clock.h>
#include <observe/counters.h>
#include <port/fake.h>
#include <weft/client.h>
#include <weft_bpf/port.h>
#include <weft_bpf/trace.h>

#include "fixture.h"
#include "offload_priv.h"
#include "state.h"
#include "talk.h"

#define N_BUCKETS 16
#define N_DIRS	  64
#define N_CPUS	  3
#define MARK	  0x5eed1234
#define IFINDEX	  70 /* plus the port's id */

static int fds[WEFT_FASTPATH_MAPS];
static struct weft_bpf_control *control;
static struct weft_msg_fastpath tables;

static int array_flags(uint32_t size, uint32_t n, uint32_t flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = flags);

	return bpf_map_create(BPF_MAP_TYPE_ARRAY, "test", sizeof(uint32_t), size, n, &opts);
}

static int array(uint32_t size, uint32_t n)
{
	return array_flags(size, n, BPF_F_MMAPABLE);
}

static int fixture_tables(void **state)
{
	tables = (struct weft_msg_fastpath){
		.id = 0xfeed, .n_buckets = N_BUCKETS, .n_dirs = N_DIRS, .n_cpus = N_CPUS};
	fds[WEFT_FASTPATH_CONTROL] = array(sizeof(struct weft_bpf_control), 1);
	fds[WEFT_FASTPATH_EPOCHS] = array(sizeof(struct weft_bpf_epoch), WEFT_MAX_SEGMENTS);
	fds[WEFT_FASTPATH_BUCKETS] = array(sizeof(struct weft_bpf_bucket), N_BUCKETS);
	fds[WEFT_FASTPATH_DIRS] = array(sizeof(struct weft_bpf_dir), N_DIRS);
	fds[WEFT_FASTPATH_TUNNELS] = array(sizeof(struct weft_bpf_tunnel), WEFT_MAX_VTEPS);
	fds[WEFT_FASTPATH_PORT_CNT] =
		array(sizeof(struct weft_bpf_port_counters), WEFT_MAX_PORTS * N_CPUS);
	fds[WEFT_FASTPATH_TRACE] = array(sizeof(union weft_bpf_trace), 1 + WEFT_BPF_TRACE_PLACES);
	for (unsigned int i = 0; i < WEFT_FASTPATH_MAPS; i++)
		assert_true(fds[i] >= 0);
	control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED,
		fds[WEFT_FASTPATH_CONTROL], 0);
	assert_ptr_not_equal(control, MAP_FAILED);
	control->mark = MARK;
	control->n_cpus = N_CPUS;
	return fixture_setup_socket(state);
}

static int drop_tables(void **state)
{
	fixture_teardown(state);
	munmap(control, sizeof(*control));
	for (unsigned int i = 0; i < WEFT_FASTPATH_MAPS; i++)
		close(fds[i]);
	return 0;
}

static uint32_t send_tables(
	struct weft_client *c, const struct weft_msg_fastpath *m, unsigned int n)
{
	uint32_t seq;

	assert_int_equal(
		weft_client_send_fds(c, WEFT_MSG_FASTPATH, m, sizeof(*m), fds, n, &seq), 0);
	return seq;
}

static void attach(struct weft_client *c)
{
	expect(c, WEFT_MSG_PONG, send_tables(c, &tables, WEFT_FASTPATH_MAPS));
}

static void refused(
	struct weft_client *c, const struct weft_msg_fastpath *m, int error, const char *text)
{
	expect_error(c, send_tables(c, m, WEFT_FASTPATH_MAPS), error, text);
}

/* With another descriptor in place of one of them, which is closed. */
static void refused_map(
	struct weft_client *c, enum weft_fastpath_map i, int fd, int error, const char *text)
{
	int before = fds[i];

	assert_true(fd >= 0);
	fds[i] = fd;
	refused(c, &tables, error, text);
	close(fd);
	fds[i] = before;
}

static uint32_t send_port(struct weft_client *c, uint32_t port, uint32_t ifindex, uint32_t flags)
{
	struct weft_msg_fastpath_port m = {.port = port, .ifindex = ifindex, .flags = flags};

	return request(c, WEFT_MSG_FASTPATH_PORT, &m, sizeof(m));
}

static void tell(struct weft_client *c, uint32_t port, uint32_t flags)
{
	expect(c, WEFT_MSG_PONG, send_port(c, port, flags ? IFINDEX + port : 0, flags));
}

static uint16_t slot_of(uint32_t id)
{
	return slot_find(channel.port_ids, &id, config_get()->generation);
}

static struct port *device(uint32_t id)
{
	return config_get()->ports[slot_of(id)]->dev;
}

/* As a kind that sits on an interface does when it opens. */
static void give_interfaces(void)
{
	fixture_turn(200);
	for (uint32_t id = 1; id <= 9; id++)
		if (slot_of(id) && device(id)->is_open)
			device(id)->ifindex = IFINDEX + id;
	fixture_turn(200);
}

static void expect_port(uint32_t id, bool on, uint16_t max_l3, uint16_t flags)
{
	struct offload_port p = offload_port_at(slot_of(id));

	assert_int_equal(p.ifindex, on ? IFINDEX + id : 0);
	assert_int_equal(p.max_l3, max_l3);
	assert_int_equal(p.flags, flags);
}

static void expect_off(uint32_t id)
{
	expect_port(id, false, 0, 0);
}

static void commit_port(struct weft_port p)
{
	struct txn *t = txn_new();

	put(t, WEFT_TABLE_PORT, &p);
	commit_ok(t);
}

static unsigned int n_descriptors(struct weft_client *c)
{
	unsigned int n = 0;

	/* those of the message before are closed now */
	expect(c, WEFT_MSG_PONG, request(c, WEFT_MSG_PING, NULL, 0));
	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void test_tables_are_taken_over(void **state)
{
	struct weft_client *c = greeted_client(WEFT_HELLO_WRITER);
	unsigned int n = n_descriptors(c);

	attach(c);
	assert_int_equal(n_descriptors(c), n);
	assert_int_equal(control->layout, 0); /* until there is a configuration */
	build_example();
	assert_int_equal(control->layout, WEFT_BPF_LAYOUT);
	assert_int_equal(control->boot_id, FIXTURE_BOOT_ID);
	assert_int_equal(control->n_buckets_mask, N_BUCKETS - 1);
	assert_int_equal(control->mark, MARK);
	/* the same again, also by the next writer */
	attach(c);
	weft_client_close(c);
	c = greeted_client(WEFT_HELLO_WRITER);
	attach(c);
	tables.id++;
	refused(c, &tables, EBUSY, "id: other tables are in use");
	weft_client_close(c);
	/* it goes: all stays as it is */
	channel_fini();
	assert_int_equal(control->layout, WEFT_BPF_LAYOUT);
	assert_int_equal(control->boot_id, FIXTURE_BOOT_ID);
}

static void test_only_writers(void **state)
{
	struct weft_client *c = greeted_client(0);

	refused(c, &tables, EPERM, "HELLO");
	expect_error(c, send_port(c, 1, 5, WEFT_FASTPATH_ON), EPERM, "HELLO");
	weft_client_close(c);
}

static void test_numbers_that_make_no_sense(void **state)
{
	struct weft_client *c = greeted_client(WEFT_HELLO_WRITER);
	unsigned int n = n_descriptors(c);
	struct weft_msg_fastpath m;

#define REFUSED(field, value)                                                                      \
	m = tables;                                                                                \
	m.field = value;                                                                           \
	refused(c, &m, EINVAL, #field)
	REFUSED(id, 0);
	REFUSED(n_buckets, 0);
	REFUSED(n_buckets, 24);
	REFUSED(n_buckets, 1u << 31);
	REFUSED(n_dirs, 2);
	REFUSED(n_dirs, UINT32_MAX);
	REFUSED(n_cpus, 0);
	REFUSED(n_cpus, 1u << 20);
	REFUSED(pad, 1);
	/* other sizes than the maps have */
	m = tables;
	m.n_buckets = 32;
	refused(c, &m, EINVAL, "map weft_buckets: 16 elements instead of 32");
	m = tables;
	m.n_dirs = N_DIRS - 1;
	refused(c, &m, EINVAL, "map weft_dirs: 64 elements instead of 63");
	m = tables;
	m.n_cpus = N_CPUS - 1;
	refused(c, &m, EINVAL, "map weft_port_cnt");
	control->n_cpus = N_CPUS + 1;
	refused(c, &tables, EINVAL, "n_cpus");
	control->n_cpus = N_CPUS;
	control->mark = 0;
	refused(c, &tables, EINVAL, "mark");
	control->mark = MARK;
	control->layout = WEFT_BPF_LAYOUT + 1;
	refused(c, &tables, EPROTONOSUPPORT, "layout");
	control->layout = 0;
	assert_int_equal(n_descriptors(c), n);
	attach(c);
	weft_client_close(c);
}

static void test_descriptors(void **state)
{
	struct weft_client *c = greeted_client(WEFT_HELLO_WRITER);
	unsigned int n = n_descriptors(c);
	int file;

	expect_error(c, send_tables(c, &tables, 0), EINVAL, "0 descriptors instead of 7");
	expect_error(c, send_tables(c, &tables, 6), EINVAL, "6 descriptors instead of 7");
	/* a file as large as it should be could be made shorter */
	file = memfd_create("test", MFD_CLOEXEC);
	assert_int_equal(ftruncate(file, 1 << 20), 0);
	refused_map(c, WEFT_FASTPATH_CONTROL, file, EINVAL,
		"map weft_control: the descriptor is no BPF array");
	refused_map(c, WEFT_FASTPATH_EPOCHS, array(8, WEFT_MAX_SEGMENTS - 1), EINVAL,
		"map weft_epochs: 16383 elements instead of 16384");
	refused_map(c, WEFT_FASTPATH_DIRS, array(256, N_DIRS), EINVAL,
		"map weft_dirs: elements of 256 bytes instead of 192");
	refused_map(c, WEFT_FASTPATH_TUNNELS,
		array_flags(sizeof(struct weft_bpf_tunnel), WEFT_MAX_VTEPS, 0), EINVAL,
		"map weft_tunnels: it was not made to be mapped");
	refused_map(c, WEFT_FASTPATH_BUCKETS,
		bpf_map_create(BPF_MAP_TYPE_HASH, "test", 4, 64, N_BUCKETS, NULL), EINVAL,
		"map weft_buckets: the descriptor is no BPF array");
	/* one that only programs may write */
	file = array(sizeof(struct weft_bpf_bucket), N_BUCKETS);
	assert_int_equal(bpf_map_freeze(file), 0);
	refused_map(c, WEFT_FASTPATH_BUCKETS, file, EPERM, "map weft_buckets: mmap");
	assert_int_equal(n_descriptors(c), n);
	attach(c);
	weft_client_close(c);
}

static void test_too_many_descriptors(void **state)
{
	struct weft_client *c = greeted_client(WEFT_HELLO_WRITER);
	int more[WEFT_MSG_FDS_MAX];
	unsigned int n = n_descriptors(c);
	uint32_t seq;

	for (unsigned int i = 0; i < WEFT_MSG_FDS_MAX; i++)
		more[i] = fds[i % WEFT_FASTPATH_MAPS];
	assert_int_equal(weft_client_send_fds(c, WEFT_MSG_FASTPATH, &tables, sizeof(tables), more,
				 WEFT_MSG_FDS_MAX, &seq),
		0);
	expect_error(c, seq, EINVAL, "8 descriptors instead of 7");
	assert_int_equal(n_descriptors(c), n);
	weft_client_close(c);
}

static void test_ports_that_make_no_sense(void **state)
{
	struct weft_msg_fastpath_port m = {
		.port = 1, .ifindex = 5, .flags = WEFT_FASTPATH_ON, .pad = 1};
	struct weft_client *c = greeted_client(WEFT_HELLO_WRITER);

	expect_error(c, send_port(c, 1, 5, WEFT_FASTPATH_ON), EPROTO, "without tables");
	attach(c);
	expect_error(c, send_port(c, 0, 5, WEFT_FASTPATH_ON), EINVAL, "port");
	expect_error(c, send_port(c, 1, 0, WEFT_FASTPATH_ON), EINVAL, "ifindex");
	expect_error(c, send_port(c, 1, 5, 0), EINVAL, "ifindex");
	expect_error(c, send_port(c, 1, INT_MAX + 1u, WEFT_FASTPATH_ON), EINVAL, "ifindex");
	expect_error(c, send_port(c, 1, 5, 1 << 4), EINVAL, "flags");
	expect_error(c, request(c, WEFT_MSG_FASTPATH_PORT, &m, sizeof(m)), EINVAL, "pad");
	/* nothing to forget */
	tell(c, 77, 0);
	weft_client_close(c);
}

/* Told first, as control does: in force as soon as the port is open. */
static void test_ports_come_and_go(void **state)
{
	const uint32_t on = WEFT_FASTPATH_ON;
	struct weft_client *c = greeted_client(WEFT_HELLO_WRITER);
	struct txn *t;

	attach(c);
	tell(c, 2, on | WEFT_FASTPATH_PEER);
	tell(c, 1, on | WEFT_FASTPATH_PEER | WEFT_FASTPATH_XDP);
	tell(c, 9, on | WEFT_FASTPATH_DELIVER);
	build_example();
	assert_int_equal(device(1)->fastpath.mark, MARK);
	assert_int_equal(device(1)->fastpath.ifindex, IFINDEX + 1);
	assert_int_equal(device(3)->fastpath.mark, MARK);
	assert_int_equal(device(3)->fastpath.ifindex, 0);
	expect_off(1); /* it has another interface open, or none */
	give_interfaces();
	expect_port(1, true, 1450, WEFT_BPF_DIR_PEER | WEFT_BPF_DIR_XDP);
	expect_port(2, true, 1450, WEFT_BPF_DIR_PEER);
	expect_off(3);
	expect_port(9, true, 1450, OFFLOAD_PORT_DELIVER);
	/* told later, and otherwise */
	tell(c, 3, on);
	expect_port(3, true, 1450, 0);
	tell(c, 3, on | WEFT_FASTPATH_PEER);
	expect_port(3, true, 1450, WEFT_BPF_DIR_PEER);
	tell(c, 3, WEFT_FASTPATH_PEER);
	expect_off(3);
	assert_int_equal(device(3)->fastpath.ifindex, 0);
	tell(c, 3, on);
	tell(c, 3, 0);
	expect_off(3);
	/* control ends and comes again: nothing changes by that */
	weft_client_close(c);
	fixture_turn(1);
	expect_port(1, true, 1450, WEFT_BPF_DIR_PEER | WEFT_BPF_DIR_XDP);
	/* a port goes, with its programs; another one in its place is none of that */
	t = txn_new();
	delete_example(t, 0);
	commit_ok(t);
	for (uint32_t slot = 1; slot < 10; slot++)
		assert_int_equal(offload_port_at(slot).ifindex, 0);
	build_example();
	give_interfaces();
	expect_port(1, true, 1450, WEFT_BPF_DIR_PEER | WEFT_BPF_DIR_XDP);
	expect_off(3);
}

static void test_what_ends_it(void **state)
{
	struct weft_client *c = greeted_client(WEFT_HELLO_WRITER);
	struct weft_port p = a_port(1, 100);

	attach(c);
	build_example();
	give_interfaces();
	tell(c, 1, WEFT_FASTPATH_ON);
	expect_port(1, true, 1450, 0);
	p.mtu = 1300;
	commit_port(p);
	expect_port(1, true, 1300, 0);
	/* the device's own */
	device(1)->max_frame = 1200 + PORT_FRAME_OVERHEAD;
	fixture_turn(200);
	expect_port(1, true, 1200, 0);
	p.flags |= WEFT_PORT_ADMIN_DOWN;
	commit_port(p);
	expect_off(1);
	p.flags ^= WEFT_PORT_ADMIN_DOWN | WEFT_PORT_NO_FASTPATH;
	commit_port(p);
	expect_off(1);
	assert_int_equal(device(1)->fastpath.ifindex, IFINDEX + 1);
	p.flags ^= WEFT_PORT_NO_FASTPATH;
	commit_port(p);
	expect_port(1, true, 1300, 0);
	/* no carrier: the kernel drops what goes there, as the data plane would; a tenant can't
	 * make everybody's sessions be judged again by that */
	fake_set_link(device(1), false);
	fixture_turn(200);
	expect_port(1, true, 1300, 0);
	/* another interface of that name: its program is not there yet */
	device(1)->ifindex++;
	fixture_turn(200);
	expect_off(1);
	tell(c, 1, 0);
	expect(c, WEFT_MSG_PONG, send_port(c, 1, IFINDEX + 2, WEFT_FASTPATH_ON));
	assert_int_equal(offload_port_at(slot_of(1)).ifindex, IFINDEX + 2);
	fake_set_gone(device(1));
	fixture_turn(200);
	expect_off(1);
	weft_client_close(c);
}

/* Tables that come when ports are there: the fast path was switched on. */
static void test_tables_come_late(void **state)
{
	struct weft_client *c;

	build_example();
	give_interfaces();
	assert_int_equal(device(1)->fastpath.mark, 0);
	c = greeted_client(WEFT_HELLO_WRITER);
	attach(c);
	assert_int_equal(device(1)->fastpath.mark, MARK);
	tell(c, 1, WEFT_FASTPATH_ON);
	expect_port(1, true, 1450, 0);
	assert_int_equal(control->layout, 0);
	commit_port(a_port(4, 200));
	assert_int_equal(control->layout, WEFT_BPF_LAYOUT);
	weft_client_close(c);
}

#define ROWS_SIZE ((size_t)WEFT_MAX_PORTS * N_CPUS * sizeof(struct weft_bpf_port_counters))

/* Where programs count; they have done so. */
static struct weft_bpf_port_counters *map_rows(void)
{
	struct weft_bpf_port_counters *rows = mmap(NULL, ROWS_SIZE, PROT_READ | PROT_WRITE,
		MAP_SHARED, fds[WEFT_FASTPATH_PORT_CNT], 0);

	assert_ptr_not_equal(rows, MAP_FAILED);
	for (unsigned int i = 0; i < WEFT_MAX_PORTS * N_CPUS; i++)
		rows[i].rx_packets = 1000;
	return rows;
}

/* What programs carried is in the statistics, for as long as the port is that one. */
static void test_counts(void **state)
{
	struct weft_client *c = greeted_client(WEFT_HELLO_WRITER);
	struct weft_bpf_port_counters *rows = map_rows();
	struct txn *t = txn_new();
	uint16_t slot;

	attach(c);
	build_example();
	slot = slot_of(1);
	rows[weft_bpf_port_cnt_at(slot, 2, N_CPUS)].rx_packets += 5;
	fixture_turn(200);
	assert_int_equal(counters_port(counters_shm->n_workers + 1, slot)->rx_packets, 5);
	assert_int_equal(counters_port(counters_shm->n_workers + 1, slot)->sent, 5);
	delete_example(t, 0);
	commit_ok(t);
	fixture_turn(200);
	build_example();
	fixture_turn(200);
	for (uint16_t i = 1; i < 10; i++)
		assert_int_equal(counters_port(counters_shm->n_workers + 1, i)->rx_packets, 0);
	munmap(rows, ROWS_SIZE);
	weft_client_close(c);
}

/* What the data plane before this one has decided is carried, and counted in slots of its, until
 * this one's ports are open: no port of this one's has that. */
static void test_counts_of_another(void **state)
{
	struct weft_client *c = greeted_client(WEFT_HELLO_WRITER);
	struct weft_bpf_port_counters *rows = map_rows(), *row;
	uint16_t slot;

	control->layout = WEFT_BPF_LAYOUT;
	control->n_buckets_mask = N_BUCKETS - 1;
	attach(c);
	build_example();
	slot = slot_of(1);
	row = &rows[weft_bpf_port_cnt_at(slot, 2, N_CPUS)];
	row->rx_packets += 7;
	fixture_turn(200);
	row->rx_packets += 7;
	fixture_turn(200);
	assert_int_equal(counters_port(counters_shm->n_workers + 1, slot)->rx_packets, 0);
	while (offload_is_adopting())
		offload_adopt(0);
	offload_tick();
	row->rx_packets += 5;
	fixture_turn(200);
	assert_int_equal(counters_port(counters_shm->n_workers + 1, slot)->rx_packets, 5);
	assert_int_equal(counters_port(counters_shm->n_workers + 1, slot)->sent, 5);
	munmap(rows, ROWS_SIZE);
	weft_client_close(c);
}

static uint32_t watch(struct weft_client *c, uint32_t port)
{
	struct weft_msg_watch w = {.filter = {.port = port, .rate = 10}};

	return request(c, WEFT_MSG_WATCH, &w, sizeof(w));
}

/* As a program does, of a packet from that port to another one. */
static void carry(union weft_bpf_trace *trace, uint16_t in, uint16_t out)
{
	struct weft_bpf_carried *r = &trace[1 + trace->watch.head++].carried;

	r->watch = control->watch;
	r->d.in_port = in;
	r->d.out_port = out;
	r->d.out_ifindex = IFINDEX;
	r->d.segment = config_get()->ports[in]->segment_slot;
	r->key.proto = IPPROTO_UDP;
	r->state = WEFT_BPF_CARRIED_FULL;
}

/* What programs carry is told to who watches, and they are not bothered for longer than that. */
static void test_watched(void **state)
{
	struct weft_client *c = greeted_client(WEFT_HELLO_WRITER), *reader = greeted_client(0);
	size_t size = (1 + WEFT_BPF_TRACE_PLACES) * sizeof(union weft_bpf_trace);
	union weft_bpf_trace *trace =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fds[WEFT_FASTPATH_TRACE], 0);
	const struct weft_event_trace *e;
	const struct weft_trace_record *r;

	assert_ptr_not_equal(trace, MAP_FAILED);
	control->watch = 77; /* another data plane died over it */
	build_example();
	expect(reader, WEFT_MSG_PONG, watch(reader, 1));
	attach(c);
	assert_true(control->watch != 77 && control->watch != 0); /* the one that is asked now */
	assert_int_equal(trace->watch.filter.in_port, slot_of(1));
	carry(trace, slot_of(1), slot_of(2));
	e = expect(reader, WEFT_MSG_EVENT_TRACE, 0);
	r = (const struct weft_trace_record *)(e + 1);
	assert_int_equal(r[0].step, WEFT_TRACE_RECEIVED);
	assert_int_equal(r[0].port, 1);
	assert_int_equal(r[e->n - 1].step, WEFT_TRACE_OUTPUT);
	assert_int_equal(r[e->n - 1].port, 2);
	expect(reader, WEFT_MSG_PONG, request(reader, WEFT_MSG_UNWATCH, NULL, 0));
	assert_int_equal(control->watch, 0);
	expect(reader, WEFT_MSG_PONG, watch(reader, 0));
	assert_int_not_equal(control->watch, 0);
	weft_client_close(reader);
	fixture_turn(1);
	assert_int_equal(control->watch, 0);
	expect(c, WEFT_MSG_PONG, watch(c, 0));
	assert_int_not_equal(control->watch, 0);
	munmap(trace, size);
	weft_client_close(c);
}

/* What is remembered is bounded; what nobody needs goes first. */
static void test_many_ports(void **state)
{
	struct weft_client *c = greeted_client(WEFT_HELLO_WRITER);

	attach(c);
	build_example();
	give_interfaces();
	for (uint32_t i = WEFT_MAX_PORTS + 10; i > 0; i--)
		tell(c, i, WEFT_FASTPATH_ON);
	expect_port(1, true, 1450, 0);
	expect_port(3, true, 1450, 0);
	expect_port(9, true, 1450, 0);
	for (uint32_t i = 1; i < WEFT_MAX_PORTS + 10; i += 2)
		tell(c, i, 0);
	expect_off(1);
	expect_port(2, true, 1450, 0);
	weft_client_close(c);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, fixture_tables, drop_tables)
	const struct CMUnitTest tests[] = {
		CASE(test_tables_are_taken_over),
		CASE(test_only_writers),
		CASE(test_numbers_that_make_no_sense),
		CASE(test_descriptors),
		CASE(test_too_many_descriptors),
		CASE(test_ports_that_make_no_sense),
		CASE(test_ports_come_and_go),
		CASE(test_what_ends_it),
		CASE(test_tables_come_late),
		CASE(test_counts),
		CASE(test_counts_of_another),
		CASE(test_watched),
		CASE(test_many_ports),
	};
	int fd = array(8, 1);

	if (fd < 0) {
		printf("skipped: no BPF map can be made: %s\n", strerror(errno));
		return 77;
	}
	close(fd);
	fixture_once();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
