/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast path's programs on real interfaces: in place of the guard and the reverse, after a
 * restart, among other people's filters, and what they counted.
 */
#include <errno.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <weft_bpf/guard.h>

#include "fast_bed.h"
#include "test_netns.h"

#define TCX_INGRESS 46 /* BPF_TCX_INGRESS */

static bool occupant(int ifindex, enum bpf_tc_attach_point point, struct bpf_prog_info *ret)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = WEFT_BPF_GUARD_HANDLE,
		.priority = WEFT_BPF_GUARD_PRIORITY);
	uint32_t len = sizeof(*ret);
	int fd;

	memset(ret, 0, sizeof(*ret));
	if (bpf_tc_query(&hook, &opts) < 0)
		return false;
	fd = bpf_prog_get_fd_by_id(opts.prog_id);
	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, ret, &len), 0);
	close(fd);
	return true;
}

static void expect_progs(int ifindex, const char *ingress, const char *egress)
{
	struct bpf_prog_info p;

	assert_int_equal(occupant(ifindex, BPF_TC_INGRESS, &p), ingress != NULL);
	assert_string_equal(p.name, ingress ? ingress : "");
	assert_int_equal(occupant(ifindex, BPF_TC_EGRESS, &p), egress != NULL);
	assert_string_equal(p.name, egress ? egress : "");
}

/* Of Linux 6.6; false: an older one. Own ones go by name, others' don't count. */
static bool first(int ifindex, char ret_name[16])
{
	uint32_t ids[64], len = sizeof(struct bpf_prog_info);
	LIBBPF_OPTS(bpf_prog_query_opts, opts, .prog_ids = ids, .prog_cnt = 64);
	int error = bpf_prog_query_opts(ifindex, (enum bpf_attach_type)TCX_INGRESS, &opts);
	struct bpf_prog_info info = {0};
	int fd;

	ret_name[0] = '\0';
	if (error == -EINVAL) {
		print_message("no tcx here\n");
		return false;
	}
	if (opts.prog_cnt == 0)
		return true;
	fd = bpf_prog_get_fd_by_id(ids[0]);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	close(fd);
	memcpy(ret_name, info.name, sizeof(info.name));
	return true;
}

static void expect_first(int ifindex, const char *name)
{
	char there[16];

	if (first(ifindex, there))
		assert_string_equal(there, name);
}

static uint32_t prog_id(int ifindex)
{
	struct bpf_prog_info p;

	assert_true(occupant(ifindex, BPF_TC_INGRESS, &p));
	return p.id;
}

static int ensured(struct loader_fast *f, int ifindex, enum loader_spot spot)
{
	int error = loader_fast_ensure(f, ifindex, spot, text);

	if (error < 0)
		print_message("%s\n", text);
	return error;
}

static void test_programs_take_the_guards_place(void **state)
{
	int ifindex = if_nametoindex("up0");
	struct loader_fast *f = fast_opened(folder);
	struct loader_guard *g;

	assert_int_equal(loader_guard_new(&g, text), 0);
	assert_int_equal(loader_guard_ensure(g, ifindex, text), 1);
	assert_int_equal(loader_guard_ensure(g, ifindex, text), 0);
	expect_progs(ifindex, "weft_guard", "weft_guard_out");
	expect_first(ifindex, "weft_guard");
	assert_int_equal(ensured(f, ifindex, LOADER_SPOT_PORT), 1);
	expect_progs(ifindex, "weft_port", "weft_port_out");
	expect_first(ifindex, "weft_port");
	assert_int_equal(ensured(f, ifindex, LOADER_SPOT_PORT), 0);
	/* removing guards must not take these off, nor the reverse */
	assert_int_equal(loader_guard_remove(ifindex), 0);
	expect_progs(ifindex, "weft_port", "weft_port_out");
	expect_first(ifindex, "weft_port");
	assert_int_equal(loader_guard_ensure(g, ifindex, text), 1);
	expect_progs(ifindex, "weft_guard", "weft_guard_out");
	expect_first(ifindex, "weft_guard");
	assert_int_equal(loader_fast_remove(ifindex, LOADER_SPOT_PORT), 0);
	expect_progs(ifindex, "weft_guard", "weft_guard_out");
	expect_first(ifindex, "weft_guard");
	assert_int_equal(ensured(f, ifindex, LOADER_SPOT_PORT), 1);
	assert_int_equal(loader_fast_remove(ifindex, LOADER_SPOT_PORT), 0);
	expect_progs(ifindex, NULL, NULL);
	expect_first(ifindex, "");
	/* a tenant's interface that becomes an uplink is the host's again */
	assert_int_equal(loader_guard_ensure(g, ifindex, text), 1);
	assert_int_equal(ensured(f, ifindex, LOADER_SPOT_UPLINK), 1);
	expect_first(ifindex, "");
	loader_guard_free(g);
	loader_fast_close(f);
}

