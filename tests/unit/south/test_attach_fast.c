/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When the fast path's programs come and go, and in which order the data plane is told, with a
 * loader that touches no interface. Interfaces: 1 a container's veth, 2 an af_xdp uplink, 3 an
 * uplink of kind veth, 4 a NIC.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <ccore/log.h>
#include <south/attach.h>

#include "fake_loader.h"

static struct weft_addr vteps[2];
static struct host this_host = {.vteps = vteps, .n_vteps = 2};

const struct model *engine_model(const struct engine *e)
{
	return NULL;
}

const char *engine_host(const struct engine *e)
{
	return "h1";
}

const struct object *model_find(const struct model *m, enum model_kind kind, const char *name)
{
	return kind == MODEL_HOST ? &this_host.o : NULL;
}

/* What the data plane was told last of each port, by its id. */
#define PORTS 8

struct bench {
	struct event_base *base;
	struct attach *attach;
	bool away;	     /* no data plane */
	uint32_t n_sessions; /* wanted; 0: as the tables have room for */
	unsigned int n_tables;
	uint32_t told[PORTS];
	int told_ifindex[PORTS];
	unsigned int n_told[PORTS], n_answered[PORTS];
	unsigned int n_repaired;
	/* What was on the container's interface when the data plane was last told of its port. */
	enum fake_on on_when_told;
};

static int take_tables(void *arg, const struct weft_msg_fastpath *tables, const int *fds)
{
	struct bench *b = arg;

	if (b->away)
		return -ENOTCONN;
	assert_int_equal(tables->id, 77);
	b->n_tables++;
	return 0;
}

static int take_port(void *arg, const struct weft_msg_fastpath_port *port)
{
	struct bench *b = arg;

	if (b->away)
		return -ENOTCONN;
	b->told[port->port] = port->flags;
	b->told_ifindex[port->port] = port->ifindex;
	b->n_told[port->port]++;
	b->on_when_told = fake_loader.links[1].port;
	return 0;
}

static void note_repair(void *arg, const struct weft_port *port, const char *what)
{
	struct bench *b = arg;

	b->n_repaired++;
}

/* The data plane answers all that it was told of that port. */
static void answer(struct bench *b, uint32_t port, int error)
{
	while (b->n_answered[port] < b->n_told[port]) {
		b->n_answered[port]++;
		attach_port_answered(b->attach, port, error, error ? "no" : "");
	}
}

static const struct weft_port tenant = {.id = 1,
	.kind = WEFT_PORT_VETH,
	.role = WEFT_ROLE_TENANT,
	.name = "red/web",
	.device = "p0"};
static const struct weft_port xdp_uplink = {
	.id = 2, .kind = WEFT_PORT_AF_XDP, .role = WEFT_ROLE_UPLINK, .device = "ul0"};
static const struct weft_port tc_uplink = {
	.id = 3, .kind = WEFT_PORT_VETH, .role = WEFT_ROLE_UPLINK, .device = "ul1"};

static void start(struct bench *b, bool fast_path)
{
	struct attach_config config = {.arg = b,
		.fast_path = fast_path,
		.bpf_folder = "/sys/fs/bpf/weft/h1",
		.n_sessions = b->n_sessions ? b->n_sessions : FAKE_ROOM,
		.send_tables = take_tables,
		.send_port = take_port,
		.repaired = note_repair};

	assert_int_equal(attach_new(b->base, NULL, &config, &b->attach), 0);
	attach_port(b->attach, &tenant, true);
	attach_port(b->attach, &xdp_uplink, true);
	attach_port(b->attach, &tc_uplink, true);
	attach_link(b->attach, 1, "p0", ATTACH_LINK_TENANTS | ATTACH_LINK_AWAY, true);
	attach_link(b->attach, 2, "ul0", 0, true);
	attach_link(b->attach, 3, "ul1", ATTACH_LINK_TENANTS, true);
}

/* Connected, and all is well. */
static void greet(struct bench *b)
{
	b->away = false;
	attach_greet(b->attach);
	attach_tables_answered(b->attach, 0, "");
	for (uint32_t port = 1; port <= 3; port++)
		answer(b, port, 0);
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	fake_loader_reset();
	b->base = event_base_new();
	b->away = true;
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	attach_free(b->attach);
	event_base_free(b->base);
	free(b);
	return 0;
}

