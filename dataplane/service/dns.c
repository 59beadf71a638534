/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The DNS server of a network's names. Workers.
 */
#include <netinet/in.h>

#include <pkt/bytes.h>
#include <service/dns.h>

#include "out.h"

#define HEADER_SIZE   12
#define NAME_SIZE_MAX 255 /* in wire form */
#define LABEL_MAX     63
#define OPT_SIZE      11 /* without its data */
#define UDP_SIZE      1232
#define EDNS_DNSSEC   0x80
#define TTL_S	      30 /* ports move and change their addresses */

enum { /* in the header's flags */
	FLAG_RESPONSE = 0x8000,
	FLAG_OPCODE = 0x7800,
	FLAG_AUTHORITY = 0x0400,
	FLAG_TRUNCATED = 0x0200,
	FLAG_RECURSE = 0x0100,
};

enum {
	TYPE_A = 1,
	TYPE_AAAA = 28,
	TYPE_OPT = 41,
	TYPE_ANY = 255,
	CLASS_IN = 1,
	CLASS_ANY = 255
};

enum dns_rcode {
	RCODE_OK = 0,
	RCODE_FORMERR = 1,
	RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5,
	RCODE_BADVERS = 16, /* its upper bits are in OPT */
};

struct dns_query {
	const uint8_t *data;
	uint32_t size;
	uint16_t flags;
	uint32_t question_size; /* name, type, class; 0: not read */
	uint16_t type;
	uint16_t class;
	bool edns;
	uint8_t edns_version;
	uint8_t edns_flags;
	uint32_t name_len;
	char name[NAME_SIZE_MAX]; /* labels with dots between them, lower case */
	bool name_is_text;	  /* no label has a dot in itself */
};

static char lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* The name of the question, never compressed: there is nothing that it could point to. Returns its
 * size, 0 when it is malformed. */
static uint32_t read_name(struct dns_query *q)
{
	const uint8_t *p = q->data + HEADER_SIZE;
	uint32_t room = q->size - HEADER_SIZE, off = 0;

	q->name_is_text = true;
	while (off < room && p[off] != 0) {
		uint32_t len = p[off++];

		if (len > LABEL_MAX || len > room - off || off + len + 1 > NAME_SIZE_MAX)
			return 0;
		if (q->name_len)
			q->name[q->name_len++] = '.';
		for (uint32_t i = 0; i < len; i++) {
			q->name[q->name_len++] = lower(p[off + i]);
			q->name_is_text &= p[off + i] != '.' && p[off + i] != 0;
		}
		off += len;
	}
	return off < room ? off + 1 : 0;
}

static bool read_question(struct dns_query *q)
{
	uint32_t size = read_name(q);
	const uint8_t *p = q->data + HEADER_SIZE + size;

	if (size == 0 || q->size - HEADER_SIZE - size < 4)
		return false;
	q->type = load16(p);
	q->class = load16(p + 2);
	q->question_size = size + 4;
	return true;
}

/* The one record behind the question that a query may have. */
static bool read_opt(struct dns_query *q)
{
	const uint8_t *p = q->data + HEADER_SIZE + q->question_size;
	uint32_t room = q->size - HEADER_SIZE - q->question_size, len;

	if (room < OPT_SIZE || p[0] != 0 || load16(p + 1) != TYPE_OPT)
		return false;
	q->edns = true;
	q->edns_version = p[6];
	q->edns_flags = p[7];
	len = load16(p + 9);
	if (len != room - OPT_SIZE)
		return false;
	for (uint32_t off = 0; off < len;) {
		const uint8_t *o = p + OPT_SIZE + off;

		if (len - off < 4 || load16(o + 2) > len - off - 4)
			return false;
		off += 4 + load16(o + 2);
	}
	return true;
}

static enum dns_rcode read_query(struct dns_query *q)
{
	const uint8_t *h = q->data;

	if (q->flags & FLAG_OPCODE)
		return RCODE_NOTIMP;
	if (load16(h + 4) != 1 || load16(h + 6) != 0 || load16(h + 8) != 0 || load16(h + 10) > 1)
		return RCODE_FORMERR;
	if ((q->flags & FLAG_TRUNCATED) || !read_question(q))
		return RCODE_FORMERR;
	if (load16(h + 10) == 1) {
		if (!read_opt(q))
			return RCODE_FORMERR;
	} else if (q->size != HEADER_SIZE + q->question_size) {
		return RCODE_FORMERR;
	}
	return q->edns_version ? RCODE_BADVERS : RCODE_OK;
}

