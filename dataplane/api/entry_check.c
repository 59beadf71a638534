/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Meaning of single entries: ranges, flags, addresses. One function per table. Knows nothing of
 * other entries. Called by control before it sends and by the data plane when it receives; pure.
 */
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "check.h"

char *weft_entry_describe(unsigned int table, const void *entry, char *buf, size_t size)
{
	const union weft_entry *e = entry;
	char addr[WEFT_ADDR_STR_SIZE], mac[WEFT_MAC_STR_SIZE], prefix[WEFT_PREFIX_STR_SIZE];
	const char *name = weft_table_name(table);

	switch (table) {
	case WEFT_TABLE_SEGMENT:
		snprintf(buf, size, "%s %u (%.63s)", name, e->segment.vni, e->segment.name);
		break;
	case WEFT_TABLE_PORT:
		snprintf(buf, size, "%s %u (%.63s)", name, e->port.id, e->port.name);
		break;
	case WEFT_TABLE_LOCAL_VTEP:
		snprintf(buf, size, "%s %s", name, weft_addr_format(&e->local_vtep.addr, addr));
		break;
	case WEFT_TABLE_VTEP:
		snprintf(buf, size, "%s %s", name, weft_addr_format(&e->vtep.remote, addr));
		break;
	case WEFT_TABLE_FLOOD:
		snprintf(buf, size, "%s %u %s", name, e->flood.vni,
			weft_addr_format(&e->flood.remote, addr));
		break;
	case WEFT_TABLE_FDB:
		snprintf(
			buf, size, "%s %u %s", name, e->fdb.vni, weft_mac_format(&e->fdb.mac, mac));
		break;
	case WEFT_TABLE_NEIGH:
		snprintf(buf, size, "%s %u %s", name, e->neigh.vni,
			weft_addr_format(&e->neigh.addr, addr));
		break;
	case WEFT_TABLE_TENANT:
		snprintf(buf, size, "%s %u (%.63s)", name, e->tenant.id, e->tenant.name);
		break;
	case WEFT_TABLE_NETWORK:
		snprintf(buf, size, "%s %u (%.63s)", name, e->network.id, e->network.name);
		break;
	case WEFT_TABLE_ROUTER:
		snprintf(buf, size, "%s %u (%.63s)", name, e->router.id, e->router.name);
		break;
	case WEFT_TABLE_SUBNET:
		snprintf(buf, size, "%s %u %s", name, e->subnet.vni,
			weft_prefix_format(&e->subnet.prefix, prefix));
		break;
	case WEFT_TABLE_ROUTE:
		snprintf(buf, size, "%s %u %s", name, e->route.router,
			weft_prefix_format(&e->route.prefix, prefix));
		break;
	case WEFT_TABLE_SET:
		snprintf(buf, size, "%s %u (%.63s)", name, e->set.id, e->set.name);
		break;
	case WEFT_TABLE_SET_MEMBER:
		snprintf(buf, size, "%s %u %s", name, e->set_member.set,
			weft_prefix_format(&e->set_member.prefix, prefix));
		break;
	case WEFT_TABLE_RULESET:
		snprintf(buf, size, "%s %u (%.63s)", name, e->ruleset.id, e->ruleset.name);
		break;
	case WEFT_TABLE_RULE:
		snprintf(buf, size, "%s %u of rule set %u", name, e->rule.id, e->rule.ruleset);
		break;
	case WEFT_TABLE_DNS:
		snprintf(buf, size, "%s %u %.127s", name, e->dns.network, e->dns.name);
		break;
	default:
		snprintf(buf, size, "table %u", table);
	}
	return buf;
}

int check_bad(const struct check *c, int error, const char *field, const char *format, ...)
{
	char object[128];
	va_list args;
	int used;

	weft_entry_describe(c->table, c->entry, object, sizeof(object));
	used = snprintf(c->text, WEFT_TEXT_SIZE, "%s: %s: ", object, field);
	va_start(args, format);
	if (used < WEFT_TEXT_SIZE)
		vsnprintf(c->text + used, WEFT_TEXT_SIZE - used, format, args);
	va_end(args);
	return error;
}

