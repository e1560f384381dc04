/*
 * Prints messages on standard error: lines that start with the program's name.
 */
#pragma once

/* Prints a line, with control characters replaced. */
void message_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
