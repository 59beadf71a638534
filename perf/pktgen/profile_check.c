/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a stream's values mean together.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mark.h"
#include "profile.h"

/* Source ports of many flows when nothing is said. */
#define PORTS_DEFAULT 16384
/* Addresses and ports for connections when nothing is said. */
#define CONNECTIONS_DEFAULT (1u << 20)

__attribute__((format(printf, 3, 4))) static int bad(
	char *err, const struct stream_spec *s, const char *format, ...)
{
	int n = snprintf(err, PROFILE_ERROR_SIZE, "stream %s: ", s->name);
	va_list args;

	va_start(args, format);
	vsnprintf(err + n, PROFILE_ERROR_SIZE - n, format, args);
	va_end(args);
	return -EINVAL;
}

static int check_ports(const struct profile *p, struct stream_spec *s, char *err)
{
	if (s->rx == PROFILE_NEXT_PORT && s->tx == PROFILE_NO_PORT)
		s->rx = 0;
	else if (s->rx == PROFILE_NEXT_PORT)
		s->rx = (s->tx + 1) % p->n_ports;
	if (s->tx >= (int32_t)p->n_ports)
		return bad(err, s, "tx: there is no port %d", s->tx);
	if (s->rx >= (int32_t)p->n_ports)
		return bad(err, s, "rx: there is no port %d", s->rx);
	if (s->tx < 0 && s->rx < 0)
		return bad(err, s, "tx and rx are none");
	if (s->kind == STREAM_CONNECTIONS && (s->tx < 0 || s->rx < 0))
		return bad(err, s, "kind: connections need tx and rx");
	return 0;
}

static int check_kind(struct stream_spec *s, char *err)
{
	if (s->kind != STREAM_CONNECTIONS)
		return s->syn && s->proto != STREAM_TCP ? bad(err, s, "syn: needs proto: tcp") : 0;
	if (s->order != ORDER_SEQUENCE)
		return bad(err, s, "order: connections come in sequence");
	if (s->vnis > 1)
		return bad(err, s, "vnis: connections have one");
	if (s->flows == 1)
		s->flows = CONNECTIONS_DEFAULT;
	s->proto = STREAM_TCP;
	s->syn = true;
	s->mark = false;
	s->imix = false;
	s->n_sizes = 1;
	s->sizes[0] = (struct size_share){profile_header_size(s), 1};
	if (s->sizes[0].size < PROFILE_FRAME_MIN)
		s->sizes[0].size = PROFILE_FRAME_MIN;
	return 0;
}

static int check_sizes(struct stream_spec *s, char *err)
{
	uint32_t need = profile_header_size(s) + (s->mark ? MARK_SIZE : 0);

	for (uint32_t i = 0; i < s->n_sizes; i++) {
		if (s->sizes[i].size >= need)
			continue;
		if (!s->imix)
			return bad(err, s, "size: %u: headers%s need %u", s->sizes[i].size,
				s->mark ? " and mark" : "", need);
		s->sizes[i].size = need;
	}
	return 0;
}

static int check_pair(const struct stream_spec *s, struct weft_addr *src, struct weft_addr *dst,
	const char *src_default, const char *dst_default, const char *what, char *err)
{
	if (weft_addr_is_zero(src))
		weft_addr_parse(src_default, src);
	if (weft_addr_is_zero(dst))
		weft_addr_parse(dst_default, dst);
	if (weft_addr_is_v4(src) != weft_addr_is_v4(dst))
		return bad(err, s, "%ssrc_ip and %sdst_ip are of different families", what, what);
	return 0;
}

static int check_addresses(struct stream_spec *s, char *err)
{
	bool v6 = s->ip == 6, outer_v6;
	int r = check_pair(s, &s->src_ip, &s->dst_ip, v6 ? "fd00:1::1" : "10.1.0.1",
		v6 ? "fd00:2::1" : "10.2.0.1", "", err);

	if (r < 0)
		return r;
	if (weft_addr_is_v4(&s->src_ip) == v6)
		return bad(err, s, "src_ip: is not of IP version %u (key ip)", s->ip);
	outer_v6 = (!weft_addr_is_zero(&s->outer_src_ip) && !weft_addr_is_v4(&s->outer_src_ip)) ||
		   (!weft_addr_is_zero(&s->outer_dst_ip) && !weft_addr_is_v4(&s->outer_dst_ip));
	return check_pair(s, &s->outer_src_ip, &s->outer_dst_ip,
		outer_v6 ? "fd00:ffff::2" : "172.16.0.2", outer_v6 ? "fd00:ffff::1" : "172.16.0.1",
		"outer_", err);
}

/* The last 4 bytes of an address must count through n values without a carry. */
static bool room_in_address(const struct weft_addr *a, uint32_t n)
{
	uint32_t low = (uint32_t)a->b[12] << 24 | a->b[13] << 16 | a->b[14] << 8 | a->b[15];

	return UINT32_MAX - low >= n - 1;
}

