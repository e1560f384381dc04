/*
 * Records of the daemon's, printed: as JSON with the protocol's keys, or as aligned lines
 * for people, with sizes and times that they can read. Knows no command.
 */
#pragma once

#include <stdbool.h>

#include "client/ctl/json.h"
#include "client/include/shmimg.h"

/*
 * Prints a record on standard output. With keys not NULL only these, in their order, up to
 * a NULL; a key that the record lacks is left out.
 */
void record_print(const shmimg_record *record, const char *const *keys, bool json);

/* Adds a record, or these keys of it, to a JSON object. */
void record_add_json(const shmimg_record *record, const char *const *keys, struct json *json);

/* The keys of FETCH, for both. */
extern const char *const record_fetch_keys[];

/*
 * What a person reads for a value: exact, and with "31.6 MiB" or a user's name beside it
 * where that helps.
 */
void record_value(const char *key, const char *value, char *out, size_t size);
