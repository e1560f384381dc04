/*
 * A message goes to the journal where standard error leads to it (journal.c), else to standard
 * error. Messages of a kind are counted for each user (limit.c): a client that causes thousands of
 * them fills neither the disk nor the view of an administrator.
 *
 * No message waits until somebody reads it: what cannot be written at once is lost, and counted.
 * The next message that can be written comes after one that tells how many were lost.
 */
#include "daemon/log/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/log/journal.h"
#include "daemon/log/limit.h"
#include "daemon/log/stream.h"

enum { TEXT_SIZE = 1024 };

_Static_assert(TEXT_SIZE + 64 <= STREAM_LINE_MAX, "a text fits into a line, with its colour");

static enum log_level log_level_max = LOG_LEVEL_INFO;
static uint64_t log_lost_count, log_lost_unreported; /* messages */

void log_set_level(enum log_level level)
{
	log_level_max = level;
}

uint64_t log_lost(void)
{
	return log_lost_count;
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

static bool log_put_on_stream(const struct log_entry *entry, const char *text)
{
	char line[STREAM_LINE_MAX];
	const char *colour = log_colour(entry->level);
	int length =
		*colour ? snprintf(line, sizeof(line), "shmimgd: \033[%sm%s\033[0m\n", colour, text)
			: snprintf(line, sizeof(line), "shmimgd: %s\n", text);
	return stream_write(line, (size_t)length);
}

/* Returns whether the message is not lost. */
static bool log_put(const struct log_entry *entry, const char *text)
{
	enum journal_result result = journal_send(entry, text);
	return result == JOURNAL_NONE ? log_put_on_stream(entry, text) : result == JOURNAL_SENT;
}

static bool log_put_lost(void)
{
	char text[TEXT_SIZE];
	snprintf(text, sizeof(text),
		"%" PRIu64 " messages were lost: the log could not be written at once",
		log_lost_unreported);
	return log_put(&(struct log_entry){LOG_ENTRY(WARNING, PLAIN)}, text);
}

static void log_print(const struct log_entry *entry, const char *text)
{
	if (log_lost_unreported > 0 && log_put_lost())
		log_lost_unreported = 0;
	if (log_lost_unreported == 0 && log_put(entry, text))
		return;
	log_lost_unreported++;
	log_lost_count++;
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
