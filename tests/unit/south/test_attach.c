/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Attach with real interfaces and programs in a network namespace of its own. The engine is a fake
 * that knows one host object.
 */
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include <ccore/log.h>
#include <south/attach.h>

#include "test_netns.h"

static int ns;
static struct weft_addr vteps[2];
static struct host this_host = {.vteps = vteps, .n_vteps = 1};

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

struct bench {
	struct event_base *base;
	struct attach *attach;
	unsigned int n_new_maps;
	uint64_t tables;	     /* that the data plane was handed first */
	unsigned int n_other_tables; /* and others since */
};

static void note_new_map(void *arg, const struct weft_port *port)
{
	struct bench *b = arg;

	b->n_new_maps++;
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct attach_config config = {.arg = b, .new_map = note_new_map};

	test_netns_run(ns, "ip link add ul0 type veth peer name ul1");
	test_netns_run(ns, "ip link set ul0 up && ip link set ul1 up");
	b->base = event_base_new();
	*state = b;
	return attach_new(b->base, NULL, &config, &b->attach);
}

static int teardown(void **state)
{
	struct bench *b = *state;

	attach_free(b->attach);
	event_base_free(b->base);
	free(b);
	test_netns_try(ns, "ip link del ul0 2>/dev/null");
	test_netns_try(ns, "ip link del p0 2>/dev/null");
	return 0;
}

static const struct weft_port uplink = {
	.id = 9, .kind = WEFT_PORT_AF_XDP, .role = WEFT_ROLE_UPLINK, .device = "ul0"};
static const struct weft_port tenant = {.id = 1,
	.kind = WEFT_PORT_VETH,
	.role = WEFT_ROLE_TENANT,
	.name = "red/web",
	.device = "p0"};

static bool has_xdp(const char *name)
{
	return test_netns_try(ns, "ip link show %s | grep -q prog/xdp", name) == 0;
}

static bool has_guard(const char *name)
{
	return test_netns_try(ns,
		       "tc filter show dev %s ingress | grep -q weft && "
		       "tc filter show dev %s egress | grep -q weft",
		       name, name) == 0;
}

static void link_is(struct bench *b, const char *name, bool present)
{
	static int last;

	if (present)
		last = if_nametoindex(name);
	attach_link(b->attach, last, name, name[0] == 'p', present); /* p0 and p1 are a pair */
}

static void test_uplink(void **state)
{
	struct bench *b = *state;
	int fd;

	attach_port(b->attach, &uplink, true);
	assert_int_equal(attach_map_fd(b->attach, &uplink), -1);
	link_is(b, "ul0", true);
	assert_true(has_xdp("ul0"));
	fd = attach_map_fd(b->attach, &uplink);
	assert_true(fd >= 0);
	assert_int_equal(b->n_new_maps, 1);
	/* The same interface told again is nothing new. */
	link_is(b, "ul0", true);
	assert_int_equal(b->n_new_maps, 1);
	/* The device is made anew: program and map too. */
	link_is(b, "ul0", false);
	test_netns_run(ns, "ip link del ul0 && ip link add ul0 type veth peer name ul1");
	assert_int_equal(attach_map_fd(b->attach, &uplink), -1);
	link_is(b, "ul0", true);
	assert_true(has_xdp("ul0"));
	assert_int_equal(b->n_new_maps, 2);
	/* No longer an uplink. */
	attach_port(b->attach, &uplink, false);
	assert_false(has_xdp("ul0"));
}

