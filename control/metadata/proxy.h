/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the metadata proxy share. Private to this folder.
 */
#ifndef METADATA_PROXY_H
#define METADATA_PROXY_H

#include <sys/queue.h>

#include <host/service_net.h>
#include <metadata/metadata.h>
#include <model/endpoint.h>

#define CONNECTIONS_MAX	     256 /* at a time */
#define PORT_CONNECTIONS_MAX 8	 /* of one port */

LIST_HEAD(relays, relay);

struct metadata {
	struct event_base *base;
	struct engine *engine;
	struct metadata_config config;
	struct weft_port port; /* wanted while wanted */
	bool wanted;
	struct service_net net;
	struct evconnlistener *listeners[2];
	struct event *retry;  /* the namespace could not be made */
	struct event *resume; /* more connections came than are taken in a time */
	unsigned int n_taken;
	char problem[160]; /* of the namespace; "": none */
	struct relays relays;
	struct metadata_status status;
	char failure[120]; /* of the endpoint, the last one */
};

/* proxy.c. The endpoint of this host now; 0: it has none. */
socklen_t metadata_endpoint(const struct metadata *m, union endpoint *ret);
/* The endpoint answered (why NULL) or did not. */
void metadata_note(struct metadata *m, const char *why);
/* The headers that say who asks, or false: there is no such port here. */
bool metadata_identity(
	const struct metadata *m, const struct weft_addr *from, char *ret, size_t size);
#define IDENTITY_MAX 512

/* relay.c. One connection of a guest, from its accept to its end. Takes fd. */
void relay_new(struct metadata *m, int fd, const struct weft_addr *from);
/* Ends all. */
void relay_free_all(struct metadata *m);
unsigned int relay_count(const struct metadata *m, const struct weft_addr *from);

#endif
