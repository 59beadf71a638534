/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Would programs in the kernel carry a packet? The questions that they ask of it (ebpf/prog/lib),
 * but for the ECN field of a tunnel, which only real ones have. Main thread, as a reader.
 */
#include <netinet/in.h>

#include "offload_priv.h"
#include "tcp_window.h"

#define IPV4_PLAIN 20 /* headers without options */
#define IPV6_PLAIN 40

static bool is_plain(const struct pkt_meta *meta)
{
	uint16_t size = meta->flags & PKT_IPV4 ? IPV4_PLAIN : IPV6_PLAIN;

	return !(meta->flags & (PKT_VLAN | PKT_FRAGMENT)) && (meta->flags & PKT_L4) &&
	       meta->l4_off - meta->l3_off == size;
}

static uint8_t ttl_of(const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	return track_l3(m, meta)[meta->flags & PKT_IPV4 ? 8 : 7];
}

static bool came_there(const struct weft_bpf_decision *d, const struct pkt_meta *meta)
{
	return d->in_port == meta->in_port &&
	       d->in_vtep == (meta->flags & PKT_FROM_TUNNEL ? meta->in_vtep : 0);
}

static bool passes_tcp(const struct session_tcp *own, const struct session_tcp *peer,
	const struct rte_mbuf *m, const struct pkt_meta *meta)
{
	struct tcp_segment g = segment_read(m, meta);

	return g.flags == TCP_FLAG_ACK &&
	       !((own->flags | peer->flags) & (SIDE_OPENING | SIDE_FIN)) &&
	       segment_in_window(own, peer, &g);
}

bool offload_takes(const struct session_dir *dir, const struct rte_mbuf *m)
{
	const struct session *s = session_of((struct session_dir *)(uintptr_t)dir);
	const struct pkt_meta *meta = pkt_meta_const(m);
	const struct offload *o = offload_get();
	unsigned int i = dir - s->dir;
	const struct weft_bpf_dir *e;

	if (!o || !s->offload || !offload_is_in(s) || !is_plain(meta))
		return false;
	e = offload_entry(o, s->offload, i);
	if (!came_there(&e->d, meta) || meta->l3_len > e->d.max_l3 ||
		e->d.epoch !=
			__atomic_load_n(&o->t.epochs[dir->key.segment].epoch, __ATOMIC_ACQUIRE))
		return false;
	if ((e->d.flags & WEFT_BPF_DIR_ROUTED) && ttl_of(m, meta) <= 1)
		return false;
	return dir->key.proto != IPPROTO_TCP ||
	       passes_tcp(&e->state.tcp, &offload_entry(o, s->offload, !i)->state.tcp, m, meta);
}