static char problems[1000];

static void add_problem(void *arg, const char *sentence)
{
	snprintf(
		problems + strlen(problems), sizeof(problems) - strlen(problems), "%s\n", sentence);
}

static void assert_problem(struct bench *b, const char *part)
{
	problems[0] = '\0';
	attach_problems(b->attach, add_problem, NULL);
	if (part && !strstr(problems, part))
		fail_msg("\"%s\" is not in \"%s\"", part, problems);
	if (!part)
		assert_string_equal(problems, "");
}

static void assert_state(struct bench *b, enum attach_fast_state expected)
{
	struct attach_fast_status s;

	attach_fast_status(b->attach, &s);
	assert_int_equal(s.state, expected);
}

/* Lets the checks come by that often. */
static void look(struct bench *b, unsigned int times)
{
	struct timeval tv = {.tv_sec = times / 2, .tv_usec = times % 2 * 500000 + 50000};

	event_base_loopexit(b->base, &tv);
	event_base_dispatch(b->base);
}

/* New tables: guards until the data plane has them, then programs, and then it is told. */
static void test_first_start(void **state)
{
	struct bench *b = *state;

	start(b, true);
	assert_int_equal(fake_loader.links[1].port, FAKE_GUARD);
	assert_true(fake_loader.links[2].xdp && !fake_loader.links[2].xdp_shares);
	assert_false(fake_loader.links[3].tc_uplink);
	assert_state(b, ATTACH_FAST_WAITING);
	b->away = false;
	attach_greet(b->attach);
	assert_int_equal(b->n_tables, 1);
	assert_int_equal(b->told[1], 0);
	assert_int_equal(fake_loader.links[1].port, FAKE_GUARD);
	attach_tables_answered(b->attach, 0, "");
	assert_int_equal(fake_loader.links[1].port, FAKE_FAST);
	assert_int_equal(b->told[1], WEFT_FASTPATH_ON | WEFT_FASTPATH_PEER);
	assert_int_equal(b->told_ifindex[1], 1);
	assert_true(fake_loader.links[2].xdp_shares && fake_loader.links[2].deliver);
	assert_int_equal(b->told[2], WEFT_FASTPATH_ON | WEFT_FASTPATH_DELIVER);
	assert_true(fake_loader.links[3].tc_uplink);
	assert_int_equal(b->told[3], WEFT_FASTPATH_ON);
	assert_int_equal(fake_loader.n_vteps, 2);
	assert_state(b, ATTACH_FAST_ON);
	assert_problem(b, NULL);
	assert_int_equal(b->n_repaired, 0);
}

/* weftd comes back: programs stay, whatever the data plane does, and it is told once. */
static void test_restart(void **state)
{
	struct bench *b = *state;

	fake_loader.adopted = true;
	fake_loader.links[1].port = FAKE_FAST;
	start(b, true);
	assert_int_equal(fake_loader.links[1].port, FAKE_FAST);
	assert_true(fake_loader.links[3].tc_uplink);
	greet(b);
	assert_int_equal(b->n_told[1], 1);
	assert_int_equal(b->told[1], WEFT_FASTPATH_ON | WEFT_FASTPATH_PEER);
	/* A data plane that is new. */
	greet(b);
	assert_int_equal(b->n_tables, 2);
	assert_int_equal(b->n_told[1], 2);
	assert_int_equal(fake_loader.links[1].port, FAKE_FAST);
	assert_int_equal(b->n_repaired, 0);
}

