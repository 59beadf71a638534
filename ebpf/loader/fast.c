/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fast path as a whole: its tables and its tc programs, loaded once and put on any number of
 * interfaces. Programs are pinned beside the tables, so that after a restart those with the same
 * code are still the same programs. Called by weftd, on its one thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include <weft/limits.h>

#include "fast.h"
#include "folder.h"
#include "prog.h"
#include "tc_deliver.skel.h"
#include "tc_port.skel.h"
#include "tc_uplink.skel.h"
#include "xdp_uplink.skel.h"

/* The objects, opened; XDP's only for the shape of its maps. */
struct opened {
	struct tc_port *port;
	struct tc_uplink *uplink;
	struct tc_deliver *deliver;
	struct xdp_uplink *xdp;
};

static void opened_free(struct opened *o)
{
	tc_port__destroy(o->port);
	tc_uplink__destroy(o->uplink);
	tc_deliver__destroy(o->deliver);
	xdp_uplink__destroy(o->xdp);
}

static int opened_make(struct opened *o)
{
	*o = (struct opened){
		.port = tc_port__open(),
		.uplink = tc_uplink__open(),
		.deliver = tc_deliver__open(),
		.xdp = xdp_uplink__open(),
	};
	return o->port && o->uplink && o->deliver && o->xdp ? 0 : -errno;
}

int fast_table_fd(const struct loader_fast *f, const char *name)
{
	for (unsigned int i = 0; i < FAST_TABLES; i++)
		if (strcmp(fast_table_names[i], name) == 0)
			return f->tables[i];
	return -1;
}

static int share_tables(const struct loader_fast *f, struct bpf_object *obj)
{
	struct bpf_map *map;
	int error = 0;

	bpf_object__for_each_map(map, obj)
	{
		int fd = fast_table_fd(f, bpf_map__name(map));

		if (fd >= 0 && error == 0)
			error = bpf_map__reuse_fd(map, fd);
	}
	return error;
}

void fast_add_user(struct loader_fast *f, struct fast_user *user)
{
	user->next = f->users;
	f->users = user;
}

void fast_remove_user(struct loader_fast *f, struct fast_user *user)
{
	struct fast_user **p = &f->users;

	while (*p && *p != user)
		p = &(*p)->next;
	if (*p)
		*p = user->next;
}

/* ---- programs ---- */

static bool same_code_fds(int a, int b)
{
	struct bpf_prog_info info[2] = {0};
	__u32 len = sizeof(info[0]);

	return bpf_obj_get_info_by_fd(a, &info[0], &len) == 0 &&
	       bpf_obj_get_info_by_fd(b, &info[1], &len) == 0 && prog_same_code(&info[0], &info[1]);
}

/* The pinned program when it has the same code, else the new one, pinned in its place. A descriptor
 * or -errno. The tables are the same: their pins are beside it. */
