/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Network namespaces for test programs: without a name, so they vanish with the process however it
 * ends, and any number of tests run side by side.
 */
#ifndef TEST_NETNS_H
#define TEST_NETNS_H

/* Moves the program into a namespace of its own and returns its descriptor. Exits with 77 (skipped)
 * and the reason when that is not allowed. Call first, before threads exist. */
int test_netns_own(void);
/* Another namespace; the calling thread stays where it is. Fails the test program on error. */
int test_netns_new(void);
/* Moves the calling thread. */
void test_netns_enter(int ns);
/* Runs a shell command (printf format) in that namespace and returns its exit status. */
int test_netns_try(int ns, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same; fails the test program when the command fails. */
void test_netns_run(int ns, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A veth pair: name_a in ns_a, name_b in ns_b, both up, IPv6 off so that nothing talks by itself.
 */
void test_netns_veth(int ns_a, const char *name_a, int ns_b, const char *name_b, int n_queues);

#endif
