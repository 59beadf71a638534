/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libFuzzer target: what a hostile client writes to weftd's socket, through framing, JSON-RPC,
 * parameters and handlers down to the engine. Whatever comes in, each line that goes out is a
 * JSON-RPC answer or event, and the connection ends when the client has ended.
 *
 * Input: control byte (1: in two pieces), the client's bytes.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rpc/rpc.h>
#include <weftrpc/strict.h>

#include "fake_attach.h"
#include "fake_south.h"
#include "fuzz.h"
#include "server.h"

#define TURNS_MAX 100000

enum {
	PIECES = 1 << 0,
};

static struct event_base *base;
static struct engine *engine;
static struct south *south;
static struct rpc *rpc;
static uint64_t pristine;

static const char document[] =
	"{\"jsonrpc\":\"2.0\",\"method\":\"apply\",\"id\":1,\"params\":{\"document\":{"
	"\"tenants\":[{\"name\":\"red\"}],\"networks\":[{\"tenant\":\"red\",\"name\":\"n\"}],"
	"\"segments\":[{\"tenant\":\"red\",\"name\":\"s\",\"network\":\"n\",\"vni\":1001,"
	"\"subnets\":[{\"prefix\":\"10.0.0.0/24\",\"gateway\":\"10.0.0.1\"}]}],"
	"\"hosts\":[{\"name\":\"h1\",\"vteps\":[\"172.16.0.1\"],\"uplink\":{\"kind\":\"af_xdp\","
	"\"device\":\"eth1\"}}],"
	"\"ports\":[{\"tenant\":\"red\",\"name\":\"p\",\"segment\":\"s\",\"host\":\"h1\","
	"\"mac\":\"52:54:00:00:00:01\",\"addresses\":[\"10.0.0.5\"],\"kind\":\"veth\","
	"\"device\":\"v\"}]}}}";

static void check_lines(const char *text, size_t size)
{
	const char *end, *newline;

	if (size == 0)
		return;
	end = text + size;

	for (; (newline = memchr(text, '\n', (size_t)(end - text))) != NULL; text = newline + 1) {
		struct json_tokener *t = json_tokener_new_ex(64);
		struct json_object *o, *first;
		size_t used;

		json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
		o = weftrpc_parse_strict(t, text, (size_t)(newline - text), &used);
		fuzz_check(o != NULL);
		first = json_object_is_type(o, json_type_array) ? json_object_array_get_idx(o, 0)
								: o;
		fuzz_check(json_object_object_get_ex(first, "jsonrpc", NULL));
		json_object_put(o);
		json_tokener_free(t);
	}
	fuzz_check(text == end);
}

/* One client from its first byte to the end. */
static void converse(const uint8_t *data, size_t size, uint8_t control)
{
	struct evbuffer *out = evbuffer_new();
	size_t half = control & PIECES ? size / 2 : size;
	int fd[2], n = 1;

	fuzz_check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0);
	fuzz_check(conn_new(rpc, fd[0]) == 0);
	fuzz_check(write(fd[1], data, half) == (ssize_t)half);
	if (half < size) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		/* It may have been cut off already. */
		if (send(fd[1], data + half, size - half, MSG_NOSIGNAL) < 0)
			half = size;
	}
	shutdown(fd[1], SHUT_WR);
	for (int i = 0; i < TURNS_MAX && (rpc->n_conns > 0 || n > 0); i++) {
		event_base_loop(base, EVLOOP_NONBLOCK);
		n = evbuffer_read(out, fd[1], -1);
	}
	fuzz_check(rpc->n_conns == 0);
	check_lines((const char *)evbuffer_pullup(out, -1), evbuffer_get_length(out));
	evbuffer_free(out);
	close(fd[1]);
}

