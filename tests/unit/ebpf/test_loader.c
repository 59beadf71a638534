/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loader on real interfaces of the running kernel, in namespaces of its own: attach, adopt,
 * replace, repair, refuse, and the guard.
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
#include <linux/if_link.h>

#include <loader/loader.h>

#include "test_netns.h"

static int own, peer;
static char text[LOADER_TEXT_SIZE];

static int make_pair(void **state)
{
	test_netns_veth(own, "up0", peer, "far0", 1);
	return 0;
}

static int drop_pair(void **state)
{
	test_netns_try(own, "ip link del up0 2>/dev/null");
	return 0;
}

static struct loader_uplink *attached(struct loader_uplink_info *info)
{
	struct loader_uplink *u = NULL;
	int error = loader_uplink_attach(if_nametoindex("up0"), NULL, &u, text);

	if (error != 0)
		print_message("%s\n", text);
	assert_int_equal(error, 0);
	loader_uplink_info(u, info);
	return u;
}

/* A program of two instructions: returns action. */
static int load_tiny(const char *name, int action)
{
	const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = action},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, name, "GPL", code, 2, NULL);

	assert_true(fd >= 0);
	return fd;
}

static uint32_t map_id(int fd)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	return info.id;
}

static void test_attach_is_native_on_veth(void **state)
{
	struct loader_uplink_info info;
	struct loader_uplink *u = attached(&info);

	assert_int_equal(info.mode, LOADER_MODE_NATIVE);
	assert_true(info.new_maps);
	assert_false(info.adopted || info.replaced);
	assert_string_equal(info.note, "");
	assert_int_equal(loader_uplink_check(u), 0);
	assert_int_equal(loader_uplink_detach(u), 0);
	assert_int_equal(test_netns_try(own, "ip link show up0 | grep -q prog/xdp"), 1);
}

static void test_restart_adopts_program_and_maps(void **state)
{
	const struct weft_addr vtep = weft_addr_from_v4("\x0a\x00\x00\x01");
	struct loader_uplink_info first, second;
	struct loader_uplink *u = attached(&first);
	int fd = loader_uplink_xsks_fd(u);
	uint32_t xsks;

	assert_true(fd >= 0);
	xsks = map_id(fd);
	close(fd);
	assert_int_equal(loader_uplink_set_vteps(u, &vtep, 1, text), 0);
	loader_uplink_release(u);

	u = attached(&second);
	assert_true(second.adopted);
	assert_false(second.new_maps || second.replaced);
	assert_int_equal(second.prog_id, first.prog_id);
	fd = loader_uplink_xsks_fd(u);
	assert_int_equal(map_id(fd), xsks);
	close(fd);
	assert_int_equal(loader_uplink_check(u), 0);
	assert_int_equal(loader_uplink_detach(u), 0);
}

static void test_other_code_of_own_name_is_replaced(void **state)
{
	int fd = load_tiny(WEFT_BPF_UPLINK_PROG, XDP_PASS);
	struct loader_uplink_info info;
	struct loader_uplink *u;

	assert_int_equal(bpf_xdp_attach(if_nametoindex("up0"), fd, XDP_FLAGS_DRV_MODE, NULL), 0);
	close(fd);
	u = attached(&info);
	assert_true(info.replaced && info.new_maps);
	assert_int_equal(loader_uplink_check(u), 0);
	assert_int_equal(loader_uplink_detach(u), 0);
}

static void test_foreign_program_is_left_alone(void **state)
{
	int fd = load_tiny("somebody", XDP_PASS), ifindex = if_nametoindex("up0");
	struct loader_uplink *u = NULL;

	assert_int_equal(bpf_xdp_attach(ifindex, fd, XDP_FLAGS_DRV_MODE, NULL), 0);
	assert_int_equal(loader_uplink_attach(ifindex, NULL, &u, text), -EBUSY);
	assert_null(u);
	assert_non_null(strstr(text, "somebody"));
	assert_non_null(strstr(text, "up0"));
	assert_non_null(strstr(text, "xdp off"));
	assert_int_equal(loader_uplink_detach_stale(ifindex, text), 0);
	assert_int_equal(test_netns_try(own, "ip link show up0 | grep -q prog/xdp"), 0);
	close(fd);
}

