/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "test_eal.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *seed_folder;
static unsigned int n_seeds;

void fuzz_seed(const void *data, size_t size)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/seed-%03u", seed_folder, n_seeds++);
	file = fopen(path, "w");
	if (!file || fwrite(data, size, 1, file) != 1 || fclose(file) != 0) {
		perror(path);
		exit(1);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	if (*argc == 3 && strcmp((*argv)[1], "--seeds") == 0) {
		seed_folder = (*argv)[2];
		fuzz_seeds();
		exit(0);
	}
	test_eal_init(64);
	return fuzz_start();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_one(data, size);
	return 0;
}
