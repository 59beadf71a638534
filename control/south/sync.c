/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way to equality: connect, greet, dump, compare, commit the difference, then one transaction
 * for each generation. Whatever goes wrong ends in a timer that starts over at the right step.
 * Knows nothing of what entries mean. Event loop's thread only.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include <ccore/log.h>

#include "state.h"

#define RETRY_FIRST_MS	 50
#define RETRY_LAST_MS	 1000
#define REFUSED_FIRST_MS 100
#define REFUSED_LAST_MS	 30000
/* Ops added in one step of the stream. */
#define STREAM_OPS 512
#define PING_S	   5

static void connect_now(struct south *s);
static void start_dump(struct south *s);
static void send_next(struct south *s);

static void set_timer(struct south *s, unsigned int ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_add(s->timer, &tv);
}

static void set_error(struct south *s, const char *text)
{
	snprintf(s->error, sizeof(s->error), "%s", text);
}

void batch_free(struct south_batch *b)
{
	if (!b)
		return;
	ops_clear(&b->ops);
	free(b);
}

void sync_drop_queue(struct south *s)
{
	struct south_batch *b;

	while ((b = TAILQ_FIRST(&s->queue))) {
		TAILQ_REMOVE(&s->queue, b, link);
		batch_free(b);
	}
	s->queue_size = 0;
	s->stale = false;
}

static void drop_work(struct south *s)
{
	batch_free(s->sending);
	s->sending = NULL;
	compare_free(s->compare);
	s->compare = NULL;
	sync_drop_queue(s);
}

/* Not connected: tries again, fast at first, since a data plane that was restarted needs its tables
 * before traffic flows. */
static void go_away(struct south *s, const char *why)
{
	bool was_connected = s->state > SOUTH_GREETING;

	drop_work(s);
	event_del(s->watch);
	s->silent_s = 0;
	s->state = SOUTH_AWAY;
	snprintf(s->error, sizeof(s->error), "not connected to the data plane at %.120s: %.90s",
		s->path, why);
	if (!s->logged_away)
		log_warning("%s; trying again", s->error);
	s->logged_away = true;
	set_timer(s, s->retry_ms);
	s->retry_ms = s->retry_ms * 2 < RETRY_LAST_MS ? s->retry_ms * 2 : RETRY_LAST_MS;
	if (was_connected)
		south_tell_connected(s, false);
}

/* The data plane refused: what it has stays, the comparison is tried again. */
static void go_refused(struct south *s, const char *why)
{
	drop_work(s);
	s->state = SOUTH_REFUSED;
	set_error(s, why);
	log_error("%s; comparing again in %u ms", why, s->refused_ms);
	set_timer(s, s->refused_ms);
	s->refused_ms = s->refused_ms * 2 < REFUSED_LAST_MS ? s->refused_ms * 2 : REFUSED_LAST_MS;
}

static void go_steady(struct south *s)
{
	s->state = SOUTH_STEADY;
	s->error[0] = '\0';
	s->refused_ms = REFUSED_FIRST_MS;
}

static bool on_commit(void *arg, struct weft_client_msg *m)
{
	const struct weft_msg_txn_result *result;
	struct south *s = arg;
	struct weft_op op;
	char what[100] = "a transaction", why[256];
	size_t offset = 0;

	if (!m)
		return true;
	if (m->hdr->type != WEFT_MSG_TXN_RESULT) {
		const struct weft_msg_error *e = m->payload;

		snprintf(why, sizeof(why), "the data plane refused a transaction: %.200s",
			m->hdr->type == WEFT_MSG_ERROR ? e->text : "it answered nonsense");
		/* An op was refused before, which says more. */
		go_refused(s, s->refusal[0] ? s->refusal : why);
		return true;
	}
	result = m->payload;
	if (result->error == 0) {
		s->generation = result->generation;
		s->revision = s->sending->revision;
		for (unsigned int i = 0; i < s->sending->with_fd.n; i++)
			idset_remove(&s->resend, s->sending->with_fd.ids[i]);
		batch_free(s->sending);
		s->sending = NULL;
		send_next(s);
		return true;
	}
	for (uint32_t i = 0; (offset = ops_read(&s->sending->ops, offset, &op)) != 0; i++)
		if (i == result->op) {
			weft_entry_describe(op.table, op.entry, what, sizeof(what));
			break;
		}
	snprintf(why, sizeof(why), "the data plane refused %s: %.140s (%s)", what, result->text,
		strerror(result->error));
	go_refused(s, why);
	return true;
}

