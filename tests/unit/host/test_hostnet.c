/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hostnet against the real kernel, in a network namespace of its own with the underlay's router in
 * a second one. The engine is a fake: which remotes are wanted is an array, what is reported is
 * kept. A condition is waited for by running the event loop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <ccore/log.h>
#include <host/hostnet.h>

#include "test_netns.h"

#define PATIENCE_MS 12000
#define REMOTES_MAX 3000

static int own_ns, router_ns;

/* ---- the fake engine ---- */

static struct host this_host;
static struct weft_addr vteps[2], remotes[REMOTES_MAX], local;
static size_t n_remotes;
static struct underlay_path reported[REMOTES_MAX];
static size_t n_reported;
static unsigned int n_path_reports;
static struct underlay_link link_now;

const struct model *engine_model(const struct engine *e)
{
	return NULL;
}

const char *engine_host(const struct engine *e)
{
	return "h1";
}

const struct compiler *engine_compiler(const struct engine *e)
{
	return NULL;
}

const struct object *model_find(const struct model *m, enum model_kind kind, const char *name)
{
	return kind == MODEL_HOST ? &this_host.o : NULL;
}

void compile_remotes(const struct compiler *c,
	void (*fn)(void *arg, const struct weft_addr *l, const struct weft_addr *remote), void *arg)
{
	for (size_t i = 0; i < n_remotes; i++)
		fn(arg, &local, &remotes[i]);
}

void engine_paths(struct engine *e, const struct underlay_path *paths, size_t n)
{
	n_path_reports += n;
	for (size_t i = 0; i < n; i++) {
		size_t j = 0;

		while (j < n_reported && !weft_addr_equal(&reported[j].remote, &paths[i].remote))
			j++;
		if (j == n_reported)
			n_reported++;
		reported[j] = paths[i];
	}
}

void engine_link(struct engine *e, const struct underlay_link *link)
{
	link_now = *link;
}

/* ---- set-up ---- */

struct bench {
	struct event_base *base;
	struct hostnet *net;
	bool ready;
};

static void note_ready(void *arg)
{
	struct bench *b = arg;

	b->ready = true;
}

static struct weft_addr addr(const char *text)
{
	struct weft_addr a;

	assert_int_equal(weft_addr_parse(text, &a), 0);
	return a;
}

/* 172.16.0.1 and fd00::1 here on ul0; .2 and ::2 with a known MAC are the router. */
static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	test_netns_veth(own_ns, "ul0", router_ns, "r0", 1);
	test_netns_run(own_ns, "sysctl -qw net.ipv6.conf.ul0.disable_ipv6=0");
	test_netns_run(own_ns, "ip link set ul0 address 02:00:00:00:00:01");
	test_netns_run(own_ns, "ip addr add 172.16.0.1/24 dev ul0");
	test_netns_run(own_ns, "ip addr add fd00::1/64 dev ul0 nodad");
	test_netns_run(own_ns, "sysctl -qw net.ipv4.neigh.ul0.retrans_time_ms=50 "
			       "net.ipv4.neigh.ul0.delay_first_probe_time=1");
	test_netns_run(router_ns, "sysctl -qw net.ipv6.conf.r0.disable_ipv6=0");
	test_netns_run(router_ns, "ip link set r0 address 02:00:00:00:00:02");
	test_netns_run(router_ns, "ip addr add 172.16.0.2/24 dev r0");
	test_netns_run(router_ns, "ip addr add fd00::2/64 dev r0 nodad");
	vteps[0] = addr("172.16.0.1");
	local = vteps[0];
	this_host = (struct host){
		.vteps = vteps, .n_vteps = 1, .uplink = {.kind = UPLINK_AF_XDP, .device = "ul0"}};
	n_remotes = n_reported = 0;
	n_path_reports = 0;
	link_now = (struct underlay_link){0};
	b->base = event_base_new();
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	hostnet_free(b->net);
	event_base_free(b->base);
	free(b);
	test_netns_try(own_ns, "ip link del ul0 2>/dev/null");
	test_netns_try(own_ns, "ip rule del priority 100 2>/dev/null");
	return 0;
}

static void start(struct bench *b, int receive_buffer)
{
	struct hostnet_config config = {
		.receive_buffer = receive_buffer, .arg = b, .ready = note_ready};

	assert_int_equal(hostnet_new(b->base, NULL, &config, &b->net), 0);
	hostnet_want_port(b->net, 1, "p0");
	assert_int_equal(hostnet_start(b->net), 0);
}

