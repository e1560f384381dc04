/*
 * Messages on standard error.
 */
#include "client/ctl/message.h"

#include <stdarg.h>
#include <stdio.h>

#include "client/ctl/text.h"

void message_print(const char *format, ...)
{
	char line[8192];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	text_make_safe(line);
	fprintf(stderr, "shmimgctl: %s\n", line);
}