static void send_batch(struct south *s, struct south_batch *b)
{
	s->state = SOUTH_COMMITTING;
	s->sending = b;
	s->sent_offset = 0;
	s->sent_all = false;
	s->refusal[0] = '\0';
	if (conn_request(&s->conn, WEFT_MSG_TXN_BEGIN, NULL, 0, NULL, NULL) < 0)
		conn_fail(&s->conn, "out of memory");
}

static void send_next(struct south *s)
{
	struct south_batch *b;

	if (s->stale) {
		start_dump(s);
		return;
	}
	b = TAILQ_FIRST(&s->queue);
	if (!b) {
		go_steady(s);
		return;
	}
	TAILQ_REMOVE(&s->queue, b, link);
	s->queue_size -= b->ops.size;
	send_batch(s, b);
}

void sync_kick(struct south *s)
{
	if (s->state == SOUTH_STEADY)
		send_next(s);
}

void sync_hurry(struct south *s)
{
	unsigned int ms = REFUSED_FIRST_MS;

	if (s->state != SOUTH_REFUSED)
		return;
	/* A comparison of large tables takes long: no more than a fifth of the time for them. */
	if (ms < s->compare_ms * 4)
		ms = s->compare_ms * 4;
	if (ms < s->refused_ms) {
		s->refused_ms = ms;
		set_timer(s, ms);
	}
}

/* The descriptor to send with that op, or -1. */
static int descriptor_of(struct south *s, const struct weft_op *op)
{
	const struct weft_port *port = &op->entry->port;

	if (op->table != WEFT_TABLE_PORT || op->verb != WEFT_OP_PUT ||
		port->kind != WEFT_PORT_AF_XDP || !s->xsk_map_fd)
		return -1;
	if (idset_has(&s->given, port->id) && !idset_has(&s->resend, port->id))
		return -1;
	return s->xsk_map_fd(s->fd_arg, port);
}

static void note_sent(struct south *s, const struct weft_op *op, int fd)
{
	uint32_t id = op->entry->port.id;

	if (op->table != WEFT_TABLE_PORT)
		return;
	if (op->verb == WEFT_OP_DELETE)
		idset_remove(&s->given, id);
	else if (op->entry->port.kind == WEFT_PORT_AF_XDP)
		idset_add(&s->given, id);
	if (fd >= 0)
		idset_add(&s->sending->with_fd, id);
}

