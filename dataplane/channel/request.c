/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What each request means. Knows no sockets beyond client_reply. Main thread.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_mempool.h>

#include <core/clock.h>
#include <core/log.h>
#include <core/mem.h>
#include <observe/counters.h>
#include <session/offload.h>
#include <session/session.h>
#include <table/learn.h>

#include "client.h"
#include "drops.h"
#include "fastpath.h"
#include "state.h"
#include "trace.h"
#include "watcher.h"

static void hello_accept(struct client *c, uint32_t seq, const struct weft_msg_hello *hello)
{
	struct weft_msg_hello_ack ack = {.magic = WEFT_CHANNEL_MAGIC,
		.version = WEFT_CHANNEL_VERSION,
		.n_workers = channel.n_workers,
		.boot_id = server_boot_id(),
		.generation = channel.config->generation,
		.pid = getpid(),
		.stats_size = weft_stats_size(counters_shm->n_workers),
		.release = WEFT_RELEASE};

	if ((hello->flags & WEFT_HELLO_EVENTS) && !c->events) {
		c->events = event_queue_new();
		if (!c->events) {
			client_error(c, seq, ENOMEM, "out of memory");
			return;
		}
	}
	c->greeted = true;
	c->writer = hello->flags & WEFT_HELLO_WRITER;
	snprintf(c->name, sizeof(c->name), "%s", hello->client);
	client_reply(c, WEFT_MSG_HELLO_ACK, seq, &ack, sizeof(ack), counters_fd());
	log_info("channel: client %s (pid %u) connected%s", c->name, c->pid,
		c->writer ? ", writes" : "");
}

static void hello(struct client *c, uint32_t seq, const struct weft_msg_hello *hello)
{
	struct client *writer;

	if (hello->magic != WEFT_CHANNEL_MAGIC || hello->version != WEFT_CHANNEL_VERSION) {
		client_error(c, seq, EPROTONOSUPPORT,
			"this data plane speaks version %u of the channel, not %u",
			WEFT_CHANNEL_VERSION, hello->version);
		c->doomed = true;
		return;
	}
	if (c->greeted) {
		client_error(c, seq, EALREADY, "a second HELLO");
		return;
	}
	writer = hello->flags & WEFT_HELLO_WRITER ? server_writer() : NULL;
	if (writer) {
		client_error(c, seq, EBUSY, "client %s (pid %u) holds transactions", writer->name,
			writer->pid);
		return;
	}
	hello_accept(c, seq, hello);
}

static void txn_begin(struct client *c, uint32_t seq)
{
	if (!c->writer) {
		client_error(c, seq, EPERM, "only a client that said so in HELLO may write");
		return;
	}
	if (c->txn) {
		client_error(c, seq, EALREADY, "a transaction is open already");
		return;
	}
	c->txn = txn_new();
	if (c->txn)
		client_reply(c, WEFT_MSG_PONG, seq, NULL, 0, -1);
	else
		client_error(c, seq, ENOMEM, "out of memory");
}

static void txn_ops(struct client *c, const void *msg, int *fds, unsigned int n_fds)
{
	uint32_t seq = weft_msg_hdr(msg)->seq;
	char text[WEFT_TEXT_SIZE];
	int rc;

	if (!c->txn) {
		client_error(c, seq, EPROTO, "ops without TXN_BEGIN");
		return;
	}
	rc = txn_add(c->txn, msg, fds, n_fds, text);
	if (rc == 0)
		return;
	/* Without these ops the rest means something else. */
	txn_free(c->txn);
	c->txn = NULL;
	client_error(c, seq, -rc, "%s", text);
}

static void txn_end(struct client *c, uint32_t seq, bool commit)
{
	struct weft_msg_txn_result result = {0};

	if (!c->txn) {
		client_error(c, seq, EPROTO, "no transaction is open");
		return;
	}
	if (commit)
		txn_commit(c->txn, &result);
	txn_free(c->txn);
	c->txn = NULL;
	if (!commit) {
		client_reply(c, WEFT_MSG_PONG, seq, NULL, 0, -1);
		return;
	}
	if (result.error)
		log_warning(
			"transaction of %s refused: op %u: %s", c->name, result.op, result.text);
	client_reply(c, WEFT_MSG_TXN_RESULT, seq, &result, sizeof(result), -1);
}

static void dump(struct client *c, uint32_t seq, const struct weft_msg_dump *request)
{
	if (dump_start(&c->dump, request, seq)) {
		client_error(c, seq, EINVAL, "there is no table %u", request->table);
		return;
	}
	c->dumping = true; /* server.c goes on with it as the socket takes it */
}