static int keep_prog(const struct loader_fast *f, const struct bpf_program *prog)
{
	int fd = bpf_program__fd(prog), old;
	char path[FAST_PATH_SIZE];

	fast_tables_path(f, bpf_program__name(prog), path);
	old = bpf_obj_get(path);
	if (old >= 0 && same_code_fds(old, fd))
		return old;
	if (old >= 0) {
		close(old);
		unlink(path);
	}
	if (bpf_obj_pin(fd, path) < 0)
		return -errno;
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

static int load_programs(struct loader_fast *f, const struct opened *o, char *text)
{
	struct bpf_object *const objects[] = {o->port->obj, o->uplink->obj, o->deliver->obj};
	const struct bpf_program *const programs[WEFT_BPF_PROG_N] = {
		[WEFT_BPF_PROG_PORT] = o->port->progs.weft_port,
		[WEFT_BPF_PROG_PORT_OUT] = o->port->progs.weft_port_out,
		[WEFT_BPF_PROG_UPLINK_TC] = o->uplink->progs.weft_uplink_tc,
		[WEFT_BPF_PROG_DELIVER] = o->deliver->progs.weft_deliver,
	};

	for (unsigned int i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
		int error = share_tables(f, objects[i]);

		if (error == 0)
			error = bpf_object__load(objects[i]);
		if (error < 0)
			return prog_explain(text, error, "loading the fast path's programs", 0);
	}
	for (unsigned int i = 0; i < WEFT_BPF_PROG_N; i++) {
		if (!programs[i])
			continue;
		f->progs[i] = keep_prog(f, programs[i]);
		if (f->progs[i] < 0)
			return prog_explain(
				text, f->progs[i], "pinning the fast path's programs", 0);
	}
	return 0;
}

/* ---- open and close ---- */

static int open_all(struct loader_fast *f, const struct loader_fast_config *config, char *text)
{
	struct opened o;
	int error = opened_make(&o);

	if (error < 0) {
		prog_explain(text, error, "opening the fast path's programs", 0);
	} else {
		struct bpf_object *const objects[] = {o.port->obj, o.uplink->obj, o.xdp->obj};

		error = fast_tables_open(
			f, objects, sizeof(objects) / sizeof(objects[0]), config, text);
	}
	if (error == 0 && !config->only_kept)
		error = load_programs(f, &o, text);
	if (error < 0 && !f->info.adopted && !config->only_kept)
		fast_tables_unpin(f);
	opened_free(&o);
	return error;
}

static struct loader_fast *fast_new(void)
{
	struct loader_fast *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->lock_fd = -1;
	for (unsigned int i = 0; i < FAST_TABLES; i++)
		f->tables[i] = -1;
	for (unsigned int i = 0; i < WEFT_BPF_PROG_N; i++)
		f->progs[i] = -1;
	return f;
}

int loader_fast_open(const struct loader_fast_config *config, struct loader_fast **ret, char *text)
{
	struct loader_fast *f = fast_new();
	int error;

	text[0] = '\0';
	if (!f)
		return -ENOMEM;
	/* room for what is pinned below it */
	if (strlen(config->folder) > FAST_PATH_SIZE / 2 || config->n_sessions == 0 ||
		config->n_sessions > WEFT_MAX_SESSIONS) {
		snprintf(text, LOADER_TEXT_SIZE,
			"fast path: %u sessions, folder %.100s: at most %u sessions, and a path "
			"of %u characters",
			config->n_sessions, config->folder, WEFT_MAX_SESSIONS, FAST_PATH_SIZE / 2);
		free(f);
		return -EINVAL;
	}
	snprintf(f->folder, sizeof(f->folder), "%s", config->folder);
	if (config->only_kept && !fast_tables_are_kept(f)) {
		error = fast_tables_none_kept(f, text);
	} else {
		prog_capture_begin();
		error = f->lock_fd = folder_lock(f->folder, text);
		if (error >= 0)
			error = open_all(f, config, text);
		prog_capture_end();
	}
	if (error < 0) {
		loader_fast_close(f);
		return error;
	}
	*ret = f;
	return 0;
}

void loader_fast_close(struct loader_fast *f)
{
	if (!f)
		return;
	for (unsigned int i = 0; i < FAST_TABLES; i++)
		if (f->tables[i] >= 0)
			close(f->tables[i]);
	for (unsigned int i = 0; i < WEFT_BPF_PROG_N; i++)
		if (f->progs[i] >= 0)
			close(f->progs[i]);
	if (f->lock_fd >= 0)
		close(f->lock_fd);
	free(f);
}

void loader_fast_info(const struct loader_fast *f, struct loader_fast_info *ret)
{
	*ret = f->info;
}

void loader_fast_fds(const struct loader_fast *f, int ret[WEFT_FASTPATH_MAPS])
{
	memcpy(ret, f->tables, WEFT_FASTPATH_MAPS * sizeof(*ret));
}
