/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parameters of every method, as data (rpc/method.h). No code but the look-up by name.
 */
#include <stdio.h>
#include <string.h>

#include <model/schema.h>
#include <rpc/method.h>
#include <weft/msg.h>
#include <weftrpc/text.h>

#define LIST_MAX     10000
#define TABLE_MAX    100000
#define TRANSACT_MAX 200000
#define DROPS_MAX    1000

#define P_IF_REVISION                                                                              \
	{                                                                                          \
		"if_revision", RPC_UINT,                                                           \
			.max = UINT64_MAX - 1,                                                     \
			.help = "refuse when the object's revision is another; 0: any"             \
	}
#define P_DRY_RUN                                                                                  \
	{                                                                                          \
		"dry_run", RPC_BOOL, .help = "judge the request, answer as if, change nothing"     \
	}
#define P_NAME                                                                                     \
	{                                                                                          \
		"name", RPC_STRING,                                                                \
			.required = true,                                                          \
			.help = "\"tenant/name\" of what lives in a tenant, else the plain name"   \
	}
#define P_KEY_TENANT                                                                               \
	{                                                                                          \
		"tenant", RPC_STRING, .help = "the tenant, when name is not given as tenant/name"  \
	}
#define P_AFTER                                                                                    \
	{                                                                                          \
		"after", RPC_STRING, .help = "\"next\" of the page before"                         \
	}
#define P_SEGMENT                                                                                  \
	{                                                                                          \
		"segment", RPC_STRING, .help = "only of this segment (tenant/name)"                \
	}
#define P_PORT                                                                                     \
	{                                                                                          \
		"port", RPC_STRING, .help = "only of this port (tenant/name)"                      \
	}

static const struct rpc_param change_params[] = {P_IF_REVISION, P_DRY_RUN, {NULL}};
static const struct rpc_param create_params[] = {P_DRY_RUN, {NULL}};
static const struct rpc_param delete_params[] = {
	P_NAME, P_KEY_TENANT, P_IF_REVISION, P_DRY_RUN, {NULL}};
static const struct rpc_param get_params[] = {P_NAME, P_KEY_TENANT, {NULL}};
static const struct rpc_param list_params[] = {P_AFTER,
	{"limit", RPC_UINT, .min = 1, .max = LIST_MAX, .fallback = 1000,
		.help = "objects on a page"},
	{"full", RPC_BOOL, .help = "also fields that equal their default"},
	{"tenant", RPC_STRING, .help = "only of this tenant"},
	{"network", RPC_STRING, .help = "only of this network (tenant/name)"},
	{"segment", RPC_STRING, .help = "only of this segment (tenant/name)"},
	{"host", RPC_STRING, .help = "only bound to this host"},
	{"router", RPC_STRING, .help = "only of this router (tenant/name)"}, {NULL}};
static const struct rpc_param transact_params[] = {
	{"ops", RPC_OBJECTS, .required = true, .max = TRANSACT_MAX, .help = "what to do, in order"},
	P_DRY_RUN, {"changes", RPC_BOOL, .help = "answer with every difference that it makes"},
	{NULL}};
static const struct rpc_param apply_params[] = {
	{"document", RPC_OBJECT, .required = true, .help = "the desired state"}, P_DRY_RUN,
	{"prune", RPC_BOOL, .fallback = true,
		.help = "delete what the document does not have; else leave it as it is"},
	{NULL}};
static const struct rpc_param export_params[] = {P_AFTER,
	{"limit", RPC_UINT, .min = 1, .max = LIST_MAX, .fallback = 1000,
		.help = "objects on a page"},
	{"full", RPC_BOOL, .help = "also fields that equal their default"}, {NULL}};
static const struct rpc_param address_set_params[] = {P_NAME, P_KEY_TENANT,
	{"prefixes", RPC_STRINGS, .required = true, .max = MODEL_SET_PREFIXES,
		.help = "addresses and prefixes"},
	P_IF_REVISION, P_DRY_RUN, {NULL}};
static const struct rpc_param port_params[] = {P_PORT, {NULL}};
static const struct rpc_param drops_list_params[] = {P_PORT,
	{"reason", RPC_STRING, .help = "only dropped for this reason"},
	{"limit", RPC_UINT, .min = 1, .max = DROPS_MAX, .fallback = 20,
		.help = "packets in the answer"},
	{NULL}};
