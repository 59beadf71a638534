/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * See fastpath.h. A port's sessions may go into the tables when control has told of a program on
 * the very interface that the port has open. The port's own filter goes first on the way in, and
 * last on the way out: what programs carry must never come here too.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>

#include <core/log.h>
#include <observe/kernel_counters.h>
#include <pipeline/watch.h>
#include <port/port.h>
#include <session/offload.h>
#include <weft_bpf/port.h>
#include <weft_bpf/trace.h>

#include "client.h"
#include "fastpath.h"
#include "fastpath_map.h"
#include "state.h"

static struct {
	struct weft_msg_fastpath tables; /* id 0: none */
	struct fastpath_map maps[WEFT_FASTPATH_MAPS];
	uint32_t mark; /* 0: no tables */
	/* What was told of ports, by their ids, rising. */
	struct weft_msg_fastpath_port told[WEFT_MAX_PORTS];
	uint32_t n_told;
} fastpath;

/* ---- tables ---- */

static int fail(char *text, const char *field)
{
	snprintf(text, WEFT_TEXT_SIZE, "its %s makes no sense", field);
	return -EINVAL;
}

static int check_tables(const struct weft_msg_fastpath *m, unsigned int n_fds, char *text)
{
	const char *wrong = weft_fastpath_wrong(m);

	if (wrong)
		return fail(text, wrong);
	if (n_fds == WEFT_FASTPATH_MAPS)
		return 0;
	snprintf(text, WEFT_TEXT_SIZE, "%u descriptors instead of %u", n_fds, WEFT_FASTPATH_MAPS);
	return -EINVAL;
}

static int map_all(const struct weft_msg_fastpath *m, const int *fds, char *text)
{
	const struct {
		const char *name;
		uint32_t n, size;
	} maps[WEFT_FASTPATH_MAPS] = {
		[WEFT_FASTPATH_CONTROL] = {WEFT_BPF_CONTROL_MAP, 1,
			sizeof(struct weft_bpf_control)},
		[WEFT_FASTPATH_EPOCHS] = {WEFT_BPF_EPOCHS_MAP, WEFT_MAX_SEGMENTS,
			sizeof(struct weft_bpf_epoch)},
		[WEFT_FASTPATH_BUCKETS] = {WEFT_BPF_BUCKETS_MAP, m->n_buckets,
			sizeof(struct weft_bpf_bucket)},
		[WEFT_FASTPATH_DIRS] = {WEFT_BPF_DIRS_MAP, m->n_dirs, sizeof(struct weft_bpf_dir)},
		[WEFT_FASTPATH_TUNNELS] = {WEFT_BPF_TUNNELS_MAP, WEFT_MAX_VTEPS,
			sizeof(struct weft_bpf_tunnel)},
		[WEFT_FASTPATH_PORT_CNT] = {WEFT_BPF_PORT_CNT_MAP, WEFT_MAX_PORTS * m->n_cpus,
			sizeof(struct weft_bpf_port_counters)},
		[WEFT_FASTPATH_TRACE] = {WEFT_BPF_TRACE_MAP, 1 + WEFT_BPF_TRACE_PLACES,
			sizeof(union weft_bpf_trace)},
	};

	for (unsigned int i = 0; i < RTE_DIM(maps); i++) {
		int rc = fastpath_map(
			fds[i], maps[i].name, maps[i].n, maps[i].size, &fastpath.maps[i], text);

		if (rc)
			return rc;
	}
	return 0;
}

/* What the loader wrote when it made the tables. */
static int check_control(
	const struct weft_bpf_control *c, const struct weft_msg_fastpath *m, char *text)
{
	if (c->layout != 0 && c->layout != WEFT_BPF_LAYOUT) {
		snprintf(text, WEFT_TEXT_SIZE, "map %s: layout %u, this data plane has %u",
			WEFT_BPF_CONTROL_MAP, c->layout, WEFT_BPF_LAYOUT);
		return -EPROTONOSUPPORT;
	}
	if (c->n_cpus != m->n_cpus)
		return fail(text, "n_cpus");
	if (c->mark)
		return 0;
	snprintf(text, WEFT_TEXT_SIZE, "map %s: mark: there is none", WEFT_BPF_CONTROL_MAP);
	return -EINVAL;
}

