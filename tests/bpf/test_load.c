/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every program with every kind of tables and at every place where it may be put, on the running
 * kernel, by the loader that weftd uses. Prints what the verifier did, so that the costs of kernels
 * can be compared. Needs root and nothing else: no tools, no devices but those that it makes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <loader/loader.h>
#include <weft/limits.h>

#include "../lib/test_netns.h"
#include "tc_deliver.skel.h"
#include "tc_guard.skel.h"
#include "tc_port.skel.h"
#include "tc_uplink.skel.h"
#include "xdp_uplink.skel.h"

#define LOOPBACK    1
#define TCX_INGRESS ((enum bpf_attach_type)46) /* BPF_TCX_INGRESS; the headers may be older */
/* The kernel gives up at a million; far below it, other kernels don't either. */
#define VERIFIED_MAX 200000

static char text[LOADER_TEXT_SIZE];
static char bpffs[] = "/tmp/weft-test-load-XXXXXX";

/* A device whose driver takes XDP programs, with no tool but a descriptor. Its index, or 0. */
static int make_tap(void)
{
	struct ifreq r = {.ifr_name = "tap0", .ifr_flags = IFF_TAP | IFF_NO_PI};
	static int fd, sock;

	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r) < 0)
		return 0;
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return ioctl(sock, SIOCGIFINDEX, &r) < 0 ? 0 : r.ifr_ifindex;
}

static void print_prog(const char *how, const struct bpf_program *prog)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len), 0);
	printf("%-14s %-14s %5zu instructions, %6u verified, %5u bytes of machine code\n",
		info.name, how, info.xlated_prog_len / sizeof(struct bpf_insn), info.verified_insns,
		info.jited_prog_len);
	assert_true(info.verified_insns < VERIFIED_MAX);
	assert_true(info.jited_prog_len > 0);
}

enum tables {
	AS_DECLARED,
	SMALLEST, /* one element each: of a program that shares none */
	LARGEST,
	TABLES,
};
static const char *const tables_names[TABLES] = {"as declared", "smallest", "largest"};

static void set_sizes(struct bpf_object *obj, enum tables tables)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj)
	{
		const char *name = bpf_map__name(map);

		/* constants would be code that is not in the program's tag */
		assert_false(bpf_map__is_internal(map));
		if (tables == SMALLEST && bpf_map__type(map) == BPF_MAP_TYPE_ARRAY)
			assert_int_equal(bpf_map__set_max_entries(map, 1), 0);
		if (tables == LARGEST && strcmp(name, WEFT_BPF_PORT_CNT_MAP) == 0)
			assert_int_equal(bpf_map__set_max_entries(
						 map, WEFT_MAX_PORTS * libbpf_num_possible_cpus()),
				0);
	}
}

static const struct {
	const void *(*bytes)(size_t *ret_size);
	const char *name;
} objects[] = {
	{tc_guard__elf_bytes, "tc_guard"},
	{tc_port__elf_bytes, "tc_port"},
	{tc_uplink__elf_bytes, "tc_uplink"},
	{tc_deliver__elf_bytes, "tc_deliver"},
	{xdp_uplink__elf_bytes, "xdp_uplink"},
};

static void load(unsigned int i, enum tables tables)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = objects[i].name);
	struct bpf_program *prog;
	struct bpf_object *obj;
	const void *bytes;
	size_t size;

	bytes = objects[i].bytes(&size);
	obj = bpf_object__open_mem(bytes, size, &opts);
	assert_non_null(obj);
	set_sizes(obj, tables);
	assert_int_equal(bpf_object__load(obj), 0);
	bpf_object__for_each_program(prog, obj) print_prog(tables_names[tables], prog);
	bpf_object__close(obj);
}