static void test_removed_program_is_noticed_and_repaired(void **state)
{
	struct loader_uplink_info info;
	struct loader_uplink *u = attached(&info);
	int fd;

	test_netns_run(own, "ip link set up0 xdp off");
	assert_int_equal(loader_uplink_check(u), -ENOENT);
	assert_int_equal(loader_uplink_repair(u, text), 0);
	assert_int_equal(loader_uplink_check(u), 0);

	test_netns_run(own, "ip link set up0 xdp off");
	fd = load_tiny("somebody", XDP_PASS);
	assert_int_equal(bpf_xdp_attach(if_nametoindex("up0"), fd, XDP_FLAGS_DRV_MODE, NULL), 0);
	assert_int_equal(loader_uplink_check(u), -EEXIST);
	assert_int_equal(loader_uplink_repair(u, text), -EBUSY);
	close(fd);
	/* detaching ours must not take theirs off */
	assert_int_equal(loader_uplink_detach(u), 0);
	assert_int_equal(test_netns_try(own, "ip link show up0 | grep -q prog/xdp"), 0);
}

static void test_interface_gone(void **state)
{
	struct loader_uplink_info info;
	struct loader_uplink *u = attached(&info), *none = NULL;

	test_netns_run(own, "ip link del up0");
	assert_int_equal(loader_uplink_check(u), -ENODEV);
	assert_int_equal(loader_uplink_repair(u, text), -ENODEV);
	assert_int_equal(loader_uplink_attach(info.ifindex, NULL, &none, text), -ENODEV);
	assert_non_null(strstr(text, "does not exist"));
	assert_int_equal(loader_uplink_detach_stale(info.ifindex, text), 0);
	assert_int_equal(loader_uplink_detach(u), 0);
}

static void test_generic_where_the_driver_cannot(void **state)
{
	struct loader_uplink_info info;
	struct loader_uplink *u = NULL;
	int ifindex;

	test_netns_run(own, "ip link add vx0 type vxlan id 7 dstport 9999 local 127.0.0.1");
	ifindex = if_nametoindex("vx0");
	assert_int_equal(loader_uplink_attach(ifindex, NULL, &u, text), 0);
	loader_uplink_info(u, &info);
	assert_int_equal(info.mode, LOADER_MODE_GENERIC);
	assert_non_null(strstr(info.note, "native XDP on vx0"));
	loader_uplink_release(u);
	assert_int_equal(loader_uplink_attach(ifindex, NULL, &u, text), 0);
	loader_uplink_info(u, &info);
	assert_true(info.adopted);
	assert_int_equal(info.mode, LOADER_MODE_GENERIC);
	loader_uplink_release(u);
	assert_int_equal(loader_uplink_detach_stale(ifindex, text), 0);
	assert_int_equal(test_netns_try(own, "ip link show vx0 | grep -q prog/xdp"), 1);
	test_netns_run(own, "ip link del vx0");
}

/* A descriptor of the map with that name that the program uses. */
static int map_of_prog(uint32_t prog_id, const char *name)
{
	uint32_t ids[8], len;
	struct bpf_prog_info prog = {.nr_map_ids = 8, .map_ids = (uintptr_t)ids};
	int fd = bpf_prog_get_fd_by_id(prog_id);

	len = sizeof(prog);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &prog, &len), 0);
	close(fd);
	for (uint32_t i = 0; i < prog.nr_map_ids; i++) {
		struct bpf_map_info map = {0};

		fd = bpf_map_get_fd_by_id(ids[i]);
		len = sizeof(map);
		assert_int_equal(bpf_obj_get_info_by_fd(fd, &map, &len), 0);
		if (strcmp(map.name, name) == 0)
			return fd;
		close(fd);
	}
	fail_msg("no map %s", name);
	return -1;
}

