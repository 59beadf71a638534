/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Statistics: read from memory shared with the data plane, so that no message is needed and no
 * worker is disturbed. On weftd's event loop.
 */
#include <string.h>

#include <weftrpc/codes.h>

#include "server.h"

/* One port's counts, summed over all writers. */
struct port_counts {
	uint32_t id;
	struct weft_port_stats s;
};

/* A writer that changes the slot's port meanwhile is rare; so few tries suffice. */
#define READ_TRIES 8

/* The memory is the data plane's: what it says of itself is bounded. */
static unsigned int n_workers(const struct weft_stats_shm *shm)
{
	unsigned int n = shm->n_workers;

	return n < WEFT_MAX_WORKERS ? n : WEFT_MAX_WORKERS;
}

/* Of the mapping. */
static unsigned int n_rows(const struct weft_stats_shm *shm)
{
	return weft_stats_rows(n_workers(shm));
}

static void add_row(struct weft_port_stats *sum, const struct weft_port_stats *row)
{
	const uint64_t *from = (const uint64_t *)row;
	uint64_t *to = (uint64_t *)sum;

	for (size_t i = 0; i < sizeof(*row) / sizeof(uint64_t); i++)
		to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

/* False: the slot is free. */
static bool read_slot(const struct weft_stats_shm *shm, unsigned int slot, struct port_counts *ret)
{
	const struct weft_stats_slot *s = &shm->slots[slot];

	for (int i = 0; i < READ_TRIES; i++) {
		uint32_t seq = __atomic_load_n(&s->seq, __ATOMIC_ACQUIRE);

		ret->id = __atomic_load_n(&s->id, __ATOMIC_RELAXED);
		if (ret->id == 0)
			return false;
		if (seq & 1)
			continue;
		memset(&ret->s, 0, sizeof(ret->s));
		for (unsigned int w = 0; w < n_rows(shm); w++)
			add_row(&ret->s, &shm->ports[w][slot]);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&s->seq, __ATOMIC_RELAXED) == seq)
			return true;
	}
	return false;
}

static uint64_t drops_total(const struct weft_port_stats *s)
{
	uint64_t n = 0;

	for (unsigned int i = 1; i < WEFT_DROP_MAX; i++)
		n += s->dropped[i];
	return n;
}

static void add_count(struct json_object *o, const char *key, uint64_t n)
{
	json_object_object_add(o, key, json_object_new_uint64(n));
}

static struct json_object *port_json(const struct rpc *r, const struct port_counts *c)
{
	struct json_object *o = json_object_new_object(), *drops = json_object_new_object();

	json_add_port(r, o, "name", c->id);
	add_count(o, "id", c->id);
	add_count(o, "rx_packets", c->s.rx_packets);
	add_count(o, "rx_bytes", c->s.rx_bytes);
	add_count(o, "tx_packets", c->s.tx_packets);
	add_count(o, "tx_bytes", c->s.tx_bytes);
	add_count(o, "added", c->s.added);
	add_count(o, "sent", c->s.sent);
	add_count(o, "answered", c->s.answered);
	add_count(o, "learn_refused", c->s.learn_refused);
	for (unsigned int i = 1; i < WEFT_DROP_MAX; i++)
		if (c->s.dropped[i] != 0 && weft_drop_name(i) != NULL)
			add_count(drops, weft_drop_name(i), c->s.dropped[i]);
	json_object_object_add(o, "dropped", drops);
	return o;
}

/* The memory, or NULL after the request was answered with an error. */
static const struct weft_stats_shm *stats_or_fail(struct request *rq)
{
	struct south_status s = {0};
	const struct weft_stats_shm *shm = NULL;

	if (rq->rpc->south != NULL)
		south_status(rq->rpc->south, &s);
	/* Memory of a data plane that is gone would be taken for what happens now. */
	if (s.connected)
		shm = south_stats(rq->rpc->south);
	if (shm == NULL)
		request_fail(rq, WEFTRPC_DATAPLANE,
			"no statistics: weft-dataplane is not connected; see weft status");
	return shm;
}

/* Calls fn for each port, or the one that the request names. Answers an unknown name itself and
 * returns false. */
static bool each_port(struct request *rq, const struct weft_stats_shm *shm,
	void (*fn)(struct request *rq, const struct port_counts *c, struct json_object *array),
	struct json_object *array)
{
	const char *wanted = param_string(rq, "port"), *name;
	struct port_counts c;
	bool found = wanted == NULL;

	for (unsigned int slot = 1; slot < WEFT_MAX_PORTS; slot++) {
		if (!read_slot(shm, slot, &c))
			continue;
		name = local_port_name(rq->rpc, c.id);
		if (wanted != NULL && (name == NULL || strcmp(name, wanted) != 0))
			continue;
		found = true;
		fn(rq, &c, array);
	}
	if (!found)
		asking_no_port(rq, wanted);
	return found;
}

