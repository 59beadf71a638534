/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast path against the kernel's bridge and vxlan, in namespaces, with sessions decided upon by
 * hand: frames per second of 64 bytes in each direction, and TCP between two containers.
 *
 *   weft-bench-fastpath [pps|tcp] [ROUNDS] [SECONDS]
 *
 * Modes take turns within a round. The device under test is NAPI threads pinned to CPU 0, whose
 * time per frame is measured; the source runs on CPU 1 (BPF_PROG_TEST_RUN with live frames).
 */
#include <errno.h>
#include <glob.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "../../tests/lib/test_netns.h"
#include "hosts.h"
#include "learn.h"

#define ROUNDS_MAX 16
#define SKB_BATCH  64
#define SOURCE_RUN 2000000

static int rounds = 3, seconds = 2;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_row(const char *what, double *values, const char *unit)
{
	qsort(values, rounds, sizeof(*values), by_value);
	printf("  %-24s %7.2f %s (%.2f-%.2f)\n", what, values[rounds / 2], unit, values[0],
		values[rounds - 1]);
}

/* ---- frames per second ---- */

static void on_cpu(pid_t pid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(pid, sizeof(set), &set);
}

/* The first device under test polls in a thread of its own; whatever comes behind it runs on the
 * same CPU within that thread's time, before the next poll. */
static void set_threaded(int ns, const char *device, bool on)
{
	test_netns_run(ns,
		"unshare -m sh -c 'mount -t sysfs none /sys && echo %d > "
		"/sys/class/net/%s/threaded'",
		on, device);
}

/* Pins that thread to CPU 0, before all else there; returns the time it has run, in ns. What it
 * took per frame hardly depends on how busy the machine is; frames per second do. */
static uint64_t napi_threads(void)
{
	glob_t found;
	uint64_t sum = 0;

	if (glob("/proc/[0-9]*/comm", 0, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		unsigned long long ns = 0;
		char name[64] = "", path[64];
		FILE *f = fopen(found.gl_pathv[i], "r");
		int pid = atoi(found.gl_pathv[i] + strlen("/proc/"));

		if (!f)
			continue;
		if (!fgets(name, sizeof(name), f))
			name[0] = '\0';
		fclose(f);
		if (strncmp(name, "napi/wb", 7) != 0)
			continue;
		on_cpu(pid, 0);
		sched_setscheduler(pid, SCHED_FIFO, &(struct sched_param){.sched_priority = 10});
		snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
		f = fopen(path, "r");
		if (f && fscanf(f, "%llu", &ns) == 1)
			sum += ns;
		if (f)
			fclose(f);
	}
	globfree(&found);
	return sum;
}

struct direction {
	const char *name;
	/* Frames are put into the source, enter by its other end, and are counted at the sink. */
	int source_ns, dut_ns, sink_ns;
	const char *dut_dev, *sink_dev;
	int source_ifindex, sink_ifindex;
	struct frame frame;
	uint32_t port_at;
	bool skb; /* sent by a packet socket, as an application's are, not by XDP */
	int dut_ifindex;
};

/* Sends for ever; each frame goes all its way within the call that sends it. */
static void send_skbs(const struct direction *d, uint32_t n_flows)
{
	static struct frame frames[SKB_BATCH];
	struct mmsghdr msgs[SKB_BATCH] = {0};
	struct iovec iovs[SKB_BATCH];
	struct sockaddr_ll addr = {.sll_family = AF_PACKET, .sll_ifindex = d->source_ifindex};
	int fd = socket(AF_PACKET, SOCK_RAW, 0), on = 1;
	uint32_t n = 0;

	setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		_exit(1);
	for (int i = 0; i < SKB_BATCH; i++) {
		frames[i] = d->frame;
		iovs[i] = (struct iovec){frames[i].b, frames[i].len};
		msgs[i].msg_hdr = (struct msghdr){.msg_iov = &iovs[i], .msg_iovlen = 1};
	}
	for (;;) {
		for (int i = 0; i < SKB_BATCH; i++) {
			uint16_t port = 10000 + n++ % n_flows;

			frames[i].b[d->port_at] = port >> 8;
			frames[i].b[d->port_at + 1] = port;
		}
		sendmmsg(fd, msgs, SKB_BATCH, 0);
	}
}

/* Time that process has run, in ns. */
static uint64_t process_ns(pid_t pid)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	f = fopen(path, "r");
	if (f && fscanf(f, "%llu", &ns) != 1)
		ns = 0;
	if (f)
		fclose(f);
	return ns;
}

