/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What services read of the configuration: subnets, DNS servers, sizes. Called by the services and
 * by the pipeline; workers.
 */
#include <string.h>

#include <service/service.h>

#define LEASE_DEFAULT_S 86400
#define LABEL_MAX	63
#define NAME_MAX_SIZE	255

/* Locally administered; no port has it, as control gives none of this prefix. */
const struct weft_mac service_mac = {{0x02, 0x77, 0x65, 0x66, 0x74, 0x01}};

struct service_asker service_asker_of(const struct config *cfg,
	const struct config_segment *segment, const struct weft_port *port)
{
	const struct config_router *router =
		segment->router_slot ? cfg->routers[segment->router_slot] : NULL;

	return (struct service_asker){.cfg = cfg,
		.segment = segment,
		.port = port,
		.mac = router ? router->spec.mac : service_mac,
		.routed = router};
}

uint8_t service_flags(const struct config_segment *segment, bool v4)
{
	uint8_t flags = 0;

	for (unsigned int i = 0; i < segment->n_subnets; i++) {
		const struct weft_subnet *s = &segment->subnets[i].spec;

		if (weft_addr_is_v4(&s->prefix.addr) == v4)
			flags |= s->flags;
	}
	return flags;
}

const struct weft_subnet *service_subnet_of(
	const struct config_segment *segment, const struct weft_addr *addr, uint8_t flags)
{
	for (unsigned int i = 0; i < segment->n_subnets; i++) {
		const struct weft_subnet *s = &segment->subnets[i].spec;

		if ((s->flags & flags) == flags &&
			weft_addr_is_v4(&s->prefix.addr) == weft_addr_is_v4(addr) &&
			weft_prefix_contains(&s->prefix, addr))
			return s;
	}
	return NULL;
}

const struct weft_subnet *service_subnet_by_gateway(
	const struct config_segment *segment, const struct weft_addr *addr, uint8_t flags)
{
	for (unsigned int i = 0; i < segment->n_subnets; i++) {
		const struct weft_subnet *s = &segment->subnets[i].spec;

		if ((s->flags & flags) == flags && weft_addr_equal(&s->gateway, addr))
			return s;
	}
	return NULL;
}

unsigned int service_dns_servers(
	const struct weft_subnet *subnet, bool v4, struct weft_addr ret[SERVICE_DNS_MAX])
{
	bool own = (subnet->flags & WEFT_SUBNET_DNS) && !weft_addr_is_zero(&subnet->gateway);
	unsigned int n = 0;

	if (own && weft_addr_is_v4(&subnet->gateway) == v4)
		ret[n++] = subnet->gateway;
	for (unsigned int i = 0; i < subnet->n_dns; i++) {
		if (weft_addr_is_v4(&subnet->dns[i]) == v4 &&
			!(own && weft_addr_equal(&subnet->dns[i], &subnet->gateway)))
			ret[n++] = subnet->dns[i];
	}
	return n;
}

uint32_t service_lease_s(const struct weft_subnet *subnet)
{
	return subnet->lease_s ? subnet->lease_s : LEASE_DEFAULT_S;
}

uint16_t service_mtu(const struct service_asker *who)
{
	uint16_t mtu = who->segment->spec.mtu;

	return mtu < who->port->mtu ? mtu : who->port->mtu;
}

uint32_t service_domain(const char *text, uint8_t ret[256])
{
	uint32_t size = 0;

	while (*text) {
		uint32_t len = strcspn(text, ".");

		if (len == 0 || len > LABEL_MAX || size + 1 + len + 1 > NAME_MAX_SIZE)
			return 0;
		ret[size++] = len;
		memcpy(ret + size, text, len);
		size += len;
		text += len;
		if (*text == '.')
			text++;
	}
	if (size == 0)
		return 0;
	ret[size++] = 0;
	return size;
}
