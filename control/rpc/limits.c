/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The server's limits as data: defaults and description. Pure.
 */
#include <rpc/rpc.h>

void rpc_limits_fill(struct rpc_limits *l)
{
#define RPC_LIMIT_FILL(type, name, fallback, help)                                                 \
	if (l->name == 0)                                                                          \
		l->name = fallback;
	RPC_LIMITS(RPC_LIMIT_FILL)
#undef RPC_LIMIT_FILL
}

struct json_object *rpc_limits_describe(const struct rpc_limits *l)
{
	struct json_object *a = json_object_new_array(), *o;

#define RPC_LIMIT_DESCRIBE(type, name, fallback, help)                                             \
	o = json_object_new_object();                                                              \
	json_object_object_add(o, "name", json_object_new_string(#name));                          \
	json_object_object_add(o, "value", json_object_new_uint64(l->name));                       \
	json_object_object_add(o, "help", json_object_new_string(help));                           \
	json_object_array_add(a, o);
	RPC_LIMITS(RPC_LIMIT_DESCRIBE)
#undef RPC_LIMIT_DESCRIBE
	return a;
}
