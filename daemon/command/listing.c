/*
 * The keys of a line are removed after it was written: so each key is written in one place, for
 * STAT and for LIST.
 */
#include "daemon/command/listing.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/base/glob.h"

/* The keys of STAT, those first that are always shown. */
static const char *const key_words[] = {
	"name",
	"owner",
	"format",
	"frames",
	"full-height",
	"full-width",
	"generation",
	"height",
	"holders",
	"keep",
	"lock",
	"offset",
	"orientation",
	"pins",
	"renditions",
	"segment",
	"semaphore",
	"share",
	"size",
	"slot",
	"stride",
	"type",
	"unlinked-bytes",
	"waiters",
	"watch",
	"width",
};

enum { KEY_WORD_COUNT = sizeof(key_words) / sizeof(key_words[0]), ALWAYS_SHOWN = 3 };

_Static_assert(KEY_WORD_COUNT <= 32, "each key has a bit");

void listing_free(struct listing *listing)
{
	if (listing)
		glob_free(listing->glob);
	free(listing);
}

void listing_set_position(struct listing *listing, const char *name, uid_t owner)
{
	listing->has_position = true;
	listing->owner = owner;
	strcpy(listing->name, name);
}

/* The bit of a word of this length, or 0. */
static uint32_t listing_key_bit(const char *word, size_t length)
{
	for (unsigned i = 0; i < KEY_WORD_COUNT; i++) {
		if (strncmp(key_words[i], word, length) == 0 && key_words[i][length] == '\0')
			return UINT32_C(1) << i;
	}
	return 0;
}

uint32_t listing_parse_keys(const char *text)
{
	uint32_t keys = ALWAYS_SHOWN;
	for (;; text++) {
		size_t length = strcspn(text, ",");
		uint32_t bit = listing_key_bit(text, length);
		if (!bit)
			return 0;
		keys |= bit;
		text += length;
		if (!*text)
			return keys;
	}
}

bool listing_shows(const struct listing *listing, const char *key)
{
	return !listing->keys || listing->keys & listing_key_bit(key, strlen(key));
}

void listing_filter(const struct listing *listing, struct wire_writer *line, size_t start)
{
	char *end = line->data + line->length;
	char *field = line->data + start, *kept = field;
	if (!listing->keys || line->full)
		return;
	while (field && field < end) {
		char *next = memchr(field + 1, ' ', (size_t)(end - field - 1));
		size_t length = (size_t)((next ? next : end) - field);
		const char *equals = memchr(field, '=', length);
		if (listing->keys & listing_key_bit(field + 1, (size_t)(equals - field - 1))) {
			memmove(kept, field, length);
			kept += length;
		}
		field = next;
	}
	line->length = (size_t)(kept - line->data);
}
