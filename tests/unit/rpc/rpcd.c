/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A weftd with its store in memory and without a data plane, for tests of the RPC server and the
 * CLI:
 *
 *     rpcd SOCKET HOST OPERATOR_GID|-1 [LIMIT=VALUE...]
 *
 * Prints "ready". Each line on standard input sets something of the fake south and is answered by
 * "ok"; the end of input ends it, after everything was freed (the sanitizers then look for leaks).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include <rpc/rpc.h>

#include "fake_attach.h"
#include "fake_south.h"

static struct event_base *base;
static struct rpc *rpc;
static struct south *south;
static struct engine *engine;

static void set_limit(struct rpc_limits *l, const char *arg)
{
	size_t len = strcspn(arg, "=");
	unsigned long value = strtoul(arg + len + 1, NULL, 10);

#define SET_LIMIT(type, name, fallback, help)                                                      \
	if (strlen(#name) == len && strncmp(arg, #name, len) == 0)                                 \
		l->name = (type)value;
	RPC_LIMITS(SET_LIMIT)
#undef SET_LIMIT
}

/* The kernel knows the way to that VTEP now. */
static void resolve(const char *remote)
{
	struct underlay_link link = {.mac = {{2, 0, 0, 0, 0, 1}}, .mtu = 1500, .up = true};
	struct underlay_path path = {
		.dst_mac = {{2, 0, 0, 0, 0, 9}}, .mtu = 1500, .resolved = true};

	weft_addr_parse(remote, &path.remote);
	engine_link(engine, &link);
	engine_paths(engine, &path, 1);
}

static uint32_t id_of(const char *port)
{
	const struct object *o = model_find(engine_model(engine), MODEL_PORT, port);

	return o == NULL ? 0 : o->id;
}

static void command(const char *line)
{
	char name[64] = "", text[64] = "";
	unsigned int a = 0, b = 0;

	if (strcmp(line, "connect") == 0 || strcmp(line, "disconnect") == 0)
		fake_south_connect(south, line[0] == 'c');
	else if (strcmp(line, "hang") == 0)
		fake_south_hang(south);
	else if (sscanf(line, "path %63s", name) == 1)
		resolve(name);
	else if (sscanf(line, "port %63s %u %63[^\n]", name, &a, text) >= 2)
		fake_south_port(south, name, (uint8_t)a, text);
	else if (sscanf(line, "count %63s %u %u", name, &a, &b) == 3)
		fake_south_count(south, name, a, b);
	else if (sscanf(line, "carry %63s %u", name, &a) == 2)
		fake_south_carry(south, name, a);
	else if (sscanf(line, "fast %63s %u", name, &a) == 2)
		fake_attach_on(id_of(name), a);
	else if (sscanf(line, "slow %63[^\n]", text) == 1)
		fake_attach_refuse(text);
	else if (sscanf(line, "repaired %63s", name) == 1)
		fake_attach_repaired(rpc, id_of(name));
	else if (sscanf(line, "fdb %u", &a) == 1)
		fake_south_fdb(south, a);
	else if (sscanf(line, "sessions %u", &a) == 1)
		fake_south_sessions(south, a);
	else if (sscanf(line, "drops %63s %u", name, &a) == 2)
		fake_south_drops(south, name, a);
	else if (sscanf(line, "trace %63s %63s", text, name) == 2)
		fake_south_trace(south, text, name);
	else if (sscanf(line, "watched %u %u", &a, &b) == 2)
		fake_south_watched(south, a, b);
	else if (sscanf(line, "events %u", &a) == 1)
		fake_south_events(south, a);
	else if (sscanf(line, "policy %63s %63s %u %u", name, text, &a, &b) == 4)
		fake_south_policy(south, name, text, (uint16_t)a, b);
	else
		fprintf(stderr, "rpcd: what is \"%s\"?\n", line);
}

static void on_input(struct bufferevent *bev, void *arg)
{
	char *line;

	while ((line = evbuffer_readln(bufferevent_get_input(bev), NULL, EVBUFFER_EOL_LF)) !=
		NULL) {
		command(line);
		free(line);
		printf("ok\n");
		fflush(stdout);
	}
}

static void on_input_end(struct bufferevent *bev, short what, void *arg)
{
	event_base_loopbreak(base);
}

int main(int argc, char **argv)
{
	struct rpc_config config = {.socket_group = (gid_t)-1, .dataplane_path = "/nowhere.sock"};
	struct model_error err = {0};
	struct bufferevent *input;

	if (argc < 4)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	config.socket_path = argv[1];
	config.attach = fake_attach_get();
	config.operator_group = (gid_t)strtol(argv[3], NULL, 10);
	for (int i = 4; i < argc; i++)
		set_limit(&config.limits, argv[i]);
	base = event_base_new();
	if (engine_open(":memory:", argv[2], &engine, &err) < 0) {
		fprintf(stderr, "rpcd: %s\n", err.text);
		return 1;
	}
	south = fake_south_new(base, engine);
	if (rpc_new(base, &config, engine, south, &rpc, &err) < 0) {
		fprintf(stderr, "rpcd: %s\n", err.text);
		return 1;
	}
	evutil_make_socket_nonblocking(STDIN_FILENO);
	input = bufferevent_socket_new(base, STDIN_FILENO, 0);
	bufferevent_setcb(input, on_input, NULL, on_input_end, NULL);
	bufferevent_enable(input, EV_READ);
	printf("ready\n");
	fflush(stdout);
	event_base_dispatch(base);
	bufferevent_free(input);
	rpc_free(rpc);
	south_free(south);
	engine_close(engine);
	event_base_free(base);
	libevent_global_shutdown();
	return 0;
}