static void test_uplink_spots(void **state)
{
	int ifindex = if_nametoindex("up0");
	struct loader_fast *f = fast_opened(folder);

	assert_int_equal(ensured(f, ifindex, LOADER_SPOT_UPLINK), 1);
	expect_progs(ifindex, "weft_uplink_tc", NULL);
	assert_int_equal(ensured(f, ifindex, LOADER_SPOT_DELIVER), 1);
	expect_progs(ifindex, "weft_deliver", NULL);
	assert_int_equal(ensured(f, ifindex, LOADER_SPOT_DELIVER), 0);
	assert_int_equal(loader_fast_remove(ifindex, LOADER_SPOT_DELIVER), 0);
	assert_int_equal(loader_fast_remove(ifindex, LOADER_SPOT_DELIVER), 0);
	expect_progs(ifindex, NULL, NULL);
	loader_fast_close(f);
}

/* The same programs with the same tables, still the same ones; with other tables, others. */
static void test_restart_keeps_programs(void **state)
{
	int ifindex = if_nametoindex("up0");
	struct loader_fast *f = fast_opened(folder);
	uint32_t id;

	assert_int_equal(ensured(f, ifindex, LOADER_SPOT_PORT), 1);
	id = prog_id(ifindex);
	loader_fast_close(f);
	expect_progs(ifindex, "weft_port", "weft_port_out");
	f = fast_opened(folder);
	assert_int_equal(ensured(f, ifindex, LOADER_SPOT_PORT), 0);
	assert_int_equal(prog_id(ifindex), id);
	loader_fast_close(f);

	fast_forget(folder);
	f = fast_opened(folder);
	assert_int_equal(ensured(f, ifindex, LOADER_SPOT_PORT), 1);
	assert_int_not_equal(prog_id(ifindex), id);
	loader_fast_close(f);
}

static void test_what_others_took_off_comes_back(void **state)
{
	int ifindex = if_nametoindex("up0");
	struct loader_fast *f = fast_opened(folder);

	assert_int_equal(ensured(f, ifindex, LOADER_SPOT_PORT), 1);
	test_netns_run(own, "tc filter del dev up0 ingress");
	assert_int_equal(ensured(f, ifindex, LOADER_SPOT_PORT), 1);
	test_netns_run(own, "tc filter del dev up0 egress");
	assert_int_equal(ensured(f, ifindex, LOADER_SPOT_PORT), 1);
	test_netns_run(own, "tc qdisc del dev up0 clsact");
	assert_int_equal(ensured(f, ifindex, LOADER_SPOT_PORT), 1);
	assert_int_equal(ensured(f, ifindex, LOADER_SPOT_PORT), 0);
	expect_progs(ifindex, "weft_port", "weft_port_out");
	loader_fast_close(f);
}

/* ICMP messages that the host's stack got. */
static unsigned long n_arrived(void)
{
	FILE *f = fopen("/proc/thread-self/net/snmp", "re");
	unsigned long n = 0;
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		sscanf(line, "Icmp: %lu", &n);
	fclose(f);
	return n;
}

/* Whether what the tenant at the other end sends to the host arrives. */
static bool reaches_host(void)
{
	unsigned long before = n_arrived();

	test_netns_try(peer, "ping -q -c1 -W0.1 192.0.2.1 >/dev/null");
	return n_arrived() > before;
}

static void take_off_first(int ifindex)
{
	struct bpf_prog_info p;
	int fd;

	assert_true(occupant(ifindex, BPF_TC_INGRESS, &p));
	fd = bpf_prog_get_fd_by_id(p.id);
	assert_int_equal(bpf_prog_detach2(fd, ifindex, (enum bpf_attach_type)TCX_INGRESS), 0);
	close(fd);
}