static void fdb_flush(struct client *c, uint32_t seq, const struct weft_msg_fdb_flush *request)
{
	uint64_t g = channel.config->generation;
	uint16_t segment = 0, port = 0;

	if (!c->writer) {
		client_error(c, seq, EPERM, "only a client that said so in HELLO may write");
		return;
	}
	if (request->vni) {
		segment = slot_find(channel.config->vni, &request->vni, g);
		if (!segment) {
			client_error(c, seq, ENOENT, "there is no segment %u", request->vni);
			return;
		}
	}
	if (request->port) {
		port = slot_find(channel.port_ids, &request->port, g);
		if (!port) {
			client_error(c, seq, ENOENT, "there is no port %u", request->port);
			return;
		}
	}
	learn_flush(segment, port);
	client_reply(c, WEFT_MSG_PONG, seq, NULL, 0, -1);
}

static void session_list(
	struct client *c, uint32_t seq, const struct weft_msg_session_list *request)
{
	session_list_start(&c->walk, request, seq);
	c->walking = true; /* as with dumps */
}

static void session_flush(
	struct client *c, uint32_t seq, const struct weft_msg_session_flush *request)
{
	if (!c->writer) {
		client_error(c, seq, EPERM, "only a client that said so in HELLO may write");
		return;
	}
	session_flush_start(&c->walk, request, seq);
	c->walking = true;
}

static void drop_list(struct client *c, uint32_t seq, const struct weft_msg_drop_list *request)
{
	_Alignas(8) static uint8_t reply[WEFT_MSG_SIZE_MAX - sizeof(struct weft_msg_hdr)];
	size_t size = drops_read(request, reply, sizeof(reply));

	if (size)
		client_reply(c, WEFT_MSG_DROP_RECORDS, seq, reply, size, -1);
	else
		client_error(c, seq, ENOENT, "there is no port %u", request->port);
}

static void trace(struct client *c, uint32_t seq, const struct weft_msg_trace *request)
{
	_Alignas(8) static uint8_t reply[TRACE_REPORT_MAX];
	char text[WEFT_TEXT_SIZE];
	int size = trace_run(request, reply, text);

	if (size > 0)
		client_reply(c, WEFT_MSG_TRACE_REPORT, seq, reply, size, -1);
	else
		client_error(c, seq, -size, "%s", text);
}

static void probe(struct client *c, uint32_t seq, const struct weft_msg_trace *request)
{
	char text[WEFT_TEXT_SIZE];
	int rc;

	if (!c->writer) {
		client_error(c, seq, EPERM, "only a client that said so in HELLO may write");
		return;
	}
	rc = trace_probe(request, text);
	if (rc == 0)
		client_reply(c, WEFT_MSG_PONG, seq, NULL, 0, -1);
	else
		client_error(c, seq, -rc, "%s", text);
}

static void fastpath(struct client *c, uint32_t seq, const struct weft_msg_fastpath *request,
	const int *fds, unsigned int n_fds)
{
	char text[WEFT_TEXT_SIZE];
	int rc;

	if (!c->writer) {
		client_error(c, seq, EPERM, "only a client that said so in HELLO may write");
		return;
	}
	rc = fastpath_attach(request, fds, n_fds, text);
	if (rc == 0)
		client_reply(c, WEFT_MSG_PONG, seq, NULL, 0, -1);
	else
		client_error(c, seq, -rc, "fast path: %s", text);
}

static void fastpath_of_port(
	struct client *c, uint32_t seq, const struct weft_msg_fastpath_port *request)
{
	char text[WEFT_TEXT_SIZE];
	int rc;

	if (!c->writer) {
		client_error(c, seq, EPERM, "only a client that said so in HELLO may write");
		return;
	}
	rc = fastpath_tell(request, text);
	if (rc == 0)
		client_reply(c, WEFT_MSG_PONG, seq, NULL, 0, -1);
	else
		client_error(c, seq, -rc, "fast path of a port: %s", text);
}

static void info_sessions(struct weft_msg_info *reply)
{
	struct session_stats s;

	session_stats(&s);
	reply->sessions = s.n;
	reply->sessions_half_open = s.half_open;
	reply->sessions_max = s.max;
	reply->sessions_created = s.created;
	reply->sessions_ended = s.ended;
	reply->sessions_refused = s.refused;
	reply->session_bytes = s.bytes;
}

