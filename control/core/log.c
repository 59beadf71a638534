/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The log of weftd. Every line is one write, so that lines of several threads do not mix. What came
 * from outside (names, messages of the data plane) may be in a line: control characters are
 * replaced, so that nobody can forge a line or move the cursor of who reads it.
 */
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <ccore/log.h>

#define LINE_SIZE 1024

static _Atomic int log_level = LOG_LEVEL_INFO;

static const struct {
	const char *name;
	enum log_level level;
} log_names[] = {
	{"error", LOG_LEVEL_ERROR},
	{"warning", LOG_LEVEL_WARNING},
	{"info", LOG_LEVEL_INFO},
	{"debug", LOG_LEVEL_DEBUG},
};

void log_set_level(enum log_level level)
{
	atomic_store(&log_level, level);
}

enum log_level log_get_level(void)
{
	return atomic_load(&log_level);
}

enum log_level log_level_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof(log_names) / sizeof(log_names[0]); i++)
		if (strcmp(name, log_names[i].name) == 0)
			return log_names[i].level;
	return 0;
}

static const char *level_name(enum log_level level)
{
	for (size_t i = 0; i < sizeof(log_names) / sizeof(log_names[0]); i++)
		if (log_names[i].level == level)
			return log_names[i].name;
	return "info";
}

static size_t write_prefix(char *line, size_t size, enum log_level level)
{
	struct timespec now;
	struct tm tm;
	size_t n;

	if (getenv("JOURNAL_STREAM"))
		return snprintf(line, size, "<%d>", level);
	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	n = strftime(line, size, "%F %T", &tm);
	return n + snprintf(line + n, size - n, ".%03ld %s: ", now.tv_nsec / 1000000,
			   level_name(level));
}

void log_line(enum log_level level, const char *format, ...)
{
	char line[LINE_SIZE];
	size_t n, end;
	ssize_t done;
	va_list ap;
	int text;

	if ((int)level > atomic_load_explicit(&log_level, memory_order_relaxed))
		return;
	n = write_prefix(line, sizeof(line) - 1, level);
	va_start(ap, format);
	text = vsnprintf(line + n, sizeof(line) - 1 - n, format, ap);
	va_end(ap);
	if (text < 0)
		return;
	end = n + text < sizeof(line) - 2 ? n + text : sizeof(line) - 2;
	for (; n < end; n++)
		if ((unsigned char)line[n] < ' ' || line[n] == 0x7f)
			line[n] = '?';
	line[end++] = '\n';
	done = write(STDERR_FILENO, line, end);
	(void)done; /* nobody is left to tell */
}
