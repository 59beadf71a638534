/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The generator of perf/run for ports that live in the kernel: puts frames into veth interfaces as
 * fast as the kernel makes them (BPF_PROG_TEST_RUN with live frames, one thread, its time is the
 * source's alone), and counts them at interfaces where they come out again.
 *
 * What is measured stands between the other ends of these. Before, packet sockets send each flow
 * three times both ways, at a rate that lets sessions be made and answered.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "fastpath.h"
#include "fastpath.skel.h"

#define FRAME_MAX     1600
#define SOURCE_RUN    (1u << 22)
#define PRIME_TIMES   3
#define SETTLE_US     300000 /* that a session takes into the fast path, and more */
#define INTERVALS_MAX 4096

struct source {
	const char *device;
	bool primes_only;
	uint32_t port_at, len;
	uint8_t frame[FRAME_MAX];
	int fd; /* packet socket */
};

struct interval {
	double at, clock, rate;
};

static struct source sources[2];
static unsigned int n_sources, n_sinks;
static struct fastpath *bpf;
static const char *sinks[2], *wire;
static bool sink_by_xdp[2];
static uint32_t sink_len[2];
static int netns = -1;
static uint32_t n_flows = 1000;
static double duration = 2, interval = 0.25, prime_rate = 20000;
static int core = 1;

static pthread_t main_thread;
static atomic_bool stop, ended; /* ended: early, by SIGINT */
static struct interval intervals[INTERVALS_MAX];
static unsigned int n_intervals;

static void fail(const char *what, int error)
{
	fprintf(stderr, "weft-bench-live: %s: %s\n", what, strerror(error));
	exit(1);
}

static void check(int rc, const char *what)
{
	if (rc < 0)
		fail(what, -rc);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* ---- options ---- */

static void usage(void)
{
	fprintf(stderr,
		"usage: weft-bench-live --netns NAME --source DEVICE,max|prime,PORT_AT,HEX...\n"
		"           --sink DEVICE,tc|xdp,LENGTH... [--wire NETNS,DEVICE,DEVICE] [--flows "
		"N]\n"
		"           [--duration S] [--interval S] [--core CPU] [--prime RATE]\n");
	exit(2);
}

static int open_netns(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail(path, errno);
	return fd;
}

static const char *part(char **text)
{
	const char *p = strsep(text, ",");

	if (!p || !*p)
		usage();
	return p;
}

static void read_source(char *text)
{
	struct source *s = &sources[n_sources];
	const char *hex;
	unsigned int byte;

	if (n_sources++ == 2)
		usage();
	s->device = part(&text);
	s->primes_only = strcmp(part(&text), "prime") == 0;
	s->port_at = atoi(part(&text));
	for (hex = part(&text); sscanf(hex, "%2x", &byte) == 1 && s->len < FRAME_MAX; hex += 2)
		s->frame[s->len++] = byte;
	if (s->len < FASTPATH_HEADERS && s->len < 64)
		usage();
}

static void read_sink(char *text)
{
	if (n_sinks == 2)
		usage();
	sinks[n_sinks] = part(&text);
	sink_by_xdp[n_sinks] = strcmp(part(&text), "xdp") == 0;
	sink_len[n_sinks++] = atoi(part(&text));
}

static void read_options(int argc, char **argv)
{
	static const struct option options[] = {{"netns", 1, 0, 'n'}, {"source", 1, 0, 's'},
		{"sink", 1, 0, 'k'}, {"wire", 1, 0, 'w'}, {"flows", 1, 0, 'f'},
		{"duration", 1, 0, 'd'}, {"interval", 1, 0, 'i'}, {"core", 1, 0, 'c'},
		{"prime", 1, 0, 'p'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (c) {
		case 'n':
			netns = open_netns(optarg);
			break;
		case 's':
			read_source(optarg);
			break;
		case 'k':
			read_sink(optarg);
			break;
		case 'w':
			wire = optarg;
			break;
		case 'f':
			n_flows = atoi(optarg);
			break;
		case 'd':
			duration = atof(optarg);
			break;
		case 'i':
			interval = atof(optarg);
			break;
		case 'c':
			core = atoi(optarg);
			break;
		case 'p':
			prime_rate = atof(optarg);
			break;
		default:
			usage();
		}
	if (optind != argc || netns < 0 || !n_sources || !n_sinks || !n_flows ||
		n_flows > UINT16_MAX - FASTPATH_PORT || interval <= 0 || prime_rate <= 0 ||
		duration / interval >= INTERVALS_MAX)
		usage();
}

/* ---- interfaces ---- */

static void enter(int ns)
{
	if (setns(ns, CLONE_NEWNET) < 0)
		fail("setns", errno);
}

static uint32_t index_of(const char *device)
{
	uint32_t index = if_nametoindex(device);

	if (!index)
		fail(device, errno);
	return index;
}

static void put_xdp(uint32_t ifindex, const struct bpf_program *prog)
{
	check(bpf_xdp_attach(ifindex, bpf_program__fd(prog), XDP_FLAGS_DRV_MODE, NULL), "XDP");
}

static void put_tc(uint32_t ifindex, const struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1, .flags = BPF_TC_F_REPLACE,
		.prog_fd = bpf_program__fd(prog));
	int error = bpf_tc_hook_create(&hook);

	if (error == 0 || error == -EEXIST)
		error = bpf_tc_attach(&hook, &opts);
	check(error, "tc");
}

static void put_sinks(void)
{
	for (unsigned int i = 0; i < n_sinks; i++) {
		bpf->bss->sink_len[i] = sink_len[i];
		if (sink_by_xdp[i])
			put_xdp(index_of(sinks[i]), bpf->progs.sink);
		else
			put_tc(index_of(sinks[i]), bpf->progs.sink_tc);
	}
}

/* The bare redirect takes the place of what is measured. */
static void put_wire(char *text)
{
	int ns = open_netns(part(&text));

	enter(ns);
	for (int i = 0; i < 2; i++)
		bpf->bss->wire_ifindex[i] = index_of(part(&text));
	for (int i = 0; i < 2; i++)
		put_xdp(bpf->bss->wire_ifindex[i], bpf->progs.wire);
	enter(netns);
	close(ns);
}

/* ---- sessions ---- */

static void set_port(struct source *s, uint32_t flow)
{
	uint16_t port = FASTPATH_PORT + flow;

	s->frame[s->port_at] = port >> 8;
	s->frame[s->port_at + 1] = port;
}

static void open_socket(struct source *s)
{
	struct sockaddr_ll addr = {.sll_family = AF_PACKET, .sll_ifindex = index_of(s->device)};

	s->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		fail("packet socket", errno);
}

/* Again while the other end's ring is full. */
static void send_one(const struct source *s)
{
	while (send(s->fd, s->frame, s->len, 0) < 0) {
		if (errno != ENOBUFS && errno != EINTR)
			fail("sending", errno);
		usleep(100);
	}
}

static void prime(void)
{
	double next = now();
	struct timespec pause;

	for (unsigned int i = 0; i < n_sources; i++)
		open_socket(&sources[i]);
	for (unsigned int n = 0; n < PRIME_TIMES * n_flows; n++) {
		for (unsigned int i = 0; i < n_sources; i++) {
			set_port(&sources[i], n % n_flows);
			send_one(&sources[i]);
		}
		next += 1 / prime_rate;
		pause = (struct timespec){next, (next - (time_t)next) * 1e9};
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &pause, NULL);
	}
	for (unsigned int i = 0; i < n_sources; i++)
		close(sources[i].fd);
	usleep(SETTLE_US);
}

/* ---- the flood ---- */

static uint64_t sunk(void)
{
	uint64_t all[1024], n = 0;
	const uint32_t zero = 0;

	check(bpf_map_lookup_elem(bpf_map__fd(bpf->maps.sunk), &zero, all), "sink");
	for (int i = 0; i < libbpf_num_possible_cpus(); i++)
		n += all[i];
	return n;
}

/* Intervals begin anew after a pause (SIGSTOP) of more than one. */
static void *sample(void *arg)
{
	double start = now(), last = start, end = start + duration, next = start + interval;
	uint64_t before = sunk(), n;
	struct timespec pause;

	while (next <= end && !atomic_load(&ended)) {
		struct interval *i = &intervals[n_intervals++];

		pause = (struct timespec){next, (next - (time_t)next) * 1e9};
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &pause, NULL);
		n = sunk();
		i->clock = now();
		i->at = i->clock - start;
		i->rate = (n - before) / (i->clock - last);
		fprintf(stderr, "%7.1f s  received %9.3f M/s\n", i->at, i->rate / 1e6);
		last = i->clock;
		before = n;
		next = (last > next + interval ? last : next) + interval;
	}
	atomic_store(&stop, true);
	for (;;) { /* the call that sends ends by a signal that comes while it is there */
		pthread_kill(main_thread, SIGUSR1);
		usleep(10000);
	}
	return arg;
}

static void on_signal(int signal)
{
	if (signal == SIGINT)
		atomic_store(&ended, true);
}

static void put_sources(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < n_sources; i++) {
		struct fastpath_source *to = &bpf->bss->sources[n];

		if (sources[i].primes_only)
			continue;
		n++;
		to->ifindex = index_of(sources[i].device);
		to->len = sources[i].len;
		to->port_at = sources[i].port_at;
		memcpy(to->headers, sources[i].frame, FASTPATH_HEADERS);
	}
	if (n == 0)
		usage();
	bpf->bss->two_sources = n == 2;
	bpf->bss->source_flows = n_flows;
}

