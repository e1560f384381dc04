/*
 * How long the daemon keeps an image that no client has pinned: the numbers in segment
 * headers and on the board, and the words on the wire. Holds the table and nothing else.
 */
#pragma once

/* Constant, number in segment headers, word on the wire. */
#define KEEP_TABLE(X)          \
	X(CACHE, 0, "cache")   \
	X(PINNED, 1, "pinned") \
	X(ATTACHED, 2, "attached")

enum keep {
#define X(constant, number, word) KEEP_##constant = (number),
	KEEP_TABLE(X)
#undef X
};

const char *keep_to_string(enum keep keep);

/* The lifetime of a word, or -EINVAL. */
int keep_from_string(const char *word);
