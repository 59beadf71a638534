/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys of streams and their values. What values mean together is in profile_check.c.
 */
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "profile.h"

enum value_type {
	VALUE_NAME,
	VALUE_NUMBER, /* uint32_t */
	VALUE_REAL,
	VALUE_RATE,
	VALUE_BOOL,
	VALUE_CHOICE, /* uint32_t: which of the words of meta, which "|" divides */
	VALUE_PORT,
	VALUE_MAC,
	VALUE_ADDR,
	VALUE_SIZES,
	VALUE_IP, /* 4 or 6 */
};

/* X(key, field, type, min, max, "values", "help") */
#define KEYS(X)                                                                                    \
	X(name, name, NAME, 0, 0, "TEXT", "what reports call it")                                  \
	X(scenario, scenario, NAME, 0, 0, "TEXT",                                                  \
		"rfc8204 runs streams of the same one together; those of none always")             \
	X(kind, kind, CHOICE, 0, 0, "packets|connections",                                         \
		"packets, or whole TCP connections: handshake and teardown, 6 packets")            \
	X(proto, proto, CHOICE, 0, 0, "udp|tcp|icmp", "protocol of packets")                       \
	X(ip, ip, IP, 0, 0, "4|6", "IP version")                                                   \
	X(tx, tx, PORT, 0, PROFILE_PORTS_MAX - 1, "N|none", "port to send to, counted from 0")     \
	X(rx, rx, PORT, 0, PROFILE_PORTS_MAX - 1, "N|none",                                        \
		"port where they are expected; the default is the other port")                     \
	X(tenant, tenant, NUMBER, 0, 255, "N",                                                     \
		"a packet on a port where no stream of this tenant ends is a leak")                \
	X(background, background, BOOL, 0, 0, "yes|no", "searches leave the stream's rate alone")  \
	X(mark, mark, BOOL, 0, 0, "yes|no",                                                        \
		"sequence number and time in each packet (needs 18 bytes of payload)")             \
	X(syn, syn, BOOL, 0, 0, "yes|no", "TCP packets are SYNs")                                  \
	X(rate, rate, RATE, 0, 0, "N[k|M|G]|max", "packets or connections per second")             \
	X(full, full, CHOICE, 0, 0, "auto|wait|drop",                                              \
		"when the port takes no more: wait, or count as lost; auto waits at rate max")     \
	X(size, sizes, SIZES, PROFILE_FRAME_MIN, PROFILE_FRAME_MAX, "N|imix|N:WEIGHT,...",         \
		"bytes of a frame without FCS, before encapsulation")                              \
	X(flows, flows, NUMBER, 1, PROFILE_FLOWS_MAX, "N",                                         \
		"number of flows; connections: of different ones (1M)")                            \
	X(order, order, CHOICE, 0, 0, "sequence|uniform|zipf|new",                                 \
		"which flow comes next; new: each packet opens one")                               \
	X(skew, skew, REAL, 0, 4, "X", "exponent of zipf")                                         \
	X(src_ports, src_ports, NUMBER, 1, 65536, "N", "number of source ports")                   \
	X(dst_ports, dst_ports, NUMBER, 1, 65536, "N", "number of destination ports")              \
	X(src_ips, src_ips, NUMBER, 1, PROFILE_FLOWS_MAX, "N", "number of source addresses")       \
	X(dst_ips, dst_ips, NUMBER, 1, PROFILE_FLOWS_MAX, "N", "number of destination addresses")  \
	X(src_macs, src_macs, BOOL, 0, 0, "yes|no", "each source address has its MAC")             \
	X(dst_macs, dst_macs, BOOL, 0, 0, "yes|no", "each destination address has its MAC")        \
	X(concurrent, concurrent, NUMBER, 1, PROFILE_FLOWS_MAX, "N", "connections open at a time") \
	X(src_mac, src_mac, MAC, 0, 0, "MAC", "source MAC")                                        \
	X(dst_mac, dst_mac, MAC, 0, 0, "MAC", "destination MAC")                                   \
	X(src_ip, src_ip, ADDR, 0, 0, "ADDRESS", "first source address")                           \
	X(dst_ip, dst_ip, ADDR, 0, 0, "ADDRESS", "first destination address")                      \
	X(src_port, src_port, NUMBER, 0, 65535, "N", "first source port; ICMP: identifier")        \
	X(dst_port, dst_port, NUMBER, 0, 65535, "N", "first destination port; ICMP: sequence")     \
	X(ttl, ttl, NUMBER, 1, 255, "N", "TTL or hop limit")                                       \
	X(tos, tos, NUMBER, 0, 255, "N", "DSCP and ECN")                                           \
	X(encap, encap, CHOICE, 0, 0, "none|vxlan", "tunnel around what is sent")                  \
	X(rx_encap, rx_encap, CHOICE, 0, 0, "none|vxlan",                                          \
		"tunnel around what comes back with --both")                                       \
	X(vni, vni, NUMBER, 0, 0xffffff, "N", "first VNI")                                         \
	X(vnis, vnis, NUMBER, 1, PROFILE_FLOWS_MAX, "N", "number of VNIs")                         \
	X(outer_src_mac, outer_src_mac, MAC, 0, 0, "MAC", "source MAC of the tunnel")              \
	X(outer_dst_mac, outer_dst_mac, MAC, 0, 0, "MAC", "destination MAC of the tunnel")         \
	X(outer_src_ip, outer_src_ip, ADDR, 0, 0, "ADDRESS", "the (first) sending VTEP")           \
	X(outer_dst_ip, outer_dst_ip, ADDR, 0, 0, "ADDRESS", "the receiving VTEP")                 \
	X(outer_src_ips, outer_src_ips, NUMBER, 1, 65536, "N", "number of sending VTEPs")

