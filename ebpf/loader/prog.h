/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the loader's files share: recognizing own programs and turning refusals into sentences.
 */
#ifndef LOADER_PROG_H
#define LOADER_PROG_H

#include <stdbool.h>

#include <linux/bpf.h>

/* Opens the program with that id and reads about it. Returns a descriptor or -errno. */
int prog_open(__u32 id, struct bpf_prog_info *ret_info);
/* Names of own tc programs; NULL at the end. */
extern const char *const prog_own_names[];
bool prog_is_one_of(const char *name, const char *const *names);
/* With the same code. */
bool prog_same_code(const struct bpf_prog_info *a, const struct bpf_prog_info *b);

/* Also with the same tables, and in the same place: on a qdisc without egress what is on ingress
 * seems to be there too. */
bool prog_does_the_same(const struct bpf_prog_info *a, const struct bpf_prog_info *b);

/* Between these two, libbpf's messages are kept instead of printed; prog_explain uses the first
 * warning. Not reentrant. */
void prog_capture_begin(void);
void prog_capture_end(void);

/* Writes what failed, why, and the remedy for a negative errno into text (LOADER_TEXT_SIZE).
 * ifindex 0: it has to do with no interface. Returns error. */
int prog_explain(char *text, int error, const char *what, int ifindex);

#endif
