/* SPDX-License-Identifier: BSD-3-Clause */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "random.h"
#include "tcp.h"

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10

#define ETH_SIZE   14
#define TCP_SIZE   20
#define EXPIRE_MAX 64 /* connections looked at per poll */

/* Where the headers of a TCP packet are. */
struct packet {
	uint8_t *l2, *l3, *l4;
	uint8_t *outer_l3; /* NULL: no tunnel */
	bool v6, outer_v6;
	uint32_t l4_len; /* header and data */
	uint32_t seq, ack;
	uint8_t flags;
};

static uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, uint16_t v)
{
	v = rte_cpu_to_be_16(v);
	memcpy(p, &v, sizeof(v));
}

static void put32(uint8_t *p, uint32_t v)
{
	v = rte_cpu_to_be_32(v);
	memcpy(p, &v, sizeof(v));
}

static uint32_t ip_size(bool v6)
{
	return v6 ? 40 : 20;
}

/* Reads Ethernet and IP without options at p. Returns the L4 protocol and *len, what IP says is
 * behind its header; -1 when it is something else, or longer than the bytes left. */
static int read_ip(const uint8_t *p, uint32_t left, bool *v6, uint32_t *len)
{
	uint32_t size;

	if (left < ETH_SIZE + 20)
		return -1;
	*v6 = get16(p + 12) == 0x86dd;
	size = ip_size(*v6);
	if (!*v6 && (get16(p + 12) != 0x0800 || p[ETH_SIZE] != 0x45))
		return -1;
	if (left < ETH_SIZE + size)
		return -1;
	p += ETH_SIZE;
	*len = *v6 ? get16(p + 4) : get16(p + 2) - 20u;
	if (*len > left - ETH_SIZE - size)
		return -1;
	return *v6 ? p[6] : p[9];
}

/* The sum over TCP and its pseudo-header. */
static uint16_t l4_sum(const struct packet *k)
{
	uint32_t addresses = k->v6 ? 32 : 8;
	uint32_t sum = rte_cpu_to_be_16(IPPROTO_TCP) + rte_cpu_to_be_16(k->l4_len);

	sum += headers_sum(k->l3 + (k->v6 ? 8 : 12), addresses);
	return headers_fold(sum + headers_sum(k->l4, k->l4_len));
}

static bool read_packet(struct rte_mbuf *m, struct packet *ret)
{
	struct packet k = {.l2 = rte_pktmbuf_mtod(m, uint8_t *)};
	uint32_t left = m->data_len, skip;
	int proto;

	if (m->nb_segs != 1)
		return false;
	proto = read_ip(k.l2, left, &k.v6, &k.l4_len);
	if (proto == IPPROTO_UDP && k.l4_len >= 16) {
		skip = ETH_SIZE + ip_size(k.v6) + 16;
		if (get16(k.l2 + skip - 14) != HEADERS_VXLAN_UDP)
			return false;
		k.outer_l3 = k.l2 + ETH_SIZE;
		k.outer_v6 = k.v6;
		k.l2 += skip;
		left -= skip;
		proto = read_ip(k.l2, left, &k.v6, &k.l4_len);
	}
	if (proto != IPPROTO_TCP || k.l4_len < TCP_SIZE)
		return false;
	k.l3 = k.l2 + ETH_SIZE;
	k.l4 = k.l3 + ip_size(k.v6);
	k.seq = get32(k.l4 + 4);
	k.ack = get32(k.l4 + 8);
	k.flags = k.l4[13] & (FIN | SYN | RST | ACK);
	*ret = k;
	return true;
}

static void swap(uint8_t *a, uint8_t *b, uint32_t n)
{
	uint8_t old[16];

	memcpy(old, a, n);
	memcpy(a, b, n);
	memcpy(b, old, n);
}

static void finish_ip(uint8_t *l3, bool v6, uint32_t len)
{
	uint16_t sum;

	if (v6) {
		put16(l3 + 4, len);
		l3[7] = 64;
		return;
	}
	put16(l3 + 2, 20 + len);
	l3[8] = 64;
	memset(l3 + 10, 0, 2);
	sum = ~headers_sum(l3, 20);
	memcpy(l3 + 10, &sum, 2);
}

static void swap_ends(uint8_t *l3, bool v6)
{
	swap(l3 - ETH_SIZE, l3 - ETH_SIZE + 6, 6);
	if (v6)
		swap(l3 + 8, l3 + 24, 16);
	else
		swap(l3 + 12, l3 + 16, 4);
}

