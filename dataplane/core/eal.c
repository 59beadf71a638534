/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * EAL start. Knows no ports and no packets. Main thread, once.
 */
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cap-ng.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_memory.h>

#include <core/eal.h>
#include <core/log.h>
#include <core/mem.h>

#define EAL_ARGV_MAX	(32 + 2 * OPTIONS_PCI_MAX)
#define EAL_LCORES_SIZE (8 * CPU_SETSIZE)
#define EAL_OTHER_MB	128 /* rings, hash tables and vhost beside the mbufs */

struct eal_args {
	int argc;
	char *argv[EAL_ARGV_MAX];
	char prefix[32];
	char memory[16];
	char lcores[EAL_LCORES_SIZE];
};

static bool eal_with_hugepages;

static void eal_arg(struct eal_args *a, const char *arg)
{
	a->argv[a->argc++] = (char *)arg;
}

static unsigned int eal_memory_mb(const struct options *opt)
{
	uint64_t each = MEM_DATA_SIZE + RTE_PKTMBUF_HEADROOM + 2 * (256 + MEM_PRIV_SIZE);
	uint64_t huge = MEM_HUGE_SIZE + RTE_PKTMBUF_HEADROOM + 256 + MEM_PRIV_SIZE;
	uint64_t bytes = opt->n_mbufs * each + mem_n_huge(opt->n_mbufs) * huge;

	if (opt->memory_mb)
		return opt->memory_mb;
	return (bytes >> 20) + EAL_OTHER_MB;
}

/* Free bytes in hugepages of every size. */
static uint64_t eal_free_hugepages(void)
{
	static const char dir[] = "/sys/kernel/mm/hugepages";
	char path[512];
	uint64_t total = 0;
	struct dirent *e;
	DIR *d = opendir(dir);

	if (!d)
		return 0;
	while ((e = readdir(d))) {
		unsigned long kb, n = 0;
		FILE *f;

		if (sscanf(e->d_name, "hugepages-%lukB", &kb) != 1)
			continue;
		snprintf(path, sizeof(path), "%s/%s/free_hugepages", dir, e->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fscanf(f, "%lu", &n) == 1)
			total += (uint64_t)n * kb * 1024;
		fclose(f);
	}
	closedir(d);
	return total;
}

static bool eal_use_hugepages(const struct options *opt, unsigned int memory_mb)
{
	uint64_t free_mb;

	if (opt->no_huge)
		return false;
	free_mb = eal_free_hugepages() >> 20;
	if (free_mb >= memory_mb)
		return true;
	log_warning(
		"running without hugepages, slower: %u MB wanted, %lu MB free; reserve them with "
		"'sysctl vm.nr_hugepages=%u' (2 MB pages) and start again",
		memory_mb, (unsigned long)free_mb, memory_mb / 2 + 1);
	return false;
}

/* "(0-2)@(0,1,5)": all lcores over all CPUs that this process may use; or with --cores the main
 * lcore over all and each worker on its own. */
static int eal_lcores(const struct options *opt, char *text, size_t size)
{
	char cpus[EAL_LCORES_SIZE / 2];
	size_t n = 0;
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return -errno;
	for (unsigned int cpu = 0; cpu < CPU_SETSIZE && n < sizeof(cpus) - 8; cpu++) {
		if (CPU_ISSET(cpu, &allowed))
			n += snprintf(cpus + n, sizeof(cpus) - n, "%s%u", n ? "," : "", cpu);
	}
	if (opt->n_cores == 0) {
		snprintf(text, size, "(0-%u)@(%s)", opt->n_workers, cpus);
		return 0;
	}
	n = snprintf(text, size, "0@(%s)", cpus);
	for (unsigned int w = 0; w < opt->n_workers; w++) {
		if (!CPU_ISSET(opt->cores[w], &allowed)) {
			log_error("--cores: this process may not run on CPU %u", opt->cores[w]);
			return -EINVAL;
		}
		n += snprintf(text + n, size - n, ",%u@%u", eal_lcore_of_worker(w), opt->cores[w]);
	}
	return 0;
}