/* The data plane has other tables: it knows first, then the programs go. */
static void test_other_tables(void **state)
{
	struct bench *b = *state;

	fake_loader.adopted = true;
	start(b, true);
	b->away = false;
	attach_greet(b->attach);
	attach_tables_answered(b->attach, -EBUSY, "it has other tables");
	assert_int_equal(b->told[1], 0);
	assert_int_equal(b->on_when_told, FAKE_FAST);
	assert_int_equal(fake_loader.links[1].port, FAKE_FAST);
	for (uint32_t port = 1; port <= 3; port++)
		answer(b, port, 0);
	assert_int_equal(fake_loader.links[1].port, FAKE_GUARD);
	assert_true(fake_loader.links[2].xdp && !fake_loader.links[2].xdp_shares);
	assert_false(fake_loader.links[2].deliver);
	assert_false(fake_loader.links[3].tc_uplink);
	assert_state(b, ATTACH_FAST_REFUSED);
	assert_problem(b, "Restart weft-dataplane");
	assert_int_equal(b->n_repaired, 0);
	/* It was restarted. */
	greet(b);
	assert_int_equal(fake_loader.links[1].port, FAKE_FAST);
	assert_int_equal(b->told[1], WEFT_FASTPATH_ON | WEFT_FASTPATH_PEER);
	assert_problem(b, NULL);
}

static void test_no_bpf(void **state)
{
	struct bench *b = *state;

	fake_loader.open_error = -ENODEV;
	start(b, true);
	attach_greet(b->attach);
	assert_int_equal(b->n_tables, 0);
	assert_int_equal(fake_loader.links[1].port, FAKE_GUARD);
	assert_state(b, ATTACH_FAST_FAILED);
	assert_problem(b, "The fast path is off, all packets take the data plane's way: no bpffs");
}

static void expect_off(struct bench *b)
{
	assert_int_equal(fake_loader.links[1].port, FAKE_GUARD);
	assert_true(fake_loader.links[2].xdp && !fake_loader.links[2].xdp_shares);
	assert_false(fake_loader.links[2].deliver);
	assert_false(fake_loader.links[3].tc_uplink);
	assert_state(b, ATTACH_FAST_OFF);
	assert_problem(b, NULL);
}

/* Switched off: guards take the programs' place, and the data plane forgets what it was told. It
 * has the tables that are kept, an old one as a new one, for when weftd comes with the fast path
 * on. */
static void test_off_and_on(void **state)
{
	struct bench *b = *state;

	fake_loader.adopted = true;
	fake_loader.links[1].port = FAKE_FAST;
	fake_loader.links[2].deliver = fake_loader.links[3].tc_uplink = true;
	start(b, false);
	expect_off(b);
	b->away = false;
	attach_greet(b->attach);
	assert_int_equal(b->n_tables, 1);
	assert_int_equal(b->n_told[1], 1);
	assert_int_equal(b->told[1], 0);
	/* It may have others: nobody minds while it is off. */
	attach_tables_answered(b->attach, -EBUSY, "it has other tables");
	expect_off(b);
	greet(b);
	expect_off(b);
	look(b, 1);
	expect_off(b);
	attach_free(b->attach);

	start(b, true);
	assert_int_equal(fake_loader.links[1].port, FAKE_FAST);
	greet(b);
	assert_int_equal(b->told[1], WEFT_FASTPATH_ON | WEFT_FASTPATH_PEER);
	assert_state(b, ATTACH_FAST_ON);
	assert_problem(b, NULL);
}

/* Switched off from the beginning: no tables are made. */
static void test_never_on(void **state)
{
	struct bench *b = *state;

	start(b, false);
	assert_false(fake_loader.is_open);
	greet(b);
	assert_int_equal(b->n_tables, 0);
	expect_off(b);
}

/* The tables that are there have room for another number of sessions than is wanted: they are
 * used, and how to change it is told. */
static void test_other_room(void **state)
{
	struct bench *b = *state;

	fake_loader.adopted = true;
	b->n_sessions = 2 * FAKE_ROOM;
	start(b, true);
	greet(b);
	assert_int_equal(fake_loader.links[1].port, FAKE_FAST);
	assert_state(b, ATTACH_FAST_ON);
	assert_problem(b, "have room for 31 sessions, not for 62");
	assert_problem(b, "stop weftd, remove /sys/fs/bpf/weft/h1, start weftd");
}

