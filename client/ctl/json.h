/*
 * JSON (RFC 8259): one object of texts and numbers at a time, on one line of its own.
 * Knows no key but "name", whose value is a text even if it is made of digits.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct json {
	FILE *out;
	bool begun;
};

void json_begin(struct json *json, FILE *out);

/* Adds a key; a value of digits alone is written as a number. */
void json_add(struct json *json, const char *key, const char *value);

/* Ends the object and its line. */
void json_end(struct json *json);

/* Whether a value is written as a number: digits, without a leading zero. */
bool json_is_number(const char *key, const char *value);
