/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A data plane for tests of south (fake_dataplane.h). Naive on purpose: one array, linear search.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fake_dataplane.h"

#define FAKE_WORKERS 1

static void close_peer(struct fake_dataplane *f)
{
	if (f->peer < 0)
		return;
	event_free(f->peer_event);
	close(f->peer);
	f->peer = -1;
	f->n_txn = 0;
}

static void send_fd(struct fake_dataplane *f, const void *msg, size_t size, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {(void *)msg, size};
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		mh.msg_control = control;
		mh.msg_controllen = sizeof(control);
		*CMSG_FIRSTHDR(&mh) = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(sizeof(int))};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&mh)), &fd, sizeof(fd));
	}
	if (sendmsg(f->peer, &mh, MSG_NOSIGNAL) < 0)
		close_peer(f);
}

static void send_msg(struct fake_dataplane *f, enum weft_msg_type type, uint32_t seq,
	const void *payload, size_t size, int fd)
{
	_Alignas(8) uint8_t msg[1024];

	send_fd(f, msg, weft_msg_build(msg, type, seq, payload, size), fd);
}

void fake_send(struct fake_dataplane *f, enum weft_msg_type type, uint32_t seq, const void *payload,
	size_t size)
{
	send_msg(f, type, seq, payload, size, -1);
}

static struct fake_entry *find(
	struct fake_dataplane *f, enum weft_table table, const union weft_entry *entry)
{
	for (size_t i = 0; i < f->n_entries; i++)
		if (f->table[i].table == table &&
			weft_entry_key_equal(table, &f->table[i].entry, entry))
			return &f->table[i];
	return NULL;
}

void fake_put(struct fake_dataplane *f, enum weft_table table, const union weft_entry *entry)
{
	struct fake_entry *e = find(f, table, entry);

	if (!e) {
		assert(f->n_entries < FAKE_ENTRIES);
		e = &f->table[f->n_entries++];
	}
	e->table = table;
	memset(&e->entry, 0, sizeof(e->entry));
	memcpy(&e->entry, entry, weft_entry_size(table));
}

static void drop(struct fake_dataplane *f, enum weft_table table, const union weft_entry *entry)
{
	struct fake_entry *e = find(f, table, entry);

	if (e)
		*e = f->table[--f->n_entries];
}

static void hello(struct fake_dataplane *f, uint32_t seq)
{
	struct weft_msg_hello_ack ack = {
		.magic = WEFT_CHANNEL_MAGIC,
		.version = WEFT_CHANNEL_VERSION,
		.n_workers = FAKE_WORKERS,
		.boot_id = f->boot_id,
		.generation = f->generation,
		.pid = getpid(),
		.stats_size = weft_stats_size(FAKE_WORKERS),
		.release = "fake",
	};

	f->n_hellos++;
	send_msg(f, WEFT_MSG_HELLO_ACK, seq, &ack, sizeof(ack), f->stats_fd);
}

static void dump(struct fake_dataplane *f, uint32_t seq)
{
	static _Alignas(8) uint8_t msg[4096];
	struct weft_msg_dump_end end = {f->generation, f->n_entries};
	struct weft_ops_writer w;

	f->n_dumps++;
	weft_ops_start(&w, msg, sizeof(msg));
	for (unsigned int table = 1; table < WEFT_TABLE_MAX; table++)
		for (size_t i = 0; i < f->n_entries; i++) {
			if (f->table[i].table != table)
				continue;
			if (weft_ops_add(&w, table, WEFT_OP_PUT, &f->table[i].entry, false))
				continue;
			send_fd(f, msg, weft_ops_finish(&w, WEFT_MSG_DUMP_ENTRIES, seq), -1);
			weft_ops_start(&w, msg, sizeof(msg));
			weft_ops_add(&w, table, WEFT_OP_PUT, &f->table[i].entry, false);
		}
	if (w.n_ops > 0)
		send_fd(f, msg, weft_ops_finish(&w, WEFT_MSG_DUMP_ENTRIES, seq), -1);
	send_msg(f, WEFT_MSG_DUMP_END, seq, &end, sizeof(end), -1);
}