static const struct rpc_param stats_fastpath_params[] = {
	{"interval_ms", RPC_UINT, .max = 60000, .help = "to measure for; 0: counters only"},
	{NULL}};
static const struct rpc_param none_params[] = {{NULL}};
static const struct rpc_param fdb_list_params[] = {P_SEGMENT, P_PORT,
	{"mac", RPC_STRING, .help = "only this MAC"},
	{"learned", RPC_BOOL, .help = "only learned entries"},
	{"limit", RPC_UINT, .min = 1, .max = TABLE_MAX, .fallback = LIST_MAX,
		.help = "entries in the answer; all that match are counted"},
	{NULL}};
static const struct rpc_param fdb_flush_params[] = {P_SEGMENT, P_PORT, {NULL}};
static const struct rpc_param neighbour_list_params[] = {P_SEGMENT,
	{"limit", RPC_UINT, .min = 1, .max = TABLE_MAX, .fallback = LIST_MAX,
		.help = "entries in the answer; all that match are counted"},
	{NULL}};
#define P_SESSION                                                                                  \
	{"network", RPC_STRING, .help = "only of this network (tenant/name)"},                     \
		{"proto", RPC_STRING, .help = "tcp, udp, icmp, icmpv6, sctp or a number"},         \
		{"src", RPC_STRING, .help = "address or prefix that the first packet came from"},  \
		{"sport", RPC_UINT, .max = 65535, .help = "its source port; 0: any"},              \
		{"dst", RPC_STRING, .help = "address or prefix that it went to"},                  \
	{                                                                                          \
		"dport", RPC_UINT, .max = 65535, .help = "its destination port; 0: any"            \
	}
#define P_SESSIONS                                                                                 \
	P_SESSION, {"port", RPC_STRING, .help = "only with this port at an end (tenant/name)"},    \
		{"state", RPC_STRING, .help = "only in this state, such as established"},          \
		{"offloaded", RPC_BOOL, .help = "only those that the kernel carries"},             \
	{                                                                                          \
		"either", RPC_BOOL, .help = "addresses and ports may be those of the answers too"  \
	}
static const struct rpc_param session_list_params[] = {P_SESSIONS, P_AFTER,
	{"limit", RPC_UINT, .min = 1, .max = LIST_MAX, .fallback = 1000,
		.help = "sessions on a page"},
	{NULL}};
static const struct rpc_param session_show_params[] = {P_SESSION, {NULL}};
static const struct rpc_param session_flush_params[] = {
	P_SESSIONS, {"all", RPC_BOOL, .help = "without any filter: all of them"}, {NULL}};
static const struct rpc_param packet_params[] = {
	{"protocol", RPC_STRING, .required = true,
		.help = "tcp, udp, icmp, icmpv6, sctp, arp (a request) or a number, as text"},
	{"source", RPC_STRING, .help = "address; absent: the port's own"},
	{"source_port", RPC_UINT, .max = 65535, .fallback = 49152, .help = "of TCP, UDP, SCTP"},
	{"destination", RPC_STRING, .required = true, .help = "address"},
	{"destination_port", RPC_UINT, .max = 65535, .help = "of TCP, UDP, SCTP: needed"},
	{"source_mac", RPC_STRING, .help = "absent: the port's own, or the sender's"},
	{"destination_mac", RPC_STRING,
		.help = "absent: that of the port with the destination's address, else the "
			"router's"},
	{"ttl", RPC_UINT, .max = 255, .fallback = 64, .help = "or hop limit"},
	{"dscp", RPC_UINT, .max = 63, .help = "differentiated services code point"},
	{"tcp_flags", RPC_STRINGS, .max = 6,
		.help = "syn, ack, fin, rst, psh, urg; absent: syn alone"},
	{"icmp_type", RPC_UINT, .max = 255,
		.help = "absent: an echo request; 135 of icmpv6: who has the destination?"},
	{"icmp_code", RPC_UINT, .max = 255, .help = "of ICMP and ICMPv6"},
	{"icmp_id", RPC_UINT, .max = 65535, .fallback = 1, .help = "of queries and replies"},
	{"size", RPC_UINT, .max = WEFT_TRACE_FRAME_MAX,
		.help = "bytes of the frame; 0: the shortest"},
	{"df", RPC_BOOL, .help = "IPv4: don't fragment"},
	{"fragment_offset", RPC_UINT, .max = 65528, .help = "bytes, a multiple of 8"},
	{"more_fragments", RPC_BOOL, .help = "it is not the last fragment"},
	{"vlan", RPC_UINT, .max = 4094, .help = "tag; 0: none"}, {NULL}};
