/* SPDX-License-Identifier: BSD-3-Clause */
/* The pipeline alone, see runner.c. */
#include <stddef.h>

#include "runner.h"

int main(void)
{
	return runner_run(NULL);
}
