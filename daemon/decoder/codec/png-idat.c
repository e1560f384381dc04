/*
 * The chunks of a PNG file from its first IDAT on.
 *
 * A chunk is length, name, data and CRC. Data is taken from the buffer of the input as it comes,
 * with the CRC computed by ISA-L on the way, so that chunks of any length need no memory. -EBADMSG
 * stands for everything that is not plainly right, also where libpng would only warn: libpng
 * decides then.
 */
#include "config.h"

#include "daemon/decoder/codec/png-idat.h"

#include <errno.h>
#include <string.h>

#include <isa-l/crc.h>
#include <png.h>

#include "daemon/decoder/file/input.h"

enum { HEAD = 8, SUM = 4 };

static bool png_idat_is_named(const struct png_idat *idat, const char *name)
{
	return memcmp(idat->name, name, sizeof(idat->name)) == 0;
}

static int png_idat_set_head(struct png_idat *idat, const uint8_t *head)
{
	idat->left = png_get_uint_32(head);
	memcpy(idat->name, head + 4, sizeof(idat->name));
	idat->crc = crc32_gzip_refl(0, idat->name, sizeof(idat->name));
	return idat->left > PNG_UINT_31_MAX ? -EBADMSG : 0;
}

/* Reads up to size bytes of the chunk's data; to may be NULL. Returns how many, or -EBADMSG. */
static ssize_t png_idat_read_data(struct png_idat *idat, uint8_t *to, size_t size)
{
	const uint8_t *bytes;
	ssize_t got = input_peek(idat->input, &bytes);
	if (got <= 0)
		return -EBADMSG;
	size_t part = (size_t)got < idat->left ? (size_t)got : idat->left;
	part = part < size ? part : size;
	if (to)
		memcpy(to, bytes, part);
	idat->crc = crc32_gzip_refl(idat->crc, bytes, part);
	idat->left -= (uint32_t)part;
	input_skip(idat->input, part);
	return (ssize_t)part;
}

/* Compares the CRC of a chunk whose data was read. */
static int png_idat_check(struct png_idat *idat)
{
	uint8_t sum[SUM];
	if (input_read(idat->input, sum, SUM) < 0 || png_get_uint_32(sum) != idat->crc)
		return -EBADMSG;
	return 0;
}

/* Goes on to the next chunk. */
static int png_idat_advance(struct png_idat *idat)
{
	uint8_t head[HEAD];
	if (png_idat_check(idat) < 0 || input_read(idat->input, head, HEAD) < 0)
		return -EBADMSG;
	return png_idat_set_head(idat, head);
}

int png_idat_begin(struct png_idat *idat, struct input *input)
{
	uint8_t head[HEAD];
	uint64_t offset = input_position(input);
	*idat = (struct png_idat){.input = input};
	if (offset < HEAD || input_read_at(input, offset - HEAD, head, HEAD) < 0 ||
		png_idat_set_head(idat, head) < 0)
		return -EBADMSG;
	return png_idat_is_named(idat, "IDAT") ? 0 : -EBADMSG;
}

ssize_t png_idat_read(struct png_idat *idat, uint8_t *to, size_t size)
{
	size_t done = 0;
	while (done < size && !idat->ended) {
		ssize_t got = 0;
		if (idat->left > 0)
			got = png_idat_read_data(idat, to + done, size - done);
		else if (png_idat_advance(idat) < 0)
			got = -EBADMSG;
		else
			idat->ended = !png_idat_is_named(idat, "IDAT");
		if (got < 0)
			return got;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

static bool png_idat_is_letter(uint8_t byte)
{
	return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

/* Whether a chunk may come after the pixels. */
static bool png_idat_may_follow(const struct png_idat *idat)
{
	for (size_t i = 0; i < sizeof(idat->name); i++) {
		if (!png_idat_is_letter(idat->name[i]))
			return false;
	}
	return !png_idat_is_named(idat, "IHDR") && !png_idat_is_named(idat, "IDAT");
}

int png_idat_finish(struct png_idat *idat)
{
	for (;;) {
		if (!png_idat_may_follow(idat))
			return -EBADMSG;
		while (idat->left > 0) {
			if (png_idat_read_data(idat, NULL, idat->left) < 0)
				return -EBADMSG;
		}
		if (png_idat_is_named(idat, "IEND"))
			return png_idat_check(idat);
		if (png_idat_advance(idat) < 0)
			return -EBADMSG;
	}
}