const struct profile_key profile_keys[] = {
#define KEY_PUBLIC(key, field, type, min, max, meta, help) {#key, meta, help},
	KEYS(KEY_PUBLIC)
#undef KEY_PUBLIC
};
const unsigned int profile_n_keys = sizeof(profile_keys) / sizeof(profile_keys[0]);

/* How to store the key at the same place of profile_keys. */
static const struct {
	enum value_type type;
	size_t offset;
	double min, max;
} key_store[] = {
#define KEY_STORE(key, field, type, min, max, meta, help)                                          \
	{VALUE_##type, offsetof(struct stream_spec, field), min, max},
	KEYS(KEY_STORE)
#undef KEY_STORE
};

static_assert(sizeof(key_store) / sizeof(key_store[0]) <= 64, "a bit for each (profile_read.c)");

const char *const profile_test_names[N_PROFILE_TESTS] = {
#define PROFILE_TEST_NAME(id, name) name,
	PROFILE_TESTS(PROFILE_TEST_NAME)
#undef PROFILE_TEST_NAME
};
#define ALL_TESTS	((1u << N_PROFILE_TESTS) - 1)
#define NEED_THROUGHPUT (1u << PROFILE_TEST_LATENCY | 1u << PROFILE_TEST_SOAK)

static const struct size_share imix[] = {{64, 7}, {570, 4}, {1514, 1}};

int profile_number(const char *text, double min, double max, double *ret)
{
	char *end;
	double v;

	if (*text < '0' || *text > '9') /* no sign, no space, no "inf" */
		return -EINVAL;
	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		return -EINVAL;
	v = strtod(text, &end);
	if (*end == 'k' || *end == 'M' || *end == 'G')
		v *= *end == 'k' ? 1e3 : *end == 'M' ? 1e6 : 1e9, end++;
	if (*end != '\0' || !(v >= min) || !(v <= max))
		return -EINVAL;
	*ret = v;
	return 0;
}

/* Which of words, which "|" divides, or -EINVAL. */
static int which_word(const char *words, const char *text)
{
	size_t len = strlen(text), n;

	for (int i = 0; *words; i++) {
		n = strcspn(words, "|");
		if (n == len && memcmp(words, text, n) == 0)
			return i;
		words += n + (words[n] == '|');
	}
	return -EINVAL;
}

/* Reads "N" or "N:WEIGHT" at *text and moves behind it. */
static int read_share(const char **text, double min, double max, struct size_share *ret)
{
	char *end;
	unsigned long size, weight = 1;

	if (**text < '0' || **text > '9')
		return -EINVAL;
	size = strtoul(*text, &end, 10);
	if (*end == ':') {
		if (end[1] < '0' || end[1] > '9')
			return -EINVAL;
		weight = strtoul(end + 1, &end, 10);
	}
	if (size < min || size > max || weight == 0 || weight > PROFILE_WEIGHT_MAX)
		return -EINVAL;
	*ret = (struct size_share){size, weight};
	*text = end;
	return 0;
}

static int set_sizes(struct stream_spec *s, const char *text, double min, double max)
{
	struct size_share sizes[PROFILE_SIZES_MAX];
	uint32_t n = 0, weight = 0;

	if (strcmp(text, "imix") == 0) {
		memcpy(s->sizes, imix, sizeof(imix));
		s->n_sizes = sizeof(imix) / sizeof(imix[0]);
		s->imix = true;
		return 0;
	}
	do {
		if (n == PROFILE_SIZES_MAX || read_share(&text, min, max, &sizes[n]) < 0)
			return -EINVAL;
		weight += sizes[n++].weight;
	} while (*text++ == ',');
	if (text[-1] != '\0' || weight > PROFILE_WEIGHT_MAX)
		return -EINVAL;
	memcpy(s->sizes, sizes, n * sizeof(sizes[0]));
	s->n_sizes = n;
	s->imix = false;
	return 0;
}

static int set_name(char *name, const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len >= PROFILE_NAME_SIZE)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] == 0x7f || strchr("\",\\", text[i]))
			return -EINVAL;
	memcpy(name, text, len + 1);
	return 0;
}