static const struct underlay_path *path_to(const char *remote)
{
	struct weft_addr a = addr(remote);

	for (size_t i = 0; i < n_reported; i++)
		if (weft_addr_equal(&reported[i].remote, &a))
			return &reported[i];
	return NULL;
}

static bool resolved_to(const char *remote, const char *mac, uint16_t mtu)
{
	const struct underlay_path *p = path_to(remote);
	struct weft_mac m;

	assert_int_equal(weft_mac_parse(mac, &m), 0);
	return p && p->resolved && weft_mac_equal(&p->dst_mac, &m) && p->mtu == mtu;
}

static bool unresolved(const char *remote)
{
	const struct underlay_path *p = path_to(remote);

	return p && !p->resolved;
}

#define RUN_UNTIL(b, cond)                                                                         \
	do {                                                                                       \
		struct timespec start_, now_;                                                      \
                                                                                                   \
		clock_gettime(CLOCK_MONOTONIC, &start_);                                           \
		while (!(cond)) {                                                                  \
			clock_gettime(CLOCK_MONOTONIC, &now_);                                     \
			if ((now_.tv_sec - start_.tv_sec) * 1000 > PATIENCE_MS)                    \
				fail_msg("never: %s", #cond);                                      \
			event_base_loop((b)->base, EVLOOP_ONCE);                                   \
		}                                                                                  \
	} while (0)

static char problems[2000];

static void add_problem(void *arg, const char *sentence)
{
	strncat(problems, sentence, sizeof(problems) - strlen(problems) - 1);
	strncat(problems, "\n", sizeof(problems) - strlen(problems) - 1);
}

static bool has_problem(struct bench *b, const char *text)
{
	problems[0] = '\0';
	hostnet_problems(b->net, add_problem, NULL);
	return strstr(problems, text) != NULL;
}

/* ---- tests ---- */

static void test_direct(void **state)
{
	struct bench *b = *state;

	remotes[n_remotes++] = addr("172.16.0.2");
	start(b, 0);
	RUN_UNTIL(b, resolved_to("172.16.0.2", "02:00:00:00:00:02", 1500));
	RUN_UNTIL(b, b->ready);
	assert_true(link_now.up);
	assert_int_equal(link_now.mtu, 1500);
	assert_int_equal(link_now.mac.b[5], 1);
	assert_int_equal(path_to("172.16.0.2")->src_mac.b[5], 1);
	assert_false(has_problem(b, "VTEP"));
}

static void test_ipv6(void **state)
{
	struct bench *b = *state;

	local = vteps[0] = addr("fd00::1");
	remotes[n_remotes++] = addr("fd00::2");
	remotes[n_remotes++] = addr("fd01::9");
	start(b, 0);
	RUN_UNTIL(b, resolved_to("fd00::2", "02:00:00:00:00:02", 1500));
	assert_true(unresolved("fd01::9"));
	test_netns_run(own_ns, "ip route add fd01::/64 via fd00::2");
	RUN_UNTIL(b, resolved_to("fd01::9", "02:00:00:00:00:02", 1500));
}

static void test_route_changes(void **state)
{
	struct bench *b = *state;

	remotes[n_remotes++] = addr("10.9.0.1");
	start(b, 0);
	RUN_UNTIL(b, has_problem(b, "VTEP 10.9.0.1: no route to it from 172.16.0.1"));
	RUN_UNTIL(b, b->ready);
	test_netns_run(own_ns, "ip route add 10.9.0.0/24 via 172.16.0.2 mtu 1400");
	RUN_UNTIL(b, resolved_to("10.9.0.1", "02:00:00:00:00:02", 1400));
	/* another next hop, which the kernel knows already */
	test_netns_run(own_ns, "ip neigh replace 172.16.0.3 lladdr 02:00:00:00:00:03 dev ul0 "
			       "nud reachable");
	test_netns_run(own_ns, "ip route replace 10.9.0.0/24 via 172.16.0.3");
	RUN_UNTIL(b, resolved_to("10.9.0.1", "02:00:00:00:00:03", 1500));
	/* by policy, for VXLAN only */
	test_netns_run(own_ns, "ip route add default via 172.16.0.2 table 100");
	test_netns_run(own_ns, "ip rule add priority 100 ipproto udp dport 4789 lookup 100");
	RUN_UNTIL(b, resolved_to("10.9.0.1", "02:00:00:00:00:02", 1500));
	test_netns_run(own_ns, "ip rule del priority 100");
	RUN_UNTIL(b, resolved_to("10.9.0.1", "02:00:00:00:00:03", 1500));
	test_netns_run(own_ns, "ip route del 10.9.0.0/24");
	RUN_UNTIL(b, unresolved("10.9.0.1"));
}

static void test_next_hop_mac_changes(void **state)
{
	struct bench *b = *state;

	remotes[n_remotes++] = addr("172.16.0.2");
	start(b, 0);
	RUN_UNTIL(b, resolved_to("172.16.0.2", "02:00:00:00:00:02", 1500));
	/* The router changes its hardware and the old entry goes: resolved anew. */
	test_netns_run(router_ns, "ip link set r0 address 02:00:00:00:00:22");
	test_netns_run(own_ns, "ip neigh del 172.16.0.2 dev ul0");
	RUN_UNTIL(b, resolved_to("172.16.0.2", "02:00:00:00:00:22", 1500));
	test_netns_run(own_ns, "ip neigh replace 172.16.0.2 lladdr 02:00:00:00:00:33 dev ul0 "
			       "nud permanent");
	RUN_UNTIL(b, resolved_to("172.16.0.2", "02:00:00:00:00:33", 1500));
}

/* An entry that got old is confirmed: nobody else would, traffic goes by AF_XDP. */
static void test_keeps_fresh(void **state)
{
	struct bench *b = *state;
	unsigned int n_before;

	remotes[n_remotes++] = addr("172.16.0.2");
	start(b, 0);
	RUN_UNTIL(b, resolved_to("172.16.0.2", "02:00:00:00:00:02", 1500));
	n_before = n_path_reports;
	test_netns_run(own_ns, "ip neigh change 172.16.0.2 dev ul0 nud stale");
	RUN_UNTIL(b, test_netns_try(own_ns, "ip neigh show 172.16.0.2 | grep -q STALE") != 0);
	RUN_UNTIL(b, test_netns_try(own_ns, "ip neigh show 172.16.0.2 | grep -q REACHABLE") == 0);
	/* The MAC was good all the time. */
	assert_int_equal(n_path_reports, n_before);
	assert_true(resolved_to("172.16.0.2", "02:00:00:00:00:02", 1500));
}

static void test_next_hop_silent(void **state)
{
	struct bench *b = *state;

	remotes[n_remotes++] = addr("172.16.0.7");
	start(b, 0);
	RUN_UNTIL(b, b->ready); /* does not wait for ever */
	assert_true(unresolved("172.16.0.7"));
	assert_true(has_problem(b, "next hop 172.16.0.7 does not answer"));
	test_netns_run(router_ns, "ip addr add 172.16.0.7/24 dev r0");
	RUN_UNTIL(b, resolved_to("172.16.0.7", "02:00:00:00:00:02", 1500));
}

static void test_link_changes(void **state)
{
	struct bench *b = *state;

	remotes[n_remotes++] = addr("172.16.0.2");
	start(b, 0);
	RUN_UNTIL(b, resolved_to("172.16.0.2", "02:00:00:00:00:02", 1500));
	test_netns_run(own_ns, "ip link set ul0 mtu 9000");
	RUN_UNTIL(b, resolved_to("172.16.0.2", "02:00:00:00:00:02", 9000) && link_now.mtu == 9000);
	test_netns_run(router_ns, "ip link set r0 down");
	RUN_UNTIL(b, unresolved("172.16.0.2") && !link_now.up);
	assert_true(has_problem(b, "is down (no carrier)"));
	test_netns_run(router_ns, "ip link set r0 up");
	RUN_UNTIL(b, resolved_to("172.16.0.2", "02:00:00:00:00:02", 9000) && link_now.up);
	test_netns_run(own_ns, "ip link del ul0");
	RUN_UNTIL(b, unresolved("172.16.0.2"));
	assert_true(has_problem(b, "Uplink interface ul0 does not exist"));
	assert_true(has_problem(b, "VTEP address 172.16.0.1 is not on any interface"));
	/* It comes back with another MAC. */
	test_netns_veth(own_ns, "ul0", router_ns, "r0", 1);
	test_netns_run(own_ns, "ip link set ul0 address 02:00:00:00:00:11");
	test_netns_run(own_ns, "ip addr add 172.16.0.1/24 dev ul0");
	test_netns_run(router_ns, "ip link set r0 address 02:00:00:00:00:0a");
	test_netns_run(router_ns, "ip addr add 172.16.0.2/24 dev r0");
	RUN_UNTIL(b, resolved_to("172.16.0.2", "02:00:00:00:00:0a", 1500));
	assert_int_equal(link_now.mac.b[5], 0x11);
	assert_false(has_problem(b, "Uplink"));
}

static void test_wrong_interface(void **state)
{
	struct bench *b = *state;

	remotes[n_remotes++] = addr("10.8.0.1");
	test_netns_veth(own_ns, "other0", router_ns, "other1", 1);
	test_netns_run(own_ns, "ip route add 10.8.0.0/24 dev other0");
	start(b, 0);
	RUN_UNTIL(b, has_problem(b, "leaves by other0, not by the uplink"));
	assert_true(unresolved("10.8.0.1"));
	test_netns_run(own_ns, "ip link del other0");
}

/* No kernel interface: the host object says it all. */
static void test_dpdk_uplink(void **state)
{
	struct bench *b = *state;

	this_host.uplink = (struct uplink){.kind = UPLINK_DPDK,
		.device = "0000:01:00.0",
		.mtu = 1600,
		.mac = {{2, 0, 0, 0, 0, 5}},
		.next_hop_mac = {{2, 0, 0, 0, 0, 6}}};
	remotes[n_remotes++] = addr("192.0.2.1");
	start(b, 0);
	RUN_UNTIL(b, resolved_to("192.0.2.1", "02:00:00:00:00:06", 1600));
	RUN_UNTIL(b, b->ready);
	assert_int_equal(link_now.mac.b[5], 5);
	assert_false(has_problem(b, "VTEP"));
}

static void test_remotes_come_and_go(void **state)
{
	struct bench *b = *state;
	struct hostnet_counters c;

	start(b, 0);
	RUN_UNTIL(b, b->ready);
	remotes[n_remotes++] = addr("172.16.0.2");
	hostnet_refresh(b->net);
	RUN_UNTIL(b, resolved_to("172.16.0.2", "02:00:00:00:00:02", 1500));
	n_remotes = n_reported = 0;
	hostnet_refresh(b->net);
	hostnet_counters(b->net, &c);
	event_base_loop(b->base, EVLOOP_ONCE);
	remotes[n_remotes++] = addr("172.16.0.2");
	hostnet_refresh(b->net);
	RUN_UNTIL(b, resolved_to("172.16.0.2", "02:00:00:00:00:02", 1500));
}

/* More events than the socket holds: everything is read anew and nothing is missed. */
static void test_overrun(void **state)
{
	struct hostnet_counters c;
	struct bench *b = *state;

	remotes[n_remotes++] = addr("172.16.0.2");
	remotes[n_remotes++] = addr("10.9.0.1");
	start(b, 2048);
	RUN_UNTIL(b, resolved_to("172.16.0.2", "02:00:00:00:00:02", 1500));
	RUN_UNTIL(b, b->ready);
	test_netns_run(own_ns, "seq 1 500 | sed 's|.*|route add 10.7.0.0/24 metric & dev ul0|' "
			       "| ip -batch -");
	test_netns_run(own_ns, "ip link set ul0 mtu 1450");
	test_netns_run(own_ns, "ip neigh replace 172.16.0.2 lladdr 02:00:00:00:00:44 dev ul0 "
			       "nud permanent");
	test_netns_run(own_ns, "ip route add 10.9.0.0/24 via 172.16.0.2");
	RUN_UNTIL(b, resolved_to("172.16.0.2", "02:00:00:00:00:44", 1450));
	RUN_UNTIL(b, resolved_to("10.9.0.1", "02:00:00:00:00:44", 1450));
	hostnet_counters(b->net, &c);
	assert_true(c.overruns >= 1);
}

static void test_port_interface(void **state)
{
	struct bench *b = *state;

	start(b, 0);
	RUN_UNTIL(b, b->ready);
	test_netns_run(own_ns, "ip link add p0 type veth peer name p0peer");
	RUN_UNTIL(b, hostnet_link_by_name(b->net, "p0") && hostnet_link_by_name(b->net, "p0")->up);
	test_netns_run(own_ns, "ip link set p0peer up");
	RUN_UNTIL(b, hostnet_link_by_name(b->net, "p0")->running);
	assert_int_equal(test_netns_try(own_ns, "ip -6 addr show dev p0 | grep -q inet6"), 1);
	/* Somebody sets it down or gives it an address; it is made again. */
	test_netns_run(own_ns, "ip link set p0 down");
	RUN_UNTIL(b, test_netns_try(own_ns, "ip link show p0 up | grep -q p0") == 0);
	test_netns_run(own_ns, "sysctl -qw net.ipv6.conf.p0.disable_ipv6=0");
	test_netns_run(own_ns, "ip -6 addr add fd77::1/64 dev p0 nodad");
	RUN_UNTIL(b, test_netns_try(own_ns, "ip -6 addr show dev p0 | grep -q fd77") == 1);
	test_netns_run(own_ns, "ip link del p0");
	RUN_UNTIL(b, !hostnet_link_by_name(b->net, "p0"));
	test_netns_run(own_ns, "ip link add p0 type veth peer name p0peer");
	RUN_UNTIL(b, hostnet_link_by_name(b->net, "p0") && hostnet_link_by_name(b->net, "p0")->up);
	test_netns_run(own_ns, "ip link del p0");
}

/* A TAP interface is a port's as well as a veth, and is cared for; where a veth's other end is
 * follows what the kernel says. */
static void test_link_kinds(void **state)
{
	const struct hostnet_link *link;
	struct bench *b = *state;

	test_netns_run(own_ns, "ip tuntap add p0 mode tap");
	test_netns_run(own_ns, "ip link add v0 type veth peer name v1");
	start(b, 0);
	RUN_UNTIL(b, b->ready);
	RUN_UNTIL(b, hostnet_link_by_name(b->net, "p0")->up);
	link = hostnet_link_by_name(b->net, "p0");
	assert_true(link->is_tun && !link->is_veth && !link->peer_elsewhere);
	link = hostnet_link_by_name(b->net, "v0");
	assert_true(link->is_veth && !link->is_tun && !link->peer_elsewhere);
	test_netns_run(own_ns, "ip link set v0 up && ip link set v1 up");
	RUN_UNTIL(b, hostnet_link_by_name(b->net, "v0")->running);
	test_netns_run(own_ns, "ip link set v1 netns /proc/%d/fd/%d", getpid(), router_ns);
	RUN_UNTIL(b, hostnet_link_by_name(b->net, "v0")->peer_elsewhere);
	link = hostnet_link_by_name(b->net, "ul0");
	assert_true(link->peer_elsewhere);
	test_netns_run(own_ns, "ip link del p0 && ip link del v0");
}

/* At start: the port's interface is in the middle of what the kernel tells, and configuring it must
 * not disturb the telling. */
static void test_port_interface_at_start(void **state)
{
	struct bench *b = *state;

	test_netns_run(own_ns, "ip link add p0 type veth peer name p0peer");
	test_netns_run(own_ns, "sysctl -qw net.ipv6.conf.p0.disable_ipv6=0");
	test_netns_run(own_ns, "ip link set p0 up && ip link set p0peer up");
	for (unsigned int i = 0; i < 60; i++)
		test_netns_run(own_ns, "ip link add x%u type veth peer name y%u", i, i);
	start(b, 0);
	assert_non_null(hostnet_link_by_name(b->net, "x59"));
	RUN_UNTIL(b, b->ready);
	assert_int_equal(test_netns_try(own_ns, "ip -6 addr show dev p0 | grep -q inet6"), 1);
	for (unsigned int i = 0; i < 60; i++)
		test_netns_run(own_ns, "ip link del x%u", i);
	test_netns_run(own_ns, "ip link del p0");
}

/* Thousands of hosts behind one router. */
static void test_many(void **state)
{
	struct bench *b = *state;
	struct timespec t0, t1;
	char text[32];

	for (unsigned int i = 0; i < REMOTES_MAX; i++) {
		snprintf(text, sizeof(text), "10.9.%u.%u", i / 250, i % 250 + 1);
		remotes[n_remotes++] = addr(text);
	}
	test_netns_run(own_ns, "ip route add 10.9.0.0/16 via 172.16.0.2");
	clock_gettime(CLOCK_MONOTONIC, &t0);
	start(b, 0);
	RUN_UNTIL(b, b->ready);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	assert_int_equal(n_reported, REMOTES_MAX);
	assert_true(resolved_to("10.9.11.250", "02:00:00:00:00:02", 1500));
	print_message("%u remotes in %ld ms\n", REMOTES_MAX,
		(t1.tv_sec - t0.tv_sec) * 1000 + (t1.tv_nsec - t0.tv_nsec) / 1000000);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_direct),
		TEST(test_ipv6),
		TEST(test_route_changes),
		TEST(test_next_hop_mac_changes),
		TEST(test_keeps_fresh),
		TEST(test_next_hop_silent),
		TEST(test_link_changes),
		TEST(test_wrong_interface),
		TEST(test_dpdk_uplink),
		TEST(test_remotes_come_and_go),
		TEST(test_overrun),
		TEST(test_port_interface),
		TEST(test_link_kinds),
		TEST(test_port_interface_at_start),
		TEST(test_many),
	};

	own_ns = test_netns_own();
	router_ns = test_netns_new();
	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
