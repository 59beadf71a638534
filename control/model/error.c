/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fills in what is wrong with a request.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include <model/error.h>
#include <model/object.h>

int model_fail(struct model_error *err, enum model_error_code code, const struct object *o,
	const char *field, const char *format, ...)
{
	va_list ap;

	if (!err)
		return -EINVAL;
	err->code = code;
	err->object[0] = '\0';
	if (o)
		snprintf(err->object, sizeof(err->object), "%s %s", model_kind_name(o->kind),
			o->name ? o->name : "without a name");
	snprintf(err->field, sizeof(err->field), "%s", field ? field : "");
	va_start(ap, format);
	vsnprintf(err->text, sizeof(err->text), format, ap);
	va_end(ap);
	return -EINVAL;
}
