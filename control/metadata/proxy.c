/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The metadata proxy (metadata/metadata.h): its namespace, who may connect, who they are.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/listener.h>

#include <ccore/log.h>
#include <weft/metadata.h>

#include "proxy.h"

#define RETRY_S 5
/* At most so many connections are taken in such a time, the others wait: weftd has other work. */
#define TAKE_MAX 20
#define TAKE_US	 10000

static const struct host *this_host(const struct metadata *m)
{
	return (const struct host *)model_find(
		engine_model(m->engine), MODEL_HOST, engine_host(m->engine));
}

socklen_t metadata_endpoint(const struct metadata *m, union endpoint *ret)
{
	const struct host *h = this_host(m);

	return h && h->metadata ? endpoint_parse(h->metadata, ret) : 0;
}

void metadata_note(struct metadata *m, const char *why)
{
	enum metadata_state now = why ? METADATA_FAILS : METADATA_ANSWERS;

	snprintf(m->failure, sizeof(m->failure), "%s", why ? why : "");
	if (why)
		m->status.failed++;
	if (now == m->status.state)
		return;
	if (why)
		log_warning("the metadata endpoint fails: %s", why);
	else
		log_info("the metadata endpoint answers");
	m->status.state = now;
}

/* The first address of that family, "" when it has none. */
static void port_address(const struct port *p, bool v4, char ret[WEFT_ADDR_STR_SIZE])
{
	ret[0] = '\0';
	for (size_t i = 0; i < p->n_addresses && !ret[0]; i++)
		if (p->addresses[i].len == 128 && weft_addr_is_v4(&p->addresses[i].addr) == v4)
			weft_addr_format(&p->addresses[i].addr, ret);
}

static const char *short_name(const char *full)
{
	const char *slash = strchr(full, '/');

	return slash ? slash + 1 : full;
}

bool metadata_identity(
	const struct metadata *m, const struct weft_addr *from, char *ret, size_t size)
{
	const struct model *model = engine_model(m->engine);
	const char *name = compile_local_port(engine_compiler(m->engine), weft_metadata_id(from));
	const struct port *p =
		name ? (const struct port *)model_find(model, MODEL_PORT, name) : NULL;
	char tenant[MODEL_NAME_MAX + 1], address[WEFT_ADDR_STR_SIZE];
	const struct segment *s;

	if (!p)
		return false;
	s = (const struct segment *)model_find(model, MODEL_SEGMENT, p->segment);
	port_address(p, weft_addr_is_v4(from), address);
	snprintf(ret, size,
		"X-Weft-Tenant: %s\r\nX-Weft-Network: %s\r\nX-Weft-Port: %s\r\n"
		"X-Weft-Port-Id: %u\r\nX-Weft-Address: %s\r\nX-Forwarded-For: %s\r\n",
		model_name_tenant(p->o.name, tenant), short_name(s->network), short_name(p->o.name),
		p->o.id, address, address);
	return true;
}

/* ---- connections ---- */

static void set_listening(struct metadata *m, bool on)
{
	for (unsigned int i = 0; i < 2; i++) {
		if (!m->listeners[i])
			continue;
		if (on)
			evconnlistener_enable(m->listeners[i]);
		else
			evconnlistener_disable(m->listeners[i]);
	}
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct metadata *m = arg;

	m->n_taken = 0;
	set_listening(m, true);
}

static void note_taken(struct metadata *m)
{
	struct timeval tv = {.tv_usec = TAKE_US};

	if (m->n_taken++ == 0)
		evtimer_add(m->resume, &tv);
	if (m->n_taken == TAKE_MAX)
		set_listening(m, false);
}