static void start(void)
{
	char path[64];
	struct rpc_config config = {.socket_path = path,
		.socket_group = (gid_t)-1,
		.operator_group = (gid_t)-1,
		.limits = {.requests_per_s = 1000000000}};
	struct model_error err;

	snprintf(path, sizeof(path), "/tmp/weft-fuzz-%d.sock", getpid());
	fuzz_check(engine_open(":memory:", "h1", &engine, &err) == 0);
	config.attach = fake_attach_get();
	fake_attach_on(1, 1000);
	south = fake_south_new(base, engine);
	fuzz_check(rpc_new(base, &config, engine, south, &rpc, &err) == 0);
	unlink(path);
	converse((const uint8_t *)document, sizeof(document) - 1, 0);
	fake_south_connect(south, true);
	fake_south_fdb(south, 3);
	fake_south_port(south, "red/p", WEFT_PORT_STATE_UP, "");
	fake_south_count(south, "red/p", 10, 1);
	pristine = model_revision(engine_model(engine));
	fuzz_check(pristine == 1);
}

/* Every input meets the same objects. */
static void stop(void)
{
	rpc_free(rpc);
	south_free(south);
	engine_close(engine);
}

int fuzz_start(void)
{
	base = event_base_new();
	start();
	return 0;
}

void fuzz_one(const uint8_t *data, size_t size)
{
	if (size == 0)
		return;
	converse(data + 1, size - 1, data[0]);
	if (model_revision(engine_model(engine)) != pristine) {
		stop();
		start();
	}
}

static void seed(uint8_t control, const char *text)
{
	char buf[4096];
	int n = snprintf(buf, sizeof(buf), "%c%s", control, text);

	fuzz_seed(buf, (size_t)n);
}

#define CALL(method, params)                                                                       \
	seed(4, "{\"jsonrpc\":\"2.0\",\"method\":\"" method "\",\"params\":" params ",\"id\":1}")

void fuzz_seeds(void)
{
	seed(4, document);
	seed(4 | PIECES,
		"[{\"jsonrpc\":\"2.0\",\"method\":\"version\"},"
		"{\"jsonrpc\":\"2.0\",\"method\":\"status\",\"id\":\"\xe2\x82\xac\"},1,[]]");
	CALL("port.create",
		"{\"tenant\":\"red\",\"name\":\"q\",\"segment\":\"s\",\"mac\":"
		"\"52:54:00:00:00:02\",\"addresses\":[\"fd00::5/64\"],\"if_revision\":0}");
	CALL("port.update", "{\"tenant\":\"red\",\"name\":\"p\",\"mtu\":1400,\"dry_run\":true}");
	CALL("port.delete", "{\"name\":\"red/p\"}");
	CALL("port.list", "[\"red/a\",10,true,\"red\",\"red/n\"]");
	CALL("host.put", "{\"name\":\"h1\",\"uplink\":{\"kind\":\"dpdk\",\"device\":\"x\",\"mac\":"
			 "\"02:00:00:00:00:01\"}}");
	CALL("transact",
		"{\"ops\":[{\"verb\":\"put\",\"kind\":\"tenant\",\"object\":{\"name\":\"a\"}},"
		"{\"verb\":\"delete\",\"kind\":\"port\",\"name\":\"red/p\",\"if_revision\":1}],"
		"\"changes\":true}");
	CALL("apply", "{\"document\":{\"tenants\":[{\"name\":\"red\"}]},\"prune\":false}");
	CALL("export", "{\"after\":\"segment red/s\",\"limit\":1,\"full\":true}");
	CALL("fdb.list", "{\"segment\":\"red/s\",\"mac\":\"02:00:00:00:00:01\",\"learned\":true}");
	CALL("fdb.flush", "{\"port\":\"red/p\"}");
	CALL("neighbour.list", "{}");
	CALL("events.subscribe", "{\"events\":[\"port\",\"commit\"]}");
	CALL("stats.ports", "{\"port\":\"red/p\"}");
	CALL("drops", "{}");
	CALL("stats.workers", "[]");
	CALL("rpc.describe", "{}");
}
