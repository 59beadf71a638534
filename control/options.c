/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line of weftd. Called once, before anything else exists.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <model/object.h>

#include "bpffs.h"
#include "options.h"

#define HOST_FILE "/etc/weft/host"
#define USAGE	  2

/* A session takes two places in a table, which has less than 2^32 bytes. */
#define SESSIONS_MIN 1024
#define SESSIONS_MAX 8388608

static const char help[] =
	"Usage: weftd [OPTION]...\n"
	"The control daemon of Weft: keeps what should be, and programs the data plane.\n"
	"\n"
	"      --host NAME        which host of the model this is (default: the first line of\n"
	"                         " HOST_FILE ", else the host name up to its first dot)\n"
	"      --store PATH       where intent is kept (default /var/lib/weft/weft.db)\n"
	"      --socket PATH      JSON-RPC is served here (default /run/weft/weftd.sock)\n"
	"      --dataplane PATH   the data plane's channel (default /run/weft/dataplane.sock)\n"
	"      --group GROUP      owns the socket: its members may connect and read\n"
	"      --operators GROUP  its members may write, as may root; without --group it\n"
	"                         owns the socket too\n"
	"      --fast-path on|off the kernel carries established sessions, where it can (default\n"
	"                         on)\n"
	"      --fast-path-sessions N\n"
	"                         room for so many of them, some 420 bytes each (default 65536);\n"
	"                         tables that exist already keep theirs\n"
	"      --bpf-dir DIR      of a bpffs: the fast path's tables stay there while weftd is\n"
	"                         away (default " BPFFS_ROOT "/weft/HOST)\n"
	"      --log-level LEVEL  error, warning, info or debug (default info)\n"
	"      --version          print the release and exit\n"
	"  -h, --help             print this and exit\n"
	"\n"
	"Signals: SIGTERM and SIGINT end weftd, the data plane goes on; SIGHUP switches between\n"
	"the log level and debug.\n"
	"Exit status: 0 ended by a signal, 1 failure, 2 usage, 3 the store can't be used.\n";

