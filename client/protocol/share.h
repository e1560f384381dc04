/*
 * Whom an image is shared with: the numbers in segment headers and the words on the wire.
 * Holds the table and nothing else; daemon/user/credentials.h has the rule.
 */
#pragma once

/* Constant, number in segment headers, word on the wire. */
#define SHARE_TABLE(X)           \
	X(PRIVATE, 0, "private") \
	X(GROUP, 1, "group")     \
	X(ALL, 2, "all")

enum share {
#define X(constant, number, word) SHARE_##constant = (number),
	SHARE_TABLE(X)
#undef X
};

const char *share_to_string(enum share share);

/* The share of a word, or -EINVAL. */
int share_from_string(const char *word);
