/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The contract's layout against its record, layout.txt: a change without a new
 * WEFT_CHANNEL_VERSION fails here. With --record FILE it writes the record.
 *
 * Each struct's members are listed below; a member that is missing here shows as a gap.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/drop_reason.h>
#include <weft/msg.h>
#include <weft/stats.h>

static size_t covered;
static const char *current;
static bool gaps;

static void begin_struct(FILE *f, const char *name, size_t size)
{
	fprintf(f, "struct %s %zu\n", name, size);
	covered = 0;
	current = name;
}

static void member(FILE *f, const char *name, size_t offset, size_t size)
{
	fprintf(f, "  %zu %zu %s\n", offset, size, name);
	if (offset != covered) {
		printf("struct %s: bytes %zu..%zu belong to no member listed in test_layout.c\n",
			current, covered, offset);
		gaps = true;
	}
	covered = offset + size;
}

static void end_struct(size_t size)
{
	if (covered != size) {
		printf("struct %s: bytes %zu..%zu belong to no member listed in test_layout.c\n",
			current, covered, size);
		gaps = true;
	}
}

#define M(s, m) member(f, #m, offsetof(struct s, m), sizeof(((struct s *)0)->m));
#define STRUCT(s, ...)                                                                             \
	begin_struct(f, #s, sizeof(struct s));                                                     \
	__VA_ARGS__                                                                                \
	end_struct(sizeof(struct s));

static void entries(FILE *f)
{
	STRUCT(weft_mac, M(weft_mac, b))
	STRUCT(weft_addr, M(weft_addr, b))
	STRUCT(weft_prefix, M(weft_prefix, addr) M(weft_prefix, len))
	STRUCT(weft_segment, M(weft_segment, vni) M(weft_segment, flags) M(weft_segment, mtu)
				     M(weft_segment, ageing_s) M(weft_segment, max_learned)
					     M(weft_segment, network) M(weft_segment, router)
						     M(weft_segment, name))
	STRUCT(weft_port,
		M(weft_port, id) M(weft_port, vni) M(weft_port, kind) M(weft_port, role) M(
			weft_port, flags) M(weft_port, n_queues) M(weft_port, mtu) M(weft_port, mac)
			M(weft_port, n_addrs) M(weft_port, max_learned) M(weft_port, instance) M(
				weft_port, flood_pps) M(weft_port, max_sessions) M(weft_port,
				max_half_open) M(weft_port, session_rate) M(weft_port, rulesets)
				M(weft_port, n_rulesets) M(weft_port, pad) M(weft_port, hostname)
					M(weft_port, name) M(weft_port, device) M(weft_port, addrs))
	STRUCT(weft_local_vtep, M(weft_local_vtep, addr) M(weft_local_vtep, uplink)
					M(weft_local_vtep, mac) M(weft_local_vtep, flags))
	STRUCT(weft_vtep,
		M(weft_vtep, remote) M(weft_vtep, local) M(weft_vtep, uplink) M(weft_vtep, dst_mac)
			M(weft_vtep, src_mac) M(weft_vtep, path_mtu) M(weft_vtep, flags)
				M(weft_vtep, ttl) M(weft_vtep, dscp) M(weft_vtep, pad))
	STRUCT(weft_flood, M(weft_flood, vni) M(weft_flood, remote) M(weft_flood, flags))
	STRUCT(weft_fdb, M(weft_fdb, vni) M(weft_fdb, port) M(weft_fdb, mac) M(weft_fdb, flags)
				 M(weft_fdb, remote))
	STRUCT(weft_neigh,
		M(weft_neigh, vni) M(weft_neigh, addr) M(weft_neigh, mac) M(weft_neigh, flags))
	STRUCT(weft_tenant,
		M(weft_tenant, id) M(weft_tenant, max_sessions) M(weft_tenant, max_half_open)
			M(weft_tenant, session_rate) M(weft_tenant, name))
	STRUCT(weft_network, M(weft_network, id) M(weft_network, tenant) M(weft_network, flags)
				     M(weft_network, timeout_s) M(weft_network, name))
	STRUCT(weft_router, M(weft_router, id) M(weft_router, network) M(weft_router, mac)
				    M(weft_router, flags) M(weft_router, name))
	STRUCT(weft_host_route,
		M(weft_host_route, prefix) M(weft_host_route, pad) M(weft_host_route, via))
	STRUCT(weft_subnet, M(weft_subnet, vni) M(weft_subnet, prefix) M(weft_subnet, flags)
				    M(weft_subnet, n_dns) M(weft_subnet, n_routes) M(weft_subnet,
					    gateway) M(weft_subnet, lease_s) M(weft_subnet, dns)
					    M(weft_subnet, routes) M(weft_subnet, domain))
	STRUCT(weft_hop, M(weft_hop, type) M(weft_hop, pad) M(weft_hop, ref) M(weft_hop, via))
	STRUCT(weft_route, M(weft_route, router) M(weft_route, prefix) M(weft_route, n_hops)
				   M(weft_route, flags) M(weft_route, hops))
	STRUCT(weft_set, M(weft_set, id) M(weft_set, scope) M(weft_set, name))
	STRUCT(weft_set_member,
		M(weft_set_member, set) M(weft_set_member, prefix) M(weft_set_member, pad))
	STRUCT(weft_ruleset, M(weft_ruleset, id) M(weft_ruleset, tier) M(weft_ruleset, pad)
				     M(weft_ruleset, name))
	STRUCT(weft_rule,
		M(weft_rule, ruleset) M(weft_rule, id) M(weft_rule, priority) M(weft_rule,
			direction) M(weft_rule, action) M(weft_rule, family) M(weft_rule, flags)
			M(weft_rule, proto) M(weft_rule, port_min) M(weft_rule, port_max)
				M(weft_rule, pad) M(weft_rule, remote) M(weft_rule, set))
	STRUCT(weft_dns, M(weft_dns, network) M(weft_dns, hash) M(weft_dns, addr) M(weft_dns, name))
}

static void messages(FILE *f)
{
	STRUCT(weft_msg_hdr, M(weft_msg_hdr, type) M(weft_msg_hdr, pad) M(weft_msg_hdr, seq)
				     M(weft_msg_hdr, size) M(weft_msg_hdr, pad2))
	STRUCT(weft_msg_hello, M(weft_msg_hello, magic) M(weft_msg_hello, version)
				       M(weft_msg_hello, flags) M(weft_msg_hello, client))
	STRUCT(weft_msg_hello_ack,
		M(weft_msg_hello_ack, magic) M(weft_msg_hello_ack, version)
			M(weft_msg_hello_ack, n_workers) M(weft_msg_hello_ack, boot_id) M(
				weft_msg_hello_ack, generation) M(weft_msg_hello_ack, pid)
				M(weft_msg_hello_ack, stats_size) M(weft_msg_hello_ack, release))
	STRUCT(weft_msg_error, M(weft_msg_error, error) M(weft_msg_error, text))
	STRUCT(weft_op_hdr, M(weft_op_hdr, table) M(weft_op_hdr, verb) M(weft_op_hdr, has_fd)
				    M(weft_op_hdr, pad))
	STRUCT(weft_msg_ops, M(weft_msg_ops, n_ops))
	STRUCT(weft_msg_txn_result,
		M(weft_msg_txn_result, error) M(weft_msg_txn_result, op)
			M(weft_msg_txn_result, generation) M(weft_msg_txn_result, text))
	STRUCT(weft_msg_dump, M(weft_msg_dump, table) M(weft_msg_dump, flags))
	STRUCT(weft_msg_dump_end, M(weft_msg_dump_end, generation) M(weft_msg_dump_end, n_entries))
	STRUCT(weft_msg_fdb_flush, M(weft_msg_fdb_flush, vni) M(weft_msg_fdb_flush, port))
	STRUCT(weft_event_port, M(weft_event_port, id) M(weft_event_port, state)
					M(weft_event_port, pad) M(weft_event_port, text))
	STRUCT(weft_event_fdb, M(weft_event_fdb, entry) M(weft_event_fdb, event))
	STRUCT(weft_event_policy,
		M(weft_event_policy, src) M(weft_event_policy, dst) M(weft_event_policy, vni) M(
			weft_event_policy, port) M(weft_event_policy, ruleset) M(weft_event_policy,
			rule) M(weft_event_policy, suppressed) M(weft_event_policy, sport)
			M(weft_event_policy, dport) M(weft_event_policy, proto)
				M(weft_event_policy, has_l4) M(weft_event_policy, direction)
					M(weft_event_policy, action))
	STRUCT(weft_event_lost, M(weft_event_lost, n))
	STRUCT(weft_msg_info,
		M(weft_msg_info, generation) M(weft_msg_info, uptime_ms) M(
			weft_msg_info, n_entries) M(weft_msg_info, n_learned) M(weft_msg_info,
			table_bytes) M(weft_msg_info, mbufs_total) M(weft_msg_info,
			mbufs_free) M(weft_msg_info, commit_last_ns) M(weft_msg_info,
			hugepages) M(weft_msg_info, sessions) M(weft_msg_info, sessions_half_open)
			M(weft_msg_info, sessions_max) M(weft_msg_info, sessions_created) M(
				weft_msg_info, sessions_ended) M(weft_msg_info, sessions_refused)
				M(weft_msg_info, session_bytes) M(weft_msg_info, offload_max)
					M(weft_msg_info, offloaded) M(weft_msg_info, offload_full)
						M(weft_msg_info, offload_empty)
							M(weft_msg_info, offload_adopted))
	STRUCT(weft_msg_session_list, M(weft_msg_session_list, cursor) M(weft_msg_session_list, max)
					      M(weft_msg_session_list, filter))
	STRUCT(weft_msg_sessions, M(weft_msg_sessions, n) M(weft_msg_sessions, pad))
	STRUCT(weft_msg_session_flush, M(weft_msg_session_flush, filter))
	STRUCT(weft_msg_session_end, M(weft_msg_session_end, n) M(weft_msg_session_end, cursor)
					     M(weft_msg_session_end, pad))
	STRUCT(weft_msg_drop_list, M(weft_msg_drop_list, port) M(weft_msg_drop_list, max)
					   M(weft_msg_drop_list, cursor) M(weft_msg_drop_list, pad))
	STRUCT(weft_msg_drop_records, M(weft_msg_drop_records, n) M(weft_msg_drop_records, cursor)
					      M(weft_msg_drop_records, now_ms))
}

static void traces(FILE *f)
{
	STRUCT(weft_trace_record,
		M(weft_trace_record, packet) M(weft_trace_record, time_ms) M(
			weft_trace_record, step) M(weft_trace_record, reason) M(weft_trace_record,
			worker) M(weft_trace_record, proto) M(weft_trace_record,
			action) M(weft_trace_record, direction) M(weft_trace_record, port)
			M(weft_trace_record, vni) M(weft_trace_record, router) M(weft_trace_record,
				ruleset) M(weft_trace_record, rule) M(weft_trace_record,
				size) M(weft_trace_record, n) M(weft_trace_record, sport)
				M(weft_trace_record, dport) M(weft_trace_record, src) M(
					weft_trace_record, dst) M(weft_trace_record, src_mac)
					M(weft_trace_record, dst_mac) M(weft_trace_record, pad))
	STRUCT(weft_watch_filter,
		M(weft_watch_filter, port) M(weft_watch_filter, vni) M(weft_watch_filter, src)
			M(weft_watch_filter, dst) M(weft_watch_filter, proto)
				M(weft_watch_filter, flags) M(weft_watch_filter, sport) M(
					weft_watch_filter, dport) M(weft_watch_filter, ethertype)
					M(weft_watch_filter, pad) M(weft_watch_filter, rate))
	STRUCT(weft_msg_trace, M(weft_msg_trace, n_frames) M(weft_msg_trace, pad))
	STRUCT(weft_msg_trace_report,
		M(weft_msg_trace_report, generation) M(weft_msg_trace_report, n_steps) M(
			weft_msg_trace_report, n_more_steps) M(weft_msg_trace_report, n_frames)
			M(weft_msg_trace_report, n_more_frames) M(weft_msg_trace_report, n_waiting)
				M(weft_msg_trace_report, pad))
	STRUCT(weft_trace_frame, M(weft_trace_frame, port) M(weft_trace_frame, packet)
					 M(weft_trace_frame, size) M(weft_trace_frame, stored))
	STRUCT(weft_msg_watch, M(weft_msg_watch, filter))
	STRUCT(weft_event_trace, M(weft_event_trace, n) M(weft_event_trace, skipped)
					 M(weft_event_trace, now_ms) M(weft_event_trace, lost))
	STRUCT(weft_msg_fastpath, M(weft_msg_fastpath, id) M(weft_msg_fastpath, n_buckets)
					  M(weft_msg_fastpath, n_dirs) M(weft_msg_fastpath, n_cpus)
						  M(weft_msg_fastpath, pad))
	STRUCT(weft_msg_fastpath_port,
		M(weft_msg_fastpath_port, port) M(weft_msg_fastpath_port, ifindex)
			M(weft_msg_fastpath_port, flags) M(weft_msg_fastpath_port, pad))
}

static void records(FILE *f)
{
	STRUCT(weft_drop_record,
		M(weft_drop_record, time_ms) M(weft_drop_record, number) M(weft_drop_record,
			port) M(weft_drop_record, vni) M(weft_drop_record, size) M(weft_drop_record,
			ruleset) M(weft_drop_record, rule) M(weft_drop_record,
			policy_port) M(weft_drop_record, out_port) M(weft_drop_record, session_src)
			M(weft_drop_record, session_dst) M(weft_drop_record, session_sport) M(
				weft_drop_record, session_dport) M(weft_drop_record, session_proto)
				M(weft_drop_record, session_state) M(weft_drop_record, flags) M(
					weft_drop_record, vtep) M(weft_drop_record, reason)
					M(weft_drop_record, frame_size) M(weft_drop_record, pad)
						M(weft_drop_record, frame))
}

static void sessions(FILE *f)
{
	STRUCT(weft_session_filter,
		M(weft_session_filter, network) M(weft_session_filter, port)
			M(weft_session_filter, src) M(weft_session_filter, dst)
				M(weft_session_filter, proto) M(weft_session_filter, flags) M(
					weft_session_filter, sport) M(weft_session_filter, dport)
					M(weft_session_filter, pad) M(weft_session_filter, state))
	STRUCT(weft_session_way,
		M(weft_session_way, src) M(weft_session_way, dst) M(weft_session_way, sport) M(
			weft_session_way, dport) M(weft_session_way, vni) M(weft_session_way, port)
			M(weft_session_way, out_port) M(weft_session_way, vtep)
				M(weft_session_way, ruleset) M(weft_session_way, rule)
					M(weft_session_way, packets) M(weft_session_way, bytes))
	STRUCT(weft_session,
		M(weft_session, ways) M(weft_session, network) M(weft_session, tenant)
			M(weft_session, charged) M(weft_session, age_s) M(weft_session, idle_s) M(
				weft_session, ends_s) M(weft_session, proto) M(weft_session, flags)
				M(weft_session, pad) M(weft_session, state))
}

static void statistics(FILE *f)
{
	STRUCT(weft_port_stats,
		M(weft_port_stats, rx_packets) M(weft_port_stats, rx_bytes) M(weft_port_stats,
			tx_packets) M(weft_port_stats, tx_bytes) M(weft_port_stats, added)
			M(weft_port_stats, sent) M(weft_port_stats, answered)
				M(weft_port_stats, learn_refused) M(weft_port_stats, dropped))
	STRUCT(weft_worker_stats,
		M(weft_worker_stats, cycles_busy) M(weft_worker_stats, cycles_idle) M(
			weft_worker_stats, cycles_asleep) M(weft_worker_stats,
			sleeps) M(weft_worker_stats, bursts) M(weft_worker_stats, packets)
			M(weft_worker_stats, burst_sizes) M(weft_worker_stats, timed_bursts) M(
				weft_worker_stats, timed_packets) M(weft_worker_stats, stage_cycles)
				M(weft_worker_stats, longest_round_cycles) M(weft_worker_stats,
					long_round_cycles) M(weft_worker_stats, long_rounds))
	STRUCT(weft_stats_slot, M(weft_stats_slot, id) M(weft_stats_slot, seq))
	STRUCT(weft_stats_shm,
		M(weft_stats_shm, magic) M(weft_stats_shm, version) M(weft_stats_shm, n_workers)
			M(weft_stats_shm, tsc_hz) M(weft_stats_shm, boot_id) M(weft_stats_shm, pad)
				M(weft_stats_shm, slots) M(weft_stats_shm, workers))
}

static void numbers(FILE *f)
{
#define LIMIT(l) fprintf(f, "limit %s %d\n", #l, (int)(l));
	LIMIT(WEFT_MAX_WORKERS)
	LIMIT(WEFT_MAX_PORTS)
	LIMIT(WEFT_MAX_SEGMENTS)
	LIMIT(WEFT_MAX_VTEPS)
	LIMIT(WEFT_MAX_LOCAL_VTEPS)
	LIMIT(WEFT_MAX_FDB)
	LIMIT(WEFT_MAX_NEIGH)
	LIMIT(WEFT_MAX_TENANTS)
	LIMIT(WEFT_MAX_NETWORKS)
	LIMIT(WEFT_MAX_ROUTERS)
	LIMIT(WEFT_MAX_RULESETS)
	LIMIT(WEFT_MAX_SETS)
	LIMIT(WEFT_MAX_SET_MEMBERS)
	LIMIT(WEFT_MAX_ROUTES)
	LIMIT(WEFT_MAX_DNS)
	LIMIT(WEFT_RULESET_RULES)
	LIMIT(WEFT_MIN_SESSIONS)
	LIMIT(WEFT_MAX_SESSIONS)
	LIMIT(WEFT_SESSION_STATE_SIZE)
	LIMIT(WEFT_SEGMENT_SUBNETS)
	LIMIT(WEFT_NAME_SIZE)
	LIMIT(WEFT_DEVICE_SIZE)
	LIMIT(WEFT_PORT_ADDRS)
	LIMIT(WEFT_PORT_QUEUES)
	LIMIT(WEFT_PORT_RULESETS)
	LIMIT(WEFT_PORT_SCOPES)
	LIMIT(WEFT_ROUTE_HOPS)
	LIMIT(WEFT_SUBNET_SERVERS)
	LIMIT(WEFT_SUBNET_ROUTES)
	LIMIT(WEFT_DNS_NAME_SIZE)
	LIMIT(WEFT_RULE_ANY_PROTO)
	LIMIT(WEFT_MTU_MIN)
	LIMIT(WEFT_MTU_MAX)
	LIMIT(WEFT_MSG_SIZE_MAX)
	LIMIT(WEFT_MSG_FDS_MAX)
	LIMIT(WEFT_DROP_MAX)
#define FLAG(e) fprintf(f, "value %s %d\n", #e, (int)(e));
	FLAG(WEFT_SEGMENT_FLOOD_UNKNOWN)
	FLAG(WEFT_SEGMENT_LEARN_WIRE)
	FLAG(WEFT_SEGMENT_PROXY)
	FLAG(WEFT_SEGMENT_INNER_VLAN)
	FLAG(WEFT_ROLE_TENANT)
	FLAG(WEFT_ROLE_UPLINK)
	FLAG(WEFT_PORT_ANTISPOOF)
	FLAG(WEFT_PORT_LEARN)
	FLAG(WEFT_PORT_SERVER)
	FLAG(WEFT_PORT_ADMIN_DOWN)
	FLAG(WEFT_PORT_NO_OFFLOAD)
	FLAG(WEFT_VTEP_RESOLVED)
	FLAG(WEFT_VTEP_DSCP_COPY)
	FLAG(WEFT_FDB_LEARNED)
	FLAG(WEFT_SEGMENT_L3_ONLY)
	FLAG(WEFT_ROLE_SERVICE)
	FLAG(WEFT_PORT_DEFAULT_DENY)
	FLAG(WEFT_FLOOD_ACCEPT_ONLY)
	FLAG(WEFT_NEIGH_GATEWAY)
	FLAG(WEFT_NETWORK_TCP_STRICT)
	FLAG(WEFT_NETWORK_FULL_STATELESS)
	FLAG(WEFT_NETWORK_METADATA)
	FLAG(WEFT_NETWORK_MSS_CLAMP)
	FLAG(WEFT_SUBNET_DHCP)
	FLAG(WEFT_SUBNET_RA)
	FLAG(WEFT_SUBNET_AUTONOMOUS)
	FLAG(WEFT_SUBNET_DNS)
	FLAG(WEFT_HOP_CONNECTED)
	FLAG(WEFT_HOP_VIA)
	FLAG(WEFT_HOP_ROUTER)
	FLAG(WEFT_HOP_BLACKHOLE)
	FLAG(WEFT_HOP_UNREACHABLE)
	FLAG(WEFT_TIER_OVERRIDE)
	FLAG(WEFT_TIER_GROUP)
	FLAG(WEFT_TIER_BASELINE)
	FLAG(WEFT_RULE_INGRESS)
	FLAG(WEFT_RULE_EGRESS)
	FLAG(WEFT_RULE_ALLOW)
	FLAG(WEFT_RULE_DENY)
	FLAG(WEFT_RULE_REJECT)
	FLAG(WEFT_RULE_PASS)
	FLAG(WEFT_RULE_LOG)
	FLAG(WEFT_HELLO_WRITER)
	FLAG(WEFT_HELLO_EVENTS)
	FLAG(WEFT_OP_PUT)
	FLAG(WEFT_OP_DELETE)
	FLAG(WEFT_DUMP_LEARNED)
	FLAG(WEFT_SESSION_EITHER)
	FLAG(WEFT_SESSION_ONLY_OFFLOADED)
	FLAG(WEFT_WATCH_EITHER)
	FLAG(WEFT_WATCH_DROPPED)
	FLAG(WEFT_SESSION_HALF_OPEN)
	FLAG(WEFT_SESSION_VALID)
	FLAG(WEFT_SESSION_OFFLOADED)
	FLAG(WEFT_PORT_STATE_DOWN)
	FLAG(WEFT_PORT_STATE_UP)
	FLAG(WEFT_PORT_STATE_MISSING)
	FLAG(WEFT_FDB_EVENT_LEARNED)
	FLAG(WEFT_FDB_EVENT_MOVED)
	FLAG(WEFT_FDB_EVENT_AGED)
	FLAG(WEFT_FDB_EVENT_LIMIT)
#define TABLE(number, id, type, name) fprintf(f, "table %d %s %s %s\n", number, #id, #type, name);
	WEFT_TABLES(TABLE)
#define TIMEOUT(number, id, name, dflt) fprintf(f, "timeout %d %s %d\n", number, name, dflt);
	WEFT_TIMEOUTS(TIMEOUT)
#define KIND(number, id, name, help) fprintf(f, "kind %d %s %s\n", number, #id, name);
	WEFT_PORT_KINDS(KIND)
#define MSG(number, id, direction, payload)                                                        \
	fprintf(f, "message %d %s %s %s\n", number, #id, direction, #payload);
	WEFT_MSGS(MSG)
#define DROP(number, id, name, help) fprintf(f, "drop %d %s %s\n", number, #id, name);
	WEFT_DROP_REASONS(DROP)
#define STEP(number, id, name) fprintf(f, "step %d %s %s\n", number, #id, name);
	WEFT_TRACE_STEPS(STEP)
}

static char *layout(void)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	fprintf(f, "version %d\n", WEFT_CHANNEL_VERSION);
	entries(f);
	messages(f);
	sessions(f);
	records(f);
	traces(f);
	statistics(f);
	numbers(f);
	fclose(f);
	return text;
}

static char *read_record(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text;
	size_t n;

	if (!f)
		return strdup("");
	text = calloc(1, 1 << 16);
	n = fread(text, 1, (1 << 16) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static void show_difference(const char *record, const char *now)
{
	while (*record && *now) {
		size_t a = strcspn(record, "\n"), b = strcspn(now, "\n");

		if (a != b || memcmp(record, now, a) != 0) {
			printf("recorded: %.*s\nnow:      %.*s\n", (int)a, record, (int)b, now);
			return;
		}
		record += a + (record[a] == '\n');
		now += b + (now[b] == '\n');
	}
	printf("one is longer: recorded '%.40s', now '%.40s'\n", record, now);
}

static int compare(const char *path, const char *program)
{
	char *now = layout(), *record = read_record(path);
	int recorded = 0, rc = 1;

	sscanf(record, "version %d", &recorded);
	if (strcmp(now, record) == 0) {
		rc = gaps;
	} else {
		show_difference(record, now);
		if (recorded == WEFT_CHANNEL_VERSION)
			printf("The layout differs from %s but WEFT_CHANNEL_VERSION is still %d.\n"
			       "Raise it in weft/msg.h, then record the new layout:\n",
				path, recorded);
		else
			printf("WEFT_CHANNEL_VERSION is %d, the record is of %d. Record the "
			       "layout:\n",
				WEFT_CHANNEL_VERSION, recorded);
		printf("    %s --record %s\n", program, path);
	}
	free(now);
	free(record);
	return rc;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--record") == 0) {
		FILE *f = fopen(argv[2], "w");
		char *now = layout();

		if (!f || fputs(now, f) < 0 || fclose(f) != 0) {
			perror(argv[2]);
			return 1;
		}
		free(now);
		return gaps;
	}
	if (argc != 2) {
		fprintf(stderr, "usage: %s [--record] FILE\n", argv[0]);
		return 2;
	}
	return compare(argv[1], argv[0]);
}
