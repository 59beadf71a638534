/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast path's tables on a BPF file system of their own: made, kept, taken up again, and where
 * that is refused.
 */
#include <errno.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/libbpf.h>

#include <weft_bpf/session.h>
#include <weft_bpf/tunnel.h>

#include "fast_bed.h"
#include "test_netns.h"

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

static void test_new_tables(void **state)
{
	struct loader_fast *f = fast_opened(folder), *g = fast_opened(other_folder);
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
	for (unsigned int i = 0; i < WEFT_FASTPATH_MAPS; i++)
		assert_true(fds[i] >= 0);
	loader_fast_close(g);
	loader_fast_close(f);
}

static void test_tables_outlive_who_made_them(void **state)
{
	struct loader_fast *f = fast_opened(folder);
	struct loader_fast_info first = info_of(f), second;
	struct weft_bpf_control c = control_of(f), d;
	size_t size = first.n_dirs * sizeof(struct weft_bpf_dir);
	struct weft_bpf_dir *dirs = memory_of(f, WEFT_FASTPATH_DIRS, size);

	dirs[first.n_dirs - 1].owner = 4711;
	munmap(dirs, size);
	loader_fast_close(f);
	f = fast_opened(folder);
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
	fast_forget(folder);
	f = fast_opened(folder);
	assert_false(info_of(f).adopted);
	loader_fast_close(f);
}

/* Only what is there, without programs: while the fast path is switched off. */
static void test_only_kept_tables(void **state)
{
	const struct loader_fast_config config = {
		.folder = folder, .n_sessions = 7 * N_SESSIONS, .only_kept = true};
	struct loader_fast *f = NULL;
	struct loader_prog progs[8];
	uint64_t id;

	assert_int_equal(loader_fast_open(&config, &f, text), -ENOENT);
	assert_non_null(strstr(text, folder));
	assert_int_equal(access(folder, F_OK), -1);
	f = fast_opened(folder);
	id = info_of(f).id;
	loader_fast_close(f);
	assert_int_equal(loader_fast_open(&config, &f, text), 0);
	assert_true(info_of(f).adopted && info_of(f).id == id);
	assert_int_equal(info_of(f).n_dirs, 2 * (N_SESSIONS + 1));
	assert_int_equal(loader_fast_programs(f, progs, 8), 0);
	loader_fast_close(f);
	f = fast_opened(folder);
	assert_true(info_of(f).adopted && info_of(f).id == id);
	loader_fast_close(f);
	/* A part is missing: nothing is made, and nothing is taken away. */
	test_netns_run(own, "rm %s/v*/weft_dirs", folder);
	assert_int_equal(loader_fast_open(&config, &f, text), -ENOENT);
	test_netns_run(own, "test -e %1$s/v*/weft_buckets && ! test -e %1$s/v*/weft_dirs", folder);
}