static int set_whole(uint32_t *field, const char *text, double min, double max)
{
	double v;

	if (profile_number(text, min, max, &v) < 0 || v != floor(v))
		return -EINVAL;
	*field = v;
	return 0;
}

static int set_rate(double *field, const char *text)
{
	double v;

	if (strcmp(text, "max") == 0) {
		*field = 0;
		return 0;
	}
	if (profile_number(text, 1e-3, 1e9, &v) < 0)
		return -EINVAL;
	*field = v;
	return 0;
}

static int set_port(int32_t *field, const char *text, double max)
{
	uint32_t v;

	if (strcmp(text, "none") == 0) {
		*field = PROFILE_NO_PORT;
		return 0;
	}
	if (set_whole(&v, text, 0, max) < 0)
		return -EINVAL;
	*field = v;
	return 0;
}

static int set_bool(bool *field, const char *text)
{
	int i = which_word("yes|no|true|false", text);

	if (i < 0)
		return -EINVAL;
	*field = i % 2 == 0;
	return 0;
}

static int set_choice(uint32_t *field, const char *words, const char *text)
{
	int i = which_word(words, text);

	if (i < 0)
		return -EINVAL;
	*field = i;
	return 0;
}

static int set_ip_version(uint32_t *field, const char *text)
{
	if (strcmp(text, "4") != 0 && strcmp(text, "6") != 0)
		return -EINVAL;
	*field = *text - '0';
	return 0;
}

static int set_value(struct stream_spec *s, unsigned int key, const char *text)
{
	void *field = (char *)s + key_store[key].offset;
	double min = key_store[key].min, max = key_store[key].max;

	switch (key_store[key].type) {
	case VALUE_NAME:
		return set_name(field, text);
	case VALUE_NUMBER:
		return set_whole(field, text, min, max);
	case VALUE_REAL:
		return profile_number(text, min, max, field);
	case VALUE_RATE:
		return set_rate(field, text);
	case VALUE_BOOL:
		return set_bool(field, text);
	case VALUE_CHOICE:
		return set_choice(field, profile_keys[key].meta, text);
	case VALUE_PORT:
		return set_port(field, text, max);
	case VALUE_MAC:
		return weft_mac_parse(text, field);
	case VALUE_ADDR:
		return weft_addr_parse(text, field);
	case VALUE_SIZES:
		return set_sizes(s, text, min, max);
	case VALUE_IP:
		return set_ip_version(field, text);
	}
	return -EINVAL;
}

int profile_set(struct stream_spec *s, const char *key, const char *value, char *err)
{
	for (unsigned int i = 0; i < profile_n_keys; i++) {
		if (strcmp(profile_keys[i].name, key) != 0)
			continue;
		if (set_value(s, i, value) == 0)
			return 0;
		if (key_store[i].max > 0)
			snprintf(err, PROFILE_ERROR_SIZE, "%s: %.60s is not %s (%.0f to %.0f)", key,
				value, profile_keys[i].meta, key_store[i].min, key_store[i].max);
		else
			snprintf(err, PROFILE_ERROR_SIZE, "%s: %.60s is not %s", key, value,
				profile_keys[i].meta);
		return -EINVAL;
	}
	snprintf(err, PROFILE_ERROR_SIZE, "%.60s: streams have no such key", key);
	return -EINVAL;
}