/* One port is kept out, and taken in again. */
static void test_one_port(void **state)
{
	struct weft_port slow = tenant, xdp = tenant;
	struct bench *b = *state;

	start(b, true);
	greet(b);
	slow.flags = WEFT_PORT_NO_FASTPATH;
	attach_port(b->attach, &slow, true);
	assert_int_equal(b->told[1], 0);
	assert_int_equal(fake_loader.links[1].port, FAKE_FAST);
	answer(b, 1, 0);
	assert_int_equal(fake_loader.links[1].port, FAKE_GUARD);
	xdp.flags = WEFT_PORT_XDP;
	attach_port(b->attach, &xdp, true);
	assert_int_equal(fake_loader.links[1].port, FAKE_FAST);
	assert_int_equal(b->told[1], WEFT_FASTPATH_ON | WEFT_FASTPATH_PEER | WEFT_FASTPATH_XDP);
	assert_int_equal(b->on_when_told, FAKE_FAST);
	assert_true(fake_loader.links[1].takes_xdp);
	attach_port(b->attach, &tenant, true);
	assert_int_equal(b->told[1], WEFT_FASTPATH_ON | WEFT_FASTPATH_PEER);
	assert_false(fake_loader.links[1].takes_xdp);
	/* Without a data plane nobody is to be asked. */
	answer(b, 1, 0);
	b->away = true;
	attach_port(b->attach, &slow, true);
	assert_int_equal(fake_loader.links[1].port, FAKE_GUARD);
	assert_int_equal(b->n_repaired, 0);
}

/* The connection ends before the answer. */
static void test_lost_answer(void **state)
{
	struct weft_port slow = tenant;
	struct bench *b = *state;

	start(b, true);
	greet(b);
	slow.flags = WEFT_PORT_NO_FASTPATH;
	attach_port(b->attach, &slow, true);
	answer(b, 1, -ECONNRESET);
	assert_int_equal(fake_loader.links[1].port, FAKE_GUARD);
	attach_tables_answered(b->attach, -ECONNRESET, "");
	assert_true(fake_loader.links[3].tc_uplink);
}

/* What is in the tables of an interface that goes: the data plane takes it out, if it hears of it.
 */
static void test_nobody_takes_it_out(void **state)
{
	struct bench *b = *state;

	start(b, true);
	greet(b);
	attach_link(b->attach, 1, "p0", 0, false);
	assert_int_equal(fake_loader.links[1].n_dropped, 0);
	answer(b, 1, 0);
	attach_link(b->attach, 1, "p0", ATTACH_LINK_TENANTS, true);
	assert_int_equal(fake_loader.links[1].n_dropped, 0);
	/* the connection ends before the answer */
	attach_port(b->attach, &tenant, false);
	assert_int_equal(fake_loader.links[1].n_dropped, 0);
	answer(b, 1, -ECONNRESET);
	assert_int_equal(fake_loader.links[1].n_dropped, 1);
	/* there is none */
	b->away = true;
	attach_port(b->attach, &tenant, true);
	assert_int_equal(fake_loader.links[1].port, FAKE_FAST);
	attach_link(b->attach, 4, "p0", ATTACH_LINK_TENANTS, true);
	assert_int_equal(fake_loader.links[1].n_dropped, 2);
	assert_int_equal(fake_loader.links[4].n_dropped, 0);
	attach_link(b->attach, 2, "ul0", 0, false);
	attach_link(b->attach, 3, "ul1", 0, false);
	assert_int_equal(fake_loader.links[2].n_dropped, 1);
	assert_int_equal(fake_loader.links[3].n_dropped, 1);
}

static void test_port_refused(void **state)
{
	struct bench *b = *state;

	start(b, true);
	b->away = false;
	attach_greet(b->attach);
	answer(b, 1, 0);
	attach_tables_answered(b->attach, 0, "");
	answer(b, 1, -ENOSPC);
	assert_int_equal(b->told[1], 0);
	answer(b, 1, 0);
	assert_int_equal(fake_loader.links[1].port, FAKE_GUARD);
	assert_problem(b, "does not take port red/web into the fast path: no.");
	look(b, 2);
	assert_int_equal(fake_loader.links[1].port, FAKE_GUARD);
	/* The next one is asked anew. */
	attach_greet(b->attach);
	attach_tables_answered(b->attach, 0, "");
	answer(b, 1, 0);
	assert_int_equal(fake_loader.links[1].port, FAKE_FAST);
	assert_problem(b, NULL);
}

