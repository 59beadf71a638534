/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages for the operator: one line each on stderr, "TIME LEVEL TEXT". Any thread but a worker
 * in its packet path.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

/* X(number, IDENTIFIER, "name") */
#define LOG_LEVELS(X)                                                                              \
	X(1, ERROR, "error")                                                                       \
	X(2, WARNING, "warning")                                                                   \
	X(3, INFO, "info")                                                                         \
	X(4, DEBUG, "debug")

enum log_level {
#define LOG_LEVEL_ENUM(number, id, name) LOG_##id = number,
	LOG_LEVELS(LOG_LEVEL_ENUM)
#undef LOG_LEVEL_ENUM
};

/* Lines above the level are left out; the default is info. */
void log_set_level(enum log_level level);
/* The level with that name, or -EINVAL. */
int log_level_by_name(const char *name);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)	 log_line(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...)	 log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	 log_line(LOG_DEBUG, __VA_ARGS__)

#endif
