/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The log of weftd: one line per event to standard error. Under systemd (JOURNAL_STREAM is set)
 * each line starts with its priority as sd-daemon(3) says, else with the local time. Not for
 * libraries that return errors: whoever handles an error logs it. Any thread.
 */
#ifndef CCORE_LOG_H
#define CCORE_LOG_H

/* Numbers are those of syslog(3). */
enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};

/* Lines above this level are not written; INFO at start. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
/* "error", "warning", "info", "debug"; 0 when it is none of them. */
enum log_level log_level_by_name(const char *name);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)	 log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	 log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	 log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
