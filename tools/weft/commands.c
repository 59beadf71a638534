/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The list of commands: behind dispatch, help and completion.
 */
#include "cli.h"

#define OBJECT(noun)                                                                               \
	{                                                                                          \
		noun,                                                                              \
			noun " list [FILTER=VALUE...]\n" noun " show NAME\n" noun                  \
			     " create|put|update NAME FIELD=VALUE...\n" noun " delete NAME",       \
			"list, show, create, put, update, delete", run_object, NULL                \
	}

const struct command commands[] = {
	{"apply", "apply -f FILE|- [--dry-run] [--no-prune]",
		"make everything as a document says, as one transaction", run_apply,
		"FILE is JSON or YAML with an array for each kind: tenants, networks, ports and "
		"so\n"
		"on; - is standard input. Shows each difference: + created, ~ changed, - "
		"deleted.\n\n"
		"  --dry-run   judge and show only; nothing is changed\n"
		"  --no-prune  leave what the document does not have, instead of deleting it\n"},
	{"export", "export [--full]", "print everything as a document that apply takes", run_export,
		"  --full  also fields that equal their default\n"},
	{"status", "status", "what runs, what it holds, and what is wrong in words", run_status,
		NULL},
	OBJECT("tenant"),
	OBJECT("network"),
	OBJECT("segment"),
	OBJECT("host"),
	OBJECT("port"),
	OBJECT("router"),
	OBJECT("route"),
	OBJECT("address-set"),
	OBJECT("security-group"),
	OBJECT("policy"),
	{"stats", "stats [ports [PORT]|workers]", "counters of ports, or the workers' time",
		run_stats, NULL},
	{"drops", "drops [PORT]", "dropped packets by port and reason", run_drops, NULL},
	{"fdb", "fdb list [FILTER=VALUE...]\nfdb flush [segment=NAME] [port=NAME]",
		"the data plane's MAC table", run_fdb, NULL},
	{"neighbour", "neighbour list [segment=NAME]", "addresses that ARP and ND are answered for",
		run_neighbour, NULL},
	{"events", "events [port] [fdb] [commit] [dataplane] [--count N]",
		"follow what happens, until interrupted", run_events,
		"  --count N  end after so many\n"},
	{"rpc", "rpc METHOD [PARAMS|-]", "call any method of weftd", run_rpc,
		"PARAMS is JSON: an object or an array; - reads it from standard input. The result "
		"is\n"
		"printed as JSON. rpc.describe lists the methods; so does rpc-reference.md.\n"},
	{"version", "version", "release of this program and of weftd", run_version, NULL},
	{"complete", "", NULL, run_complete, NULL},
	{NULL},
};
