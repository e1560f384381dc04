/*
 * Standard error, as the log's stream of lines. Whoever should read it may not: no line waits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { STREAM_LINE_MAX = 2048 };

/* Writes a line of at most STREAM_LINE_MAX bytes. Returns false when it cannot be written now. */
bool stream_write(char *line, size_t length);
