/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers made on this host: ARP and ND for known neighbours, echo replies, ICMP errors, TCP
 * resets.
 *
 * For frames whose meta the parser has filled. Of the meta of an answer, in_port, segment and
 * in_vtep are the question's (where the answer goes back to), so are PKT_TRACED, watch and trace;
 * all else is as pkt_parse fills it. Rate limits and counters are the caller's. Workers.
 */
#ifndef PKT_CRAFT_H
#define PKT_CRAFT_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include <pkt/meta.h>
#include <weft/addr.h>
#include <weft/drop_reason.h>

/* Who has an address? An ARP request or an ND neighbour solicitation. router is the caller's: the
 * answer says that the target routes (RFC 4861 section 4.4), which ARP has no word for. */
struct pkt_question {
	struct weft_addr target;
	struct weft_addr sender; /* IPv4 0.0.0.0 or ::, when it probes for duplicates */
	bool router;
};

/* True when m (PKT_ARP or PKT_ND) is a well-formed question (RFC 826 for Ethernet and IPv4; RFC
 * 4861 section 7.1.1, checksum included). */
bool pkt_parse_question(const struct rte_mbuf *m, struct pkt_question *ret);

/* Turns m, a question, in place into the answer that the target is at mac, addressed to who asked
 * (ND: to all nodes when the sender is unspecified, RFC 4861 section 7.2.4). A VLAN tag stays. m
 * ends as one mbuf, its meta describes the answer. Returns 0 or WEFT_DROP_NO_MBUF with m unchanged.
 */
enum weft_drop pkt_craft_answer(
	struct rte_mbuf *m, const struct pkt_question *q, const struct weft_mac *mac);

/* What an ICMP or ICMPv6 error says. */
enum pkt_error {
	PKT_ERROR_TOO_BIG = 1, /* fragmentation needed (RFC 1191); packet too big */
	PKT_ERROR_TTL,	       /* time exceeded in transit */
	PKT_ERROR_NO_ROUTE,    /* network unreachable; ICMPv6: no route */
	PKT_ERROR_HOST,	       /* host unreachable; ICMPv6: address unreachable */
	PKT_ERROR_PORT,	       /* port unreachable */
	PKT_ERROR_PROHIBITED,  /* communication administratively prohibited */
};

/* A new frame to the sender of m: that error (RFC 792, RFC 4443) with as much of m as fits 576
 * (RFC 1812) or 1280 bytes. from: the source address, of m's family; NULL: m's destination, as
 * bridges with tunnels answer that have no address of their own. mtu: with PKT_ERROR_TOO_BIG, else
 * 0. NULL when m must not be answered (not IP; an ICMP error; a later fragment; sent to or from a
 * group, loopback or no address: RFC 1122 section 3.2.2; IPv6 multicast too, as there is no address
 * to answer from) or no mbuf is left. m is unchanged. */
struct rte_mbuf *pkt_craft_error(
	const struct rte_mbuf *m, enum pkt_error error, uint16_t mtu, const struct weft_addr *from);

/* A new frame to the sender of m, TCP: the reset of a connection that does not exist (RFC 9293
 * section 3.10.7.1, CLOSED), as from its destination. NULL when m is none, a reset itself or a
 * fragment, must not be answered, or no mbuf is left. m is unchanged. */
struct rte_mbuf *pkt_craft_reset(const struct rte_mbuf *m);

/* Turns the echo request in m (RFC 792, RFC 4443 section 4) in place into its reply. False, with m
 * unchanged, for anything else, for fragments and for group destinations. */
bool pkt_craft_echo_reply(struct rte_mbuf *m);

#endif