static void test_programs(void **state)
{
	for (unsigned int i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		for (enum tables t = 0; t < TABLES; t++)
			load(i, t);
}

static struct loader_fast *fast_opened(const char *name, uint32_t n_sessions)
{
	char folder[64];
	const struct loader_fast_config config = {.folder = folder, .n_sessions = n_sessions};
	struct loader_fast *f = NULL;
	int error;

	snprintf(folder, sizeof(folder), "%s/%s", bpffs, name);
	error = loader_fast_open(&config, &f, text);
	if (error < 0)
		printf("%s\n", text);
	assert_int_equal(error, 0);
	return f;
}

/* As weftd loads them. */
static void test_loader(void **state)
{
	static const uint32_t n_sessions[] = {1, 65536, 65537};

	for (unsigned int i = 0; i < 3; i++) {
		struct loader_prog progs[WEFT_BPF_PROG_N];
		struct loader_fast_info info;
		struct loader_fast *f;
		char name[16];
		int n;

		snprintf(name, sizeof(name), "n%u", n_sessions[i]);
		f = fast_opened(name, n_sessions[i]);
		loader_fast_info(f, &info);
		n = loader_fast_programs(f, progs, WEFT_BPF_PROG_N);
		assert_int_equal(n, 4);
		for (int p = 0; p < n; p++)
			printf("%-14s %u sessions: %u instructions, %u verified\n", progs[p].name,
				n_sessions[i], progs[p].n_insns, progs[p].n_verified);
		assert_true(info.n_dirs >= 2 * n_sessions[i]);
		loader_fast_close(f);
	}
}

static bool has_tcx(void)
{
	unsigned int major, minor;
	struct utsname u;

	uname(&u);
	assert_int_equal(sscanf(u.release, "%u.%u", &major, &minor), 2);
	return major > 6 || (major == 6 && minor >= 6);
}

/* n: programs on the loopback's ingress by tcx, where the kernel has it. */
static void expect_tcx(uint32_t n)
{
	LIBBPF_OPTS(bpf_prog_query_opts, opts);
	int error = bpf_prog_query_opts(LOOPBACK, TCX_INGRESS, &opts);

	assert_int_equal(error, has_tcx() ? 0 : -EINVAL);
	assert_int_equal(opts.prog_cnt, has_tcx() ? n : 0);
}

static void test_tc_places(void **state)
{
	struct loader_fast *f = fast_opened("tc", 1024);
	struct loader_guard *g;

	printf("tcx: %s\n", has_tcx() ? "yes" : "no");
	expect_tcx(0);
	assert_int_equal(loader_guard_new(&g, text), 0);
	assert_int_equal(loader_guard_ensure(g, LOOPBACK, text), 1);
	expect_tcx(1);
	assert_int_equal(loader_fast_ensure(f, LOOPBACK, LOADER_SPOT_PORT, text), 1);
	expect_tcx(1);
	assert_int_equal(loader_guard_ensure(g, LOOPBACK, text), 1);
	for (enum loader_spot spot = LOADER_SPOT_PORT; spot <= LOADER_SPOT_DELIVER; spot++) {
		assert_int_equal(loader_fast_ensure(f, LOOPBACK, spot, text), 1);
		assert_int_equal(loader_fast_ensure(f, LOOPBACK, spot, text), 0);
		assert_int_equal(loader_guard_ensure(g, LOOPBACK, text), 1);
	}
	assert_int_equal(loader_guard_remove(LOOPBACK), 0);
	expect_tcx(0);
	loader_guard_free(g);
	loader_fast_close(f);
}

static void expect_xdp(int ifindex, struct loader_fast *f, enum loader_mode mode)
{
	struct loader_uplink_info info;
	struct loader_uplink *u;

	if (loader_uplink_attach(ifindex, f, &u, text) < 0) {
		printf("%s\n", text);
		fail();
	}
	loader_uplink_info(u, &info);
	assert_int_equal(info.mode, mode);
	assert_int_equal(loader_uplink_check(u), 0);
	assert_int_equal(loader_uplink_detach(u), 0);
}

static void test_xdp_places(void **state)
{
	struct loader_fast *f = fast_opened("xdp", 1024);
	int tap = make_tap();

	expect_xdp(LOOPBACK, NULL, LOADER_MODE_GENERIC);
	expect_xdp(LOOPBACK, f, LOADER_MODE_GENERIC);
	if (tap) {
		expect_xdp(tap, NULL, LOADER_MODE_NATIVE);
		expect_xdp(tap, f, LOADER_MODE_NATIVE);
	} else {
		printf("no native XDP: no /dev/net/tun here\n");
	}
	loader_fast_close(f);
}

static int mount_bpffs(void **state)
{
	struct utsname u;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		!mkdtemp(bpffs) || mount("bpf", bpffs, "bpf", 0, NULL) < 0) {
		perror("a BPF file system of its own");
		return -1;
	}
	uname(&u);
	printf("Linux %s, %d CPUs\n", u.release, libbpf_num_possible_cpus());
	return 0;
}

static int unmount_bpffs(void **state)
{
	umount2(bpffs, MNT_DETACH);
	return rmdir(bpffs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_loader),
		cmocka_unit_test(test_tc_places),
		cmocka_unit_test(test_xdp_places),
	};

	test_netns_own();
	return cmocka_run_group_tests_name("load", tests, mount_bpffs, unmount_bpffs);
}
