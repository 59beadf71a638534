/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other side of the channel: connecting to it, greeting, watching that it answers, losing it.
 * Whatever goes wrong ends in a timer that starts over. What is programmed there is sync.c's
 * business. Event loop's thread only.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <ccore/log.h>

#include "state.h"

#define RETRY_FIRST_MS 50
#define RETRY_LAST_MS  200
#define PING_S	       5

void peer_set_timer(struct south *s, unsigned int ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_add(s->timer, &tv);
}

/* Not connected: tries again, fast at first, since a data plane that was restarted needs its tables
 * before traffic flows. */
static void go_away(struct south *s, const char *why)
{
	bool was_connected = s->state > SOUTH_GREETING;

	sync_drop_work(s);
	event_del(s->watch);
	s->silent_s = 0;
	s->state = SOUTH_AWAY;
	snprintf(s->error, sizeof(s->error), "not connected to the data plane at %.120s: %.90s",
		s->path, why);
	if (!s->logged_away)
		log_warning("%s; trying again", s->error);
	s->logged_away = true;
	peer_set_timer(s, s->retry_ms);
	s->retry_ms = s->retry_ms * 2 < RETRY_LAST_MS ? s->retry_ms * 2 : RETRY_LAST_MS;
	if (was_connected)
		south_tell_connected(s, false);
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
	s->state = SOUTH_DUMPING;
	south_tell_greeted(s);
	sync_start_dump(s);
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
		sync_start_dump(s);
}

static bool on_pong(void *arg, struct weft_client_msg *m)
{
	return true;
}

/* Once a second: a request waits, and nothing came since the last time. */
static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct south *s = arg;
	bool silent = conn_is_waiting(&s->conn) && s->conn.n_received == s->watched_received;

	s->watched_received = s->conn.n_received;
	if (silent && ++s->silent_s == SOUTH_SILENT_S)
		log_warning("the data plane has not answered for %u s", s->silent_s);
	if (silent)
		return;
	if (s->silent_s >= SOUTH_SILENT_S)
		log_info("the data plane answers again");
	s->silent_s = 0;
	if (!conn_is_waiting(&s->conn) && ++s->quiet_s % PING_S == 0)
		conn_request(&s->conn, WEFT_MSG_PING, NULL, 0, on_pong, s);
}

/* What answers no request. */
static void on_message(void *arg, struct weft_client_msg *m)
{
	struct south *s = arg;

	if (m->hdr->type == WEFT_MSG_EVENT_PORT)
		ports_note(s, m->payload);
	if (weft_msg_direction(m->hdr->type) == WEFT_DIRECTION_EVENT)
		south_tell_event(s, m);
	else if (m->hdr->type == WEFT_MSG_ERROR)
		sync_note_refusal(s, m->payload);
}

static int on_stream(void *arg, struct weft_client *client)
{
	return sync_stream(arg, client);
}

static void on_closed(void *arg, const char *why)
{
	go_away(arg, why);
}

int peer_init(struct south *s)
{
	struct conn_user user = {
		.arg = s, .message = on_message, .stream = on_stream, .closed = on_closed};

	conn_init(&s->conn, s->base, &user);
	s->timer = evtimer_new(s->base, on_timer, s);
	s->watch = event_new(s->base, -1, EV_PERSIST, on_watch, s);
	s->retry_ms = RETRY_FIRST_MS;
	sync_init(s);
	return s->timer && s->watch ? 0 : -ENOMEM;
}

void peer_start(struct south *s)
{
	if (s->state == SOUTH_IDLE)
		connect_now(s);
}

void peer_free(struct south *s)
{
	conn_close(&s->conn);
	sync_drop_work(s);
	if (s->timer)
		event_free(s->timer);
	if (s->watch)
		event_free(s->watch);
	if (s->stats)
		munmap(s->stats, s->stats_size);
}
