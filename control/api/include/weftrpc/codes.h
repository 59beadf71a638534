/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Error codes of the JSON-RPC interface: the one list for the server, the client library, the
 * reference page and the CLI. The first five are the specification's; -32000..-32099 are the
 * server's own; positive ones say what is wrong with the objects in a request.
 *
 * An error's "data" may hold "reason" (the name below), "object", "field" and "op".
 */
#ifndef WEFTRPC_CODES_H
#define WEFTRPC_CODES_H

/* X(code, IDENTIFIER, "name", "what it means, for people") */
#define WEFTRPC_CODES(X)                                                                           \
	X(-32700, PARSE, "parse-error",                                                            \
		"not JSON; the connection is closed, as it can't be told "                         \
		"where the next value would begin")                                                \
	X(-32600, REQUEST, "invalid-request",                                                      \
		"JSON, but not a JSON-RPC 2.0 request, or one "                                    \
		"beyond a limit")                                                                  \
	X(-32601, METHOD, "method-not-found", "no such method")                                    \
	X(-32602, PARAMS, "invalid-params",                                                        \
		"a parameter or a field is missing, unknown or has a "                             \
		"bad value")                                                                       \
	X(-32603, INTERNAL, "internal-error", "weftd failed: out of memory or the store failed")   \
	X(-32000, BUSY, "busy", "too many such requests at once; try again")                       \
	X(-32001, DENIED, "permission-denied",                                                     \
		"the method changes something and the caller may "                                 \
		"only read")                                                                       \
	X(-32002, TOO_LARGE, "too-large", "the answer would be too large; ask for less at a time") \
	X(-32003, DATAPLANE, "data-plane", "the data plane is not connected or refused")           \
	X(2, NOT_FOUND, "not-found", "the object named in the request does not exist")             \
	X(3, EXISTS, "exists", "create of an object that exists")                                  \
	X(4, REFERENCE, "reference", "refers to an object that does not exist")                    \
	X(5, IN_USE, "in-use", "delete of an object that others refer to")                         \
	X(6, CONFLICT, "conflict", "clashes with another object, such as the same VNI or MAC")     \
	X(7, REVISION, "revision", "the object changed since the revision that the caller read")   \
	X(8, LIMIT, "limit", "a table of stated size is full")

enum weftrpc_code {
#define WEFTRPC_CODE_ENUM(code, id, name, help) WEFTRPC_##id = code,
	WEFTRPC_CODES(WEFTRPC_CODE_ENUM)
#undef WEFTRPC_CODE_ENUM
};

/* "parse-error" and so on; NULL when the code is not in the list. */
const char *weftrpc_code_name(int code);

#endif