/* The source's process ends with the measurement. */
static pid_t start_source(const struct direction *d, uint32_t n_flows)
{
	int fd = hosts_source_fd(d->source_ifindex, n_flows, &d->frame, d->port_at);
	struct xdp_md ctx = {.data_end = d->frame.len};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = d->frame.b, .data_size_in = d->frame.len,
		.ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = SOURCE_RUN,
		.flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	on_cpu(0, 1);
	test_netns_enter(d->source_ns);
	if (d->skb)
		send_skbs(d, n_flows);
	for (;;)
		if (bpf_prog_test_run_opts(fd, &opts) < 0) {
			perror("source");
			_exit(1);
		}
}

struct result {
	double ns;   /* of the device under test, per frame */
	double mpps; /* as it went */
};

static struct result measure(const struct direction *d, uint32_t n_flows)
{
	pid_t source = start_source(d, n_flows);
	double from, to;
	uint64_t n, ns;

	usleep(500000);
	napi_threads();
	from = now();
	ns = d->skb ? process_ns(source) : napi_threads();
	n = hosts_sunk();
	sleep(seconds);
	n = hosts_sunk() - n;
	ns = (d->skb ? process_ns(source) : napi_threads()) - ns;
	to = now();
	kill(source, SIGKILL);
	waitpid(source, NULL, 0);
	return (struct result){n ? (double)ns / n : 0, n / (to - from) / 1e6};
}

static void put_flows(enum mode mode, uint32_t n_flows)
{
	const struct session_tcp none[2] = {0};
	struct flow f = hosts_flow(IPPROTO_UDP);

	for (uint32_t i = 0; i < n_flows; i++) {
		f.sport = 10000 + i;
		hosts_put_session(&f, mode, none);
	}
}

static struct frame small_frame(void)
{
	struct flow f = hosts_flow(IPPROTO_UDP);
	struct frame frame;

	f.payload = 22;
	frame = frame_make(&f);
	frame.b[40] = frame.b[41] = 0; /* no checksum: the port varies */
	return frame;
}

static void set_sink(const struct direction *d, enum mode mode, bool on)
{
	enum hosts_sink sink = mode == MODE_WIRE || mode == MODE_XDP_DEVMAP ? SINK_XDP : SINK_TC;

	if (mode == MODE_DROP)
		hosts_sink(d->dut_ns, d->dut_dev, d->dut_ifindex, on ? sink : SINK_NONE);
	else
		hosts_sink(d->sink_ns, d->sink_dev, d->sink_ifindex, on ? sink : SINK_NONE);
}

static void pps(
	const struct direction *d, const enum mode *modes, unsigned int n_modes, uint32_t n_flows)
{
	double ns[MODES][ROUNDS_MAX], mpps[MODES][ROUNDS_MAX];

	for (int r = 0; r < rounds; r++)
		for (unsigned int i = 0; i < n_modes; i++) {
			struct result result;

			hosts_set(modes[i], false);
			put_flows(modes[i], n_flows);
			set_sink(d, modes[i], true);
			set_threaded(d->dut_ns, d->dut_dev, !d->skb);
			result = measure(d, n_flows);
			ns[i][r] = result.ns;
			mpps[i][r] = result.mpps;
			set_threaded(d->dut_ns, d->dut_dev, false);
			set_sink(d, modes[i], false);
		}
	printf("%s, 64 bytes, %u flows:\n", d->name, n_flows);
	for (unsigned int i = 0; i < n_modes; i++) {
		print_row(mode_names[modes[i]], ns[i], "ns of CPU per frame");
		print_row("", mpps[i], "Mpps");
	}
}