static void set_tcp(struct packet *k, uint32_t seq, uint32_t ack, uint8_t flags)
{
	uint16_t sum;

	put32(k->l4 + 4, seq);
	put32(k->l4 + 8, ack);
	k->l4[12] = 5 << 4;
	k->l4[13] = flags;
	put16(k->l4 + 14, 65535);
	memset(k->l4 + 16, 0, 4);
	k->l4_len = TCP_SIZE;
	sum = ~l4_sum(k);
	memcpy(k->l4 + 16, &sum, 2);
}

/* Makes m n bytes long; switches may have cut the padding off. */
static bool set_size(struct rte_mbuf *m, uint32_t n)
{
	uint32_t had = m->data_len;

	if (n > had + rte_pktmbuf_tailroom(m))
		return false;
	if (n > had)
		memset(rte_pktmbuf_mtod_offset(m, uint8_t *, had), 0, n - had);
	m->data_len = m->pkt_len = n;
	return true;
}

/* Turns a packet into its answer, without options and data. False: there is no room for it. */
static bool turn(struct rte_mbuf *m, struct packet *k, uint32_t seq, uint32_t ack, uint8_t flags)
{
	uint32_t inner = ETH_SIZE + ip_size(k->v6) + TCP_SIZE;

	if (inner < PROFILE_FRAME_MIN)
		inner = PROFILE_FRAME_MIN;
	if (!set_size(m, k->l2 - rte_pktmbuf_mtod(m, uint8_t *) + inner))
		return false;
	swap_ends(k->l3, k->v6);
	swap(k->l4, k->l4 + 2, 2);
	set_tcp(k, seq, ack, flags);
	finish_ip(k->l3, k->v6, TCP_SIZE);
	if (k->outer_l3) {
		swap_ends(k->outer_l3, k->outer_v6);
		finish_ip(k->outer_l3, k->outer_v6, 16 + inner);
		put16(k->l2 - 12, 16 + inner);
		memset(k->l2 - 10, 0, 2);
	}
	m->ol_flags = 0;
	return true;
}

static void queue_put(struct tcp *t, struct tcp_queue *q, struct rte_mbuf *m)
{
	if (q->n == TCP_QUEUE_SIZE) {
		t->dropped++;
		rte_pktmbuf_free(m);
		return;
	}
	q->pkts[q->n++] = m;
}

static void queue_flush(struct tcp *t, struct tcp_queue *q)
{
	uint16_t sent;

	if (q->n == 0)
		return;
	sent = rte_eth_tx_burst(q->port->id, 0, q->pkts, q->n);
	t->packets_sent += sent;
	q->n -= sent;
	if (sent > 0 && q->n > 0)
		memmove(q->pkts, q->pkts + sent, q->n * sizeof(q->pkts[0]));
}

static void answer(struct tcp *t, struct tcp_queue *q, struct rte_mbuf *m, struct packet *k,
	uint32_t seq, uint32_t ack, uint8_t flags)
{
	if (turn(m, k, seq, ack, flags)) {
		queue_put(t, q, m);
		return;
	}
	t->bad++;
	rte_pktmbuf_free(m);
}

/* What the server's first number is follows from the addresses: it remembers nothing. */
static uint32_t server_isn(const struct tcp *t, const struct packet *k)
{
	const uint8_t *l3 = k->l3;
	uint64_t ports = get32(k->l4), src = get32(l3 + (k->v6 ? 20 : 12));

	return random_mix(
		t->server_secret ^ ports << 32 ^ src ^ get32(l3 + (k->v6 ? 36 : 16)) * 31ull);
}

static void serve(struct tcp *t, struct rte_mbuf *m, struct packet *k)
{
	uint32_t isn = server_isn(t, k);

	switch (k->flags) {
	case SYN:
		answer(t, &t->server, m, k, isn, k->seq + 1, SYN | ACK);
		return;
	case FIN | ACK:
		if (k->ack != isn + 1)
			break;
		answer(t, &t->server, m, k, isn + 1, k->seq + 1, FIN | ACK);
		return;
	case ACK:
		if (k->ack != isn + 1 && k->ack != isn + 2)
			break;
		t->accepted += k->ack == isn + 1;
		t->finished += k->ack == isn + 2;
		rte_pktmbuf_free(m);
		return;
	}
	t->bad++;
	rte_pktmbuf_free(m);
}

static void close_connection(struct tcp *t, struct tcp_connection *c)
{
	c->state = TCP_CLOSED;
	t->n_open--;
}

