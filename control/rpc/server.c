/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The listening socket of the JSON-RPC server (rpc/rpc.h): start, accept, stop. On weftd's event
 * loop.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/listener.h>

#include "server.h"

static int fail(struct model_error *err, int error, const char *what, const char *path)
{
	model_fail(err, MODEL_ERR_INTERNAL, NULL, NULL, "%s %s: %s", what, path, strerror(error));
	return -error;
}

/* Removes what a killed weftd left behind. -EADDRINUSE when somebody answers there. */
static int remove_stale(const struct sockaddr_un *sun, struct model_error *err)
{
	struct stat st;
	int fd, error;

	if (lstat(sun->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : fail(err, errno, "can't look at", sun->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return fail(err, EEXIST, "not a socket, will not replace", sun->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(err, errno, "can't make a socket for", sun->sun_path);
	error = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 ? 0 : errno;
	close(fd);
	if (error != ECONNREFUSED)
		return fail(err, EADDRINUSE, "another weftd listens on", sun->sun_path);
	if (unlink(sun->sun_path) < 0)
		return fail(err, errno, "can't remove", sun->sun_path);
	return 0;
}

/* A listening descriptor, or -errno. The socket never exists with wider rights than it is to have.
 */
static int listen_on(const struct rpc_config *config, struct model_error *err)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	const char *path = config->socket_path;
	mode_t old;
	int fd, r;

	if (strlen(path) >= sizeof(sun.sun_path))
		return fail(err, ENAMETOOLONG, "can't listen on", path);
	memcpy(sun.sun_path, path, strlen(path) + 1);
	r = remove_stale(&sun, err);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(err, errno, "can't make a socket for", path);
	old = umask(0177);
	r = bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 ? 0 : errno;
	umask(old);
	if (r == 0 && config->socket_group != (gid_t)-1 &&
		lchown(path, (uid_t)-1, config->socket_group) < 0)
		r = errno;
	if (r == 0 && chmod(path, 0660) < 0)
		r = errno;
	if (r == 0 && listen(fd, 128) < 0)
		r = errno;
	if (r == 0)
		return fd;
	close(fd);
	return fail(err, r, "can't listen on", path);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa,
	int len, void *arg)
{
	struct rpc *r = arg;

	if (conn_new(r, fd) < 0)
		r->counters.connections_refused++;
	else
		r->counters.connections_accepted++;
}

static int start(struct rpc *r, const struct rpc_config *config, struct model_error *err)
{
	int fd;

	r->socket_path = strdup(config->socket_path);
	r->config.socket_path = r->socket_path;
	if (config->dataplane_path != NULL)
		r->dataplane_path = strdup(config->dataplane_path);
	r->config.dataplane_path = r->dataplane_path;
	if (r->socket_path == NULL || local_start(r) < 0)
		return fail(err, ENOMEM, "can't listen on", config->socket_path);
	fd = listen_on(config, err);
	if (fd < 0) {
		/* Not this server's socket: leave it. */
		free(r->socket_path);
		r->socket_path = NULL;
		return fd;
	}
	r->listener = evconnlistener_new(
		r->base, on_accept, r, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (r->listener == NULL) {
		close(fd);
		return fail(err, ENOMEM, "can't listen on", config->socket_path);
	}
	events_start(r);
	return 0;
}

int rpc_new(struct event_base *base, const struct rpc_config *config, struct engine *e,
	struct south *s, struct rpc **ret, struct model_error *err)
{
	struct rpc *r = calloc(1, sizeof(*r));
	int error;

	if (r == NULL)
		return fail(err, ENOMEM, "can't listen on", config->socket_path);
	r->base = base;
	r->engine = e;
	r->south = s;
	r->config = *config;
	r->started_ms = rpc_now_ms();
	rpc_limits_fill(&r->config.limits);
	conn_ops(&r->config.limits, &r->ops);
	LIST_INIT(&r->conns);
	LIST_INIT(&r->asking);
	LIST_INIT(&r->measurements);
	error = start(r, config, err);
	if (error < 0) {
		rpc_free(r);
		return error;
	}
	*ret = r;
	return 0;
}

void rpc_free(struct rpc *r)
{
	struct conn *c;
	struct peer *p, *tmp;

	if (r == NULL)
		return;
	r->south = NULL; /* may be gone */
	if (r->listener != NULL)
		evconnlistener_free(r->listener);
	while ((c = LIST_FIRST(&r->conns)) != NULL)
		conn_free(c);
	asking_stop(r);
	fastpath_stop(r);
	HASH_ITER (hh, r->peers, p, tmp) {
		HASH_DEL(r->peers, p);
		free(p);
	}
	local_stop(r);
	if (r->socket_path != NULL)
		unlink(r->socket_path);
	free(r->socket_path);
	free(r->dataplane_path);
	free(r);
}
