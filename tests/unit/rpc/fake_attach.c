/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast path as the RPC server sees it, without a kernel (fake_attach.h).
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rpc/rpc.h>

#include "fake_attach.h"

struct attach {
	struct attach_fast_status status;
	char problem[ATTACH_TEXT_SIZE];
	struct weft_port port, uplink;
	uint64_t n_packets;
	unsigned int n_asked;
};

static struct attach fake = {
	.status = {.state = ATTACH_FAST_OFF, .problem = "", .folder = "/sys/fs/bpf/weft/h1"}};

struct attach *fake_attach_get(void)
{
	return &fake;
}

void fake_attach_on(uint32_t port, unsigned int n_packets)
{
	fake.status.state = ATTACH_FAST_ON;
	fake.status.problem = "";
	fake.port = (struct weft_port){.id = port, .device = "c1"};
	fake.uplink = (struct weft_port){
		.id = COMPILE_UPLINK_ID, .role = WEFT_ROLE_UPLINK, .device = "eth1"};
	fake.n_packets = n_packets;
}

void fake_attach_refuse(const char *why)
{
	snprintf(fake.problem, sizeof(fake.problem), "%s", why);
	fake.status.state = ATTACH_FAST_REFUSED;
	fake.status.problem = fake.problem;
}

void fake_attach_repaired(struct rpc *r, uint32_t port)
{
	rpc_tell_repaired(
		r, &(struct weft_port){.id = port, .device = "c1"}, "the fast path's programs");
}

void attach_fast_status(const struct attach *a, struct attach_fast_status *ret)
{
	*ret = a->status;
}

void attach_each_interface(
	const struct attach *a, void (*fn)(void *arg, const struct attach_interface *i), void *arg)
{
	const struct attach_interface port = {.name = "c1",
		.port = &a->port,
		.ifindex = 7,
		.fast = a->status.state == ATTACH_FAST_ON,
		.why_not = "",
		.programs = {WEFT_BPF_PORT_PROG, WEFT_BPF_PORT_OUT_PROG},
		.mode = {ATTACH_MODE_TC, ATTACH_MODE_TC},
		.n_programs = 2,
		.n_repairs = 3};
	const struct attach_interface uplink = {.name = "eth1",
		.port = &a->uplink,
		.ifindex = 2,
		.why_not = "the tables don't fit",
		.programs = {WEFT_BPF_UPLINK_PROG},
		.mode = {ATTACH_MODE_GENERIC},
		.n_programs = 1};

	if (a->status.state == ATTACH_FAST_OFF)
		return;
	fn(arg, &port);
	fn(arg, &uplink);
}

/* Each time that it is asked, 100 more packets have been carried, at 250 ns each. */
int attach_programs(const struct attach *a, struct loader_prog *ret, unsigned int max)
{
	uint64_t n;

	if (a->status.state != ATTACH_FAST_ON || max == 0)
		return 0;
	n = 100ull * fake.n_asked++;
	*ret = (struct loader_prog){.name = WEFT_BPF_PORT_PROG,
		.id = 41,
		.n_insns = 1295,
		.n_verified = 12500,
		.run_ns = n * 250,
		.run_count = n,
		.n = {.hits = a->n_packets + n,
			.dropped = 1,
			.misses = {
				[WEFT_BPF_MISS_NO_SESSION] = 12, [WEFT_BPF_MISS_TCP_FLAGS] = 4}}};
	return 1;
}

int attach_run_time(void)
{
	return dup(STDERR_FILENO);
}
