/* SPDX-License-Identifier: BSD-3-Clause */
/* See kernel.h. */
#include <stdio.h>
#include <sys/utsname.h>

#include "kernel.h"

bool kernel_tc_mixes_families(void)
{
	int major, minor;
	struct utsname u;

	if (uname(&u) < 0 || sscanf(u.release, "%d.%d", &major, &minor) != 2)
		return false;
	return major > 6 || (major == 6 && minor >= 3);
}
