/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long it takes and how much memory it needs to create many ports and routes through the engine
 * with a real store: scale [PORTS [DIRECTORY [HOST [ROUTES]]]]. 250 ports a segment, one of them on
 * host h0, the others on 499 hosts; HOST says from which one it is seen (h0; another word: nothing
 * is programmed). With routes every two segments have a router. Prints one line per tenth; the last
 * lines are the cost of one port less and of a restart. Fails when the last chunk costs much more
 * than the first (it must cost what it changes).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <engine/engine.h>

#include "build.h"

#define PER_SEGMENT 250
#define N_HOSTS	    500
#define CHUNK	    5000

struct sink_count {
	size_t n_ops, n_generations;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* CPU time: what it costs without the other programs on the machine and without the disk. */
static double cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static long rss_kib(void)
{
	long pages = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%ld %ld", &pages, &resident) != 2)
		resident = 0;
	if (f)
		fclose(f);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void count_op(
	void *arg, enum weft_table table, enum weft_op_verb verb, const union weft_entry *entry)
{
	((struct sink_count *)arg)->n_ops++;
}

static void count_end(void *arg, uint64_t revision)
{
	((struct sink_count *)arg)->n_generations++;
}

static void transact(struct engine *e, struct engine_op *ops, size_t n)
{
	struct engine_result result;
	struct model_error err;

	if (engine_transact(e, ops, n, false, NULL, NULL, &result, NULL, &err) < 0) {
		fprintf(stderr, "scale: %s: %s: %s\n", err.object, err.field, err.text);
		exit(1);
	}
}

static void create(struct engine_op *op, struct object *o)
{
	*op = (struct engine_op){.verb = ENGINE_CREATE, .kind = o->kind, .object = o};
}

static void create_frame(struct engine *e, int n_segments)
{
	size_t n = 0, max = 2 + N_HOSTS + n_segments;
	struct engine_op *ops = calloc(max, sizeof(*ops));

	create(&ops[n++], build_object(MODEL_TENANT, "{'name':'t'}"));
	create(&ops[n++], build_object(MODEL_NETWORK, "{'tenant':'t','name':'n'}"));
	for (int h = 0; h < N_HOSTS; h++)
		create(&ops[n++], build_object(MODEL_HOST,
					  "{'name':'h%d','vteps':['192.0.%d.%d'],"
					  "'uplink':{'kind':'af_xdp','device':'eth1'}}",
					  h, h / 250, h % 250 + 1));
	for (int s = 0; s < n_segments; s++)
		create(&ops[n++], build_object(MODEL_SEGMENT,
					  "{'tenant':'t','name':'s%d','network':'n','vni':%d,"
					  "'subnets':[{'prefix':'10.%d.0.0/16',"
					  "'gateway':'10.%d.255.254'}]}",
					  s, s + 1, s % 2, s % 2));
	transact(e, ops, n);
	free(ops);
}

static struct object *port(int i)
{
	int in_segment = i % PER_SEGMENT;

	return build_object(MODEL_PORT,
		"{'tenant':'t','name':'port-%07d','segment':'s%d','host':'h%d',"
		"'mac':'02:00:%02x:%02x:%02x:%02x','addresses':['10.%d.%d.%d']}",
		i, i / PER_SEGMENT,
		in_segment ? 1 + (in_segment + i / PER_SEGMENT * 7) % (N_HOSTS - 1) : 0,
		i >> 24 & 0xff, i >> 16 & 0xff, i >> 8 & 0xff, i & 0xff, i / PER_SEGMENT % 2,
		in_segment / 250, in_segment % 250 + 1);
}

static struct object *route(int i, int n_routers)
{
	int k = i / n_routers;

	return build_object(MODEL_ROUTE,
		"{'tenant':'t','name':'route-%07d','router':'r%d','prefix':'%d.%d.%d.0/24',"
		"'next_hops':['10.0.0.1','10.1.0.2']}",
		i, i % n_routers, 20 + (k >> 16), k >> 8 & 0xff, k & 0xff);
}

static void create_routers(struct engine *e, int n)
{
	struct engine_op *ops = calloc(n, sizeof(*ops));

	for (int r = 0; r < n; r++)
		create(&ops[r], build_object(MODEL_ROUTER,
					"{'tenant':'t','name':'r%d','network':'n',"
					"'segments':['s%d','s%d']}",
					r, 2 * r, 2 * r + 1));
	transact(e, ops, n);
	free(ops);
}

/* Seconds that creating ports, or routes of so many routers, first..last-1 took in the engine. */
static double create_objects(struct engine *e, int first, int last, int n_routers)
{
	static struct engine_op ops[CHUNK];
	double start;

	for (int i = first; i < last; i++)
		create(&ops[i - first], n_routers ? route(i, n_routers) : port(i));
	start = now();
	transact(e, ops, last - first);
	return now() - start;
}

/* What a new process needs to open the store. */
static int open_again(const char *path, const char *host, size_t n_ports)
{
	double start = now(), start_cpu = cpu();
	struct model_error err;
	struct engine *e;
	struct stat st;

	if (engine_open(path, host, &e, &err) < 0 || stat(path, &st) < 0 ||
		model_count(engine_model(e), MODEL_PORT) != n_ports)
		return 1;
	printf("restart: %.2f s, CPU %.2f s, RSS %ld MiB, store %ld MiB\n", now() - start,
		cpu() - start_cpu, rss_kib() / 1024, (long)st.st_size >> 20);
	engine_close(e);
	return 0;
}

static int restart(const char *path, const char *host, int n_ports)
{
	char number[16];
	int status;
	pid_t pid;

	snprintf(number, sizeof(number), "%d", n_ports);
	pid = fork();
	if (pid == 0) {
		execl("/proc/self/exe", "scale", "open", path, host, number, NULL);
		_exit(1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

/* Creates n ports, or routes of so many routers. True when the last ones cost about as much as the
 * first ones. */
static bool load(struct engine *e, const struct sink_count *sink, int n, int n_routers)
{
	double total = 0, first = 0, chunk = 0, start_cpu = cpu();
	long rss = rss_kib();

	for (int done = 0; done < n; done += CHUNK) {
		int last = done + CHUNK < n ? done + CHUNK : n;

		chunk = create_objects(e, done, last, n_routers);
		total += chunk;
		if (done == 0)
			first = chunk;
		if (last * 10L / n != done * 10L / n)
			printf("%8d %s  %7.2f s  CPU %6.2f s  chunk of %d %6.1f ms  RSS %5ld "
			       "MiB  %zu ops\n",
				last, n_routers ? "routes" : "ports", total, cpu() - start_cpu,
				CHUNK, chunk * 1e3, rss_kib() / 1024, sink->n_ops);
	}
	printf("per %s %ld bytes\n", n_routers ? "route" : "port", (rss_kib() - rss) * 1024 / n);
	return n < 2 * CHUNK || chunk <= 20 * first + 1;
}

static int run(const char *path, const char *host, int n_ports, int n_routes)
{
	struct underlay_link link = {.mac = {{2, 0, 0, 0, 0, 1}}, .mtu = 1600, .up = true};
	int n_segments = (n_ports + PER_SEGMENT - 1) / PER_SEGMENT;
	struct sink_count sink = {0};
	struct model_error err;
	struct engine *e;
	double start;
	bool linear;

	if (engine_open(path, host, &e, &err) < 0) {
		fprintf(stderr, "scale: %s\n", err.text);
		return 1;
	}
	engine_set_sink(e, &(struct engine_sink){.arg = &sink, .emit = count_op, .end = count_end});
	engine_link(e, &link);
	printf("empty RSS %ld KiB\n", rss_kib());
	create_frame(e, n_segments);
	linear = load(e, &sink, n_ports, 0);
	if (n_routes > 0) {
		start = now();
		create_routers(e, n_segments / 2);
		printf("%d routers: %.2f s, %zu ops\n", n_segments / 2, now() - start, sink.n_ops);
		linear &= load(e, &sink, n_routes, n_segments / 2);
	}
	start = now();
	transact(e,
		&(struct engine_op){
			.verb = ENGINE_DELETE, .kind = MODEL_PORT, .name = "t/port-0000007"},
		1);
	printf("delete one port: %.2f ms\n", (now() - start) * 1e3);
	engine_close(e);
	fflush(stdout);
	if (restart(path, host, n_ports - 1) < 0)
		return 1;
	return linear ? 0 : 1;
}

int main(int argc, char **argv)
{
	int n_ports = argc > 1 ? atoi(argv[1]) : 1000000, rc;
	char dir[256], path[300];

	if (argc == 5 && strcmp(argv[1], "open") == 0)
		return open_again(argv[2], argv[3], strtoul(argv[4], NULL, 10));
	snprintf(dir, sizeof(dir), "%s/weft-scale-XXXXXX", argc > 2 ? argv[2] : "/tmp");
	if (n_ports <= 0 || !mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/store", dir);
	rc = run(path, argc > 3 ? argv[3] : "h0", n_ports, argc > 4 ? atoi(argv[4]) : 0);
	unlink(path);
	snprintf(path, sizeof(path), "%s/store-wal", dir);
	unlink(path);
	rmdir(dir);
	return rc;
}
