/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names of the contract's numbers, out of the one list each has in its header, and what follows
 * from a table's number alone: sizes and keys. Pure; any thread; used on both ends of the channel.
 */
#include <string.h>

#include <weft/drop_reason.h>
#include <weft/entry.h>
#include <weft/msg.h>
#include <weft/stats.h>
#include <weft/trace.h>

const char *weft_drop_name(unsigned int reason)
{
	switch (reason) {
#define CASE(number, id, name, help)                                                               \
	case number:                                                                               \
		return name;
		WEFT_DROP_REASONS(CASE)
#undef CASE
	}
	return NULL;
}

const char *weft_drop_help(unsigned int reason)
{
	switch (reason) {
#define CASE(number, id, name, help)                                                               \
	case number:                                                                               \
		return help;
		WEFT_DROP_REASONS(CASE)
#undef CASE
	}
	return NULL;
}

uint32_t weft_entry_size(unsigned int table)
{
	switch (table) {
#define CASE(number, id, type, name)                                                               \
	case number:                                                                               \
		return sizeof(struct type);
		WEFT_TABLES(CASE)
#undef CASE
	}
	return 0;
}

const char *weft_table_name(unsigned int table)
{
	switch (table) {
#define CASE(number, id, type, name)                                                               \
	case number:                                                                               \
		return name;
		WEFT_TABLES(CASE)
#undef CASE
	}
	return NULL;
}

static const char *const kind_names[WEFT_PORT_KIND_MAX] = {
#define NAME(number, id, name, help) [number] = name,
	WEFT_PORT_KINDS(NAME)
#undef NAME
};

const char *weft_port_kind_name(unsigned int kind)
{
	return kind < WEFT_PORT_KIND_MAX ? kind_names[kind] : NULL;
}

unsigned int weft_port_kind_by_name(const char *name)
{
	for (unsigned int i = 1; i < WEFT_PORT_KIND_MAX; i++)
		if (kind_names[i] && strcmp(kind_names[i], name) == 0)
			return i;
	return 0;
}

const char *weft_msg_name(unsigned int type)
{
	switch (type) {
#define CASE(number, id, direction, payload)                                                       \
	case number:                                                                               \
		return #id;
		WEFT_MSGS(CASE)
#undef CASE
	}
	return NULL;
}

/* FNV-1a, 128 bits (draft-eastlake-fnv): the full name is compared as well. */
void weft_dns_hash(const char *name, uint32_t len, uint8_t ret[16])
{
	const unsigned __int128 prime = ((unsigned __int128)1 << 88) + 0x13b;
	unsigned __int128 h =
		(unsigned __int128)0x6c62272e07bb0142 << 64 | (unsigned __int128)0x62b821756295c58d;

	for (uint32_t i = 0; i < len; i++) {
		uint8_t c = name[i];

		h ^= c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
		h *= prime;
	}
	memcpy(ret, &h, 16);
}

uint32_t weft_entry_key(unsigned int table, const void *entry, uint8_t *ret_key)
{
	const union weft_entry *e = entry;

	switch (table) {
	case WEFT_TABLE_SEGMENT:
		memcpy(ret_key, &e->segment.vni, 4);
		return 4;
	case WEFT_TABLE_PORT:
		memcpy(ret_key, &e->port.id, 4);
		return 4;
	case WEFT_TABLE_LOCAL_VTEP:
		memcpy(ret_key, &e->local_vtep.addr, 16);
		return 16;
	case WEFT_TABLE_VTEP:
		memcpy(ret_key, &e->vtep.remote, 16);
		return 16;
	case WEFT_TABLE_FLOOD:
		memcpy(ret_key, &e->flood.vni, 4);
		memcpy(ret_key + 4, &e->flood.remote, 16);
		return 20;
	case WEFT_TABLE_TENANT:
	case WEFT_TABLE_NETWORK:
	case WEFT_TABLE_ROUTER:
	case WEFT_TABLE_SET:
	case WEFT_TABLE_RULESET:
		memcpy(ret_key, entry, 4); /* all begin with their id */
		return 4;
	case WEFT_TABLE_RULE:
		memcpy(ret_key, &e->rule.ruleset, 4);
		memcpy(ret_key + 4, &e->rule.id, 4);
		return 8;
	case WEFT_TABLE_SUBNET:
		memcpy(ret_key, &e->subnet.vni, 4);
		memcpy(ret_key + 4, &e->subnet.prefix, 17);
		return 21;
	case WEFT_TABLE_ROUTE:
		memcpy(ret_key, &e->route.router, 4);
		memcpy(ret_key + 4, &e->route.prefix, 17);
		return 21;
	case WEFT_TABLE_SET_MEMBER:
		memcpy(ret_key, &e->set_member.set, 4);
		memcpy(ret_key + 4, &e->set_member.prefix, 17);
		return 21;
	case WEFT_TABLE_DNS:
		memcpy(ret_key, &e->dns.network, 4);
		memcpy(ret_key + 4, e->dns.hash, 16);
		ret_key[20] = weft_addr_is_v4(&e->dns.addr) ? 4 : 6;
		return 21;
	case WEFT_TABLE_FDB:
		memcpy(ret_key, &e->fdb.vni, 4);
		memcpy(ret_key + 4, &e->fdb.mac, 6);
		return 10;
	case WEFT_TABLE_NEIGH:
		memcpy(ret_key, &e->neigh.vni, 4);
		memcpy(ret_key + 4, &e->neigh.addr, 16);
		return 20;
	}
	return 0;
}

bool weft_entry_key_equal(unsigned int table, const void *a, const void *b)
{
	uint8_t key_a[WEFT_KEY_SIZE_MAX], key_b[WEFT_KEY_SIZE_MAX];
	uint32_t size = weft_entry_key(table, a, key_a);

	weft_entry_key(table, b, key_b);
	return memcmp(key_a, key_b, size) == 0;
}

const char *weft_stage_name(unsigned int stage)
{
	switch (stage) {
#define CASE(number, id, name, help)                                                               \
	case number:                                                                               \
		return name;
		WEFT_STAGES(CASE)
#undef CASE
	}
	return NULL;
}

const char *weft_trace_name(unsigned int step)
{
	switch (step) {
#define CASE(number, id, name)                                                                     \
	case number:                                                                               \
		return name;
		WEFT_TRACE_STEPS(CASE)
#undef CASE
	}
	return NULL;
}
