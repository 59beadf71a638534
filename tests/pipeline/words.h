/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A line of the runner's input as words, and table entries read from words like KEY=VALUE.
 */
#ifndef WORDS_H
#define WORDS_H

#include <weft/entry.h>

#define WORDS_MAX 64

struct words {
	unsigned int n;
	char *word[WORDS_MAX];
};

struct flag_name {
	const char *name;
	uint32_t flag;
};

/* Ends the program: the line can't be understood. */
void __attribute__((noreturn)) words_bad(const char *what, const char *word);
/* The value of KEY=VALUE, or NULL. */
const char *words_value(const struct words *w, const char *key);
uint32_t words_number(const struct words *w, const char *key, uint32_t otherwise);
/* NAME,NAME...; names ends with an empty one. */
uint32_t words_flags(const char *list, const struct flag_name *names);

/* The table that the word names, as weft_table_name has it, or 0. */
unsigned int entry_table(const char *name);
/* Fills ret from the words behind the first. Everything has a value that most cases want. */
void entry_read(enum weft_table table, const struct words *w, union weft_entry *ret);

#endif
