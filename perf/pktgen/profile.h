/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is to be sent: streams, each from one port to one port. One table of keys serves profile
 * files, options, and the help; one function judges values, another what they mean together.
 * Knows no DPDK.
 */
#ifndef PKTGEN_PROFILE_H
#define PKTGEN_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weft/addr.h>

#define PROFILE_STREAMS_MAX 32
#define PROFILE_PORTS_MAX   16
#define PROFILE_SIZES_MAX   16
#define PROFILE_NAME_SIZE   32
#define PROFILE_DEVICE_SIZE 256
#define PROFILE_FLOWS_MAX   (16u << 20)
#define PROFILE_FRAME_MIN   60
#define PROFILE_FRAME_MAX   9216
#define PROFILE_WEIGHT_MAX  256 /* of all sizes together */
#define PROFILE_ERROR_SIZE  256
#define PROFILE_NO_PORT	    (-1)
#define PROFILE_NEXT_PORT   (-2)

enum stream_kind {
	STREAM_PACKETS,
	STREAM_CONNECTIONS
};
enum stream_proto {
	STREAM_UDP,
	STREAM_TCP,
	STREAM_ICMP
};
enum stream_order {
	ORDER_SEQUENCE,
	ORDER_UNIFORM,
	ORDER_ZIPF,
	ORDER_NEW
};
enum stream_encap {
	ENCAP_NONE,
	ENCAP_VXLAN
};
enum stream_full {
	FULL_AUTO,
	FULL_WAIT,
	FULL_DROP
};

/* What RFC 2544 (section 26) tests, and soak. X(IDENTIFIER, "name") */
#define PROFILE_TESTS(X)                                                                           \
	X(THROUGHPUT, "throughput")                                                                \
	X(LATENCY, "latency")                                                                      \
	X(LOSS, "loss")                                                                            \
	X(BURST, "burst")                                                                          \
	X(RECOVERY, "recovery")                                                                    \
	X(SOAK, "soak")

enum profile_test {
#define PROFILE_TEST_ENUM(id, name) PROFILE_TEST_##id,
	PROFILE_TESTS(PROFILE_TEST_ENUM)
#undef PROFILE_TEST_ENUM
	N_PROFILE_TESTS
};
extern const char *const profile_test_names[N_PROFILE_TESTS];

struct size_share {
	uint16_t size;
	uint16_t weight;
};

struct stream_spec {
	char name[PROFILE_NAME_SIZE];
	char scenario[PROFILE_NAME_SIZE]; /* empty: in all of them */
	uint32_t kind;			  /* enum stream_kind */
	uint32_t proto;			  /* enum stream_proto */
	uint32_t ip;			  /* 4 or 6 */
	int32_t tx, rx; /* port, or PROFILE_NO_PORT, or before profile_check PROFILE_NEXT_PORT */
	uint32_t tenant;
	bool background; /* its rate is not searched for */
	bool mark;	 /* packets carry sequence number and time */
	bool syn;	 /* TCP: SYN in place of ACK */
	double rate;	 /* per second, 0: as fast as it goes */
	uint32_t full;	 /* enum stream_full */

	uint32_t n_sizes;
	struct size_share sizes[PROFILE_SIZES_MAX]; /* frames without FCS; inner ones with encap */
	bool imix;				    /* sizes are raised to what fits */

	uint32_t flows;
	uint32_t order; /* enum stream_order */
	double skew;	/* exponent of Zipf's law */
	/* How many values each field takes, the first one first; 0: as many as flows need. */
	uint32_t src_ports, dst_ports, src_ips, dst_ips;
	bool src_macs, dst_macs; /* one MAC for each address */
	uint32_t concurrent;	 /* connections: open at most */

	struct weft_mac src_mac, dst_mac;
	struct weft_addr src_ip, dst_ip; /* all zero: a default of the family */
	uint32_t src_port, dst_port;
	uint32_t ttl, tos;

	uint32_t encap;	   /* enum stream_encap */
	uint32_t rx_encap; /* what the opposite direction is sent in */
	uint32_t vni, vnis;
	struct weft_mac outer_src_mac, outer_dst_mac;
	struct weft_addr outer_src_ip, outer_dst_ip;
	uint32_t outer_src_ips;
};

struct profile {
	double duration; /* seconds */
	uint32_t seed;
	uint32_t tests; /* of rfc8204: bits of enum profile_test */
	uint32_t n_ports;
	char ports[PROFILE_PORTS_MAX][PROFILE_DEVICE_SIZE];
	uint32_t n_streams;
	struct stream_spec streams[PROFILE_STREAMS_MAX];
};

/* A key of a stream. */
struct profile_key {
	const char *name; /* with underscores; its option has hyphens */
	const char *meta; /* what a value looks like */
	const char *help;
};
extern const struct profile_key profile_keys[];
extern const unsigned int profile_n_keys;

/* No streams, no ports; defaults for the rest. */
void profile_init(struct profile *p);
/* A stream with the values that stand when nothing is said. */
void profile_stream_init(struct stream_spec *s);

/* Sets a key from text. Returns 0, or -EINVAL with a sentence in err (PROFILE_ERROR_SIZE) that
 * names the key; then *s is untouched. */
int profile_set(struct stream_spec *s, const char *key, const char *value, char *err);
/* The same for the keys of the profile itself: duration, seed, tests, ports (adds one). */
int profile_set_global(struct profile *p, const char *key, const char *value, char *err);

/* Reads a whole YAML document into p, behind what is there. Returns 0, -EINVAL, or -E2BIG; says why
 * in err, with the line. p may be changed in part then. */
int profile_read(struct profile *p, const char *text, size_t size, char *err);

/* Adds for each stream of a checked profile one in the opposite direction, of the same flows.
 * Returns 0 or -EINVAL. */
int profile_both_ways(struct profile *p, char *err);
/* Settles what is open (ports, addresses, counts) and checks what values mean together. Returns 0
 * or -EINVAL with the stream and the key in err. */
int profile_check(struct profile *p, char *err);

/* The stream that answers s: ends exchanged. */
void profile_mirror(const struct stream_spec *s, struct stream_spec *ret);
/* Bytes of a frame's headers through L4, without those of a tunnel. */
uint32_t profile_header_size(const struct stream_spec *s);
/* The mean size of s's frames. */
double profile_mean_size(const struct stream_spec *s);

/* A positive number with an optional k, M or G. Returns 0 or -EINVAL. */
int profile_number(const char *text, double min, double max, double *ret);

#endif