/* The handshake's last packet, and the first of the end behind it. */
static void finish_handshake(
	struct tcp *t, struct tcp_connection *c, struct rte_mbuf *m, struct packet *k, uint64_t now)
{
	struct rte_mbuf *fin = rte_pktmbuf_alloc(t->s->pools[0]);
	uint32_t ack = k->seq + 1;

	t->established++;
	hdr_add(&t->s->latency, now - c->began);
	c->state = TCP_FIN_SENT;
	if (!turn(m, k, c->isn + 1, ack, ACK)) {
		t->bad++;
		rte_pktmbuf_free(m);
		rte_pktmbuf_free(fin);
		return;
	}
	if (fin) {
		uint8_t *from = rte_pktmbuf_mtod(m, uint8_t *),
			*to = rte_pktmbuf_mtod(fin, uint8_t *);
		struct packet f = *k;

		memcpy(to, from, m->data_len);
		fin->data_len = fin->pkt_len = m->data_len;
		f.l3 = to + (k->l3 - from);
		f.l4 = to + (k->l4 - from);
		set_tcp(&f, c->isn + 1, ack, FIN | ACK);
	}
	queue_put(t, &t->client, m);
	if (fin)
		queue_put(t, &t->client, fin);
	else
		t->dropped++;
}

static uint32_t src_ip_of(const struct packet *k)
{
	return get32(k->l3 + (k->v6 ? 20 : 12));
}

static uint32_t dst_ip_of(const struct packet *k)
{
	return get32(k->l3 + (k->v6 ? 36 : 16));
}

/* The connection of a packet to the client; NULL when its addresses are not a client's. */
static struct tcp_connection *find(const struct tcp *t, const struct packet *k)
{
	const struct stream_spec *s = t->s->spec;
	uint32_t dst_ip = dst_ip_of(k) - get32(&s->src_ip.b[12]);
	uint32_t src_ip = src_ip_of(k) - get32(&s->dst_ip.b[12]);
	uint32_t dst_port = get16(k->l4 + 2) - s->src_port, src_port = get16(k->l4) - s->dst_port;
	uint64_t i;

	if (k->v6 != (s->ip == 6) || dst_ip >= s->src_ips || src_ip >= s->dst_ips ||
		dst_port >= s->src_ports || src_port >= s->dst_ports)
		return NULL;
	i = ((uint64_t)src_ip * s->src_ips + dst_ip) * s->dst_ports + src_port;
	i = i * s->src_ports + dst_port;
	return i < t->n ? &t->connections[i] : NULL;
}

/* True when a packet to a server has the addresses that the stream's client uses. */
static bool is_of_client(const struct tcp *t, const struct packet *k)
{
	const struct stream_spec *s = t->s->spec;

	return k->v6 == (s->ip == 6) && src_ip_of(k) - get32(&s->src_ip.b[12]) < s->src_ips &&
	       dst_ip_of(k) - get32(&s->dst_ip.b[12]) < s->dst_ips &&
	       (uint32_t)get16(k->l4) - s->src_port < s->src_ports &&
	       (uint32_t)get16(k->l4 + 2) - s->dst_port < s->dst_ports;
}

/* The server of a port that a packet is for. One that was translated on its way may be for any: the
 * first one takes it. */
static struct tcp *server_at(const struct gen_port *p, const struct packet *k)
{
	struct tcp *any = NULL;

	for (uint32_t i = 0; i < p->n_connections; i++) {
		struct tcp *t = p->connections[i];

		if (t->server.port != p)
			continue;
		if (is_of_client(t, k))
			return t;
		if (!any)
			any = t;
	}
	return any;
}

static void client_input(
	struct tcp *t, struct tcp_connection *c, struct rte_mbuf *m, struct packet *k, uint64_t now)
{
	if (c->state == TCP_SYN_SENT && k->flags == (SYN | ACK) && k->ack == c->isn + 1) {
		finish_handshake(t, c, m, k, now);
		return;
	}
	if (c->state == TCP_FIN_SENT && k->flags == (FIN | ACK) && k->ack == c->isn + 2) {
		close_connection(t, c);
		t->s->received++;
		answer(t, &t->client, m, k, c->isn + 2, k->seq + 1, ACK);
		return;
	}
	t->bad++;
	rte_pktmbuf_free(m);
}

/* The client of a port that a packet is for, and its connection. */
static struct tcp *client_at(
	const struct gen_port *p, const struct packet *k, struct tcp_connection **ret)
{
	for (uint32_t i = 0; i < p->n_connections; i++) {
		struct tcp *t = p->connections[i];

		*ret = t->client.port == p ? find(t, k) : NULL;
		if (*ret)
			return t;
	}
	return NULL;
}

