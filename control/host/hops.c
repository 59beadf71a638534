/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Next hops and their MACs, as the kernel's neighbour tables have them. The kernel does the
 * resolving; since it does not see the traffic that uses an entry (it goes by AF_XDP), an entry
 * that got old is confirmed on purpose, and one that is missing is asked for. Event loop's thread.
 */
#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>

#include "state.h"

/* Of one tick, so that thousands of dead hosts do not flood the underlay with ARP. */
#define PROVOKE_MAX 256
#define RETRY_S	    2
/* The kernel waits 5 s (delay_first_probe_time) before it probes an old entry. */
#define CONFIRM_S 8

#define NUD_WITH_MAC (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

static void set_state(struct hop *hop, uint16_t nud, const struct weft_mac *mac)
{
	hop->nud = nud;
	hop->known = (nud & NUD_WITH_MAC) && !weft_mac_is_zero(mac) && !weft_mac_is_group(mac);
	if (hop->known)
		hop->mac = *mac;
}

static void read_hop(struct hostnet *h, struct hop *hop)
{
	struct kernel_news news;

	if (kernel_get_neigh(&h->requests, hop->key.ifindex, &hop->key.addr, &news) == 0)
		set_state(hop, news.nud, &news.mac);
	else
		set_state(hop, NUD_NONE, &news.mac);
}

static void provoke(struct hostnet *h, struct hop *hop, unsigned int wait_s)
{
	hop->wait_s = wait_s;
	h->counters.provocations++;
	kernel_use_neigh(&h->requests, hop->key.ifindex, &hop->key.addr);
}

struct hop *hop_get(struct hostnet *h, int ifindex, const struct weft_addr *addr)
{
	struct addr_key key;
	struct hop *hop;

	memset(&key, 0, sizeof(key));
	key.addr = *addr;
	key.ifindex = ifindex;
	HASH_FIND(hh, h->hops, &key, sizeof(key), hop);
	if (!hop) {
		hop = calloc(1, sizeof(*hop));
		if (!hop)
			return NULL;
		hop->key = key;
		HASH_ADD(hh, h->hops, key, sizeof(hop->key), hop);
		read_hop(h, hop);
		if (!hop->known)
			provoke(h, hop, RETRY_S);
	}
	hop->n_paths++;
	return hop;
}

void hop_put(struct hostnet *h, struct hop *hop)
{
	if (!hop || --hop->n_paths > 0)
		return;
	HASH_DEL(h->hops, hop);
	free(hop);
}

bool hops_note(struct hostnet *h, const struct kernel_news *news)
{
	struct addr_key key;
	struct hop *hop;
	bool known;

	memset(&key, 0, sizeof(key));
	key.addr = news->addr;
	key.ifindex = news->ifindex;
	HASH_FIND(hh, h->hops, &key, sizeof(key), hop);
	if (!hop)
		return false;
	known = hop->known;
	if (known && news->nud != NUD_NONE && weft_mac_equal(&hop->mac, &news->mac)) {
		set_state(hop, news->nud, &news->mac);
		return hop->known != known;
	}
	set_state(hop, news->nud, &news->mac);
	/* In use, and deleted by somebody or failed: asked for again at once. */
	if (known && !hop->known)
		provoke(h, hop, RETRY_S);
	return true;
}

void hops_read_all(struct hostnet *h)
{
	for (struct hop *hop = h->hops; hop; hop = hop->hh.next)
		read_hop(h, hop);
}

void hops_tick(struct hostnet *h)
{
	unsigned int n = 0;

	for (struct hop *hop = h->hops; hop; hop = hop->hh.next) {
		if (hop->wait_s > 0) {
			hop->wait_s--;
			continue;
		}
		if (n >= PROVOKE_MAX)
			return;
		if (hop->nud == NUD_NONE || hop->nud == NUD_FAILED)
			provoke(h, hop, RETRY_S);
		else if (hop->nud == NUD_STALE)
			provoke(h, hop, CONFIRM_S);
		else
			continue;
		n++;
	}
}
