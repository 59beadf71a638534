/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast path's loader on real interfaces and a BPF file system of its own: tables made, kept and
 * taken up, programs in place of the guard and the reverse, and what is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <loader/loader.h>
#include <weft_bpf/guard.h>
#include <weft_bpf/session.h>

#include "test_netns.h"

#define N_SESSIONS 1000

static int own, peer;
static char text[LOADER_TEXT_SIZE];
static char bpffs[] = "/tmp/weft-test-fast-XXXXXX";
static char folder[64], other_folder[64];

static struct loader_fast *opened(const char *path)
{
	const struct loader_fast_config config = {.folder = path, .n_sessions = N_SESSIONS};
	struct loader_fast *f = NULL;
	int error = loader_fast_open(&config, &f, text);

	if (error != 0)
		print_message("%s\n", text);
	assert_int_equal(error, 0);
	assert_string_equal(text, "");
	return f;
}

static int open_error(const char *path)
{
	const struct loader_fast_config config = {.folder = path, .n_sessions = N_SESSIONS};
	struct loader_fast *f = NULL;
	int error = loader_fast_open(&config, &f, text);

	assert_null(f);
	assert_string_not_equal(text, "");
	return error;
}

static struct loader_fast_info info_of(const struct loader_fast *f)
{
	struct loader_fast_info info;

	loader_fast_info(f, &info);
	return info;
}

static void *memory_of(const struct loader_fast *f, enum weft_fastpath_map map, size_t size)
{
	int fds[WEFT_FASTPATH_MAPS];
	void *memory;

	loader_fast_fds(f, fds);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fds[map], 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	return memory;
}

static struct weft_bpf_control control_of(const struct loader_fast *f)
{
	struct weft_bpf_control *c = memory_of(f, WEFT_FASTPATH_CONTROL, sizeof(*c)), ret = *c;

	munmap(c, sizeof(*c));
	return ret;
}

/* ---- what is on an interface ---- */

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

static int make_pair(void **state)
{
	test_netns_veth(own, "up0", peer, "far0", 1);
	return 0;
}

static int clean_up(void **state)
{
	test_netns_try(own, "ip link del up0 2>/dev/null");
	assert_int_equal(loader_fast_forget(folder, text), 0);
	assert_int_equal(loader_fast_forget(other_folder, text), 0);
	return 0;
}

/* ---- tables ---- */

static void test_new_tables(void **state)
{
	struct loader_fast *f = opened(folder), *g = opened(other_folder);
	struct loader_fast_info info = info_of(f), other = info_of(g);
	struct weft_bpf_control c = control_of(f), d = control_of(g);
	int fds[WEFT_FASTPATH_MAPS];

	assert_false(info.adopted);
	assert_int_equal(info.n_cpus, libbpf_num_possible_cpus());
	assert_true(info.n_dirs >= 2 * N_SESSIONS);
	assert_true(info.n_buckets * WEFT_BPF_PLACES >= 4 * N_SESSIONS);
	assert_int_equal(info.n_buckets & (info.n_buckets - 1), 0);
	assert_int_equal(c.layout, 0); /* nobody has taken them over */
	assert_int_equal(c.n_cpus, info.n_cpus);
	assert_int_not_equal(c.mark, 0);
	assert_int_not_equal(c.mark, d.mark);
	assert_memory_not_equal(c.hash_seed, d.hash_seed, sizeof(c.hash_seed));
	assert_true(info.id != other.id);
	loader_fast_fds(f, fds);
	for (unsigned int i = 0; i < WEFT_FASTPATH_TRACE; i++)
		assert_true(fds[i] >= 0);
	loader_fast_close(g);
	loader_fast_close(f);
}

