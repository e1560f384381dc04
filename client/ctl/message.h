/*
 * What shmimgctl says on standard error: lines that begin with its name. Knows no failure
 * and ends nothing.
 */
#pragma once

/* Prints a line; what a terminal must not get is replaced. */
void message_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
