/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One step of a packet as JSON: what the data plane tells by number gets names, and a clause says
 * it in words. On weftd's event loop.
 */
#include <netinet/in.h>
#include <stdio.h>

#include <explain/packet.h>
#include <weft_bpf/port.h>
#include <weft_bpf/uplink.h>

#include "sentence.h"
#include "trace.h"

struct say {
	const struct rpc *r;
	const struct weft_trace_record *d;
	struct json_object *o;
	struct sentence text;
};

static void add_uint(struct say *s, const char *key, uint32_t n)
{
	json_object_object_add(s->o, key, json_object_new_int64(n));
}

/* A member that was added as a name. */
static const char *named(const struct say *s, const char *key)
{
	struct json_object *v = json_object_object_get(s->o, key);

	return v == NULL ? "unknown" : json_object_get_string(v);
}

static void add_segment(struct say *s)
{
	if (s->d->vni != 0)
		json_add_segment(s->r, s->o, s->d->vni);
}

static void say_segment(struct say *s)
{
	if (json_object_object_get(s->o, "segment") != NULL)
		sentence_add(&s->text, "segment %s", named(s, "segment"));
	else
		sentence_add(&s->text, "VNI %u", s->d->vni);
}

static void say_port(struct say *s, const char *before)
{
	json_add_port(s->r, s->o, "port", s->d->port);
	if (s->d->port == COMPILE_UPLINK_ID)
		sentence_add(&s->text, "%s the uplink", before);
	else
		sentence_add(&s->text, "%s port %s", before, named(s, "port"));
}

static void say_vtep(struct say *s, const char *key, const struct weft_addr *a)
{
	const struct host *h = model_host_by_vtep(engine_model(s->r->engine), a);

	json_add_addr(s->o, key, a);
	if (h != NULL)
		json_object_object_add(s->o, "host", json_object_new_string(h->o.name));
	sentence_add(&s->text, "VTEP %s", named(s, key));
	if (h != NULL)
		sentence_add(&s->text, " (host %s)", h->o.name);
}

static void say_size(struct say *s)
{
	add_uint(s, "size", s->d->size);
	sentence_add(&s->text, " (%u bytes)", s->d->size);
}

/* "10.0.0.1:80", "[fd00::1]:80", or without the port. */
static void say_end(struct say *s, const struct weft_addr *a, bool has_port, uint16_t port)
{
	bool brackets = has_port && !weft_addr_is_v4(a);
	char text[WEFT_ADDR_STR_SIZE];

	sentence_add(&s->text, "%s%s%s", brackets ? "[" : "", weft_addr_format(a, text),
		brackets ? "]" : "");
	if (has_port)
		sentence_add(&s->text, ":%u", port);
}

/* ICMP's ports are no ports: of packets type and code, then the identifier, of sessions twice the
 * identifier. */
static void add_l4(struct say *s, bool is_key)
{
	const struct weft_trace_record *d = s->d;

	if (packet_has_ports(d->proto)) {
		add_uint(s, "source_port", d->sport);
		add_uint(s, "destination_port", d->dport);
		return;
	}
	if (d->proto != IPPROTO_ICMP && d->proto != IPPROTO_ICMPV6)
		return;
	if (!is_key) {
		add_uint(s, "icmp_type", d->sport >> 8);
		add_uint(s, "icmp_code", d->sport & 0xff);
		sentence_add(&s->text, " type %u code %u", d->sport >> 8, d->sport & 0xff);
	}
	add_uint(s, "icmp_id", d->dport);
	if (d->dport != 0)
		sentence_add(&s->text, " id %u", d->dport);
}

static void say_flow(struct say *s, bool is_key)
{
	const struct weft_trace_record *d = s->d;
	bool ports = packet_has_ports(d->proto) && (d->sport != 0 || d->dport != 0);

	json_add_proto(s->o, "protocol", d->proto);
	json_add_addr(s->o, "source", &d->src);
	json_add_addr(s->o, "destination", &d->dst);
	sentence_add(&s->text, "%s ", named(s, "protocol"));
	say_end(s, &d->src, ports, d->sport);
	sentence_add(&s->text, " > ");
	say_end(s, &d->dst, ports, d->dport);
	add_l4(s, is_key);
}

