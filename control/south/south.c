/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * South's face: the engine's sink on one side, what the rest of weftd asks of the data plane on the
 * other. The order of things is in sync.c. Event loop's thread only.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ccore/log.h>

#include "state.h"

/* More than this waiting behind one commit: a fresh comparison is cheaper than sending it all. */
#define QUEUE_SIZE_MAX (64u << 20)

static bool takes_ops(const struct south *s)
{
	return s->state == SOUTH_COMMITTING || s->state == SOUTH_STEADY;
}

static void sink_begin(void *arg)
{
	struct south *s = arg;

	batch_free(s->filling);
	s->filling = NULL;
	/* A comparison is still to come and will see it all. */
	if (!takes_ops(s) || s->stale)
		return;
	s->filling = calloc(1, sizeof(*s->filling));
	if (!s->filling)
		s->stale = true;
}

static void sink_emit(
	void *arg, enum weft_table table, enum weft_op_verb verb, const union weft_entry *entry)
{
	struct south *s = arg;

	if (table == WEFT_TABLE_PORT) {
		if (verb == WEFT_OP_DELETE)
			ports_forget(s, entry->port.id);
		for (unsigned int i = 0; i < s->n_listeners; i++)
			if (s->listeners[i].port)
				s->listeners[i].port(
					s->listeners[i].arg, &entry->port, verb == WEFT_OP_PUT);
	}
	if (s->filling)
		ops_add(&s->filling->ops, table, verb, entry);
}

/* Nothing to program: the revision is reached as soon as what is under way is. */
static void note_revision(struct south *s, uint64_t revision)
{
	struct south_batch *last = TAILQ_LAST(&s->queue, south_batch_list);

	if (last)
		last->revision = revision;
	else if (s->sending)
		s->sending->revision = revision;
	else
		s->revision = revision;
}

static void sink_end(void *arg, uint64_t revision)
{
	struct south *s = arg;
	struct south_batch *b = s->filling;

	s->filling = NULL;
	if (!b) {
		sync_hurry(s);
		if (s->stale)
			sync_kick(s);
		return;
	}
	if (b->ops.n == 0 && !b->ops.broken) {
		batch_free(b);
		note_revision(s, revision);
		return;
	}
	b->revision = revision;
	if (b->ops.broken || s->queue_size + b->ops.size > QUEUE_SIZE_MAX) {
		batch_free(b);
		sync_drop_queue(s);
		s->stale = true;
	} else {
		TAILQ_INSERT_TAIL(&s->queue, b, link);
		s->queue_size += b->ops.size;
	}
	sync_kick(s);
}

static void sink_underlay_wanted(void *arg)
{
	struct south *s = arg;

	if (s->underlay_wanted)
		s->underlay_wanted(s->underlay_arg);
}

int south_new(struct event_base *base, struct engine *e, const char *socket_path,
	int (*port_fd)(void *arg, const struct weft_port *port), void *fd_arg,
	void (*underlay_wanted)(void *arg), void *underlay_arg, struct south **ret)
{
	struct south *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->base = base;
	s->engine = e;
	s->state = SOUTH_IDLE;
	s->port_fd = port_fd;
	s->fd_arg = fd_arg;
	s->underlay_wanted = underlay_wanted;
	s->underlay_arg = underlay_arg;
	s->path = strdup(socket_path);
	if (!s->path || peer_init(s) < 0) {
		south_free(s);
		return -ENOMEM;
	}
	engine_set_sink(e, &(struct engine_sink){
				   .arg = s,
				   .begin = sink_begin,
				   .emit = sink_emit,
				   .end = sink_end,
				   .underlay_wanted = sink_underlay_wanted,
			   });
	*ret = s;
	return 0;
}

void south_start(struct south *s)
{
	peer_start(s);
}

void south_free(struct south *s)
{
	if (!s)
		return;
	engine_set_sink(s->engine, NULL);
	peer_free(s);
	ports_clear(s);
	batch_free(s->filling);
	free(s->path);
	free(s);
}

void south_listen(struct south *s, const struct south_listener *l)
{
	if (s->n_listeners < SOUTH_LISTENERS)
		s->listeners[s->n_listeners++] = *l;
	else
		log_error("more than %u listeners for the data plane's events", SOUTH_LISTENERS);
}

void south_resend_port(struct south *s, const struct weft_port *port)
{
	union weft_entry entry = {.port = *port};

	idset_add(&s->resend, port->id);
	/* From a listener that was just told of this port: its op is in the batch. */
	if (s->filling)
		return;
	/* Else the next comparison sends it. */
	if (!takes_ops(s) || s->stale)
		return;
	sink_begin(s);
	if (s->filling)
		ops_add(&s->filling->ops, WEFT_TABLE_PORT, WEFT_OP_PUT, &entry);
	sink_end(s, model_revision(engine_model(s->engine)));
}

void south_tell_greeted(struct south *s)
{
	for (unsigned int i = 0; i < s->n_listeners; i++)
		if (s->listeners[i].greeted)
			s->listeners[i].greeted(s->listeners[i].arg);
}

void south_tell_connected(struct south *s, bool connected)
{
	for (unsigned int i = 0; i < s->n_listeners; i++)
		if (s->listeners[i].connected)
			s->listeners[i].connected(s->listeners[i].arg, connected);
}

void south_tell_event(struct south *s, const struct weft_client_msg *m)
{
	for (unsigned int i = 0; i < s->n_listeners; i++) {
		const struct south_listener *l = &s->listeners[i];

		if (m->hdr->type == WEFT_MSG_EVENT_PORT && l->port_state)
			l->port_state(l->arg, m->payload);
		else if (m->hdr->type == WEFT_MSG_EVENT_FDB && l->fdb)
			l->fdb(l->arg, m->payload);
		else if (m->hdr->type == WEFT_MSG_EVENT_POLICY && l->policy)
			l->policy(l->arg, m->payload);
		else if (m->hdr->type == WEFT_MSG_EVENT_TRACE && l->trace)
			l->trace(l->arg, m->payload);
	}
}

void south_status(const struct south *s, struct south_status *ret)
{
	*ret = (struct south_status){
		.connected = s->state > SOUTH_GREETING,
		.in_sync = s->state == SOUTH_STEADY,
		.boot_id = s->peer.boot_id,
		.generation = s->generation,
		.revision = s->revision,
		.pid = s->peer.pid,
		.n_workers = s->peer.n_workers,
		.n_resyncs = s->n_resyncs,
		.last_resync_ops = s->last_resync_ops,
	};
	memcpy(ret->release, s->peer.release, sizeof(ret->release));
	if (s->error[0])
		memcpy(ret->error, s->error, sizeof(ret->error));
	else if (s->silent_s >= SOUTH_SILENT_S)
		snprintf(ret->error, sizeof(ret->error), "the data plane has not answered for %u s",
			s->silent_s);
	else if (s->state == SOUTH_IDLE || s->state == SOUTH_GREETING)
		snprintf(ret->error, sizeof(ret->error), "connecting to the data plane");
	else if (s->state == SOUTH_DUMPING)
		snprintf(ret->error, sizeof(ret->error), "comparing with the data plane");
	else if (s->state == SOUTH_COMMITTING)
		snprintf(ret->error, sizeof(ret->error), "a transaction is on its way");
}

const struct weft_stats_shm *south_stats(const struct south *s)
{
	return s->stats;
}
