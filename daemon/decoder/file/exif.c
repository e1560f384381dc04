/*
 * EXIF.
 *
 * EXIF is a TIFF file: directories of entries, each with a tag, a type and a value or an offset.
 * Only single numbers are read, which lie in the entry itself, from two directories at most: the
 * first one, and the one that its EXIF tag points to. So no chain of offsets is followed and there
 * is no loop. A number outside of the data is 0.
 */
#include "config.h"

#include "daemon/decoder/file/exif.h"

enum { TAG_ORIENTATION = 0x0112, TAG_EXIF = 0x8769, TAG_COLOR_SPACE = 0xa001 };
enum { TYPE_SHORT = 3, TYPE_LONG = 4, ENTRY_SIZE = 12 };

struct tiff {
	const uint8_t *data;
	size_t size;
	bool little_endian;
};

/* A number of 2 or 4 bytes, or 0 if it is not inside the data. */
static uint32_t exif_number(const struct tiff *tiff, uint64_t at, unsigned bytes)
{
	if (at > tiff->size || tiff->size - at < bytes)
		return 0;
	uint32_t value = 0;
	for (unsigned i = 0; i < bytes; i++) {
		unsigned from = tiff->little_endian ? bytes - 1 - i : i;
		value = value << 8 | tiff->data[at + from];
	}
	return value;
}

/* The single value of a tag in the directory at an offset, or 0. */
static uint32_t exif_value_of(const struct tiff *tiff, uint32_t directory, uint32_t tag)
{
	uint32_t count = exif_number(tiff, directory, 2);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t entry = (uint64_t)directory + 2 + (uint64_t)i * ENTRY_SIZE;
		if (entry + ENTRY_SIZE > tiff->size)
			break;
		if (exif_number(tiff, entry, 2) != tag || exif_number(tiff, entry + 4, 4) != 1)
			continue;
		uint32_t type = exif_number(tiff, entry + 2, 2);
		if (type == TYPE_SHORT || type == TYPE_LONG)
			return exif_number(tiff, entry + 8, type == TYPE_SHORT ? 2 : 4);
	}
	return 0;
}

struct exif exif_read(const uint8_t *data, size_t size)
{
	struct exif exif = {.orientation = 1};
	struct tiff tiff = {data, size, size > 0 && data[0] == 'I'};
	if (size < 8 || data[0] != data[1] || (data[0] != 'I' && data[0] != 'M') ||
		exif_number(&tiff, 2, 2) != 42)
		return exif;
	uint32_t directory = exif_number(&tiff, 4, 4);
	uint32_t orientation = exif_value_of(&tiff, directory, TAG_ORIENTATION);
	if (orientation >= 1 && orientation <= 8)
		exif.orientation = orientation;
	uint32_t second = exif_value_of(&tiff, directory, TAG_EXIF);
	exif.srgb = second && exif_value_of(&tiff, second, TAG_COLOR_SPACE) == 1;
	return exif;
}
