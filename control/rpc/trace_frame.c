/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The frames of trace.run and trace.probe, from parameters: given in hex or as fields, through the
 * tunnel or not. On weftd's event loop.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ccore/mem.h>
#include <explain/packet.h>
#include <explain/tunnel.h>
#include <weftrpc/codes.h>

#include "trace.h"

static int refuse(struct model_error *err, const char *field, const char *text)
{
	return model_fail(err, MODEL_ERR_INVALID, NULL, field, "%s", text);
}

static int read_addr(
	const struct params *p, const char *name, struct weft_addr *ret, struct model_error *err)
{
	const char *text = params_string(p, name);

	if (text == NULL || weft_addr_parse(text, ret) == 0)
		return 0;
	return refuse(err, name, "must be an IPv4 or IPv6 address");
}

static int read_mac(
	const struct params *p, const char *name, struct weft_mac *ret, struct model_error *err)
{
	const char *text = params_string(p, name);

	if (text == NULL || weft_mac_parse(text, ret) == 0)
		return 0;
	return refuse(err, name, "must be a MAC address");
}

static int read_flags(const struct params *p, uint8_t *ret, struct model_error *err)
{
	static const char *const names[] = {"fin", "syn", "rst", "psh", "ack", "urg"};
	struct json_object *list = json_object_object_get(p->values, "tcp_flags");
	const char *name;
	unsigned int bit;

	*ret = list == NULL ? PACKET_TCP_SYN : 0;
	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		name = json_object_get_string(json_object_array_get_idx(list, i));
		for (bit = 0; bit < 6 && strcmp(names[bit], name) != 0; bit++)
			;
		if (bit == 6)
			return refuse(
				err, "tcp_flags", "are any of syn, ack, fin, rst, psh and urg");
		*ret |= (uint8_t)(1u << bit);
	}
	return 0;
}

static int read_protocol(const struct params *p, struct packet *ret, struct model_error *err)
{
	const char *text = params_string(p, "protocol");

	ret->is_arp = strcmp(text, "arp") == 0;
	if (ret->is_arp || proto_parse(text, &ret->protocol))
		return 0;
	return refuse(
		err, "protocol", "must be tcp, udp, icmp, icmpv6, sctp, arp or a number, as text");
}

static int read_packet(const struct params *p, struct packet *ret, struct model_error *err)
{
	*ret = (struct packet){
		.has_source = params_has(p, "source"),
		.has_destination_port = params_has(p, "destination_port"),
		.has_icmp_type = params_has(p, "icmp_type"),
		.source_port = (uint16_t)params_uint(p, "source_port"),
		.destination_port = (uint16_t)params_uint(p, "destination_port"),
		.icmp_type = (uint8_t)params_uint(p, "icmp_type"),
		.icmp_code = (uint8_t)params_uint(p, "icmp_code"),
		.icmp_id = (uint16_t)params_uint(p, "icmp_id"),
		.ttl = (uint8_t)params_uint(p, "ttl"),
		.dscp = (uint8_t)params_uint(p, "dscp"),
		.df = params_bool(p, "df"),
		.more_fragments = params_bool(p, "more_fragments"),
		.fragment_offset = (uint16_t)params_uint(p, "fragment_offset"),
		.vlan = (uint16_t)params_uint(p, "vlan"),
		.size = (uint16_t)params_uint(p, "size"),
	};
	if (read_protocol(p, ret, err) < 0 || read_addr(p, "source", &ret->source, err) < 0 ||
		read_addr(p, "destination", &ret->destination, err) < 0 ||
		read_mac(p, "source_mac", &ret->source_mac, err) < 0 ||
		read_mac(p, "destination_mac", &ret->destination_mac, err) < 0)
		return -EINVAL;
	return read_flags(p, &ret->tcp_flags, err);
}

static int place_of(struct request *rq, const struct params *p, const struct trace_frame *f,
	struct packet_place *ret, struct model_error *err)
{
	const struct model *m = engine_model(rq->rpc->engine);

	*ret = (struct packet_place){0};
	if (f->from_tunnel) {
		ret->segment = model_segment_by_vni(m, f->vni);
		return ret->segment != NULL ? 0 : refuse(err, "vni", "no segment has it");
	}
	ret->port = (const struct port *)model_find(m, MODEL_PORT, params_string(p, "port"));
	if (ret->port == NULL)
		return refuse(err, "packet",
			"what enters by the uplink also needs from_vtep and vni, or give frame");
	ret->segment = (const struct segment *)model_find(m, MODEL_SEGMENT, ret->port->segment);
	return 0;
}

/* From fields. */
static int make_packet(struct request *rq, const struct params *p, struct trace_frame *f,
	uint8_t *buf, struct model_error *err)
{
	struct packet_place at;
	struct params members;
	struct packet packet;
	int r;

	if (place_of(rq, p, f, &at, err) < 0)
		return -EINVAL;
	params_object(p, "packet", 0, &members);
	r = read_packet(&members, &packet, err);
	if (r == 0)
		r = packet_complete(engine_model(rq->rpc->engine), &at, &packet, err);
	if (r == 0)
		r = packet_frame(&packet, buf, &f->size, err);
	if (r < 0)
		error_add_path(err, "packet");
	return r;
}