static void test_tables_outlive_who_made_them(void **state)
{
	struct loader_fast *f = opened(folder);
	struct loader_fast_info first = info_of(f), second;
	struct weft_bpf_control c = control_of(f), d;
	size_t size = first.n_dirs * sizeof(struct weft_bpf_dir);
	struct weft_bpf_dir *dirs = memory_of(f, WEFT_FASTPATH_DIRS, size);

	dirs[first.n_dirs - 1].owner = 4711;
	munmap(dirs, size);
	loader_fast_close(f);
	f = opened(folder);
	second = info_of(f);
	d = control_of(f);
	assert_true(second.adopted);
	assert_true(second.id == first.id);
	assert_int_equal(second.n_dirs, first.n_dirs);
	assert_int_equal(second.n_buckets, first.n_buckets);
	assert_memory_equal(&c, &d, sizeof(c));
	dirs = memory_of(f, WEFT_FASTPATH_DIRS, size);
	assert_int_equal(dirs[first.n_dirs - 1].owner, 4711);
	munmap(dirs, size);
	loader_fast_close(f);
	assert_int_equal(loader_fast_forget(folder, text), 0);
	assert_int_equal(access(folder, F_OK), -1);
	f = opened(folder);
	assert_false(info_of(f).adopted);
	loader_fast_close(f);
}

static void test_one_process_at_a_time(void **state)
{
	struct loader_fast *f = opened(folder);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		const struct loader_fast_config config = {folder, N_SESSIONS};
		struct loader_fast *g;
		int error = loader_fast_open(&config, &g, text);

		_exit(error == -EBUSY && strstr(text, "--bpf-dir") &&
					loader_fast_forget(folder, text) == -EBUSY
				? 0
				: 1);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	loader_fast_close(f);
	f = opened(folder); /* what it refused did no harm */
	assert_true(info_of(f).adopted);
	loader_fast_close(f);
}

static void test_lock_ends_with_its_process(void **state)
{
	const struct loader_fast_config config = {folder, N_SESSIONS};
	struct loader_fast *f;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (loader_fast_open(&config, &f, text) == 0)
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status));
	f = opened(folder);
	assert_true(info_of(f).adopted);
	loader_fast_close(f);
}

static uint64_t id_after(const char *command)
{
	struct loader_fast *f;
	uint64_t id;

	test_netns_run(own, command, folder);
	f = opened(folder);
	id = info_of(f).id;
	loader_fast_close(f);
	return id;
}

static void test_damaged_tables_are_made_anew(void **state)
{
	uint64_t id = id_after("true %s"), next;

	assert_true(id_after("true %s") == id);
	next = id_after("rm %s/v*/weft_dirs");
	assert_true(next != id);
	id = next;
	next = id_after("rm -r %s/v*");
	assert_true(next != id);
	id = next;
	/* whoever made some died before they were complete */
	assert_true(id_after("mkdir %1$s/making; mv %1$s/v*/weft_port %1$s/making/") == id);
	next = id_after("mv %1$s/v* %1$s/making");
	assert_true(next != id);
}

static void test_other_layout_is_left_alone(void **state)
{
	uint64_t id = id_after("true %s");

	assert_true(id_after("mv %1$s/v* %1$s/v99999") != id);
	test_netns_run(own, "test -e %s/v99999/weft_control", folder);
	assert_int_equal(loader_fast_forget(folder, text), 0);
	assert_int_equal(access(folder, F_OK), -1);
}

static void test_folders_that_cannot_be(void **state)
{
	char path[256];

	assert_int_equal(open_error("/tmp/weft-test-no-bpffs/h1"), -ENODEV);
	assert_non_null(strstr(text, "mount -t bpf"));
	assert_int_equal(access("/tmp/weft-test-no-bpffs", F_OK), -1);
	assert_int_equal(open_error("weft/h1"), -EINVAL);
	snprintf(path, sizeof(path), "%s/host.example", bpffs);
	assert_int_equal(open_error(path), -EPERM);
	assert_non_null(strstr(text, "dots"));
	snprintf(path, sizeof(path), "%s/%0200d", bpffs, 0);
	assert_int_equal(open_error(path), -EINVAL);
	assert_int_equal(loader_fast_forget("/tmp/weft-test-no-bpffs/h1", text), 0);
}

