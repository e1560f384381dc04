/*
 * The daemon's log on standard error.
 * See log.h for what it does and never does.
 */
#include "daemon/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static enum log_level least = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	least = level;
}

void log_message(enum log_level level, const char *format, ...)
{
	char text[1024];
	va_list arguments;
	if (level > least)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	/* A name from a client must not be able to begin a line of its own. */
	for (char *c = text; *c; c++) {
		if ((unsigned char)*c < ' ')
			*c = '?';
	}
	if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>%s\n", level, text);
	else
		fprintf(stderr, "shmimgd: %s\n", text);
}