enum option_id {
	OPTION_HOST = 256,
	OPTION_STORE,
	OPTION_SOCKET,
	OPTION_DATAPLANE,
	OPTION_GROUP,
	OPTION_OPERATORS,
	OPTION_FAST_PATH,
	OPTION_FAST_PATH_SESSIONS,
	OPTION_BPF_DIR,
	OPTION_LOG_LEVEL,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{"host", required_argument, NULL, OPTION_HOST},
	{"store", required_argument, NULL, OPTION_STORE},
	{"socket", required_argument, NULL, OPTION_SOCKET},
	{"dataplane", required_argument, NULL, OPTION_DATAPLANE},
	{"group", required_argument, NULL, OPTION_GROUP},
	{"operators", required_argument, NULL, OPTION_OPERATORS},
	{"fast-path", required_argument, NULL, OPTION_FAST_PATH},
	{"fast-path-sessions", required_argument, NULL, OPTION_FAST_PATH_SESSIONS},
	{"bpf-dir", required_argument, NULL, OPTION_BPF_DIR},
	{"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
	{"version", no_argument, NULL, OPTION_VERSION},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* The model judges names for good; under one that it can't have this host would never be found. */
static int set_host(struct options *o, const char *name)
{
	static const char others[] = "._-";
	size_t n = 0;

	while (isalnum((unsigned char)name[n]) || (n > 0 && name[n] && strchr(others, name[n])))
		n++;
	if (n == 0 || name[n] != '\0' || n > MODEL_NAME_MAX) {
		fprintf(stderr,
			"weftd: \"%s\" can't be the name of a host: letters, digits, '.', '_' and "
			"'-', "
			"at most %d; name this host with --host or in " HOST_FILE "\n",
			name, MODEL_NAME_MAX);
		return USAGE;
	}
	memcpy(o->host, name, strlen(name) + 1);
	return -1;
}

static int default_host(struct options *o)
{
	char name[HOST_NAME_MAX + 2] = "";
	FILE *f = fopen(HOST_FILE, "re");

	if (f) {
		if (!fgets(name, sizeof(name), f))
			name[0] = '\0';
		fclose(f);
		name[strcspn(name, " \t\n")] = '\0';
	}
	if (name[0] == '\0' && gethostname(name, sizeof(name)) == 0)
		name[strcspn(name, ".")] = '\0';
	return set_host(o, name);
}

static int set_group(gid_t *ret, const char *name)
{
	char *end;
	unsigned long id = strtoul(name, &end, 10);
	const struct group *g = getgrnam(name);

	if (g) {
		*ret = g->gr_gid;
	} else if (name[0] && *end == '\0' && id < (gid_t)-1) {
		*ret = id;
	} else {
		fprintf(stderr, "weftd: there is no group \"%s\"; make it with: groupadd %s\n",
			name, name);
		return USAGE;
	}
	return -1;
}

static int set_fast_path(struct options *o, const char *value)
{
	o->fast_path = strcmp(value, "on") == 0;
	if (o->fast_path || strcmp(value, "off") == 0)
		return -1;
	fprintf(stderr, "weftd: --fast-path is on or off, not \"%s\"\n", value);
	return USAGE;
}

static int set_fast_path_sessions(struct options *o, const char *value)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (isdigit((unsigned char)value[0]) && *end == '\0' && n >= SESSIONS_MIN &&
		n <= SESSIONS_MAX) {
		o->fast_path_sessions = n;
		return -1;
	}
	fprintf(stderr, "weftd: --fast-path-sessions is a number from %d to %d, not \"%s\"\n",
		SESSIONS_MIN, SESSIONS_MAX, value);
	return USAGE;
}

static int set_bpf_dir(struct options *o, const char *value)
{
	if (value[0] == '/' && strlen(value) < sizeof(o->bpf_dir)) {
		memcpy(o->bpf_dir, value, strlen(value) + 1);
		return -1;
	}
	fprintf(stderr, "weftd: --bpf-dir is an absolute path, not \"%s\"\n", value);
	return USAGE;
}

/* bpffs has no names with dots; hosts have none with colons. */
static void default_bpf_dir(struct options *o)
{
	snprintf(o->bpf_dir, sizeof(o->bpf_dir), BPFFS_ROOT "/weft/%s", o->host);
	for (char *c = o->bpf_dir; *c; c++)
		if (*c == '.')
			*c = ':';
}

static int set_log_level(struct options *o, const char *name)
{
	o->log_level = log_level_by_name(name);
	if (o->log_level)
		return -1;
	fprintf(stderr, "weftd: --log-level is error, warning, info or debug, not \"%s\"\n", name);
	return USAGE;
}

static int take(struct options *o, int option, const char *value)
{
	switch (option) {
	case OPTION_HOST:
		return set_host(o, value);
	case OPTION_STORE:
		o->store = value;
		return -1;
	case OPTION_SOCKET:
		o->socket = value;
		return -1;
	case OPTION_DATAPLANE:
		o->dataplane = value;
		return -1;
	case OPTION_GROUP:
		return set_group(&o->socket_group, value);
	case OPTION_OPERATORS:
		return set_group(&o->operator_group, value);
	case OPTION_FAST_PATH:
		return set_fast_path(o, value);
	case OPTION_FAST_PATH_SESSIONS:
		return set_fast_path_sessions(o, value);
	case OPTION_BPF_DIR:
		return set_bpf_dir(o, value);
	case OPTION_LOG_LEVEL:
		return set_log_level(o, value);
	case OPTION_VERSION:
		puts("weftd " WEFT_RELEASE);
		return 0;
	case 'h':
		fputs(help, stdout);
		return 0;
	default:
		fputs("Try: weftd --help\n", stderr);
		return USAGE;
	}
}

int options_parse(int argc, char **argv, struct options *ret)
{
	int option, rc;

	*ret = (struct options){
		.store = "/var/lib/weft/weft.db",
		.socket = "/run/weft/weftd.sock",
		.dataplane = "/run/weft/dataplane.sock",
		.socket_group = -1,
		.operator_group = -1,
		.log_level = LOG_LEVEL_INFO,
		.fast_path = true,
		.fast_path_sessions = 65536,
	};
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		rc = take(ret, option, optarg);
		if (rc >= 0)
			return rc;
	}
	if (optind < argc) {
		fprintf(stderr, "weftd: what is \"%s\"? Try: weftd --help\n", argv[optind]);
		return USAGE;
	}
	if (ret->socket_group == (gid_t)-1)
		ret->socket_group = ret->operator_group;
	rc = ret->host[0] ? -1 : default_host(ret);
	if (rc < 0 && !ret->bpf_dir[0])
		default_bpf_dir(ret);
	return rc;
}
