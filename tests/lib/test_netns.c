/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test_netns.h"

static void die(const char *what)
{
	printf("test_netns: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int current(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("opening the namespace");
	return fd;
}

int test_netns_own(void)
{
	if (unshare(CLONE_NEWNET) < 0) {
		printf("skipped: no network namespace of its own: %s (run as root)\n",
			strerror(errno));
		exit(77);
	}
	return current();
}

int test_netns_new(void)
{
	int here = current(), there;

	if (unshare(CLONE_NEWNET) < 0)
		die("unshare");
	there = current();
	test_netns_enter(here);
	close(here);
	return there;
}

void test_netns_enter(int ns)
{
	if (setns(ns, CLONE_NEWNET) < 0)
		die("setns");
}

static int run(int ns, const char *command)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		if (setns(ns, CLONE_NEWNET) < 0)
			_exit(126);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) < 0)
		die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int test_netns_try(int ns, const char *format, ...)
{
	char command[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return run(ns, command);
}

void test_netns_run(int ns, const char *format, ...)
{
	char command[1024];
	va_list args;
	int status;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	status = run(ns, command);
	if (status != 0) {
		printf("test_netns: exit status %d: %s\n", status, command);
		exit(1);
	}
}

void test_netns_veth(int ns_a, const char *name_a, int ns_b, const char *name_b, int n_queues)
{
	int ns[] = {ns_a, ns_b};

	for (int i = 0; i < 2; i++)
		test_netns_run(ns[i], "for f in all default; do echo 1 > "
				      "/proc/sys/net/ipv6/conf/$f/disable_ipv6; done");
	test_netns_run(ns_a,
		"ip link add %s numrxqueues %d numtxqueues %d type veth peer name %s "
		"numrxqueues %d numtxqueues %d netns /proc/%d/fd/%d && ip link set %s up",
		name_a, n_queues, n_queues, name_b, n_queues, n_queues, getpid(), ns_b, name_a);
	test_netns_run(ns_b, "ip link set %s up", name_b);
}
