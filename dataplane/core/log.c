/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Log lines. A line is one write(2), so that lines of several threads do not mix.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <core/log.h>

#define LOG_LINE_MAX 1024

static enum log_level log_limit = LOG_INFO;

static const char *const log_names[] = {
#define LOG_LEVEL_NAME(number, id, name) [number] = name,
	LOG_LEVELS(LOG_LEVEL_NAME)
#undef LOG_LEVEL_NAME
};

void log_set_level(enum log_level level)
{
	log_limit = level;
}

int log_level_by_name(const char *name)
{
	for (unsigned int i = LOG_ERROR; i < sizeof(log_names) / sizeof(log_names[0]); i++) {
		if (strcmp(name, log_names[i]) == 0)
			return i;
	}
	return -EINVAL;
}

static size_t log_prefix(char *line, size_t size, enum log_level level)
{
	struct timespec now;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &tm);
	n += snprintf(line + n, size - n, ".%03ldZ %s ", now.tv_nsec / 1000000, log_names[level]);
	return n;
}

void log_line(enum log_level level, const char *format, ...)
{
	char line[LOG_LINE_MAX];
	size_t n;
	int more;
	va_list args;

	if (level > log_limit)
		return;
	n = log_prefix(line, sizeof(line), level);
	va_start(args, format);
	more = vsnprintf(line + n, sizeof(line) - n, format, args);
	va_end(args);
	if (more > 0)
		n += (size_t)more < sizeof(line) - n ? (size_t)more : sizeof(line) - n - 1;
	line[n++] = '\n'; /* over the terminating zero */
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* nobody listens */
}