/* Somebody else's filter takes the place: said, and the data plane goes by the port without. */
static void test_foreign_filter(void **state)
{
	struct bench *b = *state;

	start(b, true);
	greet(b);
	fake_loader.links[1].port = FAKE_FOREIGN;
	look(b, 2);
	assert_int_equal(b->told[1], 0);
	assert_problem(b, "tc filter \"theirs\"");
	fake_loader.links[1].port = FAKE_NOTHING;
	look(b, 2);
	assert_int_equal(fake_loader.links[1].port, FAKE_FAST);
	assert_int_equal(b->told[1], WEFT_FASTPATH_ON | WEFT_FASTPATH_PEER);
	assert_problem(b, NULL);
}

static void count_repairs(void *arg, const struct attach_interface *i)
{
	*(uint64_t *)arg += i->n_repairs;
}

static void test_taken_off(void **state)
{
	struct bench *b = *state;
	uint64_t n = 0;

	start(b, true);
	greet(b);
	fake_loader.links[1].port = FAKE_NOTHING;
	fake_loader.links[2].xdp = fake_loader.links[2].deliver = false;
	fake_loader.links[3].tc_uplink = false;
	look(b, 2);
	assert_int_equal(fake_loader.links[1].port, FAKE_FAST);
	assert_true(fake_loader.links[2].xdp_shares && fake_loader.links[2].deliver);
	assert_true(fake_loader.links[3].tc_uplink);
	attach_each_interface(b->attach, count_repairs, &n);
	assert_int_equal(n, 4);
	assert_int_equal(b->n_repaired, 4);
}

/* The program with tables is refused: the uplink steers all the same. */
static void test_uplink_without(void **state)
{
	struct bench *b = *state;

	fake_loader.share_error = -EOPNOTSUPP;
	start(b, true);
	greet(b);
	assert_true(fake_loader.links[2].xdp && !fake_loader.links[2].xdp_shares);
	assert_int_equal(b->told[2], 0);
	assert_problem(b, "the tables don't fit");
}

static void test_interface_goes(void **state)
{
	struct bench *b = *state;

	start(b, true);
	greet(b);
	attach_link(b->attach, 1, "p0", 0, false);
	assert_int_equal(b->told[1], 0);
	attach_link(b->attach, 4, "p0", ATTACH_LINK_TENANTS, true);
	assert_int_equal(fake_loader.links[4].port, FAKE_FAST);
	assert_int_equal(b->told[1], WEFT_FASTPATH_ON);
	assert_int_equal(b->told_ifindex[1], 4);
	/* Its other end moves into the container. */
	attach_link(b->attach, 4, "p0", ATTACH_LINK_TENANTS | ATTACH_LINK_AWAY, true);
	assert_int_equal(b->told[1], WEFT_FASTPATH_ON | WEFT_FASTPATH_PEER);
	/* The port ends, then the uplinks. */
	attach_port(b->attach, &tenant, false);
	assert_int_equal(b->told[1], 0);
	assert_int_equal(fake_loader.links[4].port, FAKE_NOTHING);
	attach_port(b->attach, &tc_uplink, false);
	attach_port(b->attach, &xdp_uplink, false);
	assert_false(fake_loader.links[3].tc_uplink);
	assert_false(fake_loader.links[2].xdp || fake_loader.links[2].deliver);
	assert_int_equal(b->told[2] | b->told[3], 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_first_start),
		TEST(test_restart),
		TEST(test_other_tables),
		TEST(test_no_bpf),
		TEST(test_off_and_on),
		TEST(test_never_on),
		TEST(test_other_room),
		TEST(test_one_port),
		TEST(test_lost_answer),
		TEST(test_nobody_takes_it_out),
		TEST(test_port_refused),
		TEST(test_foreign_filter),
		TEST(test_taken_off),
		TEST(test_uplink_without),
		TEST(test_interface_goes),
	};

	log_set_level(0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
