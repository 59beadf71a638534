/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See offload_bed.h.
 */
#include <stdlib.h>

#include <core/clock.h>

#include "offload_bed.h"

struct offload_tables bed;
struct config_segment bed_segments[2];
struct config_vtep bed_vtep;

static const uint16_t member[] = {BED_VTEP};
static struct config_port uplink;

static void *memory(size_t size)
{
	void *p = aligned_alloc(64, RTE_ALIGN_CEIL(size, (size_t)64));

	if (!p)
		exit(1);
	memset(p, 0, size);
	return p;
}

void bed_new_tables(uint32_t n_buckets, uint32_t n_dirs)
{
	bed = (struct offload_tables){
		.control = memory(sizeof(*bed.control)),
		.epochs = memory(WEFT_MAX_SEGMENTS * sizeof(*bed.epochs)),
		.buckets = memory(n_buckets * sizeof(*bed.buckets)),
		.dirs = memory(n_dirs * sizeof(*bed.dirs)),
		.tunnels = memory(WEFT_MAX_VTEPS * sizeof(*bed.tunnels)),
		.n_buckets = n_buckets,
		.n_dirs = n_dirs,
	};
	for (unsigned int i = 0; i < WEFT_BPF_SEED_WORDS; i++)
		bed.control->hash_seed[i] = random();
	bed.control->mark = BED_MARK;
	bed.control->n_cpus = 1;
	bpf_reader_use(&bed);
}

static void free_tables(void)
{
	free(bed.control);
	free(bed.epochs);
	free(bed.buckets);
	free(bed.dirs);
	free(bed.tunnels);
}

static void put_slot(struct vhash *h, const void *key, uint16_t slot)
{
	struct slot_entry *e = (struct slot_entry *)vhash_put(h, key, 0);

	if (!e)
		exit(1);
	e->slot = slot;
}

static void make_vtep(void)
{
	bed_vtep = (struct config_vtep){.slot = BED_VTEP,
		.uplink_slot = BED_UPLINK,
		.inner_mtu = 1400,
		.spec.flags = WEFT_VTEP_RESOLVED,
		.spec.dscp = 10,
		.hdr.size = 50,
		.hdr.ip_cksum = 0x1234};
	for (unsigned int i = 0; i < sizeof(bed_vtep.spec.remote); i++) {
		bed_vtep.spec.remote.b[i] = i;
		bed_vtep.spec.local.b[i] = 100 + i;
	}
	for (unsigned int i = 0; i < bed_vtep.hdr.size; i++)
		bed_vtep.hdr.bytes[i] = 200 + i;
}

static void make_config(void)
{
	world_cfg->vni = vhash_new("vni", sizeof(uint32_t), sizeof(struct slot_entry), 16);
	world_cfg->vtep =
		vhash_new("vtep", sizeof(struct weft_addr), sizeof(struct slot_entry), 16);
	if (!world_cfg->vni || !world_cfg->vtep)
		exit(1);
	for (unsigned int i = 0; i < 2; i++) {
		bed_segments[i] = (struct config_segment){.slot = BED_SEGMENT + i,
			.spec.vni = 1000 * (BED_SEGMENT + i),
			.spec.mtu = BED_MTU,
			.network_slot = WORLD_NETWORK,
			.stateful = true,
			.n_vteps = 1,
			.vteps = member};
		world_ports[i].segment_slot = BED_SEGMENT + i;
		world_cfg->segments[BED_SEGMENT + i] = &bed_segments[i];
		world_cfg->epoch[BED_SEGMENT + i] = 1;
		put_slot(world_cfg->vni, &bed_segments[i].spec.vni, BED_SEGMENT + i);
	}
	make_vtep();
	put_slot(world_cfg->vtep, &bed_vtep.spec.remote, BED_VTEP);
	uplink = (struct config_port){.slot = BED_UPLINK};
	world_cfg->ports[BED_UPLINK] = &uplink;
	world_cfg->vteps[BED_VTEP] = &bed_vtep;
}

