/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Unix sockets that ports meet their peers on (socket_path.h). Main thread.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "socket_path.h"

int socket_path_check(struct port *p, const char *path)
{
	struct sockaddr_un sun;

	if (path[0] != '/')
		return port_fail(p, EINVAL, "the socket's path must be absolute");
	if (strlen(path) >= sizeof(sun.sun_path))
		return port_fail(p, ENAMETOOLONG, "the socket's path is longer than %zu bytes",
			sizeof(sun.sun_path) - 1);
	return 0;
}

void socket_path_addr(const char *path, struct sockaddr_un *sun)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, path, strlen(path));
}

/* Whether a process accepts connections at path; one that can't be asked counts as alive. */
static bool somebody_listens(const char *path, int type)
{
	struct sockaddr_un sun;
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool dead;

	if (fd < 0)
		return true;
	socket_path_addr(path, &sun);
	dead = connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 && errno == ECONNREFUSED;
	close(fd);
	return !dead;
}

int socket_path_clear(struct port *p, const char *path, int type)
{
	struct stat st;

	if (lstat(path, &st) < 0) {
		if (errno == ENOENT)
			return 0;
		return port_fail(p, errno, "%s: %s", path, strerror(errno));
	}
	if (!S_ISSOCK(st.st_mode))
		return port_fail(p, EEXIST, "%s exists and is not a socket", path);
	if (somebody_listens(path, type))
		return port_fail(p, EADDRINUSE, "another process listens on %s", path);
	if (unlink(path) < 0)
		return port_fail(
			p, errno, "can't remove the stale socket %s: %s", path, strerror(errno));
	return 0;
}