int check_vni(const struct check *c, uint32_t vni)
{
	if (vni == 0 || vni > VNI_MAX)
		return check_bad(c, -EINVAL, "vni", "%u is not in 1..%u", vni, VNI_MAX);
	return 0;
}

int check_flags(const struct check *c, uint32_t flags, uint32_t known)
{
	if (flags & ~known)
		return check_bad(
			c, -EINVAL, "flags", "0x%x has unknown bits 0x%x", flags, flags & ~known);
	return 0;
}

int check_mtu(const struct check *c, const char *field, uint16_t mtu, unsigned int max)
{
	if (mtu < WEFT_MTU_MIN || mtu > max)
		return check_bad(c, -EINVAL, field, "%u is not in %u..%u", mtu, WEFT_MTU_MIN, max);
	return 0;
}

int check_mac(const struct check *c, const char *field, const struct weft_mac *mac)
{
	char buf[WEFT_MAC_STR_SIZE];

	if (weft_mac_is_zero(mac) || weft_mac_is_group(mac))
		return check_bad(c, -EINVAL, field, "%s is not the MAC of one station",
			weft_mac_format(mac, buf));
	return 0;
}

static bool is_unicast(const struct weft_addr *a)
{
	static const struct weft_addr any_v4 = {.b = {[10] = 0xff, [11] = 0xff}};

	if (weft_addr_is_v4(a))
		return !weft_addr_equal(a, &any_v4) && a->b[12] < 224;
	return !weft_addr_is_zero(a) && a->b[0] != 0xff;
}

int check_unicast(const struct check *c, const char *field, const struct weft_addr *a)
{
	char buf[WEFT_ADDR_STR_SIZE];

	if (!is_unicast(a))
		return check_bad(c, -EINVAL, field, "%s is not the address of one station",
			weft_addr_format(a, buf));
	return 0;
}

int check_name(const struct check *c, const char *field, const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return check_bad(c, -EINVAL, field, "has a control character");
	return 0;
}

int check_id(const struct check *c, const char *field, uint32_t id)
{
	return id ? 0 : check_bad(c, -EINVAL, field, "is 0");
}

int check_prefix(const struct check *c, const char *field, const struct weft_prefix *p)
{
	char buf[WEFT_PREFIX_STR_SIZE];

	if (p->len > 128 || !weft_prefix_host_bits_zero(p))
		return check_bad(c, -EINVAL, field, "%s is no prefix", weft_prefix_format(p, buf));
	return 0;
}

static int check_segment(const struct check *c, const struct weft_segment *s)
{
	const uint32_t known = WEFT_SEGMENT_FLOOD_UNKNOWN | WEFT_SEGMENT_LEARN_WIRE |
			       WEFT_SEGMENT_PROXY | WEFT_SEGMENT_INNER_VLAN | WEFT_SEGMENT_L3_ONLY;
	int rc;

	if ((rc = check_vni(c, s->vni)) || (rc = check_flags(c, s->flags, known)) ||
		(rc = check_mtu(c, "mtu", s->mtu, WEFT_MTU_MAX)))
		return rc;
	if (s->router && !s->network)
		return check_bad(c, -EINVAL, "network", "is 0 beside a router");
	if ((s->flags & WEFT_SEGMENT_L3_ONLY) && !s->router)
		return check_bad(c, -EINVAL, "flags", "an L3-only segment needs a router");
	return check_name(c, "name", s->name);
}

static int check_device(const struct check *c, const struct weft_port *p)
{
	const size_t path_max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
	const char *d = p->device;

	if (d[0] == '\0')
		return check_bad(c, -EINVAL, "device", "is empty");
	switch (p->kind) {
	case WEFT_PORT_VHOST_USER:
	case WEFT_PORT_MEMIF:
		if (d[0] != '/')
			return check_bad(c, -EINVAL, "device", "'%s' is not an absolute path", d);
		if (strlen(d) > path_max)
			return check_bad(
				c, -E2BIG, "device", "socket path is longer than %zu", path_max);
		break;
	case WEFT_PORT_TAP:
	case WEFT_PORT_VETH:
	case WEFT_PORT_AF_XDP:
		if (strlen(d) >= IFNAMSIZ || strpbrk(d, "/: \t%") || !strcmp(d, ".") ||
			!strcmp(d, ".."))
			return check_bad(c, -EINVAL, "device", "'%.32s' is no interface name", d);
		break;
	}
	return check_name(c, "device", d);
}