bool tcp_input(const struct gen_port *p, struct rte_mbuf *m, uint64_t now)
{
	struct tcp_connection *c = NULL;
	struct packet k;
	struct tcp *t;

	if (!read_packet(m, &k))
		return false;
	t = client_at(p, &k, &c);
	if (!t)
		t = server_at(p, &k);
	if (!t)
		return false;
	t->packets_received++;
	if (l4_sum(&k) != 0xffff) {
		t->bad++;
		rte_pktmbuf_free(m);
	} else if (c) {
		client_input(t, c, m, &k, now);
	} else {
		serve(t, m, &k);
	}
	return true;
}

static void expire(struct tcp *t, uint64_t now)
{
	for (uint32_t i = 0; i < EXPIRE_MAX && t->oldest != t->next; i++) {
		struct tcp_connection *c = &t->connections[t->oldest];

		if (c->state != TCP_CLOSED && now - c->began < t->timeout)
			return;
		if (c->state != TCP_CLOSED) {
			t->timed_out++;
			close_connection(t, c);
		}
		t->oldest = t->oldest + 1 == t->n ? 0 : t->oldest + 1;
	}
}

/* Sends the first packet of the next connection. False: it can't be now. */
static bool open_next(struct tcp *t, uint64_t now)
{
	uint32_t i = t->next, after = i + 1 == t->n ? 0 : i + 1;
	const struct headers *h = &t->s->headers[0];
	struct tcp_connection *c = &t->connections[i];
	const struct headers_layout *l = &t->s->layout;
	struct rte_mbuf *m;
	uint32_t isn;
	uint16_t sum;
	uint8_t *p;

	/* Answers come first. */
	if (after == t->oldest || t->n_open >= t->s->spec->concurrent ||
		t->client.n > TCP_QUEUE_SIZE / 4 || t->server.n > TCP_QUEUE_SIZE / 4)
		return false;
	if (rte_mempool_get(t->s->pools[0], (void **)&m) < 0)
		return false;
	isn = random_next(&t->random);
	*c = (struct tcp_connection){now, isn, TCP_SYN_SENT};
	tx_fill(t->s, h, m, &t->s->flows.table[i]);
	p = rte_pktmbuf_mtod(m, uint8_t *);
	put32(p + l->l4 + 4, isn);
	isn = rte_cpu_to_be_32(isn);
	sum = ~headers_fold(h->l4_sum + t->s->flows.table[i].l4_sum + (isn & 0xffff) + (isn >> 16));
	memcpy(p + l->l4_sum, &sum, 2);
	t->client.pkts[t->client.n++] = m;
	t->next = after;
	t->n_open++;
	return true;
}

void tcp_poll(struct gen *g, struct tcp *t, uint64_t now, bool opening)
{
	struct gen_stream *s = t->s;
	uint32_t due = 0, done = 0;

	if (opening)
		due = s->paced ? pace_due(&s->pace, now) : g->burst;
	if (due > g->burst)
		due = g->burst;
	if (due > s->limit - s->sent)
		due = s->limit - s->sent;
	expire(t, now);
	while (done < due && open_next(t, now))
		done++;
	s->sent += done;
	s->refused += s->full_drops ? due - done : 0;
	s->pace.done += s->full_drops ? due : done;
	queue_flush(t, &t->client);
	queue_flush(t, &t->server);
}

struct tcp *tcp_new(struct gen_stream *s, uint64_t hz, uint64_t seed)
{
	struct tcp *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->s = s;
	t->n = s->spec->flows;
	t->random = seed;
	t->server_secret = random_mix(~seed);
	t->timeout = hz * TCP_TIMEOUT_S;
	t->client.port = s->tx;
	t->server.port = s->rx;
	t->connections = calloc(t->n, sizeof(*t->connections));
	if (t->connections)
		return t;
	free(t);
	return NULL;
}

void tcp_clear(struct tcp *t)
{
	rte_pktmbuf_free_bulk(t->client.pkts, t->client.n);
	rte_pktmbuf_free_bulk(t->server.pkts, t->server.n);
	t->client.n = t->server.n = 0;
	for (uint32_t i = 0; i < t->n && t->n_open > 0; i++)
		if (t->connections[i].state != TCP_CLOSED)
			close_connection(t, &t->connections[i]);
	t->oldest = t->next;
	t->established = t->accepted = t->finished = t->timed_out = t->bad = t->dropped = 0;
	t->packets_sent = t->packets_received = 0;
}

void tcp_free(struct tcp *t)
{
	if (!t)
		return;
	tcp_clear(t);
	free(t->connections);
	free(t);
}