static int add_port(struct profile *p, const char *text, char *err)
{
	if (p->n_ports == PROFILE_PORTS_MAX) {
		snprintf(err, PROFILE_ERROR_SIZE, "ports: at most %d", PROFILE_PORTS_MAX);
		return -EINVAL;
	}
	if (*text == '\0' || strlen(text) >= PROFILE_DEVICE_SIZE) {
		snprintf(err, PROFILE_ERROR_SIZE, "ports: %.60s: must have 1 to %d characters",
			text, PROFILE_DEVICE_SIZE - 1);
		return -EINVAL;
	}
	snprintf(p->ports[p->n_ports++], PROFILE_DEVICE_SIZE, "%s", text);
	return 0;
}

static int find_test(const char *name, size_t len)
{
	for (unsigned int i = 0; i < N_PROFILE_TESTS; i++)
		if (strlen(profile_test_names[i]) == len &&
			memcmp(profile_test_names[i], name, len) == 0)
			return i;
	return -EINVAL;
}

/* A list with commas. */
static int set_tests(struct profile *p, const char *text, char *err)
{
	uint32_t tests = 0;
	int i;

	for (const char *at = text;; at += strcspn(at, ",") + 1) {
		i = find_test(at, strcspn(at, ","));
		if (i < 0) {
			snprintf(err, PROFILE_ERROR_SIZE,
				"tests: %.60s is not a list of throughput, latency, loss, burst, "
				"recovery, soak",
				text);
			return -EINVAL;
		}
		tests |= 1u << i;
		if (at[strcspn(at, ",")] == '\0')
			break;
	}
	if ((tests & NEED_THROUGHPUT) && !(tests >> PROFILE_TEST_THROUGHPUT & 1)) {
		snprintf(err, PROFILE_ERROR_SIZE,
			"tests: %.60s: latency and soak need throughput, whose share they send",
			text);
		return -EINVAL;
	}
	p->tests = tests;
	return 0;
}

int profile_set_global(struct profile *p, const char *key, const char *value, char *err)
{
	if (strcmp(key, "ports") == 0)
		return add_port(p, value, err);
	if (strcmp(key, "duration") == 0) {
		if (profile_number(value, 0.01, 1e6, &p->duration) == 0)
			return 0;
		snprintf(err, PROFILE_ERROR_SIZE,
			"duration: %.60s is not seconds (0.01 to 1000000)", value);
		return -EINVAL;
	}
	if (strcmp(key, "seed") == 0) {
		if (set_whole(&p->seed, value, 0, UINT32_MAX) == 0)
			return 0;
		snprintf(err, PROFILE_ERROR_SIZE, "seed: %.60s is not a number (0 to %u)", value,
			UINT32_MAX);
		return -EINVAL;
	}
	if (strcmp(key, "tests") == 0)
		return set_tests(p, value, err);
	snprintf(err, PROFILE_ERROR_SIZE, "%.60s: profiles have no such key", key);
	return -EINVAL;
}

void profile_init(struct profile *p)
{
	*p = (struct profile){.duration = 10, .seed = 1, .tests = ALL_TESTS};
}

void profile_stream_init(struct stream_spec *s)
{
	*s = (struct stream_spec){
		.ip = 4,
		.rx = PROFILE_NEXT_PORT,
		.mark = true,
		.n_sizes = 1,
		.sizes = {{64, 1}},
		.flows = 1,
		.skew = 1,
		.concurrent = 100000,
		.src_mac = {{2, 0, 0, 0, 0, 1}},
		.dst_mac = {{2, 0, 0, 0, 0, 2}},
		.src_port = 1024,
		.dst_port = 5001,
		.ttl = 64,
		.vnis = 1,
		.vni = 100,
		.outer_src_mac = {{2, 0xaa, 0, 0, 0, 2}},
		.outer_dst_mac = {{2, 0xaa, 0, 0, 0, 1}},
		.outer_src_ips = 1,
	};
}

uint32_t profile_header_size(const struct stream_spec *s)
{
	uint32_t l4 = s->proto == STREAM_TCP ? 20 : 8;

	return 14 + (s->ip == 6 ? 40 : 20) + l4;
}

double profile_mean_size(const struct stream_spec *s)
{
	double bytes = 0, weight = 0;

	for (uint32_t i = 0; i < s->n_sizes; i++) {
		bytes += (double)s->sizes[i].size * s->sizes[i].weight;
		weight += s->sizes[i].weight;
	}
	return bytes / weight;
}
