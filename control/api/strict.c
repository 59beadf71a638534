/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Strict JSON with characters beyond ASCII (weftrpc/strict.h). Text without them, which is nearly
 * all, is parsed where it is.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <weftrpc/strict.h>

#define ESCAPE_SIZE   6 /* \uXXXX */
#define GROWTH_MAX    3 /* two bytes become six */
#define CHARACTER_MAX 4
#define BEYOND_BMP    0x10000u

static bool is_ascii(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] >= 0x80)
			return false;
	return true;
}

static size_t character_size(unsigned char lead)
{
	if (lead < 0xc0)
		return 1;
	return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

size_t weftrpc_whole_characters(const char *text, size_t len)
{
	for (size_t back = 1; back < CHARACTER_MAX && back <= len; back++) {
		unsigned char b = (unsigned char)text[len - back];

		if (b >= 0xc0)
			return character_size(b) > back ? len - back : len;
		if (b < 0x80)
			break;
	}
	return len;
}

static size_t put_escape(char *out, uint32_t unit)
{
	static const char hex[] = "0123456789abcdef";

	out[0] = '\\';
	out[1] = 'u';
	for (int i = 0; i < 4; i++)
		out[2 + i] = hex[unit >> (12 - 4 * i) & 15];
	return ESCAPE_SIZE;
}

/* One character of n bytes; RFC 8259 section 7 has the surrogate pairs. */
static size_t put_character(char *out, const char *text, size_t n)
{
	uint32_t code = (unsigned char)text[0] & (0xffu >> (n + 1));

	if (n == 1) {
		out[0] = text[0];
		return 1;
	}
	for (size_t i = 1; i < n; i++)
		code = code << 6 | ((unsigned char)text[i] & 0x3f);
	if (code < BEYOND_BMP)
		return put_escape(out, code);
	code -= BEYOND_BMP;
	put_escape(out, 0xd800 + (code >> 10));
	return ESCAPE_SIZE + put_escape(out + ESCAPE_SIZE, 0xdc00 + (code & 0x3ff));
}

static size_t escape(const char *text, size_t len, char *out)
{
	size_t written = 0;

	for (size_t i = 0, n; i < len; i += n) {
		n = character_size((unsigned char)text[i]);
		if (n > len - i)
			n = 1;
		written += put_character(out + written, text + i, n);
	}
	return written;
}

/* How many bytes of text became the first used bytes of its escaped form. */
static size_t unescaped_size(const char *text, size_t len, size_t used)
{
	char scratch[2 * ESCAPE_SIZE];
	size_t i = 0;

	for (size_t written = 0; i < len && written < used;) {
		size_t n = character_size((unsigned char)text[i]);

		if (n > len - i)
			n = 1;
		written += put_character(scratch, text + i, n);
		i += n;
	}
	return i;
}

struct json_object *weftrpc_parse_strict(
	struct json_tokener *t, const char *text, size_t len, size_t *ret_used)
{
	struct json_object *o;
	char *escaped;

	if (is_ascii(text, len)) {
		o = json_tokener_parse_ex(t, text, (int)len);
		*ret_used = json_tokener_get_parse_end(t);
		return o;
	}
	escaped = malloc(len * GROWTH_MAX + 1);
	if (!escaped)
		abort();
	o = json_tokener_parse_ex(t, escaped, (int)escape(text, len, escaped));
	*ret_used = unescaped_size(text, len, json_tokener_get_parse_end(t));
	free(escaped);
	return o;
}