static void answer_ports(struct request *rq, const char *key,
	void (*fn)(struct request *rq, const struct port_counts *c, struct json_object *array))
{
	const struct weft_stats_shm *shm = stats_or_fail(rq);
	struct json_object *array, *o;

	if (shm == NULL)
		return;
	array = json_object_new_array();
	if (!each_port(rq, shm, fn, array)) {
		json_object_put(array);
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, key, array);
	request_result(rq, o);
}

static void add_port_json(
	struct request *rq, const struct port_counts *c, struct json_object *array)
{
	json_object_array_add(array, port_json(rq->rpc, c));
}

void handle_stats_ports(struct request *rq)
{
	answer_ports(rq, "ports", add_port_json);
}

static void add_drops(struct request *rq, const struct port_counts *c, struct json_object *array)
{
	for (unsigned int i = 1; i < WEFT_DROP_MAX && drops_total(&c->s) > 0; i++) {
		struct json_object *o;

		if (c->s.dropped[i] == 0 || weft_drop_name(i) == NULL)
			continue;
		o = json_object_new_object();
		json_add_port(rq->rpc, o, "port", c->id);
		json_object_object_add(o, "reason", json_object_new_string(weft_drop_name(i)));
		add_count(o, "packets", c->s.dropped[i]);
		json_object_object_add(o, "help", json_object_new_string(weft_drop_help(i)));
		json_object_array_add(array, o);
	}
}

void handle_drops(struct request *rq)
{
	answer_ports(rq, "drops", add_drops);
}

/* Cycles of the bursts that were timed. */
static struct json_object *stages_json(const struct weft_worker_stats *w)
{
	struct json_object *o = json_object_new_object();

	for (unsigned int i = 0; i < WEFT_STAGE_MAX; i++) {
		if (weft_stage_name(i))
			add_count(o, weft_stage_name(i), w->stage_cycles[i]);
	}
	return o;
}

static struct json_object *worker_json(const struct weft_worker_stats *w, unsigned int number)
{
	struct json_object *o = json_object_new_object(), *sizes = json_object_new_array();
	struct json_object *rounds = json_object_new_array();

	add_count(o, "worker", number);
	add_count(o, "busy_cycles", w->cycles_busy);
	add_count(o, "idle_cycles", w->cycles_idle);
	add_count(o, "asleep_cycles", w->cycles_asleep);
	add_count(o, "sleeps", w->sleeps);
	add_count(o, "bursts", w->bursts);
	add_count(o, "packets", w->packets);
	for (size_t i = 0; i < sizeof(w->burst_sizes) / sizeof(w->burst_sizes[0]); i++)
		json_object_array_add(sizes, json_object_new_uint64(w->burst_sizes[i]));
	json_object_object_add(o, "burst_sizes", sizes);
	add_count(o, "timed_bursts", w->timed_bursts);
	add_count(o, "timed_packets", w->timed_packets);
	json_object_object_add(o, "stage_cycles", stages_json(w));
	add_count(o, "longest_round_cycles", w->longest_round_cycles);
	add_count(o, "long_round_cycles", w->long_round_cycles);
	for (size_t i = 0; i < WEFT_LONG_ROUNDS; i++)
		json_object_array_add(rounds, json_object_new_uint64(w->long_rounds[i]));
	json_object_object_add(o, "long_rounds", rounds);
	return o;
}

/* What the kernel carried, past all workers. */
static struct json_object *kernel_json(const struct weft_stats_shm *shm)
{
	struct json_object *o = json_object_new_object();
	uint64_t packets = 0, bytes = 0;

	for (unsigned int slot = 1; slot < WEFT_MAX_PORTS; slot++) {
		const struct weft_port_stats *s = &shm->ports[n_rows(shm) - 1][slot];

		if (__atomic_load_n(&shm->slots[slot].id, __ATOMIC_RELAXED) == 0)
			continue;
		packets += __atomic_load_n(&s->rx_packets, __ATOMIC_RELAXED);
		bytes += __atomic_load_n(&s->rx_bytes, __ATOMIC_RELAXED);
	}
	add_count(o, "packets", packets);
	add_count(o, "bytes", bytes);
	return o;
}

void handle_stats_workers(struct request *rq)
{
	const struct weft_stats_shm *shm = stats_or_fail(rq);
	struct json_object *o, *array;

	if (shm == NULL)
		return;
	array = json_object_new_array();
	for (unsigned int i = 0; i < n_workers(shm); i++)
		json_object_array_add(array, worker_json(&shm->workers[i], i));
	o = json_object_new_object();
	json_object_object_add(o, "workers", array);
	json_object_object_add(o, "kernel", kernel_json(shm));
	add_count(o, "tsc_hz", shm->tsc_hz);
	request_result(rq, o);
}