#define P_FRAME                                                                                    \
	{"port", RPC_STRING,                                                                       \
		.help = "that it enters by: a port of this host (tenant/name), or uplink"},        \
		{"frame", RPC_STRING, .help = "in hex, from the Ethernet header on"},              \
		{"packet", RPC_OBJECT, .of = packet_params,                                        \
			.help = "what it has, instead of frame"},                                  \
		{"from_vtep", RPC_STRING,                                                          \
			.help = "address of the VTEP that sends it through the tunnel; frame or "  \
				"packet is then the inner one"},                                   \
	{                                                                                          \
		"vni", RPC_UINT, .max = 16777215, .help = "that it comes with, from from_vtep"     \
	}
static const struct rpc_param then_params[] = {P_FRAME, {NULL}};
static const struct rpc_param trace_run_params[] = {P_FRAME,
	{"answers", RPC_BOOL,
		.help = "run also what a recipient on this host would answer to the first one"},
	{"then", RPC_OBJECTS, .max = WEFT_TRACE_FRAMES_MAX - 1, .of = then_params,
		.help = "packets that come after it, and meet the sessions that it makes"},
	{NULL}};
static const struct rpc_param trace_probe_params[] = {P_FRAME, {NULL}};
static const struct rpc_param trace_watch_params[] = {
	{"port", RPC_STRING,
		.help = "only that enter by this port of this host (tenant/name), or uplink"},
	P_SEGMENT,
	{"protocol", RPC_STRING,
		.help = "tcp, udp, icmp, icmpv6, sctp or a number, as text; arp, ipv4, ipv6"},
	{"source", RPC_STRING, .help = "address or prefix"},
	{"source_port", RPC_UINT, .max = 65535, .help = "0: any"},
	{"destination", RPC_STRING, .help = "address or prefix"},
	{"destination_port", RPC_UINT, .max = 65535, .help = "0: any"},
	{"either", RPC_BOOL, .help = "addresses and ports may be those of the answers too"},
	{"dropped", RPC_BOOL, .help = "only dropped packets: how they came, and the drop"},
	{"rate", RPC_UINT, .min = 1, .max = WEFT_WATCH_RATE_MAX, .fallback = 100,
		.help = "packets per second, of each worker; more are skipped"},
	{NULL}};
static const struct rpc_param events_params[] = {
	{"events", RPC_STRINGS, .max = 16,
		.help = "port, fdb, policy, commit, dataplane, fastpath; absent: all"},
	{NULL}};

/* The table of parameters that goes with each identifier. */
#define PARAMS_CREATE		  create_params
#define PARAMS_PUT		  change_params
#define PARAMS_UPDATE		  change_params
#define PARAMS_DELETE		  delete_params
#define PARAMS_GET		  get_params
#define PARAMS_LIST		  list_params
#define PARAMS_TRANSACT		  transact_params
#define PARAMS_APPLY		  apply_params
#define PARAMS_EXPORT		  export_params
#define PARAMS_ADDRESS_SET_ADD	  address_set_params
#define PARAMS_ADDRESS_SET_REMOVE address_set_params
#define PARAMS_STATUS		  none_params
#define PARAMS_STATS_PORTS	  port_params
#define PARAMS_STATS_WORKERS	  none_params
#define PARAMS_STATS_FASTPATH	  stats_fastpath_params
#define PARAMS_DROPS		  port_params
#define PARAMS_DROPS_LIST	  drops_list_params
#define PARAMS_FDB_LIST		  fdb_list_params
#define PARAMS_FDB_FLUSH	  fdb_flush_params
#define PARAMS_NEIGHBOUR_LIST	  neighbour_list_params
#define PARAMS_SESSION_LIST	  session_list_params
#define PARAMS_SESSION_SHOW	  session_show_params
#define PARAMS_SESSION_FLUSH	  session_flush_params
#define PARAMS_TRACE_RUN	  trace_run_params
#define PARAMS_TRACE_PROBE	  trace_probe_params
#define PARAMS_TRACE_WATCH	  trace_watch_params
#define PARAMS_TRACE_UNWATCH	  none_params
#define PARAMS_EVENTS_SUBSCRIBE	  events_params
#define PARAMS_EVENTS_UNSUBSCRIBE none_params
#define PARAMS_VERSION		  none_params
#define PARAMS_DESCRIBE		  none_params

