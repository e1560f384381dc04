/*
 * Each word between two spaces is parsed as a line of its own. A well-formed word says what it is.
 * A word that is not well-formed says nothing of a descriptor unless it has "source=" in it, in any
 * case and encoding, or is "source" alone: then the client may have meant source=fd.
 */
#include "daemon/socket/malformed.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define SOURCE "source"

struct malformed_counts {
	unsigned sources;
	unsigned doubtful; /* words that may have been meant as source=fd */
	unsigned ids;
};

static int malformed_hex(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c ? strchr(digits, c | 0x20) : NULL;
	return found ? (int)(found - digits) : -1;
}

/* Decodes what can be decoded of a word, in place. Returns the new length. */
static size_t malformed_decode(char *word, size_t length)
{
	size_t out = 0;
	for (size_t i = 0; i < length; i++) {
		int high = i + 2 < length ? malformed_hex(word[i + 1]) : -1;
		int low = i + 2 < length ? malformed_hex(word[i + 2]) : -1;
		if (word[i] == '%' && high >= 0 && low >= 0) {
			word[out++] = (char)(high * 16 + low);
			i += 2;
		} else {
			word[out++] = word[i];
		}
	}
	return out;
}

static bool malformed_may_be_source(char *word, size_t length)
{
	const size_t size = strlen(SOURCE);
	length = malformed_decode(word, length);
	if (length == size && strncasecmp(word, SOURCE, size) == 0)
		return true;
	for (size_t i = 0; i + size < length; i++) {
		if (word[i + size] == '=' && strncasecmp(word + i, SOURCE, size) == 0)
			return true;
	}
	return false;
}

/* Reads a word after the verb; the word is changed. */
static void malformed_read_field(const char *word, size_t length, struct malformed *malformed,
	struct malformed_counts *counts)
{
	char text[WIRE_LINE_MAX + 2];
	struct wire_line line;
	text[0] = 'V';
	text[1] = ' ';
	memcpy(text + 2, word, length);
	if (wire_parse(text, length + 2, &line)) {
		memcpy(text, word, length);
		counts->doubtful += malformed_may_be_source(text, length);
		return;
	}
	counts->sources += wire_get(&line, key_to_string(KEY_SOURCE)) != NULL;
	const char *id = wire_get(&line, key_to_string(KEY_ID));
	if (!id)
		return;
	counts->ids++;
	if (request_is_id(id))
		snprintf(malformed->id, sizeof(malformed->id), "%s", id);
}

/* Reads the first word. A verb of capital letters cannot have been meant as a field. */
static void malformed_read_verb(const char *word, size_t length, struct malformed_counts *counts)
{
	char text[WIRE_LINE_MAX];
	memcpy(text, word, length);
	counts->doubtful += malformed_may_be_source(text, length);
}

void malformed_read(const char *text, size_t length, struct malformed *malformed)
{
	struct malformed_counts counts = {0};
	const char *end = memchr(text, ' ', length);
	size_t word = end ? (size_t)(end - text) : length;
	*malformed = (struct malformed){0};
	malformed_read_verb(text, word, &counts);
	while (word < length) {
		text += word + 1;
		length -= word + 1;
		end = memchr(text, ' ', length);
		word = end ? (size_t)(end - text) : length;
		malformed_read_field(text, word, malformed, &counts);
	}
	if (counts.ids != 1)
		*malformed->id = '\0';
	if (counts.doubtful > 0 || counts.sources > 1)
		malformed->claim = CLAIM_UNKNOWN;
	else
		malformed->claim = counts.sources ? CLAIM_ONE : CLAIM_NONE;
}
