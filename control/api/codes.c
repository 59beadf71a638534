/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names of the error codes. Pure.
 */
#include <stddef.h>

#include <weftrpc/codes.h>

const char *weftrpc_code_name(int code)
{
	switch (code) {
#define WEFTRPC_CODE_CASE(number, id, name, help)                                                  \
	case number:                                                                               \
		return name;
		WEFTRPC_CODES(WEFTRPC_CODE_CASE)
#undef WEFTRPC_CODE_CASE
	default:
		return NULL;
	}
}
