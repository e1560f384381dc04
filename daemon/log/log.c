/*
 * The daemon's log.
 */
#include "daemon/log/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/log/journal.h"
#include "daemon/log/limit.h"

enum { TEXT_SIZE = 1024 };

static enum log_level least = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	least = level;
}

/* A name from a client must not be able to begin a line of its own, nor steer a terminal. */
static void log_make_safe(char *text)
{
	for (char *c = text; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
}

/* SGR parameters (ECMA-48) of a level on a terminal, or "" elsewhere. */
static const char *log_colour(enum log_level level)
{
	static const char *const colours[] = {
		[LOG_LEVEL_ERROR] = "1;31",
		[LOG_LEVEL_WARNING] = "33",
		[LOG_LEVEL_NOTICE] = "1",
		[LOG_LEVEL_INFO] = "",
	};
	const char *refused = getenv("NO_COLOR");
	return (refused && *refused) || !isatty(STDERR_FILENO) ? "" : colours[level];
}

static void log_print(const struct log_entry *entry, const char *text)
{
	const char *begin = log_colour(entry->level);
	if (journal_send(entry, text))
		return;
	if (*begin)
		fprintf(stderr, "shmimgd: \033[%sm%s\033[0m\n", begin, text);
	else
		fprintf(stderr, "shmimgd: %s\n", text);
}

/* Says with the last message of a kind that is let through that it is the last. */
static void log_print_limited(const struct log_entry *entry, const char *text)
{
	char last[TEXT_SIZE];
	uid_t uid = entry->client ? entry->client->uid : 0;
	switch (log_limit_count(entry->kind, uid, clock_now_seconds())) {
	case LOG_LIMIT_LAST:
		log_print(entry, text);
		snprintf(last, sizeof(last),
			"more like the last message, because of user %u, is not logged for %d "
			"seconds",
			uid, LOG_LIMIT_SECONDS);
		log_print(entry, last);
		break;
	case LOG_LIMIT_BELOW:
		log_print(entry, text);
		break;
	case LOG_LIMIT_ABOVE:
		break;
	}
}

void log_write(const struct log_entry *entry, const char *format, ...)
{
	char text[TEXT_SIZE];
	va_list arguments;
	if (entry->level > least)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	log_make_safe(text);
	if (entry->kind == LOG_PLAIN)
		log_print(entry, text);
	else
		log_print_limited(entry, text);
}