static void say_macs(struct say *s)
{
	json_add_mac(s->o, "source_mac", &s->d->src_mac);
	json_add_mac(s->o, "destination_mac", &s->d->dst_mac);
	sentence_add(&s->text, "%s > %s", named(s, "source_mac"), named(s, "destination_mac"));
}

static bool has_ip(const struct weft_trace_record *d)
{
	return d->proto != 0 || !weft_addr_is_zero(&d->dst);
}

static void add_reason(struct say *s)
{
	const char *name = weft_drop_name(s->d->reason), *help = weft_drop_help(s->d->reason);

	json_object_object_add(s->o, "reason", json_object_new_string(name ? name : "unknown"));
	json_object_object_add(s->o, "help", json_object_new_string(help ? help : ""));
}

static void on_received(struct say *s)
{
	add_segment(s);
	say_port(s, "comes from");
	say_size(s);
}

static void on_tunnel(struct say *s)
{
	sentence_add(&s->text, "comes from ");
	say_vtep(s, "from_vtep", &s->d->src);
	add_segment(s);
	sentence_add(&s->text, " for ");
	say_segment(s);
}

static void on_parsed(struct say *s)
{
	if (s->d->port != 0)
		json_add_port(s->r, s->o, "port", s->d->port);
	add_segment(s);
	add_uint(s, "size", s->d->size);
	if (has_ip(s->d)) {
		say_flow(s, false);
		sentence_add(&s->text, ", ");
	}
	say_macs(s);
}

static void on_anti_spoof(struct say *s)
{
	json_add_port(s->r, s->o, "port", s->d->port);
	sentence_add(&s->text, "port %s may send from these addresses", named(s, "port"));
}

static void on_key(struct say *s, const char *before)
{
	sentence_add(&s->text, "%s ", before);
	add_segment(s);
	say_flow(s, true);
}

static void on_session_hit(struct say *s)
{
	on_key(s, "is of the session");
}

static void on_session_miss(struct say *s)
{
	on_key(s, "there is no session");
}

static void on_session_stale(struct say *s)
{
	on_key(s, "needs a decision in the session");
}

static void on_session_new(struct say *s)
{
	on_key(s, "begins the session");
}

static void on_session_moved(struct say *s)
{
	on_key(s, "goes on from another place with the session");
}

static void on_no_session(struct say *s)
{
	sentence_add(&s->text, "goes without a session");
	if (s->d->reason == 0)
		return;
	add_reason(s);
	sentence_add(&s->text, ": %s", named(s, "help"));
}

static void on_service(struct say *s)
{
	json_add_port(s->r, s->o, "port", s->d->port);
	sentence_add(&s->text, "is answered by this host's services");
}

static void on_answer(struct say *s)
{
	if (s->d->port != 0)
		json_add_port(s->r, s->o, "port", s->d->port);
	sentence_add(&s->text, "the sender gets an answer, made here");
}

static void on_gateway(struct say *s)
{
	json_add_addr(s->o, "destination", &s->d->dst);
	sentence_add(&s->text, "is for the router's own address %s", named(s, "destination"));
}

static void add_router(struct say *s)
{
	const struct compiler *c = engine_compiler(s->r->engine);
	const char *name = compile_router_name(c, s->d->router);
	char number[16];

	snprintf(number, sizeof(number), "#%u", s->d->router);
	json_object_object_add(
		s->o, "router", json_object_new_string(name == NULL ? number : name));
}