static int closed(struct loader_fast *f, struct loader_guard *g, int ifindex)
{
	return f ? ensured(f, ifindex, LOADER_SPOT_PORT) : loader_guard_ensure(g, ifindex, text);
}

static void expect_closed_all_the_time(struct loader_fast *f, struct loader_guard *g, int ifindex)
{
	assert_int_equal(closed(f, g, ifindex), 1);
	assert_false(reaches_host());
	test_netns_run(own, "tc qdisc del dev up0 clsact");
	assert_false(reaches_host());
	assert_int_equal(closed(f, g, ifindex), 1);
	take_off_first(ifindex);
	assert_false(reaches_host());
	assert_int_equal(closed(f, g, ifindex), 1);
	assert_int_equal(closed(f, g, ifindex), 0);
}

/* Whatever somebody takes off, one of the two keeps the tenant's frames from the host's stack. */
static void test_closed_without_clsact(void **state)
{
	int ifindex = if_nametoindex("up0");
	struct loader_fast *f = fast_opened(folder);
	struct loader_guard *g;
	char there[16];

	test_netns_run(
		own, "ip link set up0 address 02:00:00:00:00:01; ip addr add 192.0.2.1/24 dev up0");
	test_netns_run(peer, "ip addr add 192.0.2.2/24 dev far0; "
			     "ip neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev far0");
	assert_true(reaches_host());
	assert_int_equal(loader_guard_new(&g, text), 0);
	if (first(ifindex, there)) {
		expect_closed_all_the_time(NULL, g, ifindex);
		expect_closed_all_the_time(f, g, ifindex);
	}
	loader_guard_free(g);
	loader_fast_close(f);
}

static void attach_foreign(int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = WEFT_BPF_GUARD_HANDLE,
		.priority = WEFT_BPF_GUARD_PRIORITY);
	const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};

	opts.prog_fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "somebody", "GPL", code, 2, NULL);
	assert_true(opts.prog_fd >= 0);
	assert_int_equal(bpf_tc_hook_create(&hook), 0);
	assert_int_equal(bpf_tc_attach(&hook, &opts), 0);
	close(opts.prog_fd);
}

static void expect_refused(struct loader_fast *f, int ifindex, const char *word)
{
	assert_int_equal(loader_fast_ensure(f, ifindex, LOADER_SPOT_PORT, text), -EBUSY);
	assert_non_null(strstr(text, word));
	assert_non_null(strstr(text, "up0"));
	assert_non_null(strstr(text, "tc filter del"));
}

static void test_foreign_filters_are_left_alone(void **state)
{
	int ifindex = if_nametoindex("up0");
	struct loader_fast *f = fast_opened(folder);

	attach_foreign(ifindex);
	expect_refused(f, ifindex, "somebody");
	assert_int_equal(loader_fast_remove(ifindex, LOADER_SPOT_PORT), 0);
	expect_progs(ifindex, "somebody", NULL);
	test_netns_run(own, "tc qdisc del dev up0 clsact; tc qdisc add dev up0 clsact; "
			    "tc filter add dev up0 ingress pref 1 u32 match u32 0 0 flowid 1:1");
	expect_refused(f, ifindex, "another kind");
	test_netns_run(own, "tc filter show dev up0 ingress | grep -q u32");
	/* elsewhere they may be */
	test_netns_run(own, "tc filter del dev up0 ingress; "
			    "tc filter add dev up0 ingress pref 2 u32 match u32 0 0 flowid 1:1");
	assert_int_equal(ensured(f, ifindex, LOADER_SPOT_PORT), 1);
	test_netns_run(own, "tc filter show dev up0 ingress | grep -q u32");
	loader_fast_close(f);
}