static void test_one_process_at_a_time(void **state)
{
	struct loader_fast *f = fast_opened(folder);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		const struct loader_fast_config config = {folder, N_SESSIONS, false};
		struct loader_fast *g;
		int error = loader_fast_open(&config, &g, text);

		_exit(error == -EBUSY && strstr(text, "--bpf-dir") ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	loader_fast_close(f);
	f = fast_opened(folder); /* what it refused did no harm */
	assert_true(info_of(f).adopted);
	loader_fast_close(f);
}

static void test_lock_ends_with_its_process(void **state)
{
	const struct loader_fast_config config = {folder, N_SESSIONS, false};
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
	f = fast_opened(folder);
	assert_true(info_of(f).adopted);
	loader_fast_close(f);
}

static uint64_t id_after(const char *command)
{
	struct loader_fast *f;
	uint64_t id;

	test_netns_run(own, command, folder);
	f = fast_opened(folder);
	id = info_of(f).id;
	loader_fast_close(f);
	return id;
}

/* From an interface, to it, both, neither. */
static void test_sessions_of_an_interface_go(void **state)
{
	static const struct {
		uint32_t scope, out;
		bool goes;
	} dirs[] = {{0x80000005, 0, true}, {42, 5, true}, {0x80000005, 5, true},
		{0x80000006, 7, false}, {5, 0, false}};
	struct loader_fast *f = fast_opened(folder);
	struct loader_fast_info info = info_of(f);
	size_t buckets_size = info.n_buckets * sizeof(struct weft_bpf_bucket);
	size_t dirs_size = info.n_dirs * sizeof(struct weft_bpf_dir);
	struct weft_bpf_bucket *b = memory_of(f, WEFT_FASTPATH_BUCKETS, buckets_size);
	struct weft_bpf_dir *d = memory_of(f, WEFT_FASTPATH_DIRS, dirs_size);
	const uint32_t last = info.n_buckets - 1;

	for (uint32_t i = 0; i < 5; i++) {
		d[i + 1].key.scope = dirs[i].scope;
		d[i + 1].d.out_ifindex = dirs[i].out;
		b[last].place[i] = weft_bpf_place(99 + i, i + 1);
	}
	b[0].place[3] = weft_bpf_place(7, info.n_dirs); /* leads nowhere */
	assert_int_equal(loader_fast_drop_interface(f, 5), 0);
	for (uint32_t i = 0; i < 5; i++)
		assert_true(b[last].place[i] == (dirs[i].goes ? 0 : weft_bpf_place(99 + i, i + 1)));
	assert_true(b[0].place[3] == weft_bpf_place(7, info.n_dirs));
	munmap(b, buckets_size);
	munmap(d, dirs_size);
	loader_fast_close(f);
}

/* Its number is given again: to whatever interface that is, tunnels would bring it packets. */
static void test_tunnels_of_an_interface_go(void **state)
{
	static const uint32_t slots[] = {1, 2, WEFT_MAX_VTEPS - 1};
	struct loader_fast *f = fast_opened(folder);
	size_t size = WEFT_MAX_VTEPS * sizeof(struct weft_bpf_tunnel);
	struct weft_bpf_tunnel *t = memory_of(f, WEFT_FASTPATH_TUNNELS, size);

	for (unsigned int i = 0; i < 3; i++)
		t[slots[i]].uplink_ifindex = i == 1 ? 6 : 5;
	assert_int_equal(loader_fast_drop_interface(f, 5), 0);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(t[slots[i]].uplink_ifindex, i == 1 ? 6 : 0);
	munmap(t, size);
	loader_fast_close(f);
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
}

/* Who may rename what is on the way could put tables of his own there. */
static void test_folders_of_others(void **state)
{
	static const char *const bad[] = {"chmod 0777 %1$s", "chmod 1777 %1$s", "chmod 0770 %1$s",
		"chown 65534 %1$s", "chmod 0777 %1$s/..", "chown 65534 %1$s/..",
		"mv %1$s %1$s-of-others; ln -s %1$s-of-others %1$s"};

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		test_netns_run(own, "mkdir -p -m 0700 %s/.. %s", folder, folder);
		test_netns_run(own, bad[i], folder);
		assert_int_equal(open_error(folder), -EACCES);
		assert_non_null(strstr(text, "weftd's own"));
		test_netns_run(own, "rm -rf %s/weft", bpffs);
	}
	/* others may make new names, and change none */
	test_netns_run(own, "chmod 1777 %s; mkdir -m 1777 %s/weft", bpffs, bpffs);
	loader_fast_close(fast_opened(folder));
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
		const struct loader_fast_config config = {folder, N_SESSIONS, false};
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_new_tables, fast_clean_up),
		cmocka_unit_test_teardown(test_tables_outlive_who_made_them, fast_clean_up),
		cmocka_unit_test_teardown(test_only_kept_tables, fast_clean_up),
		cmocka_unit_test_teardown(test_one_process_at_a_time, fast_clean_up),
		cmocka_unit_test_teardown(test_lock_ends_with_its_process, fast_clean_up),
		cmocka_unit_test_teardown(test_sessions_of_an_interface_go, fast_clean_up),
		cmocka_unit_test_teardown(test_tunnels_of_an_interface_go, fast_clean_up),
		cmocka_unit_test_teardown(test_damaged_tables_are_made_anew, fast_clean_up),
		cmocka_unit_test_teardown(test_other_layout_is_left_alone, fast_clean_up),
		cmocka_unit_test_teardown(test_folders_that_cannot_be, fast_clean_up),
		cmocka_unit_test_teardown(test_folders_of_others, fast_clean_up),
		cmocka_unit_test_teardown(test_refused_by_the_kernel, fast_clean_up),
	};

	return cmocka_run_group_tests_name("fast_tables", tests, fast_set_up, fast_tear_down);
}
