/*
 * Writes JSON (RFC 8259): objects of strings and numbers, one a line. The value of "name" is always
 * a string, even if it has only digits.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

struct json {
	FILE *out;
	bool begun;
};

void json_begin(struct json *json, FILE *out);

/* Adds a key; a value that json_is_number() is written as a number. */
void json_add(struct json *json, const char *key, const char *value);

/* Ends the object and its line. */
void json_end(struct json *json);

/* Whether a value is written as a number: digits, without a leading zero. */
bool json_is_number(const char *key, const char *value);