/* weftd is restarted: program and map stay, the data plane needs nothing. */
static void test_restart(void **state)
{
	struct attach_config config = {.arg = *state, .new_map = note_new_map};
	struct bench *b = *state;

	attach_port(b->attach, &uplink, true);
	link_is(b, "ul0", true);
	attach_free(b->attach);
	assert_true(has_xdp("ul0"));
	assert_int_equal(attach_new(b->base, NULL, &config, &b->attach), 0);
	attach_port(b->attach, &uplink, true);
	link_is(b, "ul0", true);
	assert_int_equal(b->n_new_maps, 1);
	assert_true(attach_map_fd(b->attach, &uplink) >= 0);
	/* And once more, but the interface is no uplink any more. */
	attach_free(b->attach);
	assert_int_equal(attach_new(b->base, NULL, &config, &b->attach), 0);
	link_is(b, "ul0", true);
	assert_false(has_xdp("ul0"));
}

static char problems[500];

static void add_problem(void *arg, const char *sentence)
{
	strncat(problems, sentence, sizeof(problems) - strlen(problems) - 1);
}

/* Somebody takes the program off; it is back within a second. */
static void test_repair(void **state)
{
	struct timeval second = {.tv_sec = 1, .tv_usec = 100000};
	struct bench *b = *state;

	test_netns_run(ns, "ip link add p0 type veth peer name p1");
	attach_port(b->attach, &uplink, true);
	attach_port(b->attach, &tenant, true);
	link_is(b, "ul0", true);
	link_is(b, "p0", true);
	assert_true(has_xdp("ul0"));
	assert_true(has_guard("p0"));
	test_netns_run(ns, "ip link set ul0 xdp off");
	test_netns_run(ns, "tc qdisc del dev p0 clsact");
	assert_false(has_xdp("ul0"));
	assert_false(has_guard("p0"));
	event_base_loopexit(b->base, &second);
	event_base_dispatch(b->base);
	assert_true(has_xdp("ul0"));
	assert_true(has_guard("p0"));
	attach_port(b->attach, &tenant, false);
	assert_false(has_guard("p0"));
	problems[0] = '\0';
	attach_problems(b->attach, add_problem, NULL);
	assert_string_equal(problems, "");
}

/* A NIC that is named as a container's veth keeps what it carries for the host. */
static void test_not_a_veth(void **state)
{
	struct bench *b = *state;
	struct weft_port wrong = tenant;

	test_netns_run(ns, "ip link add nic0 type bridge");
	snprintf(wrong.device, sizeof(wrong.device), "nic0");
	attach_port(b->attach, &wrong, true);
	link_is(b, "nic0", true);
	assert_false(has_guard("nic0"));
	problems[0] = '\0';
	attach_problems(b->attach, add_problem, NULL);
	assert_non_null(strstr(problems, "nic0 of port"));
	assert_non_null(strstr(problems, "is not a veth"));
	attach_port(b->attach, &wrong, false);
	link_is(b, "nic0", false);
	test_netns_run(ns, "ip link del nic0");
}

/* The interface's name passes to another port while the first one's end is still to be told. */
static void test_port_replaced(void **state)
{
	struct weft_port next = tenant;
	struct bench *b = *state;

	test_netns_run(ns, "ip link add p0 type veth peer name p1");
	attach_port(b->attach, &tenant, true);
	link_is(b, "p0", true);
	next.id = 2;
	attach_port(b->attach, &next, true);
	attach_port(b->attach, &tenant, false);
	assert_true(has_guard("p0"));
	attach_port(b->attach, &next, false);
	assert_false(has_guard("p0"));
}

/* ---- the fast path ---- */

static char bpffs[] = "/tmp/weft-test-attach-XXXXXX";
static char folder[64];

static int take_tables(void *arg, const struct weft_msg_fastpath *tables, const int *fds)
{
	struct bench *b = arg;

	for (unsigned int i = 0; i < WEFT_FASTPATH_MAPS; i++)
		assert_true(fcntl(fds[i], F_GETFD) >= 0);
	if (!b->tables)
		b->tables = tables->id;
	b->n_other_tables += tables->id != b->tables;
	return 0;
}

static int take_port(void *arg, const struct weft_msg_fastpath_port *port)
{
	return 0;
}

