/* SPDX-License-Identifier: BSD-3-Clause */
#include "json.h"

static void write_text(struct json *j, const char *text)
{
	fputc('"', j->f);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(j->f, "\\%c", *text);
		else if ((unsigned char)*text < ' ')
			fprintf(j->f, "\\u%04x", *text);
		else
			fputc(*text, j->f);
	}
	fputc('"', j->f);
}

void json_key(struct json *j, const char *key)
{
	if (j->more)
		fputc(',', j->f);
	j->more = true;
	if (!key)
		return;
	write_text(j, key);
	fputc(':', j->f);
}

void json_open(struct json *j, const char *key, char bracket)
{
	json_key(j, key);
	fputc(bracket, j->f);
	j->more = false;
}

void json_close(struct json *j, char bracket)
{
	fputc(bracket, j->f);
	j->more = true;
}

void json_string(struct json *j, const char *key, const char *text)
{
	json_key(j, key);
	write_text(j, text);
}

void json_count(struct json *j, const char *key, uint64_t v)
{
	json_key(j, key);
	fprintf(j->f, "%llu", (unsigned long long)v);
}

void json_real(struct json *j, const char *key, double v)
{
	json_key(j, key);
	fprintf(j->f, "%.9g", v);
}

void json_bool(struct json *j, const char *key, bool v)
{
	json_key(j, key);
	fputs(v ? "true" : "false", j->f);
}
