/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The list of commands: behind dispatch, help and completion.
 */
#include "cli.h"

#define OBJECT_SYNOPSIS(noun)                                                                      \
	noun " list [FILTER=VALUE...]\n" noun " show NAME\n" noun                                  \
	     " create|put|update NAME FIELD=VALUE...\n" noun " delete NAME"

#define OBJECT(noun)                                                                               \
	{                                                                                          \
		noun, OBJECT_SYNOPSIS(noun), "list, show, create, put, update, delete",            \
			run_object, NULL                                                           \
	}

/* One with verbs of its own. */
#define OBJECT_AND(noun, verbs, more)                                                              \
	{                                                                                          \
		noun, OBJECT_SYNOPSIS(noun) "\n" verbs, "list, show, create, put, update, delete", \
			run_object, more                                                           \
	}

#define RULE_VERBS(noun) noun " rule list NAME\n" noun " rule add|remove NAME RULE"

static const char rule_help[] =
	"RULE is, in any order but for what belongs together:\n\n"
	"  ingress|egress             toward the ports or from them\n"
	"  allow|deny|reject|pass     of policies only\n"
	"  ipv4|ipv6                  one family\n"
	"  tcp|udp|sctp [PORT[-PORT]] also 33 (DCCP) and 136 (UDP-Lite)\n"
	"  icmp|icmpv6 [TYPE[/CODE]]\n"
	"  proto N                    another protocol\n"
	"  from|to PREFIX             addresses of the other side\n"
	"  from|to group|set NAME     a security group's ports, or an address set\n"
	"  log                        an event for each session that it decides\n"
	"  at N                       add: becomes rule N; without, the last\n\n"
	"remove takes a rule's number too. weft security-group rule add red/web ingress tcp 80\n"
	"from 10.0.0.0/8\n";

static const char trace_help[] =
	"PORT is TENANT/NAME, or the uplink. PACKET is\n\n"
	"  tcp|udp|sctp ADDRESS [PORT]\n"
	"  [icmp|icmpv6] ADDRESS [TYPE[/CODE]]   without a type an echo request\n"
	"  arp ADDRESS\n"
	"  proto N ADDRESS\n\n"
	"The rest is made to fit the port: its MAC and address, the gateway's MAC. Options change "
	"it:\n\n"
	"  --from ADDRESS  --sport N  --src-mac MAC  --dst-mac MAC  --ttl N  --dscp N\n"
	"  --flags syn,ack  --id N  --size BYTES  --vlan N  --df  --fragment-offset BYTES\n"
	"  --more-fragments\n\n"
	"or it is a whole frame:\n\n"
	"  --pcap FILE [--number N]   of a capture of Ethernet (pcap, pcapng), the first or the "
	"N-th\n"
	"  --hex HEX|-                as digits, or from standard input\n\n"
	"  --from-vtep ADDRESS --vni N  it comes from that VTEP; PORT may be left out\n"
	"  --peer NAME=SOCKET           another host's weftd: go on there (repeatable)\n"
	"  --answer                     also what happens to the recipient's answer\n\n"
	"Nothing is sent and nothing changes. Exit status 0: it gets through, 1: it does not.\n\n"
	"--live shows real packets until interrupted. FILTER is, joined by \"and\" or nothing,\n\n"
	"  port TENANT/NAME                 that come in there\n"
	"  segment TENANT/NAME\n"
	"  [src|dst] [host|net] ADDRESS[/LENGTH]\n"
	"  [src|dst] port N\n"
	"  tcp|udp|sctp|icmp|icmpv6|arp|proto N|ip|ip6\n\n"
	"  --count N      end after so many packets\n"
	"  --for SECONDS  end after so long\n"
	"  --rate N       at most so many packets per second of each worker\n";

static const char check_help[] =
	"FROM is a port, TO a port or an address, PROTOCOL tcp, udp, sctp, icmp, icmpv6 or a "
	"number.\n"
	"The first packet and its answer are traced; what decided is shown, and what to do about "
	"it.\n\n"
	"  --peer NAME=SOCKET  another host's weftd, when they are on two hosts (repeatable)\n"
	"  --probe             also send it for real, and compare what happens with what should\n"
	"  --from ADDRESS      from this one of the port's addresses; other options of trace "
	"too\n\n"
	"Exit status 0: reachable, 1: not, or not known; 4: the probe went another way than "
	"foretold.\n";

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
	OBJECT_AND("address-set", "address-set add|remove NAME PREFIX...", NULL),
	OBJECT_AND("security-group", RULE_VERBS("security-group"), rule_help),
	OBJECT_AND("policy", RULE_VERBS("policy"), rule_help),
	{"stats", "stats [ports [PORT]|workers]\nstats fastpath [--interval SECONDS]",
		"counters of ports, the workers' time, or the kernel's fast path", run_stats,
		"workers, or --workers, tells how busy each is and what its stages take per "
		"packet.\n"
		"fastpath tells what each of the fast path's programs carried, and why it left the "
		"rest\n"
		"to the data plane.\n\n"
		"  --interval SECONDS  also what a packet costs there, measured for so long\n"},
	{"drops", "drops [PORT]\ndrops show [PORT] [--last N] [--reason REASON]",
		"dropped packets by port and reason, or the last of them one by one", run_drops,
		"show tells the last packets that were dropped, the newest first: how long ago, "
		"which port\n"
		"they came in by, why, what they were, and what it was because of: a rule, a "
		"session, a\n"
		"VTEP. The data plane keeps the last few of each port.\n\n"
		"  --last N         so many (20)\n"
		"  --reason REASON  only those dropped for it\n"},
	{"fdb", "fdb list [FILTER=VALUE...]\nfdb flush [segment=NAME] [port=NAME]",
		"the data plane's MAC table", run_fdb, NULL},
	{"neighbour", "neighbour list [segment=NAME]", "addresses that ARP and ND are answered for",
		run_neighbour, NULL},
	{"session",
		"session list [FILTER=VALUE...]\nsession show FILTER=VALUE...\n"
		"session flush FILTER=VALUE...",
		"the data plane's tracked connections", run_session,
		"Filters: network, port, proto, src, sport, dst, dport, state, offloaded=true for "
		"those\n"
		"that the kernel carries, and either=true when addresses and ports may be those of "
		"the\n"
		"answers. list prints all pages, or one with limit=N. flush without a filter takes "
		"all=true.\n"},
	{"trace",
		"trace PORT PACKET [OPTION...]\ntrace PORT --pcap FILE [--number N] [OPTION...]\n"
		"trace --live [FILTER...] [--count N] [--for SECONDS] [--rate N]",
		"what would happen to a packet, or happens to real ones, step by step", run_trace,
		trace_help},
	{"check", "check reach FROM TO PROTOCOL[/PORT] [--peer NAME=SOCKET]... [--probe]",
		"whether a port reaches another, and why", run_check, check_help},
	{"events", "events [port] [fdb] [policy] [commit] [dataplane] [--count N]",
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