void metadata_accept(struct metadata *m, int fd, const struct weft_addr *from)
{
	if (weft_metadata_id(from) == 0 || m->status.connections >= CONNECTIONS_MAX ||
		relay_count(m, from) >= PORT_CONNECTIONS_MAX) {
		m->status.refused++;
		evutil_closesocket(fd);
		return;
	}
	relay_new(m, fd, from);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa,
	int len, void *arg)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
	struct metadata *m = arg;
	struct weft_addr from;

	if (sa->sa_family == AF_INET)
		from = weft_addr_from_v4((const uint8_t *)&in->sin_addr);
	else
		memcpy(&from, &in6->sin6_addr, sizeof(from));
	note_taken(m);
	metadata_accept(m, fd, &from);
}

/* ---- the service port ---- */

static void close_net(struct metadata *m)
{
	relay_free_all(m);
	for (unsigned int i = 0; i < 2; i++) {
		if (m->listeners[i])
			evconnlistener_free(m->listeners[i]);
		m->listeners[i] = NULL;
	}
	service_net_close(&m->net);
}

static int open_net(struct metadata *m)
{
	const char *step;
	int rc = service_net_open(&m->port, &m->net, &step);

	if (rc < 0) {
		snprintf(m->problem, sizeof(m->problem),
			"Instance metadata can't be served: %s: %s.", step, strerror(-rc));
		return rc;
	}
	for (unsigned int i = 0; i < 2; i++) {
		if (m->net.listeners[i] < 0)
			continue;
		m->listeners[i] = evconnlistener_new(
			m->base, on_accept, m, LEV_OPT_CLOSE_ON_EXEC, 0, m->net.listeners[i]);
		if (!m->listeners[i])
			return -ENOMEM;
	}
	m->problem[0] = '\0';
	return 0;
}

static void make_net(struct metadata *m)
{
	struct timeval tv = {.tv_sec = RETRY_S};

	if (open_net(m) == 0) {
		log_info("instance metadata is served by interface %s in a namespace of its own",
			m->port.device);
		m->config.new_fd(m->config.arg, &m->port);
		return;
	}
	log_warning("%s", m->problem);
	close_net(m);
	evtimer_add(m->retry, &tv);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct metadata *m = arg;

	if (m->wanted)
		make_net(m);
}

void metadata_port(struct metadata *m, const struct weft_port *port, bool present)
{
	if (port->role != WEFT_ROLE_SERVICE || present == m->wanted)
		return;
	m->wanted = present;
	m->port = *port;
	if (present) {
		make_net(m);
	} else {
		evtimer_del(m->retry);
		close_net(m);
		m->problem[0] = '\0';
		m->status.state = METADATA_UNKNOWN;
	}
}

int metadata_fd(const struct metadata *m)
{
	return m->net.tap;
}

void metadata_status(const struct metadata *m, struct metadata_status *ret)
{
	const struct host *h = this_host(m);

	*ret = m->status;
	ret->endpoint = h ? h->metadata : NULL;
}

void metadata_problems(
	const struct metadata *m, void (*add)(void *add_arg, const char *sentence), void *add_arg)
{
	const struct host *h = this_host(m);
	char text[ENDPOINT_TEXT_MAX + sizeof(m->failure) + 80];

	if (m->problem[0])
		add(add_arg, m->problem);
	if (m->status.state != METADATA_FAILS || !h || !h->metadata)
		return;
	snprintf(text, sizeof(text),
		"The metadata endpoint %s failed when it was last asked: %s. Guests get an error.",
		h->metadata, m->failure);
	add(add_arg, text);
}

int metadata_new(struct event_base *base, struct engine *e, const struct metadata_config *config,
	struct metadata **ret)
{
	struct metadata *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->base = base;
	m->engine = e;
	m->config = *config;
	m->net = (struct service_net){-1, {-1, -1}};
	LIST_INIT(&m->relays);
	m->retry = evtimer_new(base, on_retry, m);
	m->resume = evtimer_new(base, on_resume, m);
	if (!m->retry || !m->resume) {
		metadata_free(m);
		return -ENOMEM;
	}
	*ret = m;
	return 0;
}

void metadata_free(struct metadata *m)
{
	if (!m)
		return;
	close_net(m);
	if (m->retry)
		event_free(m->retry);
	if (m->resume)
		event_free(m->resume);
	free(m);
}
