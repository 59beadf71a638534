/* SPDX-License-Identifier: BSD-3-Clause */
/* See fast_bed.h. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/libbpf.h>

#include "fast_bed.h"
#include "test_netns.h"

int own, peer;
char text[LOADER_TEXT_SIZE];
char bpffs[] = "/tmp/weft-test-fast-XXXXXX";
char folder[64], other_folder[64];

struct loader_fast *fast_opened(const char *path)
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

void fast_forget(const char *path)
{
	test_netns_run(own, "rm -rf %s", path);
}

int fast_make_pair(void **state)
{
	test_netns_veth(own, "up0", peer, "far0", 1);
	return 0;
}

int fast_clean_up(void **state)
{
	test_netns_try(own, "ip link del up0 2>/dev/null");
	fast_forget(folder);
	fast_forget(other_folder);
	return 0;
}

int fast_set_up(void **state)
{
	own = test_netns_own();
	peer = test_netns_new();
	libbpf_set_print(NULL);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		!mkdtemp(bpffs) || mount("bpf", bpffs, "bpf", 0, NULL) < 0) {
		perror("a BPF file system of its own");
		return -1;
	}
	snprintf(folder, sizeof(folder), "%s/weft/h1", bpffs);
	snprintf(other_folder, sizeof(other_folder), "%s/weft/h2", bpffs);
	return 0;
}

int fast_tear_down(void **state)
{
	umount2(bpffs, MNT_DETACH);
	return rmdir(bpffs);
}
