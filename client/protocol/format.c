/*
 * Pixel formats.
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

const char *format_to_string(enum format format)
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

int format_from_string(const char *word)
{
	for (int i = 0; i < FORMAT_COUNT; i++) {
		if (strcmp(formats[i].word, word) == 0)
			return i;
	}
	return -EINVAL;
}

bool format_is_grey(enum format format)
{
	return format == FORMAT_GRAY8 || format == FORMAT_GRAY16;
}

bool format_is_wide(enum format format)
{
	return format == FORMAT_RGBA16 || format == FORMAT_GRAY16;
}

bool format_has_alpha(enum format format)
{
	return format == FORMAT_RGBA8 || format == FORMAT_RGBA16 || format == FORMAT_BGRA8_PREMUL;
}

/* Grey of colour is the codec's own work, and what has been premultiplied stays so. */
bool format_keeps(enum format from, enum format to, enum format native)
{
	if (format_pixel_bytes(from) == 0 || format_pixel_bytes(to) == 0)
		return false;
	if (from == to)
		return true;
	if (!format_is_grey(native) && (format_is_grey(from) || format_is_grey(to)))
		return false;
	bool wide = format_is_wide(to);
	if (format_has_alpha(native)) {
		if (from == FORMAT_BGRA8_PREMUL ||
			(format_has_alpha(to) && !format_has_alpha(from)))
			return false;
		wide = wide || to == FORMAT_BGRA8_PREMUL; /* multiplied before it is rounded */
	}
	return !(format_is_wide(native) && wide && !format_is_wide(from));
}
