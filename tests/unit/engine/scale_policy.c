/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What policy costs through the engine with a real store: scale_policy [PORTS [RULES [PREFIXES]]].
 * All ports are in one security group of so many rules, one of which refers to an address set of so
 * many prefixes. Prints times; fails when a change of one rule, member or port needs more ops than
 * the entries that it is about, or when a restart loses something.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <ccore/mem.h>
#include <engine/engine.h>

#include "build.h"

struct world {
	struct engine *e;
	size_t n_ops;
	bool failed;
};

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

static void count_op(
	void *arg, enum weft_table table, enum weft_op_verb verb, const union weft_entry *entry)
{
	((struct world *)arg)->n_ops++;
}

/* most: ops that it may need. */
static void put(struct world *w, const char *what, size_t most, struct object **objects, size_t n)
{
	struct engine_op *ops = calloc(n, sizeof(*ops));
	struct engine_result result;
	struct model_error err;
	double start;

	for (size_t i = 0; i < n; i++)
		ops[i] = (struct engine_op){
			.verb = ENGINE_PUT, .kind = objects[i]->kind, .object = objects[i]};
	w->n_ops = 0;
	start = now_ms();
	if (engine_transact(w->e, ops, n, false, NULL, NULL, &result, NULL, &err) < 0) {
		fprintf(stderr, "scale: %s: %s: %s\n", err.object, err.field, err.text);
		exit(1);
	}
	printf("%-34s %8.2f ms  %zu ops\n", what, now_ms() - start, w->n_ops);
	w->failed |= w->n_ops > most;
	free(ops);
}

static void put_one(struct world *w, const char *what, size_t most, struct object *o)
{
	put(w, what, most, &o, 1);
}

static struct object *group(int n_rules)
{
	struct security_group *g = (struct security_group *)build_object(MODEL_SECURITY_GROUP,
		"{'tenant':'t','name':'g','rules':[{'direction':'ingress','address_set':'a'},"
		"{'direction':'ingress','remote_group':'g'}]}");
	const struct rule first = g->rules[0];

	g->rules = mem_realloc(g->rules, n_rules, sizeof(*g->rules));
	for (int i = 2; i < n_rules; i++) {
		g->rules[i] = first;
		g->rules[i].address_set = NULL;
		g->rules[i].protocol = 6;
		g->rules[i].ports = (struct port_range){i, i};
	}
	g->n_rules = n_rules;
	return &g->o;
}

static struct object *set(int n)
{
	struct address_set *s =
		(struct address_set *)build_object(MODEL_ADDRESS_SET, "{'tenant':'t','name':'a'}");

	s->prefixes = calloc(n, sizeof(*s->prefixes));
	for (int i = 0; i < n; i++) {
		uint8_t v4[4] = {10, i >> 16, i >> 8, i};

		s->prefixes[i] = (struct weft_prefix){weft_addr_from_v4(v4), 128};
	}
	s->n_prefixes = n;
	return &s->o;
}

static struct object *port(int i)
{
	return build_object(MODEL_PORT,
		"{'tenant':'t','name':'p%d','segment':'s','host':'h','mac':'02:00:00:00:%02x:%02x',"
		"'addresses':['10.%d.%d.1'],'security_groups':['g']}",
		i, i >> 8, i & 255, i >> 8, i & 255);
}

static void frame(struct world *w)
{
	struct object *o[] = {
		build_object(MODEL_TENANT, "{'name':'t'}"),
		build_object(MODEL_NETWORK, "{'tenant':'t','name':'n'}"),
		build_object(MODEL_SEGMENT, "{'tenant':'t','name':'s','network':'n','vni':1}"),
		build_object(MODEL_HOST, "{'name':'h'}"),
	};

	put(w, "tenant, network, segment, host", 0, o, 4);
}

static void open_world(struct world *w, const char *path)
{
	struct engine_sink sink = {.arg = w, .emit = count_op};
	double start = now_ms();
	struct model_error err;

	if (engine_open(path, "h", &w->e, &err) < 0) {
		fprintf(stderr, "scale: %s\n", err.text);
		exit(1);
	}
	w->n_ops = 0;
	engine_set_sink(w->e, &sink);
	printf("%-34s %8.2f ms\n", "open", now_ms() - start);
}

static void run(struct world *w, const char *path, int n_ports, int n_rules, int n_prefixes)
{
	struct object **ports = calloc(n_ports, sizeof(*ports)), *both[2];
	struct stat st;

	frame(w);
	both[0] = set(n_prefixes);
	both[1] = group(n_rules);
	put(w, "set and group, not used", 0, both, 2);
	for (int i = 0; i < n_ports; i++)
		ports[i] = port(i);
	put(w, "ports in the group", (size_t)n_ports * 5 + n_rules + n_prefixes + 8, ports,
		n_ports);
	put_one(w, "one rule more", 1, group(n_rules + 1));
	put_one(w, "one rule less", 1, group(n_rules));
	put_one(w, "one member more", 1, set(n_prefixes + 1));
	put_one(w, "one member less", 1, set(n_prefixes));
	put_one(w, "one port more", 5, port(n_ports));
	engine_close(w->e);
	if (stat(path, &st) == 0)
		printf("store %ld KiB\n", (long)st.st_size >> 10);
	open_world(w, path);
	put_one(w, "one port again", 0, port(0));
	put_one(w, "the set again", 0, set(n_prefixes));
	engine_close(w->e);
	free(ports);
}

int main(int argc, char **argv)
{
	char dir[] = "/tmp/weft-scale-policy-XXXXXX", path[64];
	struct world w = {0};

	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/store", dir);
	open_world(&w, path);
	run(&w, path, argc > 1 ? atoi(argv[1]) : 1000, argc > 2 ? atoi(argv[2]) : 1000,
		argc > 3 ? atoi(argv[3]) : 100000);
	unlink(path);
	snprintf(path, sizeof(path), "%s/store-wal", dir);
	unlink(path);
	rmdir(dir);
	return w.failed;
}