/* It takes a filter for egress and runs it on ingress. */
static void test_ingress_qdisc(void **state)
{
	int ifindex = if_nametoindex("up0");
	struct loader_fast *f = fast_opened(folder);
	struct loader_guard *g;

	test_netns_run(own, "tc qdisc add dev up0 ingress");
	assert_int_equal(loader_guard_new(&g, text), 0);
	for (int i = 0; i < 2; i++) {
		struct bpf_prog_info p;

		assert_int_equal(loader_guard_ensure(g, ifindex, text), -EBUSY);
		assert_non_null(strstr(text, "tc qdisc del dev"));
		assert_true(occupant(ifindex, BPF_TC_INGRESS, &p)); /* what can be guarded is */
		assert_string_equal(p.name, "weft_guard");
		assert_int_equal(loader_fast_ensure(f, ifindex, LOADER_SPOT_PORT, text), -EBUSY);
	}
	test_netns_run(own, "tc qdisc del dev up0 ingress");
	assert_int_equal(ensured(f, ifindex, LOADER_SPOT_PORT), 1);
	expect_progs(ifindex, "weft_port", "weft_port_out");
	loader_guard_free(g);
	loader_fast_close(f);
}

static void test_interface_gone(void **state)
{
	struct loader_fast *f = fast_opened(folder);

	assert_int_equal(loader_fast_ensure(f, 9999, LOADER_SPOT_PORT, text), -ENODEV);
	assert_non_null(strstr(text, "does not exist"));
	assert_int_equal(loader_fast_remove(9999, LOADER_SPOT_PORT), 0);
	assert_int_equal(loader_fast_set_dev(f, 9999, false), 0);
	assert_true(loader_fast_set_dev(f, 9999, true) < 0);
	loader_fast_close(f);
}

/* Each instance has its own tables and programs. */
static void test_two_instances(void **state)
{
	struct loader_fast *f = fast_opened(folder), *g = fast_opened(other_folder);
	int a = if_nametoindex("up0"), b;

	test_netns_veth(own, "up1", peer, "far1", 1);
	b = if_nametoindex("up1");
	assert_int_equal(ensured(f, a, LOADER_SPOT_PORT), 1);
	assert_int_equal(ensured(g, b, LOADER_SPOT_PORT), 1);
	assert_int_not_equal(prog_id(a), prog_id(b));
	assert_int_equal(ensured(f, a, LOADER_SPOT_PORT), 0);
	assert_int_equal(ensured(g, b, LOADER_SPOT_PORT), 0);
	assert_true(loader_fast_is_others(a, other_folder) && loader_fast_is_others(b, folder));
	assert_false(loader_fast_is_others(a, folder) || loader_fast_is_others(b, other_folder));
	loader_fast_close(f);
	fast_forget(folder);
	assert_false(loader_fast_is_others(a, other_folder)); /* nobody's any more */
	assert_int_equal(ensured(g, b, LOADER_SPOT_PORT), 0);
	expect_progs(a, "weft_port", "weft_port_out"); /* keeps its tables in memory */
	loader_fast_close(g);
	test_netns_run(own, "ip link del up1");
}

/* ---- the uplink's XDP program with the tables ---- */

static struct loader_uplink *uplink_attached(
	struct loader_fast *f, struct loader_uplink_info *ret_info)
{
	struct loader_uplink *u = NULL;
	int error = loader_uplink_attach(if_nametoindex("up0"), f, &u, text);

	if (error != 0)
		print_message("%s\n", text);
	assert_int_equal(error, 0);
	loader_uplink_info(u, ret_info);
	return u;
}

static void test_uplink_shares_tables(void **state)
{
	struct loader_fast *f = fast_opened(folder);
	struct loader_uplink_info first, info;
	struct loader_uplink *u = uplink_attached(f, &first);

	assert_true(first.new_maps);
	loader_uplink_release(u);
	loader_fast_close(f);

	f = fast_opened(folder);
	u = uplink_attached(f, &info);
	assert_true(info.adopted && !info.new_maps && !info.replaced);
	assert_int_equal(info.prog_id, first.prog_id);
	assert_true(loader_fast_is_others(info.ifindex, other_folder));
	assert_false(loader_fast_is_others(info.ifindex, folder));
	loader_uplink_release(u);
	loader_fast_close(f);

	/* other tables: another program, which keeps the sockets */
	fast_forget(folder);
	f = fast_opened(folder);
	u = uplink_attached(f, &info);
	assert_true(info.replaced && !info.adopted && !info.new_maps);
	loader_uplink_release(u);
	loader_fast_close(f);

	/* none: as with others; then nothing changes any more */
	u = uplink_attached(NULL, &info);
	assert_true(info.replaced && !info.new_maps);
	loader_uplink_release(u);
	u = uplink_attached(NULL, &info);
	assert_true(info.adopted && !info.new_maps);
	assert_int_equal(loader_uplink_detach(u), 0);
}