static void drop_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct none[2] = {{0}};

	if (syscall(SYS_capset, &head, none) < 0)
		_exit(2);
}

/* A kernel that allows none of it: a sentence, and nothing left behind. */
static void test_refused_by_the_kernel(void **state)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		const struct loader_fast_config config = {folder, N_SESSIONS};
		struct loader_fast *f;
		int error;

		drop_capabilities();
		error = loader_fast_open(&config, &f, text);
		if (error != -EPERM || !strstr(text, "CAP_BPF"))
			printf("%d: %s\n", error, text);
		_exit(error == -EPERM && strstr(text, "CAP_BPF") ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	test_netns_run(own, "test -z \"$(ls %s)\"", folder);
}

/* ---- programs on interfaces ---- */

static void test_programs_take_the_guards_place(void **state)
{
	int ifindex = if_nametoindex("up0");
	struct loader_fast *f = opened(folder);
	struct loader_guard *g;

	assert_int_equal(loader_guard_new(&g, text), 0);
	assert_int_equal(loader_guard_ensure(g, ifindex, text), 0);
	expect_progs(ifindex, "weft_guard", "weft_guard");
	assert_int_equal(ensured(f, ifindex, LOADER_SPOT_PORT), 1);
	expect_progs(ifindex, "weft_port", "weft_port_out");
	assert_int_equal(ensured(f, ifindex, LOADER_SPOT_PORT), 0);
	/* removing guards must not take these off, nor the reverse */
	assert_int_equal(loader_guard_remove(ifindex), 0);
	expect_progs(ifindex, "weft_port", "weft_port_out");
	assert_int_equal(loader_guard_ensure(g, ifindex, text), 0);
	expect_progs(ifindex, "weft_guard", "weft_guard");
	assert_int_equal(loader_fast_remove(ifindex, LOADER_SPOT_PORT), 0);
	expect_progs(ifindex, "weft_guard", "weft_guard");
	assert_int_equal(ensured(f, ifindex, LOADER_SPOT_PORT), 1);
	assert_int_equal(loader_fast_remove(ifindex, LOADER_SPOT_PORT), 0);
	expect_progs(ifindex, NULL, NULL);
	loader_guard_free(g);
	loader_fast_close(f);
}

static void test_uplink_spots(void **state)
{
	int ifindex = if_nametoindex("up0");
	struct loader_fast *f = opened(folder);

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
	struct loader_fast *f = opened(folder);
	uint32_t id;

	assert_int_equal(ensured(f, ifindex, LOADER_SPOT_PORT), 1);
	id = prog_id(ifindex);
	loader_fast_close(f);
	expect_progs(ifindex, "weft_port", "weft_port_out");
	f = opened(folder);
	assert_int_equal(ensured(f, ifindex, LOADER_SPOT_PORT), 0);
	assert_int_equal(prog_id(ifindex), id);
	loader_fast_close(f);

	assert_int_equal(loader_fast_forget(folder, text), 0);
	f = opened(folder);
	assert_int_equal(ensured(f, ifindex, LOADER_SPOT_PORT), 1);
	assert_int_not_equal(prog_id(ifindex), id);
	loader_fast_close(f);
}