static int check_ranges(const struct stream_spec *s, char *err)
{
	if (s->src_port + s->src_ports > 65536)
		return bad(err, s, "src_ports: %u from %u on go beyond 65535", s->src_ports,
			s->src_port);
	if (s->dst_port + s->dst_ports > 65536)
		return bad(err, s, "dst_ports: %u from %u on go beyond 65535", s->dst_ports,
			s->dst_port);
	if (!room_in_address(&s->src_ip, s->src_ips))
		return bad(err, s, "src_ips: so many addresses are not behind src_ip");
	if (!room_in_address(&s->dst_ip, s->dst_ips))
		return bad(err, s, "dst_ips: so many addresses are not behind dst_ip");
	if (!room_in_address(&s->outer_src_ip, s->outer_src_ips))
		return bad(err, s, "outer_src_ips: so many addresses are not behind outer_src_ip");
	if (s->vni + s->vnis - 1 > 0xffffff)
		return bad(err, s, "vnis: %u from %u on go beyond 24 bits", s->vnis, s->vni);
	return 0;
}

/* Counts that were not stated follow from flows: source ports first, then source addresses. */
static int check_flows(struct stream_spec *s, char *err)
{
	bool open_ports = s->src_ports == 0, open_ips = s->src_ips == 0;
	uint64_t others = (s->dst_ports ? s->dst_ports : 1) *
			  (uint64_t)(s->dst_ips ? s->dst_ips : 1) * s->vnis;
	uint64_t want = s->order == ORDER_NEW ? 1u << 30 : s->flows, have;

	s->dst_ports = s->dst_ports ? s->dst_ports : 1;
	s->dst_ips = s->dst_ips ? s->dst_ips : 1;
	if (open_ports) {
		uint64_t need = (want + others - 1) / others;

		s->src_ports = need > PORTS_DEFAULT ? PORTS_DEFAULT : need;
		if (s->src_port + s->src_ports > 65536)
			s->src_ports = 65536 - s->src_port;
	}
	have = others * s->src_ports;
	if (open_ips)
		s->src_ips = want > have ? (want + have - 1) / have : 1;
	have *= s->src_ips;
	if (s->order != ORDER_NEW && have < s->flows)
		return bad(err, s,
			"flows: %u, but the numbers of ports, addresses and VNIs allow %llu",
			s->flows, (unsigned long long)have);
	return check_ranges(s, err);
}

static int check_stream(const struct profile *p, struct stream_spec *s, char *err)
{
	int r = check_ports(p, s, err);

	r = r ? r : check_kind(s, err);
	r = r ? r : check_sizes(s, err);
	r = r ? r : check_addresses(s, err);
	return r ? r : check_flows(s, err);
}

int profile_check(struct profile *p, char *err)
{
	int r = 0;

	if (p->n_ports == 0) {
		snprintf(err, PROFILE_ERROR_SIZE, "ports: at least one is needed");
		return -EINVAL;
	}
	for (uint32_t i = 0; i < p->n_streams; i++) {
		if (p->streams[i].name[0] == '\0')
			snprintf(p->streams[i].name, PROFILE_NAME_SIZE, "s%u", i);
	}
	for (uint32_t i = 0; i < p->n_streams && r == 0; i++)
		r = check_stream(p, &p->streams[i], err);
	return r;
}

#define SWAP(a, b)                                                                                 \
	do {                                                                                       \
		__typeof__(a) swap_old = a;                                                        \
		(a) = (b);                                                                         \
		(b) = swap_old;                                                                    \
	} while (0)

void profile_mirror(const struct stream_spec *s, struct stream_spec *ret)
{
	struct stream_spec m = *s;

	SWAP(m.tx, m.rx);
	SWAP(m.src_mac, m.dst_mac);
	SWAP(m.src_macs, m.dst_macs);
	SWAP(m.src_ip, m.dst_ip);
	SWAP(m.src_ips, m.dst_ips);
	SWAP(m.src_port, m.dst_port);
	SWAP(m.src_ports, m.dst_ports);
	SWAP(m.encap, m.rx_encap);
	/* Between two tunnels; otherwise the outer addresses are those of the one that there is. */
	if (s->encap != ENCAP_NONE && s->rx_encap != ENCAP_NONE && s->outer_src_ips == 1) {
		SWAP(m.outer_src_mac, m.outer_dst_mac);
		SWAP(m.outer_src_ip, m.outer_dst_ip);
	}
	*ret = m;
}

int profile_both_ways(struct profile *p, char *err)
{
	uint32_t n = p->n_streams;

	if (2 * n > PROFILE_STREAMS_MAX) {
		snprintf(err, PROFILE_ERROR_SIZE, "both ways there are %u streams, but at most %d",
			2 * n, PROFILE_STREAMS_MAX);
		return -EINVAL;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct stream_spec *s = &p->streams[i], *m = &p->streams[n + i];

		if (s->kind == STREAM_CONNECTIONS)
			return bad(err, s, "kind: connections go both ways by themselves");
		profile_mirror(s, m);
		snprintf(m->name, sizeof(m->name), "%.26s-back", s->name);
	}
	p->n_streams = 2 * n;
	return 0;
}
