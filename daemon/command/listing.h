/*
 * A listing: how far a LIST has come that several turns work on, and what it shows. The session
 * owns it until the answer is complete.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/protocol/name.h"
#include "client/protocol/wire.h"

struct glob;

struct listing {
	struct glob *glob; /* NULL: all names */
	uint32_t keys;	   /* to be shown, one bit for each; 0: all */
	uint64_t limit;	   /* of the count */
	uint64_t count;	   /* of the images that were shown */
	bool is_complete;  /* only the last line is missing */
	bool has_more;	   /* the limit was reached, and there is another image */
	bool has_position; /* name and owner are those of the last image that was checked */
	uid_t owner;
	char name[NAME_LENGTH_MAX + 1];
};

/* NULL is ignored. */
void listing_free(struct listing *listing);

/* Notes that the images up to this one were checked. */
void listing_set_position(struct listing *listing, const char *name, uid_t owner);

/*
 * Reads a list of keys with commas between. Returns the bits of listing.keys, with those that are
 * always shown; 0 for an unknown key.
 */
uint32_t listing_parse_keys(const char *text);

/* Whether a key is shown. */
bool listing_shows(const struct listing *listing, const char *key);

/* Removes the fields of a line, from a position on, that are not shown. */
void listing_filter(const struct listing *listing, struct wire_writer *line, size_t start);
