/*
 * The terminal that a program writes to: its size, its answers to what it is asked, and its
 * mode, which is given back whatever happens. Never waits without a limit, and asks nothing
 * of a terminal that is in use by another job.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <termios.h>

/* What a terminal says that it can do. All zero: it said nothing. */
struct terminal_traits {
	bool kitty;  /* graphics of the terminal kitty */
	bool shared; /* these from shared memory of this machine */
	bool sixel;
	bool has_background;
	uint8_t background[3];		  /* R G B */
	unsigned cell_width, cell_height; /* pixels; 0 when not said */
};

struct terminal {
	int fd;	       /* open for reading and writing, or -1 */
	bool is_quiet; /* echoes nothing and passes on each byte */
	struct termios before;
	sigset_t mask;
};

struct terminal_size {
	unsigned columns, rows;
	unsigned width, height; /* pixels; 0 when not known */
};

/*
 * Opens the terminal at a descriptor. Returns 0; -ENOTTY when it is none, or -EAGAIN when it
 * is that of another session or job. Then there is nothing to close.
 */
int terminal_open(struct terminal *terminal, int fd);

void terminal_close(struct terminal *terminal);

/*
 * Lets each byte be read at once, unseen. Until terminal_restore() signals that would end or
 * stop the program wait. Returns 0 or a negative errno.
 */
int terminal_quiet(struct terminal *terminal);

void terminal_restore(struct terminal *terminal);

/*
 * Writes a text and reads until what was read has an end in it, at most timeout_ms. Returns
 * the bytes read, or -ETIMEDOUT, -ENOBUFS or another negative errno. answer is a text in any
 * case. The terminal is quiet.
 */
int terminal_ask(const struct terminal *terminal, const char *text,
	bool (*is_whole)(const char *answer), char *answer, size_t size, int timeout_ms);

/* Of the terminal at a descriptor; 80 x 24 when it does not say. */
struct terminal_size terminal_size(int fd);