/* Two sessions of the network that was asked for, and where to go on. */
static void list_sessions(
	struct fake_dataplane *f, uint32_t seq, const struct weft_msg_session_list *list)
{
	struct weft_msg_session_end end = {.n = 2, .cursor = list->cursor + list->max};
	struct {
		struct weft_msg_sessions head;
		struct weft_session sessions[2];
	} entries = {.head = {.n = 2}};

	for (unsigned int i = 0; i < 2; i++)
		entries.sessions[i].network = list->filter.network;
	fake_send(f, WEFT_MSG_SESSION_ENTRIES, seq, &entries, sizeof(entries));
	fake_send(f, WEFT_MSG_SESSION_END, seq, &end, sizeof(end));
}

static void gather(struct fake_dataplane *f, const void *msg)
{
	struct weft_ops_reader r;
	struct weft_op op;

	weft_ops_read(&r, msg);
	while (weft_ops_next(&r, &op)) {
		assert(f->n_txn < FAKE_ENTRIES);
		f->txn_hdr[f->n_txn] = (struct weft_op_hdr){.table = op.table, .verb = op.verb};
		f->txn[f->n_txn].table = op.table;
		memcpy(&f->txn[f->n_txn].entry, op.entry, weft_entry_size(op.table));
		f->n_txn++;
		f->n_fds += op.has_fd;
	}
}

static void commit(struct fake_dataplane *f, uint32_t seq)
{
	struct weft_msg_txn_result result = {0};

	f->last_txn_ops = f->n_txn;
	f->n_commits++;
	if (f->n_refusals > 0) {
		f->n_refusals--;
		result.error = ENOSPC;
		result.op = f->refuse_op;
		snprintf(result.text, sizeof(result.text), "the table is full");
	} else {
		for (size_t i = 0; i < f->n_txn; i++)
			if (f->txn_hdr[i].verb == WEFT_OP_PUT)
				fake_put(f, f->txn[i].table, &f->txn[i].entry);
			else
				drop(f, f->txn[i].table, &f->txn[i].entry);
		f->generation++;
	}
	result.generation = f->generation;
	f->n_txn = 0;
	fake_send(f, WEFT_MSG_TXN_RESULT, seq, &result, sizeof(result));
}

static void take_tables(struct fake_dataplane *f, uint32_t seq,
	const struct weft_msg_fastpath *tables, unsigned int n_fds)
{
	struct weft_msg_error error = {.error = EBUSY, .text = "it has other tables"};

	assert(n_fds == WEFT_FASTPATH_MAPS);
	if (f->tables_id && f->tables_id != tables->id) {
		fake_send(f, WEFT_MSG_ERROR, seq, &error, sizeof(error));
		return;
	}
	f->tables_id = tables->id;
	fake_send(f, WEFT_MSG_PONG, seq, NULL, 0);
}