static void on_route(struct say *s)
{
	const struct weft_trace_record *d = s->d;
	bool v4 = weft_addr_is_v4(&d->dst);

	add_router(s);
	sentence_add(&s->text, "router %s", named(s, "router"));
	if (d->reason != 0) {
		add_reason(s);
		sentence_add(&s->text, ": %s", named(s, "help"));
		return;
	}
	add_uint(s, "prefix_length", v4 && d->n >= 96 ? d->n - 96 : d->n);
	json_add_addr(s->o, "next_hop", &d->dst);
	add_segment(s);
	sentence_add(&s->text, " leads into ");
	say_segment(s);
	sentence_add(&s->text, ", next hop %s", named(s, "next_hop"));
}

static void on_neighbour(struct say *s)
{
	json_add_addr(s->o, "next_hop", &s->d->dst);
	json_add_mac(s->o, "destination_mac", &s->d->dst_mac);
	sentence_add(&s->text, "%s has %s", named(s, "next_hop"), named(s, "destination_mac"));
}

static void on_fdb(struct say *s)
{
	json_add_mac(s->o, "destination_mac", &s->d->dst_mac);
	sentence_add(&s->text, "%s is ", named(s, "destination_mac"));
	if (s->d->port != 0) {
		say_port(s, "at");
		return;
	}
	sentence_add(&s->text, "behind ");
	say_vtep(s, "to_vtep", &s->d->dst);
}

static void add_direction(struct say *s)
{
	bool in = s->d->direction == WEFT_RULE_INGRESS;

	json_object_object_add(
		s->o, "direction", json_object_new_string(in ? "ingress" : "egress"));
}

static void on_policy(struct say *s)
{
	const struct weft_trace_record *d = s->d;
	const char *action = d->action == WEFT_RULE_ALLOW    ? "allow"
			     : d->action == WEFT_RULE_REJECT ? "reject"
							     : "deny";

	json_add_port(s->r, s->o, "port", d->port);
	add_direction(s);
	json_add_rule(s->r, s->o, "rule", d->port, d->ruleset, d->rule);
	json_object_object_add(s->o, "action", json_object_new_string(action));
	sentence_add(&s->text, "%s by %s (%s of port %s)",
		d->action == WEFT_RULE_ALLOW	? "allowed"
		: d->action == WEFT_RULE_REJECT ? "rejected"
						: "denied",
		named(s, "rule"), named(s, "direction"), named(s, "port"));
}

static void on_rewrite(struct say *s)
{
	sentence_add(&s->text, "gets the MACs ");
	say_macs(s);
}

static void on_translate(struct say *s)
{
	sentence_add(&s->text, "becomes ");
	say_flow(s, false);
}

static void on_replicate(struct say *s)
{
	add_segment(s);
	sentence_add(&s->text, "goes to every member of ");
	say_segment(s);
}

static void say_pieces(struct say *s, const char *what)
{
	add_uint(s, "pieces", s->d->n);
	sentence_add(&s->text, "is cut into %u %s", s->d->n, what);
}

static void on_fragment(struct say *s)
{
	say_pieces(s, "fragments");
}

static void on_segment(struct say *s)
{
	say_pieces(s, "TCP segments");
}

static void on_too_big(struct say *s)
{
	add_uint(s, "size", s->d->size);
	add_uint(s, "limit", s->d->n);
	sentence_add(&s->text, "has %u bytes, and the path takes %u", s->d->size, s->d->n);
}

static void on_encapsulate(struct say *s)
{
	add_segment(s);
	json_add_addr(s->o, "from_vtep", &s->d->src);
	sentence_add(&s->text, "goes through the tunnel to ");
	say_vtep(s, "to_vtep", &s->d->dst);
	sentence_add(&s->text, ", VNI %u", s->d->vni);
}

static void on_output(struct say *s)
{
	say_port(s, "leaves by");
	say_size(s);
}

static void on_wait(struct say *s)
{
	sentence_add(&s->text, "waits for the first fragment of its packet");
}