const struct rpc_method rpc_methods[RPC_ID_MAX] = {
#define KIND_METHOD(id, name, handler, access, fields, help, result)                               \
	[RPC_##id] = {RPC_##id, name, access, true, fields, PARAMS_##id, help, result},
	RPC_KIND_METHODS(KIND_METHOD)
#undef KIND_METHOD
#define METHOD(id, name, handler, access, help, result)                                            \
	[RPC_##id] = {RPC_##id, name, access, false, false, PARAMS_##id, help, result},
		RPC_METHODS(METHOD)
#undef METHOD
};

/* The kind that the part before the last dot names, or 0. */
static enum model_kind kind_of(const char *name, size_t len)
{
	for (int kind = 1; kind < MODEL_KIND_MAX; kind++) {
		const char *k = model_kind_name(kind);

		if (strlen(k) == len && memcmp(k, name, len) == 0)
			return kind;
	}
	return 0;
}

static void suggest(const char *name, char *suggestion, size_t size)
{
	struct weftrpc_nearest near;
	char full[64], best[64] = "";

	weftrpc_nearest_init(&near, name);
	for (int id = 1; id < RPC_ID_MAX; id++) {
		const struct rpc_method *m = &rpc_methods[id];

		for (int kind = 1; kind < (m->of_kind ? MODEL_KIND_MAX : 2); kind++) {
			if (m->of_kind)
				snprintf(full, sizeof(full), "%s.%s", model_kind_name(kind),
					m->name);
			else
				snprintf(full, sizeof(full), "%s", m->name);
			near.best = NULL;
			weftrpc_nearest_try(&near, full);
			if (near.best != NULL)
				memcpy(best, full, sizeof(best));
		}
	}
	snprintf(suggestion, size, "%s", best);
}

const struct rpc_method *rpc_method_find(
	const char *name, enum model_kind *ret_kind, char *suggestion, size_t suggestion_size)
{
	const char *dot = strrchr(name, '.');
	enum model_kind kind = dot == NULL ? 0 : kind_of(name, (size_t)(dot - name));

	for (int id = 1; id < RPC_ID_MAX; id++) {
		const struct rpc_method *m = &rpc_methods[id];

		if (m->of_kind ? kind == 0 || strcmp(m->name, dot + 1) != 0
			       : strcmp(m->name, name) != 0)
			continue;
		*ret_kind = m->of_kind ? kind : 0;
		return m;
	}
	if (suggestion != NULL)
		suggest(name, suggestion, suggestion_size);
	return NULL;
}

static bool has_reference(enum model_kind kind, enum model_kind to)
{
	for (const struct field *f = schema_fields(kind); f->name != NULL; f++)
		if (f->type == FIELD_REF && f->ref == to)
			return true;
	return false;
}

bool rpc_param_fits_kind(const struct rpc_param *p, enum model_kind kind)
{
	bool in_tenant = has_reference(kind, MODEL_TENANT);

	/* Filters of list; a port's network is not looked up through its segment. */
	if (strcmp(p->name, "tenant") == 0)
		return in_tenant;
	if (strcmp(p->name, "network") == 0)
		return has_reference(kind, MODEL_NETWORK);
	if (strcmp(p->name, "segment") == 0)
		return has_reference(kind, MODEL_SEGMENT);
	if (strcmp(p->name, "host") == 0)
		return has_reference(kind, MODEL_HOST);
	if (strcmp(p->name, "router") == 0)
		return has_reference(kind, MODEL_ROUTER);
	return true;
}