static void test_vteps_are_replaced_as_a_set(void **state)
{
	struct loader_uplink_info info;
	struct loader_uplink *u = attached(&info);
	int fd = map_of_prog(info.prog_id, WEFT_BPF_VTEPS_MAP), n_found = 0;
	struct weft_addr many[WEFT_BPF_MAX_VTEPS + 1];
	uint32_t value;

	for (unsigned int i = 0; i <= WEFT_BPF_MAX_VTEPS; i++)
		many[i] = weft_addr_from_v4((uint8_t[]){10, 0, 0, i});
	assert_int_equal(loader_uplink_set_vteps(u, many, WEFT_BPF_MAX_VTEPS + 1, text), -E2BIG);
	assert_int_equal(loader_uplink_set_vteps(u, many, 40, text), 0);
	assert_int_equal(loader_uplink_set_vteps(u, many + 39, 2, text), 0);
	for (unsigned int i = 0; i <= WEFT_BPF_MAX_VTEPS; i++)
		n_found += bpf_map_lookup_elem(fd, &many[i], &value) == 0;
	assert_int_equal(n_found, 2);
	assert_int_equal(bpf_map_lookup_elem(fd, &many[39], &value), 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &many[40], &value), 0);
	close(fd);
	assert_int_equal(loader_uplink_detach(u), 0);
}

static void test_guard(void **state)
{
	int ifindex = if_nametoindex("up0");
	struct loader_guard *g;

	test_netns_run(own, "ip addr add 192.0.2.1/24 dev up0");
	test_netns_run(peer, "ip addr add 192.0.2.2/24 dev far0");
	test_netns_run(peer, "ping -q -c1 -W2 192.0.2.1 >/dev/null");
	assert_int_equal(loader_guard_new(&g, text), 0);
	assert_int_equal(loader_guard_ensure(g, ifindex, text), 1);
	assert_int_equal(loader_guard_ensure(g, ifindex, text), 0);
	assert_int_not_equal(test_netns_try(peer, "ping -q -c1 -W1 192.0.2.1 >/dev/null"), 0);
	/* the host's stack can't reach the tenant either */
	assert_int_not_equal(test_netns_try(own, "ping -q -c1 -W1 192.0.2.2 >/dev/null"), 0);
	loader_guard_free(g);
	assert_int_not_equal(test_netns_try(peer, "ping -q -c1 -W1 192.0.2.1 >/dev/null"), 0);
	assert_int_equal(loader_guard_new(&g, text), 0);
	/* somebody took one of the two off */
	assert_int_equal(loader_guard_ensure(g, ifindex, text), 0);
	test_netns_run(own, "tc filter del dev up0 egress");
	assert_int_equal(loader_guard_ensure(g, ifindex, text), 1);
	test_netns_run(own, "tc filter del dev up0 ingress");
	assert_int_equal(loader_guard_ensure(g, ifindex, text), 1);
	assert_int_equal(loader_guard_remove(ifindex), 0);
	assert_int_equal(loader_guard_remove(ifindex), 0);
	test_netns_run(peer, "ping -q -c1 -W2 192.0.2.1 >/dev/null");
	assert_int_equal(loader_guard_ensure(g, 9999, text), -ENODEV);
	assert_int_equal(loader_guard_remove(9999), 0);
	loader_guard_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_attach_is_native_on_veth, make_pair, drop_pair),
		cmocka_unit_test_setup_teardown(
			test_restart_adopts_program_and_maps, make_pair, drop_pair),
		cmocka_unit_test_setup_teardown(
			test_other_code_of_own_name_is_replaced, make_pair, drop_pair),
		cmocka_unit_test_setup_teardown(
			test_foreign_program_is_left_alone, make_pair, drop_pair),
		cmocka_unit_test_setup_teardown(
			test_removed_program_is_noticed_and_repaired, make_pair, drop_pair),
		cmocka_unit_test_setup_teardown(test_interface_gone, make_pair, drop_pair),
		cmocka_unit_test(test_generic_where_the_driver_cannot),
		cmocka_unit_test_setup_teardown(
			test_vteps_are_replaced_as_a_set, make_pair, drop_pair),
		cmocka_unit_test_setup_teardown(test_guard, make_pair, drop_pair),
	};

	own = test_netns_own();
	peer = test_netns_new();
	return cmocka_run_group_tests_name("loader", tests, NULL, NULL);
}
