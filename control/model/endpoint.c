/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Endpoints as text (model/endpoint.h).
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <model/endpoint.h>

static const char unix_scheme[] = "unix:", http_scheme[] = "http://";

static socklen_t parse_unix(const char *path, union endpoint *ret)
{
	size_t n = strlen(path);

	if (path[0] != '/' || n < 2 || n >= sizeof(ret->un.sun_path))
		return 0;
	ret->un.sun_family = AF_UNIX;
	memcpy(ret->un.sun_path, path, n + 1);
	return sizeof(ret->un);
}

/* Digits only, 1..65535, and perhaps a slash behind them. */
static bool parse_port(const char *text, in_port_t *ret)
{
	size_t n = strspn(text, "0123456789");
	unsigned long port = strtoul(text, NULL, 10);

	if (n == 0 || n > 5 || port == 0 || port > UINT16_MAX || (strcmp(text + n, "/") && text[n]))
		return false;
	*ret = htons(port);
	return true;
}

static socklen_t parse_http(const char *text, union endpoint *ret)
{
	bool v6 = text[0] == '[';
	const char *end = v6 ? strstr(text, "]:") : strchr(text, ':');
	char address[INET6_ADDRSTRLEN];
	size_t n = end ? (size_t)(end - text) - v6 : 0;

	if (!end || n == 0 || n >= sizeof(address))
		return 0;
	memcpy(address, text + v6, n);
	address[n] = '\0';
	ret->any.sa_family = v6 ? AF_INET6 : AF_INET;
	if (inet_pton(ret->any.sa_family, address,
		    v6 ? (void *)&ret->in6.sin6_addr : (void *)&ret->in.sin_addr) != 1 ||
		!parse_port(end + 1 + v6, v6 ? &ret->in6.sin6_port : &ret->in.sin_port))
		return 0;
	return v6 ? sizeof(ret->in6) : sizeof(ret->in);
}

socklen_t endpoint_parse(const char *text, union endpoint *ret)
{
	union endpoint unused, *e = ret ? ret : &unused;

	memset(e, 0, sizeof(*e));
	if (strncmp(text, unix_scheme, sizeof(unix_scheme) - 1) == 0)
		return parse_unix(text + sizeof(unix_scheme) - 1, e);
	if (strncmp(text, http_scheme, sizeof(http_scheme) - 1) == 0)
		return parse_http(text + sizeof(http_scheme) - 1, e);
	return 0;
}
