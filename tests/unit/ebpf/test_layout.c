/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The layouts that BPF shares with user space: gcc, clang and clang -target bpf lay them out alike,
 * and as the record says. A change gets a new WEFT_BPF_LAYOUT and a new record:
 *   build/tests/unit/ebpf/test_bpf_layout OBJECT --print > tests/unit/ebpf/layout.txt
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "layout_table.h"

extern const struct layout_row layout_gcc[], layout_clang[];

#define NAME_STRUCT(s)	  "struct " #s,
#define NAME_MEMBER(s, m) "  " #m,
static const char *const names[] = {LAYOUT(NAME_STRUCT, NAME_MEMBER)};
#define N_ROWS (sizeof(names) / sizeof(names[0]))

static char *table_text(void)
{
	size_t size = 64 * (N_ROWS + 1), at;
	char *text = malloc(size);

	if (!text)
		exit(1);
	at = snprintf(text, size, "layout %u\n", WEFT_BPF_LAYOUT);
	for (unsigned int i = 0; i < N_ROWS; i++)
		at += snprintf(text + at, size - at, "%s %u %u\n", names[i], layout_gcc[i].offset,
			layout_gcc[i].size);
	return text;
}

static bool same_rows(const char *compiler, const struct layout_row *rows)
{
	bool same = true;

	for (unsigned int i = 0; i < N_ROWS; i++) {
		if (memcmp(&rows[i], &layout_gcc[i], sizeof(rows[i])) == 0)
			continue;
		printf("%s: at %u size %u with %s, at %u size %u with gcc\n", names[i],
			rows[i].offset, rows[i].size, compiler, layout_gcc[i].offset,
			layout_gcc[i].size);
		same = false;
	}
	return same;
}

/* The object is opened, not loaded: its constants are all that is asked for. */
static bool same_in_bpf(const char *path)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);
	struct bpf_map *map = obj ? bpf_object__next_map(obj, NULL) : NULL;
	const void *rows;
	size_t size = 0;
	bool same;

	rows = map ? bpf_map__initial_value(map, &size) : NULL;
	if (!rows || size != N_ROWS * sizeof(struct layout_row)) {
		printf("%s has %zu bytes of constants, not %zu\n", path, size,
			N_ROWS * sizeof(struct layout_row));
		return false;
	}
	same = same_rows("clang -target bpf", rows);
	bpf_object__close(obj);
	return same;
}

static bool same_as_record(const char *path, const char *text)
{
	size_t len = strlen(text);
	char *record = calloc(1, len + 2);
	FILE *f = fopen(path, "r");
	bool same;

	if (!record || !f)
		return false;
	same = fread(record, 1, len + 1, f) == len && memcmp(record, text, len) == 0;
	fclose(f);
	free(record);
	if (!same)
		printf("the layout is not as in %s: count WEFT_BPF_LAYOUT up, then write it with "
		       "--print\n",
			path);
	return same;
}

int main(int argc, char **argv)
{
	char *text = table_text();
	bool same;

	if (argc != 3) {
		printf("usage: %s OBJECT RECORD|--print\n", argv[0]);
		return 2;
	}
	same = same_rows("clang", layout_clang) & same_in_bpf(argv[1]);
	if (strcmp(argv[2], "--print") == 0)
		fputs(text, stdout);
	else
		same &= same_as_record(argv[2], text);
	free(text);
	return same ? 0 : 1;
}
