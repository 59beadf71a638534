/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The instance metadata proxy: takes what guests ask at the metadata addresses, adds who asks, and
 * hands it to the host's endpoint (model/endpoint.h), an HTTP service of the operator.
 *
 * Who asks is told by the source address alone, which the data plane made (weft/metadata.h). The
 * endpoint gets these headers, and no guest can set one like them: X-Weft-Tenant, X-Weft-Network,
 * X-Weft-Port (names without the tenant's), X-Weft-Port-Id, X-Weft-Address and X-Forwarded-For (the
 * port's first address of the family that was used).
 *
 * One request per connection, requests up to 8 KiB of head and 64 KiB of body, answers as they
 * come. What guests send is hostile; limits bound what they can cost weftd and each other.
 * Single-threaded (weftd's event loop).
 */
#ifndef METADATA_METADATA_H
#define METADATA_METADATA_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event.h>

#include <engine/engine.h>

struct metadata;

struct metadata_config {
	void *arg;
	/* The service port has another descriptor: the data plane needs it. */
	void (*new_fd)(void *arg, const struct weft_port *port);
};

/* 0 or -errno. */
int metadata_new(struct event_base *base, struct engine *e, const struct metadata_config *config,
	struct metadata **ret);
/* Closes all connections. Accepts NULL. */
void metadata_free(struct metadata *m);

/* Intent: the service port is wanted, or not any more. Other ports are ignored. */
void metadata_port(struct metadata *m, const struct weft_port *port, bool present);
/* The descriptor of its interface, which stays metadata's; -1: there is none (yet). */
int metadata_fd(const struct metadata *m);
/* Takes a connection of a guest; from is what accept told. For tests too. */
void metadata_accept(struct metadata *m, int fd, const struct weft_addr *from);

enum metadata_state {
	METADATA_UNKNOWN, /* nobody asked yet */
	METADATA_ANSWERS,
	METADATA_FAILS,
};

struct metadata_status {
	const char *endpoint; /* NULL: this host has none */
	enum metadata_state state;
	uint32_t connections; /* now */
	uint64_t requests;    /* handed to the endpoint */
	uint64_t failed;      /* of those: it did not answer */
	uint64_t bad;	      /* not HTTP, too large, too slow */
	uint64_t refused;     /* connections beyond the limits, or of no port */
};
void metadata_status(const struct metadata *m, struct metadata_status *ret);
/* Calls add with a sentence for each thing that is wrong. */
void metadata_problems(
	const struct metadata *m, void (*add)(void *add_arg, const char *sentence), void *add_arg);

#endif