/* conn_user.stream */
static int stream(void *arg, struct weft_client *client)
{
	struct south *s = arg;
	struct weft_op op;
	int rc;

	if (!s->sending || s->sent_all)
		return 0;
	for (unsigned int i = 0; i < STREAM_OPS; i++) {
		size_t next = ops_read(&s->sending->ops, s->sent_offset, &op);
		int fd;

		if (next == 0) {
			s->sent_all = true;
			return conn_request(&s->conn, WEFT_MSG_TXN_COMMIT, NULL, 0, on_commit, s);
		}
		fd = descriptor_of(s, &op);
		rc = weft_client_op(client, op.table, op.verb, op.entry, fd);
		if (rc < 0)
			return rc;
		note_sent(s, &op, fd);
		s->sent_offset = next;
	}
	return 1;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

struct want {
	struct south *south;
	struct ops *out;
};

static void want_entry(
	void *arg, enum weft_table table, enum weft_op_verb verb, const union weft_entry *entry)
{
	struct want *w = arg;

	uint32_t n = w->out->n;

	compare_want(w->south->compare, table, entry, w->out);
	if (table == WEFT_TABLE_PORT && w->out->n == n &&
		idset_has(&w->south->resend, entry->port.id))
		ops_add(w->out, table, WEFT_OP_PUT, entry);
}

static void compare_and_send(struct south *s)
{
	struct south_batch *b = calloc(1, sizeof(*b));
	uint64_t start = now_ms();
	struct want w;

	if (!b) {
		go_refused(s, "out of memory while comparing with the data plane");
		return;
	}
	w = (struct want){s, &b->ops};
	compile_full(engine_compiler(s->engine), want_entry, &w);
	compare_finish(s->compare, &b->ops);
	compare_free(s->compare);
	s->compare = NULL;
	s->compare_ms = now_ms() - start;
	b->revision = model_revision(engine_model(s->engine));
	s->last_resync_ops = b->ops.n;
	log_info("compared with the data plane in %u ms: %u ops to send", s->compare_ms, b->ops.n);
	if (b->ops.broken) {
		batch_free(b);
		go_refused(s, "out of memory while comparing with the data plane");
	} else if (b->ops.n == 0) {
		s->revision = b->revision;
		batch_free(b);
		send_next(s);
	} else {
		send_batch(s, b);
	}
}

static int take_dumped(struct south *s, const struct weft_op *op)
{
	if (op->table == WEFT_TABLE_PORT && op->entry->port.kind == WEFT_PORT_AF_XDP)
		idset_add(&s->given, op->entry->port.id);
	return compare_add(s->compare, op->table, op->entry);
}

static bool on_dump(void *arg, struct weft_client_msg *m)
{
	struct south *s = arg;
	struct weft_ops_reader reader;
	struct weft_op op;

	if (!m)
		return true;
	if (m->hdr->type == WEFT_MSG_DUMP_ENTRIES) {
		weft_ops_read(&reader, m->hdr);
		while (weft_ops_next(&reader, &op))
			if (take_dumped(s, &op) < 0) {
				conn_fail(&s->conn, "out of memory while reading its tables");
				return true;
			}
		return false;
	}
	if (m->hdr->type == WEFT_MSG_DUMP_END) {
		s->generation = ((const struct weft_msg_dump_end *)m->payload)->generation;
		compare_and_send(s);
		return true;
	}
	conn_fail(&s->conn, "it refused to show its tables");
	return true;
}

static void start_dump(struct south *s)
{
	struct weft_msg_dump dump = {.table = 0};

	drop_work(s);
	s->state = SOUTH_DUMPING;
	s->n_resyncs++;
	s->given.n = 0;
	s->compare = compare_new();
	if (!s->compare ||
		conn_request(&s->conn, WEFT_MSG_DUMP, &dump, sizeof(dump), on_dump, s) < 0)
		conn_fail(&s->conn, "out of memory");
}

/* The mapping stays readable after the data plane is gone. The size is checked against the file,
 * because reading beyond its end would be a SIGBUS. */
static int map_stats(struct south *s, const struct weft_msg_hello_ack *ack, int fd)
{
	struct weft_stats_shm *map;
	struct stat st;

	if (fd < 0 || ack->n_workers > WEFT_MAX_WORKERS ||
		ack->stats_size != weft_stats_size(ack->n_workers) || fstat(fd, &st) < 0 ||
		st.st_size < (off_t)ack->stats_size)
		return -EBADMSG;
	map = mmap(NULL, ack->stats_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	if (map->magic != WEFT_STATS_MAGIC || map->n_workers != ack->n_workers) {
		munmap(map, ack->stats_size);
		return -EBADMSG;
	}
	if (s->stats)
		munmap(s->stats, s->stats_size);
	s->stats = map;
	s->stats_size = ack->stats_size;
	return 0;
}

static bool on_hello(void *arg, struct weft_client_msg *m)
{
	const struct weft_msg_hello_ack *ack;
	struct timeval second = {.tv_sec = 1};
	struct south *s = arg;

	if (!m)
		return true;
	if (m->hdr->type != WEFT_MSG_HELLO_ACK) {
		char why[256];

		snprintf(why, sizeof(why), "%s",
			m->hdr->type == WEFT_MSG_ERROR
				? ((const struct weft_msg_error *)m->payload)->text
				: "it does not greet");
		conn_fail(&s->conn, why);
		return true;
	}
	ack = m->payload;
	if (ack->magic != WEFT_CHANNEL_MAGIC || ack->version != WEFT_CHANNEL_VERSION) {
		conn_fail(&s->conn, "it speaks another version of the channel");
		return true;
	}
	if (map_stats(s, ack, m->n_fds > 0 ? m->fds[0] : -1) < 0) {
		conn_fail(&s->conn, "its statistics memory is not as announced");
		return true;
	}
	log_info("connected to the data plane, pid %u, release %s, generation %llu%s", ack->pid,
		ack->release, (unsigned long long)ack->generation,
		s->peer.boot_id && s->peer.boot_id != ack->boot_id ? ", restarted" : "");
	s->peer = *ack;
	s->retry_ms = RETRY_FIRST_MS;
	s->logged_away = false;
	s->error[0] = '\0';
	ports_clear(s);
	event_add(s->watch, &second);
	start_dump(s);
	if (s->state == SOUTH_DUMPING)
		south_tell_connected(s, true);
	return true;
}

static void connect_now(struct south *s)
{
	struct weft_msg_hello hello = {
		.magic = WEFT_CHANNEL_MAGIC,
		.version = WEFT_CHANNEL_VERSION,
		.flags = WEFT_HELLO_WRITER | WEFT_HELLO_EVENTS,
		.client = "weftd",
	};
	int rc = conn_open(&s->conn, s->path);

	if (rc < 0) {
		go_away(s, strerror(-rc));
		return;
	}
	s->state = SOUTH_GREETING;
	if (conn_request(&s->conn, WEFT_MSG_HELLO, &hello, sizeof(hello), on_hello, s) < 0)
		conn_fail(&s->conn, "out of memory");
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct south *s = arg;

	if (s->state == SOUTH_AWAY)
		connect_now(s);
	else if (s->state == SOUTH_REFUSED)
		start_dump(s);
}

static bool on_pong(void *arg, struct weft_client_msg *m)
{
	return true;
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct south *s = arg;

	if (conn_is_waiting(&s->conn)) {
		if (++s->silent_s == SOUTH_SILENT_S)
			log_warning("the data plane has not answered for %u s", s->silent_s);
		return;
	}
	if (s->silent_s >= SOUTH_SILENT_S)
		log_info("the data plane answers again");
	s->silent_s = 0;
	if (++s->quiet_s % PING_S == 0)
		conn_request(&s->conn, WEFT_MSG_PING, NULL, 0, on_pong, s);
}

/* conn_user.message: what answers no request. */
static void on_message(void *arg, struct weft_client_msg *m)
{
	const struct weft_msg_error *e = m->payload;
	struct south *s = arg;

	if (m->hdr->type == WEFT_MSG_EVENT_PORT)
		ports_note(s, m->payload);
	if (weft_msg_direction(m->hdr->type) == WEFT_DIRECTION_EVENT)
		south_tell_event(s, m);
	if (m->hdr->type != WEFT_MSG_ERROR || s->state != SOUTH_COMMITTING)
		return;
	/* The begin or an op was refused. Once the commit is on its way, its answer is waited for. */
	snprintf(s->refusal, sizeof(s->refusal), "the data plane refused a transaction: %.200s",
		e->text);
	if (s->sent_all)
		return;
	go_refused(s, s->refusal);
	conn_request(&s->conn, WEFT_MSG_TXN_ABORT, NULL, 0, NULL, NULL);
}

static void on_closed(void *arg, const char *why)
{
	go_away(arg, why);
}

int sync_init(struct south *s)
{
	struct conn_user user = {
		.arg = s, .message = on_message, .stream = stream, .closed = on_closed};

	conn_init(&s->conn, s->base, &user);
	s->timer = evtimer_new(s->base, on_timer, s);
	s->watch = event_new(s->base, -1, EV_PERSIST, on_watch, s);
	s->retry_ms = RETRY_FIRST_MS;
	s->refused_ms = REFUSED_FIRST_MS;
	TAILQ_INIT(&s->queue);
	return s->timer && s->watch ? 0 : -ENOMEM;
}

void sync_start(struct south *s)
{
	if (s->state == SOUTH_IDLE)
		connect_now(s);
}

void sync_free(struct south *s)
{
	conn_close(&s->conn);
	drop_work(s);
	if (s->timer)
		event_free(s->timer);
	if (s->watch)
		event_free(s->watch);
	if (s->stats)
		munmap(s->stats, s->stats_size);
}
