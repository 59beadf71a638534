/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * weftd, the control daemon: the ladder that brings its parts up, the wires between them, and the
 * way down. No part knows main; single-threaded, one event loop.
 *
 * Order matters twice: guards are on the interfaces before the data plane is told to use them, and
 * the data plane is not compared before the underlay is known (hostnet's ready), lest a restart of
 * weftd take the way to every remote host from it.
 */
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include <ccore/log.h>
#include <ccore/notify.h>
#include <engine/engine.h>
#include <host/hostnet.h>
#include <metadata/metadata.h>
#include <rpc/rpc.h>
#include <south/attach.h>
#include <south/south.h>

#include "bpffs.h"
#include "options.h"

#define EXIT_STORE 3

struct daemon {
	struct options options;
	int lock;
	struct event_base *base;
	struct engine *engine;
	struct attach *attach;
	struct south *south;
	struct hostnet *net;
	struct metadata *metadata;
	struct rpc *rpc;
	struct event *events[5]; /* signals and timers */
	unsigned int n_events;
	char status[320];
};

/* ---- files ---- */

/* The folder of path, one level deep at least. */
static int make_folder(const char *path, mode_t mode)
{
	char copy[PATH_MAX];
	const char *folder;

	if (snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return -ENAMETOOLONG;
	folder = dirname(copy);
	if (mkdir(folder, mode) == 0 || errno == EEXIST)
		return 0;
	log_error("cannot make the folder %s: %s", folder, strerror(errno));
	return -errno;
}

/* Two weftd on one store would each undo what the other does. The kernel lets go of the lock when
 * the process ends, however it ends. */
static int lock_store(struct daemon *d)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s.lock", d->options.store) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	d->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (d->lock < 0) {
		log_error("cannot open %s: %s", path, strerror(errno));
		return -errno;
	}
	if (flock(d->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	log_error("another weftd uses the store %s (%s is locked)", d->options.store, path);
	return -EBUSY;
}

/* ---- wires ---- */

static int wire_port_fd(void *arg, const struct weft_port *port)
{
	const struct daemon *d = arg;

	if (port->role == WEFT_ROLE_SERVICE)
		return metadata_fd(d->metadata);
	return attach_map_fd(d->attach, port);
}

static void wire_new_fd(void *arg, const struct weft_port *port)
{
	struct daemon *d = arg;

	if (d->south)
		south_resend_port(d->south, port);
}

/* A question about a port to the data plane. */
struct port_question {
	struct daemon *daemon;
	uint32_t port;
};

static void wire_port_answer(
	void *arg, const struct weft_msg_hdr *answer, int error, const char *text)
{
	struct port_question *q = arg;

	attach_port_answered(q->daemon->attach, q->port, error, text);
	free(q);
}

static int wire_send_port(void *arg, const struct weft_msg_fastpath_port *port)
{
	struct port_question *q;
	struct daemon *d = arg;
	int rc;

	if (!d->south)
		return -ENOTCONN;
	q = malloc(sizeof(*q));
	if (!q)
		return -ENOMEM;
	*q = (struct port_question){d, port->port};
	rc = south_query(d->south, WEFT_MSG_FASTPATH_PORT, port, sizeof(*port), WEFT_MSG_PONG,
		wire_port_answer, q);
	if (rc < 0)
		free(q);
	return rc;
}

static void wire_tables_answer(
	void *arg, const struct weft_msg_hdr *answer, int error, const char *text)
{
	const struct daemon *d = arg;

	attach_tables_answered(d->attach, error, text);
}

static int wire_send_tables(
	void *arg, const struct weft_msg_fastpath *tables, const int fds[WEFT_FASTPATH_MAPS])
{
	struct daemon *d = arg;

	return south_query_fds(d->south, WEFT_MSG_FASTPATH, tables, sizeof(*tables), fds,
		WEFT_FASTPATH_MAPS, WEFT_MSG_PONG, wire_tables_answer, d);
}

static void wire_greeted(void *arg)
{
	const struct daemon *d = arg;

	attach_greet(d->attach);
}

static void wire_repaired(void *arg, const struct weft_port *port, const char *what)
{
	const struct daemon *d = arg;

	if (d->rpc)
		rpc_tell_repaired(d->rpc, port, what);
}

static void wire_underlay_wanted(void *arg)
{
	struct daemon *d = arg;

	attach_refresh(d->attach);
	if (d->net)
		hostnet_refresh(d->net);
}

/* The host's end of a container's veth is cared for; an uplink is its administrator's. */
static void wire_port(void *arg, const struct weft_port *port, bool present)
{
	struct daemon *d = arg;
	bool care = present && port->kind == WEFT_PORT_VETH && port->role == WEFT_ROLE_TENANT;

	attach_port(d->attach, port, present);
	metadata_port(d->metadata, port, present);
	if (d->net)
		hostnet_want_port(d->net, port->id, care ? port->device : NULL);
}

static void wire_link(void *arg, const struct hostnet_link *link, bool present)
{
	struct daemon *d = arg;

	unsigned int flags = (hostnet_link_is_tenants(link) ? ATTACH_LINK_TENANTS : 0) |
			     (link->peer_elsewhere ? ATTACH_LINK_AWAY : 0);

	attach_link(d->attach, link->ifindex, link->name, flags, present);
}

static void wire_ready(void *arg)
{
	struct daemon *d = arg;

	south_start(d->south);
}

static void wire_warnings(
	void *arg, void (*add)(void *add_arg, const char *sentence), void *add_arg)
{
	const struct daemon *d = arg;

	hostnet_problems(d->net, add, add_arg);
	attach_problems(d->attach, add, add_arg);
	metadata_problems(d->metadata, add, add_arg);
}

static void wire_metadata(void *arg, struct metadata_status *ret)
{
	const struct daemon *d = arg;

	metadata_status(d->metadata, ret);
}

static void note_first_port(
	void *arg, enum weft_table table, enum weft_op_verb verb, const union weft_entry *entry)
{
	if (table == WEFT_TABLE_PORT)
		wire_port(arg, &entry->port, true);
}

/* ---- signals and the service manager ---- */

static void on_end(evutil_socket_t signal, short what, void *arg)
{
	struct daemon *d = arg;

	log_info("ending on %s; the data plane goes on", strsignal(signal));
	event_base_loopbreak(d->base);
}

static void on_hup(evutil_socket_t signal, short what, void *arg)
{
	const struct daemon *d = arg;

	log_set_level(log_get_level() == LOG_LEVEL_DEBUG ? d->options.log_level : LOG_LEVEL_DEBUG);
}

static void on_second(evutil_socket_t fd, short what, void *arg)
{
	struct south_status st;
	struct daemon *d = arg;
	char status[sizeof(d->status)];

	south_status(d->south, &st);
	if (st.in_sync)
		snprintf(status, sizeof(status), "STATUS=data plane in sync, generation %llu",
			(unsigned long long)st.generation);
	else
		snprintf(status, sizeof(status), "STATUS=%s", st.error);
	if (strcmp(status, d->status) == 0)
		return;
	memcpy(d->status, status, sizeof(status));
	notify_send(status);
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	notify_send("WATCHDOG=1");
}

static int add_event(struct daemon *d, int fd, short what, event_callback_fn fn, uint64_t period_us)
{
	struct timeval tv = {.tv_sec = period_us / 1000000, .tv_usec = period_us % 1000000};
	struct event *ev = event_new(d->base, fd, what | EV_PERSIST, fn, d);

	if (!ev || event_add(ev, period_us ? &tv : NULL) < 0)
		return -ENOMEM;
	d->events[d->n_events++] = ev;
	return 0;
}

static int add_events(struct daemon *d)
{
	uint64_t watchdog_us = notify_watchdog_us();

	signal(SIGPIPE, SIG_IGN);
	if (add_event(d, SIGTERM, EV_SIGNAL, on_end, 0) < 0 ||
		add_event(d, SIGINT, EV_SIGNAL, on_end, 0) < 0 ||
		add_event(d, SIGHUP, EV_SIGNAL, on_hup, 0) < 0 ||
		add_event(d, -1, 0, on_second, 1000000) < 0)
		return -ENOMEM;
	return watchdog_us ? add_event(d, -1, 0, on_watchdog, watchdog_us / 2) : 0;
}

/* ---- privileges ---- */

/* Kept: CAP_NET_ADMIN (neighbours, interfaces up, attaching), CAP_BPF and CAP_PERFMON (loading),
 * CAP_SYS_ADMIN (the kernel asks for it to find loaded programs by id after a restart, and to make
 * the namespace of the service port). What it was not given it does without: that which needs it
 * fails and says so. Files and sockets were opened before; no new privileges by exec. */
static int drop_privileges(void)
{
	static const unsigned int kept[] = {CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_BPF, CAP_PERFMON};
	const size_t n_kept = sizeof(kept) / sizeof(kept[0]);
	bool has[sizeof(kept) / sizeof(kept[0])];

	if (geteuid() != 0) {
		log_warning("not started as root: neighbours can't be resolved on demand and BPF "
			    "programs can't be attached");
		return 0;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (capng_get_caps_process() < 0)
		return -EPERM;
	for (size_t i = 0; i < n_kept; i++)
		has[i] = capng_have_capability(CAPNG_PERMITTED, kept[i]);
	capng_clear(CAPNG_SELECT_BOTH);
	for (size_t i = 0; i < n_kept; i++) {
		if (has[i])
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, kept[i]);
		else
			log_warning("started without cap_%s", capng_capability_to_name(kept[i]));
	}
	return capng_apply(CAPNG_SELECT_BOTH) < 0 ? -EPERM : 0;
}

/* ---- up and down ---- */

static int open_engine(struct daemon *d)
{
	struct model_error err = {0};
	int rc = engine_open(d->options.store, d->options.host, &d->engine, &err);

	if (rc == 0)
		return 0;
	d->engine = NULL;
	log_error("the store %s can't be used: %s", d->options.store,
		err.text[0] ? err.text : strerror(-rc));
	log_error("the store is left as it is, and a running data plane goes on with what it has");
	return rc;
}

static int start_network(struct daemon *d)
{
	struct hostnet_config config = {.arg = d, .ready = wire_ready, .link = wire_link};
	struct attach_config attach_config = {
		.arg = d,
		.new_map = wire_new_fd,
		.fast_path = d->options.fast_path,
		.bpf_folder = d->options.bpf_dir,
		.n_sessions = d->options.fast_path_sessions,
		.send_tables = wire_send_tables,
		.send_port = wire_send_port,
		.repaired = wire_repaired,
	};
	struct metadata_config metadata_config = {.arg = d, .new_fd = wire_new_fd};
	struct south_listener listener = {.arg = d, .port = wire_port, .greeted = wire_greeted};
	int rc;

	if (d->options.fast_path)
		bpffs_mount(d->options.bpf_dir);
	rc = attach_new(d->base, d->engine, &attach_config, &d->attach);
	if (rc == 0)
		rc = metadata_new(d->base, d->engine, &metadata_config, &d->metadata);
	if (rc < 0)
		return rc;
	rc = south_new(d->base, d->engine, d->options.dataplane, wire_port_fd, d,
		wire_underlay_wanted, d, &d->south);
	if (rc < 0)
		return rc;
	south_listen(d->south, &listener);
	rc = hostnet_new(d->base, d->engine, &config, &d->net);
	/* Before interfaces are known, so that each is met as what it is. */
	compile_full(engine_compiler(d->engine), note_first_port, d);
	if (rc == 0)
		rc = hostnet_start(d->net);
	if (rc < 0)
		log_error("cannot follow the kernel's network: %s", strerror(-rc));
	return rc;
}

static int start_rpc(struct daemon *d)
{
	struct rpc_config config = {
		.socket_path = d->options.socket,
		.socket_group = d->options.socket_group,
		.operator_group = d->options.operator_group,
		.dataplane_path = d->options.dataplane,
		.metadata = wire_metadata,
		.metadata_arg = d,
		.attach = d->attach,
		.warnings = wire_warnings,
		.warnings_arg = d,
	};
	struct model_error err = {0};
	int rc = rpc_new(d->base, &config, d->engine, d->south, &d->rpc, &err);

	if (rc < 0) {
		d->rpc = NULL;
		log_error("cannot serve on %s: %s", d->options.socket,
			err.text[0] ? err.text : strerror(-rc));
	}
	return rc;
}

static int start(struct daemon *d)
{
	int rc;

	if (make_folder(d->options.store, 0700) < 0 || make_folder(d->options.socket, 0755) < 0 ||
		lock_store(d) < 0)
		return EXIT_FAILURE;
	d->base = event_base_new();
	if (!d->base || add_events(d) < 0) {
		log_error("out of memory");
		return EXIT_FAILURE;
	}
	if (open_engine(d) < 0)
		return EXIT_STORE;
	if (start_network(d) < 0 || start_rpc(d) < 0)
		return EXIT_FAILURE;
	rc = drop_privileges();
	if (rc < 0) {
		log_error("cannot drop privileges: %s", strerror(-rc));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

static void stop(struct daemon *d)
{
	rpc_free(d->rpc);
	south_free(d->south);
	hostnet_free(d->net);
	attach_free(d->attach);
	metadata_free(d->metadata);
	engine_close(d->engine);
	for (unsigned int i = 0; i < d->n_events; i++)
		event_free(d->events[i]);
	if (d->base)
		event_base_free(d->base);
	if (d->lock >= 0)
		close(d->lock);
}

int main(int argc, char **argv)
{
	struct daemon d = {.lock = -1};
	int rc = options_parse(argc, argv, &d.options);

	if (rc >= 0)
		return rc;
	log_set_level(d.options.log_level);
	rc = start(&d);
	if (rc == EXIT_SUCCESS) {
		log_info("weftd %s serves host %s on %s", WEFT_RELEASE, d.options.host,
			d.options.socket);
		notify_send("READY=1");
		event_base_dispatch(d.base);
		notify_send("STOPPING=1");
	}
	stop(&d);
	return rc;
}
