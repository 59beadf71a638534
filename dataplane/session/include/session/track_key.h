/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The key by which a packet's direction is looked up: once per IP packet, so it is inlined here.
 * Workers.
 */
#ifndef SESSION_TRACK_KEY_H
#define SESSION_TRACK_KEY_H

#include <assert.h>
#include <netinet/in.h>
#include <stddef.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>

#include <pkt/meta.h>
#include <session/session.h>

/* What an ICMP message of either family is to sessions. */
enum track_icmp {
	TRACK_ICMP_REQUEST = 1, /* of a query with an identifier, code 0: may begin a session */
	TRACK_ICMP_REPLY,	/* to such a request, code 0: only ever answers */
	TRACK_ICMP_ERROR, /* quotes a packet: its session's (track_related) or to be dropped */
	TRACK_ICMP_OTHER, /* no session: policy judges each one by itself */
};

/* ipproto: IPPROTO_ICMP or IPPROTO_ICMPV6; type_code: type << 8 | code. ICMPv4 redirect and source
 * quench (RFC 6633) count as OTHER: they change what a host does and concern no session. */
enum track_icmp track_icmp_class(uint8_t ipproto, uint16_t type_code);

/* The rest of the key of an ICMP message; false when it is neither request nor reply. */
bool track_key_icmp(const struct pkt_meta *meta, struct session_key *ret);

/* The key of what answers k, in the same segment. */
void track_key_reverse(const struct session_key *k, struct session_key *ret);

static inline bool track_is_icmp(const struct pkt_meta *meta)
{
	return (meta->l4_proto == IPPROTO_ICMP || meta->l4_proto == IPPROTO_ICMPV6) &&
	       (meta->flags & PKT_L4);
}

/* A key is written in whole words, as it is hashed: what was put together from its members could
 * not be read as words at once. */
static inline void track_key_put(struct session_key *ret, unsigned int word, uint64_t v)
{
	memcpy((uint8_t *)ret + word * sizeof(v), &v, sizeof(v));
}

static inline void track_key_put_v4(struct session_key *ret, unsigned int word, const uint8_t *v4)
{
	uint32_t a;

	memcpy(&a, v4, sizeof(a));
	track_key_put(ret, word, 0);
	track_key_put(ret, word + 1, (uint64_t)a << 32 | 0xffff0000);
}

static_assert(RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN, "words as below");
static_assert(offsetof(struct session_key, sport) == 32 &&
		      offsetof(struct session_key, dport) == 34 &&
		      offsetof(struct session_key, segment) == 36 &&
		      offsetof(struct session_key, proto) == 38 &&
		      offsetof(struct session_key, icmp_type) == 39,
	"the last word");
static_assert(offsetof(struct pkt_meta, dport) == offsetof(struct pkt_meta, sport) + 2 &&
		      offsetof(struct pkt_meta, segment) == offsetof(struct pkt_meta, sport) + 4 &&
		      offsetof(struct pkt_meta, l4_proto) == offsetof(struct pkt_meta, sport) + 6 &&
		      offsetof(struct pkt_meta, zero) == offsetof(struct pkt_meta, sport) + 7,
	"the same word, but for ICMP");

/* The key of a packet of TCP or UDP, or of a protocol without ports; l3: its IP header. */
static inline void track_key_ports_v4(
	const struct pkt_meta *meta, const uint8_t *l3, struct session_key *ret)
{
	uint64_t last;

	memcpy(&last, &meta->sport, sizeof(last));
	track_key_put_v4(ret, 0, l3 + 12);
	track_key_put_v4(ret, 2, l3 + 16);
	track_key_put(ret, 4, last);
}

static inline void track_key_ports_v6(
	const struct pkt_meta *meta, const uint8_t *l3, struct session_key *ret)
{
	uint64_t last;

	memcpy(&last, &meta->sport, sizeof(last));
	memcpy(ret, l3 + 8, 2 * sizeof(struct weft_addr));
	track_key_put(ret, 4, last);
}

/* The same, of either family. Returns the key's hash, which is made of what is at hand. */
static inline uint64_t track_key_ports(
	const struct pkt_meta *meta, const uint8_t *l3, struct session_key *ret)
{
	if (likely(meta->flags & PKT_IPV4)) {
		track_key_ports_v4(meta, l3, ret);
		return session_hash(ret);
	}
	track_key_ports_v6(meta, l3, ret);
	return session_hash(ret);
}

/* The key of a parsed IP packet in its segment; l3: its IP header. False: it can't belong to a
 * session as such (ICMP but queries, later fragments), *ret is then undefined. */
static inline bool track_key(
	const struct pkt_meta *meta, const uint8_t *l3, struct session_key *ret)
{
	if (meta->flags & PKT_IPV4)
		track_key_ports_v4(meta, l3, ret);
	else
		track_key_ports_v6(meta, l3, ret);
	if (unlikely(meta->flags & PKT_LATER_FRAGMENT))
		return false;
	return likely(!track_is_icmp(meta)) || track_key_icmp(meta, ret);
}

#endif