static const struct dns_entry *find(
	const struct service_asker *who, const struct dns_query *q, uint16_t family)
{
	struct dns_key key = {.network_slot = who->segment->network_slot, .family = family};
	const struct dns_entry *e;

	if (!q->name_is_text || q->name_len == 0 || q->name_len >= WEFT_DNS_NAME_SIZE)
		return NULL;
	weft_dns_hash(q->name, q->name_len, key.hash);
	e = (const struct dns_entry *)vhash_find(who->cfg->dns, &key, who->cfg->generation);
	if (!e || memcmp(e->name, q->name, q->name_len) != 0 || e->name[q->name_len] != '\0')
		return NULL;
	return e;
}

/* A record of the question's name. */
static void put_record(struct out *o, uint16_t type, const uint8_t *data, uint16_t size)
{
	uint8_t *p = out_take(o, 12 + size);

	if (!p)
		return;
	out_store16(p, 0xc000 | HEADER_SIZE);
	out_store16(p + 2, type);
	out_store16(p + 4, CLASS_IN);
	out_store32(p + 6, TTL_S);
	out_store16(p + 10, size);
	memcpy(p + 12, data, size);
}

/* Returns how many records. */
static uint16_t put_answers(struct out *o, const struct dns_query *q, const struct dns_entry *v4,
	const struct dns_entry *v6)
{
	uint16_t n = 0;

	if (v4 && (q->type == TYPE_A || q->type == TYPE_ANY)) {
		put_record(o, TYPE_A, &v4->addr.b[12], 4);
		n++;
	}
	if (v6 && (q->type == TYPE_AAAA || q->type == TYPE_ANY)) {
		put_record(o, TYPE_AAAA, v6->addr.b, 16);
		n++;
	}
	return n;
}

static void put_opt(struct out *o, const struct dns_query *q, enum dns_rcode rcode)
{
	uint8_t opt[OPT_SIZE] = {0};

	out_store16(opt + 1, TYPE_OPT);
	out_store16(opt + 3, UDP_SIZE);
	opt[5] = rcode >> 4;
	opt[7] = q->edns_flags & EDNS_DNSSEC; /* RFC 3225 section 3 */
	out_bytes(o, opt, sizeof(opt));
}

static void fill(struct out *o, const struct service_asker *who, const struct dns_query *q,
	enum dns_rcode rcode)
{
	const struct dns_entry *v4 = NULL, *v6 = NULL;
	uint8_t *h = out_take(o, HEADER_SIZE);
	uint16_t flags = FLAG_RESPONSE | (q->flags & (FLAG_OPCODE | FLAG_RECURSE));

	memset(h, 0, HEADER_SIZE);
	memcpy(h, q->data, 2);
	if (rcode == RCODE_OK && (q->class == CLASS_IN || q->class == CLASS_ANY)) {
		v4 = find(who, q, 4);
		v6 = find(who, q, 6);
	}
	if (rcode == RCODE_OK && !v4 && !v6)
		rcode = RCODE_REFUSED;
	if (rcode != RCODE_FORMERR && q->question_size) {
		out_store16(h + 4, 1);
		out_bytes(o, q->data + HEADER_SIZE, q->question_size);
	}
	if (rcode == RCODE_OK) {
		flags |= FLAG_AUTHORITY;
		out_store16(h + 6, put_answers(o, q, v4, v6));
	}
	if (q->edns) {
		out_store16(h + 10, 1);
		put_opt(o, q, rcode);
	}
	out_store16(h + 2, flags | (rcode & 0xf));
}

enum weft_drop dns_answer(const struct service_asker *who, const struct service_request *q,
	struct service_answer *ret)
{
	struct out o = {.a = ret, .limit = SERVICE_ANSWER_MAX};
	struct dns_query query = {.data = q->data, .size = q->size};

	if (q->size < HEADER_SIZE)
		return WEFT_DROP_SERVICE_REQUEST;
	query.flags = load16(q->data + 2);
	if (query.flags & FLAG_RESPONSE)
		return WEFT_DROP_SERVICE_REQUEST;
	ret->dst_mac = q->src_mac;
	ret->src = q->dst;
	ret->dst = q->src;
	ret->proto = IPPROTO_UDP;
	ret->sport = DNS_PORT;
	ret->dport = q->sport;
	ret->size = 0;
	fill(&o, who, &query, read_query(&query));
	return 0;
}