static int attach_tables(const struct weft_msg_fastpath *m, char *text)
{
	const struct offload_tables t = {
		.control = fastpath.maps[WEFT_FASTPATH_CONTROL].memory,
		.epochs = fastpath.maps[WEFT_FASTPATH_EPOCHS].memory,
		.buckets = fastpath.maps[WEFT_FASTPATH_BUCKETS].memory,
		.dirs = fastpath.maps[WEFT_FASTPATH_DIRS].memory,
		.tunnels = fastpath.maps[WEFT_FASTPATH_TUNNELS].memory,
		.n_buckets = m->n_buckets,
		.n_dirs = m->n_dirs,
	};
	int rc = check_control(t.control, m, text);

	if (rc)
		return rc;
	rc = offload_attach(&t, server_boot_id());
	if (rc) {
		snprintf(text, WEFT_TEXT_SIZE, "tables: %s", strerrordesc_np(-rc));
		return rc;
	}
	kernel_counters_attach(fastpath.maps[WEFT_FASTPATH_PORT_CNT].memory, m->n_cpus);
	watch_attach(t.control, fastpath.maps[WEFT_FASTPATH_TRACE].memory);
	fastpath.mark = t.control->mark;
	return 0;
}

static void unmap_all(void)
{
	for (unsigned int i = 0; i < WEFT_FASTPATH_MAPS; i++)
		fastpath_unmap(&fastpath.maps[i]);
}

static void refresh_all(void)
{
	for (uint32_t slot = 1; slot < WEFT_MAX_PORTS; slot++)
		if (config_get()->ports[slot])
			fastpath_port(slot);
}

int fastpath_attach(const struct weft_msg_fastpath *m, const int *fds, unsigned int n_fds,
	char text[WEFT_TEXT_SIZE])
{
	int rc = check_tables(m, n_fds, text);

	if (rc)
		return rc;
	if (fastpath.tables.id == m->id)
		return 0;
	if (fastpath.tables.id) {
		snprintf(text, WEFT_TEXT_SIZE,
			"id: other tables are in use; weft-dataplane has to be started anew");
		return -EBUSY;
	}
	rc = map_all(m, fds, text);
	if (rc == 0)
		rc = attach_tables(m, text);
	if (rc) {
		unmap_all();
		return rc;
	}
	fastpath.tables = *m;
	log_info("fast path: tables for %u sessions", fastpath_sessions());
	refresh_all();
	return 0;
}

/* ---- ports ---- */

/* Where that port's place is, or would be. */
static uint32_t told_place(uint32_t id)
{
	uint32_t low = 0, high = fastpath.n_told;

	while (low < high) {
		uint32_t at = low + (high - low) / 2;

		if (fastpath.told[at].port < id)
			low = at + 1;
		else
			high = at;
	}
	return low;
}

static bool told_is_at(uint32_t place, uint32_t id)
{
	return place < fastpath.n_told && fastpath.told[place].port == id;
}

static void told_remove(uint32_t place)
{
	fastpath.n_told--;
	memmove(&fastpath.told[place], &fastpath.told[place + 1],
		(fastpath.n_told - place) * sizeof(fastpath.told[0]));
}

/* Those of ports that went while nobody was there to say so. */
static void told_drop_strangers(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < fastpath.n_told; i++)
		if (slot_find(channel.port_ids, &fastpath.told[i].port, config_get()->generation))
			fastpath.told[n++] = fastpath.told[i];
	fastpath.n_told = n;
}