static int digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c != 0 ? strchr(digits, c | 0x20) : NULL;

	return at == NULL ? -1 : (int)(at - digits);
}

static int read_hex(const struct params *p, uint8_t *buf, size_t *ret, struct model_error *err)
{
	const char *text = params_string(p, "frame");
	size_t n = strlen(text);

	if (n == 0 || n % 2 != 0 || strspn(text, "0123456789abcdefABCDEF") != n)
		return refuse(err, "frame", "must be bytes in hex, two digits each");
	if (n / 2 > PACKET_FRAME_MAX)
		return model_fail(err, MODEL_ERR_INVALID, NULL, "frame", "is longer than %d bytes",
			PACKET_FRAME_MAX);
	for (size_t i = 0; i < n / 2; i++)
		buf[i] = (uint8_t)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
	*ret = n / 2;
	return 0;
}

/* This host's VTEP of that family. */
static const struct weft_addr *local_vtep(const struct request *rq, bool v4)
{
	const struct host *h = (const struct host *)model_find(
		engine_model(rq->rpc->engine), MODEL_HOST, engine_host(rq->rpc->engine));

	for (size_t i = 0; h != NULL && i < h->n_vteps; i++)
		if (weft_addr_is_v4(&h->vteps[i]) == v4)
			return &h->vteps[i];
	return NULL;
}

/* Puts the inner frame in buf into the tunnel. */
static int wrap(struct request *rq, struct trace_frame *f, uint8_t *buf, struct model_error *err)
{
	bool v4 = weft_addr_is_v4(&f->from_vtep);
	const struct weft_addr *local = local_vtep(rq, v4);
	struct tunnel t = {.source = f->from_vtep,
		.source_mac = COMPILE_SERVICE_MAC, /* nobody looks at the outer ones */
		.destination_mac = COMPILE_SERVICE_MAC,
		.vni = f->vni};
	uint8_t *inner;

	if (local == NULL)
		return model_fail(err, MODEL_ERR_INVALID, NULL, "from_vtep",
			"this host has no %s VTEP", v4 ? "IPv4" : "IPv6");
	t.destination = *local;
	inner = mem_dup(buf, f->size);
	f->size = tunnel_wrap(&t, inner, f->size, buf);
	free(inner);
	return f->size != 0 ? 0 : refuse(err, "frame", "is too long for the tunnel");
}

/* Where it enters. False: the request was answered with an error. */
static bool read_place(
	struct request *rq, const struct params *p, struct trace_frame *f, struct model_error *err)
{
	const char *port = params_string(p, "port");

	if (read_addr(p, "from_vtep", &f->from_vtep, err) < 0)
		return true;
	f->from_tunnel = params_has(p, "from_vtep");
	f->vni = (uint32_t)params_uint(p, "vni");
	f->port = COMPILE_UPLINK_ID;
	if (f->from_tunnel && f->vni == 0)
		refuse(err, "vni", "is missing: which segment's does from_vtep send?");
	else if (!f->from_tunnel && f->vni != 0)
		refuse(err, "vni", "is of from_vtep, which is missing");
	else if (f->from_tunnel && port != NULL && strcmp(port, "uplink") != 0)
		refuse(err, "port", "what a VTEP sends enters by the uplink");
	else if (!f->from_tunnel && port == NULL)
		refuse(err, "port", "is missing: where does it enter?");
	else if (port != NULL)
		return asking_port(rq, port, &f->port);
	return true;
}

static int read_bytes(struct request *rq, const struct params *p, struct trace_frame *f,
	uint8_t *buf, struct model_error *err)
{
	bool is_hex = params_has(p, "frame");
	int r;

	if (is_hex == params_has(p, "packet"))
		return refuse(err, "frame", "give either frame or packet");
	r = is_hex ? read_hex(p, buf, &f->size, err) : make_packet(rq, p, f, buf, err);
	if (r == 0 && f->from_tunnel)
		r = wrap(rq, f, buf, err);
	return r;
}

bool trace_frame_read(
	struct request *rq, const struct params *p, const char *path, struct trace_frame *ret)
{
	static uint8_t buf[PACKET_FRAME_MAX];
	struct model_error err = {0};

	*ret = (struct trace_frame){0};
	if (!read_place(rq, p, ret, &err))
		return false;
	if (err.code == 0 && read_bytes(rq, p, ret, buf, &err) == 0) {
		ret->bytes = mem_dup(buf, ret->size);
		return true;
	}
	if (path[0] != 0)
		error_add_path(&err, path);
	request_refuse(rq, &err, SIZE_MAX);
	return false;
}

void trace_frame_clear(struct trace_frame *f)
{
	free(f->bytes);
	f->bytes = NULL;
}
