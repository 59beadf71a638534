/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is at the other end: what the kernel says of its uid and groups, and what all connections of
 * one uid share (their number and their rate of requests). On weftd's event loop.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server.h"

#define OPERATOR_CONNECTIONS 16 /* kept free for operators */
#define GROUPS_MAX	     1024

uint64_t rpc_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* The peer's groups are those that it had when it connected; the kernel tells, so nobody has to be
 * asked for members of a group. */
static bool in_group(int fd, const struct ucred *cred, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(groups);

	if (cred->gid == group)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) < 0)
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++)
		if (groups[i] == group)
			return true;
	return false;
}

int peer_rights(const struct rpc *r, int fd, struct peer_rights *ret)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	gid_t operators = r->config.operator_group;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	ret->uid = cred.uid;
	ret->may_write = cred.uid == 0 || cred.uid == geteuid() ||
			 (operators != (gid_t)-1 && in_group(fd, &cred, operators));
	return 0;
}

static struct peer *peer_find_or_add(struct rpc *r, uid_t uid)
{
	struct peer *p;

	HASH_FIND(hh, r->peers, &uid, sizeof(uid), p);
	if (p != NULL)
		return p;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return NULL;
	p->uid = uid;
	p->tokens = 2.0 * r->config.limits.requests_per_s;
	p->refilled_ms = rpc_now_ms();
	HASH_ADD(hh, r->peers, uid, sizeof(p->uid), p);
	return p;
}

struct peer *peer_join(struct rpc *r, const struct peer_rights *rights)
{
	const struct rpc_limits *l = &r->config.limits;
	unsigned int total = l->connections;
	struct peer *p;

	if (!rights->may_write)
		total -= total > OPERATOR_CONNECTIONS ? OPERATOR_CONNECTIONS : total / 2;
	if (r->n_conns >= total)
		return NULL;
	p = peer_find_or_add(r, rights->uid);
	if (p == NULL || (!rights->may_write && p->n_connections >= l->connections_per_uid))
		return NULL;
	p->n_connections++;
	r->n_conns++;
	return p;
}

/* Its allowance would be lost with the record: a client that reconnects for each burst must not get
 * a fresh one. So a record goes only once its allowance is full again. */
static void forget_idle(struct rpc *r)
{
	struct peer *p, *tmp;

	HASH_ITER (hh, r->peers, p, tmp) {
		if (p->n_connections > 0 || rpc_now_ms() - p->refilled_ms < 2000)
			continue;
		HASH_DEL(r->peers, p);
		free(p);
	}
}

void peer_leave(struct rpc *r, struct peer *p)
{
	p->n_connections--;
	r->n_conns--;
	if (HASH_COUNT(r->peers) > 64)
		forget_idle(r);
}

unsigned int peer_take(struct rpc *r, struct peer *p, unsigned int n)
{
	double rate = r->config.limits.requests_per_s;
	uint64_t now = rpc_now_ms();

	p->tokens += rate * (double)(now - p->refilled_ms) / 1000;
	p->refilled_ms = now;
	if (p->tokens > 2 * rate)
		p->tokens = 2 * rate;
	/* May go below zero: a batch is granted as a whole and paid off by what follows. */
	if (p->tokens >= 1) {
		p->tokens -= n;
		return 0;
	}
	return 1 + (unsigned int)((1 - p->tokens) * 1000 / rate);
}