static const struct source *longest(void)
{
	const struct source *s = NULL;

	for (unsigned int i = 0; i < n_sources; i++)
		if (!sources[i].primes_only && (!s || sources[i].len > s->len))
			s = &sources[i];
	return s;
}

static void flood(void)
{
	const struct source *s = longest();
	struct xdp_md ctx = {.data_end = s->len};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = s->frame, .data_size_in = s->len,
		.ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = SOURCE_RUN,
		.flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);
	const struct sigaction action = {.sa_handler = on_signal};
	pthread_t sampler;
	int rc;

	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	main_thread = pthread_self();
	rc = pthread_create(&sampler, NULL, sample, NULL);
	check(-rc, "thread");
	while (!atomic_load(&stop)) {
		rc = bpf_prog_test_run_opts(bpf_program__fd(bpf->progs.source), &opts);
		if (rc < 0 && rc != -EINTR)
			fail("sending", -rc);
	}
}

static void print_result(uint64_t received)
{
	uint64_t sent = bpf->bss->source_sent;

	printf("{\"intervals\": [");
	for (unsigned int i = 0; i < n_intervals; i++)
		printf("%s\n{\"at\": %.6f, \"clock\": %.6f, \"received_rate\": %.1f}", i ? "," : "",
			intervals[i].at, intervals[i].clock, intervals[i].rate);
	printf("],\n\"outcome\": {\"sent\": %llu, \"received\": %llu, \"loss\": %.6f, "
	       "\"streams\": []}}\n",
		(unsigned long long)sent, (unsigned long long)received,
		sent > received ? (double)(sent - received) / sent : 0);
}

int main(int argc, char **argv)
{
	cpu_set_t set;
	uint64_t before;

	read_options(argc, argv);
	CPU_ZERO(&set);
	CPU_SET(core, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		fail("sched_setaffinity", errno);
	libbpf_set_print(NULL);
	bpf = fastpath__open_and_load();
	if (!bpf)
		fail("loading the programs", errno);
	enter(netns);
	if (wire)
		put_wire(strdup(wire));
	put_sinks();
	prime();
	put_sources();
	before = sunk();
	flood();
	print_result(sunk() - before);
	fflush(stdout);
	_exit(0); /* the sampler still knocks; programs go with their namespaces */
}
