/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Unix sockets that ports meet their peers on (vhost-user, memif): what a path must be, and
 * clearing away what a process that died left behind. Main thread.
 */
#ifndef PORT_SOCKET_PATH_H
#define PORT_SOCKET_PATH_H

#include <sys/un.h>

#include <port/port.h>

/* Absolute and short enough for a socket address. Returns 0 or port_fail(). */
int socket_path_check(struct port *p, const char *path);
/* The address of a path that passed the check. */
void socket_path_addr(const char *path, struct sockaddr_un *sun);
/* For a server: removes the socket at path if nobody listens on it. Returns 0 or port_fail() when
 * something else is there, or somebody listens. type: SOCK_STREAM or SOCK_SEQPACKET. */
int socket_path_clear(struct port *p, const char *path, int type);

#endif