static void info_offload(struct weft_msg_info *reply)
{
	struct offload_stats s;

	offload_stats(&s);
	reply->offload_max = fastpath_sessions();
	reply->offloaded = s.n;
	reply->offload_full = s.full;
	reply->offload_empty = s.empty;
	reply->offload_adopted = s.adopted;
}

static void info(struct client *c, uint32_t seq)
{
	const struct config *cfg = channel.config;
	struct weft_msg_info reply = {.generation = cfg->generation,
		.uptime_ms = clock_ms(),
		.n_learned = learn_count(),
		.commit_last_ns = channel.commit_last_ns};

	for (uint32_t t = 1; t < WEFT_TABLE_MAX; t++)
		reply.n_entries[t] = dump_count(cfg, t);
	reply.table_bytes[WEFT_TABLE_SEGMENT] = vhash_bytes(cfg->vni);
	reply.table_bytes[WEFT_TABLE_PORT] = vhash_bytes(channel.port_ids);
	reply.table_bytes[WEFT_TABLE_VTEP] = vhash_bytes(cfg->vtep);
	reply.table_bytes[WEFT_TABLE_FDB] = vhash_bytes(cfg->fdb);
	reply.table_bytes[WEFT_TABLE_NEIGH] = vhash_bytes(cfg->neigh);
	reply.table_bytes[WEFT_TABLE_SET_MEMBER] = vhash_bytes(cfg->set_members);
	if (mem_pools.packet) {
		reply.mbufs_total = mem_pools.packet->size;
		reply.mbufs_free = rte_mempool_avail_count(mem_pools.packet);
	}
	if (rte_eal_has_hugepages())
		reply.hugepages = rte_eal_get_physmem_size();
	info_sessions(&reply);
	info_offload(&reply);
	client_reply(c, WEFT_MSG_INFO_REPLY, seq, &reply, sizeof(reply), -1);
}

void request_handle(struct client *c, const void *msg, int *fds, unsigned int n_fds)
{
	const struct weft_msg_hdr *hdr = weft_msg_hdr(msg);

	if (!c->greeted && hdr->type != WEFT_MSG_HELLO) {
		client_error(c, hdr->seq, EPROTO, "%s before HELLO", weft_msg_name(hdr->type));
		c->doomed = true;
		return;
	}
	switch (hdr->type) {
	case WEFT_MSG_HELLO:
		hello(c, hdr->seq, weft_msg_payload(msg));
		break;
	case WEFT_MSG_TXN_BEGIN:
		txn_begin(c, hdr->seq);
		break;
	case WEFT_MSG_TXN_OPS:
		txn_ops(c, msg, fds, n_fds);
		break;
	case WEFT_MSG_TXN_COMMIT:
	case WEFT_MSG_TXN_ABORT:
		txn_end(c, hdr->seq, hdr->type == WEFT_MSG_TXN_COMMIT);
		break;
	case WEFT_MSG_DUMP:
		dump(c, hdr->seq, weft_msg_payload(msg));
		break;
	case WEFT_MSG_PING:
		client_reply(c, WEFT_MSG_PONG, hdr->seq, NULL, 0, -1);
		break;
	case WEFT_MSG_FDB_FLUSH:
		fdb_flush(c, hdr->seq, weft_msg_payload(msg));
		break;
	case WEFT_MSG_INFO:
		info(c, hdr->seq);
		break;
	case WEFT_MSG_SESSION_LIST:
		session_list(c, hdr->seq, weft_msg_payload(msg));
		break;
	case WEFT_MSG_SESSION_FLUSH:
		session_flush(c, hdr->seq, weft_msg_payload(msg));
		break;
	case WEFT_MSG_DROP_LIST:
		drop_list(c, hdr->seq, weft_msg_payload(msg));
		break;
	case WEFT_MSG_TRACE:
		trace(c, hdr->seq, weft_msg_payload(msg));
		break;
	case WEFT_MSG_WATCH:
		watcher_begin(c, hdr->seq, weft_msg_payload(msg));
		break;
	case WEFT_MSG_UNWATCH:
		watcher_end(c, hdr->seq);
		break;
	case WEFT_MSG_PROBE:
		probe(c, hdr->seq, weft_msg_payload(msg));
		break;
	case WEFT_MSG_FASTPATH:
		fastpath(c, hdr->seq, weft_msg_payload(msg), fds, n_fds);
		break;
	case WEFT_MSG_FASTPATH_PORT:
		fastpath_of_port(c, hdr->seq, weft_msg_payload(msg));
		break;
	default:
		client_error(c, hdr->seq, EPROTO, "%s is no request", weft_msg_name(hdr->type));
		c->doomed = true;
	}
}
