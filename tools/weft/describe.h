/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rpc.describe as text, made at build time from weftd's own tables, so that help and completion
 * need no weftd.
 */
#ifndef WEFT_DESCRIBE_H
#define WEFT_DESCRIBE_H

extern const char describe_text[];

#endif
