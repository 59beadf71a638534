/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * version and rpc.describe: what the server says of itself. On weftd's event loop.
 */
#include "server.h"

void handle_version(struct request *rq)
{
	struct json_object *o = json_object_new_object();
	bool may_write = conn_may_write(rq->call);

	json_object_object_add(o, "release", json_object_new_string(WEFT_RELEASE));
	json_object_object_add(o, "host", json_object_new_string(engine_host(rq->rpc->engine)));
	json_object_object_add(o, "jsonrpc", json_object_new_string("2.0"));
	json_object_object_add(o, "access", json_object_new_string(may_write ? "write" : "read"));
	request_result(rq, o);
}

void handle_describe(struct request *rq)
{
	struct json_object *o = rpc_describe();

	json_object_object_add(o, "limits", rpc_limits_describe(&rq->rpc->config.limits));
	request_result(rq, o);
}