/* ---- figures ---- */

static const struct loader_prog *find_prog(const struct loader_prog *progs, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(progs[i].name, name) == 0)
			return &progs[i];
	fail_msg("no program %s", name);
	return NULL;
}

static void test_figures(void **state)
{
	struct loader_fast *f = fast_opened(folder);
	struct loader_prog progs[8];
	const struct loader_prog *p;
	struct loader_uplink_info info;
	struct loader_uplink *u;
	int fd, n;

	assert_int_equal(loader_fast_programs(f, progs, 8), 4);
	assert_int_equal(loader_fast_programs(f, progs, 2), 2);
	assert_int_equal(ensured(f, if_nametoindex("up0"), LOADER_SPOT_PORT), 1);
	fd = loader_run_time();
	assert_true(fd >= 0);
	test_netns_run(peer, "ip addr add 192.0.2.2/24 dev far0; "
			     "ip neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev far0; "
			     "ping -q -c3 -i0.01 -W1 192.0.2.1 >/dev/null; true");
	close(fd);
	n = loader_fast_programs(f, progs, 8);
	p = find_prog(progs, n, "weft_port");
	assert_true(p->n_insns > 100 && p->n_verified >= p->n_insns / 2);
	assert_int_equal(p->n.misses[WEFT_BPF_MISS_NOT_READY], 3);
	assert_int_equal(p->n.hits + p->n.passed + p->n.dropped, 0);
	assert_int_equal(p->run_count, 6); /* each miss comes by twice */
	assert_true(p->run_ns > 0);
	assert_int_equal(p->id, prog_id(if_nametoindex("up0")));
	assert_int_equal(find_prog(progs, n, "weft_deliver")->run_count, 0);

	u = uplink_attached(f, &info);
	n = loader_fast_programs(f, progs, 8);
	assert_int_equal(n, 5);
	assert_int_equal(find_prog(progs, n, "weft_uplink")->id, info.prog_id);
	assert_int_equal(loader_uplink_detach(u), 0);
	assert_int_equal(loader_fast_programs(f, progs, 8), 4);
	loader_fast_close(f);
}

static void test_vteps(void **state)
{
	struct loader_fast *f = fast_opened(folder);
	struct weft_addr many[WEFT_BPF_MAX_VTEPS + 1];

	for (unsigned int i = 0; i <= WEFT_BPF_MAX_VTEPS; i++)
		many[i] = weft_addr_from_v4((uint8_t[]){10, 0, 0, i});
	assert_int_equal(loader_fast_set_vteps(f, many, WEFT_BPF_MAX_VTEPS, text), 0);
	assert_int_equal(loader_fast_set_vteps(f, many, WEFT_BPF_MAX_VTEPS + 1, text), -E2BIG);
	assert_int_equal(loader_fast_set_vteps(f, many + 1, 1, text), 0);
	loader_fast_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_programs_take_the_guards_place, fast_make_pair, fast_clean_up),
		cmocka_unit_test_setup_teardown(test_uplink_spots, fast_make_pair, fast_clean_up),
		cmocka_unit_test_setup_teardown(
			test_restart_keeps_programs, fast_make_pair, fast_clean_up),
		cmocka_unit_test_setup_teardown(
			test_what_others_took_off_comes_back, fast_make_pair, fast_clean_up),
		cmocka_unit_test_setup_teardown(
			test_closed_without_clsact, fast_make_pair, fast_clean_up),
		cmocka_unit_test_setup_teardown(
			test_foreign_filters_are_left_alone, fast_make_pair, fast_clean_up),
		cmocka_unit_test_setup_teardown(test_ingress_qdisc, fast_make_pair, fast_clean_up),
		cmocka_unit_test_teardown(test_interface_gone, fast_clean_up),
		cmocka_unit_test_setup_teardown(test_two_instances, fast_make_pair, fast_clean_up),
		cmocka_unit_test_setup_teardown(
			test_uplink_shares_tables, fast_make_pair, fast_clean_up),
		cmocka_unit_test_setup_teardown(test_figures, fast_make_pair, fast_clean_up),
		cmocka_unit_test_teardown(test_vteps, fast_clean_up),
	};

	return cmocka_run_group_tests_name("fast", tests, fast_set_up, fast_tear_down);
}