static int eal_build_args(const struct options *opt, struct eal_args *a)
{
	unsigned int memory_mb = eal_memory_mb(opt);
	int r = eal_lcores(opt, a->lcores, sizeof(a->lcores));

	if (r < 0)
		return r;
	snprintf(a->prefix, sizeof(a->prefix), "weft-%d", getpid());
	snprintf(a->memory, sizeof(a->memory), "%u", memory_mb);
	eal_with_hugepages = eal_use_hugepages(opt, memory_mb);
	eal_arg(a, "weft-dataplane");
	eal_arg(a, eal_with_hugepages ? "--in-memory" : "--no-huge");
	if (!eal_with_hugepages)
		eal_arg(a, "--no-shconf");
	eal_arg(a, "-m");
	eal_arg(a, a->memory);
	eal_arg(a, "--file-prefix");
	eal_arg(a, a->prefix);
	eal_arg(a, "--lcores");
	eal_arg(a, a->lcores);
	eal_arg(a, "--no-telemetry");
	eal_arg(a, "--log-level");
	eal_arg(a, opt->log_level >= LOG_DEBUG ? "lib.*:info" : "lib.*:warning");
	if (opt->n_pci == 0) {
		eal_arg(a, "--no-pci");
		eal_arg(a, "--iova-mode=va"); /* no device needs physical addresses */
	}
	for (unsigned int i = 0; i < opt->n_pci; i++) {
		eal_arg(a, "-a");
		eal_arg(a, opt->pci[i]);
	}
	a->argv[a->argc] = NULL;
	return 0;
}

int eal_start(const struct options *opt)
{
	struct eal_args *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	r = eal_build_args(opt, a);
	if (r == 0 && rte_eal_init(a->argc, a->argv) < 0) {
		r = rte_errno ? -rte_errno : -EIO;
		log_error("DPDK can't start: %s%s", strerror(-r),
			eal_with_hugepages ? "; try --no-huge" : "");
	}
	free(a);
	return r;
}

void eal_stop(void)
{
	rte_eal_cleanup();
}

unsigned long eal_hugepage_bytes(void)
{
	return eal_with_hugepages ? rte_eal_get_physmem_size() : 0;
}

/* What is kept, and for whom. */
static void eal_keep_capabilities(const struct options *opt)
{
	capng_clear(CAPNG_SELECT_BOTH);
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN, /* TAP, XDP */
		CAP_NET_RAW,  /* AF_XDP and packet sockets */
		CAP_BPF,      /* XSKMAP */
		CAP_IPC_LOCK, /* UMEM and hugepages beyond RLIMIT_MEMLOCK */
		-1);
	if (!opt->user) /* vhost-user sockets belong to the hypervisor's user */
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_DAC_OVERRIDE);
	if (opt->n_pci) /* PCI resources and physical addresses */
		capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_SYS_ADMIN,
			CAP_SYS_RAWIO, -1);
}

static int eal_become(const struct passwd *pw)
{
	if (capng_change_id(pw->pw_uid, pw->pw_gid, CAPNG_INIT_SUPP_GRP) < 0) {
		log_error("--user %s: can't change the user: %s", pw->pw_name, strerror(errno));
		return -EPERM;
	}
	return 0;
}

int eal_drop_privileges(const struct options *opt)
{
	struct passwd *pw;

	if (!opt->user && (opt->keep_capabilities || geteuid() != 0))
		return 0;
	if (opt->keep_capabilities)
		capng_get_caps_process();
	else
		eal_keep_capabilities(opt);
	if (!opt->user) {
		if (capng_apply(CAPNG_SELECT_CAPS) == 0)
			return 0;
		log_error("can't give up capabilities; --keep-capabilities goes on without");
		return -EPERM;
	}
	pw = getpwnam(opt->user);
	if (!pw) {
		log_error("--user %s: no such user", opt->user);
		return -ENOENT;
	}
	return eal_become(pw);
}