static int check_port_addrs(const struct check *c, const struct weft_port *p)
{
	int rc;

	if (p->n_addrs > WEFT_PORT_ADDRS)
		return check_bad(
			c, -E2BIG, "n_addrs", "%u is beyond %u", p->n_addrs, WEFT_PORT_ADDRS);
	for (unsigned int i = 0; i < p->n_addrs; i++) {
		if ((rc = check_prefix(c, "addrs", &p->addrs[i])))
			return rc;
	}
	return 0;
}

static int check_port(const struct check *c, const struct weft_port *p)
{
	const uint16_t known = WEFT_PORT_ANTISPOOF | WEFT_PORT_LEARN | WEFT_PORT_SERVER |
			       WEFT_PORT_ADMIN_DOWN | WEFT_PORT_NO_OFFLOAD |
			       WEFT_PORT_DEFAULT_DENY | WEFT_PORT_NO_FASTPATH | WEFT_PORT_XDP;
	int rc;

	if (p->id == 0)
		return check_bad(c, -EINVAL, "id", "is 0");
	if (!weft_port_kind_name(p->kind))
		return check_bad(c, -EINVAL, "kind", "%u is unknown", p->kind);
	if (p->role != WEFT_ROLE_TENANT && p->role != WEFT_ROLE_UPLINK &&
		p->role != WEFT_ROLE_SERVICE)
		return check_bad(c, -EINVAL, "role", "%u is unknown", p->role);
	if (p->role != WEFT_ROLE_TENANT && p->vni != 0)
		return check_bad(c, -EINVAL, "vni",
			"only a tenant's port belongs to a segment, not to %u", p->vni);
	if (p->role == WEFT_ROLE_TENANT && (rc = check_vni(c, p->vni)))
		return rc;
	if ((rc = check_flags(c, p->flags, known)))
		return rc;
	if ((p->flags & WEFT_PORT_ANTISPOOF) && (p->flags & WEFT_PORT_LEARN))
		return check_bad(
			c, -EINVAL, "flags", "learning and anti-spoofing exclude each other");
	if (p->n_queues == 0 || p->n_queues > WEFT_PORT_QUEUES)
		return check_bad(
			c, -E2BIG, "n_queues", "%u is not in 1..%u", p->n_queues, WEFT_PORT_QUEUES);
	if ((rc = check_mtu(c, "mtu", p->mtu, WEFT_MTU_MAX)))
		return rc;
	if (weft_mac_is_group(&p->mac) ||
		((p->flags & WEFT_PORT_ANTISPOOF) && weft_mac_is_zero(&p->mac)))
		return check_mac(c, "mac", &p->mac);
	if ((rc = check_port_addrs(c, p)) || (rc = check_port_policy(c, p)) ||
		(rc = check_name(c, "name", p->name)))
		return rc;
	return check_device(c, p);
}

static int check_local_vtep(const struct check *c, const struct weft_local_vtep *v)
{
	int rc;

	if ((rc = check_unicast(c, "addr", &v->addr)) || (rc = check_mac(c, "mac", &v->mac)) ||
		(rc = check_flags(c, v->flags, 0)))
		return rc;
	return v->uplink ? 0 : check_bad(c, -EINVAL, "uplink", "is 0");
}

