/*
 * Prints records of the daemon: as JSON with the protocol's keys, or as aligned lines with readable
 * sizes and times.
 */
#pragma once

#include <stdbool.h>

#include "client/ctl/json.h"
#include "client/include/shmimg.h"

/*
 * Prints a record on standard output. keys: only these keys, in this order, up to a NULL; NULL: all
 * keys. Keys that the record lacks are left out.
 */
void record_print(const shmimg_record *record, const char *const *keys, bool json);

/* Adds a record to a JSON object; keys as above. */
void record_add_json(const shmimg_record *record, const char *const *keys, struct json *json);

/* The keys of FETCH. */
extern const char *const record_fetch_keys[];

/*
 * Writes a value for the user: the exact value, and "31.6 MiB" or a user's name beside it where
 * that helps.
 */
void record_value(const char *key, const char *value, char *out, size_t size);
