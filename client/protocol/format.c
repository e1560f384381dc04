/*
 * Pixel formats.
 * See format.h for what it does and never does.
 */
#include "client/protocol/format.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct {
	const char *word;
	unsigned bytes;
	uint32_t fourcc;
} formats[FORMAT_COUNT] = {[FORMAT_NATIVE] = {"native", 0, 0},
#define X(constant, number, word, bytes, fourcc) [number] = {word, bytes, fourcc},
	FORMAT_TABLE(X)
#undef X
};

const char *format_word(enum format format)
{
	return (unsigned)format < FORMAT_COUNT ? formats[format].word : NULL;
}

unsigned format_pixel_bytes(enum format format)
{
	return (unsigned)format < FORMAT_COUNT ? formats[format].bytes : 0;
}

uint32_t format_fourcc(enum format format)
{
	return (unsigned)format < FORMAT_COUNT ? formats[format].fourcc : 0;
}

int format_find(const char *word)
{
	for (int i = 0; i < FORMAT_COUNT; i++) {
		if (strcmp(formats[i].word, word) == 0)
			return i;
	}
	return -EINVAL;
}
