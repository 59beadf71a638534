/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loader's functions over an array (fake_loader.h).
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_loader.h"

struct fake_loader fake_loader;

struct loader_uplink {
	int ifindex;
	bool shares;
};

void fake_loader_reset(void)
{
	memset(&fake_loader, 0, sizeof(fake_loader));
}

static struct fake_link *link_of(int ifindex)
{
	assert(ifindex > 0 && ifindex < FAKE_LINKS);
	return &fake_loader.links[ifindex];
}

static int fail(int error, char *text, const char *why)
{
	snprintf(text, LOADER_TEXT_SIZE, "%s", why);
	return error;
}

/* ---- the fast path ---- */

int loader_fast_open(const struct loader_fast_config *config, struct loader_fast **ret, char *text)
{
	if (fake_loader.open_error)
		return fail(fake_loader.open_error, text, "no bpffs there");
	if (config->only_kept && !fake_loader.adopted)
		return fail(-ENOENT, text, "none kept");
	fake_loader.has_programs = !config->only_kept;
	fake_loader.is_open = true;
	*ret = (struct loader_fast *)&fake_loader;
	return 0;
}

void loader_fast_close(struct loader_fast *f)
{
	fake_loader.is_open = false;
}

void loader_fast_info(const struct loader_fast *f, struct loader_fast_info *ret)
{
	*ret = (struct loader_fast_info){.id = 77,
		.n_buckets = 16,
		.n_dirs = 2 * (FAKE_ROOM + 1),
		.n_cpus = 2,
		.adopted = fake_loader.adopted};
}

void loader_fast_fds(const struct loader_fast *f, int ret[WEFT_FASTPATH_MAPS])
{
	for (unsigned int i = 0; i < WEFT_FASTPATH_MAPS; i++)
		ret[i] = STDERR_FILENO;
}

static int put(bool *there)
{
	bool was = *there;

	*there = true;
	return !was;
}

int loader_fast_ensure(struct loader_fast *f, int ifindex, enum loader_spot spot, char *text)
{
	struct fake_link *l = link_of(ifindex);
	bool there = l->port == FAKE_FAST;

	assert(fake_loader.is_open && fake_loader.has_programs);
	text[0] = '\0';
	if (spot == LOADER_SPOT_UPLINK)
		return put(&l->tc_uplink);
	if (spot == LOADER_SPOT_DELIVER)
		return put(&l->deliver);
	if (l->port == FAKE_FOREIGN)
		return fail(-EBUSY, text, "tc filter \"theirs\" is already there");
	l->port = FAKE_FAST;
	return !there;
}

int loader_fast_remove(int ifindex, enum loader_spot spot)
{
	struct fake_link *l = link_of(ifindex);

	if (spot != LOADER_SPOT_PORT)
		l->tc_uplink = l->deliver = false;
	else if (l->port == FAKE_FAST)
		l->port = FAKE_NOTHING;
	return 0;
}

int loader_fast_set_dev(struct loader_fast *f, int ifindex, bool takes_xdp)
{
	link_of(ifindex)->takes_xdp = takes_xdp;
	return 0;
}

int loader_fast_drop_interface(const struct loader_fast *f, int ifindex)
{
	assert(fake_loader.is_open);
	link_of(ifindex)->n_dropped++;
	return 0;
}

int loader_run_time(void)
{
	return -EPERM;
}

int loader_fast_set_vteps(
	struct loader_fast *f, const struct weft_addr *addrs, unsigned int n, char *text)
{
	fake_loader.n_vteps = n;
	return 0;
}

int loader_fast_programs(const struct loader_fast *f, struct loader_prog *ret, unsigned int max)
{
	return 0;
}

/* ---- uplinks ---- */

int loader_uplink_attach(
	int ifindex, struct loader_fast *fast, struct loader_uplink **ret, char *text)
{
	struct loader_uplink *u;

	if (fast && fake_loader.share_error)
		return fail(fake_loader.share_error, text, "the tables don't fit");
	u = calloc(1, sizeof(*u));
	assert(u);
	u->ifindex = ifindex;
	u->shares = fast;
	link_of(ifindex)->xdp = true;
	link_of(ifindex)->xdp_shares = fast;
	*ret = u;
	return 0;
}

void loader_uplink_release(struct loader_uplink *u)
{
	free(u);
}

int loader_uplink_detach(struct loader_uplink *u)
{
	link_of(u->ifindex)->xdp = link_of(u->ifindex)->xdp_shares = false;
	free(u);
	return 0;
}

bool loader_fast_is_others(int ifindex, const char *folder)
{
	return false;
}

int loader_uplink_detach_stale(int ifindex, char *text)
{
	link_of(ifindex)->xdp = false;
	return 0;
}

void loader_uplink_info(const struct loader_uplink *u, struct loader_uplink_info *ret)
{
	*ret = (struct loader_uplink_info){.ifindex = u->ifindex, .mode = LOADER_MODE_NATIVE};
}

int loader_uplink_check(const struct loader_uplink *u)
{
	return link_of(u->ifindex)->xdp ? 0 : -ENOENT;
}

int loader_uplink_repair(struct loader_uplink *u, char *text)
{
	link_of(u->ifindex)->xdp = true;
	link_of(u->ifindex)->xdp_shares = u->shares;
	return 0;
}

int loader_uplink_set_vteps(
	struct loader_uplink *u, const struct weft_addr *addrs, unsigned int n, char *text)
{
	return 0;
}

int loader_uplink_xsks_fd(const struct loader_uplink *u)
{
	return dup(STDERR_FILENO);
}

/* ---- the guard ---- */

int loader_guard_new(struct loader_guard **ret, char *text)
{
	text[0] = '\0';
	*ret = (struct loader_guard *)&fake_loader;
	return 0;
}

void loader_guard_free(struct loader_guard *g)
{
}

int loader_guard_ensure(struct loader_guard *g, int ifindex, char *text)
{
	struct fake_link *l = link_of(ifindex);
	bool there = l->port == FAKE_GUARD;

	text[0] = '\0';
	if (l->port == FAKE_FOREIGN)
		return fail(-EBUSY, text, "tc filter \"theirs\" is already there");
	l->port = FAKE_GUARD;
	return !there;
}

int loader_guard_remove(int ifindex)
{
	struct fake_link *l = link_of(ifindex);

	if (l->port == FAKE_GUARD)
		l->port = FAKE_NOTHING;
	return 0;
}