static void run_pps(void)
{
	static const enum mode encap[] = {
		MODE_DROP, MODE_KERNEL, MODE_KERNEL_CT, MODE_TC_PEER, MODE_WIRE};
	static const enum mode decap[] = {MODE_DROP, MODE_KERNEL, MODE_KERNEL_CT, MODE_TC_PEER,
		MODE_TC, MODE_XDP, MODE_XDP_DEVMAP, MODE_WIRE};
	struct frame inner = small_frame();
	struct direction out = {
		.name = "port to uplink",
		.source_ns = hosts.tenant[0],
		.dut_ns = hosts.host[0],
		.dut_dev = "wbp0",
		.dut_ifindex = hosts.port,
		.source_ifindex = hosts.eth0[0],
		.sink_ns = hosts.host[1],
		.sink_dev = "wbu0",
		.sink_ifindex = hosts.uplink,
		.frame = inner,
		.port_at = 34,
	};
	struct direction in = {
		.name = "uplink to port",
		.source_ns = hosts.host[0],
		.dut_ns = hosts.host[1],
		.dut_dev = "wbu0",
		.dut_ifindex = hosts.uplink,
		.source_ifindex = hosts.uplink,
		.sink_ns = hosts.tenant[1],
		.sink_dev = "wbe0",
		.sink_ifindex = hosts.eth0[1],
		.frame = frame_encap(&inner, &tables.tunnels[1], false, VNI, 1, 0),
		.port_at = WEFT_BPF_OUTER_V4 + 34,
	};

	for (int skb = 0; skb < 2; skb++) {
		out.skb = in.skb = skb;
		out.name = skb ? "port to uplink, skbs" : "port to uplink, XDP frames";
		in.name = skb ? "uplink to port, skbs" : "uplink to port, XDP frames";
		pps(&out, encap, sizeof(encap) / sizeof(encap[0]), 1000);
		pps(&in, decap, sizeof(decap) / sizeof(decap[0]), 1000);
	}
}

/* ---- TCP ---- */

static double read_gbits(const char *path)
{
	static char text[1 << 20];
	FILE *f = fopen(path, "r");
	const char *p;

	if (!f)
		return 0;
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	p = strstr(text, "\"sum_received\"");
	p = p ? strstr(p, "\"bits_per_second\"") : NULL;
	p = p ? strchr(p, ':') : NULL;
	return p ? atof(p + 1) / 1e9 : 0;
}

static double tcp_once(enum mode mode)
{
	char path[64];
	double gbits;

	snprintf(path, sizeof(path), "/tmp/weft-fastpath-%d.json", getpid());
	hosts_set(mode, true);
	test_netns_run(hosts.tenant[1], "iperf3 -s -1 -D >/dev/null 2>&1; sleep 0.3");
	learn_start(mode);
	test_netns_try(hosts.tenant[0], "timeout %d iperf3 -c 10.0.0.2 -t %d -J >%s 2>&1",
		seconds + 10, seconds, path);
	learn_stop();
	gbits = read_gbits(path);
	unlink(path);
	return gbits;
}

static void run_tcp(void)
{
	static const enum mode modes[] = {
		MODE_KERNEL, MODE_KERNEL_CT, MODE_TC_PEER, MODE_TC, MODE_XDP, MODE_XDP_DEVMAP};
	const unsigned int n_modes = sizeof(modes) / sizeof(modes[0]);
	double values[MODES][ROUNDS_MAX];

	for (int r = 0; r < rounds; r++)
		for (unsigned int i = 0; i < n_modes; i++) {
			enum weft_bpf_prog up = modes[i] == MODE_XDP || modes[i] == MODE_XDP_DEVMAP
							? WEFT_BPF_PROG_UPLINK_XDP
							: WEFT_BPF_PROG_UPLINK_TC;
			uint64_t port = tables_prog(WEFT_BPF_PROG_PORT).hits;
			uint64_t uplink = tables_prog(up).hits;

			values[i][r] = tcp_once(modes[i]);
			printf("# %s: %.2f Gbit/s, hits: port %lu uplink %lu\n",
				mode_names[modes[i]], values[i][r],
				(unsigned long)(tables_prog(WEFT_BPF_PROG_PORT).hits - port),
				(unsigned long)(tables_prog(up).hits - uplink));
			fflush(stdout);
		}
	printf("TCP, one stream:\n");
	for (unsigned int i = 0; i < n_modes; i++)
		print_row(mode_names[modes[i]], values[i], "Gbit/s");
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc > 2)
		rounds = atoi(argv[2]);
	if (argc > 3)
		seconds = atoi(argv[3]);
	if (rounds < 1 || rounds > ROUNDS_MAX || seconds < 1) {
		printf("usage: %s [pps|tcp] [ROUNDS] [SECONDS]\n", argv[0]);
		return 2;
	}
	hosts_make();
	if (strcmp(what, "tcp") != 0)
		run_pps();
	if (strcmp(what, "pps") != 0)
		run_tcp();
	for (unsigned int i = 0; i < WEFT_BPF_PROG_N; i++) {
		struct weft_bpf_prog_counters c = tables_prog(i);

		printf("# program %u: hits %llu passed %llu dropped %llu", i, c.hits, c.passed,
			c.dropped);
		for (unsigned int m = 0; m < WEFT_BPF_MISS_N; m++)
			if (c.misses[m])
				printf(" miss%u %llu", m, c.misses[m]);
		printf("\n");
	}
	hosts_free();
	return 0;
}
