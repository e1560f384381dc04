/*
 * Writes EXIF for tests.
 */
#include "config.h"

#include "tests/unit/exif-writer.h"

#include <stdlib.h>

#include "tests/unit/unit.h"

enum { SIZE = 8 + 2 + 3 * 12 + 4 + 2 + 12 + 4 + 10, SECOND = 8 + 2 + 3 * 12 + 4 };

struct writer {
	struct bytes exif;
	bool big_endian;
};

static void put(struct writer *writer, uint32_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++) {
		unsigned shift = 8 * (writer->big_endian ? bytes - 1 - i : i);
		writer->exif.data[writer->exif.size++] = (uint8_t)(value >> shift);
	}
}

/* An entry whose value is of type SHORT or LONG. */
static void put_entry(struct writer *writer, uint32_t tag, uint32_t type, uint32_t value)
{
	put(writer, tag, 2);
	put(writer, type, 2);
	put(writer, 1, 4);
	put(writer, value, type == 3 ? 2 : 4);
	if (type == 3)
		put(writer, 0, 2);
}

struct bytes exif_write(unsigned orientation, bool srgb, bool big_endian)
{
	struct writer writer = {.exif.data = calloc(1, SIZE), .big_endian = big_endian};
	assert_non_null(writer.exif.data);
	put(&writer, big_endian ? 0x4d4d : 0x4949, 2);
	put(&writer, 42, 2);
	put(&writer, 8, 4);
	put(&writer, 3, 2);
	put_entry(&writer, 0x0100, 4, 12345);
	put_entry(&writer, 0x0112, 3, orientation);
	put_entry(&writer, srgb ? 0x8769 : 0x9999, 4, SECOND);
	put(&writer, 0, 4);
	put(&writer, 1, 2);
	put_entry(&writer, 0xa001, 3, 1);
	put(&writer, 0, 4);
	return writer.exif;
}
