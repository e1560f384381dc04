/*
 * A message goes to the journal where standard error leads to it (journal.c), else to standard
 * error. Messages of a kind are counted for each user (limit.c): a client that causes thousands of
 * them fills neither the disk nor the view of an administrator.
 */
#include "daemon/log/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/log/journal.h"
#include "daemon/log/limit.h"

enum { TEXT_SIZE = 1024 };

static enum log_level log_level_max = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	log_level_max = level;
}

/* A name that a client chose must not begin a new line, or control a terminal. */
static void log_make_safe(char *text)
{
	for (char *c = text; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
}

/* SGR parameters (ECMA-48) of a level on a terminal; "" without colours. */
static const char *log_colour(enum log_level level)
{
	static const char *const colours[] = {
		[LOG_LEVEL_ERROR] = "1;31",
		[LOG_LEVEL_WARNING] = "33",
		[LOG_LEVEL_NOTICE] = "1",
		[LOG_LEVEL_INFO] = "",
	};
	const char *no_color = getenv("NO_COLOR");
	return (no_color && *no_color) || !isatty(STDERR_FILENO) ? "" : colours[level];
}

static void log_print(const struct log_entry *entry, const char *text)
{
	const char *colour = log_colour(entry->level);
	if (journal_send(entry, text))
		return;
	if (*colour)
		fprintf(stderr, "shmimgd: \033[%sm%s\033[0m\n", colour, text);
	else
		fprintf(stderr, "shmimgd: %s\n", text);
}

/* The last message before the limit is followed by a message that says so. */
static void log_print_limited(const struct log_entry *entry, const char *text)
{
	char notice[TEXT_SIZE];
	uid_t uid = entry->client ? entry->client->uid : 0;
	switch (log_limit_count(entry->kind, uid, clock_now_seconds())) {
	case LOG_LIMIT_LAST:
		log_print(entry, text);
		snprintf(notice, sizeof(notice),
			"further messages like the last one, because of user %u, are not logged "
			"for %d seconds",
			uid, LOG_LIMIT_SECONDS);
		log_print(entry, notice);
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
	if (entry->level > log_level_max)
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