void bed_set_ports(void)
{
	for (unsigned int slot = 1; slot <= 2; slot++) {
		struct offload_port p = {BED_IFINDEX + slot, 1500, WEFT_BPF_DIR_PEER};

		offload_set_port(slot, &p);
	}
	offload_set_port(BED_UPLINK,
		&(struct offload_port){BED_IFINDEX + BED_UPLINK, 9000, OFFLOAD_PORT_DELIVER});
}

void bed_init(uint32_t max, unsigned int n_workers, uint32_t n_buckets, uint32_t n_dirs)
{
	if (world_init(max, n_workers) < 0)
		exit(1);
	bed_start(n_buckets, n_dirs);
}

void bed_start(uint32_t n_buckets, uint32_t n_dirs)
{
	make_config();
	bed_new_tables(n_buckets, n_dirs);
	bed_set_ports();
	if (offload_attach(&bed, 1) < 0)
		exit(1);
	offload_commit(world_cfg, world_cfg);
	offload_settled();
	world_rounds();
}

void bed_restart(uint32_t max, unsigned int n_workers)
{
	session_fini();
	offload_detach();
	if (session_init(max, n_workers) < 0)
		exit(1);
	bed_set_ports();
	if (offload_attach(&bed, 2) < 0)
		exit(1);
}

void bed_fini(void)
{
	vhash_free(world_cfg->vni);
	vhash_free(world_cfg->vtep);
	world_fini();
	offload_detach();
	free_tables();
}

void bed_new_epoch(void)
{
	static struct config old;

	old = *world_cfg;
	for (unsigned int i = 0; i < 2; i++)
		world_cfg->epoch[BED_SEGMENT + i]++;
	offload_commit(&old, world_cfg);
}

void bed_pass_ms(uint32_t ms)
{
	world_rounds();
	clock_warp(ms);
	offload_tick();
	world_rounds();
}

struct session_decision bed_decision(unsigned int dir, bool remote, uint8_t version)
{
	struct session_decision dec = {
		.flags = SESSION_DIR_ROUTED | SESSION_DIR_OFFLOAD,
		.flow_hash = 0x01010101u * version,
	};

	memset(dec.match_macs, version, sizeof(dec.match_macs));
	memset(dec.rewrite_macs, version, sizeof(dec.rewrite_macs));
	if (dir == 0) {
		dec.in = 1;
		dec.dest = remote ? DEST_VTEP_BIT | BED_VTEP : 2;
		dec.out_segment = BED_SEGMENT + 1;
	} else {
		dec.in = remote ? 0 : 2;
		dec.dest = 1;
		dec.out_segment = BED_SEGMENT;
	}
	return dec;
}

void bed_decide(struct session *s, bool remote, uint8_t version)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct session_decision dec = bed_decision(i, remote, version);

		session_decide(&s->dir[i], &dec, world_cfg->epoch[s->dir[i].key.segment]);
	}
}

struct session *bed_insert(unsigned int worker, uint32_t k, bool remote)
{
	struct session_new n = world_new(k);
	enum weft_drop drop;
	struct session *s = session_insert(worker, &n, &drop);

	if (!s)
		return NULL;
	bed_decide(s, remote, 1);
	session_set_state(s, WEFT_TIMEOUT_UDP_ANSWERED, true);
	session_unlock(s);
	return s;
}

static uint32_t scope(unsigned int dir, bool remote)
{
	if (dir == 0)
		return weft_bpf_scope_port(BED_IFINDEX + 1);
	return remote ? weft_bpf_scope_vni(1000 * (BED_SEGMENT + 1))
		      : weft_bpf_scope_port(BED_IFINDEX + 2);
}

struct bpf_packet bed_packet(
	const struct session_key *key, unsigned int dir, bool remote, uint8_t version)
{
	struct bpf_packet p = {
		.key = {.sport = key->sport,
			.dport = key->dport,
			.scope = scope(dir, remote),
			.proto = key->proto,
			.icmp_type = key->icmp_type,
			.family = weft_addr_is_v4(&key->src) ? 4 : 6},
		.l3_len = BED_L3_LEN,
	};

	memcpy(p.key.src, &key->src, sizeof(p.key.src));
	memcpy(p.key.dst, &key->dst, sizeof(p.key.dst));
	memset(p.macs, version, sizeof(p.macs));
	return p;
}
