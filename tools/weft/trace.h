/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of weft trace and weft check share. One thread; errors are printed where they are
 * found, and functions return an enum cli_exit unless told otherwise.
 */
#ifndef WEFT_CLI_TRACE_H
#define WEFT_CLI_TRACE_H

#include "cli.h"

/* -- trace_hosts.c: the hosts that may be asked */

#define HOSTS_MAX 16

struct trace_host {
	struct cli cli;
	char *name;
	struct json_object *vteps; /* its own, an array of text; NULL until hosts_meet */
	struct json_object *ran;   /* requests that ran there, in order */
};

/* The first one is this command's own weftd. */
struct trace_hosts {
	struct trace_host host[HOSTS_MAX];
	size_t n;
	size_t turn; /* of hosts_next */
};

void hosts_init(struct trace_hosts *h, const struct cli *cli);
/* NAME=SOCKET */
int hosts_add_peer(struct trace_hosts *h, const char *arg);
/* Asks each who it is; a peer by another name than told is an error. */
int hosts_meet(struct trace_hosts *h);
/* NULL: none of them has that address. */
struct trace_host *hosts_by_vtep(struct trace_hosts *h, const char *vtep);
struct trace_host *hosts_by_name(struct trace_hosts *h, const char *name);
/* Its own VTEP of the family of another one, or "". */
const char *host_vtep_toward(const struct trace_host *h, const char *vtep);
/* *ret becomes the host of a port, when it is one of these; else it stays. ret_port may be NULL;
 * the caller puts *ret_port, the port's fields. */
int hosts_of_port(struct trace_hosts *h, const char *port, struct trace_host **ret,
	struct json_object **ret_port);
/* The next notification of any of them: *ret_host sent *ret, which the caller puts; *ret NULL when
 * none came within wait_ms. */
int hosts_next(
	struct trace_hosts *h, int wait_ms, struct trace_host **ret_host, struct json_object **ret);
void hosts_close(struct trace_hosts *h);

/* -- trace_packet.c: a packet as words and options */

/* Reads one of a packet's options at argv[0] into packet, as trace.run takes it. Returns the words
 * taken, 0: another option, or -1 after printing why. */
int packet_option(struct json_object *packet, int argc, char **argv);
/* The words "tcp 10.0.0.2 80" into packet. */
int packet_words(struct json_object *packet, int n, char **words);
/* "80" to an integer of ret. what: for the error. */
int read_number(const char *what, const char *text, uint64_t max, uint64_t *ret);
/* The name of a protocol as trace.run takes it ("icmp6" is icmpv6), or NULL. */
const char *protocol_name(const char *word);
/* hex: digits, or "-" for standard input. To the member frame of request. */
int frame_from_hex(const char *hex, struct json_object *request);
/* The bytes of a frame to the member frame of request. */
void frame_set(struct json_object *request, const uint8_t *b, size_t n);
/* trace_pcap.c: frame number (from 1) of a pcap or pcapng file. */
int frame_from_pcap(const char *path, uint64_t number, struct json_object *request);

/* -- journey.c: one packet from host to host */

struct journey {
	struct trace_hosts *hosts;
	bool answers;		  /* the recipient's answer too */
	struct json_object *legs; /* one for each host that it passes, in order; answers last */
};

/* Runs request (put afterwards) on start and goes on wherever a host is known. */
int journey_run(struct journey *j, struct trace_host *start, struct json_object *request);
/* The leg that decides what becomes of the question, or of the answer; NULL: there is none. */
struct json_object *journey_end(const struct journey *j, bool answer);
void journey_close(struct journey *j);
/* A verdict with which a packet got through. */
bool verdict_is_good(const char *verdict);

/* -- trace.c */

/* One line for each step. */
void print_steps(struct json_object *steps, const char *indent);

/* -- trace_filter.c: which packets, in words like tcpdump's */

#define FILTER_TERMS_MAX 16

enum filter_kind {
	FILTER_ADDRESS,
	FILTER_PORT,
	FILTER_FAMILY
};
enum filter_side {
	EITHER,
	SOURCE,
	DESTINATION
};

struct filter_term {
	enum filter_kind kind;
	enum filter_side side;
	const char *text; /* address or prefix */
	uint64_t number;  /* port; or whether it is IPv6 */
};

struct packet_filter {
	struct json_object *watch; /* parameters of trace.watch; may let more through */
	struct filter_term terms[FILTER_TERMS_MAX];
	size_t n_terms;
};

int filter_read(struct packet_filter *f, int n, char **words);
/* Whether a packet's step "parsed" is as the words say. */
bool filter_passes(const struct packet_filter *f, struct json_object *parsed);
void filter_close(struct packet_filter *f);

/* -- trace_live.c */

struct live_options {
	uint64_t count;	  /* packets; 0: any number */
	uint64_t seconds; /* 0: for ever */
	uint64_t rate;	  /* packets per second and worker; 0: weftd's default */
};

int live_run(struct trace_hosts *h, const struct live_options *o, int n, char **words);
/* The step of that name, or NULL. */
struct json_object *find_step(struct json_object *steps, const char *name);

/* -- check_remedy.c: what to do about the drop of a leg, or NULL. Caller frees. */
char *remedy_text(struct trace_hosts *h, struct json_object *leg);

/* -- check_probe.c */

/* Sends the frame of the journey's first leg for real and watches it on all hosts. *ret_agrees:
 * its steps were the foretold ones. Adds what happened to report. */
int probe_run(const struct journey *j, struct json_object *report, bool *ret_agrees);
void probe_print(struct json_object *report);

#endif
