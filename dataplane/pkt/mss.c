/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MSS clamping. The options come from tenants: the walk ends with the header that the parser has
 * checked, or at the first option that makes no sense. Workers.
 */
#include <stddef.h>

#include <rte_byteorder.h>
#include <rte_tcp.h>

#include <pkt/bytes.h>
#include <pkt/cksum.h>
#include <pkt/mss.h>

enum {
	TCP_OPT_END = 0,
	TCP_OPT_NOP = 1,
	TCP_OPT_MSS = 2,
	TCP_OPT_MSS_SIZE = 4,
};

/* The offset of the option's value in the TCP header of size bytes, or 0. */
static uint32_t mss_find(const uint8_t *tcp, uint32_t size)
{
	uint32_t off = sizeof(struct rte_tcp_hdr);

	while (off < size && tcp[off] != TCP_OPT_END) {
		uint32_t len = 1;

		if (tcp[off] != TCP_OPT_NOP) {
			if (size - off < 2)
				return 0;
			len = tcp[off + 1];
			if (len < 2 || len > size - off)
				return 0;
			if (tcp[off] == TCP_OPT_MSS)
				return len == TCP_OPT_MSS_SIZE ? off + 2 : 0;
		}
		off += len;
	}
	return 0;
}

void pkt_clamp_mss(struct rte_mbuf *m, uint16_t mss)
{
	const struct pkt_meta *meta = pkt_meta(m);
	uint8_t *tcp = rte_pktmbuf_mtod_offset(m, uint8_t *, meta->l4_off);
	uint32_t at = mss_find(tcp, meta->hdr_len - meta->l4_off);
	uint16_t before, after = rte_cpu_to_be_16(mss);

	if (at == 0 || load16(tcp + at) <= mss)
		return;
	memcpy(&before, tcp + at, sizeof(before));
	memcpy(tcp + at, &after, sizeof(after));
	if (meta->flags & PKT_CKSUM_PARTIAL)
		return;
	if (at & 1) { /* it lies across two words of the sum (RFC 1071: swapped bytes, swapped sum)
		       */
		before = rte_bswap16(before);
		after = rte_bswap16(after);
	}
	cksum_update16(tcp + offsetof(struct rte_tcp_hdr, cksum), before, after);
}
