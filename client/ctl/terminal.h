/*
 * The terminal that a program writes to: its size, its mode, and its answers to questions. No call
 * waits without a limit. A terminal that another job uses is not opened.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

/* What a terminal reports about itself. All zero: it reported nothing. */
struct terminal_traits {
	bool kitty;  /* kitty's graphics protocol */
	bool shared; /* the same from this machine's shared memory */
	bool sixel;
	bool has_background;
	uint8_t background[3];		  /* R G B */
	unsigned cell_width, cell_height; /* pixels; 0: not reported */
};

struct terminal {
	int fd;	       /* open for reading and writing, or -1 */
	bool is_quiet; /* no echo, and each byte can be read at once */
	struct termios before;
	sigset_t mask;
};

struct terminal_size {
	unsigned columns, rows;
	unsigned width, height; /* pixels; 0: not known */
};

/*
 * Opens the terminal of a descriptor. Returns 0, -ENOTTY if it is not a terminal, or -EAGAIN if
 * another session or job uses it. On an error there is nothing to close.
 */
int terminal_open(struct terminal *terminal, int fd);

void terminal_close(struct terminal *terminal);

/*
 * Turns echo and line editing off until terminal_restore(). Until then it blocks the signals that
 * would end or stop the program. Returns 0 or a negative errno.
 */
int terminal_quiet(struct terminal *terminal);

void terminal_restore(struct terminal *terminal);

/*
 * Writes a text and reads the answer until it is whole, at most timeout_ms. Returns the bytes read,
 * or -ETIMEDOUT, -ENOBUFS or another negative errno; answer is a string in every case. Call
 * terminal_quiet() first.
 */
int terminal_ask(const struct terminal *terminal, const char *text,
	bool (*is_whole)(const char *answer), char *answer, size_t size, int timeout_ms);

/* The size of the terminal of a descriptor; 80 x 24 if it is not known. */
struct terminal_size terminal_size(int fd);