static void answer(struct fake_dataplane *f, const void *msg, unsigned int n_fds)
{
	const struct weft_msg_hdr *hdr = msg;

	if (f->n_received < FAKE_RECEIVED)
		f->received[f->n_received++] = hdr->type;

	if (f->hang_up_at == hdr->type) {
		f->hang_up_at = 0;
		close_peer(f);
		return;
	}
	if (f->mute_at == hdr->type)
		return;
	switch ((enum weft_msg_type)hdr->type) {
	case WEFT_MSG_HELLO:
		hello(f, hdr->seq);
		break;
	case WEFT_MSG_TXN_BEGIN:
	case WEFT_MSG_TXN_ABORT:
		f->n_txn = 0;
		fake_send(f, WEFT_MSG_PONG, hdr->seq, NULL, 0);
		break;
	case WEFT_MSG_TXN_OPS:
		gather(f, msg);
		break;
	case WEFT_MSG_TXN_COMMIT:
		commit(f, hdr->seq);
		break;
	case WEFT_MSG_DUMP:
		dump(f, hdr->seq);
		break;
	case WEFT_MSG_FASTPATH:
		take_tables(f, hdr->seq, weft_msg_payload(msg), n_fds);
		break;
	case WEFT_MSG_SESSION_LIST:
		list_sessions(f, hdr->seq, weft_msg_payload(msg));
		break;
	case WEFT_MSG_SESSION_FLUSH:
		fake_send(f, WEFT_MSG_SESSION_END, hdr->seq, &(struct weft_msg_session_end){.n = 5},
			sizeof(struct weft_msg_session_end));
		break;
	default:
		fake_send(f, WEFT_MSG_PONG, hdr->seq, NULL, 0);
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	static _Alignas(8) uint8_t msg[WEFT_MSG_SIZE_MAX];
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(WEFT_MSG_FDS_MAX * sizeof(int))];
	struct iovec iov = {msg, sizeof(msg)};
	struct msghdr mh = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	struct fake_dataplane *f = arg;
	char text[WEFT_TEXT_SIZE];
	struct cmsghdr *h;
	unsigned int n_fds;
	ssize_t n;

	n = recvmsg(fd, &mh, MSG_DONTWAIT);
	if (n <= 0) {
		close_peer(f);
		return;
	}
	h = CMSG_FIRSTHDR(&mh);
	n_fds = h ? (h->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;
	for (size_t i = 0; i < n_fds; i++) {
		int one;

		memcpy(&one, CMSG_DATA(h) + i * sizeof(int), sizeof(one));
		close(one);
	}
	assert(weft_msg_check(msg, n, text) == 0);
	answer(f, msg, n_fds);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct fake_dataplane *f = arg;

	close_peer(f);
	f->peer = accept(fd, NULL, NULL);
	assert(f->peer >= 0);
	f->peer_event = event_new(f->base, f->peer, EV_READ | EV_PERSIST, on_readable, f);
	event_add(f->peer_event, NULL);
}

static void make_stats(struct fake_dataplane *f)
{
	struct weft_stats_shm head = {.magic = WEFT_STATS_MAGIC,
		.version = WEFT_CHANNEL_VERSION,
		.n_workers = FAKE_WORKERS,
		.boot_id = f->boot_id};

	f->stats_fd = memfd_create("stats", MFD_CLOEXEC);
	assert(f->stats_fd >= 0);
	assert(ftruncate(f->stats_fd, weft_stats_size(FAKE_WORKERS)) == 0);
	assert(pwrite(f->stats_fd, &head, 64, 0) == 64);
}

static void start_listening(struct fake_dataplane *f)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", f->path);
	f->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert(bind(f->listener, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	assert(listen(f->listener, 4) == 0);
	f->accept_event = event_new(f->base, f->listener, EV_READ | EV_PERSIST, on_accept, f);
	event_add(f->accept_event, NULL);
	make_stats(f);
}

void fake_start(struct fake_dataplane *f, struct event_base *base)
{
	char folder[] = "/tmp/weft-south-XXXXXX";

	memset(f, 0, sizeof(*f));
	f->base = base;
	f->peer = -1;
	f->boot_id = 1;
	assert(mkdtemp(folder));
	snprintf(f->path, sizeof(f->path), "%s/dataplane.sock", folder);
	start_listening(f);
}

static void stop_listening(struct fake_dataplane *f)
{
	close_peer(f);
	event_free(f->accept_event);
	close(f->listener);
	close(f->stats_fd);
	unlink(f->path);
}

void fake_stop(struct fake_dataplane *f)
{
	stop_listening(f);
	*strrchr(f->path, '/') = '\0';
	rmdir(f->path);
}

void fake_restart(struct fake_dataplane *f)
{
	stop_listening(f);
	f->boot_id++;
	f->generation = 0;
	f->tables_id = 0;
	f->n_entries = 0;
	start_listening(f);
}

void fake_hang_up(struct fake_dataplane *f)
{
	close_peer(f);
}