static void on_kernel(struct say *s)
{
	static const char *const programs[WEFT_BPF_PROG_N] = {
		[WEFT_BPF_PROG_PORT] = WEFT_BPF_PORT_PROG,
		[WEFT_BPF_PROG_UPLINK_TC] = WEFT_BPF_UPLINK_TC_PROG,
		[WEFT_BPF_PROG_UPLINK_XDP] = WEFT_BPF_UPLINK_PROG,
	};
	const char *name = s->d->n < WEFT_BPF_PROG_N ? programs[s->d->n] : NULL;

	json_object_object_add(
		s->o, "program", json_object_new_string(name == NULL ? "unknown" : name));
	sentence_add(&s->text, "is carried in the kernel by %s", named(s, "program"));
	if (s->d->size == 0)
		return;
	add_uint(s, "segment_size", s->d->size);
	sentence_add(&s->text, ", to be cut into segments of %u bytes later", s->d->size);
}

static void on_drop(struct say *s)
{
	const struct weft_trace_record *d = s->d;

	add_reason(s);
	sentence_add(&s->text, "dropped: %s", named(s, "help"));
	if (d->port == 0)
		return;
	json_add_rule(s->r, s->o, "rule", d->port, d->ruleset, d->rule);
	json_add_port(s->r, s->o, "rule_port", d->port);
	sentence_add(&s->text, " (%s)", named(s, "rule"));
}

static void (*const sayers[WEFT_TRACE_STEP_MAX])(struct say *s) = {
	[WEFT_TRACE_RECEIVED] = on_received,
	[WEFT_TRACE_TUNNEL] = on_tunnel,
	[WEFT_TRACE_PARSED] = on_parsed,
	[WEFT_TRACE_ANTI_SPOOF] = on_anti_spoof,
	[WEFT_TRACE_SESSION_HIT] = on_session_hit,
	[WEFT_TRACE_SESSION_MISS] = on_session_miss,
	[WEFT_TRACE_SESSION_STALE] = on_session_stale,
	[WEFT_TRACE_SERVICE] = on_service,
	[WEFT_TRACE_GATEWAY] = on_gateway,
	[WEFT_TRACE_ROUTE] = on_route,
	[WEFT_TRACE_NEIGHBOUR] = on_neighbour,
	[WEFT_TRACE_FDB] = on_fdb,
	[WEFT_TRACE_POLICY] = on_policy,
	[WEFT_TRACE_SESSION_NEW] = on_session_new,
	[WEFT_TRACE_SESSION_MOVED] = on_session_moved,
	[WEFT_TRACE_NO_SESSION] = on_no_session,
	[WEFT_TRACE_REWRITE] = on_rewrite,
	[WEFT_TRACE_TRANSLATE] = on_translate,
	[WEFT_TRACE_REPLICATE] = on_replicate,
	[WEFT_TRACE_FRAGMENT] = on_fragment,
	[WEFT_TRACE_SEGMENT] = on_segment,
	[WEFT_TRACE_TOO_BIG] = on_too_big,
	[WEFT_TRACE_ENCAPSULATE] = on_encapsulate,
	[WEFT_TRACE_OUTPUT] = on_output,
	[WEFT_TRACE_ANSWER] = on_answer,
	[WEFT_TRACE_WAIT] = on_wait,
	[WEFT_TRACE_DROP] = on_drop,
	[WEFT_TRACE_KERNEL] = on_kernel,
};

struct json_object *trace_step_json(const struct rpc *r, const struct weft_trace_record *d)
{
	struct say s = {.r = r, .d = d, .o = json_object_new_object()};
	const char *name = weft_trace_name(d->step);

	add_uint(&s, "packet", d->packet);
	json_object_object_add(
		s.o, "step", json_object_new_string(name == NULL ? "unknown" : name));
	if (d->step < WEFT_TRACE_STEP_MAX && sayers[d->step] != NULL)
		sayers[d->step](&s);
	json_object_object_add(s.o, "text", json_object_new_string(s.text.text));
	return s.o;
}
