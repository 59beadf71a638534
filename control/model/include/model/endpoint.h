/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where an HTTP service of the operator listens: "unix:/PATH", or "http://ADDRESS:PORT" with an
 * IPv4 address or an IPv6 address in brackets. Names are not resolved. Any thread.
 */
#ifndef MODEL_ENDPOINT_H
#define MODEL_ENDPOINT_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ENDPOINT_TEXT_MAX 112

union endpoint {
	struct sockaddr any;
	struct sockaddr_un un;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* The length of the socket address in ret (which may be NULL); 0: it is no endpoint. */
socklen_t endpoint_parse(const char *text, union endpoint *ret);

#endif
