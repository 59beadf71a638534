/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hosts that a packet may pass: this command's weftd and the peers that it was told of.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

#define SHORT_WAIT_MS 10

void hosts_init(struct trace_hosts *h, const struct cli *cli)
{
	memset(h, 0, sizeof(*h));
	h->n = 1;
	h->host[0].cli = *cli;
	h->host[0].ran = json_object_new_array();
}

int hosts_add_peer(struct trace_hosts *h, const char *arg)
{
	const char *equals = strchr(arg, '=');
	struct trace_host *peer;

	if (equals == NULL || equals == arg || equals[1] == 0)
		return usage_error("--peer: must be NAME=SOCKET, not \"%s\"", arg);
	if (h->n == HOSTS_MAX)
		return usage_error("--peer: at most %d", HOSTS_MAX - 1);
	peer = &h->host[h->n++];
	peer->cli = h->host[0].cli;
	peer->cli.conn = NULL;
	peer->cli.socket = equals + 1;
	peer->name = strndup(arg, (size_t)(equals - arg));
	peer->ran = json_object_new_array();
	return CLI_OK;
}

static int meet_vteps(struct trace_host *h)
{
	struct json_object *params = json_object_new_object(), *result, *object;
	int r;

	json_object_object_add(params, "name", json_object_new_string(h->name));
	r = cli_call(&h->cli, "host.get", params, &result);
	if (r != CLI_OK)
		return r;
	if (json_object_object_get_ex(result, "object", &object))
		h->vteps = json_object_get(get_array(object, "vteps"));
	json_object_put(result);
	return CLI_OK;
}

static int meet(struct trace_host *h)
{
	struct json_object *result;
	int r = cli_call(&h->cli, "version", NULL, &result);

	if (r != CLI_OK)
		return r;
	if (h->name == NULL)
		h->name = strdup(get_string(result, "host"));
	else if (strcmp(h->name, get_string(result, "host")) != 0)
		r = usage_error("--peer: the weftd at %s is that of host %s, not of %s",
			h->cli.socket, get_string(result, "host"), h->name);
	json_object_put(result);
	return r != CLI_OK ? r : CLI_OK;
}

int hosts_meet(struct trace_hosts *h)
{
	int r = CLI_OK;

	for (size_t i = 0; i < h->n && r == CLI_OK; i++)
		r = meet(&h->host[i]);
	/* Without another host it does not matter which of them has which address. */
	for (size_t i = 0; i < h->n && r == CLI_OK && h->n > 1; i++)
		r = meet_vteps(&h->host[i]);
	return r;
}

static bool has_vtep(const struct trace_host *h, const char *vtep)
{
	for (size_t i = 0; i < array_length(h->vteps); i++)
		if (strcmp(json_object_get_string(json_object_array_get_idx(h->vteps, i)), vtep) ==
			0)
			return true;
	return false;
}

struct trace_host *hosts_by_vtep(struct trace_hosts *h, const char *vtep)
{
	for (size_t i = 0; i < h->n; i++)
		if (has_vtep(&h->host[i], vtep))
			return &h->host[i];
	return NULL;
}

struct trace_host *hosts_by_name(struct trace_hosts *h, const char *name)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->host[i].name != NULL && strcmp(h->host[i].name, name) == 0)
			return &h->host[i];
	return NULL;
}

const char *host_vtep_toward(const struct trace_host *h, const char *vtep)
{
	bool six = strchr(vtep, ':') != NULL;

	for (size_t i = 0; i < array_length(h->vteps); i++) {
		const char *own = json_object_get_string(json_object_array_get_idx(h->vteps, i));

		if ((strchr(own, ':') != NULL) == six)
			return own;
	}
	return "";
}

int hosts_of_port(struct trace_hosts *h, const char *port, struct trace_host **ret,
	struct json_object **ret_port)
{
	const char *slash = strchr(port, '/');
	struct json_object *params = json_object_new_object(), *result, *object;
	struct trace_host *host;
	int r;

	if (slash != NULL)
		json_object_object_add(
			params, "tenant", json_object_new_string_len(port, (int)(slash - port)));
	json_object_object_add(
		params, "name", json_object_new_string(slash != NULL ? slash + 1 : port));
	r = cli_call(&h->host[0].cli, "port.get", params, &result);
	if (r != CLI_OK)
		return r;
	json_object_object_get_ex(result, "object", &object);
	host = hosts_by_name(h, get_string(object, "host"));
	if (host != NULL)
		*ret = host;
	if (ret_port != NULL)
		*ret_port = json_object_get(object);
	json_object_put(result);
	return CLI_OK;
}

static int next_of(struct trace_host *h, int wait_ms, struct json_object **ret)
{
	struct weftrpc_error err = {0};
	int r = weftrpc_notification(h->cli.conn, wait_ms, ret, &err);

	if (r == -ETIMEDOUT)
		*ret = NULL;
	if (r == 0 || r == -ETIMEDOUT)
		return CLI_OK;
	*ret = NULL;
	return cli_error(&h->cli, &err, r);
}

int hosts_next(
	struct trace_hosts *h, int wait_ms, struct trace_host **ret_host, struct json_object **ret)
{
	int r;

	/* Each has its turn, and none is waited for while another may have something. */
	for (size_t i = 0; i < h->n; i++) {
		*ret_host = &h->host[h->turn++ % h->n];
		r = next_of(*ret_host, 0, ret);
		if (r != CLI_OK || *ret != NULL)
			return r;
	}
	*ret_host = &h->host[h->turn++ % h->n];
	return next_of(
		*ret_host, h->n > 1 && wait_ms > SHORT_WAIT_MS ? SHORT_WAIT_MS : wait_ms, ret);
}

void hosts_close(struct trace_hosts *h)
{
	for (size_t i = 0; i < h->n; i++) {
		weftrpc_close(h->host[i].cli.conn);
		json_object_put(h->host[i].vteps);
		json_object_put(h->host[i].ran);
		free(h->host[i].name);
	}
	h->n = 0;
}
