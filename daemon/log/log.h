/*
 * The daemon's log: messages of one line, to the journal with their fields, or else to standard
 * error, with colours on a terminal. A client can cause only a limited number of messages. The log
 * never waits. No message says what an image shows.
 */
#pragma once

#include "daemon/log/entry.h"

/* Messages that are less urgent than level are not logged from now on. */
void log_set_level(enum log_level level);

/* The text is cut at 1023 bytes; '?' takes the place of control characters. */
void log_write(const struct log_entry *entry, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The number of messages that were lost because they could not be written at once. */
uint64_t log_lost(void);

#define log_error(...)	 log_write(&(struct log_entry){LOG_ENTRY(ERROR, PLAIN)}, __VA_ARGS__)
#define log_warning(...) log_write(&(struct log_entry){LOG_ENTRY(WARNING, PLAIN)}, __VA_ARGS__)
#define log_notice(...)	 log_write(&(struct log_entry){LOG_ENTRY(NOTICE, PLAIN)}, __VA_ARGS__)
#define log_info(...)	 log_write(&(struct log_entry){LOG_ENTRY(INFO, PLAIN)}, __VA_ARGS__)