static void test_what_others_took_off_comes_back(void **state)
{
	int ifindex = if_nametoindex("up0");
	struct loader_fast *f = opened(folder);

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
	struct loader_fast *f = opened(folder);

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

static void test_interface_gone(void **state)
{
	struct loader_fast *f = opened(folder);

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
	struct loader_fast *f = opened(folder), *g = opened(other_folder);
	int a = if_nametoindex("up0"), b;

	test_netns_veth(own, "up1", peer, "far1", 1);
	b = if_nametoindex("up1");
	assert_int_equal(ensured(f, a, LOADER_SPOT_PORT), 1);
	assert_int_equal(ensured(g, b, LOADER_SPOT_PORT), 1);
	assert_int_not_equal(prog_id(a), prog_id(b));
	assert_int_equal(ensured(f, a, LOADER_SPOT_PORT), 0);
	assert_int_equal(ensured(g, b, LOADER_SPOT_PORT), 0);
	loader_fast_close(f);
	assert_int_equal(loader_fast_forget(folder, text), 0);
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
	struct loader_fast *f = opened(folder);
	struct loader_uplink_info first, info;
	struct loader_uplink *u = uplink_attached(f, &first);

	assert_true(first.new_maps);
	loader_uplink_release(u);
	loader_fast_close(f);

	f = opened(folder);
	u = uplink_attached(f, &info);
	assert_true(info.adopted && !info.new_maps && !info.replaced);
	assert_int_equal(info.prog_id, first.prog_id);
	loader_uplink_release(u);
	loader_fast_close(f);

	/* other tables: another program, which keeps the sockets */
	assert_int_equal(loader_fast_forget(folder, text), 0);
	f = opened(folder);
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
	struct loader_fast *f = opened(folder);
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
	struct loader_fast *f = opened(folder);
	struct weft_addr many[WEFT_BPF_MAX_VTEPS + 1];

	for (unsigned int i = 0; i <= WEFT_BPF_MAX_VTEPS; i++)
		many[i] = weft_addr_from_v4((uint8_t[]){10, 0, 0, i});
	assert_int_equal(loader_fast_set_vteps(f, many, WEFT_BPF_MAX_VTEPS, text), 0);
	assert_int_equal(loader_fast_set_vteps(f, many, WEFT_BPF_MAX_VTEPS + 1, text), -E2BIG);
	assert_int_equal(loader_fast_set_vteps(f, many + 1, 1, text), 0);
	loader_fast_close(f);
}

static int mount_bpffs(void **state)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		!mkdtemp(bpffs) || mount("bpf", bpffs, "bpf", 0, NULL) < 0) {
		perror("a BPF file system of its own");
		return -1;
	}
	snprintf(folder, sizeof(folder), "%s/weft/h1", bpffs);
	snprintf(other_folder, sizeof(other_folder), "%s/weft/h2", bpffs);
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
		cmocka_unit_test_teardown(test_new_tables, clean_up),
		cmocka_unit_test_teardown(test_tables_outlive_who_made_them, clean_up),
		cmocka_unit_test_teardown(test_one_process_at_a_time, clean_up),
		cmocka_unit_test_teardown(test_lock_ends_with_its_process, clean_up),
		cmocka_unit_test_teardown(test_damaged_tables_are_made_anew, clean_up),
		cmocka_unit_test_teardown(test_other_layout_is_left_alone, clean_up),
		cmocka_unit_test_teardown(test_folders_that_cannot_be, clean_up),
		cmocka_unit_test_teardown(test_refused_by_the_kernel, clean_up),
		cmocka_unit_test_setup_teardown(
			test_programs_take_the_guards_place, make_pair, clean_up),
		cmocka_unit_test_setup_teardown(test_uplink_spots, make_pair, clean_up),
		cmocka_unit_test_setup_teardown(test_restart_keeps_programs, make_pair, clean_up),
		cmocka_unit_test_setup_teardown(
			test_what_others_took_off_comes_back, make_pair, clean_up),
		cmocka_unit_test_setup_teardown(
			test_foreign_filters_are_left_alone, make_pair, clean_up),
		cmocka_unit_test_teardown(test_interface_gone, clean_up),
		cmocka_unit_test_setup_teardown(test_two_instances, make_pair, clean_up),
		cmocka_unit_test_setup_teardown(test_uplink_shares_tables, make_pair, clean_up),
		cmocka_unit_test_setup_teardown(test_figures, make_pair, clean_up),
		cmocka_unit_test_teardown(test_vteps, clean_up),
	};

	own = test_netns_own();
	peer = test_netns_new();
	libbpf_set_print(NULL);
	return cmocka_run_group_tests_name("fast", tests, mount_bpffs, unmount_bpffs);
}