static void restart_fast(struct bench *b, bool fast_path)
{
	struct attach_config config = {.arg = b,
		.new_map = note_new_map,
		.fast_path = fast_path,
		.bpf_folder = folder,
		.n_sessions = 1024,
		.send_tables = take_tables,
		.send_port = take_port};

	attach_free(b->attach);
	assert_int_equal(attach_new(b->base, NULL, &config, &b->attach), 0);
	attach_port(b->attach, &uplink, true);
	attach_port(b->attach, &tenant, true);
	link_is(b, "ul0", true);
	link_is(b, "p0", true);
}

static void greet(struct bench *b)
{
	attach_greet(b->attach);
	attach_tables_answered(b->attach, 0, "");
}

static bool has_fast(void)
{
	return test_netns_try(ns, "tc filter show dev p0 ingress | grep -q 'weft_port:' && "
				  "tc filter show dev p0 egress | grep -q weft_port_out") == 0;
}

static void run_for(struct bench *b, unsigned int ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_base_loopexit(b->base, &tv);
	event_base_dispatch(b->base);
}

static void count_mode(void *arg, const struct attach_interface *i)
{
	unsigned int *n_fast = arg;

	*n_fast += i->fast;
	assert_true(i->n_programs == 2);
}

/* On, kept by another weftd, put back when somebody takes it off, and switched off. */
static void test_fast_path(void **state)
{
	struct bench *b = *state;
	unsigned int n_fast = 0;

	test_netns_run(ns, "ip link add p0 type veth peer name p1");
	restart_fast(b, true);
	assert_true(has_guard("p0") && !has_fast());
	greet(b);
	assert_true(has_fast());
	assert_true(has_xdp("ul0"));
	assert_int_equal(
		test_netns_try(ns, "tc filter show dev ul0 ingress | grep -q weft_deliver"), 0);
	attach_each_interface(b->attach, count_mode, &n_fast);
	assert_int_equal(n_fast, 2);
	/* Before the next look, because tc tells of it. */
	run_for(b, 10);
	test_netns_run(ns, "tc qdisc del dev p0 clsact");
	assert_false(has_fast());
	run_for(b, 200);
	assert_true(has_fast());
	/* A program of somebody else in its place is left alone, and said. */
	test_netns_run(ns, "tc filter del dev p0 ingress && tc filter add dev p0 ingress handle 1 "
			   "pref 1 protocol all bpf da bytecode '1,6 0 0 0,'");
	run_for(b, 700);
	assert_false(has_fast());
	problems[0] = '\0';
	attach_problems(b->attach, add_problem, NULL);
	assert_non_null(strstr(problems, "p0"));
	test_netns_run(ns, "tc filter del dev p0 ingress");
	run_for(b, 200);
	assert_true(has_fast());
	problems[0] = '\0';
	attach_problems(b->attach, add_problem, NULL);
	assert_string_equal(problems, "");
	/* Another weftd: nothing leaves the interfaces in between. */
	restart_fast(b, true);
	assert_true(has_fast());
	restart_fast(b, false);
	assert_false(has_fast());
	assert_true(has_guard("p0"));
	assert_true(has_xdp("ul0"));
	greet(b);
	restart_fast(b, true);
	assert_true(has_fast());
	greet(b);
	assert_int_equal(b->n_other_tables, 0);
}

/* A BPF file system that vanishes with the test. */
static int make_bpffs(void **state)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		!mkdtemp(bpffs) || mount("bpf", bpffs, "bpf", 0, NULL) < 0)
		return -1;
	snprintf(folder, sizeof(folder), "%s/weft/h1", bpffs);
	return 0;
}

static int remove_bpffs(void **state)
{
	umount2(bpffs, MNT_DETACH);
	return rmdir(bpffs);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_uplink),
		TEST(test_restart),
		TEST(test_repair),
		TEST(test_not_a_veth),
		TEST(test_port_replaced),
		TEST(test_fast_path),
	};

	ns = test_netns_own();
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, make_bpffs, remove_bpffs);
}