static int check_vtep(const struct check *c, const struct weft_vtep *v)
{
	int rc;

	if ((rc = check_unicast(c, "remote", &v->remote)) ||
		(rc = check_unicast(c, "local", &v->local)) ||
		(rc = check_flags(c, v->flags, WEFT_VTEP_RESOLVED | WEFT_VTEP_DSCP_COPY)))
		return rc;
	if (weft_addr_is_v4(&v->remote) != weft_addr_is_v4(&v->local))
		return check_bad(c, -EINVAL, "local", "is of another family than remote");
	if (weft_addr_equal(&v->remote, &v->local))
		return check_bad(c, -EINVAL, "local", "is the same as remote");
	if (v->uplink == 0)
		return check_bad(c, -EINVAL, "uplink", "is 0");
	if ((v->flags & WEFT_VTEP_RESOLVED) && ((rc = check_mac(c, "dst_mac", &v->dst_mac)) ||
						       (rc = check_mac(c, "src_mac", &v->src_mac))))
		return rc;
	if ((rc = check_mtu(c, "path_mtu", v->path_mtu, UINT16_MAX)))
		return rc;
	if (v->ttl == 0)
		return check_bad(c, -EINVAL, "ttl", "is 0");
	if (v->dscp > 63)
		return check_bad(c, -EINVAL, "dscp", "%u is not in 0..63", v->dscp);
	return 0;
}

static int check_flood(const struct check *c, const struct weft_flood *f)
{
	int rc;

	if ((rc = check_vni(c, f->vni)) || (rc = check_flags(c, f->flags, WEFT_FLOOD_ACCEPT_ONLY)))
		return rc;
	return check_unicast(c, "remote", &f->remote);
}

static int check_fdb(const struct check *c, const struct weft_fdb *f)
{
	int rc;

	if ((rc = check_vni(c, f->vni)) || (rc = check_mac(c, "mac", &f->mac)) ||
		(rc = check_flags(c, f->flags, 0)))
		return rc;
	if (f->port == 0)
		return check_unicast(c, "remote", &f->remote);
	if (!weft_addr_is_zero(&f->remote))
		return check_bad(c, -EINVAL, "remote", "is set beside port %u", f->port);
	return 0;
}

static int check_neigh(const struct check *c, const struct weft_neigh *n)
{
	int rc;

	if ((rc = check_vni(c, n->vni)) || (rc = check_unicast(c, "addr", &n->addr)) ||
		(rc = check_mac(c, "mac", &n->mac)))
		return rc;
	return check_flags(c, n->flags, WEFT_NEIGH_GATEWAY);
}

int weft_entry_check(
	unsigned int table, unsigned int verb, const void *entry, char text[WEFT_TEXT_SIZE])
{
	const struct check c = {table, entry, text};

	if (verb == WEFT_OP_DELETE && weft_entry_size(table))
		return 0;
	switch (table) {
	case WEFT_TABLE_SEGMENT:
		return check_segment(&c, entry);
	case WEFT_TABLE_PORT:
		return check_port(&c, entry);
	case WEFT_TABLE_LOCAL_VTEP:
		return check_local_vtep(&c, entry);
	case WEFT_TABLE_VTEP:
		return check_vtep(&c, entry);
	case WEFT_TABLE_FLOOD:
		return check_flood(&c, entry);
	case WEFT_TABLE_FDB:
		return check_fdb(&c, entry);
	case WEFT_TABLE_NEIGH:
		return check_neigh(&c, entry);
	case WEFT_TABLE_TENANT:
		return check_tenant(&c, entry);
	case WEFT_TABLE_NETWORK:
		return check_network(&c, entry);
	case WEFT_TABLE_ROUTER:
		return check_router(&c, entry);
	case WEFT_TABLE_SUBNET:
		return check_subnet(&c, entry);
	case WEFT_TABLE_ROUTE:
		return check_route(&c, entry);
	case WEFT_TABLE_SET:
		return check_set(&c, entry);
	case WEFT_TABLE_SET_MEMBER:
		return check_set_member(&c, entry);
	case WEFT_TABLE_RULESET:
		return check_ruleset(&c, entry);
	case WEFT_TABLE_RULE:
		return check_rule(&c, entry);
	case WEFT_TABLE_DNS:
		return check_dns(&c, entry);
	}
	snprintf(text, WEFT_TEXT_SIZE, "table %u is unknown", table);
	return -EINVAL;
}