static int told_put(const struct weft_msg_fastpath_port *m)
{
	uint32_t place = told_place(m->port);

	if (!told_is_at(place, m->port)) {
		if (fastpath.n_told == WEFT_MAX_PORTS) {
			told_drop_strangers();
			place = told_place(m->port);
		}
		if (fastpath.n_told == WEFT_MAX_PORTS)
			return -ENOSPC;
		memmove(&fastpath.told[place + 1], &fastpath.told[place],
			(fastpath.n_told - place) * sizeof(fastpath.told[0]));
		fastpath.n_told++;
	}
	fastpath.told[place] = *m;
	return 0;
}

static int check_port(const struct weft_msg_fastpath_port *m, char *text)
{
	const char *wrong = weft_fastpath_port_wrong(m);

	if (wrong)
		return fail(text, wrong);
	if (!m->flags || fastpath.mark)
		return 0;
	snprintf(text, WEFT_TEXT_SIZE, "its flags: port %u can't have a program without tables",
		m->port);
	return -EPROTO;
}

int fastpath_tell(const struct weft_msg_fastpath_port *m, char text[WEFT_TEXT_SIZE])
{
	int rc = check_port(m, text);
	uint16_t slot;

	if (rc)
		return rc;
	if (m->flags == 0 && told_is_at(told_place(m->port), m->port)) {
		told_remove(told_place(m->port));
	} else if (m->flags && told_put(m)) {
		snprintf(text, WEFT_TEXT_SIZE, "port: there are %u already", WEFT_MAX_PORTS);
		return -ENOSPC;
	}
	slot = slot_find(channel.port_ids, &m->port, config_get()->generation);
	if (slot)
		fastpath_port(slot);
	return 0;
}

/* What was told of that port, with the interface that has the program, or zeros. */
static struct weft_msg_fastpath_port told_of(const struct config_port *p)
{
	uint32_t place = p ? told_place(p->spec.id) : 0;

	if (p && told_is_at(place, p->spec.id) && (fastpath.told[place].flags & WEFT_FASTPATH_ON))
		return fastpath.told[place];
	return (struct weft_msg_fastpath_port){0};
}

static struct offload_port view(const struct port *dev, const struct weft_msg_fastpath_port *told)
{
	const uint16_t never = WEFT_PORT_ADMIN_DOWN | WEFT_PORT_NO_FASTPATH;
	struct offload_port ret = {0};

	if (!told->ifindex || !dev->is_open || dev->stopped || dev->ifindex != told->ifindex ||
		(dev->spec.flags & never))
		return ret;
	ret.ifindex = told->ifindex;
	ret.max_l3 = RTE_MIN(dev->max_frame - PORT_FRAME_OVERHEAD, (uint32_t)UINT16_MAX);
	ret.flags = (told->flags & WEFT_FASTPATH_PEER ? WEFT_BPF_DIR_PEER : 0) |
		    (told->flags & WEFT_FASTPATH_XDP ? WEFT_BPF_DIR_XDP : 0) |
		    (told->flags & WEFT_FASTPATH_DELIVER ? OFFLOAD_PORT_DELIVER : 0);
	return ret;
}

void fastpath_port(uint16_t slot)
{
	const struct config_port *p = config_get()->ports[slot];
	struct weft_msg_fastpath_port told = told_of(p);
	struct port_fastpath filter = {.mark = fastpath.mark, .ifindex = told.ifindex};
	struct offload_port now = p ? view(p->dev, &told) : (struct offload_port){0};

	if (!now.ifindex)
		offload_set_port(slot, &now);
	if (p && port_set_fastpath(p->dev, &filter) < 0)
		now = (struct offload_port){0}; /* it is opened anew */
	offload_set_port(slot, &now);
}

/* The first pair is never used. */
uint32_t fastpath_sessions(void)
{
	return fastpath.tables.id ? fastpath.tables.n_dirs / 2 - 1 : 0;
}

void fastpath_fini(void)
{
	watch_attach(NULL, NULL);
	kernel_counters_detach();
	offload_detach();
	unmap_all();
	memset(&fastpath, 0, sizeof(fastpath));
}
