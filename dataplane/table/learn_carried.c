/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Learned MACs whose frames the kernel carries past the learning of this process (table/learn.h).
 * Any thread, as a reader of the FDB, but for a mark and a time in its entries.
 *
 * A mark is set before the place is read, and cleared by the main thread after the place has
 * changed: whoever reads the former place has left a mark that is found, and then all that was put
 * into the kernel until then is revoked.
 */
#include <rte_common.h>

#include <table/learn.h>

static struct fdb_entry *find(const struct config *cfg, uint16_t segment_slot, const uint8_t *mac)
{
	struct fdb_key key = fdb_key_of(segment_slot, mac);

	return (struct fdb_entry *)vhash_find(cfg->fdb, &key, cfg->generation);
}

const struct fdb_entry *learn_carried(
	const struct config *cfg, uint16_t segment_slot, const uint8_t *mac)
{
	for (;;) {
		struct fdb_entry *f = find(cfg, segment_slot, mac);

		if (!f || !f->learned || atomic_load(&f->carried))
			return f;
		atomic_store(&f->carried, 1);
	}
}

bool learn_teaches(const struct config *cfg, uint16_t segment_slot, dest_t from)
{
	const uint32_t both = WEFT_PORT_LEARN | WEFT_PORT_ANTISPOOF;
	const struct config_segment *seg = cfg->segments[segment_slot];
	const struct config_port *port;

	if (!seg || seg->spec.max_learned == 0)
		return false;
	if (from & DEST_VTEP_BIT)
		return seg->spec.flags & WEFT_SEGMENT_LEARN_WIRE;
	port = cfg->ports[DEST_SLOT(from)];
	return port && (port->spec.flags & both) == WEFT_PORT_LEARN;
}

uint32_t learn_seen(const struct config *cfg, uint16_t segment_slot, const uint8_t *mac,
	dest_t from, uint32_t seen_s)
{
	const struct config_segment *seg = cfg->segments[segment_slot];
	struct fdb_entry *f = find(cfg, segment_slot, mac);
	uint32_t known;

	if (!seg || !seg->spec.ageing_s || !f || !f->learned || f->dest != from)
		return 0;
	known = atomic_load_explicit(&f->seen_s, memory_order_relaxed);
	if ((int32_t)(seen_s - known) > 0)
		atomic_store_explicit(&f->seen_s, seen_s, memory_order_relaxed);
	return learn_look_s(seg->spec.ageing_s);
}
